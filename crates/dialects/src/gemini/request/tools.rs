//! Reads the tools.

use crate::Dialect;
use crate::RawJson;
use crate::canonical::{Place, Tool, ToolBody};
use crate::json::{Invalid, Locate, Raw, Writer};

use super::super::carry::{PARAMETERS, keep, note};
use super::super::name::{Field, fields, items};
use super::super::schema::to_json_schema;

/// A list of objects, each with any number of functions and of tools that run at Google.
pub(super) fn read(list: Raw<'_>) -> Result<Vec<Tool>, Invalid> {
    let mut tools = Vec::new();
    for (index, item) in items(list) {
        read_object(index, item, &mut tools).at_index(index)?;
    }
    Ok(tools)
}

fn read_object(index: usize, object: Raw<'_>, tools: &mut Vec<Tool>) -> Result<(), Invalid> {
    for field in fields(object)? {
        if field.name != "functionDeclarations" {
            tools.push(hosted(index, &field));
            continue;
        }
        for (inner, item) in items(field.value) {
            let at = place(index, inner);
            let tool = function(item, at).at_index(inner).at(&field.written)?;
            tools.push(tool);
        }
    }
    Ok(())
}

/// A place has one index; nearly all clients write all functions into one object.
fn place(index: usize, inner: usize) -> Place {
    match index {
        0 => Place::item("tools[0].functionDeclarations", inner),
        1 => Place::item("tools[1].functionDeclarations", inner),
        2 => Place::item("tools[2].functionDeclarations", inner),
        3 => Place::item("tools[3].functionDeclarations", inner),
        _ => Place::item("tools", index),
    }
}

/// `googleSearch`, `codeExecution`, `urlContext` and others, each as an object of its own.
fn hosted(index: usize, field: &Field<'_>) -> Tool {
    let raw = Writer::object(|object| object.raw(&field.written, field.value.json()));
    let body = ToolBody::Opaque {
        origin: Dialect::Gemini,
        kind: field.name.clone().into_owned(),
        raw: RawJson::of_written(raw),
    };
    Tool::new(body, Place::item("tools", index))
}

fn function(value: Raw<'_>, at: Place) -> Result<Tool, Invalid> {
    let mut name = None;
    let mut description = None;
    let mut schema = None;
    let mut extras = Vec::new();
    for field in fields(value)? {
        let (written, value) = (&field.written, field.value);
        match &*field.name {
            "name" => name = Some(value.want_string().at(written)?),
            "description" => description = Some(value.want_string().at(written)?),
            "parametersJsonSchema" => schema = Some(an_object(value).at(written)?.into()),
            "parameters" => {
                schema = Some(to_json_schema(an_object(value).at(written)?));
                note(&mut extras, PARAMETERS, value.into());
            }
            _ => keep(&mut extras, "", &field),
        }
    }
    let name = name.ok_or_else(|| Invalid::here("is missing")).at("name")?;
    let body = ToolBody::Function {
        name,
        description,
        schema,
        strict: None,
    };
    let mut tool = Tool::new(body, at);
    tool.extras = extras;
    Ok(tool)
}

fn an_object(value: Raw<'_>) -> Result<Raw<'_>, Invalid> {
    value.want_members().map(|_| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::path;

    #[test]
    fn functions_and_hosted_tools_may_share_an_object() {
        let tools = read(Raw::of_validated(
            r#"[{"google_search":{},"function_declarations":[{"name":"a"},{"name":"b"}]},{"urlContext":{}}]"#,
        ))
        .expect("sound tools");
        let seen: Vec<String> = tools
            .iter()
            .map(|tool| match &tool.body {
                ToolBody::Function { name, .. } => format!("{} {name}", path(&[tool.at])),
                ToolBody::Opaque { kind, raw, .. } => format!("{} {kind} {raw}", path(&[tool.at])),
                ToolBody::Custom { .. } => String::new(),
            })
            .collect();
        assert_eq!(
            seen,
            [
                r#"tools[0] googleSearch {"google_search":{}}"#,
                "tools[0].functionDeclarations[0] a",
                "tools[0].functionDeclarations[1] b",
                r#"tools[1] urlContext {"urlContext":{}}"#,
            ]
        );
    }

    #[test]
    fn the_path_leads_to_the_mistake() {
        let error = read(Raw::of_validated(
            r#"[{"functionDeclarations":[{"name":"a","parameters":"none"}]}]"#,
        ));
        assert_eq!(
            crate::BodyError::from(error.expect_err("unsound tools")).to_string(),
            "`[0].functionDeclarations[0].parameters` is a string; make it an object"
        );
    }
}
