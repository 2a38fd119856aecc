//! Invoices: reads and writes of `app.invoices` and `app.invoice_tasks`. The lines and the taxes are in `content`.

mod content;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use sea_orm::sea_query::Value;
use tenantry_domain::invoice::{Discount, DraftContent, Invoice, InvoiceKind, InvoiceStatus, Totals};
use tenantry_domain::noun::{Asked, FieldType, Noun, Origin};
use tenantry_domain::party::Parties;
use tenantry_domain::{Change, ClientId, InvoiceId, InvoiceTaskId, Money, ProjectId, TaskId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::columns::Columns;
use crate::entity;
use crate::error::StoreError;
use crate::junction::Junction;
use crate::record::{Record, uuids};
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

pub use content::contents;
pub(crate) use content::stored_lines;

const COVERED: Junction = Junction { table: "app.invoice_tasks", one: "invoice_id", other: "task_id" };

impl Record for Invoice {
    type Entity = entity::invoice::Entity;

    /// Whether it is overdue depends on the day.
    fn as_seen_by(&mut self, tenant: &Tenant) {
        self.status = self.status_on(tenant.today);
    }

    fn narrow_by(condition: &str, asked: &Asked<'_>, tenant: &Tenant, sql: &mut Sql) {
        match (condition, asked) {
            ("status" | "status_not", Asked::Any(asked)) => {
                let asked: Vec<InvoiceStatus> =
                    asked.iter().filter_map(|status| FieldType::from_value(status.clone())).collect();
                let wanted = |status: &InvoiceStatus| asked.contains(status) == (condition == "status");
                let wanted: Vec<InvoiceStatus> = InvoiceStatus::ALL.iter().copied().filter(wanted).collect();
                narrow_to_statuses(&wanted, tenant.today, sql);
            }
            (condition, asked) => sql.refuse(&format!("no rule narrows invoices by {condition} {asked:?}")),
        }
    }
}

/// Narrows to the statuses as they are today: what was issued and is past its due date with an open balance is overdue,
/// whatever the column says. The rule is [`Invoice::status_on`].
fn narrow_to_statuses(statuses: &[InvoiceStatus], today: NaiveDate, sql: &mut Sql) {
    if statuses.is_empty() {
        sql.push(" AND false");
        return;
    }
    let today = sql.value(today);
    for (n, status) in statuses.iter().enumerate() {
        sql.push(if n == 0 { " AND (" } else { " OR " });
        let (stored, late) = match status {
            InvoiceStatus::Draft | InvoiceStatus::Paid | InvoiceStatus::Void | InvoiceStatus::WrittenOff => {
                sql.push("t.status = ").bind(status.as_str());
                continue;
            }
            InvoiceStatus::Overdue => ("(t.status IN ('issued', 'sent', 'partly_paid', 'overdue')", ""),
            InvoiceStatus::Issued => ("(t.status = 'issued'", "NOT "),
            InvoiceStatus::Sent => ("((t.status = 'sent' OR t.status = 'overdue' AND t.amount_paid = 0)", "NOT "),
            InvoiceStatus::PartlyPaid => {
                ("((t.status = 'partly_paid' OR t.status = 'overdue' AND t.amount_paid > 0)", "NOT ")
            }
        };
        sql.push(stored).push(" AND ").push(late);
        // Without a due date the comparison is null, which counts as not late.
        sql.push("coalesce(t.due_date < ").push_placeholder(today);
        sql.push(" AND t.amount_paid < t.total - t.amount_credited, false))");
    }
    sql.push(")");
}

/// A draft that has been validated and computed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Whether it is an invoice or a credit note.
    pub kind: InvoiceKind,
    /// The invoice that a credit note corrects.
    pub corrects_id: Option<InvoiceId>,
    /// Who is billed.
    pub client_id: Option<ClientId>,
    /// The project it is for.
    pub project_id: Option<ProjectId>,
    /// The day it is dated.
    pub issue_date: NaiveDate,
    /// Whether it is dated anew on the day of its issue.
    pub dated_on_issue: bool,
    /// The day it is to be paid by.
    pub due_date: Option<NaiveDate>,
    /// The lines and the sums.
    pub content: DraftContent,
    /// Anything else.
    pub notes: Option<String>,
}

