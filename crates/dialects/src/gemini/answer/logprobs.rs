//! Probabilities of tokens: `logprobsResult` and OpenAI's list.

use crate::RawJson;
use crate::json::{ListWriter, ObjectWriter, Raw, Writer};

use super::super::name::{items, member};

/// OpenAI's list: each chosen token with the ones that were likely in its place.
pub(in crate::gemini) fn to_openai(result: Raw<'_>) -> Option<RawJson> {
    let chosen = member(result, "chosenCandidates")?;
    let mut top = list(result, "topCandidates");
    let list = Writer::list(|tokens| {
        for (_, candidate) in items(chosen) {
            let others = top.next();
            tokens.object(|token| {
                write_token(token, candidate);
                token.list("top_logprobs", |list| {
                    let others = others
                        .into_iter()
                        .flat_map(|step| self::list(step, "candidates"));
                    others.for_each(|other| list.object(|token| write_token(token, other)));
                });
            });
        }
    });
    Some(RawJson::of_written(list))
}

fn list<'a>(object: Raw<'a>, name: &str) -> impl Iterator<Item = Raw<'a>> + use<'a> {
    let list = member(object, name);
    list.into_iter()
        .flat_map(|list| items(list).map(|(_, item)| item))
}

fn write_token(object: &mut ObjectWriter<'_>, candidate: Raw<'_>) {
    let token = member(candidate, "token")
        .and_then(Raw::text)
        .unwrap_or_default();
    let logprob = member(candidate, "logProbability").filter(|number| number.number().is_some());
    object.text("token", &token);
    // Proto JSON leaves zeros out: the token was certain.
    object.raw("logprob", logprob.map_or("0", Raw::json));
    object.list("bytes", |list| {
        token.bytes().for_each(|byte| list.raw(&byte.to_string()));
    });
}

/// Writes the members of `logprobsResult` from OpenAI's list. What the tokens are as bytes is lost: they are text here.
pub(in crate::gemini) fn from_openai(result: &mut ObjectWriter<'_>, tokens: Raw<'_>) {
    result.list("chosenCandidates", |chosen| {
        tokens
            .items()
            .for_each(|token| write_candidate(chosen, token));
    });
    let any = tokens.items().any(|token| {
        token
            .member("top_logprobs")
            .is_some_and(|top| top.items().next().is_some())
    });
    if any {
        result.list("topCandidates", |steps| {
            for token in tokens.items() {
                steps.object(|step| {
                    step.list("candidates", |list| {
                        let top = token.member("top_logprobs").into_iter();
                        top.flat_map(Raw::items)
                            .for_each(|other| write_candidate(list, other));
                    });
                });
            }
        });
    }
}

fn write_candidate(list: &mut ListWriter<'_>, token: Raw<'_>) {
    let [text, logprob] = token.pick(["token", "logprob"]);
    list.object(|candidate| {
        candidate.text("token", &text.and_then(Raw::text).unwrap_or_default());
        if let Some(logprob) = logprob {
            candidate.raw("logProbability", logprob.json());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_meets_its_alternatives() {
        let result = r#"{"chosenCandidates":[{"token":"é","tokenId":7,"logProbability":-0.5},{"token":"!"}],
            "topCandidates":[{"candidates":[{"token":"é","logProbability":-0.5},{"token":"e","logProbability":-1.5}]}]}"#;
        let list = to_openai(Raw::of_validated(result)).expect("tokens");
        assert_eq!(
            list.as_str(),
            concat!(
                r#"[{"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":["#,
                r#"{"token":"é","logprob":-0.5,"bytes":[195,169]},{"token":"e","logprob":-1.5,"bytes":[101]}]},"#,
                r#"{"token":"!","logprob":0,"bytes":[33],"top_logprobs":[]}]"#
            )
        );
        let back = Writer::object(|result| from_openai(result, list.raw()));
        let again = to_openai(Raw::of_validated(&back)).expect("tokens");
        assert_eq!(again, list);
    }

    #[test]
    fn without_chosen_tokens_there_is_nothing() {
        assert_eq!(to_openai(Raw::of_validated("{}")), None);
    }
}
