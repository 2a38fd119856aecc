//! A service's own entities on a real database: they work, and nothing that is tried leaves the tenant.

use ::sea_orm::ActiveValue::{NotSet, Set};
use ::sea_orm::entity::prelude::*;
use ::sea_orm::sea_query::ExprTrait;
use ::sea_orm::sea_query::extension::postgres::PgFunc;
use ::sea_orm::{Order, QueryOrder as _, QuerySelect as _, QueryTrait as _};
use chrono::{DateTime, TimeZone as _, Utc};
use tenantry_domain::Clock;

use super::*;
use crate::ConstraintKind;
use crate::fixture::Fixture;
use crate::scope::sealed::Sealed as _;
use crate::scope::{Scope, in_write_scope};

mod client {
    use ::sea_orm;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "app", table_name = "clients")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) organization_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
        pub(super) name: String,
        pub(super) email: Option<String>,
        pub(super) status: String,
        pub(super) created_at: ChronoDateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {
        #[sea_orm(has_many = "super::invoice::Entity")]
        Invoices,
    }

    impl Related<super::invoice::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Invoices.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod invoice {
    use ::sea_orm;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(schema_name = "app", table_name = "invoices")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) organization_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
        pub(super) client_id: Option<Uuid>,
        pub(super) number: Option<String>,
        pub(super) currency: String,
        pub(super) issue_date: Date,
        pub(super) due_date: Option<Date>,
        pub(super) line_items: Json,
        pub(super) total: i64,
        pub(super) tax_rate: Decimal,
        pub(super) sent_at: Option<ChronoDateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {
        #[sea_orm(
            belongs_to = "super::client::Entity",
            from = "(Column::OrganizationId, Column::ClientId)",
            to = "(super::client::Column::OrganizationId, super::client::Column::Id)"
        )]
        Client,
    }

    impl Related<super::client::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Client.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// With the types that SeaORM's generator writes, and one that is wrong.
mod generated {
    use ::sea_orm;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "app", table_name = "projects")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) id: Uuid,
        pub(super) budget: Option<i32>,
        pub(super) created_at: DateTimeWithTimeZone,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn statement(text: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, text)
}

fn new_client(organization: Uuid, name: &str) -> client::ActiveModel {
    client::ActiveModel {
        organization_id: Set(organization),
        id: Set(Clock::system().new_id::<tenantry_domain::ClientId>().as_uuid()),
        name: Set(name.to_owned()),
        email: Set(None),
        status: NotSet,
        created_at: NotSet,
    }
}

#[tokio::test]
async fn a_service_reads_with_its_own_entities() {
    let fixture = Fixture::new().await;
    let scope = fixture.read().await;
    let scope = scope.sea_orm();
    scope.check::<client::Entity>().await.unwrap();
    scope.check::<invoice::Entity>().await.unwrap();

    let clients = client::Entity::find().order_by_asc(client::Column::Name).all(&scope).await.unwrap();
    assert_eq!(clients.iter().map(|client| client.name.as_str()).collect::<Vec<_>>(), ["First", "Second"]);
    assert!(clients.iter().all(|client| client.organization_id == fixture.organization()));
    let written: DateTime<Utc> = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    assert_eq!(clients[0].created_at, written + chrono::Duration::microseconds(678_901));
    assert_eq!((clients[0].email.as_deref(), clients[1].email.as_deref()), (None, Some("a@b.test")));

    let with_invoices = client::Entity::find().find_with_related(invoice::Entity).all(&scope).await.unwrap();
    let invoice = with_invoices.iter().flat_map(|(_, invoices)| invoices).next().unwrap();
    assert_eq!(
        (invoice.currency.as_str(), invoice.total, invoice.tax_rate.to_string().as_str()),
        ("EUR", 0, "0.19500000")
    );
    assert_eq!((invoice.issue_date.to_string(), invoice.due_date), ("2026-02-03".to_owned(), None));
    assert_eq!((&invoice.line_items, &invoice.number, invoice.sent_at), (&serde_json::json!([]), &None, None));

    assert_eq!(client::Entity::find().count(&scope).await.unwrap(), 2);
    let page = client::Entity::find().order_by_asc(client::Column::Id).paginate(&scope, 1);
    assert_eq!((page.num_pages().await.unwrap(), page.fetch_page(1).await.unwrap().len()), (2, 1));
    let ids: Vec<Uuid> = clients.iter().map(|client| client.id).collect();
    let found =
        client::Entity::find().filter(ExprTrait::eq(Expr::col(client::Column::Id), PgFunc::any(ids))).all(&scope).await;
    assert_eq!(found.unwrap().len(), 2, "arrays are bound");

    // By place, in another order than that of the names.
    let select = client::Entity::find().select_only().column(client::Column::Status).column(client::Column::Name);
    let tuples: Vec<(String, String)> =
        select.clone().order_by(client::Column::Name, Order::Desc).into_tuple().all(&scope).await.unwrap();
    assert_eq!(tuples[0], ("active".to_owned(), "Second".to_owned()));
    let json = select.order_by_asc(client::Column::Name).into_json().one(&scope.by_name()).await.unwrap().unwrap();
    assert_eq!(json, serde_json::json!({ "name": "First", "status": "active" }));
}

