//! Who is calling.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode};
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;
use orchestra_types::KeyId;

use crate::secrets::Clients;

/// Finds the caller by its key, taken from `x-portkey-api-key`, `Authorization` (with or without `Bearer`) or
/// `x-api-key`: Portkey's clients use the first, OpenAI's the second, Anthropic's either of the last. `None` if no keys are
/// in use.
pub(crate) fn identify(clients: &Clients, headers: &HeaderMap) -> Result<Option<KeyId>, Refusal> {
    if !clients.required {
        // Without keys the address is this machine's own, and so must be whoever calls it: a web
        // page that a browser here shows must not spend, by name (DNS rebinding) or by form.
        let here = [HOST, ORIGIN]
            .into_iter()
            .flat_map(|name| headers.get_all(name))
            .all(names_this_machine);
        return if here { Ok(None) } else { Err(foreign_page()) };
    }
    let presented = presented(headers)?.ok_or_else(missing)?;
    match clients.table.identify(presented) {
        Some(client) => Ok(Some(client.clone())),
        // It may be a key that nobody knows before the store is unsealed.
        None if clients.sealed => Err(sealed()),
        None => Err(unknown()),
    }
}

/// Whether a `Host` or an `Origin` names this machine by a name that nobody else can give it.
fn names_this_machine(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let authority = text
        .split_once("://")
        .map_or(text, |(_, authority)| authority);
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn presented(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    // Portkey's clients have a header of their own for it, and the provider's key in the others.
    if let Some(value) = headers.get("x-portkey-api-key") {
        let key = value.to_str().map_err(|_| unknown())?.trim();
        if !key.is_empty() {
            return Ok(Some(key));
        }
    }
    let mut found = None;
    let candidates = [
        headers
            .get_all(AUTHORIZATION)
            .iter()
            .map(bearer as fn(&HeaderValue) -> Option<&str>)
            .collect::<Vec<_>>(),
        headers
            .get_all("x-api-key")
            .iter()
            .map(|value| value.to_str().ok())
            .collect(),
    ];
    for key in candidates.into_iter().flatten() {
        // A header that is no text cannot be a key, and is not the same as none at all.
        let key = key.ok_or_else(unknown)?.trim();
        if key.is_empty() {
            continue;
        }
        if found.is_some_and(|first| first != key) {
            return Err(two_keys());
        }
        found = Some(key);
    }
    Ok(found)
}

/// The token, after the scheme's name if it is there; schemes are case-insensitive
/// (RFC 9110, section 11.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token),
        // A client with an empty key sends the scheme alone: blanks at the end never arrive.
        None if text.eq_ignore_ascii_case("bearer") => Some(""),
        _ => Some(text),
    }
}

fn refusal(code: &'static str, message: &str) -> Refusal {
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        ErrorKind::Authentication,
        code,
        message,
    )
    .for_good()
}

fn missing() -> Refusal {
    refusal(
        "missing_api_key",
        "this gateway needs a key: send it as `Authorization: Bearer KEY` or as `x-api-key: KEY`",
    )
}

fn unknown() -> Refusal {
    refusal(
        "invalid_api_key",
        "the key is not known to this gateway; ask its operator for one (it is not a provider's key)",
    )
}

fn sealed() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Server,
        "sealed",
        "the gateway's secret store is sealed, so it cannot tell who is calling; its operator must unseal it",
    )
}

fn foreign_page() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        ErrorKind::Permission,
        "foreign_origin",
        "without a client key the gateway serves programs on this machine only: call it as localhost or 127.0.0.1, \
         or set ORCHESTRA_CLIENT_KEY",
    )
    .for_good()
}

fn two_keys() -> Refusal {
    Refusal::invalid(
        "two_api_keys",
        "`Authorization` and `x-api-key` hold two different keys; send only one",
    )
    .for_good()
}

#[cfg(test)]
mod tests {
    use orchestra_ledger::ClientKeys;

    use super::*;

