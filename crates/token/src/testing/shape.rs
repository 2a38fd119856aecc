//! Forgeries of a token's outer form: its parts, its JSON, its signature.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::{Forge, changed, text};
use crate::MAX_TOKEN_LENGTH;
use crate::error::SetupError;

impl Forge<'_> {
    /// Not three parts of canonical base64url that hold one JSON object each.
    pub(super) fn shapes(&mut self) -> Result<(), SetupError> {
        let valid = self.valid()?;
        let (header, claims) = (text(&self.header), text(&self.claims));
        let parts: Vec<&str> = valid.split('.').collect();
        let [h, p, s] = [parts[0], parts[1], parts[2]];
        for (name, token) in [
            ("one dot", ".".to_owned()),
            ("two dots", "..".to_owned()),
            ("no dot", "token".to_owned()),
            ("no signature part", format!("{h}.{p}")),
            ("an empty payload", format!("{h}..{s}")),
            ("an empty header", format!(".{p}.{s}")),
            ("a fourth part", format!("{valid}.{s}")),
            ("five parts, as of an encrypted token", format!("{h}.{p}.{s}.{p}.{s}")),
            ("a dot at the end", format!("{valid}.")),
            ("a dot at the start", format!(".{valid}")),
            ("a padded header", format!("{}.{p}.{s}", URL_SAFE.encode(format!("{header} ")).replace('.', "") + "=")),
            ("a space before", format!(" {valid}")),
            ("a space after the header", format!("{h} .{p}.{s}")),
            ("the word Bearer again", format!("Bearer {valid}")),
            ("quotes around", format!("\"{valid}\"")),
            ("letters that are not ASCII", format!("é{valid}")),
            ("percent encoding", format!("%65{valid}")),
            ("a NUL before", format!("\0{valid}")),
        ] {
            self.add(name, "malformed", token);
        }
        let padding = " ".repeat(MAX_TOKEN_LENGTH);
        let long = self.issuer.sign(&header, &format!("{claims}{padding}"))?;
        self.add("longer than the bound, and valid otherwise", "too_long", long);
        self.add("a very long run of letters", "too_long", "a".repeat(100_000));
        self.add("a very long run of dots", "too_long", ".".repeat(100_000));

        let repeated = |object: &str, member: &str| format!("{},{member}}}", &object[..object.len() - 1]);
        let again = repeated(&claims, r#""org":"org_01h455vb4pex5vsknk084sn02q""#);
        self.raw("the claim org twice", "malformed", &header, &again)?;
        let again = repeated(&claims, r#""\u006frg":"org_01h455vb4pex5vsknk084sn02q""#);
        self.raw("the claim org twice, once escaped", "malformed", &header, &again)?;
        let again = repeated(&claims, r#""x":1,"x":2"#);
        self.raw("a claim of no meaning twice", "malformed", &header, &again)?;
        let again = repeated(&header, r#""alg":"none""#);
        self.raw("the parameter alg twice", "malformed", &again, &claims)?;
        let again = repeated(&header, r#""kid":"a","kid":"b""#);
        self.raw("the parameter kid twice", "malformed", &again, &claims)?;

        for (name, payload) in [
            ("a payload that is an array", format!("[{claims}]")),
            ("a payload that is a text", json!(valid).to_string()),
            ("a payload that is a token", valid.clone()),
            ("a payload that is null", "null".into()),
            ("a payload that is empty JSON", " ".into()),
            ("something after the payload's object", format!("{claims}{claims}")),
            ("a payload cut short", claims[..claims.len() - 1].to_owned()),
            ("a byte order mark before the payload", format!("\u{feff}{claims}")),
            ("a comment in the payload", format!("/**/{claims}")),
            ("a comma at the payload's end", repeated(&claims, "")),
            ("a payload nested too deeply", repeated(&claims, &format!("\"x\":{}", "[".repeat(2000)))),
        ] {
            self.raw(name, "malformed", &header, &payload)?;
        }
        for (name, header) in [
            ("a header that is an array", format!("[{header}]")),
            ("something after the header's object", format!("{header}x")),
            ("a header that is null", "null".into()),
        ] {
            self.raw(name, "malformed", &header, &claims)?;
        }
        Ok(())
    }

    /// The right header and payload with a signature that is not canonical or belongs to something else.
    pub(super) fn signatures(&mut self) -> Result<(), SetupError> {
        let valid = self.valid()?;
        // The signature's bytes are at least 32, so every index below exists.
        let (message, signature) = valid.rsplit_once('.').unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let sealed = |bytes: &[u8]| format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes));
        let mut flipped = bytes.clone();
        flipped[0] ^= 1;
        let mut longer = bytes.clone();
        longer.push(0);
        let half = bytes.len() / 2;
        let other_claims = text(&changed(&self.claims, "sub", Some(json!("user_01h455vb4pex5vsknk084sn02q"))));
        let other = self.issuer.sign(&text(&self.header), &other_claims)?;
        let (other_message, other_signature) = other.rsplit_once('.').unwrap_or_default();
        self.add("no signature", "malformed", format!("{message}."));
        for (name, token) in [
            ("one bit of the signature", sealed(&flipped)),
            ("a signature cut by a byte", sealed(&bytes[..bytes.len() - 1])),
            ("a signature cut to half", sealed(&bytes[..half])),
            ("a signature of one byte", sealed(&bytes[..1])),
            ("a signature longer by a byte", sealed(&longer)),
            ("a signature of zeros", sealed(&vec![0; bytes.len()])),
            ("a signature twice", sealed(&[bytes.as_slice(), bytes.as_slice()].concat())),
            ("the halves of the signature exchanged", sealed(&[&bytes[half..], &bytes[..half]].concat())),
            ("a signature cut by a letter", valid[..valid.len() - 1].to_owned()),
            ("a padded signature", format!("{message}.{}", URL_SAFE.encode(&bytes)) + "="),
            ("a signature in standard base64 with padding", format!("{message}.{}", STANDARD.encode(&bytes)) + "="),
            ("a signature in hexadecimal", format!("{message}.{}", hex(&bytes))),
            ("a signature with a stray last bit", format!("{message}.{}", stray_bit(signature))),
            ("a line feed after", format!("{valid}\n")),
            ("a space after", format!("{valid} ")),
            ("a NUL after", format!("{valid}\0")),
            ("the payload of another user", format!("{other_message}.{signature}")),
            ("the signature of another user", format!("{message}.{other_signature}")),
        ] {
            self.add(name, "signature", token);
        }
        let reordered = format!("{{ {}", &text(&self.claims)[1..]);
        let payload = URL_SAFE_NO_PAD.encode(reordered);
        let header = message.split('.').next().unwrap_or_default();
        self.add("the same claims written otherwise", "signature", format!("{header}.{payload}.{signature}"));
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A second spelling of the same bytes: 32, 64 and 256 bytes leave unused bits in the last character, which lax
/// decoders ignore.
fn stray_bit(signature: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (start, last) = signature.split_at(signature.len() - 1);
    let value = ALPHABET.find(last).unwrap_or_default();
    format!("{start}{}", &ALPHABET[value ^ 1..][..1])
}