#[tokio::test]
async fn every_type_is_read_with_its_nulls() {
    let fixture = Fixture::new().await;
    let scope = fixture.read().await;
    let scope = scope.sea_orm();
    let row = scope
        .query_one_raw(statement(
            "SELECT true AS bool, 1::int2 AS small, 2 AS int, 3::int8 AS big, 1.5::float8 AS double, 1.50::numeric AS decimal, \
             'x' AS text, 'ab'::char(3) AS char, x.u AS uuid, '[1]'::jsonb AS json, '2026-01-02'::date AS date, \
             ARRAY['a', NULL] AS texts, ARRAY[x.u] AS uuids, '{1,2}'::int8[] AS bigs, decode('00ff', 'hex') AS bytes, \
             NULL::uuid AS no_uuid, NULL::text[] AS no_texts, NULL::jsonb AS no_json, NULL::bytea AS no_bytes \
             FROM (SELECT gen_random_uuid() AS u) AS x",
        ))
        .await;
    // Nobody but the builder's authors needs it, so it is not on the list.
    assert!(row.unwrap_err().to_string().contains("decode"));
    let row = scope
        .query_one_raw(statement(
            r"SELECT true AS bool, 1::int2 AS small, 2 AS int, 3::int8 AS big, 1.5::float8 AS double, 1.50::numeric AS decimal,
             'x' AS text, 'ab'::char(3) AS char, x.u AS uuid, '[1]'::jsonb AS json, '2026-01-02'::date AS date,
             ARRAY['a', NULL] AS texts, ARRAY[x.u] AS uuids, '{1,2}'::int8[] AS bigs, e'\\x00ff'::bytea AS bytes,
             NULL::uuid AS no_uuid, NULL::text[] AS no_texts, NULL::jsonb AS no_json, NULL::bytea AS no_bytes
             FROM (SELECT gen_random_uuid() AS u) AS x",
        ))
        .await
        .unwrap()
        .unwrap();
    assert!(row.try_get::<bool>("", "bool").unwrap());
    let numbers: (i16, i32, i64, f64) = (
        row.try_get("", "small").unwrap(),
        row.try_get("", "int").unwrap(),
        row.try_get("", "big").unwrap(),
        row.try_get("", "double").unwrap(),
    );
    assert_eq!(numbers, (1, 2, 3, 1.5));
    assert_eq!(row.try_get::<Decimal>("", "decimal").unwrap().to_string(), "1.50");
    assert_eq!(row.try_get::<String>("", "text").unwrap(), "x");
    assert_eq!(row.try_get::<String>("", "char").unwrap(), "ab ");
    let id: Uuid = row.try_get("", "uuid").unwrap();
    assert_eq!(row.try_get::<Vec<Uuid>>("", "uuids").unwrap(), [id]);
    assert_eq!(row.try_get::<Vec<i64>>("", "bigs").unwrap(), [1, 2]);
    assert_eq!(row.try_get::<Vec<u8>>("", "bytes").unwrap(), [0, 255]);
    assert_eq!(row.try_get::<Json>("", "json").unwrap(), serde_json::json!([1]));
    assert_eq!(row.try_get::<Date>("", "date").unwrap().to_string(), "2026-01-02");
    let texts = row.try_as_proxy_row().unwrap().values["texts"].clone();
    assert_eq!(
        <Vec<Option<String>> as ::sea_orm::sea_query::ValueType>::try_from(texts).unwrap(),
        [Some("a".to_owned()), None]
    );
    assert_eq!(row.try_get::<Option<Uuid>>("", "no_uuid").unwrap(), None);
    assert_eq!(row.try_get::<Option<Vec<String>>>("", "no_texts").unwrap(), None);
    assert_eq!(row.try_get::<Option<Json>>("", "no_json").unwrap(), None);
    assert_eq!(row.try_get::<Option<Vec<u8>>>("", "no_bytes").unwrap(), None);

    let error = scope.query_one_raw(statement("SELECT '10.0.0.1'::inet AS address")).await.unwrap_err();
    assert!(matches!(&error, DbErr::Type(text) if text.contains("address") && text.contains("inet")), "{error}");
    assert_eq!(client::Entity::find().count(&scope).await.unwrap(), 2, "the scope is as it was");
}

