//! Another Rust service that works with SeaORM inside of one organization: it declares entities of its own, for the columns that
//! it needs, and runs them on a scope. Whatever it leaves out of a filter, it sees and changes no other organization's rows.
//!
//! It counts the projects of each client, and with a third argument sets aside the clients that have none: they become `inactive`.
//!
//! ```sh
//! cargo run --package tenantry-store --example own_entity -- ada@northwind.example northwind [set-aside]
//! ```
//! with `DATABASE_URL` set to the database, as the role `tenantry_app`.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _};
use tenantry_domain::{Clock, Identity};
use tenantry_store::{
    IdentityScope, ReadScope, Scope as _, Store, StoreError, StoreSettings, in_write_scope, organization, user,
};

/// The columns of `app.clients` that this service works with.
mod client {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "app", table_name = "clients")]
    pub(super) struct Model {
        // Both make up the key, as in every table of an organization.
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) organization_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
        pub(super) name: String,
        pub(super) status: String,
        // Points in time are `ChronoDateTimeUtc`, unless the connection is asked for another type.
        pub(super) updated_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The columns of `app.projects` that this service works with.
mod project {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "app", table_name = "projects")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) organization_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
        pub(super) client_id: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("own_entity: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (email, slug, sets_aside) = match arguments[..] {
        [email, slug] => (email, slug, false),
        [email, slug, "set-aside"] => (email, slug, true),
        _ => return Err("usage: own_entity EMAIL ORGANIZATION [set-aside]".into()),
    };
    let url =
        std::env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL to the database, as the role tenantry_app")?;
    let store = Store::connect(&StoreSettings::new(url), Clock::system()).await?;
    let identity = find(&store, email, slug).await?;

    // One snapshot of one organization. Nothing is written in it.
    let scope = ReadScope::open(&store, identity).await?;
    // Do the entities fit the tables? A test of the service might ask this.
    scope.sea_orm().check::<client::Entity>().await?;
    scope.sea_orm().check::<project::Entity>().await?;
    let organization = scope.organization_id().as_uuid();
    let clients = client::Entity::find()
        // Row-level security would do; with it, the index serves.
        .filter(client::Column::OrganizationId.eq(organization))
        .order_by_asc(client::Column::Name)
        .all(&scope.sea_orm())
        .await?;
    let counted: Vec<(Uuid, i64)> = project::Entity::find()
        .select_only()
        .column(project::Column::ClientId)
        .column_as(project::Column::Id.count(), "projects")
        .filter(project::Column::OrganizationId.eq(organization))
        .filter(project::Column::ClientId.is_not_null())
        .group_by(project::Column::ClientId)
        .into_tuple()
        .all(&scope.sea_orm())
        .await?;
    drop(scope);
    let counted: HashMap<Uuid, i64> = counted.into_iter().collect();
    for client in &clients {
        println!("{:<32} {:<10} {:>3}", client.name, client.status, counted.get(&client.id).unwrap_or(&0));
    }
    if !sets_aside {
        return Ok(());
    }

    // A transaction that writes. It starts over when it loses against another one; SeaORM's errors become the store's by `?`.
    let idle: Vec<client::Model> = clients.into_iter().filter(|client| !counted.contains_key(&client.id)).collect();
    let changed = in_write_scope::<_, StoreError>(&store, identity, move |scope| {
        let idle = idle.clone();
        Box::pin(async move {
            let now = scope.tenant().clock.now();
            let mut changed = 0;
            for client in idle {
                let mut client: client::ActiveModel = client.into();
                client.status = Set("inactive".to_owned());
                client.updated_at = Set(now);
                client.update(&scope.sea_orm()).await?;
                changed += 1;
            }
            Ok(changed)
        })
    })
    .await?;
    println!("{changed} set aside");
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
