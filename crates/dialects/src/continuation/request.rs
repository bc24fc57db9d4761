//! Asking a target to go on with an answer.

use crate::canonical::{
    NOTE_MARK, OutputFormat, Part, PartBody, Place, ReasoningMode, ReasoningOptions, Request, Role,
    Turn,
};
use crate::estimate::estimate_text;
use crate::json::Raw;
use crate::{
    Continues, Dialect, Head, HeadLimits, Inexpressible, Loss, RawJson, ReasoningControl, Splice,
    Target, TranslateError, encode_request,
};

/// Members of requests in any dialect that make of the answer more than a text, or of the call more than one answer.
const MORE_THAN_TEXT: [&str; 9] = [
    "audio",
    "background",
    "container",
    "function_call",
    "functions",
    "mcp_servers",
    "modalities",
    "prompt",
    "web_search_options",
];

/// Whether an answer to this request may be gone on with at another target: it is a stream of one text.
///
/// Tools, a form that the answer is held to, sources to be cited, several choices, probabilities, a conversation at the
/// provider, and a beginning that the client wrote itself rule that out.
#[must_use]
pub fn may_be_continued(request: &Request) -> bool {
    let sampling = &request.sampling;
    let last = request.turns.last().map(|turn| turn.role);
    let extra = |(name, value): &(String, RawJson)| {
        MORE_THAN_TEXT.contains(&name.as_str()) && value.as_str() != "false"
    };
    let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
    request.stream
        && !parts.any(is_to_be_cited)
        && request.tools.is_empty()
        && request.tool_choice.is_none()
        && request.output == OutputFormat::Text
        && sampling.n.is_none_or(|n| n == 1)
        && sampling.logprobs != Some(true)
        && sampling.top_logprobs.is_none()
        && request.state.previous.is_none()
        && request.state.conversation.is_none()
        && last.is_some_and(|role| role != Role::Assistant)
        && !request.extras.iter().any(extra)
}

/// Whether the answer is to name its sources in it: what rests on them is told behind the text alone.
fn is_to_be_cited(part: &Part) -> bool {
    let search_result =
        matches!(&part.body, PartBody::Opaque { kind, .. } if kind == "search_result");
    search_result || part.extras.iter().any(|(name, _)| name == "citations")
}

/// Writes the request for a target that is to go on from `told`, the text of an answer so far.
///
/// The target's profile says how. Blanks at the end of the text are left out; if nothing is left, the request is written as
/// it is. Thoughts are not asked for: they belong before the text. The limit of tokens is lowered by what `told` takes, as far
/// as that can be estimated.
///
/// # Errors
/// [`TranslateError`] if the target cannot be asked this.
pub fn encode_continuation(
    request: &Request,
    told: &str,
    to: Dialect,
    target: &Target<'_>,
) -> Result<(String, Vec<Loss>), TranslateError> {
    let told = told.trim_end();
    if told.is_empty() {
        return encode_request(request, to, target);
    }
    let way = target.profile.continues;
    if !way.in_dialect(to) {
        return Err(no_way().into());
    }
    let (body, losses) = encode_request(&extended(request, told, target), to, target)?;
    Ok((marked(body, way)?, losses))
}

/// The request with the beginning of its answer.
fn extended(request: &Request, told: &str, target: &Target<'_>) -> Request {
    let mut request = request.clone();
    let thinks_unasked = target.profile.reasoning == ReasoningControl::DeepSeek;
    if thinks_unasked || request.reasoning != ReasoningOptions::default() {
        request.reasoning = ReasoningOptions {
            mode: Some(ReasoningMode::Disabled),
            ..ReasoningOptions::default()
        };
    }
    let about_thoughts = |name: &str| name.strip_prefix(NOTE_MARK) == Some("thinking");
    request.extras.retain(|(name, _)| !about_thoughts(name));
    if let Some(most) = &mut request.sampling.max_output_tokens {
        *most = most.saturating_sub(estimate_text(told)).max(1);
    }
    let text = Part {
        body: PartBody::Text {
            text: told.to_owned(),
            citations: Vec::new(),
        },
        cache: None,
        extras: Vec::new(),
        at: Place::member("content"),
    };
    request.turns.push(Turn::new(Role::Assistant, vec![text]));
    request
}

