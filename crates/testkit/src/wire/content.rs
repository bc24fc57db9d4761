//! What a generated answer says, before any dialect puts it into its own form.

use serde_json::{Map, Value, json};

use super::ask::{Ask, Last};
use crate::behaviour::{Answer, Finish, TokenCounts};

/// The text when nothing else is called for.
pub(crate) const DEFAULT_TEXT: &str = "Hello from the scripted provider.";

/// Bounds on what a script can ask to be generated.
const CHUNKS_LIMIT: usize = 100_000;
const SIZE_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// What is reported for a call that asks the model to think.
const REASONING_TOKENS: u64 = 64;

/// OpenAI's caches start at this many tokens and grow in steps of `CACHE_STEP`.
const CACHE_FROM: u64 = 1024;
const CACHE_STEP: u64 = 128;

/// What a generated answer says.
#[derive(Debug)]
pub(crate) struct Content {
    /// The text, or a tool call's arguments.
    pub(crate) whole: String,
    /// Where in `whole` each streamed piece ends.
    ends: Vec<usize>,
    /// The name of the called function, if this is a tool call.
    pub(crate) tool: Option<String>,
    pub(crate) finish: Finish,
}

impl Content {
    /// What the script wants said; failing that, what the call invites.
    pub(crate) fn new(answer: &Answer, ask: &Ask<'_>) -> Self {
        let mut content = Self::scripted(answer, ask).unwrap_or_else(|| Self::invited(answer, ask));
        content.finish = answer.finish;
        content
    }

    fn scripted(answer: &Answer, ask: &Ask<'_>) -> Option<Self> {
        if let Some(text) = &answer.text {
            let rest = match ask.last() {
                Last::Assistant(begun) if answer.goes_on => text.strip_prefix(&*begun),
                _ => None,
            };
            let said = rest.unwrap_or(text).to_owned();
            return Some(Self::words(said, answer.chunks));
        }
        if let Some(size) = answer.size {
            return Some(Self::words(
                filler(size.min(SIZE_LIMIT_BYTES)),
                answer.chunks,
            ));
        }
        answer
            .chunks
            .map(|chunks| Self::repeated(chunks.min(CHUNKS_LIMIT), answer.chunk_text.as_deref()))
    }

    fn invited(answer: &Answer, ask: &Ask<'_>) -> Self {
        match ask.last() {
            Last::ToolResult(result) => Self::words(format!("The tool says: {result}"), None),
            Last::User(words) if answer.quote => Self::words(format!("You said: {words}"), None),
            Last::User(_) => ask
                .callable_tools()
                .iter()
                .find_map(function)
                .map_or_else(Self::default_text, |(name, schema)| {
                    Self::call(name, schema)
                }),
            Last::Assistant(_) | Last::Other => Self::default_text(),
        }
    }

    fn default_text() -> Self {
        Self::words(DEFAULT_TEXT.to_owned(), None)
    }

    /// A text in as many pieces as it has words, or in this many.
    fn words(whole: String, pieces: Option<usize>) -> Self {
        let ends = match pieces {
            Some(pieces) => even_ends(&whole, pieces.clamp(1, CHUNKS_LIMIT)),
            None => word_ends(&whole),
        };
        Self {
            whole,
            ends,
            tool: None,
            finish: Finish::Stop,
        }
    }

    fn repeated(pieces: usize, text: Option<&str>) -> Self {
        let (mut whole, mut ends) = (String::new(), Vec::with_capacity(pieces));
        for number in 1..=pieces {
            match text {
                Some(text) => whole.push_str(text),
                None => {
                    whole.push_str(" token");
                    whole.push_str(&number.to_string());
                }
            }
            ends.push(whole.len());
        }
        Self {
            whole,
            ends,
            tool: None,
            finish: Finish::Stop,
        }
    }

    /// A call of a function, its arguments in several pieces.
    fn call(name: &str, schema: &Value) -> Self {
        let whole = example(schema).to_string();
        let ends = even_ends(&whole, whole.len().div_ceil(5));
        Self {
            whole,
            ends,
            tool: Some(name.to_owned()),
            finish: Finish::Stop,
        }
    }

    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.whole[start..*end])
    }

    /// What the answer cost: as the script says, or derived from call and answer.
    pub(crate) fn usage(&self, answer: &Answer, ask: &Ask<'_>) -> TokenCounts {
        if let Some(usage) = answer.usage {
            return usage;
        }
        let input = ask.input_tokens();
        let cached = if input < CACHE_FROM {
            0
        } else {
            input / 2 / CACHE_STEP * CACHE_STEP
        };
        let reasoning = if ask.reasons() { REASONING_TOKENS } else { 0 };
        let output = self.ends.len() as u64 + reasoning;
        TokenCounts {
            input,
            cached,
            cache_write: 0,
            output,
            reasoning,
        }
    }
}

