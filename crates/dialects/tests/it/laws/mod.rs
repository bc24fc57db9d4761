//! Laws that every codec keeps, over every fixture.
//!
//! A fixture is a folder `fixtures/<dialect>/<scenario>/` with `about.toml`, `request.json` and mostly
//! `response.json` and `stream.sse`: the same answer in one piece and streamed. `ORCHESTRA_BLESS=1` writes the
//! snapshots anew.

mod answers;
mod changes;
mod compare;
mod fixture;
mod leaves;
mod ledger;
mod requests;
mod snapshots;
mod streams;

use orchestra_dialects::Dialect;

use fixture::{Failures, Fixture};

/// The dialects that hold conversations.
const DIALECTS: [Dialect; 4] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::AnthropicMessages,
    Dialect::Gemini,
];

/// Runs a law over every fixture of a dialect and reports all that break it.
fn over_fixtures(dialect: Dialect, law: fn(&Fixture, &mut Failures)) {
    let fixtures = Fixture::all(dialect);
    assert!(!fixtures.is_empty(), "no fixtures for {}", dialect.name());
    let mut failures = Failures::default();
    for fixture in &fixtures {
        failures.within(&fixture.name);
        law(fixture, &mut failures);
    }
    failures.report();
}

macro_rules! laws {
    ($($dialect:ident: $variant:ident),+ $(,)?) => {$(
        mod $dialect {
            use super::*;

            const DIALECT: Dialect = Dialect::$variant;

            #[test]
            fn there_are_enough_fixtures() {
                let count = Fixture::all(DIALECT).len();
                assert!(count >= fixture::MIN_FIXTURES, "{count} fixtures");
            }

            #[test]
            fn a_request_returns_to_its_own_dialect_as_it_was() {
                over_fixtures(DIALECT, requests::identity);
            }

            #[test]
            fn every_value_of_a_request_arrives_or_is_listed_as_lost() {
                over_fixtures(DIALECT, changes::every_value_of_a_request_counts);
            }

            #[test]
            fn a_tool_call_comes_back_from_every_dialect_as_it_was() {
                over_fixtures(DIALECT, requests::tool_calls_round_trip);
            }

            #[test]
            fn an_answer_returns_to_its_own_dialect_as_it_was() {
                over_fixtures(DIALECT, answers::identity);
            }

            #[test]
            fn every_value_of_an_answer_arrives_or_is_listed_as_lost() {
                over_fixtures(DIALECT, changes::every_value_of_an_answer_counts);
            }

            #[test]
            fn usage_is_the_same_in_every_dialect() {
                over_fixtures(DIALECT, answers::usage_survives);
            }

            #[test]
            fn a_stream_tells_what_the_whole_answer_tells() {
                over_fixtures(DIALECT, streams::folded_equals_unary);
            }

            #[test]
            fn events_keep_their_order() {
                over_fixtures(DIALECT, streams::events_keep_the_laws);
            }

            #[test]
            fn chunks_do_not_matter() {
                over_fixtures(DIALECT, streams::chunks_do_not_matter);
            }

            #[test]
            fn a_cut_stream_never_looks_whole() {
                over_fixtures(DIALECT, streams::a_cut_is_no_end);
            }

            #[test]
            fn a_translated_stream_tells_what_the_translated_answer_tells() {
                over_fixtures(DIALECT, streams::translated_equals_unary);
            }

            #[test]
            fn a_cut_translated_stream_never_looks_whole() {
                over_fixtures(DIALECT, streams::a_cut_is_no_end_for_the_client);
            }

            #[test]
            fn every_loss_is_listed_with_a_reason_and_every_entry_is_needed() {
                ledger::is_exact(DIALECT);
            }

            #[test]
            fn translations_are_as_recorded() {
                over_fixtures(DIALECT, snapshots::as_recorded);
                snapshots::none_is_left_over(DIALECT);
            }
        }
    )+};
}

laws! {
    openai_chat: OpenAiChat,
    openai_responses: OpenAiResponses,
    anthropic_messages: AnthropicMessages,
    gemini: Gemini,
}
