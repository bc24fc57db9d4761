//! Conversations that somebody keeps for clients of the Responses API, as the texts that such clients wrote
//! and got. Nothing is read that need not be, so that all of it comes back as it was.

use std::collections::HashMap;

use crate::json::{JsonKind, Raw, Rules, Writer};

/// A conversation up to the end of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// What the model was told: a list of items.
    pub input: &'a str,
    /// The response object.
    pub response: &'a str,
}

/// `input` as a list of items, for [`Kept::input`].
#[must_use]
pub fn items(input: Option<&str>) -> String {
    resume(None, input, &[])
}

/// How many items stand before those of a call that goes on from here.
#[must_use]
pub fn length(kept: Kept<'_>) -> usize {
    conversation(kept).count()
}

/// The id of a response.
#[must_use]
pub fn response_id(response: &str) -> Option<String> {
    id(Raw::of_validated(response))
}

/// The `input` of a call that goes on from `previous`: everything that was said until then, and then its own.
/// References to items of the responses `referred` become these items.
#[must_use]
pub fn resume(previous: Option<Kept<'_>>, input: Option<&str>, referred: &[&str]) -> String {
    let known: HashMap<_, _> = referred
        .iter()
        .flat_map(|response| output(response))
        .filter_map(|item| Some((id(item)?, item)))
        .collect();
    let input = input.map_or(Raw::of_validated("[]"), Raw::of_validated);
    Writer::list(|list| {
        let said = previous.into_iter().flat_map(conversation);
        said.for_each(|item| list.raw(item.json()));
        if input.kind() == Some(JsonKind::Text) {
            list.object(|message| {
                message.text("type", "message");
                message.text("role", "user");
                message.raw("content", input.json());
            });
        }
        for item in input.items() {
            let meant = reference(item).and_then(|id| known.get(&id));
            list.raw(meant.unwrap_or(&item).json());
        }
    })
}

/// The ids of the responses to whose items `input` refers instead of repeating them, as far as the ids were made
/// here. Each once.
#[must_use]
pub fn references(input: &str) -> Vec<String> {
    let mut found = Vec::new();
    for item in Raw::of_validated(input).items() {
        let response = reference(item).and_then(|id| response_of(&id));
        if let Some(response) = response.filter(|response| !found.contains(response)) {
            found.push(response);
        }
    }
    found
}

/// The response object in the event that ends a stream, which is the last in `events`.
#[must_use]
pub fn ended(events: &str) -> Option<&str> {
    let (_, data) = events.trim_end().rsplit_once("\ndata: ")?;
    let event = Raw::parse(data, Rules::ANSWER).ok()?;
    let [kind, response] = event.pick(["type", "response"]);
    let kind = kind.and_then(Raw::text)?;
    let over = matches!(&*kind, "response.completed" | "response.incomplete");
    response.filter(|_| over).map(Raw::json)
}

fn conversation(kept: Kept<'_>) -> impl Iterator<Item = Raw<'_>> {
    let told = Raw::of_validated(kept.input).items();
    told.chain(output(kept.response))
}

fn output(response: &str) -> impl Iterator<Item = Raw<'_>> {
    let output = Raw::of_validated(response).member("output");
    output.into_iter().flat_map(Raw::items)
}

fn id(item: Raw<'_>) -> Option<String> {
    Some(item.member("id")?.text()?.into_owned())
}

/// The id of the item that an item stands for.
fn reference(item: Raw<'_>) -> Option<String> {
    let kind = item.member("type")?.text()?;
    (kind == "item_reference").then(|| id(item)).flatten()
}

/// The id of the response in which an item was made that has this id. Both are made of the id of the same call.
fn response_of(item: &str) -> Option<String> {
    let (rest, number) = item.rsplit_once('_')?;
    let (_, call) = rest.split_once('_')?;
    let made_here = !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !call.contains('_');
    made_here.then(|| format!("resp_{call}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &str = r#"[ {"role":"user","content":"Hi"} ]"#;
    const RESPONSE: &str = r#"{"id":"resp_ab12","output": [{"id":"rs_ab12_0","type":"reasoning","summary":[]},
        {"id":"fc_ab12_1","type":"function_call","call_id":"c","name":"f","arguments":"{ }"}],"status":"completed"}"#;
    const KEPT: Kept<'_> = Kept {
        input: INPUT,
        response: RESPONSE,
    };

    #[test]
    fn an_input_is_a_list_of_items() {
        for (input, expected) in [
            (None, "[]"),
            (Some("[ ]"), "[]"),
            (
                Some(r#""a\"é""#),
                r#"[{"type":"message","role":"user","content":"a\"é"}]"#,
            ),
            (Some(INPUT), r#"[{"role":"user","content":"Hi"}]"#),
        ] {
            assert_eq!(items(input), expected);
        }
    }

    #[test]
    fn what_was_said_stands_before_what_is_said() {
        let input = r#"[{"type":"function_call_output","call_id":"c","output":"4"}]"#;
        let expected = concat!(
            r#"[{"role":"user","content":"Hi"},{"id":"rs_ab12_0","type":"reasoning","summary":[]},"#,
            r#"{"id":"fc_ab12_1","type":"function_call","call_id":"c","name":"f","arguments":"{ }"},"#,
            r#"{"type":"function_call_output","call_id":"c","output":"4"}]"#
        );
        assert_eq!(resume(Some(KEPT), Some(input), &[]), expected);
    }

    #[test]
    fn references_become_what_they_refer_to() {
        let input = r#"[{"type":"item_reference","id":"fc_ab12_1"},{"type":"item_reference","id":"msg_ab12_7"},
            {"type":"item_reference","id":"rs_ab12_0"},{"type":"item_reference","id":"msg_0fe9"},
            {"type":"item_reference"},{"role":"user","content":"x","id":"fc_ab12_1"},3]"#;
        assert_eq!(references(input), ["resp_ab12"]);
        let resumed = resume(None, Some(input), &[RESPONSE, "{}"]);
        let resumed = Raw::of_validated(&resumed);
        let kinds: Vec<_> = resumed
            .items()
            .map(|item| item.member("type").map_or("-", Raw::json).to_owned())
            .collect();
        let (same, call, thoughts) = (
            r#""item_reference""#,
            r#""function_call""#,
            r#""reasoning""#,
        );
        assert_eq!(kinds, [call, same, thoughts, same, same, "-", "-"]);
    }

    #[test]
    fn only_ids_made_here_lead_to_a_response() {
        for (item, response) in [
            ("msg_ab12_0", Some("resp_ab12")),
            ("fc_ab12_10", Some("resp_ab12")),
            ("msg_ab12", None),
            ("msg_ab12_", None),
            ("msg_ab12_x", None),
            ("msg_a_b_1", None),
            ("", None),
        ] {
            assert_eq!(response_of(item).as_deref(), response, "{item}");
        }
    }

    #[test]
    fn the_last_event_of_a_stream_holds_the_response() {
        let event = |kind: &str| {
            format!(
                "event: x\ndata: {{\"type\":\"y\"}}\n\nevent: {kind}\ndata: {{\"type\":\"{kind}\",\"response\":{{\"id\":1}}}}\n\n"
            )
        };
        for kind in ["response.completed", "response.incomplete"] {
            assert_eq!(ended(&event(kind)), Some("{\"id\":1}"));
        }
        for events in [&*event("response.failed"), "", "data: x", "\ndata: {}\n\n"] {
            assert_eq!(ended(events), None, "{events}");
        }
    }
}