/// Inserts a draft that covers these tasks.
///
/// # Errors
/// A foreign-key violation when the client, the project or a task does not exist in the organization.
pub async fn create(scope: &mut WriteScope, draft: Draft, tasks: &[TaskId]) -> Result<Invoice, StoreError> {
    let origin: Origin<InvoiceId> = write::origin(scope);
    let blank = Invoice {
        id: origin.id,
        organization_id: origin.organization_id,
        client_id: None,
        project_id: None,
        kind: draft.kind,
        corrects_id: draft.corrects_id,
        number: None,
        status: InvoiceStatus::Draft,
        issue_date: draft.issue_date,
        due_date: None,
        dated_on_issue: false,
        tax_rate: None,
        prices_include_tax: false,
        subtotal: draft.content.totals.subtotal,
        discount_rate: None,
        discount: draft.content.totals.discount,
        tax_amount: draft.content.totals.tax_amount,
        total: draft.content.totals.total,
        amount_paid: Money::zero(draft.content.totals.total.currency()),
        amount_credited: Money::zero(draft.content.totals.total.currency()),
        notes: None,
        issued_at: None,
        sent_at: None,
        paid_at: None,
        voided_at: None,
        written_off_at: None,
        created_by: Some(origin.user_id),
        created_at: origin.now,
        updated_at: origin.now,
    };
    let more = more(&draft.content)?;
    let invoice = write::insert_with(scope, &draft.apply(&blank), more).await?;
    cover(scope, invoice.id, tasks).await?;
    Ok(invoice)
}

/// Replaces the content of a draft that was read in this scope, and the tasks that it covers if they are given.
///
/// # Errors
/// A foreign-key violation when the client, the project or a task does not exist in the organization.
pub async fn update(
    scope: &mut WriteScope,
    before: &Invoice,
    draft: Draft,
    tasks: Change<Vec<TaskId>>,
) -> Result<Option<Invoice>, StoreError> {
    if let Change::Set(tasks) = tasks {
        uncover(scope, before.id).await?;
        cover(scope, before.id, &tasks).await?;
    }
    let more = more(&draft.content)?;
    write::update_with(scope, before, &draft.apply(before), more).await
}

impl Draft {
    /// A draft's row with this content.
    fn apply(self, before: &Invoice) -> Invoice {
        // Each field is named, so that a new one does not compile until it is changed as well.
        let Self { kind, corrects_id, client_id, project_id, issue_date, dated_on_issue, due_date, content, notes } =
            self;
        let tax_rate = content.tax_rate();
        let DraftContent { line_items: _, taxes: _, prices_include_tax, discount: given, totals } = content;
        let Totals { subtotal, discount, tax_amount, total } = totals;
        Invoice {
            kind,
            corrects_id,
            client_id,
            project_id,
            issue_date,
            dated_on_issue,
            due_date,
            notes,
            tax_rate,
            prices_include_tax,
            subtotal,
            discount_rate: if let Some(Discount::Rate(rate)) = given { Some(rate) } else { None },
            discount,
            tax_amount,
            total,
            // Nothing has been paid of a draft, in whichever currency.
            amount_paid: Money::zero(total.currency()),
            amount_credited: Money::zero(total.currency()),
            ..before.clone()
        }
    }
}

/// The columns that the row does not have.
fn more(content: &DraftContent) -> Result<[(&'static str, Value); 2], StoreError> {
    let lines = stored_lines(&content.line_items)?;
    Ok([("line_items", lines.into()), ("taxes", content::stored_taxes(content)?.into())])
}

/// Issues a draft that was read in this scope: writes it as it is afterwards, with its parties.
///
/// # Errors
/// A unique violation when another invoice has its number.
pub async fn issue(
    scope: &mut WriteScope,
    before: &Invoice,
    issued: &Invoice,
    parties: &Parties,
) -> Result<Option<Invoice>, StoreError> {
    write::update_with(scope, before, issued, [("parties", content::json(parties)?.into())]).await
}

/// What has been billed to each of these clients, per currency: the totals of what is issued and not void, without credit notes.
///
/// # Errors
/// Those of the database.
pub async fn billed(scope: &impl Scope, clients: &[ClientId]) -> Result<HashMap<ClientId, Vec<Money>>, StoreError> {
    let mut sql = Sql::new("SELECT wanted.id, found.*");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(clients));
    sql.push("SELECT t.currency, sum(CASE t.kind WHEN 'credit_note' THEN -t.total ELSE t.total END)::bigint FROM app.invoices t");
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.client_id = wanted.id AND t.status NOT IN ('draft', 'void')");
    visibility::invoices(scope.actor(), &mut sql, "t.project_id");
    sql.push(" GROUP BY t.currency ORDER BY t.currency) found");
    let rows = scope.connection().fetch(sql).await?;
    let mut found: HashMap<ClientId, Vec<Money>> = HashMap::new();
    for row in rows.iter() {
        let mut columns = Columns::new(row, Invoice::INFO.table);
        let (client, currency) = (columns.id()?, columns.parsed()?);
        found.entry(client).or_default().push(columns.money(currency)?);
    }
    Ok(found)
}

/// The tasks that each of these invoices covers; an invoice that covers none has no entry.
///
/// # Errors
/// Those of the database.
pub async fn covered_tasks(
    scope: &impl Scope,
    invoices: &[InvoiceId],
) -> Result<HashMap<InvoiceId, Vec<TaskId>>, StoreError> {
    let mut sql = Sql::new("SELECT wanted.id, found.task_id");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(invoices)).push("SELECT i.task_id FROM app.invoice_tasks i WHERE i.organization_id = ");
    sql.push_placeholder(organization).push(" AND i.invoice_id = wanted.id ORDER BY i.task_id) found");
    let rows = scope.connection().fetch(sql).await?;
    let mut found: HashMap<InvoiceId, Vec<TaskId>> = HashMap::new();
    for row in rows.iter() {
        let (invoice, task): (Uuid, Uuid) = (row.get(0)?, row.get(1)?);
        found.entry(InvoiceId::from_uuid(invoice)).or_default().push(TaskId::from_uuid(task));
    }
    Ok(found)
}

