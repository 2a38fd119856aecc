//! Many statements in one round trip: one answer to each, in order, up to the one that fails.

use tenantry_wire::{Command, Error};

use crate::fixture::{Fixture, ask, assert_usable, within};

#[tokio::test]
async fn answers_come_in_the_order_of_the_commands() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (none, two, three) = (bind!(), bind!(2_i64), bind!(3_i64));
    let (times, series) = ("SELECT $1 * 21", "SELECT n, 'row ' || n FROM generate_series(1, $1) AS n");
    // The second time, all but one are known, in another order.
    for (known, last) in [(false, "SELECT 'last'::text"), (true, "SELECT 'new'::text, 1")] {
        let commands = [
            Command::prepared("BEGIN READ ONLY", &none),
            Command::once("SET LOCAL statement_timeout = 5000"),
            Command::prepared(times, &two),
            Command::prepared(if known { last } else { series }, if known { &none } else { &three }),
            Command::prepared(times, &three),
            Command::once("SELECT 1 WHERE false"),
            Command::prepared("SELECT current_setting('statement_timeout')", &none),
            Command::prepared(if known { series } else { last }, if known { &two } else { &none }),
            Command::prepared(series, &two),
            Command::prepared("COMMIT", &none),
        ];
        let answers = within(connection.exchange(&commands)).await.unwrap();
        assert_eq!(answers.len(), commands.len());
        let text = |at: usize| answers[at].first().unwrap().get::<&str>(0).unwrap();
        let rows = |at: usize| -> Vec<(i64, &str)> {
            answers[at].iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect()
        };
        let (first, second) = ([(1, "row 1"), (2, "row 2"), (3, "row 3")], [(1, "row 1"), (2, "row 2")]);
        assert_eq!(answers[2].first().unwrap().get::<i64>(0).unwrap(), 42);
        assert_eq!(answers[4].first().unwrap().get::<i64>(0).unwrap(), 63);
        assert_eq!((answers[5].len(), text(6)), (0, "5s"));
        assert_eq!(rows(8), second);
        if known {
            assert_eq!((text(3), answers[3].first().unwrap().len()), ("new", 2));
            assert_eq!(rows(7), second);
        } else {
            assert_eq!(rows(3), first);
            assert_eq!(text(7), "last");
        }
        assert!(connection.is_idle());
    }
}

#[tokio::test]
async fn a_new_text_may_appear_twice_in_one_exchange() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (a, b, none) = (bind!("a"), bind!("b"), bind!());
    let other = Command::prepared("SELECT 1::int8, 2::int2", &none);
    let commands = [Command::prepared("SELECT $1", &a), other, Command::prepared("SELECT $1", &b), other];
    let answers = within(connection.exchange(&commands)).await.unwrap();
    let text = |at: usize| answers[at].first().unwrap().get::<&str>(0).unwrap();
    assert_eq!((text(0), text(2)), ("a", "b"));
    assert_eq!((answers[1].first().unwrap().len(), answers[3].first().unwrap().get::<i16>(1).unwrap()), (2, 2));
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM pg_prepared_statements").await, 3);
}

#[tokio::test]
async fn the_same_text_with_other_types_is_another_statement() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    // Eight bytes each, which the server could mistake for one another.
    let (number, text) = (bind!(i64::from_be_bytes(*b"eight by")), bind!("eight by"));
    for _ in 0..2 {
        let one = [Command::prepared("SELECT $1", &number)];
        let answers = within(connection.exchange(&one)).await.unwrap();
        assert_eq!(answers[0].first().unwrap().get::<i64>(0).unwrap(), i64::from_be_bytes(*b"eight by"));
        let both = [Command::prepared("SELECT $1", &text), one[0], Command::prepared("SELECT $1", &text)];
        let answers = within(connection.exchange(&both)).await.unwrap();
        assert_eq!(answers[0].first().unwrap().get::<&str>(0).unwrap(), "eight by");
        assert_eq!(answers[1].first().unwrap().get::<i64>(0).unwrap(), i64::from_be_bytes(*b"eight by"));
        assert_eq!(answers[2].first().unwrap().get::<&str>(0).unwrap(), "eight by");
    }
    let kept =
        ask::<i64>(connection, "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1'").await;
    assert!(kept <= 2, "{kept} of the same text are kept");
}

#[tokio::test]
async fn commands_after_a_failed_one_are_not_run() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    within(connection.script("CREATE TABLE t (n int8 PRIMARY KEY)")).await.unwrap();
    let (none, zero, one, two) = (bind!(), bind!(0_i64), bind!(1_i64), bind!(2_i64));
    let insert = "INSERT INTO t VALUES ($1) RETURNING n";
    // It fails when it runs, when its value is read, and when its text is read.
    let text = bind!("no\0text");
    let failures = [
        (Command::prepared("SELECT 1 / $1", &zero), "22012"),
        (Command::prepared("SELECT length($1)", &text), "22021"),
        (Command::prepared("SELEC 1", &none), "42601"),
        (Command::once("SELEC 1"), "42601"),
        (Command::once("SELECT 1 / 0"), "22012"),
    ];
    for (failing, code) in failures {
        let behind = Command::prepared("SELECT 'behind', $1", &two);
        let commands = [Command::prepared(insert, &one), failing, Command::prepared(insert, &two), behind];
        let (answers, result) = within(connection.try_exchange(&commands)).await;
        assert_eq!(result.unwrap_err().code(), Some(code));
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].first().unwrap().get::<i64>(0).unwrap(), 1);
        assert!(connection.is_idle());
        assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 0, "it was one transaction");
        // The command after the failed one does not count as prepared.
        assert_eq!(within(connection.exchange(&[behind])).await.unwrap()[0].len(), 1);
        assert_usable(connection).await;
    }
}

