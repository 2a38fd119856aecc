//! Peers that send invalid answers. The result must be an error: no panic, no endless wait, no exhausted memory.

use chrono::{DateTime, NaiveDate, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use tenantry_wire::{Answer, Command, Connection, Error, FromSql, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::fixture::{assert_broken, open, within};

/// The URL of a fake server that does this with every client.
pub(crate) async fn pretend<F>(act: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The fake server may fail: hanging up on it is fine.
            tokio::spawn(act(stream));
        }
    });
    format!("postgres://us:secret@127.0.0.1:{port}/db?sslmode=disable")
}

/// A message of the protocol.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    with_length(tag, i32::try_from(body.len() + 4).unwrap(), body)
}

/// A message that announces this length.
pub(crate) fn with_length(tag: u8, length: i32, body: &[u8]) -> Vec<u8> {
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// Reads the client's first message.
pub(crate) async fn take_startup(stream: &mut TcpStream) -> std::io::Result<()> {
    let length = stream.read_u32().await?;
    stream.read_exact(&mut vec![0; length as usize - 4]).await.map(drop)
}

/// Reads a message; returns its kind and its body.
pub(crate) async fn take(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let tag = stream.read_u8().await?;
    let mut body = vec![0; stream.read_u32().await? as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok((tag, body))
}

/// Accepts the client's login.
async fn let_in(stream: &mut TcpStream) -> std::io::Result<()> {
    take_startup(stream).await?;
    stream.write_all(&[message(b'R', &[0; 4]), message(b'Z', b"I")].concat()).await
}

/// Reads a whole exchange; returns the kinds of its messages.
async fn take_exchange(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut tags = Vec::new();
    while tags.last() != Some(&b'S') {
        tags.push(take(stream).await?.0);
    }
    Ok(tags)
}

/// The result of an exchange of one statement when the peer sends this answer and hangs up.
async fn answered(reply: &[u8]) -> (Connection, Result<Vec<Answer>, Error>) {
    let reply = reply.to_vec();
    let url = pretend(move |mut stream| {
        let reply = reply.clone();
        async move {
            let_in(&mut stream).await?;
            take_exchange(&mut stream).await?;
            stream.write_all(&reply).await
        }
    })
    .await;
    let mut connection = open(&url).await.unwrap();
    let none = bind!();
    let result = within(connection.exchange(&[Command::prepared("SELECT", &none)])).await;
    (connection, result)
}

fn description(columns: &[Type]) -> Vec<u8> {
    let count = u16::try_from(columns.len()).unwrap().to_be_bytes();
    let columns = columns.iter().flat_map(|kind| {
        let oid = kind.oid().to_be_bytes();
        [b"name\0", &[0; 6][..], &oid, &[0; 8]].concat()
    });
    message(b'T', &count.into_iter().chain(columns).collect::<Vec<u8>>())
}

fn row(values: &[&[u8]]) -> Vec<u8> {
    let count = u16::try_from(values.len()).unwrap().to_be_bytes();
    let values = values.iter().flat_map(|value| [&u32::try_from(value.len()).unwrap().to_be_bytes(), *value].concat());
    message(b'D', &count.into_iter().chain(values).collect::<Vec<u8>>())
}

/// The answer to one statement, with these columns and rows.
fn reply(columns: &[Type], rows: &[Vec<u8>]) -> Vec<u8> {
    let before = [message(b'1', b""), message(b't', b"\0\0"), description(columns), message(b'2', b"")];
    let behind = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")];
    [before.concat(), rows.concat(), behind.concat()].concat()
}

/// One of every type that is read.
fn good_reply() -> Vec<u8> {
    let columns = [
        Type::INT4,
        Type::TEXT,
        Type::NUMERIC,
        Type::NUMERIC_ARRAY,
        Type::INT4_ARRAY,
        Type::TIMESTAMPTZ,
        Type::DATE,
        Type::UUID,
        Type::JSONB,
        Type::BOOL,
        Type::FLOAT8,
    ];
    let number = b"\0\x02\0\0\0\0\0\x02\0\x01\0\x02";
    let numbers = [&b"\0\0\0\x01\0\0\0\0\0\0\x06\xa4\0\0\0\x01\0\0\0\x01\0\0\0\x0c"[..], number].concat();
    let integers = b"\0\0\0\x01\0\0\0\0\0\0\0\x17\0\0\0\x01\0\0\0\x01\0\0\0\x04\0\0\0\x09";
    let row = row(&[
        &[0, 0, 0, 7],
        b"text",
        number,
        &numbers,
        integers,
        &[0; 8],
        &[0; 4],
        &[1; 16],
        b"\x01{\"a\":1}",
        &[1],
        &[0; 8],
    ]);
    reply(&columns, &[row.clone(), row])
}

/// Reads every value as every type.
fn read_all(answers: &[Answer]) -> usize {
    fn one<'r, T: FromSql<'r>>(row: tenantry_wire::Row<'r>, column: usize) -> usize {
        usize::from(row.get::<Option<T>>(column).is_ok())
    }
    let rows = answers.iter().flat_map(|answer| answer.iter());
    rows.map(|row| {
        let read = |column| {
            one::<i32>(row, column)
                + one::<&str>(row, column)
                + one::<Decimal>(row, column)
                + one::<Vec<Decimal>>(row, column)
                + one::<Vec<i32>>(row, column)
                + one::<DateTime<Utc>>(row, column)
                + one::<NaiveDate>(row, column)
                + one::<Uuid>(row, column)
                + one::<serde_json::Value>(row, column)
                + one::<bool>(row, column)
                + one::<f64>(row, column)
        };
        (0..=row.len()).map(read).sum::<usize>()
    })
    .sum()
}

/// The most memory that this process has reserved so far, in mebibytes; `None` where the system does not report it.
fn reserved() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024)
}

