SELECT json_build_object('client', json_build_object(
    'id', c.id, 'name', c.name, 'email', c.email, 'phone', c.phone, 'company', c.company, 'status', c.status,
    'notes', c.notes, 'projects', json_build_object('nodes', p.nodes), 'invoices', json_build_object('nodes', i.nodes)))
FROM app.clients c
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object(
        'id', p.id, 'name', p.name, 'status', p.status, 'dueDate', p.due_date,
        'tasks', json_build_object('nodes', t.nodes))), '[]') AS nodes
    FROM (
        SELECT id, name, status, due_date FROM app.projects
        WHERE organization_id = :organization::uuid AND client_id = c.id
        ORDER BY created_at DESC, id DESC LIMIT 10
    ) p
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'id', t.id, 'title', t.title, 'status', t.status, 'priority', t.priority, 'dueAt', t.due_at,
            'assignees', a.members)), '[]') AS nodes
        FROM (
            SELECT id, title, status, priority, due_at FROM app.tasks
            WHERE organization_id = :organization::uuid AND project_id = p.id
                AND status IN ('backlog', 'todo', 'in_progress', 'in_review')
            ORDER BY position, id LIMIT 10
        ) t
        CROSS JOIN LATERAL (
            SELECT coalesce(json_agg(json_build_object('userId', u.id, 'name', u.name)), '[]') AS members
            FROM (
                SELECT u.id, u.name
                FROM app.task_assignees a JOIN auth.users u ON u.id = a.user_id
                WHERE a.organization_id = :organization::uuid AND a.task_id = t.id
                ORDER BY a.created_at, a.id
            ) u
        ) a
    ) t
) p
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object(
        'id', i.id, 'number', i.number, 'status', i.status, 'issueDate', i.issue_date, 'dueDate', i.due_date,
        'total', json_build_object(
            'amount', CASE i.currency
                WHEN 'JPY' THEN i.total::text
                WHEN 'BHD' THEN (i.total / 1000.0)::numeric(20, 3)::text
                ELSE (i.total / 100.0)::numeric(20, 2)::text END,
            'currency', i.currency))), '[]') AS nodes
    FROM (
        SELECT id, number, status, issue_date, due_date, total, currency FROM app.invoices
        WHERE organization_id = :organization::uuid AND client_id = c.id
        ORDER BY issue_date DESC, id DESC LIMIT 10
    ) i
) i
WHERE c.organization_id = :organization::uuid AND c.id = :id::uuid;