#[tokio::test]
async fn a_field_of_another_type_than_its_column_is_found() {
    let fixture = Fixture::new().await;
    let scope = fixture.read().await;
    let error = scope.sea_orm().check::<generated::Entity>().await.unwrap_err().to_string();
    assert!(error.ends_with(": budget, created_at"), "{error}");
    let error = scope.sea_orm().with_offsets().check::<generated::Entity>().await.unwrap_err().to_string();
    assert!(error.ends_with(": budget"), "{error}");
    let row = scope.sea_orm().with_offsets().query_one_raw(statement("SELECT now() AS t")).await.unwrap().unwrap();
    row.try_get::<DateTimeWithTimeZone>("", "t").unwrap();
}

#[tokio::test]
async fn a_service_writes_with_its_own_entities() {
    let fixture = Fixture::new().await;
    let others = fixture.others().await;
    let organization = fixture.organization();
    let scope = fixture.write().await;
    let inserted = new_client(organization, "Third").insert(&scope.sea_orm()).await.unwrap();
    assert_eq!((inserted.name.as_str(), inserted.status.as_str()), ("Third", "active"), "what the database filled in");
    let mut changed: client::ActiveModel = inserted.into();
    changed.email = Set(Some("c@d.test".to_owned()));
    assert_eq!(changed.update(&scope.sea_orm()).await.unwrap().email.as_deref(), Some("c@d.test"));
    client::Entity::insert_many([new_client(organization, "Fourth"), new_client(organization, "Fifth")])
        .exec(&scope.sea_orm())
        .await
        .unwrap();

    // Without any filter.
    let updated = client::Entity::update_many()
        .col_expr(client::Column::Status, Expr::value("lead"))
        .exec(&scope.sea_orm())
        .await
        .unwrap();
    assert_eq!(updated.rows_affected, 5);
    assert_eq!(invoice::Entity::delete_many().exec(&scope.sea_orm()).await.unwrap().rows_affected, 1);
    scope.commit().await.unwrap();
    assert_eq!(fixture.others().await, others);
    let written =
        format!("SELECT count(*) FROM app.clients WHERE organization_id = '{organization}' AND status = 'lead'");
    assert_eq!(fixture.psql(&written).await, "5");

    // Not committed is not written.
    let scope = fixture.write().await;
    assert_eq!(client::Entity::delete_many().exec(&scope.sea_orm()).await.unwrap().rows_affected, 5);
    drop(scope);
    assert_eq!(fixture.psql(&written).await, "5");
    assert_eq!(fixture.others().await, others);
}

