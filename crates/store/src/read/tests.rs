//! What comes of several reads in one round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::fixture::Fixture;
use crate::scope::ReadScope;

/// A read of one number.
fn number<'s>(scope: &'s ReadScope, expression: &str) -> Read<'s, i64> {
    Read::rows(scope, Sql::new(&format!("SELECT ({expression})::bigint")), |_, rows| {
        Ok(rows.first().map_or(Ok(0), |row| row.get(0))?)
    })
}

fn numbers(results: Vec<Result<i64, StoreError>>) -> Vec<Option<i64>> {
    results.into_iter().map(Result::ok).collect()
}

#[tokio::test]
async fn each_read_gets_the_answers_to_its_own_statements() {
    let fixture = Fixture::new().await;
    let scope = fixture.read().await;
    assert_eq!(number(&scope, "1").await.unwrap(), 1);
    let pair = Read::all(&scope, vec![number(&scope, "2"), number(&scope, "3")]);
    let reads = vec![
        number(&scope, "1"),
        Read::ready(&scope, 7),
        pair.map(|both| both.into_iter().map(Result::unwrap).sum()),
        Read::settled(&scope, Err(StoreError::OutOfTime)),
        number(&scope, "4"),
    ];
    let results = numbers(Read::all(&scope, reads).await.unwrap());
    assert_eq!(results, [Some(1), Some(7), Some(5), None, Some(4)]);
    assert!(Read::all(&scope, Vec::<Read<'_, i64>>::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_read_that_goes_on_makes_the_others_wait_but_not_travel_again() {
    let fixture = Fixture::new().await;
    let scope = fixture.read().await;
    let seen = number(&scope, "extract(epoch FROM clock_timestamp()) * 1000000");
    let two_more = number(&scope, "10")
        .and_then(|ten| number(&scope, &format!("{ten} + 1")))
        .and_then(|eleven| number(&scope, &format!("{eleven} + 1")));
    let one_more = number(&scope, "20").and_then(|_| Read::ready(&scope, 21)).map(|value| value + 1);
    let failing = number(&scope, "30").and_then(|_| Read::settled(&scope, Err(StoreError::OutOfTime)));
    let results = Read::all(&scope, vec![two_more, seen, one_more, failing, number(&scope, "40")]).await.unwrap();
    assert!(matches!(results[3], Err(StoreError::OutOfTime)), "{results:?}");
    let results = numbers(results);
    assert_eq!((results[0], results[2], results[4]), (Some(12), Some(22), Some(40)));
    assert!(results[1].is_some());
}

#[tokio::test]
async fn those_before_a_statement_that_fails_keep_their_answers() {
    let fixture = Fixture::new().await;
    let scope = fixture.read().await;
    let reads = vec![
        number(&scope, "1"),
        number(&scope, "2").and_then(|_| number(&scope, "3")),
        number(&scope, "6").and_then(|_| Read::ready(&scope, 7)),
        number(&scope, "1 / 0"),
        number(&scope, "4"),
        Read::ready(&scope, 5),
    ];
    let results = Read::all(&scope, reads).await.unwrap();
    let failure = results[3].as_ref().unwrap_err().to_string();
    for behind in &results[4..] {
        assert_eq!(behind.as_ref().unwrap_err().to_string(), failure, "nothing was read behind it");
    }
    assert_eq!(
        numbers(results)[..3],
        [Some(1), None, Some(7)],
        "the second could not go on in a transaction that has failed"
    );
    assert!(number(&scope, "1").await.is_err());
    drop(scope);
    assert_eq!(number(&fixture.read().await, "1").await.unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_given_before_the_scope_is_open() {
    let fixture = Fixture::new().await;
    // Its membership is remembered.
    fixture.read().await.end().await.unwrap();
    let prepare = async || {
        let noticed = Arc::new(AtomicBool::new(false));
        let notice = Arc::clone(&noticed);
        let told = move |is_member: bool| notice.store(is_member, Ordering::Relaxed);
        (ReadScope::prepare(&fixture.store, fixture.one, told).await.unwrap(), noticed)
    };
    let (scope, _) = prepare().await;
    assert_eq!(Read::ready(&scope, 1).await.unwrap(), 1);
    scope.end().await.unwrap();

    let (scope, noticed) = prepare().await;
    let user = fixture.one.user_id.as_uuid();
    fixture.psql(&format!("DELETE FROM app.organization_members WHERE user_id = '{user}'")).await;
    let results = Read::all(&scope, vec![Read::ready(&scope, 1), Read::ready(&scope, 2)]).await.unwrap();
    assert!(results.iter().all(|result| matches!(result, Err(StoreError::NotAMember))), "{results:?}");
    assert!(Read::all(&scope, Vec::<Read<'_, i64>>::new()).await.is_err(), "not even that there was nothing to read");
    assert!(!noticed.load(Ordering::Relaxed), "and `notice` was called");
}
