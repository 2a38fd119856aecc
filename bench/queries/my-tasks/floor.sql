SELECT json_build_object('tasks', json_build_object('nodes', coalesce(json_agg(json_build_object(
    'id', t.id, 'title', t.title, 'status', t.status, 'priority', t.priority, 'dueAt', t.due_at)), '[]')))
FROM (
    SELECT t.id, t.title, t.status, t.priority, t.due_at
    FROM app.task_assignees a
    JOIN app.tasks t ON t.organization_id = a.organization_id AND t.id = a.task_id
    WHERE a.organization_id = :organization::uuid AND a.user_id = :userId::uuid
        AND t.status IN ('backlog', 'todo', 'in_progress', 'in_review')
    ORDER BY CASE t.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
        coalesce(t.due_at, 'infinity'::timestamptz), t.id
    LIMIT 20
) t;
