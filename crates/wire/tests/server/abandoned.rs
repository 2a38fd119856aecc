//! An exchange that is dropped half-way: the next caller gets the answer to its own question.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tenantry_wire::{Command, Connection};

use crate::fixture::{Fixture, ask_with, assert_usable, open, polled, within};

/// Asks something slow in one of several ways, and returns the answer if it came within `patience`.
async fn give_up(connection: &mut Connection, kind: u32, n: i64, patience: usize) -> Option<()> {
    const LARGE: usize = 2 << 20;
    let (number, none) = (bind!(n), bind!());
    let mark = Command::prepared("SELECT $1, 'mark'", &number);
    let text = bind!("x".repeat(if kind == 2 { LARGE } else { 1 }));
    let fresh = format!("SELECT $1, {n}");
    let commands = match kind {
        0 => vec![mark, Command::prepared("SELECT pg_sleep(0.002)", &none), mark],
        1 => vec![mark, Command::prepared("SELECT repeat('y', 1048576) FROM generate_series(1, 3)", &none), mark],
        2 => vec![mark, Command::prepared("SELECT length($1), 'length'", &text), mark],
        3 => vec![mark, Command::prepared("SELECT 1 / ($1 - $1)", &number), mark],
        4 => vec![Command::prepared("BEGIN", &none), mark, Command::prepared("COMMIT", &none)],
        5 => vec![mark, Command::prepared(&fresh, &number), Command::once("SELECT 'once'"), mark],
        _ => {
            // A script is dropped in the same way.
            return polled(patience, connection.script("SELECT 1; SELECT pg_sleep(0.001); SELECT 2")).await?.ok();
        }
    };
    let (answers, result) = polled(patience, connection.try_exchange(&commands)).await?;
    assert_eq!((answers.len(), result.is_err()), if kind == 3 { (1, true) } else { (commands.len(), false) });
    let at = usize::from(kind == 4);
    assert_eq!(answers[at].first().unwrap().get::<i64>(0).unwrap(), n, "an answer to another question");
    Some(())
}

/// Dropped after any number of steps: when little or nothing was sent, in the middle of an answer, shortly before its
/// end.
#[tokio::test]
async fn the_next_caller_gets_its_own_answer() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut ended, mut dropped) = ([0; 7], [0; 7]);
    for n in 0..300 {
        let kind = random.random_range(0..7);
        // Several in a row. Some are dropped while they read the rest of an earlier one.
        for again in 0..random.random_range(1..4) {
            let patience =
                if random.random_ratio(1, 4) { random.random_range(1..200) } else { random.random_range(1..6) };
            if within(give_up(connection, kind, 1000 * n + again, patience)).await.is_some() {
                ended[kind as usize] += 1;
            } else {
                dropped[kind as usize] += 1;
                assert!(!connection.is_idle(), "something is owed");
            }
            assert!(!connection.is_broken());
        }
        if random.random_ratio(1, 8) {
            // The script's answer could not be mistaken for another, but no other may be taken for it.
            within(connection.script("SELECT 1")).await.unwrap();
        }
        assert_eq!(ask_with::<i64>(connection, "SELECT $1", &bind!(n)).await, n);
        assert!(connection.is_idle());
    }
    for kind in 0..7 {
        assert!(ended[kind] > 0 && dropped[kind] > 0, "{kind} ended {ended:?} and was dropped {dropped:?}");
    }
}

/// The same, dropped by time, as a caller's timeout does it.
#[tokio::test]
async fn a_timeout_may_strike_at_any_time() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for n in 0..200 {
        let kind = random.random_range(0..7);
        let patience = Duration::from_micros(random.random_range(0..4_000));
        if tokio::time::timeout(patience, give_up(connection, kind, n, usize::MAX)).await.is_err() {
            assert!(!connection.is_idle());
        }
        assert_eq!(ask_with::<i64>(connection, "SELECT $1", &bind!(n)).await, n);
    }
    assert_usable(connection).await;
}

#[tokio::test]
async fn the_transaction_of_a_dropped_exchange_is_still_open() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let none = bind!();
    let commands = [Command::prepared("BEGIN", &none), Command::prepared("SELECT pg_sleep(0.01)", &none)];
    assert!(polled(1, connection.exchange(&commands)).await.is_none());
    assert!(!connection.is_idle());
    within(connection.exchange(&[])).await.unwrap();
    assert!(!connection.is_idle(), "all is answered, but nobody has ended the transaction");
    within(connection.exchange(&[Command::prepared("ROLLBACK", &none)])).await.unwrap();
    assert_usable(connection).await;
}

/// The server neither reads nor ends while nobody takes its answers.
#[tokio::test]
async fn a_connection_with_many_outstanding_answers_can_be_closed() {
    let Fixture { database, mut connection } = Fixture::new().await;
    let (none, text) = (bind!(), bind!("x".repeat(16 << 20)));
    let commands =
        [Command::prepared("SELECT repeat('y', 16777216)", &none), Command::prepared("SELECT length($1)", &text)];
    assert!(polled(2, connection.exchange(&commands)).await.is_none());
    within(connection.close()).await.unwrap();

    // A connection without outstanding answers ends properly, so the server logs no complaint.
    let other = open(&database.superuser_url()).await.unwrap();
    within(other.close()).await.unwrap();
}
