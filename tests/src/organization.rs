//! Organizations and the people in them, set up directly in the database.

use serde_json::{Value, json};
use tenantry_domain::text::folded_email;
use tenantry_domain::{Clock, OrganizationId, Role, UserId, WorkspaceId};

use crate::app::TestApp;
use crate::session::Session;

/// An organization created by a test.
#[derive(Debug, Clone)]
pub struct Org {
    /// Its id.
    pub id: OrganizationId,
    /// Its slug.
    pub slug: String,
    /// Its default workspace.
    pub workspace: WorkspaceId,
    /// Its first owner.
    pub owner: Person,
}

impl Org {
    /// The organization's UUID, as used in SQL.
    pub fn uuid(&self) -> uuid::Uuid {
        self.id.as_uuid()
    }
}

/// A member of an organization created by a test.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user, whose id the member has, too.
    pub user_id: UserId,
    /// The user's address.
    pub email: String,
}

/// A builder for an organization.
#[derive(Debug)]
pub struct OrgBuilder<'a> {
    app: &'a TestApp,
    slug: String,
    plan: String,
    time_zone: String,
}

impl<'a> OrgBuilder<'a> {
    pub(crate) fn new(app: &'a TestApp, slug: &str) -> Self {
        Self { app, slug: slug.to_owned(), plan: "pro".to_owned(), time_zone: "UTC".to_owned() }
    }

    /// The plan that it subscribes to.
    #[must_use]
    pub fn plan(mut self, plan: &str) -> Self {
        plan.clone_into(&mut self.plan);
        self
    }

    /// The time zone of its "today".
    #[must_use]
    pub fn time_zone(mut self, time_zone: &str) -> Self {
        time_zone.clone_into(&mut self.time_zone);
        self
    }

    /// Creates it.
    pub async fn create(self) -> Org {
        let Self { app, slug, plan, time_zone } = self;
        let clock = Clock::system();
        let (id, workspace): (OrganizationId, WorkspaceId) = (clock.new_id(), clock.new_id());
        let (org, room) = (id.as_uuid(), workspace.as_uuid());
        app.sql(&format!(
            "INSERT INTO app.organizations (id, name, slug, time_zone) VALUES ('{org}', 'The {slug}', '{slug}', '{time_zone}');
             INSERT INTO app.workspaces (organization_id, id, name, is_default) VALUES ('{org}', '{room}', 'General', true);
             INSERT INTO billing.organization_billing (organization_id, plan) VALUES ('{org}', '{plan}');"
        ))
        .await;
        let owner = app.join(id, &format!("owner@{slug}.test"), Role::Owner).await;
        Org { id, slug, workspace, owner }
    }
}

impl TestApp {
    /// An organization with a project and a task in it: the organization, its owner's session, the project's and the task's id.
    pub async fn with_task(&self) -> (Org, Session, Value, Value) {
        let org = self.organization("acme").plan("enterprise").create().await;
        let owner = self.as_owner(&org);
        let project = owner.create_project("Site", None).await["id"].clone();
        let task = owner.write("createTask", json!({ "projectId": project, "title": "Draw" })).await;
        let task = task.expect_done()["id"].clone();
        (org, owner, project, task)
    }

    /// `NAME@ORGANIZATION.test`, who joins with this role if necessary.
    pub async fn person(&self, org: &Org, name: &str, role: Role) -> Person {
        self.join(org.id, &format!("{name}@{}.test", org.slug), role).await
    }

    /// The user with this address, who joins the organization with this role if necessary.
    pub async fn join(&self, organization: OrganizationId, email: &str, role: Role) -> Person {
        let clock = Clock::system();
        let user = clock.new_id::<UserId>().as_uuid();
        let (name, org) = (email.split('@').next().unwrap_or_default(), organization.as_uuid());
        let email = &folded_email(email);
        self.sql(&format!(
            "INSERT INTO auth.users (id, email, name) VALUES ('{user}', '{email}', '{name}') ON CONFLICT DO NOTHING;
             INSERT INTO app.organization_members (organization_id, id, user_id, role)
                 SELECT '{org}', u.id, u.id, '{role}' FROM auth.users u WHERE u.email = '{email}'
                 ON CONFLICT DO NOTHING;"
        ))
        .await;
        let user: uuid::Uuid = sqlx::query_scalar(
            "SELECT m.user_id FROM app.organization_members m JOIN auth.users u ON u.id = m.user_id
             WHERE m.organization_id = $1 AND u.email = $2",
        )
        .bind(org)
        .bind(email)
        .fetch_one(self.admin())
        .await
        .unwrap();
        Person { user_id: UserId::from_uuid(user), email: email.to_owned() }
    }
}
