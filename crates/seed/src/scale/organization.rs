//! One organization: its members, workspaces and clients, then the work and the money.

use chrono::{DateTime, Duration, Utc};
use rust_decimal::Decimal;
use tenantry_domain::client::{Client, ClientStatus};
use tenantry_domain::grant::WorkspaceGrant;
use tenantry_domain::organization::Organization;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{ClientId, Currency, Grant, OrganizationId, Role, UserId, WorkspaceId};
use tenantry_store::bulk::MemberRow;

use super::people::{People, founded};
use super::sizes::Plot;
use super::{Positions, Rows, money, work};
use crate::chance::{Chance, EPOCH, Stream};
use crate::error::SeedError;
use crate::text;

const TIME_ZONES: &[(&str, u64)] = &[
    ("UTC", 25),
    ("America/New_York", 18),
    ("America/Los_Angeles", 10),
    ("Europe/London", 12),
    ("Europe/Berlin", 12),
    ("Asia/Kolkata", 9),
    ("Asia/Tokyo", 6),
    ("Australia/Sydney", 4),
    ("America/Sao_Paulo", 4),
];

/// An organization being generated: what its rows have in common.
pub(super) struct Home {
    pub(super) id: OrganizationId,
    pub(super) founded: DateTime<Utc>,
    pub(super) chance: Chance,
    pub(super) currency: Currency,
    pub(super) tax_rate: Decimal,
    pub(super) known: Option<&'static str>,
    /// Everyone who can be assigned work: owners, admins and members. Never empty, because the owner is included.
    pub(super) workers: Vec<UserId>,
    /// Members and viewers: those who may need a grant for private things.
    pub(super) grantees: Vec<UserId>,
    /// Guests, who see only what is granted.
    pub(super) guests: Vec<UserId>,
    /// The default workspace comes first.
    pub(super) workspaces: Vec<WorkspaceId>,
    pub(super) clients: Vec<(ClientId, DateTime<Utc>)>,
}

/// Generates everything that belongs to one organization.
pub(super) async fn make(
    rows: &mut Rows<'_>,
    people: &People<'_>,
    positions: &mut Positions,
    seed: u64,
    index: usize,
    plot: &Plot,
) -> Result<(), SeedError> {
    let mut chance = Chance::new(seed, Stream::Organization, index as u64);
    let founded = founded(seed, index, plot);
    let id = chance.id(founded);
    let (name, slug) = text::agency(&mut chance);
    let organization = Organization {
        id,
        name,
        slug: plot.known.map_or_else(|| format!("{slug}-{index}"), str::to_owned),
        logo_url: chance.maybe(40, |_| format!("https://logos.example/{index}.svg")),
        time_zone: chance.weighted(TIME_ZONES).to_owned(),
        deletion_requested_at: None,
        deletion_due_at: None,
        created_at: founded,
        updated_at: founded,
    };
    rows.load.push(&organization).await?;
    let (currency, tax_rate) = money::habits(&mut chance);
    let mut home = Home {
        id,
        founded,
        chance,
        currency,
        tax_rate,
        known: plot.known,
        workers: Vec::new(),
        grantees: Vec::new(),
        guests: Vec::new(),
        workspaces: Vec::new(),
        clients: Vec::new(),
    };
    members(rows, people, &mut home, plot).await?;
    workspaces(rows, &mut home, plot.tasks).await?;
    clients(rows, &mut home, plot.tasks).await?;
    let bills = work::projects(rows, positions, &mut home, plot.tasks).await?;
    money::make(rows, &mut home, plot.tasks, bills).await
}

async fn members(rows: &mut Rows<'_>, people: &People<'_>, home: &mut Home, plot: &Plot) -> Result<(), SeedError> {
    let own = plot.users.end - plot.users.start;
    let mut users: Vec<u64> = plot.users.clone().collect();
    // One in five memberships is a second one: a freelancer, an accountant, a client who watches.
    let visitors = (own + 2) / 4;
    for _ in 0..visitors {
        let visitor = home.chance.between(0, people.count() - 1);
        // If drawn twice, or already a member here, there is one visitor less.
        if !plot.users.contains(&visitor) && !users[usize::try_from(own).unwrap_or(0)..].contains(&visitor) {
            users.push(visitor);
        }
    }
    let mut owner = None;
    for (n, index) in users.into_iter().enumerate() {
        let (user_id, created_at) = people.id(index);
        let joined_at = home.chance.soon(created_at.max(home.founded), 14, EPOCH);
        let (role, joined_at) = match n {
            0 => (Role::Owner, home.founded),
            // A large organization has more than one owner.
            1 if own > 100 => (Role::Owner, joined_at),
            _ => (
                home.chance.weighted(&[(Role::Admin, 6), (Role::Member, 70), (Role::Viewer, 14), (Role::Guest, 10)]),
                joined_at,
            ),
        };
        let row = MemberRow { id: user_id, organization_id: home.id, user_id, role, invited_by: owner, joined_at };
        rows.load.push(&row).await?;
        owner.get_or_insert(user_id);
        match role {
            Role::Owner | Role::Admin => home.workers.push(user_id),
            Role::Member => {
                home.workers.push(user_id);
                home.grantees.push(user_id);
            }
            Role::Viewer => home.grantees.push(user_id),
            Role::Guest => home.guests.push(user_id),
        }
    }
    Ok(())
}

