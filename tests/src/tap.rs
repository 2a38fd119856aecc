//! A proxy on the server's connections to the database that counts the round trips.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A proxy between a server and its database.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    port: u16,
    trips: Arc<AtomicUsize>,
}

impl Tap {
    /// Forwards everything to and from the database at this port.
    pub(crate) async fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let tap = Self { port: listener.local_addr().expect("it is bound").port(), trips: Arc::default() };
        let trips = Arc::clone(&tap.trips);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let database = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
                let Ok(database) = database else { continue };
                let _ = (client.set_nodelay(true), database.set_nodelay(true));
                let ((from_client, to_client), (from_database, to_database)) =
                    (client.into_split(), database.into_split());
                // Data sent after an answer is the next round trip, in however many pieces it arrives.
                let answered = Arc::new(AtomicBool::new(true));
                let (asked, counted) = (Arc::clone(&answered), Arc::clone(&trips));
                tokio::spawn(pass(from_client, to_database, move || {
                    counted.fetch_add(usize::from(asked.swap(false, Ordering::SeqCst)), Ordering::SeqCst);
                }));
                tokio::spawn(pass(from_database, to_client, move || answered.store(true, Ordering::SeqCst)));
            }
        });
        tap
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many round trips there were so far.
    pub(crate) fn trips(&self) -> usize {
        self.trips.load(Ordering::SeqCst)
    }
}

/// Forwards data, and calls `note` for each piece before forwarding it.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, note: impl Fn()) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        note();
        if to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
