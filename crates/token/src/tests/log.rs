//! What is logged about keys that are skipped.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::json;

use super::support::*;

/// Collects the log of one thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.0.lock())).into_owned()
    }
}

#[tokio::test]
async fn every_fetch_names_each_faulty_key_once_with_the_reason_and_without_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    let good = Signer::new("good", &manual);
    let endless = "k".repeat(5000);
    let mut private = good.jwk.clone();
    (private["kid"], private["d"]) = (json!("private"), json!("c2VzYW1l"));
    server.answer(
        200,
        json!({ "keys": [
            good.jwk,
            good.jwk,
            private,
            { "kty": "RSA", "kid": "weak", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xff; 128]) },
            { "kty": "oct", "kid": "secret", "k": "c2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1lc2VzYW1l" },
            { "kty": "RSA", "kid": endless },
            { "kty": "RSA", "kid": "two\nlines", "e": "AQAB", "n": "!" },
        ] })
        .to_string(),
    );
    let verifier = verifier(server.source(), &manual);
    for fetch in 0..2 {
        assert!(verifier.verify(&good.token()).await.is_ok());
        let text = log.take();
        for (kid, reason) in [
            ("good", "more than once"),
            ("private", "a private key was given"),
            ("weak", "at least 2048 bits"),
            ("secret", "a published secret"),
            ("kkkk", "a member is missing"),
            ("two\\nlines\"", "a member is not base64url"),
        ] {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(&format!("kid=\"{kid}"))).collect();
            assert_eq!(lines.len(), 1, "fetch {fetch}, {kid}: {text}");
            assert!(lines[0].contains(reason) && lines[0].contains("WARN"), "{kid}: {}", lines[0]);
            assert!(lines[0].len() < 400, "{kid}: {}", lines[0]);
        }
        assert!(!text.contains("c2VzYW1l") && !text.contains("sesame"), "{text}");
        manual.advance(Duration::from_mins(5));
    }
}
