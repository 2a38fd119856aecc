//! An organization that has everything: a row in every table, a value in every field, and ties and nulls in the columns
//! that lists are sorted by.

use std::collections::BTreeMap;

use tenantry_domain::{Clock, InvitationId, Role, UploadId, WorkspaceMemberId};
use tenantry_store::{Store, StoreSettings, search};

use uuid::Uuid;

use crate::app::TestApp;
use crate::organization::{Org, Person};

/// An organization that has everything. Of each kind of row, the first has all its fields filled and at least one row
/// in each of its relations.
#[derive(Debug, Clone)]
pub struct FullOrg {
    /// The organization.
    pub org: Org,
    /// `ada`, an ordinary member who is assigned to tasks and has grants.
    pub ada: Person,
    /// A guest with a grant on the first project.
    pub guest: Person,
    /// The clients' ids, in the API's format.
    pub clients: Vec<String>,
    /// The projects' ids.
    pub projects: Vec<String>,
    /// The tasks' ids; the first is a subtask with a subtask.
    pub tasks: Vec<String>,
    /// The invoices' ids; the first has been issued and paid.
    pub invoices: Vec<String>,
    /// The workspaces' ids; the first is the default, the second is private.
    pub workspaces: Vec<String>,
    /// The members' ids; the first is the owner.
    pub members: Vec<String>,
    /// The ids of the grants on projects.
    pub project_grants: Vec<String>,
    /// The ids of the grants on workspaces.
    pub workspace_grants: Vec<String>,
    /// The ids of every noun's rows, by the noun's name.
    ids: BTreeMap<&'static str, Vec<String>>,
}

impl FullOrg {
    /// The first id of each kind, by the name of the GraphQL type.
    pub fn sample(&self, type_name: &str) -> Option<String> {
        match type_name {
            "Member" => Some(self.ada.user_id.to_string()),
            "Organization" => Some(self.org.id.to_string()),
            name => self.ids.get(name)?.first().cloned(),
        }
    }

    /// The ids of a noun's rows, by the noun's name; the first is the [`sample`](Self::sample) unless the noun is the member.
    pub fn ids(&self, noun: &str) -> &[String] {
        self.ids.get(noun).unwrap_or_else(|| panic!("{noun} is no noun"))
    }

    /// Every id of the organization, as the API spells them.
    pub fn all_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.ids.values().flatten().cloned().collect();
        ids.extend([self.org.id.to_string(), self.org.owner.user_id.to_string(), self.ada.user_id.to_string()]);
        ids
    }
}

impl TestApp {
    /// Creates an organization that has everything. Two of them have the same shape and no id in common.
    pub async fn full_organization(&self, slug: &str) -> FullOrg {
        let org = self.organization(slug).create().await;
        let ada = self.person(&org, "ada", Role::Member).await;
        let guest = self.person(&org, "guest", Role::Guest).await;
        self.fill(&org, &ada, &guest).await;
        let mut ids = self.fill_declared(&org, &ada).await;
        ids.insert("Upload", self.sent_uploads(&org).await);
        self.join_declared(&org, &ada).await;
        self.index(&org).await;
        let of = |noun: &str| ids[noun].clone();
        FullOrg {
            clients: of("Client"),
            projects: of("Project"),
            tasks: of("Task"),
            invoices: of("Invoice"),
            workspaces: of("Workspace"),
            members: of("Member"),
            project_grants: of("ProjectGrant"),
            workspace_grants: of("WorkspaceGrant"),
            ids,
            org,
            ada,
            guest,
        }
    }

    /// Sends something for every upload of an organization; gives their ids.
    async fn sent_uploads(&self, org: &Org) -> Vec<String> {
        let query = format!("SELECT id::text FROM app.uploads WHERE organization_id = '{}'", org.uuid());
        let ids: Vec<Uuid> = self.texts(&query).await.iter().map(|id| id.parse().unwrap()).collect();
        for id in &ids {
            self.put_upload(org, UploadId::from_uuid(*id), b"text").await;
        }
        ids.into_iter().map(|id| UploadId::from_uuid(id).to_string()).collect()
    }

