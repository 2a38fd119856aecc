DELETE FROM app.tasks WHERE organization_id = :organization AND title = 'Made by the benchmark';
