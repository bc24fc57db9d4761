//! The address of a PostgreSQL database: read with more care than the driver takes.
//!
//! The driver logs options that it does not know together with their values, and connects without TLS, or without
//! looking at the certificate, where the address does not say otherwise. Neither is right for the database of
//! a secret store.

use std::fs::File;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use super::{AddressError, BackendError};
use crate::secret::Secret;

/// What the driver understands (sqlx-postgres 0.9, `options/parse.rs`), but for `password`, which belongs in
/// front of the host, where every tool looks for it when it hides passwords.
const OPTIONS: [&str; 10] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "application_name",
    "options",
];

/// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`.
///
/// What the address leaves out is taken from the variables that PostgreSQL's own programs know (`PGUSER`,
/// `PGPASSWORD` ...) and from `.pgpass`. If neither says an `sslmode`, it is `verify-full`, and `prefer` for a server
/// on this machine.
pub(super) fn parse(address: &Secret) -> Result<PgConnectOptions, BackendError> {
    let url = Url::parse(address.expose()).map_err(|_| AddressError::NotPostgres)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(AddressError::NotPostgres.into());
    }
    check_options(&url)?;
    let options = PgConnectOptions::from_url(&url).map_err(|_| AddressError::NotPostgres)?;
    let options = match mode(&url, &options) {
        Some(mode) => options.ssl_mode(mode),
        None => options,
    };
    // So that administrators see whose connections these are.
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("orchestra-secrets"),
    })
}

fn check_options(url: &Url) -> Result<(), AddressError> {
    for (name, value) in url.query_pairs() {
        let name = name.into_owned();
        if !OPTIONS.contains(&name.as_str()) {
            return Err(AddressError::UnknownOption { name });
        }
        let good = match name.as_str() {
            "sslmode" => value.parse::<PgSslMode>().is_ok(),
            "port" => value.parse::<u16>().is_ok(),
            "sslrootcert" | "sslcert" | "sslkey" => is_readable(&value),
            _ => !value.is_empty(),
        };
        if !good {
            return Err(AddressError::BadOption { name });
        }
    }
    Ok(())
}

/// Whether it is a file that can be read; the driver takes what looks like a certificate for one.
fn is_readable(value: &str) -> bool {
    value.starts_with("-----BEGIN ") || File::open(value).is_ok()
}

/// The mode to set, if it is another than the driver's.
fn mode(url: &Url, options: &PgConnectOptions) -> Option<PgSslMode> {
    let option = |wanted: &str| url.query_pairs().any(|(name, _)| name == wanted);
    match options.get_ssl_mode() {
        // What the driver does if nobody says anything.
        PgSslMode::Prefer if !option("sslmode") && !is_here(options) => Some(PgSslMode::VerifyFull),
        // As with PostgreSQL's own programs, an authority that is named is asked (libpq, "SSL Support", table
        // 34.1); the driver would not look at the certificate.
        PgSslMode::Require if option("sslrootcert") => Some(PgSslMode::VerifyCa),
        _ => None,
    }
}

/// Whether the server is on this machine, so that nobody is between.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Result<PgConnectOptions, BackendError> {
        parse(&Secret::new(address.to_owned()))
    }

    #[test]
    fn a_server_elsewhere_must_prove_who_it_is() {
        let cases = [
            ("postgres://u@db.example/d", "VerifyFull"),
            ("postgresql://u@db.example/d", "VerifyFull"),
            ("postgres://u@10.0.0.1/d", "VerifyFull"),
            ("postgres://u@localhost.example/d", "VerifyFull"),
            ("postgres://u@localhost/d", "Prefer"),
            ("postgres://u@127.0.0.1:5433/d", "Prefer"),
            ("postgres://u@[::1]/d", "Prefer"),
            ("postgres:///d?host=/run/postgresql&user=u", "Prefer"),
            ("postgres://u@localhost/d?host=db.example", "VerifyFull"),
            ("postgres://u@db.example/d?sslmode=disable", "Disable"),
            ("postgres://u@db.example/d?sslmode=prefer", "Prefer"),
            ("postgres://u@db.example/d?sslmode=require", "Require"),
            (
                "postgres://u@db.example/d?sslmode=require&sslrootcert=Cargo.toml",
                "VerifyCa",
            ),
            (
                "postgres://u@db.example/d?sslmode=verify-ca&sslrootcert=Cargo.toml",
                "VerifyCa",
            ),
            ("postgres://u@localhost/d?sslmode=verify-full", "VerifyFull"),
        ];
        for (address, expected) in cases {
            let mode = format!("{:?}", read(address).unwrap().get_ssl_mode());
            assert_eq!(mode, expected, "{address}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_the_address_is_not_shown() {
        let cases = [
            ("hunter2", "NotPostgres"),
            ("mysql://u:hunter2@h/d", "NotPostgres"),
            ("postgres://u:hunter2@h:port/d", "NotPostgres"),
            ("postgres://u:hunter%FF2@h/d", "NotPostgres"),
            ("postgres://u@h/d?pasword=hunter2", "pasword"),
            ("postgres://u@h/d?password=hunter2", "password"),
            ("postgres://u@h/d?sslmode=hunter2", "sslmode"),
            ("postgres://u@h/d?port=hunter2", "port"),
            ("postgres://u@h/d?sslrootcert=hunter2", "sslrootcert"),
        ];
        for (address, expected) in cases {
            let error = read(address).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected), "{shown}");
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }
}