#[tokio::test]
async fn a_row_of_another_organization_is_not_written() {
    let fixture = Fixture::new().await;
    let others = fixture.others().await;
    let foreign = fixture.two.organization_id.as_uuid();
    let scope = fixture.write().await;
    let error = new_client(foreign, "Smuggled").insert(&scope.sea_orm()).await.unwrap_err();
    assert!(matches!(StoreError::from(error), StoreError::Database(Error::Server(error)) if error.code == "42501"));
    assert!(scope.commit().await.is_err());

    // Nor is one moved there, nor one from there changed.
    let scope = fixture.write().await;
    let moved = client::Entity::update_many()
        .col_expr(client::Column::OrganizationId, Expr::value(foreign))
        .exec(&scope.sea_orm())
        .await;
    assert!(moved.is_err());
    drop(scope);
    let scope = fixture.write().await;
    let mut theirs = new_client(foreign, "Theirs");
    theirs.id = Set(foreign);
    assert!(matches!(theirs.update(&scope.sea_orm()).await, Err(DbErr::RecordNotUpdated)));
    let found = client::Entity::find_by_id((foreign, foreign)).one(&scope.sea_orm()).await.unwrap();
    assert_eq!(found, None);
    scope.commit().await.unwrap();
    assert_eq!(fixture.others().await, others);
}

#[tokio::test]
async fn a_scope_that_reads_writes_nothing() {
    let fixture = Fixture::new().await;
    for text in ["DELETE FROM app.clients", "WITH gone AS (DELETE FROM app.clients RETURNING id) SELECT * FROM gone"] {
        let scope = fixture.read().await;
        let error = scope.sea_orm().execute_raw(statement(text)).await.unwrap_err();
        assert!(matches!(StoreError::from(error), StoreError::Database(Error::Server(error)) if error.code == "25006"));
    }
    assert_eq!(fixture.psql("SELECT count(*) FROM app.clients").await, "4");
}

