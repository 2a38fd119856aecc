//! Messages to and from the server. Unsent and unread bytes are kept here, so nothing is lost when a caller drops an
//! exchange half-way.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::error::Error;
use crate::stream::Stream;

/// The number of bytes before a message's body: its kind and its length.
pub(crate) const HEADER: usize = 5;

/// The least number of bytes to read at a time.
const READ: usize = 16 * 1024;

/// A buffer that a long message has grown beyond this size is freed.
const KEPT: usize = 256 * 1024;

/// A complete message at the start of [`Link::input`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    /// Its kind.
    pub(crate) tag: u8,
    /// Its length, including the header.
    pub(crate) length: usize,
}

/// Both directions of a connection.
pub(crate) struct Link {
    stream: Box<dyn Stream>,
    /// Bytes to be sent.
    pub(crate) output: BytesMut,
    /// Bytes received and not processed yet.
    pub(crate) input: BytesMut,
    /// Why nothing more can be sent. What the server still sends is read all the same.
    unsent: Option<io::Error>,
}

impl Link {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, output: BytesMut::new(), input: BytesMut::with_capacity(READ), unsent: None }
    }

    /// Sends pending output, and waits for the next message.
    pub(crate) async fn next(&mut self) -> Result<Message, Error> {
        loop {
            if let Some(message) = self.peek()? {
                return Ok(message);
            }
            poll_fn(|context| self.poll_turn(context)).await?;
        }
    }

    /// The message at the start of the input, if it is complete.
    fn peek(&mut self) -> Result<Option<Message>, Error> {
        let Some((&[tag, a, b, c, d], _)) = self.input.split_first_chunk::<HEADER>() else { return Ok(None) };
        // The length on the wire does not count the kind.
        let length = i32::from_be_bytes([a, b, c, d]);
        let length = usize::try_from(length).ok().filter(|length| *length >= HEADER - 1);
        let length = length.ok_or(Error::Protocol("a message has no length"))? + 1;
        if self.input.len() < length {
            // Reserves no more than what will arrive soon: the announced length may be false.
            self.input.reserve((length - self.input.len()).min(READ));
            return Ok(None);
        }
        Ok(Some(Message { tag, length }))
    }

    /// Drops the message at the start of the input.
    pub(crate) fn skip(&mut self, message: Message) {
        self.input.advance(message.length);
        if has_grown(&mut self.input) {
            self.input = BytesMut::with_capacity(READ);
        }
    }

    /// Sends as much as the server accepts and reads what has arrived, both at once: a server that is blocked on
    /// sending its answers reads no further statements.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.unsent.is_none() && !self.output.is_empty() {
            match pin!(self.stream.write(&self.output)).poll(context) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => self.unsent = Some(ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(sent)) => self.output.advance(sent),
                Poll::Ready(Err(error)) => self.unsent = Some(error),
            }
        }
        if self.unsent.is_none()
            && let Poll::Ready(Err(error)) = pin!(self.stream.flush()).poll(context)
        {
            self.unsent = Some(error);
        }
        if has_grown(&mut self.output) {
            self.output = BytesMut::new();
        }
        self.input.reserve(READ / 4);
        let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(context));
        Poll::Ready(match (read, self.unsent.take()) {
            (Ok(0), None) => Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            (Ok(0) | Err(_), Some(error)) | (Err(error), None) => Err(error.into()),
            (Ok(_), unsent) => {
                self.unsent = unsent;
                Ok(())
            }
        })
    }

    /// Sends pending output, and closes.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.output).await?;
        self.stream.shutdown().await
    }
}

/// Whether a buffer is empty and larger than the size that is kept.
fn has_grown(buffer: &mut BytesMut) -> bool {
    buffer.is_empty() && buffer.try_reclaim(KEPT + 1)
}

impl fmt::Debug for Link {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unsent, unread) = (self.output.len(), self.input.len());
        out.debug_struct("Link").field("unsent", &unsent).field("unread", &unread).finish_non_exhaustive()
    }
}
