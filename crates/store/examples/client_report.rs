//! Another Rust service over the same database: per client, its projects, its open tasks and what it was billed.
//!
//! It depends on `tenantry-domain` and `tenantry-store` only, and costs five statements for a page of clients, whatever their
//! number of projects and tasks.
//!
//! ```sh
//! cargo run --package tenantry-store --example client_report -- ada@northwind.example northwind
//! ```
//! with `DATABASE_URL` set to the database, as the role `tenantry_app`.

use std::error::Error;
use std::process::ExitCode;

use tenantry_domain::client::{Client, ClientSort};
use tenantry_domain::project::{Project, ProjectParent};
use tenantry_domain::{ClientId, Clock, Identity, ProjectId};
use tenantry_store::{
    Direction, IdentityScope, ListOf, ListRequest, PageRequest, ReadScope, Store, StoreSettings, invoice, list,
    list_for, organization, task, user,
};

#[tokio::main]
async fn main() -> ExitCode {
    match report().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("client_report: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn report() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(email), Some(slug)) = (arguments.next(), arguments.next()) else {
        return Err("usage: client_report EMAIL ORGANIZATION".into());
    };
    let url =
        std::env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL to the database, as the role tenantry_app")?;
    let store = Store::connect(&StoreSettings::new(url), Clock::system()).await?;
    let identity = find(&store, &email, &slug).await?;

    // Everything below is one snapshot of one organization.
    let scope = ReadScope::open(&store, identity).await?;
    let request: ListOf<Client> = ListRequest {
        order: vec![(ClientSort::Name, Direction::Ascending)],
        page: PageRequest { limit: 100, ..PageRequest::default() },
        ..ListRequest::default()
    };
    let clients = list::<Client>(&scope, &request).await?.items;
    let ids: Vec<ClientId> = clients.iter().map(|client| client.id).collect();
    let page = PageRequest { limit: 100, ..PageRequest::default() };
    let projects =
        list_for::<Project, _>(&scope, ProjectParent::Client, &ids, &ListRequest { page, ..ListRequest::default() })
            .await?;
    let project_ids: Vec<ProjectId> = projects.iter().flat_map(|page| &page.items).map(|project| project.id).collect();
    let open = task::count_open(&scope, &project_ids).await?;
    let billed = invoice::billed(&scope, &ids).await?;

    println!("{:<32} {:>8} {:>10}  billed", "client", "projects", "open tasks");
    for (client, projects) in clients.iter().zip(projects) {
        let projects = projects.items;
        let open: u64 = projects.iter().filter_map(|project| open.get(&project.id)).sum();
        let billed = billed.get(&client.id).map_or(&[][..], Vec::as_slice);
        let billed = billed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        println!("{:<32} {:>8} {:>10}  {billed}", client.name, projects.len(), open);
    }
    Ok(())
}

/// The user and the organization, if the user belongs to it.
async fn find(store: &Store, email: &str, slug: &str) -> Result<Identity, Box<dyn Error>> {
    let nobody = || format!("{email} does not belong to an organization \"{slug}\"");
    let found = user::get_by_email(&IdentityScope::open(store, None).await?, email).await?.ok_or_else(nobody)?;
    let scope = IdentityScope::open(store, Some(found.id)).await?;
    let organizations = organization::list_of_user(&scope).await?;
    let (organization, _) = organizations.into_iter().find(|(o, _)| o.slug == slug).ok_or_else(nobody)?;
    Ok(Identity { user_id: found.id, organization_id: organization.id })
}
