//! How the answer is made: thinking, effort, form, and whom it is for.

use crate::RawJson;
use crate::canonical::{
    Effort, OutputFormat, ReasoningMode, ReasoningOptions, Request, ThoughtDisplay,
};
use crate::json::{Invalid, Locate, Raw};

use super::super::super::nested;
use super::super::strictness;

pub(super) fn metadata(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for (name, value) in value.want_members()? {
        match &*name {
            "user_id" => request.user = Some(value.want_string().at("user_id")?),
            _ => nested::keep_one(&mut request.extras, "metadata", &name, value),
        }
    }
    Ok(())
}

/// Reads `thinking`. Modes that only Anthropic has, such as `between_tools`, are an extra as a whole.
pub(super) fn thinking(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    let mode = match &*value.want_type()? {
        "enabled" => ReasoningMode::Enabled,
        "adaptive" => ReasoningMode::Adaptive,
        "disabled" => ReasoningMode::Disabled,
        _ => {
            request.extras.push(("thinking".to_owned(), value.into()));
            return Ok(());
        }
    };
    request.reasoning.mode = Some(mode);
    for (name, value) in value.members() {
        let options = &mut request.reasoning;
        if !thinking_option(options, &name, value).at(&name)? {
            nested::keep_one(&mut request.extras, "thinking", &name, value);
        }
    }
    Ok(())
}

/// Whether the canonical form knows the option.
fn thinking_option(
    options: &mut ReasoningOptions,
    name: &str,
    value: Raw<'_>,
) -> Result<bool, Invalid> {
    match name {
        "type" => {}
        "budget_tokens" => options.budget_tokens = Some(value.want_count()?),
        "display" => {
            options.display = match &*value.want_text()? {
                "omitted" => Some(ThoughtDisplay::Omitted),
                "summarized" => Some(ThoughtDisplay::Auto),
                _ => return Ok(false),
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) fn output_config(request: &mut Request, value: Raw<'_>) -> Result<(), Invalid> {
    for (name, value) in value.want_members()? {
        match &*name {
            "effort" => match Effort::parse(&value.want_text().at("effort")?) {
                Some(effort) => request.reasoning.effort = Some(effort),
                None => nested::keep_one(&mut request.extras, "output_config", "effort", value),
            },
            "format" => output_format(request, "output_config.format", value).at("format")?,
            _ => nested::keep_one(&mut request.extras, "output_config", &name, value),
        }
    }
    Ok(())
}

/// Reads the form of the answer, which stands under `name`. A form of an unknown type is an extra.
pub(super) fn output_format(
    request: &mut Request,
    name: &str,
    value: Raw<'_>,
) -> Result<(), Invalid> {
    if value.want_type()? != "json_schema" {
        request.extras.push((name.to_owned(), value.into()));
        return Ok(());
    }
    let schema = value.want_member("schema")?.want_object().at("schema")?;
    let strict = strictness::is_strict(schema).then_some(true);
    request.output = OutputFormat::JsonSchema {
        name: None,
        description: None,
        schema: RawJson::from(schema),
        strict,
    };
    nested::keep(&mut request.extras, name, value, &["type", "schema"]);
    Ok(())
}
