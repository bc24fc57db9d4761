//! The scanner against `serde_json`, and the promise of the splice.
//!
//! The two readers may differ where this crate is stricter by intent (a top-level member twice, a
//! depth beyond the limit) and where `serde_json` is (numbers too large for a float).

use orchestra_dialects::{BodyError, Endpoint, Head, HeadLimits, Splice, json_string};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Scans as Responses, which asks for nothing but a model; a complaint about the fields of a
/// valid body counts as accepted.
fn accepts(body: &[u8]) -> bool {
    let limits = HeadLimits {
        depth: 128,
        members: usize::MAX,
    };
    match Head::scan(Endpoint::Responses, body, &limits) {
        Ok(_) => true,
        Err(error) => matches!(
            error,
            BodyError::Missing { .. }
                | BodyError::WrongType { .. }
                | BodyError::Blank { .. }
                | BodyError::Duplicate { .. }
                | BodyError::TooDeep { .. }
        ),
    }
}

/// What `serde_json` says; `None` where it stopped reading at a number that no float can hold or
/// at its own limit on depth, so that it cannot be asked.
fn serde_accepts(body: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => Some(value.is_object()),
        Err(error) => {
            let words = error.to_string();
            let stopped = words.contains("out of range") || words.contains("recursion limit");
            (!stopped).then_some(false)
        }
    }
}

fn agree(body: &[u8]) -> Result<(), TestCaseError> {
    let ours = accepts(body);
    if let Some(theirs) = serde_accepts(body) {
        prop_assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(body));
    }
    Ok(())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Quarters survive printing and reading, which serde_json does not promise for all floats.
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\\n ]{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            any_object(inner).prop_map(Value::from),
        ]
    })
}

fn any_object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-z\"\\\\é]{0,6}", value, 0..8)
        .prop_map(|members| members.into_iter().collect())
}

fn any_body() -> impl Strategy<Value = String> {
    (any_object(any_value()), any::<bool>()).prop_map(|(members, pretty)| {
        let value = Value::from(members);
        if pretty {
            format!("{value:#}")
        } else {
            value.to_string()
        }
    })
}

/// A removal, a replacement or an insertion at a place given as a fraction of the length.
fn any_mutation() -> impl Strategy<Value = (f64, u8, u8)> {
    let byte = prop::sample::select(
        b"{}[]\",:\\ \n\t0123456789eE+-.truefalsn\x00\x1f\x7f\xc3\xa9u".to_vec(),
    );
    (0.0..1.0, 0..3u8, byte)
}

fn mutate(body: &mut Vec<u8>, (place, how, byte): (f64, u8, u8)) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a fraction of a length is a place in it"
    )]
    #[expect(clippy::cast_sign_loss, reason = "the fraction is not negative")]
    let at = (place * body.len() as f64) as usize;
    match how {
        0 if at < body.len() => drop(body.remove(at)),
        1 if at < body.len() => body[at] = byte,
        _ => body.insert(at, byte),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_bodies_are_accepted(body in any_body()) {
        prop_assert!(accepts(body.as_bytes()), "{}", body);
    }

    #[test]
    fn mutated_bodies_are_judged_as_serde_json_does(
        body in any_body(),
        mutations in prop::collection::vec(any_mutation(), 1..4),
    ) {
        let mut body = body.into_bytes();
        for mutation in mutations {
            mutate(&mut body, mutation);
        }
        agree(&body)?;
    }

    #[test]
    fn random_numbers_and_words_are_judged_as_serde_json_does(token in "[-+0-9.eEtrufalsn]{1,6}") {
        agree(format!("{{\"a\":{token}}}").as_bytes())?;
        agree(format!("{{\"a\":[{token},{token}]}}").as_bytes())?;
    }

    #[test]
    fn random_escapes_are_judged_as_serde_json_does(
        tail in r#"(\\[bfnrt/"a0\\]|\\u[dD][89abcdAD][0-9a-f]{2}|\\u[0-9a-fA-F]{3,4}|[ -~]|é){0,12}"#,
    ) {
        agree(format!("{{\"a\":\"{tail}\"}}").as_bytes())?;
    }

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        agree(&body)?;
    }

    /// The edited body means what the edits say, and what was not edited stands there byte for
    /// byte, in the same order.
    #[test]
    fn splice_leaves_all_other_bytes(
        members in any_object(any_value()),
        pretty in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(any_value()), any::<bool>()), 0..6),
    ) {
        let mut members = members;
        members.insert("model".into(), "m".into());
        let value = Value::from(members.clone());
        let body = if pretty { format!("{value:#}") } else { value.to_string() };
        let head = Head::scan(Endpoint::Responses, body.as_bytes(), &HeadLimits::default()).unwrap();

        let names: Vec<String> = members.keys().cloned().collect();
        let edits: Vec<(String, Option<Value>)> = edits
            .into_iter()
            .map(|(index, value, new)| {
                let name = index.get(&names).clone();
                (if new { format!("{name}+") } else { name }, value)
            })
            .collect();
        let mut splice = Splice::new(body.as_bytes(), &head);
        for (name, value) in &edits {
            splice = match value {
                Some(value) => {
                    members.insert(name.clone(), value.clone());
                    splice.set(name, value.to_string())
                }
                None => {
                    members.remove(name);
                    splice.remove(name)
                }
            };
        }
        let edited = splice.finish();
        prop_assert_eq!(edited.len(), edited.capacity());
        let reread: Value = serde_json::from_slice(&edited).unwrap();
        prop_assert_eq!(reread, Value::from(members.clone()));

        // What stands before, between and after untouched neighbours is untouched too.
        let edited = String::from_utf8(edited).unwrap();
        let touched = |name: &str| edits.iter().any(|(edit, _)| edit == name);
        let spans: Vec<_> = head.members().collect();
        let mut from = 0;
        for (i, (name, member)) in spans.iter().enumerate() {
            if touched(name) {
                continue;
            }
            let with_next = spans.get(i + 1).filter(|(next, _)| !touched(next));
            let end = with_next.map_or(member.value.end, |(_, next)| next.key.start);
            let kept = &body[member.key.start..end];
            let at = edited[from..].find(kept);
            prop_assert!(at.is_some(), "{:?} is gone from {}", kept, edited);
            from += at.unwrap();
        }
        if edits.is_empty() {
            prop_assert_eq!(edited, body);
        }
    }

    #[test]
    fn json_strings_are_read_back(text in any::<String>()) {
        let body = format!("{{\"model\":{}}}", json_string(&format!("x{text}")));
        let head = Head::scan(Endpoint::Responses, body.as_bytes(), &HeadLimits::default()).unwrap();
        prop_assert_eq!(head.model(), format!("x{text}"));
    }
}