    /// Puts bytes where a client would send them.
    pub async fn put_upload(&self, org: &Org, upload: UploadId, bytes: &[u8]) {
        let folder = self.server().files().as_local().unwrap().folder().join("uploads").join(org.uuid().to_string());
        tokio::fs::create_dir_all(&folder).await.unwrap();
        tokio::fs::write(folder.join(upload.as_uuid().to_string()), bytes).await.unwrap();
    }

    /// Makes the index of search of an organization whose rows were not written by the program.
    pub async fn index(&self, org: &Org) {
        let settings = StoreSettings::new(self.urls().worker_url());
        let worker = Store::connect(&settings, Clock::system()).await.unwrap();
        search::rebuild(&worker, org.id, &mut |_| {}).await.unwrap();
        worker.close().await;
    }

    /// Fills what joins declared nouns.
    async fn join_declared(&self, org: &Org, ada: &Person) {
        let (organization, ada, owner) = (org.uuid(), ada.user_id.as_uuid(), org.owner.user_id.as_uuid());
        self.sql(&format!(
            "INSERT INTO app.task_labels (organization_id, task_id, label_id)
                 SELECT t.organization_id, t.id, l.id FROM app.tasks t, app.labels l
                 WHERE t.organization_id = '{organization}' AND l.organization_id = '{organization}'
                   AND t.updated_at <= '2026-02-01 00:05' AND l.updated_at <= '2026-02-01 00:03';
             -- The last comment and the last file are on a subtask of the first task.
             UPDATE app.comments SET task_id = (SELECT id FROM app.tasks WHERE organization_id = '{organization}'
                     AND updated_at = '2026-02-01 00:03')
                 WHERE organization_id = '{organization}' AND updated_at = '2026-02-01 00:08';
             UPDATE app.attachments SET task_id = (SELECT id FROM app.tasks WHERE organization_id = '{organization}'
                     AND updated_at = '2026-02-01 00:03')
                 WHERE organization_id = '{organization}' AND updated_at = '2026-02-01 00:08';
             INSERT INTO app.comment_mentions (organization_id, comment_id, user_id)
                 SELECT organization_id, id, '{ada}' FROM app.comments
                 WHERE organization_id = '{organization}' AND updated_at <= '2026-02-01 00:03';
             -- Most are of the first task, the sixth and seventh of the second, the last one of a subtask of the first.
             UPDATE app.activities a SET entity_type = 'task', entity_id = t.id, task_id = t.id, for_guests = true, for_members = true,
                     metadata = '{{\"name\": \"Draw\", \"changes\": [{{\"field\": \"title\", \"old\": \"A\", \"new\": \"B\"}}]}}',
                     actor_id = '{ada}', user_id = '{ada}', project_id = t.project_id, workspace_id = p.workspace_id,
                     client_id = p.client_id, only_for = CASE WHEN a.updated_at = '2026-02-01 00:07' THEN '{owner}'::uuid END
                 FROM app.tasks t JOIN app.projects p ON p.organization_id = t.organization_id AND p.id = t.project_id
                 WHERE a.organization_id = '{organization}' AND t.organization_id = a.organization_id
                   AND a.updated_at <> '2026-02-01 00:04'
                   AND t.updated_at = CASE a.updated_at WHEN '2026-02-01 00:06' THEN timestamptz '2026-02-01 00:02'
                       WHEN '2026-02-01 00:07' THEN '2026-02-01 00:02' WHEN '2026-02-01 00:08' THEN '2026-02-01 00:03'
                       ELSE '2026-02-01 00:01' END;
             UPDATE app.activities SET entity_type = 'organization', entity_id = organization_id
                 WHERE organization_id = '{organization}' AND updated_at = '2026-02-01 00:04';"
        ))
        .await;
    }

