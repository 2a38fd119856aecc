//! The meaning of the parameters of an address: which are supported, which are accepted with a fixed value, and which
//! are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::split::Parts;
use super::{Address, Host, Keepalive, TlsMode, malformed};
use crate::error::Error;

/// Parameters of PostgreSQL's client that are accepted only with the values that this client implements. Any other
/// value is refused, with the reason: a user who asks for a protection must not believe that it is active.
const AS_IT_IS: &[(&str, &[&str], &str)] = &[
    (
        "channel_binding",
        &["disable", "prefer"],
        "channel binding is not implemented; use sslmode=verify-full to authenticate the server",
    ),
    (
        "target_session_attrs",
        &["any"],
        "the named server is used as it is; name the primary, or a proxy in front of it",
    ),
    ("load_balance_hosts", &["disable"], "there is only one host to choose from"),
    ("gssencmode", &["disable", "prefer"], "there is no GSSAPI here; encryption is TLS"),
    ("gssdelegation", &["0"], "there is no GSSAPI here"),
    ("sslcompression", &["0"], "nothing is compressed here"),
    ("sslnegotiation", &["postgres"], "encryption is negotiated in PostgreSQL's own way"),
    ("sslsni", &["1"], "the host's name is always sent when encryption begins"),
    ("sslcertmode", &["allow"], "a certificate that is given is sent when the server asks for one"),
    ("ssl_min_protocol_version", &["TLSv1", "TLSv1.1", "TLSv1.2"], "the lowest version here is 1.2"),
    ("ssl_max_protocol_version", &["TLSv1.3"], "the highest version here is 1.3"),
    ("client_encoding", &["UTF8", "UTF-8", "utf8", "utf-8", "auto"], "all text here is UTF-8"),
    ("replication", &["false", "off", "no", "0"], "there are no replication connections here"),
    ("hostaddr", &[], "write the number as the host"),
    ("passfile", &[], "write the password into the address, or set PGPASSWORD"),
    ("service", &[], "service files are not read here; write the address out"),
    ("servicefile", &[], "service files are not read here; write the address out"),
    ("sslcrl", &[], "revocation lists are not read here"),
    ("sslcrldir", &[], "revocation lists are not read here"),
    ("sslpassword", &[], "a key is read without a passphrase here"),
    ("require_auth", &[], "the server chooses the authentication method"),
    ("requirepeer", &[], "the owner of the server's socket is not checked"),
    ("krbsrvname", &[], "there is no Kerberos here"),
];

/// The usual folders of a server's socket on Debian, on Red Hat, and in PostgreSQL's own default.
const SOCKET_FOLDERS: &[&str] = &["/run/postgresql", "/var/run/postgresql", "/tmp"];

/// Reads the parameters.
pub(super) fn address(parts: Parts) -> Result<Address, Error> {
    address_among(parts, SOCKET_FOLDERS)
}

/// As [`address`], looking for an unnamed socket in these folders.
pub(super) fn address_among(mut parts: Parts, folders: &[&str]) -> Result<Address, Error> {
    for (name, values, reason) in AS_IT_IS {
        if let Some(value) = parts.remove(*name)
            && !value.is_empty()
            && !values.contains(&value.as_str())
        {
            return Err(refused(name, values, reason));
        }
    }
    // An empty value counts as absent.
    let mut take = |name: &str| parts.remove(name).filter(|value| !value.is_empty());
    let port = take("port").map_or(Ok(5432), |port| port.parse());
    let port =
        port.ok().filter(|port| *port > 0).ok_or_else(|| malformed("its port is not a number from 1 to 65535"))?;
    let host = take("host").map_or_else(|| Ok(usual_host(port, folders)), host)?;
    let user = take("user").ok_or_else(|| malformed("it names no user"))?;
    let (tls, root_certificate) = tls(take("sslmode"), take("sslrootcert"))?;
    let client_certificate = match (take("sslcert"), take("sslkey")) {
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (None, None) => None,
        _ => return Err(malformed("sslcert and sslkey belong together")),
    };
    let mut settings = BTreeMap::new();
    let name = (take("application_name"), take("fallback_application_name"));
    settings.extend(name.0.or(name.1).map(|name| ("application_name".to_owned(), name)));
    settings.extend(take("options").map(|options| ("options".to_owned(), options)));
    let address = Address {
        host,
        port,
        password: take("password").or_else(|| std::env::var("PGPASSWORD").ok()),
        database: take("dbname").unwrap_or_else(|| user.clone()),
        user,
        tls,
        root_certificate,
        client_certificate,
        connect_timeout: connect_timeout(take("connect_timeout"))?,
        keepalive: keepalive(&mut take)?,
        settings,
    };
    match parts.keys().next() {
        None => Ok(address),
        Some(name) if is_a_name(name) => Err(malformed(&format!("its parameter `{name}` is not understood"))),
        // The name may be part of the password, if the address was meant differently.
        Some(_) => Err(malformed("the name of one of its parameters is not understood")),
    }
}

