//! Writes `generationConfig`.

use crate::canonical::{Field, OutputFormat, Place, Request, Sampling};
use crate::json::{ObjectWriter, Writer, json_string};
use crate::{Inexpressible, Losses, RawJson, Target};

use super::super::carry::{MIME_TYPE, RESPONSE_SCHEMA, noted, write};
use super::super::lost::Lost;
use super::thinking;

/// The most stop sequences, and the most candidates, that the API takes.
const MAX_STOPS: usize = 5;
const MAX_CANDIDATES: u64 = 8;

/// The object, if there is anything to say.
pub(super) fn encode(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Option<String>, Inexpressible> {
    check(request)?;
    let own = losses.within_one_dialect();
    let config = Writer::object(|config| {
        sampling(config, &request.sampling, losses);
        form(config, request, losses);
        let thinking = thinking::encode(request, target, losses);
        if let Some(thinking) = thinking {
            config.raw("thinkingConfig", &thinking);
        }
        if own {
            write(config, "generationConfig", &request.extras);
        }
    });
    Ok((config != "{}").then_some(config))
}

fn check(request: &Request) -> Result<(), Inexpressible> {
    let sampling = &request.sampling;
    let name = |field: Field| field.path(request.origin);
    if sampling.stop.len() > MAX_STOPS {
        let problem = format!(
            "has more than the {MAX_STOPS} texts that this model's provider takes; remove some"
        );
        return Err(Inexpressible::new(name(Field::Stop), problem));
    }
    if sampling.n.is_some_and(|n| n > MAX_CANDIDATES) {
        let problem = format!(
            "asks for more than the {MAX_CANDIDATES} answers that this model's provider gives; ask for fewer"
        );
        return Err(Inexpressible::new(name(Field::Candidates), problem));
    }
    Ok(())
}

fn sampling(config: &mut ObjectWriter<'_>, sampling: &Sampling, losses: &mut Losses) {
    config.number_if("temperature", sampling.temperature);
    config.number_if("topP", sampling.top_p);
    config.count_if("topK", sampling.top_k);
    config.count_if("candidateCount", sampling.n);
    config.count_if("maxOutputTokens", sampling.max_output_tokens);
    if !sampling.stop.is_empty() {
        config.list("stopSequences", |list| {
            sampling.stop.iter().for_each(|text| list.text(text));
        });
    }
    config.integer_if("seed", sampling.seed.map(|seed| of_32_bits(seed, losses)));
    config.number_if("presencePenalty", sampling.presence_penalty);
    config.number_if("frequencyPenalty", sampling.frequency_penalty);
    config.flag_if("responseLogprobs", sampling.logprobs);
    config.count_if("logprobs", sampling.top_logprobs);
    if sampling.logit_bias.is_some() {
        losses.dropped(&[Place::member(Field::LogitBias.path(losses.from()))]);
    }
}

/// A seed means nothing but that the same one gives the same answer.
fn of_32_bits(seed: i64, losses: &mut Losses) -> i64 {
    if i32::try_from(seed).is_ok() {
        return seed;
    }
    losses.approximated(&[Place::member(Field::Seed.path(losses.from()))]);
    seed.rem_euclid(1 << 31)
}

fn form(config: &mut ObjectWriter<'_>, request: &Request, losses: &mut Losses) {
    let given = noted(&request.extras, MIME_TYPE);
    match (given, &request.output) {
        (Some(given), _) if given.as_str() == "null" => {}
        (Some(given), _) => config.raw("responseMimeType", given.as_str()),
        (None, OutputFormat::Text) => {}
        (None, _) => config.text("responseMimeType", "application/json"),
    }
    let OutputFormat::JsonSchema {
        description,
        schema,
        ..
    } = &request.output
    else {
        return;
    };
    match (noted(&request.extras, RESPONSE_SCHEMA), description) {
        (Some(schema), _) => config.raw("responseSchema", schema.as_str()),
        (None, None) => config.raw("responseJsonSchema", schema.as_str()),
        (None, Some(description)) => {
            let described = described(schema, description).unwrap_or_else(|| {
                losses.dropped(&[Lost::FormatDescription.at(losses.from())]);
                schema.as_str().to_owned()
            });
            config.raw("responseJsonSchema", &described);
        }
    }
}

/// The schema with its description in it; `None` if it has another one.
fn described(schema: &RawJson, description: &str) -> Option<String> {
    if schema.raw().member("description").is_some() {
        return None;
    }
    let rest = schema.as_str().strip_prefix('{')?;
    let comma = if rest.trim_ascii_start() == "}" {
        ""
    } else {
        ","
    };
    let description = json_string(description);
    Some(format!("{{\"description\":{description}{comma}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_finds_its_place_in_the_schema() {
        let of = |schema: &str| described(&RawJson::parse(schema).expect("JSON"), "so \"it\" is");
        let written = of(r#"{"type":"object","default":null}"#);
        assert_eq!(
            written.as_deref(),
            Some(r#"{"description":"so \"it\" is","type":"object","default":null}"#)
        );
        assert_eq!(
            of("{ }").as_deref(),
            Some(r#"{"description":"so \"it\" is" }"#)
        );
        assert_eq!(of(r#"{"description":"else"}"#), None);
        assert_eq!(of("true"), None);
    }
}
