SELECT json_build_object('invoices', json_build_object('nodes', coalesce(json_agg(json_build_object(
    'client', CASE WHEN c.id IS NOT NULL THEN json_build_object('projects', json_build_object('nodes', p.nodes)) END,
    'project', CASE WHEN q.id IS NOT NULL THEN json_build_object(
        'client', CASE WHEN d.id IS NOT NULL THEN json_build_object('name', d.name) END) END)), '[]')))
FROM (
    SELECT id, client_id, project_id FROM app.invoices
    WHERE organization_id = :organization::uuid
    ORDER BY issue_date DESC, id DESC LIMIT 20
) i
LEFT JOIN app.clients c ON c.organization_id = :organization::uuid AND c.id = i.client_id
LEFT JOIN app.projects q ON q.organization_id = :organization::uuid AND q.id = i.project_id
LEFT JOIN app.clients d ON d.organization_id = :organization::uuid AND d.id = q.client_id
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(json_build_object('tasks', json_build_object('nodes', t.nodes))), '[]') AS nodes
    FROM (
        SELECT id FROM app.projects
        WHERE organization_id = :organization::uuid AND client_id = i.client_id
        ORDER BY created_at DESC, id DESC LIMIT 3
    ) p
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object('id', t.id)), '[]') AS nodes
        FROM (
            SELECT id FROM app.tasks
            WHERE organization_id = :organization::uuid AND project_id = p.id
            ORDER BY position, id LIMIT 3
        ) t
    ) t
) p;
