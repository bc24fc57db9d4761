//! Calls of tools: Google's thought signatures on them, and the form in which a client knows the tool.

use std::borrow::Cow;

use crate::canonical::{Extras, Part, PartBody, Reasoning, Request, ToolBody, ToolInput, ToolUse};
use crate::codec::AnswerContext;
use crate::json::{ObjectWriter, Raw, Writer};
use crate::{Dialect, envelope};

/// The member of a call that holds Google's signature (`protocols`, section 5, "OpenAI-compat").
pub(super) const EXTRA_CONTENT: &str = "extra_content";

/// Reads `extra_content` of a call: the thoughts whose signature `google.thought_signature` is. Other
/// members are kept as extras.
pub(super) fn read_signature(value: Raw<'_>, extras: &mut Extras) -> Option<Reasoning> {
    let google = value.member("google");
    let signature = google
        .and_then(|google| google.member("thought_signature"))
        .and_then(Raw::text)
        .filter(|_| {
            value.members().count() == 1 && google.is_some_and(|g| g.members().count() == 1)
        });
    let Some(signature) = signature else {
        extras.push((EXTRA_CONTENT.to_owned(), value.into()));
        return None;
    };
    let sealed = envelope::open(&signature);
    Some(sealed.unwrap_or_else(|| Reasoning {
        signature: Some(signature.into_owned()),
        origin: Some(Dialect::Gemini),
        ..Reasoning::default()
    }))
}

/// Writes Google's signature.
pub(super) fn write_signature(call: &mut ObjectWriter<'_>, signature: &str) {
    call.object(EXTRA_CONTENT, |extra| {
        extra.object("google", |google| {
            google.text("thought_signature", signature)
        });
    });
}

/// A signature on its way to a client, which may hand it to any provider: in an envelope, unless the
/// provider's own dialect is the client's.
pub(super) fn signature_for_client(thoughts: &Reasoning, own: bool) -> Option<Cow<'_, str>> {
    match &thoughts.signature {
        Some(signature) if own => Some(Cow::Borrowed(signature)),
        _ => envelope::seal(thoughts).map(Cow::Owned),
    }
}

/// The thoughts that are only the signature of the call behind them.
pub(super) fn signature_of(part: &Part) -> Option<&Reasoning> {
    match &part.body {
        PartBody::Reasoning(thoughts) => {
            super::reasoning::gemini_signature(thoughts).map(|_| thoughts)
        }
        _ => None,
    }
}

/// What a client's request says of the calls that it can take.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientTools {
    /// The names of its custom tools.
    custom: Vec<String>,
    /// Whether it knows only the old `functions`, of which one answer calls one at most.
    pub(super) old: bool,
}

/// A call as a client knows its tool.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientCall<'a> {
    /// Of a function, with these arguments.
    Function(Cow<'a, str>),
    /// Of a custom tool, with this text.
    Custom(Cow<'a, str>),
}

impl ClientTools {
    /// Of the request that is answered.
    pub(super) fn of(context: &AnswerContext<'_>) -> Self {
        let tools = &context.request.tools;
        let custom = tools.iter().filter_map(|tool| match &tool.body {
            ToolBody::Custom { name, .. } => Some(name.clone()),
            _ => None,
        });
        Self {
            custom: custom.collect(),
            old: has_old_functions(context.request),
        }
    }

    /// Whether the client knows the tool of this name as a custom one.
    pub(super) fn is_custom(&self, name: &str) -> bool {
        self.custom.iter().any(|custom| custom == name)
    }

    /// The call as the client knows the tool.
    pub(super) fn call<'a>(&self, call: &'a ToolUse) -> ClientCall<'a> {
        match (&call.input, self.is_custom(&call.name)) {
            (ToolInput::Text(text), true) => ClientCall::Custom(text.into()),
            (ToolInput::Json(json), true) => ClientCall::Custom(unwrap_input(json)),
            (ToolInput::Json(json), false) => ClientCall::Function(object_text(json).into()),
            (ToolInput::Text(text), false) => ClientCall::Function(wrap_input(text).into()),
        }
    }
}

/// Whether the request was written with the old `functions`.
pub(super) fn has_old_functions(request: &Request) -> bool {
    let mut tools = request.tools.iter();
    request.origin == Dialect::OpenAiChat
        && tools
            .next()
            .is_some_and(|tool| tool.at.member == "functions")
}

/// Arguments that are no text at all mean an empty object.
pub(super) fn object_text(json: &str) -> &str {
    if json.trim_ascii().is_empty() {
        "{}"
    } else {
        json
    }
}

/// The free text of a custom tool as the arguments of the function that stands for it.
pub(super) fn wrap_input(text: &str) -> String {
    Writer::object(|object| object.text("input", text))
}

/// The free text in the arguments of a function that stands for a custom tool; the arguments as they are,
/// if the model wrote something else.
pub(super) fn unwrap_input(json: &str) -> Cow<'_, str> {
    let input = Raw::parse(json.trim_ascii(), crate::json::Rules::ANSWER)
        .ok()
        .and_then(|arguments| arguments.member("input")?.text());
    match input {
        Some(input) => Cow::Owned(input.into_owned()),
        None => Cow::Borrowed(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawJson;

    fn signature(json: &str) -> (Option<Reasoning>, usize) {
        let value = RawJson::parse(json).expect("JSON");
        let mut extras = Extras::new();
        let found = read_signature(value.raw(), &mut extras);
        (found, extras.len())
    }

    #[test]
    fn a_signature_is_read_bare_or_from_its_envelope() {
        let (bare, kept) = signature(r#"{"google":{"thought_signature":"c2ln"}}"#);
        let bare = bare.expect("a signature");
        assert_eq!((bare.signature.as_deref(), kept), (Some("c2ln"), 0));
        let sealed = signature_for_client(&bare, false).expect("something to carry");
        let json = Writer::object(|call| write_signature(call, &sealed));
        let value = RawJson::parse(&json).expect("JSON");
        let inner = value.raw().member(EXTRA_CONTENT).expect("written");
        assert_eq!(signature(inner.json()), (Some(bare), 0));
    }

    #[test]
    fn other_extra_content_is_kept() {
        for json in [
            r#"{"google":{"thought_signature":"x","more":1}}"#,
            r#"{"google":{"thought_signature":"x"},"other":1}"#,
            r#"{"google":{"thought_signature":1}}"#,
            r#""text""#,
        ] {
            assert_eq!(signature(json), (None, 1), "{json}");
        }
    }

    #[test]
    fn a_custom_call_gets_its_text_back() {
        for (json, text) in [
            (r#"{"input":"a\nb"}"#, "a\nb"),
            (r#"{"other":"a"}"#, r#"{"other":"a"}"#),
            ("no json", "no json"),
        ] {
            assert_eq!(unwrap_input(json), text);
        }
        assert_eq!(unwrap_input(&wrap_input("\"x\"")), "\"x\"");
    }
}