fn refused(name: &str, values: &[&str], reason: &str) -> Error {
    let allowed = values.join("`, `");
    malformed(&if values.is_empty() {
        format!("its parameter `{name}` is refused: {reason}")
    } else {
        format!("its parameter `{name}` can only be `{allowed}`: {reason}")
    })
}

fn is_a_name(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
}

fn host(text: String) -> Result<Host, Error> {
    if text.starts_with('/') {
        return Ok(Host::Folder(text.into()));
    }
    if text.contains(',') {
        return Err(malformed("it names several hosts; name one: the primary, or a proxy in front of them"));
    }
    if text.starts_with('@') {
        return Err(malformed("its host is an abstract socket, which is not supported; name the folder of a socket"));
    }
    // An IPv6 address has no brackets here; some people write them all the same.
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).map(str::to_owned);
    Ok(Host::Name(bare.unwrap_or(text)))
}

/// As PostgreSQL's client: a socket, if there is one.
fn usual_host(port: u16, folders: &[&str]) -> Host {
    let socket = format!(".s.PGSQL.{port}");
    let folder = folders.iter().find(|folder| Path::new(folder).join(&socket).exists());
    folder.map_or_else(|| Host::Name("localhost".to_owned()), |folder| Host::Folder(folder.into()))
}

fn tls(mode: Option<String>, root: Option<String>) -> Result<(TlsMode, Option<PathBuf>), Error> {
    let mode = mode.map(|mode| mode.parse()).transpose()?;
    // The system's certificate authorities sign for every host in the world, so the host name must be checked.
    if root.as_deref() == Some("system") {
        return match mode.unwrap_or(TlsMode::VerifyFull) {
            TlsMode::VerifyFull => Ok((TlsMode::VerifyFull, None)),
            _ => Err(malformed("sslrootcert=system needs sslmode=verify-full")),
        };
    }
    Ok((mode.unwrap_or_default(), root.map(PathBuf::from)))
}

/// In whole seconds. As in PostgreSQL's client, zero or less means no timeout, and 1 means 2.
fn connect_timeout(text: Option<String>) -> Result<Option<Duration>, Error> {
    let Some(text) = text else { return Ok(None) };
    let seconds: i32 =
        text.trim_ascii().parse().map_err(|_| malformed("connect_timeout is not a number of seconds"))?;
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.max(2))))
}

fn keepalive(take: &mut impl FnMut(&str) -> Option<String>) -> Result<Keepalive, Error> {
    // As in PostgreSQL's client, zero means the system's default.
    let mut number = |name: &str| -> Result<Option<u32>, Error> {
        let Some(text) = take(name) else { return Ok(None) };
        let number: i32 = text.trim_ascii().parse().map_err(|_| malformed(&format!("{name} is not a number")))?;
        Ok(u32::try_from(number).ok().filter(|number| *number > 0))
    };
    let seconds = |number: Option<u32>| number.map(|seconds| Duration::from_secs(seconds.into()));
    Ok(Keepalive {
        idle: seconds(number("keepalives_idle")?),
        interval: seconds(number("keepalives_interval")?),
        count: number("keepalives_count")?,
        user_timeout: number("tcp_user_timeout")?.map(|number| Duration::from_millis(number.into())),
        is_on: match take("keepalives").as_deref() {
            None | Some("1") => true,
            Some("0") => false,
            Some(_) => return Err(malformed("keepalives is neither 0 nor 1")),
        },
    })
}
