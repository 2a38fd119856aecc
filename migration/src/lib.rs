//! The database's shape, one change a file, each with a way back. This file lists the changes; `runner` applies
//! them, `tenant_table` writes the SQL that every tenant table has in common, `alter_tenant_table` the SQL that changes one while
//! it is in use. No queries of the product live here. `docs/migrations.md` says how to write a change.
//!
//! A change is a pair of functions that return SQL, so the text can be read, linted and fingerprinted without a
//! database. **Invariant:** everything is owned by `tenantry_owner`, every name is schema-qualified, and every table
//! with an `organization_id` comes from `tenant_table` (the only exception, the log of Stripe's events, is granted only
//! to the worker).

mod alter_tenant_table;
mod change;
mod partitions;
mod roles;
mod runner;
mod step;
mod tenant_table;

mod m20260101_000001_schemas;
mod m20260101_000002_users;
mod m20260101_000003_organizations;
mod m20260101_000004_organization_members;
mod m20260101_000005_organization_invitations;
mod m20260101_000006_workspaces;
mod m20260101_000007_workspace_members;
mod m20260101_000008_clients;
mod m20260101_000009_projects;
mod m20260101_000010_project_members;
mod m20260101_000011_tasks;
mod m20260101_000012_task_assignees;
mod m20260101_000013_invoices;
mod m20260101_000014_invoice_tasks;
mod m20260101_000015_plans;
mod m20260101_000016_organization_billing;
mod m20260101_000017_feature_overrides;
mod m20260101_000018_usage_counters;
mod m20260101_000019_stripe_events;
mod m20261126_000001_unknown_time_zones;
mod m20261126_000002_text_keys;
mod m20261126_000003_name_order;
mod m20261126_000004_client_website;
mod m20261126_000005_content_items;
mod m20261126_000006_nulls_last;
mod m20261126_000007_member_ids;
mod m20261126_000008_idempotency_keys;
mod m20261126_000009_projects_of_a_member;
mod m20261126_000010_latest_changes;
mod m20261126_000011_plan_prices;
mod m20261126_000012_labels;
mod m20261126_000013_comments;
mod m20261126_000014_personal_tasks;
mod m20261126_000015_open_work;
mod m20261126_000016_orders_of_open_work;
mod m20261127_000001_activities;
mod m20261127_000002_search_terms;
mod m20261127_000003_attachments;
mod m20261127_000004_purged_organizations;
mod m20261127_000005_live_activities;
mod m20261127_000006_invoice_taxes;
mod m20261127_000007_settings;
mod m20261127_000008_client_addresses;
mod m20261127_000009_invoice_life;
mod m20261127_000010_number_counters;
mod m20261127_000011_transactions;
mod m20261127_000012_open_invoices;

use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait};

pub use partitions::MONTHS_AHEAD;
pub use runner::{MigrationError, MigrationStatus, down, fresh, status, up};
pub use step::Script;

use step::Step;

/// The list of changes in the form of `sea-orm-migration`.
///
/// Prefer [`up`], [`down`], [`status`] and [`fresh`]: they also take the lock, switch to the owner role and put the
/// record of applied migrations where the application's role can read it.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        steps().into_iter().map(|step| Box::new(step) as Box<dyn MigrationTrait>).collect()
    }
}

/// The names of all migrations this program knows, oldest first; all of them should be applied.
pub fn names() -> Vec<String> {
    steps().into_iter().map(|step| step.name().to_owned()).collect()
}

/// The SQL of every migration, oldest first, for a reviewer or a linter.
pub fn scripts() -> Vec<Script> {
    steps().into_iter().map(Step::script).collect()
}

/// A short text that changes when the SQL of any migration changes.
///
/// Not a cryptographic digest, and stable only among programs built by the same compiler.
pub fn fingerprint() -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};

    let mut hasher = DefaultHasher::new();
    roles::PREPARE.hash(&mut hasher);
    for script in scripts() {
        (script.name, script.up).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The key of a migrated template database: it changes with the migrations, and every four weeks, so that a template has the partitions of
/// the months to come.
pub fn template_key() -> String {
    const FOUR_WEEKS: u64 = 28 * 24 * 60 * 60;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{} {}", fingerprint(), now.as_secs() / FOUR_WEEKS)
}

/// Lists the modules in order; a migration's recorded name is its file's name. Its functions return the text of one transaction
/// or a [`Change`](change::Change).
macro_rules! steps {
    ($($module:ident),+ $(,)?) => {
        vec![$(Step::new(stringify!($module), || $module::up().into(), || $module::down().into())),+]
    };
}

fn steps() -> Vec<Step> {
    steps![
        m20260101_000001_schemas,
        m20260101_000002_users,
        m20260101_000003_organizations,
        m20260101_000004_organization_members,
        m20260101_000005_organization_invitations,
        m20260101_000006_workspaces,
        m20260101_000007_workspace_members,
        m20260101_000008_clients,
        m20260101_000009_projects,
        m20260101_000010_project_members,
        m20260101_000011_tasks,
        m20260101_000012_task_assignees,
        m20260101_000013_invoices,
        m20260101_000014_invoice_tasks,
        m20260101_000015_plans,
        m20260101_000016_organization_billing,
        m20260101_000017_feature_overrides,
        m20260101_000018_usage_counters,
        m20260101_000019_stripe_events,
        m20261126_000001_unknown_time_zones,
        m20261126_000002_text_keys,
        m20261126_000003_name_order,
        m20261126_000004_client_website,
        m20261126_000005_content_items,
        m20261126_000006_nulls_last,
        m20261126_000007_member_ids,
        m20261126_000008_idempotency_keys,
        m20261126_000009_projects_of_a_member,
        m20261126_000010_latest_changes,
        m20261126_000011_plan_prices,
        m20261126_000012_labels,
        m20261126_000013_comments,
        m20261126_000014_personal_tasks,
        m20261126_000015_open_work,
        m20261126_000016_orders_of_open_work,
        m20261127_000001_activities,
        m20261127_000002_search_terms,
        m20261127_000003_attachments,
        m20261127_000004_purged_organizations,
        m20261127_000005_live_activities,
        m20261127_000006_invoice_taxes,
        m20261127_000007_settings,
        m20261127_000008_client_addresses,
        m20261127_000009_invoice_life,
        m20261127_000010_number_counters,
        m20261127_000011_transactions,
        m20261127_000012_open_invoices,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_they_are_applied_and_unique() {
        let names = names();
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn every_table_that_is_created_is_dropped_again() {
        for script in scripts() {
            for line in script.up.lines() {
                let Some(table) = line.strip_prefix("CREATE TABLE ") else { continue };
                let table = table.trim_end_matches(" (");
                assert!(script.down.contains(&format!("DROP TABLE {table};")), "{}: {table}", script.name);
            }
        }
    }

    #[test]
    fn a_table_with_an_organization_has_forced_row_level_security() {
        for script in scripts() {
            if script.up.contains("organization_id uuid NOT NULL") {
                assert!(script.up.contains("FORCE ROW LEVEL SECURITY"), "{}", script.name);
            }
        }
    }
}
