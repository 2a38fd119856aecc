//! The byte stream to and from the server: TCP or a socket, encrypted or not.

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::address::{Address, Host, Keepalive, TlsMode};
use crate::error::Error;
use crate::tls;

/// A connected socket, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// Connects to the server, with encryption as the address demands.
pub(crate) async fn connect(address: &Address) -> Result<Box<dyn Stream>, Error> {
    match &address.host {
        // Only the system's administrator could read a socket's bytes, and no server encrypts them.
        Host::Folder(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{}", address.port));
            Ok(Box::new(UnixStream::connect(socket).await?))
        }
        Host::Name(name) => {
            let stream = TcpStream::connect((name.as_str(), address.port)).await?;
            // An exchange is one write, so waiting for more data would only delay it.
            stream.set_nodelay(true)?;
            watch(&stream, &address.keepalive)?;
            match address.tls {
                TlsMode::Disable => Ok(Box::new(stream)),
                _ => tls::secure(stream, name, address).await,
            }
        }
    }
}

/// Makes the system detect that the other end has disappeared.
fn watch(stream: &TcpStream, keepalive: &Keepalive) -> Result<(), Error> {
    let socket = SockRef::from(stream);
    if keepalive.is_on {
        let mut settings = TcpKeepalive::new();
        if let Some(idle) = keepalive.idle {
            settings = settings.with_time(idle);
        }
        if let Some(interval) = keepalive.interval {
            settings = settings.with_interval(interval);
        }
        if let Some(count) = keepalive.count {
            settings = settings.with_retries(count);
        }
        socket.set_keepalive(true)?;
        socket.set_tcp_keepalive(&settings)?;
    }
    // Other systems have no such setting; PostgreSQL's client ignores it there, too.
    #[cfg(target_os = "linux")]
    if let Some(timeout) = keepalive.user_timeout {
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn keepalive_settings_of_the_address_are_applied() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = async |parameters: &str| {
            let address: Address = format!("postgres://a@h/db?{parameters}").parse().unwrap();
            let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            watch(&stream, &address.keepalive).unwrap();
            stream
        };
        let stream = asked("").await;
        assert!(SockRef::from(&stream).keepalive().unwrap(), "as PostgreSQL's client does");
        let stream = asked("keepalives=0&keepalives_idle=7").await;
        assert!(!SockRef::from(&stream).keepalive().unwrap());
        let stream = asked("keepalives_idle=77&keepalives_interval=7&keepalives_count=3&tcp_user_timeout=1500").await;
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(7));
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1500)));
        }
    }
}
