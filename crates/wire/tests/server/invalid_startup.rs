//! Peers that misbehave before they have accepted the login.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tenantry_wire::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::open;
use crate::invalid_answers::{message, pretend, take, take_startup, with_length};

/// An authentication request.
fn request(kind: i32, body: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes(), body].concat())
}

/// The error of connecting to a peer that sends this and hangs up.
async fn received(said: Vec<u8>) -> Error {
    let url = pretend(move |mut stream| {
        let said = said.clone();
        async move {
            take_startup(&mut stream).await?;
            stream.write_all(&said).await?;
            // Wait until the client has disconnected, so that it does not miss what was sent.
            stream.shutdown().await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        }
    })
    .await;
    open(&url).await.unwrap_err()
}

#[tokio::test]
async fn an_unknown_message_is_an_error() {
    let (ok, ready) = (request(0, b""), message(b'Z', b"I"));
    for said in [
        message(b'R', b"\0"),
        request(5, b"abc"),
        request(11, b"r=x,s=eA==,i=1"),
        request(12, b"v=x"),
        message(b'q', b""),
        message(b'D', b"\0\0"),
        with_length(b'R', -4, b""),
        [ok.clone(), message(b'T', b"\0\0"), ready.clone()].concat(),
    ] {
        let error = received(said).await;
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    }
    for said in [request(7, b""), request(2, b""), request(10, b"SCRAM-SHA-256-PLUS\0\0"), request(10, b"")] {
        let error = received(said).await;
        assert!(matches!(error, Error::Authentication(_)), "{error:?}");
    }
    for said in [vec![], ok, with_length(b'R', i32::MAX, b"\0\0\0\0"), with_length(b'E', i32::MAX, b"")] {
        let error = received(said).await;
        assert!(matches!(error, Error::Io(_)), "{error:?}");
    }
    let error = received(message(b'E', b"VFATAL\0C53300\0Mfull\0\0")).await;
    assert_eq!(error.code(), Some("53300"));
}

#[tokio::test]
async fn mere_noise_ends() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for _ in 0..300 {
        let mut noise = vec![0; random.random_range(0..500)];
        random.fill(&mut noise[..]);
        if random.random() && noise.len() > 9 {
            noise[..5].copy_from_slice(b"R\0\0\0\x09");
            noise[5..9].copy_from_slice(&random.random_range(0..14_u32).to_be_bytes());
        }
        received(noise).await;
    }
}

/// How far the peer proves that it knows the password.
#[derive(Debug, Clone, Copy)]
enum Proof {
    /// It accepts the login without asking for our proof.
    NotBegun,
    /// It accepts the login without its own proof.
    NotGiven,
    /// Its proof is made up.
    MadeUp,
    /// Its nonce does not begin with ours.
    OtherNonce,
    /// It demands hours of hashing.
    Endless,
}

#[tokio::test]
async fn a_server_that_does_not_know_the_password_is_refused() {
    for proof in [Proof::NotBegun, Proof::NotGiven, Proof::MadeUp, Proof::OtherNonce, Proof::Endless] {
        let url = pretend(move |mut stream: TcpStream| async move {
            take_startup(&mut stream).await?;
            stream.write_all(&request(10, b"SCRAM-SHA-256\0\0")).await?;
            let (_, first) = take(&mut stream).await?;
            let first = String::from_utf8_lossy(&first);
            let nonce = first.split_once(",r=").unwrap().1;
            let challenge = match proof {
                Proof::NotBegun => None,
                Proof::NotGiven | Proof::MadeUp => Some(format!("r={nonce}more,s=c2FsdA==,i=4096")),
                Proof::OtherNonce => Some("r=other,s=c2FsdA==,i=4096".to_owned()),
                Proof::Endless => Some(format!("r={nonce}more,s=c2FsdA==,i=4000000000")),
            };
            if let Some(challenge) = challenge {
                stream.write_all(&request(11, challenge.as_bytes())).await?;
                take(&mut stream).await?;
            }
            if matches!(proof, Proof::MadeUp) {
                let made_up = b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                stream.write_all(&request(12, made_up)).await?;
            }
            stream.write_all(&[request(0, b""), message(b'Z', b"I")].concat()).await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        })
        .await;
        let error = open(&url).await.unwrap_err();
        match proof {
            Proof::NotBegun | Proof::NotGiven => assert!(matches!(error, Error::Protocol(_)), "{proof:?}: {error:?}"),
            _ => assert!(matches!(error, Error::Io(_)), "{proof:?}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn encryption_starts_properly_or_fails() {
    let plain = [request(0, b""), message(b'Z', b"I")].concat();
    for mode in ["prefer", "require", "verify-full"] {
        // Bytes slipped in after the consent by somebody in between; an invalid start of a handshake; an unknown
        // answer; silence.
        for (said, is_tls) in [
            ([b"S", &plain[..]].concat(), true),
            (b"S\x16\x03\x03\xff\xff".to_vec(), true),
            (b"S".to_vec(), false),
            (b"Q".to_vec(), false),
            (b"E\0\0".to_vec(), false),
            (b"".to_vec(), false),
        ] {
            let last = said.clone();
            let url = pretend(move |mut stream: TcpStream| {
                let said = said.clone();
                async move {
                    stream.read_exact(&mut [0; 8]).await?;
                    stream.write_all(&said).await?;
                    stream.shutdown().await?;
                    stream.read_to_end(&mut Vec::new()).await.map(drop)
                }
            })
            .await;
            let error = open(&url.replace("disable", mode)).await.unwrap_err();
            let expected = match &error {
                Error::Tls(_) => is_tls,
                Error::Protocol(_) => !is_tls && last.len() > 1 || last == b"Q",
                // The connection broke, which may be temporary.
                Error::Io(_) => matches!(&last[..], b"" | b"S"),
                _ => false,
            };
            assert!(expected, "{mode}, {last:?}: {error:?}");
        }
    }
}
