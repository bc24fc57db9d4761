//! Writes the tools.

use crate::Dialect;
use crate::Losses;
use crate::canonical::{Request, Tool, ToolBody};
use crate::json::{ListWriter, ObjectWriter, Writer};

use super::super::carry::{PARAMETERS, noted, write};
use super::super::lost::{Lost, mark_of_tool};
use super::super::written::tool_name;

/// The argument of a function that stands for a custom tool.
const INPUT_SCHEMA: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

/// The list of tools, if any is left: neighbouring functions share an object, the others have one each.
pub(super) fn encode(request: &Request, losses: &mut Losses) -> Option<String> {
    let mut objects = Vec::new();
    let mut functions = Vec::new();
    for tool in &request.tools {
        lose_what_is_beside(tool, losses);
        match &tool.body {
            ToolBody::Opaque { origin, raw, .. } if *origin == Dialect::Gemini => {
                close(&mut functions, &mut objects);
                objects.push(raw.as_str().to_owned());
            }
            ToolBody::Opaque { .. } => losses.dropped(&[tool.at]),
            ToolBody::Function { .. } | ToolBody::Custom { .. } => {
                functions.push(function(tool, losses));
            }
        }
    }
    close(&mut functions, &mut objects);
    let list = |list: &mut ListWriter<'_>| objects.iter().for_each(|object| list.raw(object));
    (!objects.is_empty()).then(|| Writer::list(list))
}

fn close(functions: &mut Vec<String>, objects: &mut Vec<String>) {
    let functions = std::mem::take(functions);
    if !functions.is_empty() {
        objects.push(Writer::object(|object| {
            object.list("functionDeclarations", |list| {
                functions.iter().for_each(|function| list.raw(function));
            });
        }));
    }
}

fn lose_what_is_beside(tool: &Tool, losses: &mut Losses) {
    if losses.within_one_dialect() {
        return;
    }
    losses.dropped_extras(&[tool.at], &tool.extras);
    if tool.cache.is_some() {
        losses.dropped(&mark_of_tool(tool.at, losses.from()));
    }
}

fn function(tool: &Tool, losses: &mut Losses) -> String {
    Writer::object(|object| match &tool.body {
        ToolBody::Function {
            name,
            description,
            schema,
            strict,
        } => {
            object.text("name", &tool_name(losses.within_one_dialect(), name));
            object.text_if("description", description.as_deref());
            match noted(&tool.extras, PARAMETERS) {
                Some(parameters) => object.raw("parameters", parameters.as_str()),
                None => object.raw_if("parametersJsonSchema", schema.as_ref()),
            }
            if *strict == Some(true) {
                losses.dropped(&[tool.at, Lost::Strict.at(losses.from())]);
            }
            if losses.within_one_dialect() {
                write(object, "", &tool.extras);
            }
        }
        ToolBody::Custom {
            name,
            description,
            format,
        } => {
            losses.approximated(&[tool.at]);
            if format.is_some() {
                losses.dropped(&[tool.at, Lost::Grammar.at(losses.from())]);
            }
            custom(object, name, description.as_deref());
        }
        ToolBody::Opaque { .. } => {}
    })
}

fn custom(object: &mut ObjectWriter<'_>, name: &str, description: Option<&str>) {
    object.text("name", &tool_name(false, name));
    object.text_if("description", description);
    object.raw("parametersJsonSchema", INPUT_SCHEMA);
}
