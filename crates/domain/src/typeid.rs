//! The TypeID text form of a UUID: a lower-case prefix, an underscore and 26 characters of Crockford base 32.
//!
//! Source of the rule: the TypeID specification 0.3. The codec stands here, and not in a dependency, because a response
//! encodes thousands of ids and this one writes them without an allocation.

use std::fmt;

use uuid::Uuid;

/// Crockford's base-32 alphabet, lower case: no `i`, `l`, `o` or `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of the encoded UUID: 128 bits in groups of five, the first group holding only three.
pub const SUFFIX_LENGTH: usize = 26;

/// Why a text is not the id that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not `prefix_suffix` with a suffix of 26 base-32 characters.
    #[error("not a valid id")]
    Malformed,
    /// The text is a well-formed id, but of another kind.
    #[error("expected an id that starts with \"{expected}_\", found one that starts with \"{found}_\"")]
    WrongKind {
        /// The prefix that was asked for.
        expected: &'static str,
        /// The prefix that was found.
        found: String,
    },
}

/// The 26 characters that encode `uuid`.
pub fn encode(uuid: Uuid) -> [u8; SUFFIX_LENGTH] {
    let mut rest = uuid.as_u128();
    let mut suffix = [0; SUFFIX_LENGTH];
    for slot in suffix.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    suffix
}

/// Decodes 26 base-32 characters; `None` when the length or a character is wrong, or the value exceeds 128 bits.
pub fn decode(suffix: &str) -> Option<Uuid> {
    let bytes = suffix.as_bytes();
    if bytes.len() != SUFFIX_LENGTH || bytes[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in bytes {
        // A position in an alphabet of 32 always fits.
        let digit = ALPHABET.iter().position(|letter| letter == byte)? as u128;
        value = (value << 5) | digit;
    }
    Some(Uuid::from_u128(value))
}

/// Splits a TypeID into its prefix and its UUID, whatever kind it is.
///
/// # Errors
/// [`IdError::Malformed`] when the text is not a TypeID.
pub fn split(text: &str) -> Result<(&str, Uuid), IdError> {
    let (prefix, suffix) = text.rsplit_once('_').ok_or(IdError::Malformed)?;
    let well_formed = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !well_formed {
        return Err(IdError::Malformed);
    }
    Ok((prefix, decode(suffix).ok_or(IdError::Malformed)?))
}

/// Parses a TypeID of one kind.
///
/// # Errors
/// [`IdError::Malformed`] when the text is no TypeID, [`IdError::WrongKind`] when its prefix is another one.
pub fn parse(text: &str, expected: &'static str) -> Result<Uuid, IdError> {
    let (found, uuid) = split(text)?;
    if found == expected { Ok(uuid) } else { Err(IdError::WrongKind { expected, found: found.to_owned() }) }
}

/// The id with this prefix as text.
pub fn text(prefix: &str, uuid: Uuid) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut text, prefix, uuid);
    text
}

/// Writes `prefix_suffix`.
///
/// # Errors
/// Only those of the formatter.
pub fn write(out: &mut dyn fmt::Write, prefix: &str, uuid: Uuid) -> fmt::Result {
    out.write_str(prefix)?;
    out.write_char('_')?;
    // The alphabet is ASCII, so the conversion cannot fail; an empty text would show up in every test.
    out.write_str(std::str::from_utf8(&encode(uuid)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_specification_examples_hold() {
        assert_eq!(encode(Uuid::nil()), *b"00000000000000000000000000");
        assert_eq!(encode(Uuid::max()), *b"7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a literal");
        assert_eq!(&encode(uuid), b"01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn what_is_no_typeid_is_refused() {
        for text in [
            "",
            "client",
            "client_",
            "_00000000000000000000000000",
            "client_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "client_0000000000000000000000000",
            "client_000000000000000000000000000",
            "client_0000000000000000000000000i",
            "CLIENT_00000000000000000000000000",
            "client_0000000000000000000000000A",
            "clïent_00000000000000000000000000",
        ] {
            assert_eq!(parse(text, "client"), Err(IdError::Malformed), "{text}");
        }
        let wrong = parse("task_00000000000000000000000000", "client");
        assert_eq!(wrong, Err(IdError::WrongKind { expected: "client", found: "task".into() }));
    }

    proptest! {
        #[test]
        fn every_uuid_survives_the_round_trip(value: u128) {
            let uuid = Uuid::from_u128(value);
            let mut text = String::new();
            write(&mut text, "client", uuid).expect("writing to a String cannot fail");
            prop_assert_eq!(parse(&text, "client"), Ok(uuid));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = parse(&text, "client");
        }
    }
}
