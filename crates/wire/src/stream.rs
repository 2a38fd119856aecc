//! The bytes to and from the server, over whatever they travel.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::address::{Address, Host, TlsMode};
use crate::error::Error;
use crate::tls;

/// A connected socket, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// Connects to where the server listens, with encryption as the address asks for it.
pub(crate) async fn connect(address: &Address) -> Result<Box<dyn Stream>, Error> {
    match &address.host {
        // Nobody but the system's administrator reads a socket's bytes, and no server encrypts them.
        Host::Folder(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{}", address.port));
            Ok(Box::new(UnixStream::connect(socket).await?))
        }
        Host::Name(name) => {
            let stream = TcpStream::connect((name.as_str(), address.port)).await?;
            // An exchange is one write; waiting for more to come would only delay it.
            stream.set_nodelay(true)?;
            match address.tls {
                TlsMode::Disable => Ok(Box::new(stream)),
                _ => tls::secure(stream, name, address).await,
            }
        }
    }
}
