//! The forms of an address against a real server, and the connect timeout against a silent one.

use std::time::{Duration, Instant};

use tenantry_wire::Error;
use tokio::net::TcpListener;

use crate::fixture::{Fixture, ask, open};

#[tokio::test]
async fn every_form_of_an_address_connects() {
    let fixture = Fixture::new().await;
    let at = fixture.database.connection();
    let (port, folder, name) = (at.port(), at.socket_dir().display().to_string(), fixture.database.name().to_owned());
    let role = "postgres";
    for address in [
        fixture.database.superuser_url(),
        format!("postgresql://{role}@/{name}?host={folder}&port={port}"),
        format!("postgres://{role}@:{port}/{name}?host={folder}"),
        format!("postgres:///{name}?user={role}&host={folder}&port={port}"),
        format!("host='{folder}' port={port} user = {role} dbname={name}"),
    ] {
        let address = if address.contains('?') { format!("{address}&connect_timeout=10") } else { address };
        let mut connection = open(&address).await.unwrap_or_else(|error| panic!("{address}: {error:?}"));
        assert_eq!(ask::<String>(&mut connection, "SELECT current_database()::text").await, name, "{address}");
    }
    let options =
        "keepalives_idle=30&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=20000&channel_binding=prefer";
    let url = fixture.database.superuser_url();
    let url = format!("{url}{}{options}&application_name=a%20name", if url.contains('?') { '&' } else { '?' });
    let mut connection = open(&url).await.unwrap();
    assert_eq!(ask::<String>(&mut connection, "SHOW application_name").await, "a name");
}

#[tokio::test]
async fn connecting_to_a_silent_server_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let began = Instant::now();
    let refused = open(&format!("postgres://a:b@127.0.0.1:{port}/c?sslmode=disable&connect_timeout=1")).await;
    assert!(matches!(refused, Err(Error::TimedOut)), "{:?}", refused.map(drop));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(10), "{took:?}");
}
