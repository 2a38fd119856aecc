//! Genuine headers and forged ones.

use std::fmt::Write as _;
use std::process::Command;

use super::*;

const SECRET: &str = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw";
const OLD_SECRET: &str = "whsec_dGhlIG9uZSBiZWZvcmU";
const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
const NOW: i64 = 1_790_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sign(secret: &str, time: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex(hmac::sign(&key, &[time.as_bytes(), b".", body].concat()).as_ref())
}

fn header(secret: &str, time: i64, body: &[u8]) -> String {
    format!("t={time},v1={}", sign(secret, &time.to_string(), body))
}

fn verifier() -> WebhookVerifier {
    WebhookVerifier::new([SECRET, OLD_SECRET]).unwrap()
}

fn verify(header: impl AsRef<[u8]>) -> Result<(), SignatureError> {
    verifier().verify(header.as_ref(), BODY, now())
}

#[test]
fn a_signature_with_a_known_secret_is_accepted() {
    let good = header(SECRET, NOW, BODY);
    assert_eq!(verify(&good), Ok(()));
    assert_eq!(verify(header(OLD_SECRET, NOW, BODY)), Ok(()));
    let other = "0".repeat(64);
    let mac = sign(SECRET, &NOW.to_string(), BODY);
    // While a secret is rotated there is a signature for each; in test mode there is one with the scheme v0.
    assert_eq!(verify(format!("t={NOW},v1={other},v1={mac}")), Ok(()));
    assert_eq!(verify(format!("t={NOW},v1={mac},v1={other},v0={other}")), Ok(()));
    assert_eq!(verify(format!("v1={mac},t={NOW}")), Ok(()));
    assert_eq!(verifier().verify(header(SECRET, NOW, b"").as_bytes(), b"", now()), Ok(()));
}

#[test]
fn a_skew_of_up_to_five_minutes_is_allowed_in_both_directions() {
    for skew in [-300, -1, 0, 1, 300] {
        assert_eq!(verify(header(SECRET, NOW + skew, BODY)), Ok(()), "{skew}");
    }
    assert_eq!(verify(header(SECRET, NOW - 301, BODY)), Err(SignatureError::TooOld));
    assert_eq!(verify(header(SECRET, NOW + 301, BODY)), Err(SignatureError::FromTheFuture));
    let almost = now() + Duration::milliseconds(1);
    assert_eq!(
        verifier().verify(header(SECRET, NOW - 300, BODY).as_bytes(), BODY, almost),
        Err(SignatureError::TooOld)
    );
}

