//! The exchange: statements are sent together, and their answers come back together.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use postgres_protocol::message::frontend;
use postgres_types::{Kind, Type};

use crate::address::Address;
use crate::command::{Command, Parameters};
use crate::error::{Error, ServerError, cause};
use crate::link::{HEADER, Link, Message};
use crate::rows::{Answer, Column, Rows};
use crate::statements::{Statement, Statements};
use crate::{startup, stream};

/// Error codes after which a prepared statement is useless: the tables have changed, or the server was made to forget
/// it. Preparing it again requires a new connection.
const STALE: [&str; 2] = ["0A000", "26000"];

/// How much of a COPY goes into one message. The server buffers a whole message before it reads it, and refuses
/// messages of a gibibyte.
const PIECE: usize = 256 * 1024;

/// A connection to the server, for one caller at a time.
#[derive(Debug)]
pub struct Connection {
    link: Link,
    statements: Statements,
    /// How many exchanges were sent whose answers are not fully read.
    owed: u32,
    /// Whether the server last reported that it is in no transaction.
    is_idle: bool,
    /// Whether no further exchange is possible.
    is_broken: bool,
}

/// How a command of an exchange refers to its statement.
enum Prepared {
    /// The server knows it.
    Before(Arc<[Column]>),
    /// The server gets to know it by this name, in this exchange.
    Now(Arc<str>),
    /// The command at this index of the exchange has the same text.
    Again(usize),
    /// It is not kept.
    Never,
}

impl Connection {
    /// Connects, and waits until the server is ready.
    ///
    /// # Errors
    /// [`Error::Io`] when nothing listens at the address, [`Error::Tls`] when encryption fails,
    /// [`Error::Authentication`] and [`Error::Server`] when the server refuses the login, [`Error::TimedOut`] when it
    /// takes longer than the address allows.
    pub async fn open(address: &Address) -> Result<Self, Error> {
        match address.connect_timeout() {
            None => Self::open_in_any_time(address).await,
            Some(limit) => {
                let opened = tokio::time::timeout(limit, Self::open_in_any_time(address)).await;
                opened.unwrap_or(Err(Error::TimedOut))
            }
        }
    }

    async fn open_in_any_time(address: &Address) -> Result<Self, Error> {
        let mut link = Link::new(stream::connect(address).await?);
        startup::run(&mut link, address).await?;
        Ok(Self { link, statements: Statements::new(), owed: 0, is_idle: true, is_broken: false })
    }

    /// Whether no further exchange is possible: the server has closed the connection or sent something invalid.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether an answer is still outstanding, or will never come.
    pub fn is_owing(&self) -> bool {
        self.owed > 0 || self.is_broken
    }

    /// Whether everything sent was answered, and no transaction is open.
    pub fn is_idle(&self) -> bool {
        self.is_idle && !self.is_owing()
    }

