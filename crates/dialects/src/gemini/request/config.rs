//! Reads `generationConfig`.

use crate::RawJson;
use crate::canonical::{
    Effort, OutputFormat, ReasoningMode, ReasoningOptions, Request, Sampling, ThoughtDisplay,
};
use crate::json::{Invalid, Locate, Raw};

use super::super::carry::{MIME_TYPE, RESPONSE_SCHEMA, keep, note, note_absence, noted};
use super::super::name::{Field, fields, items};
use super::super::schema::to_json_schema;

const WITHIN: &str = "generationConfig";
const JSON: &str = "application/json";

pub(super) fn read(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for field in fields(value)? {
        let taken = sampling(&mut request.sampling, &field).at(&field.written)?
            || form(request, &field).at(&field.written)?;
        if !taken {
            keep(&mut request.extras, WITHIN, &field);
        }
    }
    Ok(())
}

/// Whether the field says how tokens are drawn.
fn sampling(sampling: &mut Sampling, field: &Field<'_>) -> Result<bool, Invalid> {
    let value = field.value;
    match &*field.name {
        "temperature" => sampling.temperature = Some(value.want_number()?),
        "topP" => sampling.top_p = Some(value.want_number()?),
        "topK" => sampling.top_k = Some(value.want_count()?),
        "candidateCount" => sampling.n = Some(value.want_count()?),
        "maxOutputTokens" => sampling.max_output_tokens = Some(value.want_count()?),
        "stopSequences" => sampling.stop = texts(value)?,
        "seed" => sampling.seed = Some(value.want_integer()?),
        "presencePenalty" => sampling.presence_penalty = Some(value.want_number()?),
        "frequencyPenalty" => sampling.frequency_penalty = Some(value.want_number()?),
        "responseLogprobs" => sampling.logprobs = Some(value.want_flag()?),
        "logprobs" => sampling.top_logprobs = Some(value.want_count()?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn texts(list: Raw<'_>) -> Result<Vec<String>, Invalid> {
    let text = |(index, item): (usize, Raw<'_>)| item.want_string().at_index(index);
    items(list).map(text).collect()
}

/// Whether the field says what form the answer has, or how much thought goes into it.
fn form(request: &mut Request, field: &Field<'_>) -> Result<bool, Invalid> {
    let value = field.value;
    match &*field.name {
        "thinkingConfig" => thinking(request, value)?,
        "responseMimeType" => mime_type(request, &value.want_text()?, field),
        "responseSchema" => {
            note(&mut request.extras, RESPONSE_SCHEMA, value.into());
            request.output = json_schema(to_json_schema(value));
        }
        "responseJsonSchema" => request.output = json_schema(value.into()),
        _ => return Ok(false),
    }
    Ok(true)
}

const fn json_schema(schema: RawJson) -> OutputFormat {
    OutputFormat::JsonSchema {
        name: None,
        description: None,
        schema,
        strict: None,
    }
}

fn mime_type(request: &mut Request, mime_type: &str, field: &Field<'_>) {
    match mime_type {
        JSON if request.output == OutputFormat::Text => request.output = OutputFormat::JsonObject,
        JSON => {}
        "text/plain" => note(&mut request.extras, MIME_TYPE, field.value.into()),
        // Such as `text/x.enum`.
        _ => keep(&mut request.extras, WITHIN, field),
    }
    if mime_type == JSON {
        note(&mut request.extras, MIME_TYPE, field.value.into());
    }
}

/// A schema counts without its media type, too, but returns without it.
pub(super) fn settle(request: &mut Request) {
    let schema = matches!(request.output, OutputFormat::JsonSchema { .. });
    if schema && noted(&request.extras, MIME_TYPE).is_none() {
        note_absence(&mut request.extras, MIME_TYPE);
    }
}

fn thinking(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for field in fields(value)? {
        let written = &field.written;
        match &*field.name {
            "includeThoughts" => {
                let shown = field.value.want_flag().at(written)?;
                request.reasoning.display = Some(display(shown));
            }
            "thinkingBudget" => {
                budget(
                    &mut request.reasoning,
                    field.value.want_integer().at(written)?,
                );
            }
            "thinkingLevel" => {
                request.reasoning.effort =
                    level(&field.value.want_text().at(written)?).at(written)?;
            }
            _ => keep(
                &mut request.extras,
                "generationConfig.thinkingConfig",
                &field,
            ),
        }
    }
    Ok(())
}

const fn display(shown: bool) -> ThoughtDisplay {
    if shown {
        ThoughtDisplay::Auto
    } else {
        ThoughtDisplay::Omitted
    }
}

/// 0 is not at all, -1 is as the model finds the question.
fn budget(reasoning: &mut ReasoningOptions, tokens: i64) {
    match u64::try_from(tokens) {
        Ok(0) => reasoning.mode = Some(ReasoningMode::Disabled),
        Ok(tokens) => {
            reasoning.mode = Some(ReasoningMode::Enabled);
            reasoning.budget_tokens = Some(tokens);
        }
        Err(_) => reasoning.mode = Some(ReasoningMode::Adaptive),
    }
}

fn level(word: &str) -> Result<Option<Effort>, Invalid> {
    let effort = Effort::parse(&word.to_ascii_lowercase());
    let known = |effort: &Effort| (Effort::Minimal..=Effort::XHigh).contains(effort);
    match effort.filter(known) {
        None if word.eq_ignore_ascii_case("THINKING_LEVEL_UNSPECIFIED") => Ok(None),
        None => Err(Invalid::here(format!(
            "is `{word}`; make it MINIMAL, LOW, MEDIUM, HIGH or XHIGH"
        ))),
        effort => Ok(effort),
    }
}
