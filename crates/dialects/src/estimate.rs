//! How many tokens a request takes, without the vendor's tokenizer.

mod text;

use crate::RawJson;
use crate::canonical::{
    Media, MediaSource, OutputFormat, Part, PartBody, Reasoning, Request, Tool, ToolBody,
};

/// What a message costs beside its content: its role and its boundaries.
///
/// OpenAI's formula says 3, and 3 once for the answer that is to begin (cookbook,
/// "How to count tokens with tiktoken").
const MESSAGE: u64 = 4;
/// What stands around the whole conversation.
const CONVERSATION: u64 = 3;
/// What a tool on offer costs beside its name, description and schema. OpenAI's formula says 7 to 10.
const TOOL: u64 = 10;
/// What having tools costs at all. OpenAI's formula says 12; others add more instructions.
const TOOLBOX: u64 = 12;
/// What a call or a result in the history costs beside its content.
const CALL: u64 = 8;
/// A picture. Vendors count by its size, which is not looked at here: OpenAI 765 to 1,105 for usual ones in
/// high detail (85 in low detail), Gemini 1,120 by default since Gemini 3, Anthropic up to some 1,600.
const IMAGE: u64 = 1_100;
/// A picture that is to be looked at in low detail, as at OpenAI.
const SMALL_IMAGE: u64 = 85;
/// A page of a document: Anthropic says 1,500 to 3,000.
const PAGE: u64 = 2_000;
/// Bytes of a document in base64 that make a page, a guess: some 50 kB of PDF.
const PAGE_BASE64_BYTES: usize = 65_536;
/// Bytes of a recording in base64 that make a token: 32 tokens a second (Gemini) at 16 kB a second.
const AUDIO_BASE64_BYTES: usize = 680;
/// A recording that is somewhere else: half a minute.
const AUDIO_ELSEWHERE: u64 = 1_000;
/// Bytes of encrypted text in base64 that make a token: the text itself is shorter, and a token is some four of
/// its bytes.
const SEALED_BYTES: usize = 5;

/// Estimates the input tokens of `request`, for targets that cannot be asked to count them.
///
/// No tokenizer's table is consulted; text is judged by its letters. A Latin word costs more the longer it is
/// and if it has accents; digits count in groups of three, signs and blanks by their runs, Chinese,
/// Japanese and Korean by the character, other scripts by the letter, long runs of mixed letters and digits
/// (base64, keys) by the character. Beside their text, messages take 4 tokens, tools 10, calls and results 8;
/// schemas and arguments count as their JSON. An image is 1,100 tokens (85 in low detail), a document 2,000 for
/// every 64 KiB of base64, a recording one for every 680 bytes of base64, encrypted reasoning one for
/// every five bytes.
///
/// It errs on the high side by little. Against `o200k_base`, the tokenizer of OpenAI's models since
/// GPT-4o, on texts of up to 60,000 characters:
///
/// | text | error |
/// |---|---|
/// | English prose, Markdown | 0 to +14 % |
/// | source code (Rust, Python, C, JavaScript, TypeScript) | +7 to +15 % |
/// | JSON | −2 to +12 % |
/// | tables, logs, CSS, SQL | −1 to +19 % |
/// | base64; hex and UUIDs | +6 %; +16 % |
/// | German, French, Spanish, Portuguese, Russian | +13 to +27 % |
/// | Chinese, Japanese, Korean | +4 to +18 % |
/// | Arabic, Czech, Dutch, Greek, Hebrew, Italian, Polish, Thai, Turkish, Vietnamese | −5 to +19 % |
/// | worst of 41 languages: Swahili; Armenian | −23 %; +39 % |
///
/// Llama 3's tokenizer, which resembles those of other open models, counts English, code and JSON as
/// `o200k_base` does, and many other languages some 20 % higher.
#[must_use]
pub fn estimate_tokens(request: &Request) -> u64 {
    let system = parts(&request.system);
    let turns = request.turns.iter().map(|turn| {
        let name = turn
            .name
            .as_deref()
            .map_or(0, |name| text::tokens(name) + 1);
        MESSAGE + name + parts(&turn.parts)
    });
    let around = if request.system.is_empty() {
        0
    } else {
        MESSAGE
    };
    CONVERSATION
        + around
        + system
        + turns.sum::<u64>()
        + tools(&request.tools)
        + output(&request.output)
}