#[tokio::test]
async fn a_valid_answer_is_read() {
    let (connection, answers) = answered(&good_reply()).await;
    assert_eq!(read_all(&answers.unwrap()), 22);
    assert!(!connection.is_broken());
}

/// The peer sends nothing before it has received everything, so a client that waited for a first answer would wait
/// forever.
#[tokio::test]
async fn an_exchange_is_sent_as_a_whole() {
    let url = pretend(async |mut stream: TcpStream| {
        let_in(&mut stream).await?;
        assert_eq!(take_exchange(&mut stream).await?, *b"PDBEPBEBES");
        let one = good_reply();
        let bare = [message(b'1', b""), message(b'2', b""), message(b'C', b"SET\0")].concat();
        let again = [message(b'2', b""), message(b'C', b"SELECT 0\0")].concat();
        stream.write_all(&[&one[..one.len() - 6], &bare, &again, &message(b'Z', b"I")].concat()).await
    })
    .await;
    let mut connection = open(&url).await.unwrap();
    let none = bind!();
    let same = Command::prepared("SELECT", &none);
    let answers = within(connection.exchange(&[same, Command::once("SET"), same])).await.unwrap();
    assert_eq!(answers.iter().map(|answer| answer.len()).collect::<Vec<_>>(), [2, 0, 0]);
}

/// A server buffers each message whole, and refuses those that are too long.
#[tokio::test]
async fn a_copy_is_sent_in_pieces() {
    const SIZE: usize = 3_000_001;
    let url = pretend(async |mut stream: TcpStream| {
        let_in(&mut stream).await?;
        take(&mut stream).await?;
        stream.write_all(&message(b'G', b"\0\0\0")).await?;
        let mut data = Vec::new();
        while let (b'd', piece) = take(&mut stream).await? {
            assert!(piece.len() <= 1 << 20);
            data.extend(piece);
        }
        assert_eq!(data, vec![7; SIZE]);
        stream.write_all(&[message(b'C', b"COPY 5\0"), message(b'Z', b"I")].concat()).await
    })
    .await;
    let mut connection = open(&url).await.unwrap();
    assert_eq!(within(connection.copy_in("COPY", &vec![7; SIZE])).await.unwrap(), 5);
}

#[tokio::test]
async fn hanging_up_at_any_point_is_an_error() {
    let good = good_reply();
    for end in 0..good.len() {
        let (mut connection, result) = answered(&good[..end]).await;
        assert!(matches!(result, Err(Error::Io(_))), "at {end}: {result:?}");
        assert_broken(&mut connection).await;
    }
}

#[tokio::test]
async fn a_protocol_violation_is_an_error() {
    let good = good_reply();
    let (bound, done, ready) = (message(b'2', b""), message(b'C', b"SELECT 1\0"), message(b'Z', b"I"));
    let mut many_columns = description(&[Type::INT4]);
    many_columns[5..7].copy_from_slice(&[0xff, 0xff]);
    let cases = [
        ("no length", with_length(b'D', 3, b"")),
        ("a length below zero", with_length(b'D', -1, b"")),
        ("the least length", with_length(b'D', i32::MIN, b"")),
        ("an unknown kind", message(b'q', b"what")),
        ("a copy", message(b'G', b"\0\0\0")),
        ("more columns than there are", many_columns),
        ("no columns' number", message(b'T', b"\0")),
        ("a name without end", message(b'T', b"\0\x01name")),
        ("ready at once", ready.clone()),
        ("bound and ready", [bound.clone(), ready.clone()].concat()),
        ("an answer to no statement", [&good[..good.len() - 6], &bound, &done, &ready].concat()),
        ("one answer too many", [&good[..good.len() - 6], &done, &ready].concat()),
    ];
    for (what, reply) in cases {
        let (mut connection, result) = answered(&reply).await;
        assert!(matches!(result, Err(Error::Protocol(_))), "{what}: {result:?}");
        assert_broken(&mut connection).await;
    }
}

#[tokio::test]
async fn a_refusal_without_a_ready_breaks_the_connection() {
    // A fatal error is final, whatever follows it.
    let fatal = [message(b'E', b"VFATAL\0C22012\0Mno\0\0"), message(b'Z', b"I")].concat();
    for reply in [message(b'E', b"VERROR\0C22012\0Mno\0\0"), fatal] {
        let (mut connection, result) = answered(&reply).await;
        assert_eq!(result.unwrap_err().code(), Some("22012"));
        assert_broken(&mut connection).await;
    }
}

