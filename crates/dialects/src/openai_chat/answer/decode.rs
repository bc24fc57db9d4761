//! Reads answers, leniently: providers are read as they are.

use super::super::finish;
use super::super::inner;
use super::super::tool_calls::{EXTRA_CONTENT, read_signature};
use super::citations::read_annotation;
use super::place;
use super::read::{MadeIds, opaque, read_image};
use crate::canonical::{
    Answer, Choice, Extras, Part, PartBody, Place, Reasoning, ToolInput, ToolUse,
};
use crate::json::{JsonKind, Raw};
use crate::sniff::answer_object;
use crate::{AnswerError, usage};

/// Reads an answer.
pub(in super::super) fn decode(body: &str) -> Result<Answer, AnswerError> {
    let mut answer = Answer::default();
    let mut choices = None;
    for (name, value) in answer_object(body)?.members() {
        match &*name {
            "id" => answer.id = string(value),
            "model" => answer.model = string(value),
            "created" => answer.created = value.count().filter(|created| *created > 0),
            "choices" => choices = Some(value),
            "usage" => answer.usage = usage::of_openai(value),
            "service_tier" => answer.service_tier = value.text().map(Into::into),
            "object" => {}
            _ => answer.extras.push((name.into_owned(), value.into())),
        }
    }
    let is_list = |value: &Raw<'_>| value.kind() == Some(JsonKind::List);
    let choices = choices
        .filter(is_list)
        .ok_or_else(|| AnswerError::OffFormat {
            problem: "it has no list of `choices`".to_owned(),
        })?;
    let ids = MadeIds::of(&answer.id, answer.created);
    let read = |(index, choice)| read_choice(choice, index, &ids);
    answer.choices = choices.items().enumerate().map(read).collect();
    Ok(answer)
}

fn string(value: Raw<'_>) -> String {
    value.text().map(Into::into).unwrap_or_default()
}

fn read_choice(value: Raw<'_>, index: usize, ids: &MadeIds) -> Choice {
    let mut choice = Choice::default();
    for (name, value) in value.members() {
        match &*name {
            "index" => {}
            "message" => Message::of(value, index, &mut choice.extras).read(&mut choice, ids),
            "finish_reason" => choice.finish = value.text().and_then(|word| finish::read(&word)),
            "logprobs" => read_logprobs(value, &mut choice),
            _ => choice.extras.push((name.into_owned(), value.into())),
        }
    }
    choice
}

fn read_logprobs(value: Raw<'_>, choice: &mut Choice) {
    for (name, value) in value.members() {
        if name == "content" && value.kind() == Some(JsonKind::List) {
            choice.logprobs = Some(value.into());
        } else {
            inner::keep(&mut choice.extras, "logprobs", &name, value);
        }
    }
}

/// A message by its members, which are read in the order of what the model does: think, speak, call.
struct Message<'a> {
    choice: usize,
    thoughts: Option<(&'static str, Raw<'a>)>,
    content: Option<Raw<'a>>,
    annotations: Option<Raw<'a>>,
    refusal: Option<Raw<'a>>,
    audio: Option<Raw<'a>>,
    images: Option<Raw<'a>>,
    tool_calls: Option<Raw<'a>>,
    function_call: Option<Raw<'a>>,
}

impl<'a> Message<'a> {
    fn of(value: Raw<'a>, choice: usize, extras: &mut Extras) -> Self {
        let mut message = Self {
            choice,
            thoughts: None,
            content: None,
            annotations: None,
            refusal: None,
            audio: None,
            images: None,
            tool_calls: None,
            function_call: None,
        };
        let mut other = None;
        for (name, value) in value.members() {
            match &*name {
                "role" => {}
                "content" => message.content = Some(value),
                "annotations" => message.annotations = Some(value),
                "refusal" => message.refusal = Some(value),
                "audio" => message.audio = Some(value),
                "images" => message.images = Some(value),
                "tool_calls" => message.tool_calls = Some(value),
                "function_call" => message.function_call = Some(value),
                "reasoning_content" if value.kind() == Some(JsonKind::Text) => {
                    message.thoughts = Some(("reasoning_content", value));
                }
                "reasoning" if value.kind() == Some(JsonKind::Text) => other = Some(value),
                _ => inner::keep(extras, "message", &name, value),
            }
        }
        message.other_thoughts(other, extras);
        message
    }

    /// `reasoning` is `OpenRouter`'s name of what DeepSeek calls `reasoning_content`. Servers that write both write the
    /// same twice.
    fn other_thoughts(&mut self, other: Option<Raw<'a>>, extras: &mut Extras) {
        match (self.thoughts, other) {
            (None, Some(other)) => self.thoughts = Some(("reasoning", other)),
            (Some((_, first)), Some(other)) if first.text() == other.text() => {
                inner::note(extras, "reasoning", other);
            }
            (Some(_), Some(other)) => inner::keep(extras, "message", "reasoning", other),
            (_, None) => {}
        }
    }

