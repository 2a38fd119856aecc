-- The client with the most projects, because its page is the longest.
SELECT json_build_object('id', 'client:' || p.client_id)
FROM app.projects p
WHERE p.organization_id = :organization AND p.client_id IS NOT NULL
GROUP BY p.client_id
ORDER BY count(*) DESC, p.client_id
LIMIT 1;