    const KEY: &str = "the-key-of-the-application";

    fn clients(keys: &[(&str, &str)], required: bool, sealed: bool) -> Clients {
        let pairs = keys
            .iter()
            .map(|(name, key)| (KeyId::new(name).unwrap(), *key));
        Clients {
            table: ClientKeys::new([0; 64], pairs).unwrap(),
            required,
            sealed,
        }
    }

    fn check(headers: &[(&'static str, &str)]) -> Result<Option<String>, &'static str> {
        let keys = clients(&[("app", KEY)], true, false);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        identify(&keys, &map)
            .map(|id| id.map(|id| id.as_str().to_owned()))
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_key_is_found_wherever_clients_put_it() {
        for headers in [
            vec![("authorization", format!("Bearer {KEY}"))],
            vec![("authorization", format!("bearer {KEY}"))],
            vec![("authorization", KEY.to_owned())],
            vec![("x-api-key", KEY.to_owned())],
            vec![
                ("x-api-key", KEY.to_owned()),
                ("authorization", format!("Bearer {KEY}")),
            ],
            vec![
                ("x-api-key", KEY.to_owned()),
                ("authorization", "Bearer ".to_owned()),
            ],
        ] {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            assert_eq!(check(&headers), Ok(Some("app".to_owned())), "{headers:?}");
        }
    }

    #[test]
    fn no_key_a_wrong_key_and_two_keys_are_told_apart() {
        assert_eq!(check(&[]), Err("missing_api_key"));
        assert_eq!(
            check(&[("authorization", "Bearer")]),
            Err("missing_api_key")
        );
        assert_eq!(
            check(&[("authorization", "Basic dXNlcjpwYXNz")]),
            Err("invalid_api_key")
        );
        assert_eq!(check(&[("x-api-key", "wrong")]), Err("invalid_api_key"));
        assert_eq!(
            check(&[("x-api-key", "wrong"), ("authorization", KEY)]),
            Err("two_api_keys")
        );
        assert_eq!(check(&[("x-api-key", "caf\u{e9}")]), Err("invalid_api_key"));
    }

    #[test]
    fn keys_that_cannot_be_known_yet_are_no_reason_to_let_anybody_in() {
        let presenting = |clients: &Clients, key: &'static str| {
            let mut map = HeaderMap::new();
            map.append("x-api-key", HeaderValue::from_static(key));
            map.append("host", HeaderValue::from_static("localhost"));
            let identified = identify(clients, &map);
            identified
                .map(|id| id.is_some())
                .map_err(|refusal| refusal.code)
        };
        let sealed = clients(&[("app", KEY)], true, true);
        assert_eq!(presenting(&sealed, KEY), Ok(true));
        assert_eq!(presenting(&sealed, "a-key-from-the-store"), Err("sealed"));
        let none_is_left = clients(&[], true, false);
        assert_eq!(presenting(&none_is_left, KEY), Err("invalid_api_key"));
    }

    #[test]
    fn without_keys_programs_on_this_machine_may_call_and_web_pages_may_not() {
        let keys = clients(&[], false, false);
        let allowed = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers.iter().map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            identify(&keys, &pairs.collect()).is_ok()
        };
        assert!(allowed(&[]));
        for host in [
            "localhost:8000",
            "LocalHost",
            "127.0.0.1:8000",
            "127.3.2.1",
            "[::1]:8000",
        ] {
            assert!(allowed(&[("host", host)]), "{host}");
        }
        assert!(allowed(&[
            ("host", "localhost"),
            ("origin", "http://localhost:3000")
        ]));
        for host in [
            "evil.example:8000",
            "localhost.evil.example",
            "10.0.0.1:8000",
            "",
            "a b",
        ] {
            assert!(!allowed(&[("host", host)]), "{host}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1.evil.example",
        ] {
            assert!(
                !allowed(&[("host", "localhost"), ("origin", origin)]),
                "{origin}"
            );
        }
    }
}
