//! A minimal HTTP/1.1 client: requests are prepared in advance, answers are read into one buffer. It shares two cores
//! with what it measures.

use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as bytes.
pub(crate) fn post(port: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!(
        "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\naccept: application/json\r\n"
    );
    for (name, value) in headers {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "content-length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

/// A request for a page without parameters.
pub(crate) fn get(port: u16, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n").into_bytes()
}

/// An answer. The body belongs to the connection and is valid until its next exchange.
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) body: &'c [u8],
}

/// A keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

/// How the end of a body is found.
enum Framing {
    Length(usize),
    Chunked,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), body: Vec::new() })
    }

    /// Frees the memory of the buffers.
    pub(crate) fn shrink(&mut self) {
        self.buffer = Vec::new();
        self.body = Vec::new();
    }

    /// Whether the server has closed a connection that is idle.
    pub(crate) fn is_closed(&self) -> bool {
        let mut byte = [0];
        !matches!(self.stream.try_read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await?;
        };
        let (status, framing) = read_head(&self.buffer[..head])?;
        match framing {
            Framing::Length(length) => {
                self.buffer.reserve(length);
                while self.buffer.len() < head + length {
                    self.fill().await?;
                }
                Ok(Answer { status, body: &self.buffer[head..head + length] })
            }
            Framing::Chunked => {
                self.read_chunks(head).await?;
                Ok(Answer { status, body: &self.body })
            }
        }
    }

    async fn read_chunks(&mut self, mut at: usize) -> io::Result<()> {
        self.body.clear();
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer[at..], b"\r\n") {
                    break end;
                }
                self.fill().await?;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size.split(';').next()?.trim(), 16).ok());
            let size = size.ok_or_else(|| malformed("the size of a chunk"))?;
            at += line + 2;
            while self.buffer.len() < at + size + 2 {
                self.fill().await?;
            }
            if size == 0 {
                return Ok(());
            }
            self.body.extend_from_slice(&self.buffer[at..at + size]);
            at += size + 2;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection was closed in the middle of an answer")),
            _ => Ok(()),
        }
    }
}

fn read_head(head: &[u8]) -> io::Result<(u16, Framing)> {
    let text = std::str::from_utf8(head).map_err(|_| malformed("the head"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| malformed("the status"))?;
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse().map_err(|_| malformed("the length"))?;
            return Ok((status, Framing::Length(length)));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked") {
            return Ok((status, Framing::Chunked));
        }
    }
    Ok((status, Framing::Length(0)))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{what} of the answer is malformed"))
}

/// The position of `needle`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(found) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + found;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let (status, framing) = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n").unwrap();
        assert!(matches!((status, framing), (200, Framing::Length(12))));
        let (status, framing) = read_head(b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        assert!(matches!((status, framing), (503, Framing::Chunked)));
        assert!(read_head(b"nonsense").is_err());
    }

    #[test]
    fn a_needle_is_found_where_it_begins() {
        assert_eq!(find(b"a\r\r\n\r\nb", b"\r\n\r\n"), Some(2));
        assert_eq!(find(b"abc", b"cd"), None);
    }
}
