//! Nothing is lost in silence: whoever changes any single value of a request or an answer
//! sees another result on the other side, or finds the value among the losses.

use orchestra_dialects::{Dialect, Loss, Profile, TranslateError, encode_request};
use serde_json::Value;

use super::DIALECTS;
use super::compare::lies_below;
use super::fixture::{Asked, Failures, Fixture, codec, target};
use super::leaves::{altered, leaves, without};
use super::ledger::Ledger;

/// What came out on the other side, and the paths that are listed as lost.
#[derive(PartialEq)]
struct Outcome {
    text: String,
    lost: Vec<String>,
    /// Nothing was sent at all, so that nothing was lost.
    refused: bool,
    /// Whether it could be read: a value that cannot says nothing of what becomes of a sound one.
    read: bool,
}

impl Outcome {
    fn written(text: String, losses: Vec<Loss>) -> Self {
        Self {
            text,
            lost: losses.into_iter().map(|loss| loss.path).collect(),
            refused: false,
            read: true,
        }
    }
}

pub(super) fn every_value_of_a_request_counts(fixture: &Fixture, failures: &mut Failures) {
    let document: Value = serde_json::from_str(&fixture.request).expect("a fixture of JSON");
    for other in others(fixture.dialect) {
        let outcome = |document: &Value| send(fixture.dialect, &document.to_string(), other);
        every_value_counts(fixture, other, "", &document, outcome, failures);
    }
}

pub(super) fn every_value_of_an_answer_counts(fixture: &Fixture, failures: &mut Failures) {
    let Some(response) = &fixture.response else {
        return;
    };
    let document: Value = serde_json::from_str(response).expect("a fixture of JSON");
    for client in others(fixture.dialect) {
        let outcome = |document: &Value| answer(fixture.dialect, &document.to_string(), client);
        every_value_counts(fixture, client, "answer.", &document, outcome, failures);
    }
}

fn others(dialect: Dialect) -> impl Iterator<Item = Dialect> {
    DIALECTS.into_iter().filter(move |other| *other != dialect)
}

fn every_value_counts(
    fixture: &Fixture,
    other: Dialect,
    prefix: &str,
    document: &Value,
    outcome: impl Fn(&Value) -> Outcome,
    failures: &mut Failures,
) {
    let before = outcome(document);
    if before.refused {
        return;
    }
    for (path, pointer) in leaves(document) {
        let path = format!("{prefix}{path}");
        let listed = before.lost.iter().any(|lost| lies_below(&path, lost));
        let exempt = || Ledger::of(fixture.dialect).says_nothing(other, &path);
        let seen = || {
            let others = altered(document, &pointer);
            let mut others = others.iter().map(&outcome).filter(|other| other.read);
            others.any(|other| other != before)
                || without(document, &pointer).is_some_and(|rest| outcome(&rest) != before)
        };
        if !listed && !seen() && !exempt() {
            let value = document.pointer(&pointer).unwrap_or(&Value::Null);
            failures.add(format!(
                "{}: {path} ({value}) is lost in silence",
                other.name()
            ));
        }
    }
}

fn send(from: Dialect, body: &str, to: Dialect) -> Outcome {
    let profile = Profile::default();
    let sent = orchestra_dialects::decode_request(from, body)
        .and_then(|request| encode_request(&request, to, &target(&request.model, &profile)));
    match sent {
        Ok((text, losses)) => Outcome::written(text, losses),
        Err(error) => Outcome {
            read: !matches!(error, TranslateError::Body(_)),
            text: error.to_string(),
            lost: Vec::new(),
            refused: true,
        },
    }
}

fn answer(from: Dialect, body: &str, client: Dialect) -> Outcome {
    match codec(from).decode_answer(body) {
        Ok(answer) => {
            let asked = Asked::plain(client);
            let (text, losses) = orchestra_dialects::encode_answer(&answer, from, &asked.context());
            Outcome::written(text, losses)
        }
        Err(error) => Outcome {
            text: error.to_string(),
            lost: Vec::new(),
            refused: true,
            read: false,
        },
    }
}
