//! The fields `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11, and the one `RateLimit` of
//! drafts 07 and 08.
//!
//! Both are lists of structured fields (RFC 9651): `"burst";r=8;t=1, "day";r=4998;t=69076` and
//! `"burst";q=10;w=10, "day";q=5000;w=86400`. What does not belong there is passed over rather than refused: these are hints,
//! and servers are known to send lists that are not quite right (Hugging Face has `"fixed window";"api";q=500;w=300`).

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use orchestra_providers::Counted;

use super::Left;

static FIELD: HeaderName = HeaderName::from_static("ratelimit");
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How many limits of one field are read: nobody is known to send more than a few.
const MOST: usize = 8;

/// What is left of each limit that the fields speak of.
pub(super) fn left(headers: &HeaderMap) -> Vec<Left> {
    let Some(field) = said(headers, &FIELD) else {
        return Vec::new();
    };
    let policies = said(headers, &POLICY).unwrap_or_default();
    let members = split(field, ',').take(MOST);
    let left: Vec<Left> = members
        .filter_map(|member| of_member(&Member::read(member), policies))
        .collect();
    if left.is_empty() {
        of_dictionary(field).into_iter().collect()
    } else {
        left
    }
}

fn of_member(member: &Member<'_>, policies: &str) -> Option<Left> {
    let remaining = member.number("r")?;
    let name = member.name?;
    let mut policies = split(policies, ',').take(MOST).map(Member::read);
    let policy = policies.find(|policy| policy.name == Some(name));
    let of_policy = |key| policy.as_ref().and_then(|policy| policy.number(key));
    let unit = policy.as_ref().and_then(|policy| policy.parameter("qu"));
    let counted = match unit.map(unquoted) {
        // No quota that is used up: as much as there is room for.
        Some("concurrent-requests") => return None,
        Some("requests") | None => Counted::of_name(name),
        Some(unit) if unit.contains("token") => Counted::of_name(unit),
        Some(_) => Counted::Other,
    };
    Some(Left {
        counted,
        limit: of_policy("q"),
        remaining,
        reset: member.number("t").map(Duration::from_secs),
    })
}

/// `limit=100, remaining=50, reset=5`, of drafts 07 and 08.
fn of_dictionary(field: &str) -> Option<Left> {
    let number = |key: &str| {
        let mut pairs = split(field, ',').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.trim() == key)?;
        value.split(';').next()?.trim().parse().ok()
    };
    Some(Left {
        counted: Counted::Requests,
        limit: number("limit"),
        remaining: number("remaining")?,
        reset: number("reset").map(Duration::from_secs),
    })
}

/// An item of a list with its parameters.
struct Member<'f> {
    /// What it is called: the last of its texts.
    name: Option<&'f str>,
    text: &'f str,
}

impl<'f> Member<'f> {
    fn read(text: &'f str) -> Self {
        let mut texts = split(text, ';').filter(|part| part.starts_with('"'));
        Self {
            name: texts.next_back().map(unquoted),
            text,
        }
    }

    fn parameter(&self, key: &str) -> Option<&'f str> {
        let mut pairs = split(self.text, ';').filter_map(|part| part.split_once('='));
        let found = pairs.find(|(name, _)| name.trim() == key);
        found.map(|(_, value)| value.trim())
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.parameter(key)?.parse().ok()
    }
}

/// The parts of a text between marks that stand in no quotation marks.
fn split(text: &str, mark: char) -> impl DoubleEndedIterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    let mut ends = Vec::new();
    for (at, c) in text.char_indices() {
        let literal = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !literal => escaped = true,
            '"' if !literal => quoted = !quoted,
            c if c == mark && !quoted => ends.push(at),
            _ => {}
        }
    }
    ends.push(text.len());
    let starts = std::iter::once(0).chain(ends.clone().into_iter().map(|end| end + 1));
    let parts: Vec<&str> = starts.zip(ends).map(|(s, e)| text[s..e].trim()).collect();
    parts.into_iter()
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

fn said<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str, policy: Option<&str>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit", field.parse().unwrap());
        if let Some(policy) = policy {
            headers.insert("ratelimit-policy", policy.parse().unwrap());
        }
        let shown = |left: &Left| {
            let text =
                |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let limit = text(left.limit);
            let reset = text(left.reset.map(|reset| reset.as_secs()));
            let counted = left.counted.as_str();
            format!("{counted} {} of {limit} until {reset}", left.remaining)
        };
        left(&headers).iter().map(shown).collect()
    }

    #[test]
    fn the_fields_of_the_draft_are_read_together() {
        let burst = r#""burst";r=8;t=1, "day";r=4998;t=69076"#;
        let policy = r#""burst";q=10;w=10,"day";q=5000;w=86400;pk=:dXNlcg==:"#;
        assert_eq!(
            read(burst, Some(policy)),
            [
                "requests 8 of 10 until 1",
                "requests 4998 of 5000 until 69076"
            ]
        );
        assert_eq!(read(burst, None)[0], "requests 8 of ? until 1");
        assert_eq!(
            read(r#""default";r=50"#, Some(r#""other";q=60"#)),
            ["requests 50 of ? until ?"]
        );
    }

    #[test]
    fn units_and_names_say_what_is_counted() {
        for (policy, counted) in [
            (r#""a";q=9;qu="tokens""#, "tokens"),
            (r#""a";q=9;qu="input-tokens""#, "input_tokens"),
            (r#""a";q=9;qu="requests""#, "requests"),
            (r#""a";q=9;qu="content-bytes""#, "other"),
        ] {
            let shown = read(r#""a";r=3;t=2"#, Some(policy));
            assert_eq!(shown, [format!("{counted} 3 of 9 until 2")], "{policy}");
        }
        assert_eq!(
            read(r#""Tokens, all";r=3"#, None),
            ["tokens 3 of ? until ?"]
        );
        let concurrent = Some(r#""a";q=9;qu="concurrent-requests""#);
        assert_eq!(read(r#""a";r=3;t=2"#, concurrent), [""; 0]);
    }

    #[test]
    fn older_and_odd_forms_are_read_and_nonsense_is_passed_over() {
        assert_eq!(
            read("limit=100, remaining=50, reset=5", None),
            ["requests 50 of 100 until 5"]
        );
        assert_eq!(
            read(
                r#""api";r=495;t=140"#,
                Some(r#""fixed window";"api";q=500;w=300"#)
            ),
            ["requests 495 of 500 until 140"]
        );
        assert_eq!(
            read(r#""a \" ; , b";r=1;t=2, "c";r=2"#, None),
            ["requests 1 of ? until 2", "requests 2 of ? until ?"]
        );
        for nonsense in [
            "",
            ",",
            ";",
            "\"",
            "\"\\",
            "\"a\"",
            "a;r=1",
            "\"a\";r=-1",
            "\"a\";r=1.5",
            "50",
            "\"a\";;r",
            "=,=;=",
            "remaining=",
            "remaining=x",
        ] {
            assert_eq!(read(nonsense, Some(nonsense)), [""; 0], "{nonsense}");
        }
        let many = vec![r#""a";r=1"#; 100].join(",");
        assert_eq!(read(&many, None).len(), MOST);
    }
}