#[tokio::test]
async fn a_failed_transaction_needs_a_rollback() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    within(connection.script("CREATE TABLE t (n int8 PRIMARY KEY)")).await.unwrap();
    let (none, one) = (bind!(), bind!(1_i64));
    let begin = Command::prepared("BEGIN", &none);
    let insert = Command::prepared("INSERT INTO t VALUES ($1)", &one);

    let (answers, result) = within(connection.try_exchange(&[begin, insert, insert])).await;
    let error = result.unwrap_err();
    assert_eq!((answers.len(), error.code()), (2, Some("23505")));
    let Error::Server(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.severity.as_str(), refusal.constraint.as_deref()), ("ERROR", Some("t_pkey")));
    assert!(refusal.detail.as_ref().unwrap().contains("(1)") && !error.to_string().contains("(1)"));
    assert!(!connection.is_idle() && !connection.is_broken());

    assert_eq!(within(connection.exchange(&[insert])).await.unwrap_err().code(), Some("25P02"));
    assert!(!connection.is_idle());
    within(connection.exchange(&[Command::prepared("ROLLBACK", &none)])).await.unwrap();
    assert!(connection.is_idle());
    assert_eq!(ask::<i64>(connection, "SELECT count(*) FROM t").await, 0);
}

#[tokio::test]
async fn it_is_idle_between_transactions() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    assert!(connection.is_idle());
    for (text, idle) in [
        ("BEGIN", false),
        ("SELECT 1", false),
        ("SAVEPOINT s", false),
        ("COMMIT", true),
        ("SELECT 1", true),
        ("BEGIN", false),
        ("ROLLBACK", true),
    ] {
        within(connection.exchange(&[Command::once(text)])).await.unwrap();
        assert_eq!(connection.is_idle(), idle, "after {text}");
    }
    within(connection.script("BEGIN")).await.unwrap();
    assert!(!connection.is_idle());
    within(connection.script("SELECT 1; ROLLBACK")).await.unwrap();
    assert!(connection.is_idle());
}

#[tokio::test]
async fn an_empty_exchange_has_no_answers() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let none = bind!();
    for _ in 0..3 {
        assert!(within(connection.exchange(&[])).await.unwrap().is_empty());
        let empty = [Command::once(""), Command::prepared(" -- nothing", &none), Command::prepared("SELECT", &none)];
        let answers = within(connection.exchange(&empty)).await.unwrap();
        assert_eq!(answers.iter().map(|answer| answer.len()).collect::<Vec<_>>(), [0, 0, 1]);
        assert!(answers[2].first().unwrap().is_empty());
        within(connection.script("")).await.unwrap();
        assert_usable(connection).await;
    }
}

#[tokio::test]
async fn an_answer_counts_the_affected_rows() {
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let none = bind!();
    let steps = [
        ("CREATE TABLE t (n int8)", 0),
        ("BEGIN", 0),
        ("INSERT INTO t SELECT generate_series(1, 12)", 12),
        ("UPDATE t SET n = n + 1 WHERE n > 4", 8),
        ("DELETE FROM t WHERE n > 100", 0),
        ("DELETE FROM t WHERE n < 4 RETURNING n", 3),
        ("SELECT n FROM t", 9),
        ("COMMIT", 0),
    ];
    let once: Vec<_> = steps.iter().map(|(text, _)| Command::once(text)).collect();
    let kept: Vec<_> = steps.iter().map(|(text, _)| Command::prepared(text, &none)).collect();
    for commands in [once, kept] {
        let answers = within(connection.exchange(&commands)).await.unwrap();
        let touched: Vec<u64> = answers.iter().map(|answer| answer.affected).collect();
        assert_eq!(touched, steps.map(|(_, rows)| rows));
        within(connection.script("DROP TABLE t")).await.unwrap();
    }
}

/// The server reads nothing more while nobody takes its answers, so both directions must proceed at once.
#[tokio::test]
async fn large_answers_and_large_statements_do_not_block_each_other() {
    const SIZE: usize = 24 << 20;
    let Fixture { connection, .. } = &mut Fixture::new().await;
    let (size, none, text) = (bind!(i32::try_from(SIZE).unwrap()), bind!(), bind!("x".repeat(SIZE)));
    let commands = [
        Command::prepared("SELECT repeat('y', $1)", &size),
        Command::prepared("SELECT length($1)", &text),
        Command::prepared("SELECT 5", &none),
    ];
    let answers = within(connection.exchange(&commands)).await.unwrap();
    assert_eq!(answers[0].first().unwrap().get::<&str>(0).unwrap().len(), SIZE);
    assert_eq!(answers[1].first().unwrap().get::<i32>(0).unwrap(), i32::try_from(SIZE).unwrap());
    assert_usable(connection).await;
}
