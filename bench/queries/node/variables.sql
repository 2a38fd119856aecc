-- Tasks from the whole organization, so that requests do not read the same page of the table again and again.
SELECT json_build_object('id', 'task:' || t.id)
FROM (SELECT id FROM app.tasks WHERE organization_id = :organization ORDER BY md5(id::text) LIMIT 500) t;
