//! Answers in one piece: there and back.

use orchestra_types::Usage;

use super::DIALECTS;
use super::compare::{differences, without_indexes};
use super::fixture::{Asked, Failures, Fixture, codec, context};
use super::requests::permitted;

/// Members that are made anew for every answer.
const MADE_ANEW: &[&str] = &[
    "id",
    "created",
    "created_at",
    "responseId",
    "output[].id",
    "request_id",
];

/// decode and encode again, as the answer to its own request: nothing changes.
pub(super) fn identity(fixture: &Fixture, failures: &mut Failures) {
    let (Some(answer), Some(request)) = (fixture.answer(), failures.check(fixture.decoded()))
    else {
        return;
    };
    let Some(answer) = failures.check(answer) else {
        return;
    };
    let context = context(&request, &fixture.request);
    let mut losses = orchestra_dialects::Losses::new(fixture.dialect, fixture.dialect);
    let body = fixture
        .codec()
        .encode_answer(&answer, &context, &mut losses);
    if !losses.is_empty() {
        failures.add(format!("losses in the own dialect: {:?}", losses.list()));
    }
    let response = fixture.response.as_deref().unwrap_or_default();
    let expected = serde_json::from_str(response).expect("a fixture of JSON");
    match serde_json::from_str(&body) {
        Ok(found) => {
            let mut found = differences(&expected, &found);
            found.retain(|(path, _)| !MADE_ANEW.contains(&&*without_indexes(path)));
            permitted(fixture, "answer.", found, failures);
        }
        Err(error) => failures.add(format!("no JSON: {error}: {body}")),
    }
}

/// What every dialect can tell of usage: some have one counter where others have two.
pub(super) fn comparable(usage: Option<Usage>) -> Option<[u64; 5]> {
    let usage = usage?;
    Some([
        usage.total_input(),
        usage.total_output(),
        usage.cache_read,
        usage.cache_write_5m + usage.cache_write_1h,
        usage.reasoning,
    ])
}

/// Gemini does not tell what was written to a cache.
pub(super) fn told_in(
    dialect: orchestra_dialects::Dialect,
    usage: Option<[u64; 5]>,
) -> Option<[u64; 5]> {
    usage.map(|mut counts| {
        if dialect == orchestra_dialects::Dialect::Gemini {
            counts[3] = 0;
        }
        counts
    })
}

/// Usage is the same before and after a translation into any dialect.
pub(super) fn usage_survives(fixture: &Fixture, failures: &mut Failures) {
    let Some(answer) = fixture.answer().and_then(|answer| failures.check(answer)) else {
        return;
    };
    for client in DIALECTS {
        let asked = Asked::plain(client);
        let (body, _) =
            orchestra_dialects::encode_answer(&answer, fixture.dialect, &asked.context());
        let back = codec(client).decode_answer(&body);
        let Some(back) =
            failures.check(back.map_err(|error| format!("{}: {error}", client.name())))
        else {
            continue;
        };
        let expected = told_in(client, comparable(answer.usage));
        let found = comparable(back.usage);
        // A dialect that must report usage reports zeros where the provider said nothing.
        let silent = answer.usage.is_none() && found == Some([0; 5]);
        if expected != found && !silent {
            failures.add(format!(
                "{}: usage {expected:?} became {found:?}",
                client.name()
            ));
        }
    }
}
