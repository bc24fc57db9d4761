//! Tells a family's own error bodies from the shapes of proxies and other vendors.

use crate::json::{Raw, Rules};
use crate::{Family, JsonKind};

/// Whether `body` is an error as this family's clients expect it, fit to be relayed as it is.
///
/// That is `{"error": {"message": …}}` for OpenAI, the same within `"type": "error"` and with an
/// inner `type` for Anthropic, with an inner `status` for Google.
#[must_use]
pub fn is_native_error(family: Family, body: &[u8]) -> bool {
    let Some(value) = std::str::from_utf8(body)
        .ok()
        .and_then(|text| Raw::parse(text, Rules::ANSWER).ok())
    else {
        return false;
    };
    let [outer, error] = value.pick(["type", "error"]);
    let Some(error) = error.filter(|error| error.kind() == Some(JsonKind::Object)) else {
        return false;
    };
    let [inner, message] = error.pick(["type", "message"]);
    let is_text =
        |value: Option<Raw<'_>>| value.and_then(|value| value.kind()) == Some(JsonKind::Text);
    match family {
        Family::OpenAi => is_text(message),
        Family::Anthropic => {
            let marked = outer
                .and_then(|outer| outer.text())
                .is_some_and(|outer| outer == "error");
            marked && is_text(inner) && is_text(message)
        }
        Family::Google => is_text(message) && is_text(error.member("status")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_familys_own_shape_passes_as_it_is() {
        let openai = br#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#;
        let anthropic =
            br#"{"type":"error","error":{"type":"api_error","message":"m"},"request_id":"r"}"#;
        assert!(is_native_error(Family::OpenAi, openai));
        assert!(!is_native_error(Family::Anthropic, openai));
        assert!(is_native_error(Family::Anthropic, anthropic));
        for other in [
            &b"<html>502</html>"[..],
            b"",
            b"null",
            br#"{"detail":"no"}"#,
            br#"{"error":"no"}"#,
            br#"{"error":{"code":500}}"#,
            br#"[{"error":{"message":"m"}}]"#,
        ] {
            assert!(!is_native_error(Family::OpenAi, other));
            assert!(!is_native_error(Family::Anthropic, other));
        }
    }
}
