SELECT json_build_object('projectId', 'project:' || p.id)
FROM (SELECT id FROM app.projects WHERE organization_id = :organization ORDER BY md5(id::text) LIMIT 200) p;
