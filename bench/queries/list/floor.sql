SELECT json_build_object('clients', json_build_object('nodes', coalesce(json_agg(json_build_object(
    'id', c.id, 'name', c.name, 'status', c.status)), '[]')))
FROM (
    SELECT id, name, status FROM app.clients
    WHERE organization_id = :organization::uuid
    ORDER BY created_at DESC, id DESC LIMIT 20
) c;