/// A server that says "ready" before it is asked would be one answer ahead from then on.
#[tokio::test]
async fn an_unexpected_ready_is_an_error() {
    let url = pretend(async |mut stream: TcpStream| {
        let_in(&mut stream).await?;
        stream.write_all(&message(b'Z', b"I")).await?;
        take_exchange(&mut stream).await?;
        stream.write_all(&good_reply()).await
    })
    .await;
    let mut connection = open(&url).await.unwrap();
    let none = bind!();
    let result = within(connection.exchange(&[Command::prepared("SELECT", &none)])).await;
    assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
    assert_broken(&mut connection).await;
}

#[tokio::test]
async fn endless_noise_is_an_error() {
    let url = pretend(async |mut stream: TcpStream| {
        let_in(&mut stream).await?;
        take_exchange(&mut stream).await?;
        let noise = message(b'q', &[7; 10_000]);
        loop {
            stream.write_all(&noise).await?;
        }
    })
    .await;
    let mut connection = open(&url).await.unwrap();
    let none = bind!();
    let result = within(connection.exchange(&[Command::prepared("SELECT", &none)])).await;
    assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
    assert_broken(&mut connection).await;
}

#[tokio::test]
async fn an_announced_length_is_not_trusted() {
    let before = reserved();
    for tag in *b"DTENZtq" {
        let (mut connection, result) = answered(&with_length(tag, i32::MAX, b"a little")).await;
        assert!(matches!(result, Err(Error::Io(_))), "{result:?}");
        assert_broken(&mut connection).await;
    }
    // The same for the announced number of array elements.
    let claim = b"\0\0\0\x01\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\x01\0\0\0\x04\0\0\0\x09";
    let (_, answers) = answered(&reply(&[Type::INT4_ARRAY], &[row(&[claim])])).await;
    let read = answers.unwrap()[0].first().unwrap().get::<Vec<Option<String>>>(0).map(drop);
    assert!(matches!(read, Err(Error::Decode { .. })));
    let (_, answers) = answered(&reply(&[Type::INT4_ARRAY], &[row(&[claim])])).await;
    let read = answers.unwrap()[0].first().unwrap().get::<Vec<i32>>(0);
    assert!(matches!(read, Err(Error::Decode { .. })), "{read:?}");
    if let (Some(before), Some(after)) = (before, reserved()) {
        assert!(after < before + 1024, "{before} MiB were reserved, and then {after}");
    }
}

#[tokio::test]
async fn a_row_that_differs_from_its_description_cannot_be_read() {
    for wrong in [
        &b""[..],
        b"\0",
        b"\0\x02",
        b"\0\x02\0\0\0",
        b"\0\x02\0\0\0\x05\0\0\0\x01",
        b"\0\x02\x7f\xff\xff\xff\0\0\0\x01",
        b"\0\x02\0\0\0\x03\0\0\0",
    ] {
        let (_, answers) = answered(&reply(&[Type::INT4, Type::TEXT], &[message(b'D', wrong)])).await;
        let answers = answers.unwrap();
        let row = answers[0].first().unwrap();
        assert!(matches!(row.get::<i32>(0), Err(Error::Decode { .. })), "{wrong:?}");
        assert!(row.get::<i64>(1).is_err() && row.get::<&str>(2).is_err());
        read_all(&answers);
    }
    // A number that ends in more zeros than there is room for, without a digit before them.
    let (_, answers) =
        answered(&reply(&[Type::NUMERIC], &[row(&[b"\0\0\x7f\xff\0\0\0\0"]), row(&[b"\0\0\0\x07\0\0\0\0"])])).await;
    for row in answers.unwrap()[0].iter() {
        assert!(row.get::<Decimal>(0).is_err());
    }
}

/// An answer with random changes may be valid or not. Reading it ends either way.
#[tokio::test]
async fn reading_a_garbled_answer_ends() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (good, mut failed) = (good_reply(), 0);
    for _ in 0..800 {
        let mut reply = good.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..reply.len());
            reply[at] = if random.random() {
                random.random()
            } else {
                *b"\0\x01\x7f\x80\xff".get(random.random_range(0..5)).unwrap()
            };
        }
        let (_, result) = answered(&reply).await;
        match result {
            Ok(answers) => drop(read_all(&answers)),
            Err(_) => failed += 1,
        }
    }
    assert!((50..750).contains(&failed), "{failed} of them were refused");
}

#[tokio::test]
async fn mere_noise_ends() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for _ in 0..300 {
        let mut noise = vec![0; random.random_range(0..3_000)];
        random.fill(&mut noise[..]);
        // Half of it looks like a message.
        if random.random() && noise.len() > 5 {
            noise[0] = *b"DTECZNS21ntAI".get(random.random_range(0..13)).unwrap();
            let length = u32::try_from(random.random_range(4..noise.len())).unwrap();
            noise[1..5].copy_from_slice(&length.to_be_bytes());
        }
        let (mut connection, result) = answered(&noise).await;
        assert!(result.is_err(), "{result:?}");
        assert_broken(&mut connection).await;
    }
}
