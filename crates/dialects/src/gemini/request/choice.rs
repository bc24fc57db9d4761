//! `toolConfig`: whether and what the model must call.

use crate::canonical::{AllowedMode, Extras, Field, Request, ToolChoice};
use crate::json::{Invalid, Locate, ObjectWriter, Raw, Writer};
use crate::{Dialect, Losses};

use super::super::carry::{any, keep, write};
use super::super::name::{fields, items};
use super::super::written::tool_name;

const CONFIG: &str = "toolConfig";
const CALLING: &str = "toolConfig.functionCallingConfig";

pub(super) fn read(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for field in fields(value)? {
        if field.name == "functionCallingConfig" {
            calling(request, field.value).at(&field.written)?;
        } else {
            keep(&mut request.extras, CONFIG, &field);
        }
    }
    Ok(())
}

fn calling(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    let mut mode = None;
    let mut allowed = Vec::new();
    let mut extras = Vec::new();
    for field in fields(value)? {
        match &*field.name {
            "mode" => mode = Some(field.value.want_text().at("mode")?),
            "allowedFunctionNames" => allowed = names(field.value).at(&field.written)?,
            _ => keep(&mut extras, CALLING, &field),
        }
    }
    let choice = match (mode.as_deref(), allowed.is_empty()) {
        (None | Some("AUTO"), true) => ToolChoice::Auto,
        (Some("NONE"), true) => ToolChoice::None,
        (Some("ANY"), _) => any_of(allowed),
        // By its definition the model calls one of these or none.
        (Some("VALIDATED"), false) => ToolChoice::Allowed {
            mode: AllowedMode::Auto,
            names: allowed,
        },
        _ => {
            extras.clear();
            ToolChoice::Opaque {
                origin: Dialect::Gemini,
                raw: value.into(),
            }
        }
    };
    request.tool_choice = Some(choice);
    request.extras.append(&mut extras);
    Ok(())
}

fn names(list: Raw<'_>) -> Result<Vec<String>, Invalid> {
    let name = |(index, item): (usize, Raw<'_>)| item.want_string().at_index(index);
    items(list).map(name).collect()
}

fn any_of(mut names: Vec<String>) -> ToolChoice {
    match names.len() {
        0 => ToolChoice::Required,
        1 => ToolChoice::Function(names.remove(0)),
        _ => ToolChoice::Allowed {
            mode: AllowedMode::Required,
            names,
        },
    }
}

/// The `toolConfig` of a request, if there is anything to say.
pub(super) fn encode(request: &Request, losses: &mut Losses) -> Option<String> {
    let choice = request.tool_choice.as_ref();
    let choice = choice.filter(|choice| is_possible(choice, request, losses));
    let extras = &request.extras;
    let own = losses.within_one_dialect();
    let config = Writer::object(|config| {
        if let Some(ToolChoice::Opaque { raw, .. }) = choice {
            config.raw("functionCallingConfig", raw.as_str());
        } else if choice.is_some() || own && any(CALLING, extras) {
            config.object("functionCallingConfig", |calling| {
                if let Some(choice) = choice {
                    write_mode(calling, choice, own);
                }
                write_if(own, calling, CALLING, extras);
            });
        }
        write_if(own, config, CONFIG, extras);
    });
    (config != "{}").then_some(config)
}

fn write_if(own: bool, object: &mut ObjectWriter<'_>, within: &str, extras: &Extras) {
    if own {
        write(object, within, extras);
    }
}

/// Whether the choice can be sent: one of another dialect cannot, and without any function there
/// is nothing to choose from.
fn is_possible(choice: &ToolChoice, request: &Request, losses: &mut Losses) -> bool {
    let own = losses.within_one_dialect();
    let functions = request.tools.iter().any(|tool| tool.name().is_some());
    let possible = match choice {
        ToolChoice::Opaque { origin, .. } => *origin == Dialect::Gemini,
        ToolChoice::Auto | ToolChoice::None => return functions || own,
        _ => functions || own,
    };
    if !possible {
        losses.dropped(&[request.place(Field::ToolChoice)]);
    }
    possible
}

fn write_mode(calling: &mut ObjectWriter<'_>, choice: &ToolChoice, own: bool) {
    let (mode, names): (_, &[String]) = match choice {
        ToolChoice::Auto | ToolChoice::Opaque { .. } => ("AUTO", &[]),
        ToolChoice::None => ("NONE", &[]),
        ToolChoice::Required => ("ANY", &[]),
        ToolChoice::Function(name) | ToolChoice::Custom(name) => {
            ("ANY", std::slice::from_ref(name))
        }
        ToolChoice::Allowed { mode, names } => match mode {
            AllowedMode::Required => ("ANY", names),
            AllowedMode::Auto => ("VALIDATED", names),
        },
    };
    calling.text("mode", mode);
    if !names.is_empty() {
        calling.list("allowedFunctionNames", |list| {
            names
                .iter()
                .for_each(|name| list.text(&tool_name(own, name)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(calling: &str, expected: &ToolChoice) {
        let config = format!(r#"{{"functionCallingConfig":{calling}}}"#);
        let mut request = Request::new(Dialect::Gemini, "");
        read(&mut request, Raw::of_validated(&config)).expect("sound");
        assert_eq!(request.tool_choice.as_ref(), Some(expected), "{calling}");
        let mut losses = Losses::new(Dialect::Gemini, Dialect::Gemini);
        assert_eq!(encode(&request, &mut losses), Some(config));
    }

    #[test]
    fn every_mode_returns_as_it_was() {
        let names = || vec!["a".to_owned(), "b".to_owned()];
        check(r#"{"mode":"AUTO"}"#, &ToolChoice::Auto);
        check(r#"{"mode":"NONE"}"#, &ToolChoice::None);
        check(r#"{"mode":"ANY"}"#, &ToolChoice::Required);
        check(
            r#"{"mode":"ANY","allowedFunctionNames":["a"]}"#,
            &ToolChoice::Function("a".into()),
        );
        let allowed = |mode| ToolChoice::Allowed {
            mode,
            names: names(),
        };
        check(
            r#"{"mode":"ANY","allowedFunctionNames":["a","b"]}"#,
            &allowed(AllowedMode::Required),
        );
        check(
            r#"{"mode":"VALIDATED","allowedFunctionNames":["a","b"]}"#,
            &allowed(AllowedMode::Auto),
        );
        for opaque in [
            r#"{"mode":"VALIDATED"}"#,
            r#"{"mode":"NONE","allowedFunctionNames":["a"]}"#,
            r#"{"mode":"LATER","x":1}"#,
        ] {
            let raw = crate::RawJson::parse(opaque).expect("JSON");
            let origin = Dialect::Gemini;
            check(opaque, &ToolChoice::Opaque { origin, raw });
        }
    }
}
