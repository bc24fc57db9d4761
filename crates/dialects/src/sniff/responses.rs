//! Events of the Responses API.

use super::json_option;
use super::seen::{Malformed, Seen};
use crate::json::{Raw, json_string, pick};
use crate::usage;
use crate::{ErrorKind, ErrorView, Family};

pub(super) fn event(seen: &mut Seen, name: Option<&str>, data: &str) -> Result<(), Malformed> {
    let members = pick(
        data,
        ["type", "sequence_number", "delta", "item", "response"],
    )?;
    let [kind, number, delta, item, response] = members.ok_or(Malformed::NotAnObject)?;
    let kind = kind.and_then(Raw::text);
    let kind = kind.as_deref().or(name).unwrap_or_default();
    seen.sequence = number.and_then(Raw::count).or(seen.sequence);
    match kind {
        "error" => seen.report_event(data),
        "response.output_item.added" => seen.content.note(item.is_some_and(is_call)),
        // A piece of the answer even where no delta came before it.
        "response.output_item.done" | "response.image_generation_call.partial_image" => {
            seen.content.note(true);
        }
        _ if kind.ends_with(".delta") => {
            seen.content.note(delta.is_some_and(Raw::says_something));
        }
        _ => {
            if let Some(response) = response {
                read_response(seen, response);
            }
        }
    }
    seen.ended = matches!(
        kind,
        "response.completed" | "response.incomplete" | "response.failed"
    );
    if kind == "response.failed" {
        seen.report_event(data);
    }
    Ok(())
}

/// Whether an item that begins is a call of some tool, which a client may act on at once. Text
/// and reasoning begin empty.
fn is_call(item: Raw<'_>) -> bool {
    let kind = item.member("type").and_then(Raw::text);
    kind.is_some_and(|kind| !matches!(&*kind, "message" | "reasoning"))
}

fn read_response(seen: &mut Seen, response: Raw<'_>) {
    let [model, usage, error, status, details] =
        response.pick(["model", "usage", "error", "status", "incomplete_details"]);
    seen.note_model(model);
    seen.report_member(error);
    if let Some(usage) = usage.and_then(usage::of_openai) {
        seen.usage = Some(usage);
    }
    seen.note_finish(finish(status, details));
}

/// The status of a response that is over, or the reason why it is incomplete.
pub(super) fn finish<'a>(
    status: Option<Raw<'a>>,
    incomplete_details: Option<Raw<'a>>,
) -> Option<Raw<'a>> {
    let reason = incomplete_details.and_then(|details| details.member("reason"));
    let over = status.filter(|status| !matches!(status.json(), r#""in_progress""# | r#""queued""#));
    reason.or(over)
}

/// The format's own error event.
///
/// The documented fields stand at the top; the live API also nests them under `error`, and the
/// official clients raise an exception only for that form (openai-python 3.54.0, `_streaming.py`).
pub(crate) fn error_event(view: &ErrorView<'_>, sequence_number: u64) -> String {
    let code = json_string(view.code.unwrap_or(match view.kind {
        ErrorKind::RateLimited => "rate_limit_exceeded",
        _ => "server_error",
    }));
    let kind = view.kind.type_name(Family::OpenAi);
    let (message, param) = (json_string(view.message), json_option(view.param));
    format!(
        "event: error\ndata: {{\"type\":\"error\",\"code\":{code},\"message\":{message},\"param\":{param},\
         \"sequence_number\":{sequence_number},\
         \"error\":{{\"type\":\"{kind}\",\"code\":{code},\"message\":{message},\"param\":{param}}}}}\n\n"
    )
}
