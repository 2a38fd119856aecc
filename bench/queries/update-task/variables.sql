-- The title does not change, so the data is the same after the benchmark.
SELECT json_build_object('id', 'task:' || t.id, 'title', t.title)
FROM (SELECT id, title FROM app.tasks WHERE organization_id = :organization ORDER BY md5(id::text) LIMIT 500) t;