async fn workspaces(rows: &mut Rows<'_>, home: &mut Home, tasks: u64) -> Result<(), SeedError> {
    const NAMES: &[(&str, bool)] = &[
        ("General", false),
        ("Leadership", true),
        ("Marketing", false),
        ("Research & development", false),
        ("Finances", true),
        ("Clients abroad", false),
        ("مشاريع الخليج", false),
        ("Hiring", true),
        ("Archive", false),
    ];
    let count = match tasks {
        0..400 => 1,
        400..2_000 => 2 + home.chance.below(2),
        2_000..10_000 => 3 + home.chance.below(3),
        _ => NAMES.len(),
    };
    for (n, &(name, is_private)) in NAMES.iter().take(count).enumerate() {
        let created_at = if n == 0 { home.founded } else { home.chance.soon(home.founded, 400, EPOCH) };
        let id: WorkspaceId = home.chance.id(created_at);
        let workspace = Workspace {
            id,
            organization_id: home.id,
            name: name.to_owned(),
            description: home.chance.maybe(30, text::prose),
            is_private,
            is_default: n == 0,
            created_by: home.workers.first().copied(),
            created_at,
            updated_at: created_at,
        };
        rows.load.push(&workspace).await?;
        home.workspaces.push(id);
        if is_private {
            let granted = 2 + home.chance.below(5);
            for grantee in home.chance.distinct(granted, home.grantees.len()) {
                let row = WorkspaceGrant {
                    id: home.chance.id(created_at),
                    organization_id: home.id,
                    workspace_id: id,
                    user_id: home.grantees[grantee],
                    permission: grant(&mut home.chance),
                    created_at,
                    updated_at: created_at,
                };
                rows.load.push(&row).await?;
            }
        }
    }
    Ok(())
}

pub(super) fn grant(chance: &mut Chance) -> Grant {
    chance.weighted(&[(Grant::View, 45), (Grant::Edit, 45), (Grant::Admin, 10)])
}

async fn clients(rows: &mut Rows<'_>, home: &mut Home, tasks: u64) -> Result<(), SeedError> {
    // Large organizations work for many clients, small ones for a few again and again.
    let count = if tasks >= 20_000 { tasks / 45 } else { tasks.div_ceil(80) };
    for _ in 0..count {
        let first = home.chance.moment(home.founded, EPOCH - Duration::days(2));
        // The earlier of two, because most clients are created early.
        let created_at = first.min(home.chance.moment(home.founded, EPOCH - Duration::days(2)));
        let id = home.chance.id(created_at);
        let client = client(home, id, created_at);
        rows.load.push(&client).await?;
        home.clients.push((id, created_at));
    }
    Ok(())
}

fn client(home: &mut Home, id: ClientId, created_at: DateTime<Utc>) -> Client {
    let chance = &mut home.chance;
    let (company, host) = text::company(chance);
    let (person, local) = text::person(chance);
    // A company, or a person without one.
    let is_company = chance.percent(80);
    Client {
        id,
        organization_id: home.id,
        name: if is_company { company.clone() } else { person },
        email: chance.maybe(85, |_| format!("{local}@{host}.example")),
        phone: chance.maybe(50, text::phone),
        company: is_company.then_some(company),
        website: is_company.then(|| format!("https://{host}.example")),
        address_line1: None,
        address_line2: None,
        city: None,
        region: None,
        postal_code: None,
        country: None,
        tax_id: None,
        status: Some(chance.weighted(&[
            (ClientStatus::Active, 62),
            (ClientStatus::Inactive, 26),
            (ClientStatus::Lead, 12),
        ])),
        notes: chance.maybe(20, text::prose),
        created_at,
        updated_at: chance.soon(created_at, 200, EPOCH),
    }
}
