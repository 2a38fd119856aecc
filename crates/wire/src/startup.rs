//! The first messages of a connection: who we are, and authentication.

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;

use crate::address::Address;
use crate::error::{Error, ServerError};
use crate::link::{HEADER, Link};

/// Sends who we are, authenticates, and waits until the server is ready.
pub(crate) async fn run(link: &mut Link, address: &Address) -> Result<(), Error> {
    let fixed = [("user", address.user.as_str()), ("database", address.database.as_str()), ("client_encoding", "UTF8")];
    let settings = address.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    frontend::startup_message(fixed.into_iter().chain(settings), &mut link.output)?;
    let mut proof = Proof { address, scram: None };
    loop {
        let message = link.next().await?;
        let body = &link.input[HEADER..message.length];
        match message.tag {
            b'R' => proof.answer(body, &mut link.output)?,
            b'E' => return Err(Error::Server(ServerError::parse(body).into())),
            b'Z' => {
                link.skip(message);
                return Ok(());
            }
            // Information about the server, and the key for cancelling statements.
            b'S' | b'K' | b'N' | b'v' => {}
            _ => return Err(Error::Protocol("an unknown message at the beginning")),
        }
        link.skip(message);
    }
}

/// Our side of the authentication.
struct Proof<'a> {
    address: &'a Address,
    scram: Option<ScramSha256>,
}

impl Proof<'_> {
    /// Answers the server's authentication request: a number, and data that belongs to it.
    fn answer(&mut self, request: &[u8], output: &mut BytesMut) -> Result<(), Error> {
        let (kind, body) =
            request.split_first_chunk().ok_or(Error::Protocol("an authentication request is cut off"))?;
        match i32::from_be_bytes(*kind) {
            // The server has not yet proved that it knows the password.
            0 if self.scram.is_some() => return Err(Error::Protocol("it did not prove that it knows the password")),
            0 => {}
            3 => frontend::password_message(self.password()?, output)?,
            5 => {
                let salt = body.try_into().map_err(|_| Error::Protocol("a salt has another length"))?;
                let hash = md5_hash(self.address.user.as_bytes(), self.password()?, salt);
                frontend::password_message(hash.as_bytes(), output)?;
            }
            10 => {
                if !body.split(|byte| *byte == 0).any(|mechanism| mechanism == SCRAM_SHA_256.as_bytes()) {
                    return Err(Error::Authentication("it asks for a mechanism other than SCRAM-SHA-256"));
                }
                let scram = ScramSha256::new(self.password()?, ChannelBinding::unsupported());
                frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), output)?;
                self.scram = Some(scram);
            }
            11 => {
                let scram = self.scram()?;
                scram.update(body)?;
                frontend::sasl_response(scram.message(), output)?;
            }
            // The server's proof. Without it, anyone could impersonate the server.
            12 => {
                self.scram()?.finish(body)?;
                self.scram = None;
            }
            _ => return Err(Error::Authentication("it asks for an authentication method other than a password")),
        }
        Ok(())
    }

    fn password(&self) -> Result<&[u8], Error> {
        let password = self.address.password.as_deref();
        password.map(str::as_bytes).ok_or(Error::Authentication("it asks for a password, and the address has none"))
    }

    fn scram(&mut self) -> Result<&mut ScramSha256, Error> {
        self.scram.as_mut().ok_or(Error::Protocol("an authentication step without a start"))
    }
}
