//! Splits the text of an address into parameters, by the rules of PostgreSQL's own client (`libpq`, "Connection
//! Strings"). What the parameters mean is in `meaning`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::malformed;
use crate::error::Error;

/// The parameters by name. If one is given twice, the last one counts.
pub(super) type Parts = BTreeMap<String, String>;

/// Splits an address of either form.
pub(super) fn split(text: &str) -> Result<Parts, Error> {
    // Files and environment variables often end with a newline.
    let text = text.trim_ascii();
    match text.split_once("://") {
        Some((scheme, rest)) if ["postgres", "postgresql"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            url(rest)
        }
        // If an equals sign precedes it, it is the value of a keyword.
        Some((scheme, _)) if !scheme.contains('=') => Err(malformed("it does not begin with postgres://")),
        _ => keywords(text),
    }
}

/// Reads the part after `postgres://`. There is no fragment in it: `#` is an ordinary character.
fn url(rest: &str) -> Result<Parts, Error> {
    let mut parts = Parts::new();
    let mut keep = |name: &str, value: &str| -> Result<(), Error> {
        if !value.is_empty() {
            parts.insert(name.to_owned(), decoded(value)?);
        }
        Ok(())
    };
    let rest = match end_of_user(rest) {
        None => rest,
        Some(at) => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            keep("user", user)?;
            keep("password", password)?;
            &rest[at + 1..]
        }
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = host_and_port(place)?;
    keep("host", host)?;
    keep("port", port)?;
    keep("dbname", database)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(malformed("a parameter after its `?` has no `=`"));
        };
        insert(&mut parts, &decoded(name)?, decoded(value)?);
    }
    Ok(parts)
}

/// The position of the `@` that ends user and password. As in PostgreSQL's client, it is searched for up to the first
/// `/`, so a `/` in a password has to be encoded, and a `#` or a `?` does not. Unlike there, an `@` in a password does
/// not have to be encoded either, because a host cannot contain one.
fn end_of_user(text: &str) -> Option<usize> {
    let text = &text[..text.find('/').unwrap_or(text.len())];
    text[..text.find('?').unwrap_or(text.len())].rfind('@').or_else(|| text.find('@'))
}

fn host_and_port(place: &str) -> Result<(&str, &str), Error> {
    if place.contains(',') {
        return Err(malformed("it names several hosts; name one: the primary, or a proxy in front of them"));
    }
    let (host, port) = match place.strip_prefix('[') {
        None => place.split_once(':').unwrap_or((place, "")),
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| malformed("the `[` of its host is not closed"))?;
            if host.is_empty() {
                return Err(malformed("the brackets of its host are empty"));
            }
            match port.strip_prefix(':') {
                Some(port) => (host, port),
                None if port.is_empty() => (host, ""),
                None => return Err(malformed("there is text between the `]` of its host and the port")),
            }
        }
    };
    // Checked here and not where all ports are read, because here the cause is usually a different one.
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        let reason = "its port is not a number; a `/` in a user's name or a password is written %2F, and a host with \
                      colons stands in brackets";
        return Err(malformed(reason));
    }
    Ok((host, port))
}

/// Reads an address of the other form: `keyword = value` pairs separated by white space. A value that contains white
/// space is in single quotes. A backslash escapes the next character.
fn keywords(text: &str) -> Result<Parts, Error> {
    let mut parts = Parts::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=').ok_or_else(|| malformed("a keyword in it has no `=`"))?;
        let name = name.trim_ascii_end();
        if name.is_empty() || name.contains(|c: char| c.is_ascii_whitespace()) {
            return Err(malformed("a keyword in it has no `=`, or an `=` no keyword"));
        }
        let (value, behind) = value(behind.trim_ascii_start())?;
        if value.contains('\0') {
            return Err(malformed("a part of it contains U+0000"));
        }
        insert(&mut parts, name, value);
        rest = behind.trim_ascii_start();
    }
    Ok(parts)
}

/// The value at the start of the text, and the rest.
fn value(text: &str) -> Result<(String, &str), Error> {
    let (text, is_quoted) = text.strip_prefix('\'').map_or((text, false), |text| (text, true));
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            // A backslash at the very end is ignored.
            '\\' => value.extend(letters.next().map(|(_, next)| next)),
            '\'' if is_quoted => return Ok((value, &text[at + 1..])),
            _ if !is_quoted && letter.is_ascii_whitespace() => return Ok((value, &text[at..])),
            _ => value.push(letter),
        }
    }
    if is_quoted { Err(malformed("a quoted value in it is not closed")) } else { Ok((value, "")) }
}

/// Stores a parameter under the name that PostgreSQL's client has for it.
fn insert(parts: &mut Parts, name: &str, value: String) {
    let (name, value) = match name {
        // The names that other drivers use.
        "ssl-mode" => ("sslmode", value),
        "ssl-root-cert" | "ssl-ca" => ("sslrootcert", value),
        "ssl-cert" => ("sslcert", value),
        "ssl-key" => ("sslkey", value),
        // PostgreSQL's client accepts this from JDBC's.
        "ssl" if value == "true" => ("sslmode", "require".to_owned()),
        _ => (name, value),
    };
    parts.insert(name.to_owned(), value);
}

/// Replaces each `%` and its two hex digits by the byte they stand for. A `+` stays a `+`.
fn decoded(text: &str) -> Result<String, Error> {
    let is_digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    if text.match_indices('%').any(|(at, _)| !is_digit(at + 1) || !is_digit(at + 2)) {
        return Err(malformed(
            "a `%` in it is not followed by two hexadecimal digits; write the character itself as %25",
        ));
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| malformed("a part of it is not UTF-8"))?;
    // The protocol uses it to terminate strings.
    if text.contains('\0') { Err(malformed("a part of it contains U+0000")) } else { Ok(text.into_owned()) }
}
