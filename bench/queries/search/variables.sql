-- What people type: a word of a task, two of them, the beginning of one, two words of different tasks, and a client's name.
WITH task AS (SELECT id, title FROM app.tasks WHERE organization_id = :organization ORDER BY md5(id::text) LIMIT 100),
word AS (SELECT t.id, w.word, w.n, row_number() OVER (PARTITION BY t.id ORDER BY w.n DESC) AS last
    FROM task t, regexp_split_to_table(t.title, '\s+') WITH ORDINALITY AS w (word, n))
SELECT json_build_object('words', words) FROM (
    SELECT word AS words FROM word WHERE n = 1
    UNION ALL SELECT a.word || ' ' || b.word FROM word a JOIN word b ON b.id = a.id AND b.last = 1 WHERE a.n = 1 AND a.last > 1
    UNION ALL SELECT left(word, 3) FROM word WHERE last = 1
    UNION ALL SELECT a.word || ' ' || b.word FROM word a JOIN word b ON b.last = 1 AND md5(b.id::text || a.id::text) < '04' WHERE a.n = 1
    UNION ALL SELECT name FROM (SELECT name FROM app.clients WHERE organization_id = :organization ORDER BY md5(id::text) LIMIT 50) c
) typed WHERE length(words) <= 200 ORDER BY md5(words);