/// Words of this many bytes together.
fn filler(bytes: usize) -> String {
    const SENTENCE: &str = "The gateway hands on every token as it arrives and adds nothing. ";
    let mut text = SENTENCE.repeat(bytes.div_ceil(SENTENCE.len()));
    text.truncate(bytes);
    text
}

/// Ends of words, each with the spaces before it.
pub(crate) fn word_ends(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let spaces = memchr::memchr_iter(b' ', bytes);
    let inner = spaces.filter(|at| *at > 0 && bytes[at - 1] != b' ');
    inner
        .chain((!text.is_empty()).then_some(text.len()))
        .collect()
}

/// Ends of about equally long pieces, at most as many as there are characters.
fn even_ends(text: &str, pieces: usize) -> Vec<usize> {
    let mut ends: Vec<usize> = (1..=pieces)
        .map(|number| {
            let near = text.len() * number / pieces;
            (near..=text.len())
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(text.len())
        })
        .filter(|end| *end > 0)
        .collect();
    ends.dedup();
    ends
}

/// Name and parameters of a function tool in any of the dialects.
fn function(tool: &Value) -> Option<(&str, &Value)> {
    match tool["type"].as_str() {
        Some("function") if tool["function"].is_object() => Some((
            tool["function"]["name"].as_str()?,
            &tool["function"]["parameters"],
        )),
        Some("function") => Some((tool["name"].as_str()?, &tool["parameters"])),
        None | Some("custom") => {
            let schemas = ["input_schema", "parametersJsonSchema", "parameters"];
            let schema = schemas.iter().find_map(|name| tool.get(name));
            Some((tool["name"].as_str()?, schema?))
        }
        Some(_) => None,
    }
}

/// A value that fits the schema, as far as its types and required properties tell.
pub(crate) fn example(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    // Gemini writes the types in capitals.
    let kind = schema["type"].as_str().map(str::to_lowercase);
    match kind.as_deref() {
        Some("string") => json!("Paris"),
        Some("integer") => json!(1),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("array") => json!([example(&schema["items"])]),
        Some("null") => Value::Null,
        _ => {
            let names = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let properties =
                names.map(|name| (name.to_owned(), example(&schema["properties"][name])));
            Value::Object(properties.collect::<Map<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(content: &Content) -> Vec<&str> {
        content.pieces().collect()
    }

    #[test]
    fn pieces_make_up_the_whole() {
        for content in [
            Content::words(DEFAULT_TEXT.to_owned(), None),
            Content::words("  two  spaces ".to_owned(), None),
            Content::words("żółć — ünïcödé".to_owned(), Some(5)),
            Content::words("ab".to_owned(), Some(7)),
            Content::words(String::new(), None),
            Content::repeated(3, Some("x")),
            Content::words(filler(1_000), Some(30)),
        ] {
            assert_eq!(pieces(&content).concat(), content.whole);
            assert!(pieces(&content).iter().all(|piece| !piece.is_empty()));
        }
        let content = Content::words(DEFAULT_TEXT.to_owned(), None);
        assert_eq!(
            pieces(&content),
            ["Hello", " from", " the", " scripted", " provider."]
        );
        assert_eq!(pieces(&Content::repeated(2, None)), [" token1", " token2"]);
        assert_eq!(pieces(&Content::words(filler(1_000), Some(30))).len(), 30);
    }

    #[test]
    fn arguments_fit_the_schema() {
        let schema = json!({"type": "object", "required": ["city", "days", "unit", "where"], "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unused": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"]},
            "where": {"type": "object", "required": ["x"], "properties": {"x": {"type": "array", "items": {"type": "boolean"}}}},
        }});
        let content = Content::call("weather", &schema);
        let arguments: Value = serde_json::from_str(&content.whole).unwrap();
        assert_eq!(
            arguments,
            json!({"city": "Paris", "days": 1, "unit": "celsius", "where": {"x": [true]}})
        );
        assert!(pieces(&content).len() > 2);
        assert_eq!(Content::call("now", &json!({"type": "object"})).whole, "{}");
    }
}