#[tokio::test]
async fn no_statement_leaves_the_tenant() {
    let fixture = Fixture::new().await;
    let others = fixture.others().await;
    let two = fixture.two.organization_id.as_uuid();
    let scope = fixture.write().await;
    let scope_of = scope.sea_orm();
    let attempts = [
        format!("SET LOCAL app.current_organization_id = '{two}'"),
        format!("/* x */ set session app.current_organization_id = '{two}'"),
        "RESET app.current_organization_id".to_owned(),
        "RESET ALL".to_owned(),
        "DISCARD ALL".to_owned(),
        "BEGIN".to_owned(),
        "COMMIT".to_owned(),
        "COMMIT AND CHAIN".to_owned(),
        "ROLLBACK".to_owned(),
        "SAVEPOINT a".to_owned(),
        "COPY app.clients TO STDOUT".to_owned(),
        format!("DO $$ BEGIN PERFORM set_config('app.current_organization_id', '{two}', true); END $$"),
        format!("PREPARE a AS SELECT set_config('app.current_organization_id', '{two}', true)"),
        format!("SELECT set_config('app.current_organization_id', '{two}', true)"),
        format!("SELECT set_config('app.current_' || 'organization_id', '{two}', true)"),
        format!(
            "WITH a AS MATERIALIZED (SELECT set_config('app.current_organization_id', '{two}', true)) SELECT * FROM a, app.clients"
        ),
        format!("SELECT U&\"set\\005fconfig\"('app.current' || '_organization_id', '{two}', true)"),
        "SELECT query_to_xml('SELECT 1', true, true, '')".to_owned(),
        "SELECT ('SELECT 1'::text).ts_stat".to_owned(),
        "SELECT f.ts_stat FROM unnest(ARRAY['SELECT 1']) AS f".to_owned(),
        "SELECT * FROM dblink('', '') AS t (a text)".to_owned(),
        "SELECT email FROM auth.users".to_owned(),
        "UPDATE auth.users SET name = 'x'".to_owned(),
        "SELECT query FROM pg_stat_activity".to_owned(),
        "SELECT * INTO TEMP kept FROM app.clients".to_owned(),
        "CREATE TEMP TABLE kept AS SELECT * FROM app.clients".to_owned(),
        format!("SELECT 1; SET LOCAL app.current_organization_id = '{two}'"),
    ];
    for attempt in &attempts {
        let error = scope_of.query_all_raw(statement(attempt)).await.unwrap_err();
        assert!(matches!(error, DbErr::AccessDenied { .. }), "{attempt}: {error}");
        let error = scope_of.execute_raw(statement(attempt)).await.unwrap_err();
        assert!(matches!(error, DbErr::AccessDenied { .. }), "{attempt}: {error}");
        assert!(scope_of.execute_unprepared(attempt).await.is_err(), "{attempt}");
    }
    assert!(scope_of.execute_unprepared("SELECT 1").await.is_err(), "it could be several");
    let other_kind = Statement::from_string(DbBackend::MySql, "SELECT 1");
    assert!(scope_of.query_all_raw(other_kind).await.is_err());

    // The scope is what it was, and still works.
    let clients = client::Entity::find().all(&scope_of).await.unwrap();
    assert_eq!(clients.len(), 2);
    assert!(clients.iter().all(|client| client.organization_id == fixture.organization()));
    new_client(fixture.organization(), "After").insert(&scope_of).await.unwrap();
    scope.commit().await.unwrap();
    assert_eq!(fixture.others().await, others);
}

/// The lock behind the one that reads the text: whatever a statement does, nobody gets an answer from another tenant.
#[tokio::test]
async fn a_statement_that_did_leave_the_tenant_is_not_answered() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.one.organization_id, fixture.two.organization_id);
    let leave = || {
        let mut sql = Sql::new("SELECT set_config('app.current_organization_id', ");
        sql.bind(two.as_uuid().to_string()).push(", false), (SELECT count(*) FROM app.clients)");
        sql
    };
    let scope = fixture.write().await;
    let error = scope.connection().answer_within(leave(), one).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(Error::Protocol(_))), "{error:?}");
    assert!(client::Entity::find().all(&scope.sea_orm()).await.is_err(), "it is of no use any more");
    assert!(scope.commit().await.is_err());

    // The connection serves the next scope as it should.
    let scope = fixture.read().await;
    assert_eq!(client::Entity::find().count(&scope.sea_orm()).await.unwrap(), 2);
    let organizations: Vec<Uuid> = client::Entity::find()
        .select_only()
        .column(client::Column::OrganizationId)
        .distinct()
        .into_tuple()
        .all(&scope.sea_orm())
        .await
        .unwrap();
    assert_eq!(organizations, [fixture.organization()]);
}

#[tokio::test]
async fn errors_are_the_stores_again() {
    let fixture = Fixture::new().await;
    let organization = fixture.organization();
    let written = in_write_scope::<(), StoreError>(&fixture.store, fixture.one, move |scope| {
        Box::pin(async move {
            let mut twice = new_client(organization, "Twice");
            twice.id = Set(organization);
            twice.insert(&scope.sea_orm()).await?;
            Ok(())
        })
    })
    .await;
    assert!(matches!(written, Err(StoreError::Constraint { kind: ConstraintKind::Unique, .. })), "{written:?}");
    let scope = fixture.read().await;
    let built = client::Entity::find().filter(client::Column::Name.eq("x")).build(DbBackend::Postgres);
    assert_eq!(scope.sea_orm().query_all_raw(built).await.unwrap().len(), 0);
}