fn parts(parts: &[Part]) -> u64 {
    parts.iter().map(part).sum()
}

fn part(part: &Part) -> u64 {
    match &part.body {
        PartBody::Text { text, .. } | PartBody::Refusal { text } => text::tokens(text),
        PartBody::Image(media) => image(media),
        PartBody::Audio(media) => audio(media),
        PartBody::Document(media) => document(media),
        PartBody::ToolUse(call) => {
            CALL + text::tokens(&call.name) + text::tokens(call.input.as_str())
        }
        PartBody::ToolResult(result) => {
            let object = result.object.as_ref().map_or(0, json);
            CALL + parts(&result.parts).max(object)
        }
        PartBody::Reasoning(thoughts) => reasoning(thoughts),
        PartBody::Opaque { raw, .. } => json(raw),
    }
}

fn image(media: &Media) -> u64 {
    match media.detail.as_deref() {
        Some("low") => SMALL_IMAGE,
        _ => IMAGE,
    }
}

fn audio(media: &Media) -> u64 {
    match &media.source {
        MediaSource::Base64(data) => pieces(data, AUDIO_BASE64_BYTES),
        MediaSource::Text(text) => text::tokens(text),
        MediaSource::Url(_) | MediaSource::File(_) => AUDIO_ELSEWHERE,
    }
}

fn document(media: &Media) -> u64 {
    let name = media.name.as_deref().map_or(0, text::tokens);
    name + match &media.source {
        MediaSource::Base64(data) => PAGE * pieces(data, PAGE_BASE64_BYTES),
        MediaSource::Text(text) => text::tokens(text),
        MediaSource::Url(_) | MediaSource::File(_) => PAGE,
    }
}

/// Estimates the tokens of a text alone, as [`estimate_tokens`] does.
pub(crate) fn estimate_text(text: &str) -> u64 {
    text::tokens(text)
}

/// Thoughts that are shown in summary may be there in full, but sealed.
fn reasoning(thoughts: &Reasoning) -> u64 {
    let shown = thoughts.texts.iter().map(|text| text::tokens(text)).sum();
    let sealed = thoughts.encrypted.as_deref();
    sealed.map_or(shown, |sealed| pieces(sealed, SEALED_BYTES).max(shown))
}

fn tools(tools: &[Tool]) -> u64 {
    if tools.is_empty() {
        return 0;
    }
    TOOLBOX + tools.iter().map(tool).sum::<u64>()
}

fn tool(tool: &Tool) -> u64 {
    let (name, description, schema) = match &tool.body {
        ToolBody::Function {
            name,
            description,
            schema,
            ..
        } => (name, description, schema),
        ToolBody::Custom {
            name,
            description,
            format,
        } => (name, description, format),
        ToolBody::Opaque { raw, .. } => return TOOL + json(raw),
    };
    let description = description.as_deref().map_or(0, text::tokens);
    TOOL + text::tokens(name) + description + schema.as_ref().map_or(0, json)
}

fn output(format: &OutputFormat) -> u64 {
    match format {
        OutputFormat::Text | OutputFormat::JsonObject => 0,
        OutputFormat::JsonSchema {
            name,
            description,
            schema,
            ..
        } => {
            let words = [name, description].into_iter().flatten();
            TOOL + words.map(|text| text::tokens(text)).sum::<u64>() + json(schema)
        }
    }
}

/// JSON as it stands. What providers seal in it (the `encrypted_content` of a search result) counts as sealed.
fn json(value: &RawJson) -> u64 {
    let text = value.as_str();
    let sealed = text.split('"').filter(|string| is_sealed(string));
    let too_much =
        sealed.map(|string| text::tokens(string).saturating_sub(pieces(string, SEALED_BYTES)));
    text::tokens(text).saturating_sub(too_much.sum())
}

/// Whether a string of JSON is base64 and too long to be an id.
fn is_sealed(string: &str) -> bool {
    const LONGEST_ID: usize = 256;
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    string.len() > LONGEST_ID && string.bytes().all(base64)
}

/// How many pieces of `length` bytes `text` fills, the last one perhaps in part.
fn pieces(text: &str, length: usize) -> u64 {
    u64::try_from(text.len().div_ceil(length)).unwrap_or(u64::MAX)
}
