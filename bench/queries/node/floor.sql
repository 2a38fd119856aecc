SELECT json_build_object('node', json_build_object(
    'id', id, 'title', title, 'status', status, 'priority', priority, 'dueAt', due_at))
FROM app.tasks
WHERE organization_id = :organization::uuid AND id = :id::uuid;
