//! Loading rows by `COPY`.

use tenantry_wire::{Command, Error};

use crate::fixture::{Fixture, ask, assert_broken, assert_usable, polled, within};

const COPY: &str = "COPY t FROM STDIN";

async fn with_table() -> Fixture {
    let mut fixture = Fixture::new().await;
    within(fixture.connection.script("CREATE TABLE t (n int8 PRIMARY KEY, word text)")).await.unwrap();
    fixture
}

/// These rows in the text format.
fn rows(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let rows: Vec<String> = numbers.map(|n| format!("{n}\tone of many words that are not all that short\n")).collect();
    rows.concat().into_bytes()
}

#[tokio::test]
async fn rows_are_loaded_and_counted() {
    let Fixture { connection, .. } = &mut with_table().await;
    assert_eq!(within(connection.copy_in(COPY, b"1\ta\n2\t\\N\n3\t\xc3\xa4")).await.unwrap(), 3);
    assert_eq!(within(connection.copy_in(COPY, b"")).await.unwrap(), 0);
    assert_eq!(within(connection.copy_in(COPY, &rows(10..200_010))).await.unwrap(), 200_000);
    assert_usable(connection).await;
    assert_eq!(ask::<i64>(connection, "SELECT sum(n)::int8 FROM t WHERE n < 10").await, 6);
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 200_003);
    assert_eq!(ask::<String>(connection, "SELECT word FROM t WHERE n = 3").await, "ä");
}

#[tokio::test]
async fn values_are_encoded_in_the_binary_format() {
    let Fixture { connection, .. } = &mut with_table().await;
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in [bind!(1_i64, "a"), bind!(2_i64, None::<&str>)] {
        data.extend(u16::try_from(row.len()).unwrap().to_be_bytes());
        data.extend(row.encoded());
    }
    data.extend((-1_i16).to_be_bytes());
    assert_eq!(within(connection.copy_in("COPY t FROM STDIN (FORMAT binary)", &data)).await.unwrap(), 2);
    assert_eq!(
        ask::<String>(connection, "SELECT string_agg(n || coalesce(word, '-'), ' ' ORDER BY n) FROM t").await,
        "1a 2-"
    );
}

#[tokio::test]
async fn a_refused_row_loads_nothing_and_leaves_the_connection_usable() {
    let Fixture { connection, .. } = &mut with_table().await;
    for (data, code) in
        [(&b"1\ta\nx\tb\n"[..], "22P02"), (b"1\ta\n1\tb\n", "23505"), (b"1\t\xff\n", "22021"), (b"1\n", "22P04")]
    {
        assert_eq!(within(connection.copy_in(COPY, data)).await.unwrap_err().code(), Some(code));
        assert_usable(connection).await;
    }
    for (statement, code) in [("COPY missing FROM STDIN", "42P01"), ("COPY t FROM", "42601")] {
        assert_eq!(within(connection.copy_in(statement, b"1\ta\n")).await.unwrap_err().code(), Some(code));
        assert_usable(connection).await;
    }
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 0);
}

/// The server refuses long before everything is sent. The rest is sent all the same, and is not mistaken for the next
/// exchange.
#[tokio::test]
async fn a_row_refused_in_the_middle_of_much_data() {
    let Fixture { connection, .. } = &mut with_table().await;
    let none = bind!();
    let mut data = rows(0..20_000);
    data.extend(b"bad\n");
    data.extend(rows(20_000..300_000));
    for _ in 0..3 {
        assert_eq!(within(connection.copy_in(COPY, &data)).await.unwrap_err().code(), Some("22P02"));
        // Something that cannot be sent does not affect the rest.
        let unsendable = within(connection.exchange(&[Command::prepared("SELECT '\0'", &none)])).await;
        assert!(matches!(unsendable, Err(Error::Encode(_))));
        assert_usable(connection).await;
    }
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 0);
}

#[tokio::test]
async fn a_copy_is_part_of_the_transaction() {
    let Fixture { connection, .. } = &mut with_table().await;
    within(connection.script("BEGIN")).await.unwrap();
    assert_eq!(within(connection.copy_in(COPY, b"1\ta\n")).await.unwrap(), 1);
    assert!(!connection.is_idle());
    assert_eq!(within(connection.copy_in(COPY, b"1\ta\n")).await.unwrap_err().code(), Some("23505"));
    assert!(!connection.is_idle() && !connection.is_broken());
    within(connection.script("ROLLBACK")).await.unwrap();
    assert_usable(connection).await;
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 0);
}

#[tokio::test]
async fn a_statement_other_than_a_copy_is_an_error() {
    let Fixture { connection, .. } = &mut with_table().await;
    for statement in ["SELECT 1", "INSERT INTO t VALUES (1)", ""] {
        let copied = within(connection.copy_in(statement, b"1\ta\n")).await;
        assert!(matches!(copied, Err(Error::Encode(_))), "{copied:?}");
        assert_usable(connection).await;
    }
    assert_eq!(within(connection.copy_in("SELECT 1 / 0", b"1\ta\n")).await.unwrap_err().code(), Some("22012"));
    assert_usable(connection).await;
}

/// COPY in either direction is an error in any other place.
#[tokio::test]
async fn a_copy_in_the_wrong_place_breaks_the_connection() {
    for copy in ["COPY t FROM STDIN", "COPY t TO STDOUT"] {
        let Fixture { database, .. } = with_table().await;
        let again = || async { crate::fixture::open(&database.superuser_url()).await.unwrap() };
        let (connection, none) = (&mut again().await, bind!());
        let exchanged = within(connection.exchange(&[Command::prepared(copy, &none)])).await;
        assert!(matches!(exchanged, Err(Error::Protocol(_))), "{exchanged:?}");
        assert_broken(connection).await;
        let connection = &mut again().await;
        assert!(matches!(within(connection.script(copy)).await, Err(Error::Protocol(_))));
        assert_broken(connection).await;
    }
    let Fixture { connection, .. } = &mut with_table().await;
    assert!(matches!(within(connection.copy_in("COPY t TO STDOUT", b"")).await, Err(Error::Protocol(_))));
    assert_broken(connection).await;
}

#[tokio::test]
async fn a_copy_that_is_dropped_breaks_the_connection_and_loads_nothing() {
    let Fixture { database, mut connection } = with_table().await;
    // More data than all buffers in between can hold, so its end is never sent.
    let rows: Vec<String> = (0..48).map(|n| format!("{n}\t{}\n", "x".repeat(1 << 20))).collect();
    assert!(polled(2, connection.copy_in(COPY, rows.concat().as_bytes())).await.is_none());
    assert_broken(&mut connection).await;
    drop(connection);
    let mut other = crate::fixture::open(&database.superuser_url()).await.unwrap();
    // Wait until the server has noticed.
    within(other.script("BEGIN; LOCK TABLE t; COMMIT")).await.unwrap();
    assert_eq!(ask::<i64>(&mut other, "SELECT count(*) FROM t").await, 0);
}