    fn read(self, choice: &mut Choice, ids: &MadeIds) {
        let mut parts = Vec::new();
        if let Some((name, value)) = self.thoughts {
            let place = self.at(if name == "reasoning" {
                "choices[0].message.reasoning"
            } else {
                "choices[0].message.reasoning_content"
            });
            parts.extend(thoughts(value).map(|part| part.at(place)));
        }
        if let Some(content) = self.content {
            let place = self.at("choices[0].message.content");
            read_content(content, &mut parts, place);
        }
        if let Some(list) = self.annotations {
            annotate(list, &mut parts, &mut choice.extras);
        }
        if let Some(text) = self
            .refusal
            .and_then(Raw::text)
            .filter(|text| !text.is_empty())
        {
            let text = text.into_owned();
            let place = self.at("choices[0].message.refusal");
            parts.push(Part::from(PartBody::Refusal { text }).at(place));
        }
        if let Some(audio) = self.audio {
            parts.push(opaque("audio", audio).at(self.at("choices[0].message.audio")));
        }
        for (index, image) in self.images.into_iter().flat_map(Raw::items).enumerate() {
            let place = self.item("choices[0].message.images", index);
            parts.extend(read_image(image).map(|part| part.at(place)));
        }
        for (index, call) in self.tool_calls.into_iter().flat_map(Raw::items).enumerate() {
            let place = self.item("choices[0].message.tool_calls", index);
            let read = read_call(call, || ids.or(call.member("id"), self.choice, index));
            parts.extend(read.into_iter().map(|part| part.at(place)));
        }
        if let Some(call) = self.function_call {
            let place = self.at("choices[0].message.function_call");
            let id = ids.call(self.choice, 0);
            let call = read_function(call, id).map(|call| Part::from(PartBody::ToolUse(call)));
            parts.extend(call.map(|call| call.at(place)));
        }
        choice.parts = parts;
    }

    /// A place in the message; in one of several, it is only told which.
    fn at(&self, first: &'static str) -> Place {
        place(u32::try_from(self.choice).unwrap_or(u32::MAX), first)
    }

    fn item(&self, first: &'static str, index: usize) -> Place {
        match self.choice {
            0 => Place::item(first, index),
            _ => self.at(first),
        }
    }
}

fn thoughts(value: Raw<'_>) -> Option<Part> {
    let text = value.text().filter(|text| !text.is_empty())?;
    let thoughts = Reasoning {
        texts: vec![text.into_owned()],
        ..Reasoning::default()
    };
    Some(PartBody::Reasoning(thoughts).into())
}

/// A text, or a list of texts and thoughts as Mistral's reasoning models write it.
fn read_content(content: Raw<'_>, parts: &mut Vec<Part>, place: Place) {
    if let Some(text) = content.text() {
        if !text.is_empty() {
            parts.push(Part::text(text).at(place));
        }
        return;
    }
    for item in content.items() {
        let [kind, text, thinking] = item.pick(["type", "text", "thinking"]);
        let part = match kind.and_then(Raw::text).as_deref() {
            Some("text") => text.and_then(Raw::text).map(Part::text),
            Some("thinking") => Some(thought_list(thinking)),
            kind => Some(opaque(kind.unwrap_or_default(), item)),
        };
        parts.extend(part.map(|part| part.at(place)));
    }
}

fn thought_list(thinking: Option<Raw<'_>>) -> Part {
    let items = thinking.into_iter().flat_map(Raw::items);
    let texts = items.filter_map(|item| item.member("text").and_then(Raw::text));
    PartBody::Reasoning(Reasoning {
        texts: texts.map(Into::into).collect(),
        ..Reasoning::default()
    })
    .into()
}

/// Ties the annotations to the text.
fn annotate(list: Raw<'_>, parts: &mut [Part], extras: &mut Extras) {
    if !list.says_something() {
        inner::note(extras, "annotations", list);
        return;
    }
    let text = parts
        .iter_mut()
        .rev()
        .find_map(|part| match &mut part.body {
            PartBody::Text { citations, .. } => Some(citations),
            _ => None,
        });
    match text {
        Some(citations) => citations.extend(list.items().map(read_annotation)),
        None => inner::keep(extras, "message", "annotations", list),
    }
}

/// Reads one of `tool_calls`: a call, and before it the thoughts that are its signature.
fn read_call(value: Raw<'_>, id: impl FnOnce() -> String) -> Vec<Part> {
    let [kind, function, custom, extra] = value.pick(["type", "function", "custom", EXTRA_CONTENT]);
    let call = match (function, custom) {
        (Some(function), _) => read_function(function, id()),
        (None, Some(custom)) => read_custom(custom, id()),
        (None, None) => None,
    };
    let Some(call) = call else {
        let kind = kind.map(string).unwrap_or_default();
        return vec![opaque(&kind, value)];
    };
    let mut part = Part::from(PartBody::ToolUse(call));
    let signature = extra.and_then(|extra| read_signature(extra, &mut part.extras));
    for (name, value) in value.members() {
        match &*name {
            // The index says where it stands, which we see.
            "id" | "type" | "function" | "custom" | "index" | EXTRA_CONTENT => {}
            _ => part.extras.push((name.into_owned(), value.into())),
        }
    }
    let signature = signature.map(|thoughts| PartBody::Reasoning(thoughts).into());
    signature.into_iter().chain([part]).collect()
}

fn read_function(value: Raw<'_>, id: String) -> Option<ToolUse> {
    let [name, arguments] = value.pick(["name", "arguments"]);
    Some(ToolUse {
        id,
        name: name?.text()?.into_owned(),
        input: ToolInput::Json(arguments.map(argument_text).unwrap_or_default()),
        item_id: None,
    })
}

/// Arguments are a text that holds JSON; some servers write the JSON itself.
pub(in super::super) fn argument_text(value: Raw<'_>) -> String {
    value
        .text()
        .map_or_else(|| value.json().to_owned(), Into::into)
}

fn read_custom(value: Raw<'_>, id: String) -> Option<ToolUse> {
    let [name, input] = value.pick(["name", "input"]);
    Some(ToolUse {
        id,
        name: name?.text()?.into_owned(),
        input: ToolInput::Text(input.map(string).unwrap_or_default()),
        item_id: None,
    })
}