/// The body with what tells the target that its last message is not over.
fn marked(body: String, way: Continues) -> Result<String, TranslateError> {
    let last = match way {
        Continues::Never => return Err(no_way().into()),
        Continues::Assistant => return Ok(body),
        Continues::Prefix | Continues::PrefixRepeated => true,
        Continues::FinalMessage => false,
    };
    let limits = HeadLimits {
        depth: u8::MAX,
        ..HeadLimits::default()
    };
    let head = Head::scan(crate::Endpoint::ChatCompletions, body.as_bytes(), &limits)?;
    let splice = Splice::new(body.as_bytes(), &head);
    let splice = if last {
        let messages = head.member("messages").map(|member| member.value.clone());
        let messages = messages.and_then(|span| body.get(span)).unwrap_or("[]");
        splice.set("messages", with_prefix(messages).ok_or_else(no_way)?)
    } else {
        splice
            .set("continue_final_message", "true")
            .set("add_generation_prompt", "false")
    };
    String::from_utf8(splice.finish()).map_err(|_| no_way().into())
}

/// A list of messages with `prefix` in the last of them.
fn with_prefix(messages: &str) -> Option<String> {
    let last = Raw::of_validated(messages).items().last()?;
    let object = last.json().trim_end();
    let end = messages.trim_end().strip_suffix(']')?.trim_end();
    let open = end.strip_suffix(object)?;
    let members = object.strip_suffix('}')?;
    Some(format!("{open}{members},\"prefix\":true}}]"))
}

fn no_way() -> Inexpressible {
    Inexpressible::new(
        "model",
        "cannot go on from the beginning of an answer there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Profile, decode_request};

    fn request(members: &str) -> Request {
        let body = format!(
            r#"{{"model":"m","stream":true,{members}"messages":[{{"role":"user","content":"Hi"}}]}}"#
        );
        decode_request(Dialect::OpenAiChat, &body).unwrap()
    }

    fn written(request: &Request, told: &str, to: Dialect, continues: Continues) -> String {
        let profile = Profile {
            continues,
            ..Profile::compatible()
        };
        let target = Target {
            model: "there",
            profile: &profile,
        };
        encode_continuation(request, told, to, &target).unwrap().0
    }

    #[test]
    fn the_last_message_is_the_text_and_marked_as_the_target_wants_it() {
        let asked = request(r#""max_tokens":100,"reasoning_effort":"low","#);
        for (to, continues, expected) in [
            (
                Dialect::OpenAiChat,
                Continues::Assistant,
                r#"{"role":"assistant","content":"One ]} two"}]"#,
            ),
            (
                Dialect::OpenAiChat,
                Continues::Prefix,
                r#"{"role":"assistant","content":"One ]} two","prefix":true}]"#,
            ),
            (
                Dialect::OpenAiChat,
                Continues::FinalMessage,
                r#""continue_final_message":true,"add_generation_prompt":false"#,
            ),
            (
                Dialect::AnthropicMessages,
                Continues::Assistant,
                r#"{"role":"assistant","content":"One ]} two"}]"#,
            ),
        ] {
            let body = written(&asked, "One ]} two \n", to, continues);
            assert!(body.contains(expected), "{continues:?}: {body}");
            let body = decode_request(to, &body).unwrap();
            assert_eq!(body.turns.len(), 2);
            assert!(
                body.sampling
                    .max_output_tokens
                    .is_some_and(|most| most < 100)
            );
            assert_ne!(body.reasoning, asked.reasoning);
        }
    }

    #[test]
    fn with_nothing_told_it_is_the_request_itself() {
        let asked = request(r#""max_tokens":100,"#);
        let (own, never) = (Dialect::OpenAiChat, Continues::Never);
        let body = written(&asked, " \n", own, never);
        let body = decode_request(own, &body).unwrap();
        assert_eq!(
            (body.turns.len(), body.sampling.max_output_tokens),
            (1, Some(100))
        );
    }

    #[test]
    fn who_has_no_way_is_not_asked() {
        let asked = request("");
        for (to, continues) in [
            (Dialect::OpenAiChat, Continues::Never),
            (Dialect::AnthropicMessages, Continues::Prefix),
            (Dialect::OpenAiResponses, Continues::Assistant),
            (Dialect::Gemini, Continues::FinalMessage),
        ] {
            let profile = Profile {
                continues,
                ..Profile::default()
            };
            let target = Target {
                model: "there",
                profile: &profile,
            };
            let refused = encode_continuation(&asked, "One", to, &target);
            assert!(refused.is_err(), "{continues:?} in {to:?}");
        }
    }

    #[test]
    fn a_limit_that_is_used_up_leaves_one_token() {
        let asked = request(r#""max_tokens":1,"#);
        let body = written(
            &asked,
            "One, two, three",
            Dialect::OpenAiChat,
            Continues::Assistant,
        );
        assert!(body.contains(r#""max_tokens":1"#), "{body}");
    }
}
