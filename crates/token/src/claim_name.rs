//! The names of the claims that say who is asking, in which organization, and for whom the token is meant. Identity
//! providers differ in them.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::error::SetupError;

/// The longest name, in bytes.
const MAX_LENGTH: usize = 200;

/// The claims whose meaning is fixed.
const FIXED: [&str; 4] = ["iss", "exp", "nbf", "iat"];

/// Where a claim is in a token's payload: a name such as `org_id` or `https://app.example/org`, or, if it starts with a
/// slash, a JSON pointer (RFC 6901) into nested claims, such as `/o/id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimName {
    text: String,
    path: Vec<String>,
}

impl ClaimName {
    /// The name, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The claim's value, if the payload has it.
    pub(crate) fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.path.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, part| match value {
            Value::Object(members) => members.get(part),
            // RFC 6901 section 4: an index has no leading zero.
            Value::Array(items) => {
                part.parse().ok().filter(|index: &usize| index.to_string() == *part).and_then(|index| items.get(index))
            }
            _ => None,
        })
    }

    /// Puts a value where [`find`](Self::find) looks for it.
    pub(crate) fn insert(&self, claims: &mut Map<String, Value>, value: Value) {
        let Some((last, parents)) = self.path.split_last() else { return };
        let mut members = claims;
        for part in parents {
            let entry = members.entry(part.clone()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(nested) = entry else { return };
            members = nested;
        }
        members.insert(last.clone(), value);
    }

    /// Whether both are in one place, or one is inside the other.
    fn overlaps(&self, other: &Self) -> bool {
        self.path.iter().zip(&other.path).all(|(a, b)| a == b)
    }
}

impl FromStr for ClaimName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_LENGTH {
            return Err(format!("the name of a claim has 1 to {MAX_LENGTH} characters"));
        }
        let path = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescaped).collect::<Option<_>>(),
            None => Some(vec![text.to_owned()]),
        };
        let path: Vec<String> = path.ok_or("in a JSON pointer, ~ is written ~0 and / is written ~1")?;
        if FIXED.contains(&path[0].as_str()) {
            return Err(format!("the claim {} has a meaning of its own", path[0]));
        }
        Ok(Self { text: text.to_owned(), path })
    }
}

/// RFC 6901 section 4: `~1` is a slash, `~0` a tilde, and there is no other escape.
fn unescaped(part: &str) -> Option<String> {
    let mut pieces = part.split('~');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push(match piece.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        out.push_str(&piece[1..]);
    }
    Some(out)
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The claims of a token that may have other names than ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// Who is asking; `sub` by default.
    pub user: ClaimName,
    /// The organization they are asking in; `org` by default.
    pub organization: ClaimName,
    /// For whom the token is meant; `aud` by default.
    pub audience: ClaimName,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let plain = |name: &str| ClaimName { text: name.to_owned(), path: vec![name.to_owned()] };
        Self { user: plain("sub"), organization: plain("org"), audience: plain("aud") }
    }
}

impl ClaimNames {
    /// Checks that each claim has one meaning.
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        let Self { user, organization, audience } = self;
        if user.overlaps(organization) || user.overlaps(audience) || organization.overlaps(audience) {
            return Err(SetupError::Setting("two of the claims for user, organization and audience are the same"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name(text: &str) -> ClaimName {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_by_a_pointer() {
        let Value::Object(claims) = json!({
            "org_id": "a", "https://app.example/org": "b", "o": { "id": "c", "x/y~z": "d" }, "orgs": ["e", "f"], "": "g",
        }) else {
            unreachable!()
        };
        for (text, value) in [
            ("org_id", Some("a")),
            ("https://app.example/org", Some("b")),
            ("/o/id", Some("c")),
            ("/o/x~1y~0z", Some("d")),
            ("/orgs/1", Some("f")),
            ("/", Some("g")),
            ("/org_id", Some("a")),
            ("o.id", None),
            ("/orgs/01", None),
            ("/orgs/2", None),
            ("/orgs/-", None),
            ("/org_id/x", None),
            ("/o/id/x", None),
        ] {
            assert_eq!(name(text).find(&claims).and_then(Value::as_str), value, "{text}");
        }
    }

    #[test]
    fn a_claim_is_written_where_it_is_read() {
        for text in ["org", "/o/id", "/o/x~1y"] {
            let mut claims = Map::new();
            name("/o/other").insert(&mut claims, json!(1));
            name(text).insert(&mut claims, json!("v"));
            assert_eq!(name(text).find(&claims), Some(&json!("v")), "{text}");
            assert_eq!(name("/o/other").find(&claims), Some(&json!(1)), "{text}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_is_refused() {
        for text in ["", "iss", "exp", "/nbf", "/iat/x", "/a~2", "/a~", &"n".repeat(201)] {
            assert!(text.parse::<ClaimName>().is_err(), "{text}");
        }
        let names = |user: &str, organization: &str| {
            ClaimNames { user: name(user), organization: name(organization), ..ClaimNames::default() }.check()
        };
        assert!(names("sub", "org_id").is_ok() && names("/a/b", "/a/c").is_ok());
        for (user, organization) in [("sub", "sub"), ("sub", "/sub"), ("a", "/a/b"), ("aud", "org"), ("sub", "aud")] {
            assert!(names(user, organization).is_err(), "{user} {organization}");
        }
    }
}
