//! Accepts connections until it is told to stop, then lets the requests that are under way finish.

use std::io;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use super::{AppState, router};

/// How long requests that are under way have to finish; short enough that the whole stop takes less than ten seconds.
const DRAIN: Duration = Duration::from_secs(8);

/// How long a client may take to send a request's head, and how long a connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Long enough for the last answers to reach the network.
const QUIET: Duration = Duration::from_secs(1);

/// How long the calls that were counted last may take to be written down.
const LAST_FLUSH: Duration = Duration::from_secs(1);

/// Accepting fails when the process is out of file descriptors; trying again at once would spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether every request that was under way has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All of them.
    All,
    /// Some took too long and were cut off.
    Some,
}

/// Serves on `listener` until `shutdown` comes about, then stops accepting and waits, a bounded time, for the requests that
/// are under way. The store stays open.
pub async fn serve(listener: TcpListener, state: AppState, shutdown: impl Future<Output = ()>) -> Drained {
    let service = TowerToHyperService::new(router(state.clone()));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    // A window of concurrent streams that one client's requests cannot fill the pool's queue with.
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(128).keep_alive_interval(Duration::from_secs(30));
    let graceful = GracefulShutdown::new();
    let (stop_metering, stopped) = tokio::sync::oneshot::channel::<()>();
    let metering = state.metering().meter().cloned().map(|meter| {
        // A sender that is dropped stops the meter as well.
        tokio::spawn(meter.run(async { drop(stopped.await) }))
    });
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service.clone()).into_owned();
        let connection = graceful.watch(connection);
        let state = state.clone();
        tokio::spawn(async move {
            let _connected = state.metrics().connection();
            // A client that hangs up or sends what is no HTTP is no fault of ours.
            if let Err(error) = connection.await {
                tracing::trace!(error, "a connection ended early");
            }
        });
    }
    // New connections are refused from here on.
    drop(listener);
    tracing::info!("stopping: requests under way finish, new ones are refused");
    let drained = tokio::time::timeout(DRAIN, async {
        tokio::select! {
            () = graceful.shutdown() => {}
            () = idle(&state) => {}
        }
    });
    let drained = if drained.await.is_ok() {
        Drained::All
    } else {
        tracing::warn!("stopping: some requests took too long and were cut off");
        Drained::Some
    };
    drop(stop_metering);
    if let Some(metering) = metering
        && tokio::time::timeout(LAST_FLUSH, metering).await.is_err()
    {
        tracing::warn!("stopping: the calls of the last seconds could not be written down");
    }
    drained
}

/// Waits until no request has been under way for a while. Connections on which a client is still typing its request's head
/// would otherwise hold the process up.
async fn idle(state: &AppState) {
    let mut quiet = Duration::ZERO;
    while quiet < QUIET {
        tokio::time::sleep(PAUSE).await;
        quiet = if state.metrics().in_flight() == 0 { quiet + PAUSE } else { Duration::ZERO };
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer is one write, which must not wait for the acknowledgement of the one before. A socket that the
                // client has closed already takes no options and fails at the first read.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the failure is of the one client that wanted to connect.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
