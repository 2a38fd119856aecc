//! A server that refuses the login, refuses a statement, or disappears.

use std::time::Duration;

use tenantry_devdb::{Cluster, ClusterOptions, Role};
use tenantry_wire::{Command, Error};

use crate::fixture::{Fixture, ask, assert_broken, assert_usable, open, polled, within};

/// Waits until this condition holds in the server.
async fn wait_until(fixture: &Fixture, condition: &str) {
    let mut other = open(&fixture.database.superuser_url()).await.unwrap();
    within(async {
        while !ask::<bool>(&mut other, condition).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_user_is_refused() {
    let Fixture { database, .. } = &Fixture::new().await;
    let port = database.connection().port();
    let name = database.name();
    for (url, code) in [
        (format!("postgres://postgres:wrong@127.0.0.1:{port}/{name}"), "28P01"),
        (format!("postgres://nobody:wrong@127.0.0.1:{port}/{name}"), "28P01"),
        (database.superuser_url().replace(name, "missing"), "3D000"),
        (format!("{}?options=-c%20nonsense%3D1", database.superuser_url()), "42704"),
    ] {
        let refused = open(&url).await.unwrap_err();
        assert!(matches!(refused, Error::Server(_)) && refused.code() == Some(code), "{refused:?}");
        assert!(!format!("{refused:?}").contains("wrong"), "the password is shown");
    }
}

#[tokio::test]
async fn connecting_where_nothing_listens_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for url in [format!("postgres://us:secret@127.0.0.1:{port}/db"), "postgres://us@%2Fnowhere/db".to_owned()] {
        let refused = open(&url).await.unwrap_err();
        assert!(matches!(refused, Error::Io(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_socket_in_a_folder_works() {
    let Fixture { database, .. } = &Fixture::new().await;
    let mut connection = open(&database.socket_url(Role::Superuser)).await.unwrap();
    assert!(ask::<bool>(&mut connection, "SELECT inet_client_addr() IS NULL").await);
    assert_usable(&mut connection).await;
}

#[tokio::test]
async fn settings_of_the_address_apply_to_the_session() {
    let Fixture { database, .. } = &Fixture::new().await;
    let url = format!("{}?application_name=it%20is%20us&options=-c%20work_mem%3D12MB", database.superuser_url());
    let mut connection = open(&url).await.unwrap();
    assert_eq!(ask::<String>(&mut connection, "SHOW application_name").await, "it is us");
    assert_eq!(ask::<String>(&mut connection, "SHOW work_mem").await, "12MB");
}

#[tokio::test]
async fn a_script_ends_at_its_first_failure() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    within(connection.script("CREATE TABLE t (n int8); INSERT INTO t VALUES (1); SELECT * FROM t;")).await.unwrap();
    let failing = "INSERT INTO t VALUES (2); SELECT 1 / 0; INSERT INTO t VALUES (3)";
    assert_eq!(within(connection.script(failing)).await.unwrap_err().code(), Some("22012"));
    assert_usable(connection).await;
    assert_eq!(within(connection.script("SELEC 1")).await.unwrap_err().code(), Some("42601"));
    let notes = "DO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$; LISTEN here; NOTIFY here; SET work_mem = '7MB'";
    within(connection.script(notes)).await.unwrap();
    assert_usable(connection).await;
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 1);
}

#[tokio::test]
async fn a_session_terminated_in_the_middle_reports_why() {
    let fixture = &mut Fixture::new().await;
    let sleeping = "SELECT bool_or(state = 'active') FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND \
                    datname = current_database()";
    let sleep = async |connection: &mut tenantry_wire::Connection| {
        let none = bind!();
        within(
            connection
                .exchange(&[Command::prepared("SELECT 1", &none), Command::prepared("SELECT pg_sleep(30)", &none)]),
        )
        .await
    };
    let mut connection = open(&fixture.database.superuser_url()).await.unwrap();
    let end = async {
        wait_until(fixture, sleeping).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND \
                   datname = current_database() AND pid <> pg_backend_pid()";
        fixture.database.psql(end).await.unwrap();
    };
    let (slept, ()) = tokio::join!(sleep(&mut connection), end);
    assert_eq!(slept.unwrap_err().code(), Some("57P01"));
    assert_broken(&mut connection).await;

    // The session ends itself, also in a script.
    let own = "SELECT pg_terminate_backend(pg_backend_pid())";
    let mut connection = open(&fixture.database.superuser_url()).await.unwrap();
    assert_eq!(within(connection.script(own)).await.unwrap_err().code(), Some("57P01"));
    assert_broken(&mut connection).await;

    // While nobody is reading.
    let none = bind!();
    let mut connection = open(&fixture.database.superuser_url()).await.unwrap();
    assert!(polled(1, connection.exchange(&[Command::prepared(own, &none)])).await.is_none());
    let next = within(connection.exchange(&[Command::prepared("SELECT 1", &none)])).await;
    assert!(next.is_err(), "{next:?}");
    assert_broken(&mut connection).await;
}

#[tokio::test]
async fn a_session_terminated_between_exchanges_fails_the_next_one() {
    let fixture = &mut Fixture::new().await;
    let pid: i32 = ask(&mut fixture.connection, "SELECT pg_backend_pid()").await;
    fixture.database.psql(&format!("SELECT pg_terminate_backend({pid})")).await.unwrap();
    wait_until(fixture, &format!("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")).await;
    let (none, large) = (bind!(), bind!("x".repeat(8 << 20)));
    let commands = [Command::prepared("SELECT length($1)", &large), Command::prepared("SELECT 1", &none)];
    let next = within(fixture.connection.exchange(&commands)).await;
    assert_eq!(next.unwrap_err().code(), Some("57P01"), "it was said before the connection was closed");
    assert_broken(&mut fixture.connection).await;
}

#[tokio::test]
async fn a_crashed_server_breaks_the_connection_and_can_restart() {
    let mut cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let url = cluster.superuser_url("postgres");
    let mut connection = open(&url).await.unwrap();
    let none = bind!();
    let sleep = [Command::prepared("SELECT pg_sleep(30)", &none)];
    assert!(polled(1, connection.exchange(&sleep)).await.is_none());
    cluster.halt().unwrap();
    assert!(within(connection.exchange(&sleep)).await.is_err());
    assert_broken(&mut connection).await;
    assert!(matches!(open(&url).await, Err(Error::Io(_))));
    cluster.launch().await.unwrap();
    assert_usable(&mut open(&url).await.unwrap()).await;
}
