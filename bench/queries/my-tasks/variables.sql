-- The member with the most tasks.
SELECT json_build_object('userId', 'user:' || a.user_id)
FROM app.task_assignees a
WHERE a.organization_id = :organization
GROUP BY a.user_id
ORDER BY count(*) DESC, a.user_id
LIMIT 1;