#[test]
fn forged_headers_are_refused() {
    use SignatureError as E;
    const MALFORMED: SignatureError = E::Malformed("");
    let good = header(SECRET, NOW, BODY);
    let mac = sign(SECRET, &NOW.to_string(), BODY);
    let time = NOW.to_string();
    let mut flipped = mac.clone().into_bytes();
    flipped[63] = if flipped[63] == b'0' { b'1' } else { b'0' };
    let flipped = String::from_utf8(flipped).unwrap();
    let zeros = "0".repeat(64);
    let forgeries: Vec<(&str, Vec<u8>, SignatureError)> = vec![
        ("nothing", Vec::new(), MALFORMED),
        ("a comma", b",".to_vec(), MALFORMED),
        ("only a time", format!("t={time}").into(), MALFORMED),
        ("only a signature", format!("v1={mac}").into(), MALFORMED),
        ("no names", format!("{time},{mac}").into(), MALFORMED),
        ("an empty signature", format!("t={time},v1=").into(), MALFORMED),
        ("an empty time", format!("t=,v1={mac}").into(), MALFORMED),
        ("half a signature", format!("t={time},v1={}", &mac[..32]).into(), MALFORMED),
        ("a signature and a digit", format!("t={time},v1={mac}0").into(), MALFORMED),
        ("a signature in upper case", format!("t={time},v1={}", mac.to_uppercase()).into(), MALFORMED),
        ("a signature that is not hexadecimal", format!("t={time},v1={}", "g".repeat(64)).into(), MALFORMED),
        ("64 bytes that are no text", [b"t=1,v1=".as_slice(), &[0xff; 64]].concat(), MALFORMED),
        ("64 bytes of wider characters", format!("t={time},v1={}", "é".repeat(32)).into(), MALFORMED),
        ("a zero signature", format!("t={time},v1={zeros}").into(), E::Mismatch),
        ("a bit flipped", format!("t={time},v1={flipped}").into(), E::Mismatch),
        ("another secret", header("whsec_another", NOW, BODY).into(), E::Mismatch),
        ("the secret without its prefix", header(&SECRET[6..], NOW, BODY).into(), E::Mismatch),
        ("an empty secret", header("", NOW, BODY).into(), E::Mismatch),
        ("another body", header(SECRET, NOW, b"{}").into(), E::Mismatch),
        ("the body with a newline", header(SECRET, NOW, &[BODY, b"\n"].concat()).into(), E::Mismatch),
        ("the time moved", format!("t={},v1={mac}", NOW + 1).into(), E::Mismatch),
        (
            "the body alone is signed",
            format!("t={time},v1={}", {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                hex(hmac::sign(&key, BODY).as_ref())
            })
            .into(),
            E::Mismatch,
        ),
        ("another scheme", format!("t={time},v0={mac}").into(), MALFORMED),
        ("a scheme in upper case", format!("T={time},V1={mac}").into(), MALFORMED),
        ("two times, the second false", format!("{good},t={}", NOW - 10).into(), MALFORMED),
        ("two times, both true", format!("t={time},{good}").into(), MALFORMED),
        ("a space after the comma", format!("t={time}, v1={mac}").into(), MALFORMED),
        ("a space before", format!(" {good}").into(), MALFORMED),
        ("a comma behind", format!("{good},").into(), MALFORMED),
        ("quotes", format!("t=\"{time}\",v1=\"{mac}\"").into(), MALFORMED),
        ("semicolons", format!("t={time};v1={mac}").into(), MALFORMED),
        ("a time with a sign", format!("t=+{time},v1={}", sign(SECRET, &format!("+{time}"), BODY)).into(), MALFORMED),
        ("a negative time", format!("t=-1,v1={}", sign(SECRET, "-1", BODY)).into(), MALFORMED),
        (
            "a time with a zero in front",
            format!("t=0{time},v1={}", sign(SECRET, &format!("0{time}"), BODY)).into(),
            MALFORMED,
        ),
        (
            "a time with a fraction",
            format!("t={time}.0,v1={}", sign(SECRET, &format!("{time}.0"), BODY)).into(),
            MALFORMED,
        ),
        ("a time in hexadecimal", format!("t=0x6ab,v1={}", sign(SECRET, "0x6ab", BODY)).into(), MALFORMED),
        (
            "a time beyond all times",
            format!("t={0},v1={1}", "9".repeat(40), sign(SECRET, &"9".repeat(40), BODY)).into(),
            MALFORMED,
        ),
        (
            "a time in milliseconds",
            format!("t={time}000,v1={}", sign(SECRET, &format!("{time}000"), BODY)).into(),
            MALFORMED,
        ),
        ("yesterday's", header(SECRET, NOW - 86_400, BODY).into(), E::TooOld),
        ("tomorrow's", header(SECRET, NOW + 86_400, BODY).into(), E::FromTheFuture),
        (
            "too many signatures",
            format!("t={time}{}", format!(",v1={mac}").repeat(14) + &",v0=x".repeat(9)).into(),
            MALFORMED,
        ),
        ("a header without end", format!("{good}{}", ",v1=00".repeat(10_000)).into(), E::TooLong),
        ("a NUL", format!("t={time}\0,v1={mac}").into(), MALFORMED),
        ("a header within a header", format!("t={time},v1=t={time},v1={mac}").into(), MALFORMED),
    ];
    assert!(forgeries.len() >= 30);
    for (name, forged, expected) in forgeries {
        let refused = verify(&forged).expect_err(name);
        let same = match (refused, expected) {
            (E::Malformed(_), E::Malformed(_)) => true,
            (refused, expected) => refused == expected,
        };
        assert!(same, "{name}: {refused:?}");
    }
}

#[test]
fn an_empty_secret_is_refused() {
    assert_eq!(WebhookVerifier::new([""]).unwrap_err(), NoSecret);
    assert_eq!(WebhookVerifier::new([SECRET, "  "]).unwrap_err(), NoSecret);
    assert_eq!(WebhookVerifier::new(Vec::<String>::new()).unwrap_err(), NoSecret);
    assert!(!format!("{:?}", verifier()).contains("whsec"));
}

/// Uses Stripe's own library, which can create a test header. Skipped without npm, or if its packages cannot be
/// downloaded.
#[test]
fn headers_of_stripes_own_library_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let npm = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"])
        .args(["--fetch-retries=0", "--fetch-timeout=20000", "stripe@18"])
        .current_dir(folder.path())
        .output();
    if !npm.is_ok_and(|output| output.status.success()) {
        eprintln!("passed over: npm cannot install the package `stripe` here");
        return;
    }
    let script = r"
        const stripe = require('stripe')('sk_test_x');
        const [payload, secret, timestamp] = process.argv.slice(1);
        process.stdout.write(stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Number(timestamp) }));
    ";
    let body = std::str::from_utf8(BODY).unwrap();
    let output = Command::new("node")
        .args(["-e", script, body, SECRET, &NOW.to_string()])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(verify(&output.stdout), Ok(()), "{}", String::from_utf8_lossy(&output.stdout));
    let later = now() + Duration::seconds(301);
    assert_eq!(verifier().verify(&output.stdout, BODY, later), Err(SignatureError::TooOld));
    let earlier = now() - Duration::seconds(301);
    assert_eq!(verifier().verify(&output.stdout, BODY, earlier), Err(SignatureError::FromTheFuture));
    assert_eq!(verifier().verify(&output.stdout, b"{}", now()), Err(SignatureError::Mismatch));
}
