//! Accepts connections until shutdown, then lets the running requests finish.

use std::io;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use super::{AppState, router};

/// How long running requests have to finish; short enough that the whole shutdown takes less than ten seconds.
const DRAIN: Duration = Duration::from_secs(8);

/// How long a client may take to send a request's head, and how long a connection may be idle between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Long enough for the last answers to reach the network.
const QUIET: Duration = Duration::from_secs(1);

/// How long writing the last counted calls may take.
const LAST_FLUSH: Duration = Duration::from_secs(1);

/// How long data may stay unacknowledged.
#[cfg(target_os = "linux")]
const SILENCE: Duration = Duration::from_secs(30);

/// How much unsent data the operating system buffers, in bytes.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// Accepting fails when the process has no file descriptors left; retrying at once would spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether every running request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All of them.
    All,
    /// Some took too long and were cut off.
    Some,
}

/// Serves on `listener` until `shutdown` completes. Then it stops accepting and waits, for a limited time, for the
/// running requests. The store stays open.
pub async fn serve(listener: TcpListener, state: AppState, shutdown: impl Future<Output = ()>) -> Drained {
    let service = TowerToHyperService::new(router(state.clone()));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    // A limit on concurrent streams, so that one client's requests cannot fill the pool's queue.
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(128).keep_alive_interval(Duration::from_secs(30));
    let graceful = GracefulShutdown::new();
    let (stop_metering, stopped) = tokio::sync::oneshot::channel::<()>();
    let metering = state.metering().meter().cloned().map(|meter| {
        // A dropped sender stops the meter as well.
        tokio::spawn(meter.run(async { drop(stopped.await) }))
    });
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service.clone()).into_owned();
        let connection = graceful.watch(connection);
        let state = state.clone();
        tokio::spawn(async move {
            let _connected = state.metrics().connection();
            // A client that hangs up or sends invalid HTTP is not our fault.
            if let Err(error) = connection.await {
                tracing::trace!(error, "a connection ended early");
            }
        });
    }
    // New connections are refused from here on.
    drop(listener);
    tracing::info!("stopping: running requests finish, new ones are refused");
    state.seats().drain();
    let drained = tokio::time::timeout(DRAIN, async {
        tokio::select! {
            () = graceful.shutdown() => {}
            () = idle(&state) => {}
        }
        // These do not belong to a request that hyper waits for: mutations with a key whose client has hung up, and WebSockets.
        while state.metrics().in_flight() > 0 || state.seats().taken() > 0 {
            tokio::time::sleep(PAUSE).await;
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
        tracing::warn!("stopping: the calls of the last seconds could not be written");
    }
    drained
}

/// Waits until no request has been running for a while. Connections whose client is still sending a request's head
/// would otherwise delay the shutdown.
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
                limit_silence(&stream);
                // An answer is one write, which must not wait for the acknowledgement of the previous one. A socket
                // that the client has already closed accepts no options; it fails at the first read.
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

/// Sets two limits of the operating system: it closes a connection whose client does not acknowledge data for a while, and it buffers little
/// unsent data, so that a slow client can be told from one that does not read at all.
fn limit_silence(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(stream);
        let limited = socket.set_tcp_user_timeout(Some(SILENCE));
        if let Err(error) = limited.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT)) {
            tracing::trace!(%error, "the limits of a connection cannot be set");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// Whether the failure concerns only the client that tried to connect.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
