//! The kind of object of an id, by the name of the argument that takes it, and which id an organization has for it. An
//! unknown name fails the test: somebody must add what it refers to.

use tenantry_domain::noun::ALL;
use tenantry_domain::{Clock, UserId};
use tenantry_tests::FullOrg;

use crate::ids::{Place, Schema, inner};

/// The kind of an id: the name of an object type, or `User`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Of(String),
    /// Any object at all.
    Any,
}

/// What a name refers to that is no link of a noun.
const NAMES: &[(&str, &str)] = &[
    ("after", "Task"),
    ("afterTaskId", "Task"),
    ("assigneeId", "User"),
    ("assigneeIds", "User"),
    ("before", "Task"),
    ("labelId", "Label"),
    ("labelIds", "Label"),
    ("memberId", "Member"),
    ("organizationId", "Organization"),
    ("taskIds", "Task"),
    ("userId", "User"),
];

/// What a name refers to that is a link of a noun, or a condition on one: `clientId`, `clientIds`, `clientIdNot`.
fn linked(name: &str) -> Option<String> {
    let name = name.strip_suffix("Not").or_else(|| name.strip_suffix('s')).unwrap_or(name);
    let mut fields = ALL.iter().flat_map(tenantry_domain::noun::Declared::fields);
    let link = fields.find(|field| field.api == name && field.link.is_some())?.link?;
    Some(if link.key == "id" { link.noun.to_owned() } else { "User".to_owned() })
}

impl Kind {
    /// The kind of id that a place takes; `None` if it is not listed.
    pub(crate) fn of(schema: &Schema, place: &Place) -> Option<Self> {
        let argument = place.argument();
        if let Some((_, kind)) = NAMES.iter().find(|(name, _)| *name == argument) {
            return Some(Self::Of((*kind).to_owned()));
        }
        if let Some(kind) = linked(argument) {
            return Some(Self::Of(kind));
        }
        if !matches!(argument, "id" | "ids") {
            return None;
        }
        // The object itself: what a filter narrows, what a field returns, or what a mutation is named after.
        let nodes = schema.nodes();
        if let Some(noun) = place.input.as_deref().and_then(|input| input.strip_suffix("Filter")) {
            return nodes.contains(noun).then(|| Self::Of(noun.to_owned()));
        }
        if place.field == "completeUpload" {
            return Some(Self::Of("Upload".to_owned()));
        }
        if place.is_mutation() {
            let named = nodes.into_iter().filter(|node| place.field.contains(node));
            return named.max_by_key(|node| node.len()).map(|node| Self::Of(node.to_owned()));
        }
        match inner(&schema.field(&place.owner, &place.field)["type"]) {
            "Node" => Some(Self::Any),
            node => nodes.contains(node).then(|| Self::Of(node.to_owned())),
        }
    }

    /// All ids of this kind in an organization.
    pub(crate) fn all(&self, of: &FullOrg) -> Vec<String> {
        let Self::Of(kind) = self else { return of.all_ids() };
        match kind.as_str() {
            "Organization" => vec![of.org.id.to_string()],
            "User" => vec![of.ada.user_id.to_string(), of.org.owner.user_id.to_string()],
            noun => of.ids(noun).to_vec(),
        }
    }
}

/// The id of an organization's own object that fits a place. Usually the first of its kind; exceptions for mutations
/// with preconditions are listed here.
pub(crate) fn own(of: &FullOrg, field: &str, argument: &str, kind: &Kind) -> String {
    match (field, argument) {
        // A draft for the first client.
        ("updateInvoice" | "deleteInvoice", "id") => of.invoices[7].clone(),
        // A draft with a client, and issued ones.
        ("issueInvoice", "id") => of.invoices[4].clone(),
        ("markInvoiceSent" | "voidInvoice", "id") => of.invoices[1].clone(),
        ("createTransaction", "invoiceId") => of.invoices[2].clone(),
        ("writeOffInvoice", "id") => of.invoices[6].clone(),
        // One that is of no invoice.
        ("updateTransaction" | "deleteTransaction", "id") => of.ids("Transaction")[3].clone(),
        // The first credit note, and a transaction of it.
        ("creditNotes", "ids") if *kind == Kind::Of("Invoice".into()) => of.invoices[8].clone(),
        ("creditNotes", "invoiceId" | "invoiceIds") => of.invoices[8].clone(),
        ("creditNotes", "ids") if *kind == Kind::Of("Transaction".into()) => of.ids("Transaction")[8].clone(),
        // Work of the first client that is on no invoice.
        ("createInvoice" | "updateInvoice" | "createInvoiceFromTasks", "taskIds") => of.tasks[9].clone(),
        // Neither the default workspace nor one with projects.
        ("deleteWorkspace", "id") => of.workspaces[4].clone(),
        // The one that ada has a grant on.
        ("revokeWorkspaceAccess", "workspaceId") => of.workspaces[1].clone(),
        // Others in the same project that are not below the first.
        (_, "parentTaskId") => of.tasks[5].clone(),
        // One that is below the first.
        ("subtasks", "ids") if *kind == Kind::Of("Task".into()) => of.tasks[2].clone(),
        // One that is assigned to the owner, late and not done, and a comment on it.
        ("myTasks" | "overdueTasks", "ids") if *kind == Kind::Of("Task".into()) => of.tasks[1].clone(),
        ("myTasks" | "overdueTasks", "ids") if *kind == Kind::Of("Comment".into()) => of.ids("Comment")[5].clone(),
        ("myTasks" | "overdueTasks", "taskId" | "taskIds") => of.tasks[1].clone(),
        ("subtasks", "ids") if *kind == Kind::Of("Comment".into()) => of.ids("Comment")[7].clone(),
        ("myTasks" | "overdueTasks", "ids") if *kind == Kind::Of("Attachment".into()) => {
            of.ids("Attachment")[5].clone()
        }
        ("subtasks", "ids") if *kind == Kind::Of("Attachment".into()) => of.ids("Attachment")[7].clone(),
        ("myTasks" | "overdueTasks", "ids") if *kind == Kind::Of("Activity".into()) => of.ids("Activity")[5].clone(),
        ("subtasks", "ids") if *kind == Kind::Of("Activity".into()) => of.ids("Activity")[7].clone(),
        ("subtasks", "taskId" | "taskIds") => of.tasks[2].clone(),
        // Neighbours of it, and another project for the same client.
        (_, "afterTaskId") | ("moveTask" | "moveTasks", "after") => of.tasks[6].clone(),
        ("moveTask" | "moveTasks", "before") => of.tasks[7].clone(),
        _ => match kind {
            Kind::Of(kind) if kind == "User" => of.ada.user_id.to_string(),
            Kind::Of(kind) => of.sample(kind).unwrap_or_else(|| panic!("no sample of {kind}")),
            Kind::Any => of.clients[0].clone(),
        },
    }
}

/// An id of the same kind that no object has.
pub(crate) fn unknown(like: &str) -> String {
    let fresh = Clock::system().new_id::<UserId>().to_string();
    let (prefix, suffix) = (like.rsplit_once('_').unwrap().0, fresh.rsplit_once('_').unwrap().1);
    format!("{prefix}_{suffix}")
}
