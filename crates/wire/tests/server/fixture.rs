//! A database per test, a connection to it, and shared helpers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tenantry_devdb::shared::TestDatabase;
use tenantry_wire::{Address, Command, Connection, Error, FromSql, Parameters};

/// The parameters with these values.
macro_rules! bind {
    () => { tenantry_wire::Parameters::default() };
    ($($value:expr),+) => {{
        let mut parameters = tenantry_wire::Parameters::default();
        $(parameters.push(&$value).unwrap();)+
        parameters
    }};
}

/// A database for one test, and a connection to it as the superuser.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) connection: Connection,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::empty().await.unwrap();
        let connection = open(&database.superuser_url()).await.unwrap();
        Self { database, connection }
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no tenant here")]
pub(crate) async fn open(url: &str) -> Result<Connection, Error> {
    let address: Address = url.parse()?;
    within(Connection::open(&address)).await
}

/// Turns a hang into a failure.
#[track_caller]
pub(crate) fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let limit = tokio::time::timeout(Duration::from_secs(20), future);
    async move { limit.await.expect("it hangs") }
}

/// The future's value, unless it is dropped first, after it has been polled this many times.
pub(crate) async fn polled<F: Future>(mut times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let some = poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(None);
        }
        times -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if times == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    within(some).await
}

/// The first value of the only row.
pub(crate) async fn ask<T: for<'a> FromSql<'a>>(connection: &mut Connection, text: &str) -> T {
    ask_with(connection, text, &bind!()).await
}

pub(crate) async fn ask_with<T: for<'a> FromSql<'a>>(
    connection: &mut Connection,
    text: &str,
    parameters: &Parameters,
) -> T {
    let answers = within(connection.exchange(&[Command::prepared(text, parameters)])).await.unwrap();
    assert_eq!((answers.len(), answers[0].len()), (1, 1), "{text}");
    answers[0].first().unwrap().get(0).unwrap()
}

/// Asserts that the connection works and answers what it is asked.
pub(crate) async fn assert_usable(connection: &mut Connection) {
    assert!(!connection.is_broken());
    for n in [7_i64, 8] {
        assert_eq!(ask_with::<i64>(connection, "SELECT $1", &bind!(n)).await, n);
    }
    assert!(connection.is_idle());
}

/// Asserts that the connection is unusable, and says so.
pub(crate) async fn assert_broken(connection: &mut Connection) {
    assert!(connection.is_broken() && !connection.is_idle());
    let none = bind!();
    let next = within(connection.exchange(&[Command::prepared("SELECT 1", &none)])).await;
    assert!(matches!(next, Err(Error::Closed)), "{next:?}");
    assert!(matches!(within(connection.script("SELECT 1")).await, Err(Error::Closed)));
    assert!(matches!(within(connection.copy_in("COPY t FROM STDIN", b"")).await, Err(Error::Closed)));
}
