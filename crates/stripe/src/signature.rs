//! The signature of a webhook: `Stripe-Signature: t=TIME,v1=MAC[,v1=MAC…]`, an HMAC-SHA256 over the time, a dot and the raw
//! bytes of the body.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use chrono::{DateTime, Duration, Utc};

/// How far the time of a signature may be from ours, in either direction. A signature from the future is refused as
/// well: whoever can make one now could otherwise replay it for as long as they like.
pub const TOLERANCE: Duration = Duration::seconds(300);

/// Longer than any header that Stripe sends: a signature takes 68 bytes, and there is one per secret.
pub const MAX_HEADER_BYTES: usize = 1024;

/// More elements than any header that Stripe sends.
const MAX_ELEMENTS: usize = 16;

/// The length of a signature in hexadecimal digits.
const MAC_DIGITS: usize = 64;

/// Why a webhook is refused. For the log only; the sender is just told that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is longer than any genuine one.
    #[error("the signature header is too long")]
    TooLong,
    /// The header does not have Stripe's form.
    #[error("the signature header is malformed: {0}")]
    Malformed(&'static str),
    /// No signature in the header was made over this body with one of our secrets.
    #[error("no signature matches the body")]
    Mismatch,
    /// It was signed too long ago, or it is a replay of something old.
    #[error("the signature is too old")]
    TooOld,
    /// It was signed by a clock that is ahead of ours.
    #[error("the signature is from the future")]
    FromTheFuture,
}

/// There is no secret to verify with, or one of them is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's signature cannot be verified without a secret")]
pub struct NoSecret;

/// Verifies webhooks. Several secrets can be valid at the same time, for rotation.
#[derive(Clone)]
pub struct WebhookVerifier {
    keys: Vec<hmac::Key>,
}

impl WebhookVerifier {
    /// A verifier with these secrets, each exactly as Stripe shows it (`whsec_…`).
    ///
    /// # Errors
    /// [`NoSecret`] when there is none, or one is empty: anyone could sign with an empty secret.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, NoSecret> {
        let mut keys = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref().trim();
            if secret.is_empty() {
                return Err(NoSecret);
            }
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        }
        if keys.is_empty() { Err(NoSecret) } else { Ok(Self { keys }) }
    }

    /// Checks that `header` signs exactly these bytes, at a time close to `now`.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(&self, header: &[u8], body: &[u8], now: DateTime<Utc>) -> Result<(), SignatureError> {
        let header = Header::parse(header)?;
        let mut fits = false;
        for key in &self.keys {
            let mut context = hmac::Context::with_key(key);
            context.update(header.time_text.as_bytes());
            context.update(b".");
            context.update(body);
            let expected = context.sign();
            // Every pair is compared, so that the time taken does not reveal which of them was close.
            for given in &header.signatures {
                fits |= verify_slices_are_equal(expected.as_ref(), given).is_ok();
            }
        }
        if !fits {
            return Err(SignatureError::Mismatch);
        }
        // Checked only now, because the time means nothing before its signature is verified.
        let age = now.signed_duration_since(header.time);
        if age > TOLERANCE {
            Err(SignatureError::TooOld)
        } else if age < -TOLERANCE {
            Err(SignatureError::FromTheFuture)
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookVerifier").field("secrets", &self.keys.len()).finish_non_exhaustive()
    }
}

/// The content of a header.
struct Header<'h> {
    /// The time exactly as written, because that is what was signed.
    time_text: &'h str,
    time: DateTime<Utc>,
    signatures: Vec<[u8; MAC_DIGITS / 2]>,
}

impl<'h> Header<'h> {
    /// Parses a header. Strict, because only Stripe writes one: no white space, one time, signatures in lower case.
    /// Schemes other than `v1` are skipped, as Stripe asks.
    fn parse(header: &'h [u8]) -> Result<Self, SignatureError> {
        use SignatureError::Malformed;
        if header.len() > MAX_HEADER_BYTES {
            return Err(SignatureError::TooLong);
        }
        let text = std::str::from_utf8(header).map_err(|_| Malformed("it is not text"))?;
        let (mut times, mut signatures) = (Vec::new(), Vec::new());
        for (index, element) in text.split(',').enumerate() {
            if index >= MAX_ELEMENTS {
                return Err(Malformed("it has too many elements"));
            }
            let (scheme, value) = element.split_once('=').ok_or(Malformed("an element has no value"))?;
            if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
                return Err(Malformed("a scheme has no proper name"));
            }
            match scheme {
                "t" => times.push(value),
                "v1" => signatures.push(mac(value).ok_or(Malformed("a signature is not 64 hexadecimal digits"))?),
                _ => {}
            }
        }
        let [time_text] = times[..] else { return Err(Malformed("it does not have exactly one time")) };
        let time = seconds(time_text)?;
        if signatures.is_empty() {
            return Err(Malformed("it has no signature of the scheme v1"));
        }
        Ok(Self { time_text, time, signatures })
    }
}

/// A time in whole seconds, written as a plain decimal number.
fn seconds(text: &str) -> Result<DateTime<Utc>, SignatureError> {
    const WRONG: SignatureError = SignatureError::Malformed("its time is not a number of seconds");
    if text.is_empty() || text.len() > 11 || text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WRONG);
    }
    text.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(WRONG)
}

fn mac(text: &str) -> Option<[u8; MAC_DIGITS / 2]> {
    let digits: &[u8; MAC_DIGITS] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; MAC_DIGITS / 2];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
