SELECT json_build_object('clients', json_build_object('nodes', coalesce(json_agg(json_build_object(
    'id', c.id, 'name', c.name, 'status', c.status,
    'projects', json_build_object('nodes', p.nodes),
    'invoices', json_build_object('nodes', i.nodes))), '[]')))
FROM (
    SELECT id, name, status FROM app.clients
    WHERE organization_id = :organization::uuid
    ORDER BY created_at DESC, id DESC LIMIT 20
) c
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object(
        'id', p.id, 'name', p.name, 'status', p.status,
        'tasks', json_build_object('nodes', t.nodes))), '[]') AS nodes
    FROM (
        SELECT id, name, status FROM app.projects
        WHERE organization_id = :organization::uuid AND client_id = c.id
        ORDER BY created_at DESC, id DESC LIMIT 5
    ) p
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'id', t.id, 'title', t.title, 'status', t.status, 'priority', t.priority, 'dueAt', t.due_at)), '[]') AS nodes
        FROM (
            SELECT id, title, status, priority, due_at FROM app.tasks
            WHERE organization_id = :organization::uuid AND project_id = p.id
            ORDER BY position, id LIMIT 10
        ) t
    ) t
) p
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object(
        'id', i.id, 'number', i.number, 'status', i.status, 'issueDate', i.issue_date,
        'total', json_build_object(
            'amount', CASE i.currency
                WHEN 'JPY' THEN i.total::text
                WHEN 'BHD' THEN (i.total / 1000.0)::numeric(20, 3)::text
                ELSE (i.total / 100.0)::numeric(20, 2)::text END,
            'currency', i.currency))), '[]') AS nodes
    FROM (
        SELECT id, number, status, issue_date, total, currency FROM app.invoices
        WHERE organization_id = :organization::uuid AND client_id = c.id
        ORDER BY issue_date DESC, id DESC LIMIT 5
    ) i
) i;