    /// Sends the commands in one round trip and returns an answer to each. If one fails, the commands after it are not
    /// run. Outside an explicit transaction, the commands before it have no effect either.
    ///
    /// # Errors
    /// [`Error::Server`] with the server's message about the first command that failed; [`Error::Io`] when the
    /// connection broke, in which case it is unknown how many commands the server ran.
    pub async fn exchange(&mut self, commands: &[Command<'_>]) -> Result<Vec<Answer>, Error> {
        let (answers, result) = self.try_exchange(commands).await;
        result.map(|()| answers)
    }

    /// As [`exchange`](Self::exchange), but also returns the answers to the commands before the one that failed.
    pub async fn try_exchange(&mut self, commands: &[Command<'_>]) -> (Vec<Answer>, Result<(), Error>) {
        let mut answers = Vec::with_capacity(commands.len());
        let result = self.run(commands, &mut answers).await;
        self.note(&result);
        (answers, result)
    }

    async fn run(&mut self, commands: &[Command<'_>], answers: &mut Vec<Answer>) -> Result<(), Error> {
        self.settle().await?;
        for name in self.statements.take_dropped() {
            frontend::close(b'S', &name, &mut self.link.output)?;
        }
        let start = self.link.output.len();
        let mut prepared: Vec<Prepared> = Vec::with_capacity(commands.len());
        for (n, command) in commands.iter().enumerate() {
            match self.put(command, &commands[..n], &prepared) {
                Ok(next) => prepared.push(next),
                Err(error) => {
                    // Nothing of this exchange was sent. Output from before it still has to be sent.
                    self.link.output.truncate(start);
                    return Err(error);
                }
            }
        }
        frontend::sync(&mut self.link.output);
        self.owed += 1;
        self.read_answers(commands, &prepared, answers).await
    }

    /// Sends a text of several statements. Nothing is read of their results but whether they succeeded.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub async fn script(&mut self, text: &str) -> Result<(), Error> {
        self.settle().await?;
        self.query(text)?;
        let done = self.until_ready().await.map(drop);
        self.note(&done);
        done
    }

    /// Runs a `COPY … FROM STDIN` with this data; returns the number of rows that were loaded.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange); [`Error::Encode`] when the statement does not ask for rows. It has been run in
    /// that case. Dropping the future of a copy half-way breaks the connection.
    pub async fn copy_in(&mut self, statement: &str, data: &[u8]) -> Result<u64, Error> {
        self.settle().await?;
        self.query(statement)?;
        self.is_broken = true;
        let copied = self.copy(data).await;
        self.is_broken = false;
        self.note(&copied);
        copied
    }

    /// Tells the server that the connection ends, and closes it.
    ///
    /// # Errors
    /// [`Error::Io`] when the server is already gone.
    pub async fn close(mut self) -> Result<(), Error> {
        // A server that is blocked on sending its answers does not read the message.
        if self.owed > 0 {
            return Ok(());
        }
        frontend::terminate(&mut self.link.output);
        Ok(self.link.close().await?)
    }

    /// Reads the rest of the answers to dropped exchanges.
    async fn settle(&mut self) -> Result<(), Error> {
        if self.is_broken {
            return Err(Error::Closed);
        }
        while self.owed > 0 {
            let left = self.until_ready().await;
            // Nobody waits for these answers, so a failed statement does not matter.
            if !matches!(left, Ok(_) | Err(Error::Server(_))) || self.is_broken {
                self.note(&left);
                left?;
                return Err(Error::Closed);
            }
        }
        Ok(())
    }

    /// Records whether the connection is still usable.
    fn note<T>(&mut self, result: &Result<T, Error>) {
        self.is_broken |= match result {
            Ok(_) | Err(Error::Encode(_)) => false,
            Err(Error::Server(error)) => error.is_fatal() || STALE.contains(&error.code.as_str()),
            Err(_) => true,
        };
    }

    /// Writes a text of any number of statements.
    fn query(&mut self, text: &str) -> Result<(), Error> {
        let start = self.link.output.len();
        if let Err(error) = frontend::query(text, &mut self.link.output) {
            self.link.output.truncate(start);
            return Err(Error::Encode(cause(error)));
        }
        self.owed += 1;
        Ok(())
    }

    /// Writes the messages of one command.
    fn put(&mut self, command: &Command<'_>, before: &[Command<'_>], made: &[Prepared]) -> Result<Prepared, Error> {
        // For example a text that contains U+0000.
        let unsendable = |error| Error::Encode(cause(error));
        let output = &mut self.link.output;
        let Some(parameters) = command.parameters else {
            frontend::parse("", command.text, [], output).map_err(unsendable)?;
            bind("", &Parameters::default(), output)?;
            frontend::execute("", 0, output)?;
            return Ok(Prepared::Never);
        };
        let types = parameters.types.as_slice();
        let again = before.iter().zip(made).enumerate().find_map(|(n, (other, made))| match made {
            Prepared::Now(name) if other.text == command.text && other.types() == types => Some((n, Arc::clone(name))),
            _ => None,
        });
        let (name, prepared) = match (again, self.statements.get(command.text, types)) {
            (Some((n, name)), _) => (name, Prepared::Again(n)),
            (None, Some(known)) => (Arc::clone(&known.name), Prepared::Before(Arc::clone(&known.columns))),
            (None, None) => {
                let name = self.statements.name();
                frontend::parse(&name, command.text, types.iter().copied(), output).map_err(unsendable)?;
                frontend::describe(b'S', &name, output)?;
                (Arc::clone(&name), Prepared::Now(name))
            }
        };
        bind(&name, parameters, output)?;
        frontend::execute("", 0, output)?;
        Ok(prepared)
    }

    /// Reads the answers of the exchange that was just sent.
    async fn read_answers(
        &mut self,
        commands: &[Command<'_>],
        prepared: &[Prepared],
        answers: &mut Vec<Answer>,
    ) -> Result<(), Error> {
        let mut described = Arc::clone(Rows::default().shared_columns());
        let mut rows = Rows::default();
        let mut refused: Option<ServerError> = None;
        loop {
            let message = self.next(&mut refused).await?;
            let body = &self.link.input[HEADER..message.length];
            let at = answers.len();
            match message.tag {
                b'D' => rows.push(body),
                // The statement is described, …
                b'T' => described = columns(body)?,
                b'n' => described = Arc::clone(Rows::default().shared_columns()),
                // … and bound.
                b'2' => {
                    rows = Rows::new(match prepared.get(at) {
                        None => return Err(Error::Protocol("an answer to no statement")),
                        Some(Prepared::Before(columns)) => Arc::clone(columns),
                        Some(Prepared::Never) => Arc::clone(Rows::default().shared_columns()),
                        Some(Prepared::Again(first)) => Arc::clone(answers[*first].shared_columns()),
                        Some(Prepared::Now(name)) => {
                            let statement = Statement {
                                name: Arc::clone(name),
                                parameters: commands[at].types().into(),
                                columns: Arc::clone(&described),
                            };
                            self.statements.insert(commands[at].text, statement);
                            Arc::clone(&described)
                        }
                    });
                }
                b'C' => answers.push(Answer { rows: std::mem::take(&mut rows), affected: affected(body) }),
                b'I' => answers.push(Answer::default()),
                b'E' => refused = Some(ServerError::parse(body)),
                b'Z' => {
                    self.end(message);
                    return match refused {
                        Some(refused) => Err(Error::Server(refused.into())),
                        None if answers.len() == commands.len() => Ok(()),
                        None => Err(Error::Protocol("a statement has no answer")),
                    };
                }
                tag => aside(tag, body)?,
            }
            self.link.skip(message);
        }
    }

    /// Reads to the end of the next outstanding answer; returns how many rows its last statement affected.
    async fn until_ready(&mut self) -> Result<u64, Error> {
        let mut touched = 0;
        let mut refused: Option<ServerError> = None;
        loop {
            let message = self.next(&mut refused).await?;
            let body = &self.link.input[HEADER..message.length];
            match message.tag {
                b'C' => touched = affected(body),
                b'E' => {
                    let error = ServerError::parse(body);
                    self.is_broken |= error.is_fatal();
                    refused = Some(error);
                }
                b'Z' => {
                    self.end(message);
                    return refused.map_or(Ok(touched), |refused| Err(Error::Server(refused.into())));
                }
                b'D' | b'T' | b'n' | b'2' | b'I' => {}
                tag => aside(tag, body)?,
            }
            self.link.skip(message);
        }
    }

    /// Waits for the next message of an answer. If the server closes the connection, it says why first.
    async fn next(&mut self, refused: &mut Option<ServerError>) -> Result<Message, Error> {
        let next = self.link.next().await;
        self.is_broken |= next.is_err();
        next.map_err(|error| refused.take().map_or(error, |refused| Error::Server(refused.into())))
    }

    /// Records that the server has answered a whole exchange, and whether it is in a transaction, as the message says.
    fn end(&mut self, ready: Message) {
        self.is_idle = self.link.input.get(HEADER) == Some(&b'I');
        self.owed -= 1;
        self.link.skip(ready);
    }

    async fn copy(&mut self, data: &[u8]) -> Result<u64, Error> {
        loop {
            let message = self.link.next().await?;
            match message.tag {
                // The server waits for the rows.
                b'G' => {
                    self.link.skip(message);
                    break;
                }
                b'E' => return self.until_ready().await,
                // Not a COPY.
                b'C' | b'T' | b'I' => {
                    self.until_ready().await?;
                    return Err(Error::encode("the statement asks for no rows"));
                }
                tag => aside(tag, &self.link.input[HEADER..message.length])?,
            }
            self.link.skip(message);
        }
        for piece in data.chunks(PIECE) {
            frontend::CopyData::new(piece)?.write(&mut self.link.output);
        }
        frontend::copy_done(&mut self.link.output);
        self.until_ready().await
    }
}

/// Messages that may come at any time, and those that only confirm something.
fn aside(tag: u8, body: &[u8]) -> Result<(), Error> {
    match tag {
        b'N' => {
            let notice = ServerError::parse(body);
            tracing::debug!(code = %notice.code, "the database notes: {}", notice.message);
            Ok(())
        }
        // Parsed, closed, parameter types; a setting of the server, a notification.
        b'1' | b'3' | b't' | b'S' | b'A' => Ok(()),
        _ => Err(Error::Protocol("an unknown message")),
    }
}

/// Writes a `Bind` message. All values and results use the binary format.
fn bind(statement: &str, parameters: &Parameters, output: &mut BytesMut) -> Result<(), Error> {
    const BINARY: u16 = 1;
    let too_much = |_| Error::Encode(cause("more than the protocol can carry"));
    let count = u16::try_from(parameters.len()).map_err(too_much)?;
    // The length, the empty name of the portal, the statement's name, four numbers and the values.
    let length = 4 + 1 + (statement.len() + 1) + 4 * 2 + parameters.values.len() + 2;
    output.put_u8(b'B');
    output.put_i32(i32::try_from(length).map_err(too_much)?);
    output.put_u8(0);
    output.put_slice(statement.as_bytes());
    output.put_u8(0);
    output.put_u16(1);
    output.put_u16(BINARY);
    output.put_u16(count);
    output.put_slice(&parameters.values);
    output.put_u16(1);
    output.put_u16(BINARY);
    Ok(())
}

/// The columns in a `RowDescription`: each one's name, and six numbers of which the third is its type's.
fn columns(body: &[u8]) -> Result<Arc<[Column]>, Error> {
    const CUT: Error = Error::Protocol("a description is cut off");
    let (count, mut rest) = body.split_first_chunk().ok_or(CUT)?;
    let mut columns = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let end = rest.iter().position(|byte| *byte == 0).ok_or(CUT)?;
        let (numbers, others) = rest[end + 1..].split_first_chunk::<18>().ok_or(CUT)?;
        let oid = u32::from_be_bytes([numbers[6], numbers[7], numbers[8], numbers[9]]);
        // A type that is not built in is read by nobody.
        let kind = Type::from_oid(oid).unwrap_or_else(|| Type::new("?".to_owned(), oid, Kind::Simple, "?".to_owned()));
        columns.push(Column { name: String::from_utf8_lossy(&rest[..end]).into(), kind });
        rest = others;
    }
    Ok(columns.into())
}

/// The number of rows at the end of a `CommandComplete`, such as `INSERT 0 3`; 0 if there is none.
fn affected(body: &[u8]) -> u64 {
    let text = std::str::from_utf8(body).unwrap_or_default().trim_end_matches('\0');
    text.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default()
}
