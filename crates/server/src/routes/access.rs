//! Who is calling.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;
use orchestra_ledger::ClientKeys;
use orchestra_types::KeyId;

/// Finds the caller by its key, taken from `Authorization` (with or without `Bearer`) or
/// `x-api-key`: OpenAI's clients use the first, Anthropic's either. `None` if no keys are in use.
pub(super) fn identify(keys: &ClientKeys, headers: &HeaderMap) -> Result<Option<KeyId>, Refusal> {
    if keys.is_empty() {
        return Ok(None);
    }
    let presented = presented(headers)?.ok_or_else(missing)?;
    keys.identify(presented)
        .cloned()
        .map(Some)
        .ok_or_else(unknown)
}

fn presented(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
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

fn two_keys() -> Refusal {
    Refusal::invalid(
        "two_api_keys",
        "`Authorization` and `x-api-key` hold two different keys; send only one",
    )
    .for_good()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "the-key-of-the-application";

    fn check(headers: &[(&'static str, &str)]) -> Result<Option<String>, &'static str> {
        let id = KeyId::new("app").unwrap();
        let keys = ClientKeys::new([0; 64], [(id, KEY)]).unwrap();
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
    fn without_keys_everyone_may_call() {
        let keys = ClientKeys::new([0; 64], []).unwrap();
        assert!(identify(&keys, &HeaderMap::new()).unwrap().is_none());
    }
}