/// The tasks that an invoice covers and the project of each, whoever may see them.
///
/// # Errors
/// Those of the database.
pub async fn covered_work(scope: &mut WriteScope, id: InvoiceId) -> Result<Vec<(TaskId, ProjectId)>, StoreError> {
    let mut sql = Sql::new("SELECT t.id, t.project_id FROM app.invoice_tasks i JOIN app.tasks t");
    sql.push(" ON t.organization_id = i.organization_id AND t.id = i.task_id WHERE i.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND i.invoice_id = ").bind(id.as_uuid());
    let rows = scope.connection().fetch(sql).await?;
    let read = |row: Row<'_>| Ok((TaskId::from_uuid(row.get(0)?), ProjectId::from_uuid(row.get(1)?)));
    rows.iter().map(read).collect()
}

/// Which of these tasks are on an invoice that is not void. Call it under [`crate::task::lock_for_billing`], or somebody may put
/// them on one meanwhile.
///
/// # Errors
/// Those of the database.
pub async fn billed_tasks(scope: &mut WriteScope, tasks: &[TaskId]) -> Result<HashSet<TaskId>, StoreError> {
    let mut sql = Sql::new("SELECT wanted.id");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(tasks)).push("SELECT 1 FROM app.invoice_tasks i JOIN app.invoices v");
    sql.push(" ON v.organization_id = i.organization_id AND v.id = i.invoice_id WHERE i.organization_id = ");
    sql.push_placeholder(organization).push(" AND i.task_id = wanted.id AND v.status <> 'void' LIMIT 1) found");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(TaskId::from_uuid(row.get(0)?))).collect()
}

/// Whether a draft to another client than this one is for the project, or covers a task of it. Call it with the project locked.
///
/// # Errors
/// Those of the database.
pub async fn has_drafts_for_another_client(
    scope: &mut WriteScope,
    project: ProjectId,
    client: ClientId,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT (EXISTS (SELECT 1 FROM app.invoices v WHERE v.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    let (project, client) = (sql.value(project.as_uuid()), sql.value(client.as_uuid()));
    sql.push(" AND v.project_id = ").push_placeholder(project);
    // A credit note corrects what was billed, whoever the project is for now.
    let draft = " AND v.kind = 'invoice' AND v.status = 'draft' AND v.client_id <> ";
    sql.push(draft).push_placeholder(client);
    sql.push(") OR EXISTS (SELECT 1 FROM app.tasks t JOIN app.invoice_tasks i");
    sql.push(" ON i.organization_id = t.organization_id AND i.task_id = t.id JOIN app.invoices v");
    sql.push(" ON v.organization_id = i.organization_id AND v.id = i.invoice_id");
    sql.push(" WHERE t.organization_id = $1 AND t.project_id = ").push_placeholder(project);
    sql.push(draft).push_placeholder(client).push("))::int::bigint");
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

/// Whether one of these tasks is on a draft to another client than this one. Call it with the tasks locked.
///
/// # Errors
/// Those of the database.
pub async fn are_on_drafts_for_another_client(
    scope: &mut WriteScope,
    tasks: &[TaskId],
    client: ClientId,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT count(*)");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(tasks)).push("SELECT 1 FROM app.invoice_tasks i JOIN app.invoices v");
    sql.push(" ON v.organization_id = i.organization_id AND v.id = i.invoice_id WHERE i.organization_id = ");
    sql.push_placeholder(organization).push(" AND i.task_id = wanted.id AND v.status = 'draft' AND v.client_id <> ");
    sql.bind(client.as_uuid()).push(" LIMIT 1) found");
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

/// Takes the tasks off an invoice that the actor may see. The others stay: nobody undoes what they do not know of.
async fn uncover(scope: &mut WriteScope, invoice_id: InvoiceId) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM app.invoice_tasks i WHERE i.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND i.invoice_id = ").bind(invoice_id.as_uuid());
    sql.push(" AND EXISTS (SELECT 1 FROM app.tasks t WHERE t.organization_id = $1 AND t.id = i.task_id");
    visibility::rows_of_projects(scope.actor(), &mut sql, "t.project_id");
    sql.push(")");
    scope.connection().execute(sql).await.map(drop)
}

async fn cover(scope: &mut WriteScope, invoice_id: InvoiceId, tasks: &[TaskId]) -> Result<(), StoreError> {
    COVERED.put::<InvoiceTaskId>(scope, invoice_id, tasks).await
}
