//! Values of every type that can be bound, sent to the server and read back.

use std::collections::HashMap;
use std::fmt::Debug;
use std::str::FromStr as _;

use chrono::{DateTime, NaiveDate, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use serde_json::json;
use tenantry_wire::{Bound, Command, Connection, Element, FromSql, Json};
use uuid::Uuid;

use crate::fixture::{Fixture, within};

/// Asserts that the value comes back unchanged, and that the server writes it as expected.
async fn there_and_back<T>(connection: &mut Connection, value: T, written: &str)
where
    T: Bound + for<'a> FromSql<'a> + PartialEq + Debug,
{
    let parameters = bind!(value);
    let answers = within(connection.exchange(&[Command::prepared("SELECT $1, $1::text", &parameters)])).await.unwrap();
    let row = answers[0].first().unwrap();
    assert_eq!(row.get::<T>(0).unwrap(), value);
    assert_eq!(row.get::<&str>(1).unwrap(), written);
}

/// As [`there_and_back`], for single values and in arrays, with and without nulls.
async fn each<T>(connection: &mut Connection, values: &[(T, &str)])
where
    T: Element + for<'a> FromSql<'a> + PartialEq + Debug + Clone,
{
    for (value, written) in values {
        there_and_back(connection, value.clone(), written).await;
        there_and_back(connection, Some(value.clone()), written).await;
    }
    let all: Vec<T> = values.iter().map(|(value, _)| value.clone()).collect();
    let some: Vec<Option<T>> = all.iter().cloned().map(Some).chain([None]).collect();
    let parameters =
        bind!(None::<T>, all, some, Vec::<T>::new(), vec![None::<T>], Some(all.clone()), None::<Vec<T>>, &all[..]);
    let texts =
        "SELECT $1, $2, $3, $4, $5, $6, $7, $8, cardinality($2), $1 IS NULL AND $7 IS NULL, $4 = '{}' AND $2 = $6";
    let answers = within(connection.exchange(&[Command::prepared(texts, &parameters)])).await.unwrap();
    let row = answers[0].first().unwrap();
    assert_eq!(row.get::<Option<T>>(0).unwrap(), None);
    assert_eq!(row.get::<Vec<T>>(1).unwrap(), all);
    assert_eq!(row.get::<Vec<Option<T>>>(2).unwrap(), some);
    assert_eq!(row.get::<Vec<T>>(3).unwrap(), []);
    assert_eq!(row.get::<Vec<Option<T>>>(4).unwrap(), [None]);
    assert_eq!(row.get::<Option<Vec<T>>>(5).unwrap().as_ref(), Some(&all));
    assert_eq!(row.get::<Option<Vec<T>>>(6).unwrap(), None);
    assert_eq!(row.get::<Vec<T>>(7).unwrap(), all);
    assert_eq!(row.get::<i32>(8).unwrap(), i32::try_from(all.len()).unwrap());
    assert!(row.get::<bool>(9).unwrap() && row.get::<bool>(10).unwrap());
}

#[tokio::test]
async fn numbers_and_booleans() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    each(connection, &[(true, "true"), (false, "false")]).await;
    each(connection, &[(i16::MIN, "-32768"), (-1, "-1"), (0, "0"), (i16::MAX, "32767")]).await;
    each(connection, &[(i32::MIN, "-2147483648"), (0, "0"), (i32::MAX, "2147483647")]).await;
    each(connection, &[(i64::MIN, "-9223372036854775808"), (1, "1"), (i64::MAX, "9223372036854775807")]).await;
    let floats = [
        (0.1, "0.1"),
        (-0.0, "-0"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (f64::NEG_INFINITY, "-Infinity"),
    ];
    each(connection, &floats).await;
}

#[tokio::test]
async fn texts() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let texts = [
        "",
        " ",
        "plain",
        "NULL",
        "{a,\"b\"}",
        "O'Neill \\ \"q\"",
        "two\nlines\ttab",
        "Ünïcödé 漢字 🦀 e\u{301}",
        "\u{1}\u{10ffff}",
    ];
    each(connection, &texts.map(|text| (text.to_owned(), text))).await;
    let parameters = bind!("slice", ["a", ""].as_slice(), Some("b"));
    let command = Command::prepared("SELECT $1, $2, $3", &parameters);
    let answers = within(connection.exchange(&[command])).await.unwrap();
    let row = answers[0].first().unwrap();
    assert_eq!((row.get::<&str>(0).unwrap(), row.get::<Vec<&str>>(1).unwrap()), ("slice", vec!["a", ""]));
    assert_eq!(row.get::<Option<&str>>(2).unwrap(), Some("b"));
}

