//! Values that cannot be sent and answers that cannot be read: they are errors, and the connection stays usable.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use tenantry_wire::{Command, Connection, Error, FromSql};
use uuid::Uuid;

use crate::fixture::{Fixture, ask_with, assert_usable, within};

/// The result of reading the only value as this type.
async fn read<T: for<'a> FromSql<'a>>(connection: &mut Connection, text: &str) -> Result<T, Error> {
    let none = bind!();
    let answers = within(connection.exchange(&[Command::prepared(text, &none)])).await.unwrap();
    answers[0].first().unwrap().get(0)
}

#[track_caller]
fn assert_undecodable<T>(read: Result<T, Error>) {
    let error = read.err();
    assert!(matches!(error, Some(Error::Decode { column: 0, .. })), "{error:?}");
}

#[tokio::test]
async fn a_text_with_a_zero_in_it_is_refused_by_the_server() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (text, texts) = (bind!("a\0b"), bind!(vec!["a", "\0"]));
    for (command, code) in [
        (Command::prepared("SELECT $1", &text), "22021"),
        (Command::prepared("SELECT length($1)", &text), "22021"),
        (Command::prepared("SELECT $1", &texts), "22021"),
    ] {
        let refused = within(connection.exchange(&[command])).await.unwrap_err();
        assert!(matches!(refused, Error::Server(_)) && refused.code() == Some(code), "{refused:?}");
        assert_usable(connection).await;
    }
}

#[tokio::test]
async fn a_statement_with_a_zero_in_it_is_not_sent() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let none = bind!();
    let good = Command::prepared("SELECT 1", &none);
    for bad in [Command::prepared("SELECT '\0'", &none), Command::once("SELECT '\0'")] {
        let refused = within(connection.exchange(&[good, bad, good])).await;
        assert!(matches!(refused, Err(Error::Encode(_))), "{refused:?}");
        assert_usable(connection).await;
    }
    assert!(matches!(within(connection.script("SELECT '\0'")).await, Err(Error::Encode(_))));
    assert_usable(connection).await;
    assert!(matches!(within(connection.copy_in("COPY \0 FROM STDIN", b"")).await, Err(Error::Encode(_))));
    assert_usable(connection).await;
}

#[tokio::test]
async fn the_number_of_parameters_is_limited() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (mut many, mut text) = (bind!(), "SELECT array_length(ARRAY[".to_owned());
    for n in 1..=u16::MAX {
        many.push(&1_i16).unwrap();
        write!(text, "{}${n}", if n == 1 { "" } else { "," }).unwrap();
    }
    text.push_str("], 1)");
    assert_eq!(ask_with::<i32>(connection, &text, &many).await, i32::from(u16::MAX));

    many.push(&1_i16).unwrap();
    let none = bind!();
    // With a statement that is prepared already, and one that is not.
    for text in [text.as_str(), "SELECT $1"] {
        let commands = [Command::prepared("SELECT 1", &none), Command::prepared(text, &many)];
        let refused = within(connection.exchange(&commands)).await;
        assert!(matches!(refused, Err(Error::Encode(_))), "{refused:?}");
        assert_usable(connection).await;
    }
}

#[tokio::test]
async fn a_value_is_not_read_as_another_type() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    assert_undecodable(read::<i32>(connection, "SELECT 1::int8").await);
    assert_undecodable(read::<i64>(connection, "SELECT 'eight by'::text").await);
    assert_undecodable(read::<String>(connection, "SELECT 1").await);
    assert_undecodable(read::<Uuid>(connection, "SELECT 'sixteen bytes...'::text").await);
    assert_undecodable(read::<Vec<i32>>(connection, "SELECT 1").await);
    assert_undecodable(read::<i32>(connection, "SELECT ARRAY[1]").await);
    assert_undecodable(read::<Vec<i32>>(connection, "SELECT ARRAY['1']").await);
    assert_undecodable(read::<Vec<i32>>(connection, "SELECT ARRAY[[1, 2], [3, 4]]").await);
    assert_undecodable(read::<Vec<i32>>(connection, "SELECT ARRAY[1, NULL]").await);
    assert_undecodable(read::<bool>(connection, "SELECT NULL::bool").await);
    assert_undecodable(read::<Option<i64>>(connection, "SELECT NULL::text").await);
    // A type that is created here, and one that `postgres-types` does not know.
    within(connection.script("CREATE TYPE mood AS ENUM ('well')")).await.unwrap();
    assert_undecodable(read::<String>(connection, "SELECT 'well'::mood").await);
    assert_undecodable(read::<i32>(connection, "SELECT ROW(1, 2)").await);

    let none = bind!();
    let command = Command::prepared("SELECT 1, NULL::text, 'x'", &none);
    let answers = within(connection.exchange(&[command])).await.unwrap();
    let row = answers[0].first().unwrap();
    assert!(matches!(row.get::<&str>(1), Err(Error::Decode { column: 1, .. })));
    assert!(matches!(row.get::<&str>(3), Err(Error::Decode { column: 3, .. })));
    assert_eq!((row.get::<i32>(0).unwrap(), row.get::<&str>(2).unwrap()), (1, "x"), "the others are there");
    assert_usable(connection).await;
}

#[tokio::test]
async fn a_number_too_large_or_not_a_number_is_not_read() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    for number in
        ["'NaN'", "'Infinity'", "'-Infinity'", "79228162514264337593543950336", "-8e28", "1e140", "-1e1000", "1e131071"]
    {
        assert_undecodable(read::<Decimal>(connection, &format!("SELECT {number}::numeric")).await);
        assert_undecodable(read::<Option<Decimal>>(connection, &format!("SELECT {number}::numeric")).await);
        assert_undecodable(read::<Vec<Decimal>>(connection, &format!("SELECT ARRAY[1, {number}::numeric]")).await);
    }
    for zeros in 0..=80 {
        let one: Result<Decimal, _> = read(connection, &format!("SELECT 1e{zeros}::numeric")).await;
        let many: Result<Vec<Option<Decimal>>, _> =
            read(connection, &format!("SELECT ARRAY[NULL, 1, -12345e{zeros}::numeric]")).await;
        assert_eq!((one.is_ok(), many.is_ok()), (zeros <= 28, zeros <= 24), "{zeros} zeros");
    }
    // A number that is too small is rounded.
    let small: Decimal = read(connection, "SELECT 1e-40::numeric").await.unwrap();
    assert!(small.is_zero());
    let precise: Decimal = read(connection, "SELECT 0.12345678901234567890123456785::numeric").await.unwrap();
    assert_eq!(precise.to_string(), "0.1234567890123456789012345679");
    assert_usable(connection).await;
}

#[tokio::test]
async fn an_infinite_time_is_not_read() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    for time in ["infinity", "-infinity", "294276-12-31"] {
        assert_undecodable(read::<DateTime<Utc>>(connection, &format!("SELECT '{time}'::timestamptz")).await);
        assert_undecodable(
            read::<Vec<DateTime<Utc>>>(connection, &format!("SELECT '{{{time}}}'::timestamptz[]")).await,
        );
    }
    for date in ["infinity", "-infinity", "5874897-12-31"] {
        assert_undecodable(read::<NaiveDate>(connection, &format!("SELECT '{date}'::date")).await);
    }
    let oldest: NaiveDate = read(connection, "SELECT '4713-01-01 BC'::date").await.unwrap();
    assert_eq!(oldest.to_string(), "-4712-01-01");
    assert_usable(connection).await;
}
