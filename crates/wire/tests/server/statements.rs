//! Which statements a connection prepares, keeps and makes the server forget.

use tenantry_wire::{Command, Connection, Error};

use crate::fixture::{Fixture, ask, assert_broken, assert_usable, polled, within};

/// The number of statements that are kept, plus the one that counts them.
const MOST: i64 = 501;

async fn kept(connection: &mut Connection) -> i64 {
    // Statements that the last exchange dropped are forgotten at the start of the next.
    ask(connection, "SELECT count(*) FROM pg_prepared_statements").await
}

#[tokio::test]
async fn the_server_keeps_only_statements_in_use() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let none = bind!();
    // Of two shapes, so that a mix-up would show.
    let texts: Vec<String> =
        (0..640).map(|n| if n % 2 == 0 { format!("SELECT {n}") } else { format!("SELECT '{n}', true") }).collect();
    let order: Vec<usize> = (0..640).chain((0..640).rev()).chain((0..640).step_by(7)).collect();
    for some in order.chunks(40) {
        let commands: Vec<_> = some.iter().map(|n| Command::prepared(&texts[*n], &none)).collect();
        let answers = within(connection.exchange(&commands)).await.unwrap();
        for (n, answer) in some.iter().zip(answers) {
            let row = answer.first().unwrap();
            if n % 2 == 0 {
                assert_eq!(row.get::<i32>(0).unwrap().to_string(), n.to_string());
            } else {
                assert_eq!((row.get::<&str>(0).unwrap(), row.get::<bool>(1).unwrap()), (n.to_string().as_str(), true));
            }
        }
        assert!(kept(connection).await <= MOST);
    }
    assert!(kept(connection).await >= 500, "they are kept at all");
}

/// The first one is evicted by the others before it is used again.
#[tokio::test]
async fn one_exchange_may_have_more_statements_than_the_cache() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (none, word) = (bind!(), bind!("word"));
    let texts: Vec<String> = (0..600).map(|n| format!("SELECT {n}")).collect();
    let again = Command::prepared("SELECT $1, true", &word);
    let others = texts.iter().map(|text| Command::prepared(text, &none));
    let commands: Vec<_> = [again].into_iter().chain(others).chain([again]).collect();
    for _ in 0..2 {
        let answers = within(connection.exchange(&commands)).await.unwrap();
        for at in [0, 601] {
            assert_eq!(answers[at].first().unwrap().get::<&str>(0).unwrap(), "word");
        }
        assert_eq!(answers[600].first().unwrap().get::<i32>(0).unwrap(), 599);
        assert!(kept(connection).await <= MOST);
    }
}

/// The server has prepared them, and the client does not know.
#[tokio::test]
async fn statements_of_failed_and_dropped_exchanges_are_forgotten() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (none, bad) = (bind!(), bind!("\0"));
    let many = (0..=u16::MAX).fold(bind!(), |mut many, _| {
        many.push(&1_i16).unwrap();
        many
    });
    let before = kept(connection).await;
    for n in 0..40 {
        // Prepared, but never bound.
        let refused = Command::prepared("SELECT length($1)", &bad);
        assert_eq!(within(connection.exchange(&[refused])).await.unwrap_err().code(), Some("22021"));
        // Prepared, while nobody reads the answer.
        let text = format!("SELECT {n}, pg_sleep(0.0001)");
        let slow = [Command::prepared(&text, &none)];
        assert!(polled(1, connection.exchange(&slow)).await.is_none());
        // A failure before sending does not affect the rest.
        let unsendable = within(connection.exchange(&[Command::prepared("SELECT 1", &many)])).await;
        assert!(matches!(unsendable, Err(Error::Encode(_))), "{unsendable:?}");
    }
    assert_eq!(kept(connection).await, before);
    assert_usable(connection).await;
}

#[tokio::test]
async fn after_a_schema_change_the_connection_is_discarded() {
    let Fixture { database, connection } = &mut Fixture::new().await;
    database.psql("CREATE TABLE t (n int4); INSERT INTO t VALUES (7)").await.unwrap();
    assert_eq!(ask::<i32>(connection, "SELECT n FROM t").await, 7);
    assert_eq!(ask::<i32>(connection, "SELECT * FROM t").await, 7);

    // A new column matters only to the statement that reads all columns.
    database.psql("ALTER TABLE t ADD COLUMN more text").await.unwrap();
    assert_eq!(ask::<i32>(connection, "SELECT n FROM t").await, 7);
    let none = bind!();
    let stale = within(connection.exchange(&[Command::prepared("SELECT * FROM t", &none)])).await.unwrap_err();
    assert_eq!(stale.code(), Some("0A000"));
    assert_broken(connection).await;
}

#[tokio::test]
async fn when_the_server_has_forgotten_statements_the_connection_is_discarded() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let none = bind!();
    assert_eq!(ask::<i32>(connection, "SELECT 1").await, 1);
    within(connection.script("DEALLOCATE ALL")).await.unwrap();
    assert_eq!(ask::<i32>(connection, "SELECT 2").await, 2, "a new one can be had");
    let stale = within(connection.exchange(&[Command::prepared("SELECT 1", &none)])).await.unwrap_err();
    assert_eq!(stale.code(), Some("26000"));
    assert_broken(connection).await;
}
