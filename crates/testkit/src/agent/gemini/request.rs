//! The fields of a Gemini request and their rules (Google's API reference; refusals as seen from
//! its API).

use serde_json::{Value, json};

use super::content;
use crate::agent::asked::{Asked, Choice, Thoughts, Tool};
use crate::agent::spot::{Refusal, Spot};
use crate::request::Request;
use crate::wire::Generate;

const FIELDS: [&str; 10] = [
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
];

const GENERATION: [&str; 19] = [
    "candidateCount",
    "frequencyPenalty",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
    "imageConfig",
];

/// Members of a schema in Google's own form; `parametersJsonSchema` takes any.
const SCHEMA: [&str; 21] = [
    "anyOf",
    "default",
    "description",
    "enum",
    "example",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "propertyOrdering",
    "required",
    "title",
];

/// Reads a request.
pub(in crate::agent) fn read(
    root: &Spot<'_>,
    request: &Request,
    generate: Generate,
) -> Result<Asked, Refusal> {
    root.only(&FIELDS)?;
    let mut asked = Asked {
        model: request.model().unwrap_or_default().into_owned(),
        stream: generate == Generate::Stream && request.head.query.contains("alt=sse"),
        parallel: true,
        ..Asked::default()
    };
    let empty = json!({});
    let none = Spot::root(&empty);
    generation(&root.get("generationConfig").unwrap_or(none), &mut asked)?;
    tools(root, &mut asked)?;
    if let Some(system) = root.get("systemInstruction") {
        content::system(&system)?;
    }
    content::conversation(root, &mut asked)?;
    Ok(asked)
}

fn generation(config: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    config.only(&GENERATION)?;
    config.within("temperature", 0.0, 2.0)?;
    config.within("topP", 0.0, 1.0)?;
    config.at_least("maxOutputTokens", 1)?;
    let one = config.at_least("candidateCount", 1)?.unwrap_or(1) == 1;
    config.must(one, "the scripted model gives one candidate")?;
    let stops = config.list("stopSequences")?;
    config.must(stops.len() <= 5, "has more than 5 stopSequences")?;
    asked.thoughts = thinking(config)?;
    asked.schema = response_schema(config)?;
    Ok(())
}

fn thinking(config: &Spot<'_>) -> Result<Thoughts, Refusal> {
    let Some(thinking) = config.get("thinkingConfig") else {
        return Ok(Thoughts::None);
    };
    thinking.only(&["includeThoughts", "thinkingBudget", "thinkingLevel"])?;
    let both = thinking.get("thinkingBudget").is_some() && thinking.get("thinkingLevel").is_some();
    thinking.must(!both, "thinkingBudget and thinkingLevel exclude each other")?;
    thinking.if_one_of(
        "thinkingLevel",
        &["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"],
    )?;
    Ok(match thinking.flag("includeThoughts")? {
        Some(true) => Thoughts::Told,
        _ => Thoughts::Counted,
    })
}

fn response_schema(config: &Spot<'_>) -> Result<Option<Value>, Refusal> {
    let json = config.get_text("responseMimeType")? == Some("application/json");
    let (own, standard) = (
        config.get("responseSchema"),
        config.get("responseJsonSchema"),
    );
    let both = own.is_some() && standard.is_some();
    config.must(
        !both,
        "responseSchema and responseJsonSchema exclude each other",
    )?;
    if let Some(own) = &own {
        googles(own)?;
    }
    let Some(schema) = own.or(standard) else {
        return Ok(json.then(|| json!({"type": "object"})));
    };
    schema.must(json, "needs responseMimeType application/json")?;
    Ok(Some(schema.value.clone()))
}

/// A schema in Google's own form.
fn googles(schema: &Spot<'_>) -> Result<(), Refusal> {
    schema.only(&[&SCHEMA[..], &["type"]].concat())?;
    if let Some(properties) = schema.get("properties") {
        for name in properties.object()?.keys() {
            googles(&properties.want(name)?)?;
        }
    }
    match schema.get("items") {
        Some(items) => googles(&items),
        None => Ok(()),
    }
}

fn tools(root: &Spot<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    for tool in root.list("tools")? {
        let declarations = tool.list("functionDeclarations")?;
        for declaration in &declarations {
            asked.tools.push(function(declaration)?);
        }
        let empty = tool.get("functionDeclarations").is_some() && declarations.is_empty();
        tool.must(!empty, "functionDeclarations must not be empty")?;
    }
    asked.names_are_unique(root)?;
    let Some(config) = root.get("toolConfig") else {
        return Ok(());
    };
    config.only(&["functionCallingConfig"])?;
    let calling = config.want("functionCallingConfig")?;
    calling.only(&["mode", "allowedFunctionNames"])?;
    asked.choice = choice(&calling)?;
    asked.choice_exists(&calling)
}

fn choice(calling: &Spot<'_>) -> Result<Choice, Refusal> {
    let mode = calling.if_one_of("mode", &["AUTO", "ANY", "NONE", "VALIDATED"])?;
    let allowed = calling.list("allowedFunctionNames")?;
    let forced = matches!(mode, Some("ANY" | "VALIDATED"));
    calling.must(
        allowed.is_empty() || forced,
        "allowedFunctionNames need the mode ANY or VALIDATED",
    )?;
    Ok(match (mode, allowed.as_slice()) {
        (Some("NONE"), _) => Choice::Never,
        (_, [one]) => Choice::Only(one.text()?.to_owned()),
        (Some("ANY"), _) => Choice::Must,
        _ => Choice::Free,
    })
}

fn function(declaration: &Spot<'_>) -> Result<Tool, Refusal> {
    declaration.only(&[
        "name",
        "description",
        "parameters",
        "parametersJsonSchema",
        "response",
        "responseJsonSchema",
        "behavior",
    ])?;
    let name = declaration.identifier("name", 64)?.to_owned();
    let first = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    declaration.must(first, "name must begin with a letter or _")?;
    declaration.get_text("description")?;
    let own = declaration.get("parameters");
    let standard = declaration.get("parametersJsonSchema");
    let both = own.is_some() && standard.is_some();
    declaration.must(
        !both,
        "parameters and parametersJsonSchema exclude each other",
    )?;
    if let Some(own) = &own {
        googles(own)?;
        let bare = own.value["type"] == "OBJECT" && own.get("properties").is_none();
        own.must(!bare, "an OBJECT must have properties")?;
    }
    let schema = own.or(standard);
    let schema = schema.map_or(Value::Null, |schema| schema.value.clone());
    Ok(Tool { name, schema })
}