    async fn fill(&self, org: &Org, ada: &Person, guest: &Person) {
        let slug = &org.slug;
        let (room, owner) = (org.workspace.as_uuid(), org.owner.user_id.as_uuid());
        let (organization, ada, guest) = (org.uuid(), ada.user_id.as_uuid(), guest.user_id.as_uuid());
        let clock = Clock::system();
        let invitation = clock.new_id::<InvitationId>().as_uuid();
        let grant = clock.new_id::<WorkspaceMemberId>().as_uuid();
        // `updated_at` numbers the rows; `created_at` has ties.
        self.sql(&format!(
            "CREATE TEMP TABLE o ON COMMIT DROP AS SELECT '{organization}'::uuid AS org;
             UPDATE auth.users SET avatar_url = 'https://pictures.test/' || id WHERE id IN ('{owner}', '{ada}');
             UPDATE app.organizations SET logo_url = 'https://pictures.test/logo',
                 deletion_requested_at = '2026-01-01', deletion_due_at = '2126-01-31' FROM o WHERE id = o.org;
             UPDATE app.workspaces SET description = 'Where things begin', created_by = '{owner}',
                 created_at = '2026-01-01', updated_at = '2026-01-01' FROM o WHERE organization_id = o.org;
             UPDATE app.organization_members SET invited_by = '{owner}' WHERE user_id = '{ada}';
             INSERT INTO app.workspaces (organization_id, id, name, is_private, created_at, updated_at)
                 SELECT o.org, gen_random_uuid(), 'Room ' || n, n = 1, '2026-01-02', timestamptz '2026-01-02' + n * interval '1 min'
                 FROM o, generate_series(1, 4) n;
             INSERT INTO app.clients (organization_id, id, name, email, phone, company, address_line1, address_line2, city, region,
                 postal_code, country, tax_id, status, notes, created_at, updated_at)
                 SELECT o.org, gen_random_uuid(), (ARRAY['Zoë', 'Ada', 'Ada', 'Ünal', 'bob', 'Émile', 'Yi'])[n],
                     'client' || n || '@{slug}.test', '+49 30 ' || n, 'Company ' || n,
                     'Street ' || n, 'Floor ' || n, 'City', 'Region', '1000' || n, 'DE', 'DE00' || n,
                     (ARRAY['active', 'active', 'inactive', 'lead', 'active', 'active', 'lead'])[n], 'Notes of {slug}',
                     timestamptz '2026-01-01' + (n / 2) * interval '1 day', timestamptz '2026-02-01' + n * interval '1 min'
                 FROM o, generate_series(1, 7) n;
             CREATE TEMP TABLE c ON COMMIT DROP AS SELECT id, row_number() OVER (ORDER BY updated_at) AS n
                 FROM app.clients, o WHERE organization_id = o.org;
             INSERT INTO app.projects (organization_id, id, workspace_id, client_id, name, description, type, status, currency,
                 budget, advance_received, owner_id, created_by, start_date, due_date, github_url, notes, created_at, updated_at)
                 SELECT o.org, gen_random_uuid(), '{room}', (SELECT id FROM c WHERE c.n = p.client), 'Project ' || p.name,
                     'About {slug}', p.type, p.status, 'USD', 1000000, 250000, '{ada}', '{owner}', '2026-01-01', p.due,
                     'https://example.test/{slug}', 'Notes', timestamptz '2026-01-01' + (p.n / 3) * interval '1 day',
                     timestamptz '2026-02-01' + p.n * interval '1 min'
                 FROM o, (VALUES (1, 1, 'B', 'dev', 'active', date '2026-06-01'), (2, 1, 'A', 'design', 'active', '2026-06-01'),
                     (3, 1, 'C', 'content', 'completed', NULL), (4, 2, 'A', 'other', 'completed', '2026-05-01'),
                     (5, 2, 'D', 'dev', 'active', NULL), (6, NULL, 'E', 'dev', 'active', NULL),
                     (7, NULL, 'F', 'dev', 'completed', '2027-01-01')) p (n, client, name, type, status, due);
             CREATE TEMP TABLE p ON COMMIT DROP AS SELECT id, row_number() OVER (ORDER BY updated_at) AS n
                 FROM app.projects, o WHERE organization_id = o.org;
             CREATE TEMP TABLE k ON COMMIT DROP AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, 14) n;
             -- 1 is a part of 2 and has the parts 3, 4 and 5.
             INSERT INTO app.tasks (organization_id, id, project_id, parent_task_id, title, description, status, priority,
                 position, created_by, due_at, completed_at, created_at, updated_at)
                 SELECT o.org, k.id, (SELECT id FROM p WHERE p.n = CASE WHEN k.n > 10 THEN 2 ELSE 1 END),
                     (SELECT parent.id FROM k parent WHERE parent.n = CASE WHEN k.n = 1 THEN 2 WHEN k.n BETWEEN 3 AND 5 THEN 1 END),
                     'Task ' || k.n || ' of {slug}', 'To do', s.status,
                     (ARRAY['low', 'medium', 'high', 'urgent'])[1 + k.n % 4], to_hex(128 + k.n::int) || '80', '{owner}',
                     CASE WHEN k.n % 3 <> 0 THEN timestamptz '2026-03-01' + (k.n % 5) * interval '1 day' END,
                     CASE WHEN s.status = 'done' THEN timestamptz '2026-02-02' END,
                     timestamptz '2026-01-01' + (k.n / 4) * interval '1 day', timestamptz '2026-02-01' + k.n * interval '1 min'
                 FROM o, k, LATERAL (SELECT (ARRAY['done', 'backlog', 'todo', 'in_progress', 'in_review'])[1 + (k.n - 1) % 5]) s (status)
                 ORDER BY k.n;
             INSERT INTO app.task_assignees (organization_id, task_id, user_id)
                 SELECT o.org, k.id, u.id FROM o, k, (VALUES ('{ada}'::uuid), ('{owner}'::uuid)) u (id) WHERE k.n <= 6;
             INSERT INTO app.invoices (organization_id, id, client_id, project_id, number, status, currency, issue_date, due_date,
                 line_items, taxes, discount_rate, subtotal, tax_rate, tax_amount, total, amount_paid, notes, issued_at, sent_at, paid_at,
                 voided_at, written_off_at, parties, created_by,
                 created_at, updated_at)
                 SELECT o.org, gen_random_uuid(), (SELECT id FROM c WHERE c.n = i.client), (SELECT id FROM p WHERE p.n = i.project),
                     CASE WHEN i.status <> 'draft' THEN 'INV-' || i.n END, i.status, CASE WHEN i.n = 3 THEN 'USD' ELSE 'EUR' END, date '2026-01-01' + i.n / 2, i.due,
                     '[{{\"description\": \"Work\", \"quantity\": \"2\", \"rate\": \"50.00\", \"amount\": 10000}}]',
                     CASE WHEN i.n = 2 THEN '[{{\"name\": \"VAT\", \"rate\": \"0.19\", \"category\": \"standard\", \"base\": 10000, \"amount\": 1900}}]'::jsonb END,
                     CASE WHEN i.n <= 2 THEN 0.0 END, 10000, 0.19, 1900, 11900, i.paid, 'Thanks', '2026-01-02', '2026-01-02', '2026-01-03', '2026-01-04',
                     '2026-01-05', CASE WHEN i.n <= 2 THEN '{{\"seller\": {{\"name\": \"The seller {slug}\"}}, \"buyer\": {{\"name\": \"The buyer {slug}\"}}}}'::jsonb END, '{owner}',
                     timestamptz '2026-01-01' + (i.n / 2) * interval '1 day', timestamptz '2026-02-01' + i.n * interval '1 min'
                 FROM o, (VALUES (1, 1, 1, 'paid', date '2026-02-01', 11900), (2, 1, 1, 'sent', '2026-02-01', 0),
                     (3, 1, 1, 'sent', '2126-02-01', 0), (4, 2, 4, 'void', NULL, 0), (5, 2, NULL, 'draft', NULL, 0),
                     (6, NULL, NULL, 'draft', '2026-03-01', 0), (7, 3, NULL, 'partly_paid', NULL, 5000),
                     (8, 1, 2, 'draft', '2026-02-01', 0)) i (n, client, project, status, due, paid);
             INSERT INTO app.invoices (organization_id, id, kind, corrects_id, client_id, project_id, currency, issue_date, notes, dated_on_issue,
                 created_by, created_at, updated_at)
                 SELECT o.org, gen_random_uuid(), 'credit_note', i.id, i.client_id, i.project_id, 'EUR', date '2026-01-05', 'Sorry ' || n, true,
                     '{owner}', timestamptz '2026-01-05', timestamptz '2026-02-01' + n * interval '1 min'
                 FROM o, generate_series(9, 10) n, app.invoices i WHERE i.organization_id = o.org AND i.number = 'INV-1';
             INSERT INTO app.transactions (organization_id, id, kind, client_id, project_id, invoice_id, amount, currency, occurred_on, method,
                 reference, note, created_by, created_at, updated_at)
                 SELECT o.org, gen_random_uuid(), k.kind, (SELECT id FROM c WHERE c.n = k.client), (SELECT id FROM p WHERE p.n = k.project),
                     (SELECT i.id FROM app.invoices i WHERE i.organization_id = o.org AND k.invoice IN (i.number, i.notes)), k.amount, 'EUR',
                     date '2026-01-10' + k.n / 2, 'transfer', 'Reference ' || k.n / 2, 'Note', '{owner}',
                     timestamptz '2026-01-10' + (k.n / 2) * interval '1 day', timestamptz '2026-02-01' + k.n * interval '1 min'
                 FROM o, (VALUES (1, 'payment', 1, 1, 'INV-1', 12000), (2, 'refund', 1, 1, 'INV-1', 100), (3, 'payment', 3, NULL, 'INV-7', 5000),
                     (4, 'expense', 1, 1, NULL, 700), (5, 'income', NULL, NULL, NULL, 800), (6, 'expense', NULL, NULL, NULL, 900),
                     (7, 'payment', 2, NULL, NULL, 1000), (8, 'expense', 2, 4, NULL, 1100), (9, 'refund', 1, 1, 'Sorry 9', 1)) k (n, kind, client, project, invoice, amount);
             INSERT INTO app.number_counters (organization_id, kind, period, last) SELECT o.org, 'invoice', '2026', 8 FROM o;
             INSERT INTO app.invoice_tasks (organization_id, invoice_id, task_id)
                 SELECT o.org, i.id, k.id FROM o, app.invoices i, k WHERE i.organization_id = o.org AND ((i.number = 'INV-1' OR i.notes = 'Sorry 9') AND k.n <= 3 OR i.number = 'INV-4' AND k.n = 1);
             INSERT INTO app.organization_invitations (organization_id, id, email, token_hash, expires_at, invited_by)
                 SELECT o.org, '{invitation}', 'new@{slug}.test', sha256('{slug}'), '2126-01-01', '{owner}' FROM o;
             INSERT INTO app.workspace_members (organization_id, id, workspace_id, user_id, permission)
                 VALUES ('{organization}', '{grant}', '{room}', '{ada}', 'view');
             INSERT INTO app.workspace_members (organization_id, workspace_id, user_id, permission)
                 SELECT o.org, w.id, '{ada}', 'edit' FROM o, app.workspaces w
                 WHERE w.organization_id = o.org AND w.name = 'Room 1';
             INSERT INTO app.project_members (organization_id, project_id, user_id, permission)
                 SELECT o.org, p.id, u.id, 'edit' FROM o, p, (VALUES ('{ada}'::uuid), ('{guest}'::uuid)) u (id) WHERE p.n = 1;
             INSERT INTO app.idempotency_keys (organization_id, id, user_id, key, fingerprint, leased_until)
                 SELECT o.org, gen_random_uuid(), '{owner}', 'key', repeat('0', 64), now() FROM o;
             INSERT INTO app.uploads (organization_id, id, user_id, task_id, file_name, byte_size, mime_type, expires_at)
                 SELECT o.org, gen_random_uuid(), '{owner}', k.id, 'new.txt', 4, 'text/plain', '2126-01-01' FROM o, k WHERE k.n = 1;
             INSERT INTO app.settings (organization_id, currency, taxes, payment_days, invoice_number_pattern, credit_note_number_pattern, seller)
                 SELECT o.org, 'EUR', '[{{\"name\": \"VAT\", \"rate\": \"0\", \"category\": \"exempt\", \"reason\": \"Small\"}}]', 14,
                     'INV-{{year}}-{{seq:04}}', 'CN-{{year}}-{{seq:04}}', '{{\"name\": \"The seller {slug}\", \"tax_id\": \"DE1\"}}' FROM o;
             INSERT INTO billing.feature_overrides (organization_id, feature, limit_value) SELECT o.org, 'vault_items', 7 FROM o;
             INSERT INTO billing.usage_counters (organization_id, feature, period_start, period_end, count)
                 SELECT o.org, 'api_calls_per_month', '2026-01-01', '2026-02-01', 7 FROM o;"
        ))
        .await;
    }
}
