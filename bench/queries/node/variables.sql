-- Tasks from all over the organization, so that not one page of the table is read again and again.
SELECT json_build_object('id', 'task:' || t.id)
FROM (SELECT id FROM app.tasks WHERE organization_id = :organization ORDER BY md5(id::text) LIMIT 500) t;
