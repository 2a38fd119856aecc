//! Addresses as PostgreSQL's own client reads them. The expected values come from `PQconninfoParse` of libpq 15.

use super::*;

fn read(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Host, port, user, password and database.
fn parts(text: &str) -> (String, u16, String, Option<String>, String) {
    // Search no folders, so that no socket of this machine is found.
    let address = match split::split(text).and_then(|parts| meaning::address_among(parts, &[])) {
        Ok(address) => address,
        Err(error) => panic!("{text}: {error}"),
    };
    let host = match address.host {
        Host::Name(name) => name,
        Host::Folder(folder) => folder.display().to_string(),
    };
    (host, address.port, address.user, address.password, address.database)
}

fn refusal(text: &str) -> String {
    match text.parse::<Address>() {
        Err(Error::Address(reason)) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_parts_of_both_forms_are_those_of_postgresqls_client() {
    for (text, host, port, user, password, database) in [
        ("postgres://us%40er:p%3Aw@db.example:6543/na%20me", "db.example", 6543, "us@er", "p:w", "na me"),
        ("postgresql://a@h/db", "h", 5432, "a", "", "db"),
        ("POSTGRES://a@h/db", "h", 5432, "a", "", "db"),
        ("postgres://a@h", "h", 5432, "a", "", "a"),
        ("postgres://a:@h:/", "h", 5432, "a", "", "a"),
        ("postgres://a:b:c@h/db", "h", 5432, "a", "b:c", "db"),
        // `#` does not start a fragment, and a `?` before the `@` does not start the parameters.
        ("postgres://a:p#w@h/db", "h", 5432, "a", "p#w", "db"),
        ("postgres://a:p?w@h/db", "h", 5432, "a", "p?w", "db"),
        ("postgres://a@h/db#", "h", 5432, "a", "", "db#"),
        ("postgres://a:#@h:1/db#x?port=2", "h", 2, "a", "#", "db#x"),
        // PostgreSQL's client would take the host to be `w@h`.
        ("postgres://a:p@w@h/db", "h", 5432, "a", "p@w", "db"),
        ("postgres://h/db?user=a@b&password=c@d", "h", 5432, "a@b", "c@d", "db"),
        ("postgres://a:b@h?dbname=c@d", "h", 5432, "a", "b", "c@d"),
        // No host before the question mark.
        ("postgres://a@/db?host=/dir", "/dir", 5432, "a", "", "db"),
        ("postgres://a@?host=/no/such/directory", "/no/such/directory", 5432, "a", "", "a"),
        ("postgres://a@:6000/db?host=/dir", "/dir", 6000, "a", "", "db"),
        ("postgres:///db?user=a&host=h", "h", 5432, "a", "", "db"),
        ("postgres://?user=a", "localhost", 5432, "a", "", "a"),
        ("postgres://a@/db", "localhost", 5432, "a", "", "db"),
        ("postgres://a@localhost/db?host=/run/postgresql&port=5433", "/run/postgresql", 5433, "a", "", "db"),
        ("postgres://a@%2Frun%2Fpg/db", "/run/pg", 5432, "a", "", "db"),
        ("postgres://a@[::1]:6543/db", "::1", 6543, "a", "", "db"),
        ("postgres://a@[::1]?dbname=db", "::1", 5432, "a", "", "db"),
        ("postgres://a@h/db?host=[::1]", "::1", 5432, "a", "", "db"),
        ("postgres://a@h/db?u%73er=other&port=1&port=2", "h", 2, "other", "", "db"),
        ("postgres://a@h/db?password=a+b%20c%2Bd", "h", 5432, "a", "a+b c+d", "db"),
        ("postgres://a:ü%C3%BC@h/db", "h", 5432, "a", "üü", "db"),
        ("  postgres://a@h/db\r\n", "h", 5432, "a", "", "db"),
        ("host=h user=a dbname=db", "h", 5432, "a", "", "db"),
        ("host = h  user= a dbname ='d b' password='it\\'s \\\\ me'\n", "h", 5432, "a", "it's \\ me", "d b"),
        ("user=a password=a\\ b host='' port=6000", "localhost", 6000, "a", "a b", "a"),
        ("user=a host=/run/pg password=p#w?x/y@z://q", "/run/pg", 5432, "a", "p#w?x/y@z://q", "a"),
        ("user=a host=h host=i", "i", 5432, "a", "", "a"),
        ("user=a\\", "localhost", 5432, "a", "", "a"),
    ] {
        let password = Some(password).filter(|password| !password.is_empty()).map(str::to_owned);
        let password = password.or_else(|| std::env::var("PGPASSWORD").ok());
        assert_eq!(parts(text), (host.into(), port, user.into(), password, database.into()), "{text}");
        // The URL for another driver means the same address.
        let address = read(text);
        assert_eq!(read(&address.to_url()).place(), address.place(), "{text}");
        assert_eq!(read(&address.to_url()).password, address.password, "{text}");
    }
}

#[test]
fn an_unreadable_address_is_explained_and_the_password_is_never_shown() {
    for (text, expected) in [
        ("", "names no user"),
        ("not a url", "has no `=`"),
        ("mysql://a:sesame@b/c", "does not begin with postgres://"),
        ("postgres:a:sesame@b/c", "has no `=`"),
        ("postgres://host/db", "names no user"),
        ("postgres://@host/db", "names no user"),
        ("postgres://a:sesame/w@b/c", "written %2F"),
        ("postgres://a:sesame@::1/c", "brackets"),
        ("postgres://a:sesame@b:99999/c", "not a number from 1 to 65535"),
        ("postgres://a:sesame@b:0/c", "not a number from 1 to 65535"),
        ("postgres://a:sesame@b/c?port=x", "not a number from 1 to 65535"),
        ("postgres://a:sesame@b:1,c:2/d", "several hosts"),
        ("postgres://a:sesame@/c?host=b,c", "several hosts"),
        ("user=a password=sesame host=b,c", "several hosts"),
        ("postgres://a:sesame@b,c/d?target_session_attrs=primary", "several hosts"),
        ("postgres://a:sesame@[::1/c", "not closed"),
        ("postgres://a:sesame@[]/c", "empty"),
        ("postgres://a:sesame@[::1]z/c", "between the `]`"),
        ("postgres://a:sesame@/c?host=@abstract", "abstract socket"),
        ("postgres://a:sesame@b/c?sesame", "has no `=`"),
        ("postgres://a:sesame@b/%XX", "hexadecimal"),
        ("postgres://a:%sesame@b/c", "hexadecimal"),
        ("postgres://a:sesame@b/%1", "hexadecimal"),
        ("postgres://a%ff:sesame@b/c", "not UTF-8"),
        ("postgres://a%00:sesame@b/c", "U+0000"),
        ("postgres://a:sesame@b/c?sslmode=maybe", "sslmode is none of"),
        ("postgres://a:sesame@b/c?ssl-mode=verify-fully", "sslmode is none of"),
        ("postgres://a:sesame@b/c?sslmode=Require", "sslmode is none of"),
        ("postgres://a:sesame@b/c?sslcert=/only", "belong together"),
        ("postgres://a:sesame@b/c?sslrootcert=system&sslmode=require", "verify-full"),
        ("postgres://a:sesame@b/c?ssl=false", "`ssl`"),
        ("postgres://a:sesame@b/c?uzer=", "`uzer`"),
        ("postgres://a:sesame@b/c?pool_size=sesame", "`pool_size`"),
        ("postgres://a:sesame@b/c?sesame%20open=1", "the name of one of its parameters"),
        ("postgres://a:sesame@b/c?connect_timeout=soon", "connect_timeout"),
        ("postgres://a:sesame@b/c?keepalives=yes", "keepalives"),
        ("postgres://a:sesame@b/c?keepalives_idle=1m", "keepalives_idle"),
        ("user='a password=sesame", "not closed"),
        ("user=a password", "has no `=`"),
        ("user=a sesame open=1", "has no `=`"),
        (" =sesame", "has no `=`"),
        ("user=a uzer=sesame", "`uzer`"),
    ] {
        let reason = refusal(text);
        assert!(reason.contains(expected), "{text}: {reason}");
        assert!(!reason.contains("sesame"), "{text}: {reason}");
    }
    assert!(!format!("{:?}", read("postgres://a:sesame@b/c")).contains("sesame"));
    assert!(!read("postgres://a:sesame@b/c").place().contains("sesame"));
}

#[test]
fn an_unsupported_parameter_is_accepted_only_with_the_value_this_client_implements() {
    for parameter in [
        "channel_binding=prefer",
        "channel_binding=disable",
        "target_session_attrs=any",
        "gssencmode=prefer",
        "sslcompression=0",
        "sslsni=1",
        "ssl_min_protocol_version=TLSv1.2",
        "client_encoding=UTF8",
        "load_balance_hosts=disable",
        "channel_binding=",
    ] {
        assert_eq!(read(&format!("postgres://a@h/db?{parameter}")), read("postgres://a@h/db"), "{parameter}");
    }
    for parameter in [
        "channel_binding=require",
        "channel_binding=sesame",
        "target_session_attrs=read-write",
        "target_session_attrs=primary",
        "target_session_attrs=prefer-standby",
        "load_balance_hosts=random",
        "gssencmode=require",
        "sslnegotiation=direct",
        "ssl_min_protocol_version=TLSv1.3",
        "client_encoding=LATIN1",
        "replication=database",
        "hostaddr=127.0.0.1",
        "passfile=/sesame",
        "service=sesame",
        "sslcrl=sesame",
        "sslpassword=sesame",
        "require_auth=scram-sha-256",
    ] {
        let reason = refusal(&format!("postgres://a:sesame@h/db?{parameter}"));
        let name = parameter.split('=').next().unwrap_or_default();
        assert!(reason.contains(&format!("`{name}`")) && reason.contains(": "), "{parameter}: {reason}");
        assert!(!reason.contains("sesame"), "{reason}");
    }
}

#[test]
fn supported_parameters_are_read() {
    let address = read("postgres://a@h/db?sslmode=verify-full&sslrootcert=/ca&application_name=x&options=-c%20a%3Db");
    assert_eq!((address.tls, address.root_certificate), (TlsMode::VerifyFull, Some("/ca".into())));
    assert_eq!((&*address.settings["application_name"], &*address.settings["options"]), ("x", "-c a=b"));
    // The equals sign need not be encoded. PostgreSQL's client requires it.
    assert_eq!(read("postgres://a@h/db?options=-c a=b").settings["options"], "-c a=b");
    for (mode, expected) in [
        ("disable", TlsMode::Disable),
        ("allow", TlsMode::Prefer),
        ("prefer", TlsMode::Prefer),
        ("require", TlsMode::Require),
        ("verify-ca", TlsMode::VerifyCa),
        ("verify-full", TlsMode::VerifyFull),
        ("", TlsMode::Prefer),
    ] {
        assert_eq!(read(&format!("postgres://a@h/db?sslmode={mode}")).tls, expected, "{mode}");
    }
    assert_eq!(read("postgres://a@h/db?ssl=true").tls, TlsMode::Require);
    let system = read("postgres://a@h/db?sslrootcert=system");
    assert_eq!((system.tls, system.root_certificate), (TlsMode::VerifyFull, None));

    for (seconds, expected) in [("0", None), ("-1", None), ("", None), ("1", Some(2)), ("10", Some(10))] {
        let address = read(&format!("postgres://a@h/db?connect_timeout={seconds}"));
        assert_eq!(address.connect_timeout(), expected.map(Duration::from_secs), "{seconds}");
    }
    let asked =
        read("user=a keepalives_idle=60 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=1500").keepalive;
    assert_eq!(
        (asked.is_on, asked.idle, asked.interval),
        (true, Some(Duration::from_mins(1)), Some(Duration::from_secs(5)))
    );
    assert_eq!((asked.count, asked.user_timeout), (Some(3), Some(Duration::from_millis(1500))));
    let silent = read("postgres://a@h/db?keepalives=0&keepalives_idle=0").keepalive;
    assert_eq!((silent.is_on, silent.idle), (false, None));
}

#[test]
fn the_connection_name_in_the_address_wins_over_ours() {
    let name = |text: &str| read(text).named("tenantry").settings["application_name"].clone();
    assert_eq!(name("postgres://a@h/db"), "tenantry");
    assert_eq!(name("postgres://a@h/db?application_name=mine"), "mine");
    assert_eq!(name("postgres://a@h/db?application_name=&fallback_application_name=mine"), "mine");
    assert_eq!(name("user=a fallback_application_name=second application_name=first"), "first");
}

#[test]
fn the_names_of_other_drivers_mean_the_same() {
    let ours = read("postgres://a@b/c?sslmode=verify-ca&sslrootcert=/ca&sslcert=/cert&sslkey=/key");
    assert_eq!(read("postgres://a@b/c?ssl-mode=verify-ca&ssl-ca=/ca&ssl-cert=/cert&ssl-key=/key"), ours);
}

#[test]
fn without_a_host_the_usual_socket_is_used_if_it_exists() {
    let folder = tempfile::tempdir().unwrap();
    let folders = ["/nowhere", folder.path().to_str().unwrap()];
    let host = |text: &str| meaning::address_among(split::split(text).unwrap(), &folders).unwrap().host;
    assert_eq!(host("postgres://a@/db"), Host::Name("localhost".into()));
    std::fs::write(folder.path().join(".s.PGSQL.5433"), "").unwrap();
    assert_eq!(host("postgres://a@/db"), Host::Name("localhost".into()), "another port's");
    assert_eq!(host("postgres://a@:5433/db"), Host::Folder(folder.path().into()));
    assert_eq!(host("user=a port=5433 host=''"), Host::Folder(folder.path().into()));
    assert_eq!(host("postgres://a@localhost:5433/db"), Host::Name("localhost".into()));
}

#[test]
fn a_url_for_another_driver_spells_out_every_part() {
    let url = |text: &str| read(text).to_url();
    assert_eq!(
        url(
            "postgres://us%40er:p%2Fw%23@[::1]/na%20me?application_name=x%20y&channel_binding=prefer&connect_timeout=9"
        ),
        "postgres://us%40er:p%2Fw%23@localhost/na%20me?host=%3A%3A1&port=5432&sslmode=prefer&application_name=x%20y"
    );
    assert_eq!(
        url("user=a host=/run/pg sslmode=verify-full options='-c x=1'"),
        "postgres://a@localhost/a?host=%2Frun%2Fpg&port=5432&sslmode=disable&options=%2Dc%20x%3D1"
    );
    // Other drivers ignore a root certificate unless they are told to use it.
    assert_eq!(
        url("postgres://a@h/db?sslmode=require&sslrootcert=/ca&sslcert=/cert&sslkey=/key"),
        "postgres://a@localhost/db?host=h&port=5432&sslmode=verify%2Dca&sslrootcert=%2Fca&sslcert=%2Fcert&sslkey=%2Fkey"
            .replace("%2Dca", "-ca")
    );
}