#[tokio::test]
async fn ids_and_times() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let id = "018f4e3c-0000-7abc-8def-0123456789ab";
    each(
        connection,
        &[(Uuid::nil(), &Uuid::nil().to_string()), (id.parse().unwrap(), id), (Uuid::max(), &Uuid::max().to_string())],
    )
    .await;
    // Around the epochs of both calendars, and far away.
    let times = [
        ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00"),
        ("1899-12-31T23:59:59.999999Z", "1899-12-31 23:59:59.999999+00"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31 23:59:59.999999+00"),
        ("1970-01-01T00:00:00Z", "1970-01-01 00:00:00+00"),
        ("1999-12-31T23:59:59.000001Z", "1999-12-31 23:59:59.000001+00"),
        ("2000-01-01T00:00:00Z", "2000-01-01 00:00:00+00"),
        ("2024-02-29T12:34:56.789Z", "2024-02-29 12:34:56.789+00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999+00"),
    ];
    let times = times.map(|(time, written)| (DateTime::<Utc>::from_str(time).unwrap(), written));
    each(connection, &times).await;
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let dates = [
        (day(-43, 3, 15), "0044-03-15 BC"),
        (day(1, 1, 1), "0001-01-01"),
        (day(1969, 7, 20), "1969-07-20"),
        (day(1999, 12, 31), "1999-12-31"),
        (day(2000, 1, 1), "2000-01-01"),
        (day(2024, 2, 29), "2024-02-29"),
        (day(9999, 12, 31), "9999-12-31"),
    ];
    each(connection, &dates).await;
}

#[tokio::test]
async fn decimals() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let texts = [
        "0",
        "1",
        "-1",
        "0.01",
        "-0.05",
        "1.50",
        "-12.3400",
        "9999",
        "10000",
        "100000000",
        "0.0001",
        "0.00001",
        "10000.0001",
        "-123456789012345678.901234567",
        "0.0000000000000000000000000001",
        "-0.0000000000000000000000000009",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "7.9228162514264337593543950335",
    ];
    each(connection, &texts.map(|text| (Decimal::from_str(text).unwrap(), text))).await;

    // The server reads them as it would read their text form.
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let numbers: Vec<Decimal> = (0..2_000)
        .map(|_| {
            let digits = random.random_range(0..96);
            let mantissa = random.random::<i128>() & ((1 << digits) - 1);
            let sign = if random.random() { -1 } else { 1 };
            Decimal::from_i128_with_scale(sign * mantissa, random.random_range(0..=28))
        })
        .collect();
    let texts: Vec<String> = numbers.iter().map(Decimal::to_string).collect();
    let parameters = bind!(numbers, texts);
    let same = Command::prepared("SELECT $1 = $2::numeric[], $2::numeric[]", &parameters);
    let answers = within(connection.exchange(&[same])).await.unwrap();
    let row = answers[0].first().unwrap();
    assert!(row.get::<bool>(0).unwrap());
    assert_eq!(row.get::<Vec<Decimal>>(1).unwrap(), numbers);
}

#[tokio::test]
async fn documents() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let documents = [
        (json!(null), "null"),
        (json!([]), "[]"),
        (json!("té\"xt 🦀"), r#""té\"xt 🦀""#),
        (json!({"a": [1, -2.5, null, true], "b": {"c": ""}}), r#"{"a": [1, -2.5, null, true], "b": {"c": ""}}"#),
    ];
    each(connection, &documents).await;
    let typed = Json(HashMap::from([("k".to_owned(), vec![1, 2])]));
    there_and_back(connection, typed, r#"{"k": [1, 2]}"#).await;
    there_and_back(connection, Some(Json(7)), "7").await;
    // Also of the other JSON type, which is sent as text.
    let none = bind!();
    let answers = within(connection.exchange(&[Command::prepared("SELECT '{ \"a\":1}'::json", &none)])).await.unwrap();
    assert_eq!(answers[0].first().unwrap().get::<serde_json::Value>(0).unwrap(), json!({"a": 1}));
}
