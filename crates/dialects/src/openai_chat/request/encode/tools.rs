//! Tools and the choice among them.

use super::super::super::inner;
use super::super::super::tool_calls::has_old_functions;
use super::calls::target_name;
use super::{Scope, below};
use crate::canonical::{AllowedMode, Field, Tool, ToolBody, ToolChoice};
use crate::json::{ListWriter, ObjectWriter, Writer};
use crate::{Dialect, Losses, RawJson};

/// Writes `tools`, `tool_choice` and `parallel_tool_calls`, or what they were called before.
pub(super) fn write(body: &mut ObjectWriter<'_>, scope: &Scope<'_>, losses: &mut Losses) {
    let tools: Vec<&Tool> = scope
        .request
        .tools
        .iter()
        .filter(|tool| is_written(scope, tool, losses))
        .collect();
    let (old, new): (Vec<&Tool>, Vec<&Tool>) =
        tools.iter().partition(|tool| scope.own && is_old(tool));
    if !old.is_empty() {
        body.list("functions", |list| {
            for tool in old {
                list.object(|object| write_function(object, scope, tool, ""));
            }
        });
    }
    if !new.is_empty() {
        body.list("tools", |list| {
            new.iter()
                .for_each(|tool| write_tool(list, scope, tool, losses));
        });
    }
    if tools.is_empty() && !scope.own {
        drop_choice(scope, losses);
        return;
    }
    if let Some(choice) = &scope.request.tool_choice {
        write_choice(body, scope, choice, losses);
    }
    // The old functions imply it.
    if !has_old_functions(scope.request) {
        body.flag_if("parallel_tool_calls", scope.request.parallel_tool_calls);
    }
}

fn is_old(tool: &Tool) -> bool {
    tool.at.member == "functions"
}

/// Whether the tool exists for the target: it is no other dialect's own, and not ruled out by the choice.
fn is_written(scope: &Scope<'_>, tool: &Tool, losses: &mut Losses) -> bool {
    if matches!(&tool.body, ToolBody::Opaque { origin, .. } if *origin != Dialect::OpenAiChat) {
        losses.dropped(&[tool.at]);
        return false;
    }
    match allowed_by_list(scope) {
        Some((_, names)) => tool
            .name()
            .is_none_or(|name| names.iter().any(|allowed| allowed == name)),
        None => true,
    }
}

/// The tools allowed by a choice that a compatible server does not know, so that the list must say it.
fn allowed_by_list<'a>(scope: &Scope<'a>) -> Option<(AllowedMode, &'a [String])> {
    match &scope.request.tool_choice {
        Some(ToolChoice::Allowed { mode, names }) if !scope.profile.openai_fields => {
            Some((*mode, names))
        }
        _ => None,
    }
}

fn drop_choice(scope: &Scope<'_>, losses: &mut Losses) {
    if scope.request.tool_choice.is_some() {
        losses.dropped(&[scope.request.place(Field::ToolChoice)]);
    }
    if scope.request.parallel_tool_calls.is_some() {
        losses.dropped(&[scope.request.place(Field::ParallelToolCalls)]);
    }
}

fn write_tool(list: &mut ListWriter<'_>, scope: &Scope<'_>, tool: &Tool, losses: &mut Losses) {
    if let ToolBody::Opaque { raw, .. } = &tool.body {
        list.raw(raw.as_str());
        return;
    }
    let custom = matches!(tool.body, ToolBody::Custom { .. });
    note_losses(scope, tool, losses);
    list.object(|object| {
        if custom && scope.profile.custom_tools {
            object.text("type", "custom");
            object.object("custom", |custom| write_custom(custom, scope, tool));
        } else {
            object.text("type", "function");
            object.object("function", |function| {
                write_function(function, scope, tool, "function");
            });
        }
        if scope.own {
            write_mark(object, tool);
            inner::write_outer(object, &tool.extras, &["function", "custom"]);
        }
    });
}

fn note_losses(scope: &Scope<'_>, tool: &Tool, losses: &mut Losses) {
    let custom = matches!(tool.body, ToolBody::Custom { .. });
    if custom && !scope.profile.custom_tools {
        losses.approximated(&[tool.at]);
    }
    if !scope.own {
        losses.dropped_extras(&[tool.at], &tool.extras);
        if tool.cache.is_some() {
            let name = Field::CacheMark.path(scope.request.origin);
            losses.dropped(&below(&[tool.at], name));
        }
    }
}

/// No vendor's types let a tool carry a mark in Chat, but `LiteLLM`'s clients send Anthropic's.
fn write_mark(object: &mut ObjectWriter<'_>, tool: &Tool) {
    if let Some(mark) = &tool.cache {
        object.object("cache_control", |control| {
            control.text("type", "ephemeral");
            control.text_if("ttl", mark.ttl.as_deref());
        });
    }
}

/// Writes a function, or the one that stands for a custom tool. `inner` is the object whose extras are its own.
fn write_function(object: &mut ObjectWriter<'_>, scope: &Scope<'_>, tool: &Tool, inner: &str) {
    match &tool.body {
        ToolBody::Function {
            name,
            description,
            schema,
            strict,
        } => {
            object.text("name", &target_name(scope, name));
            object.text_if("description", description.as_deref());
            object.raw_if("parameters", schema.as_ref());
            object.flag_if("strict", *strict);
        }
        ToolBody::Custom {
            name,
            description,
            format,
        } => write_stand_in(
            object,
            &target_name(scope, name),
            description.as_deref(),
            format.as_ref(),
        ),
        ToolBody::Opaque { .. } => {}
    }
    if scope.own && inner.is_empty() {
        inner::write_outer(object, &tool.extras, &[]);
    } else if scope.own {
        inner::write(object, &tool.extras, inner);
    }
}

/// A function with one text for a custom tool. The grammar that its text must follow is told in words.
fn write_stand_in(
    object: &mut ObjectWriter<'_>,
    name: &str,
    description: Option<&str>,
    format: Option<&RawJson>,
) {
    object.text("name", name);
    let grammar = format.and_then(grammar_in_words);
    let told: Vec<&str> = [description, grammar.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if !told.is_empty() {
        object.text("description", &told.join("\n\n"));
    }
    object.raw(
        "parameters",
        r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"#,
    );
}

fn grammar_in_words(format: &RawJson) -> Option<String> {
    let [syntax, definition] = format.raw().pick(["syntax", "definition"]);
    let (syntax, definition) = (syntax?.text()?, definition?.text()?);
    Some(format!(
        "`input` must follow this {syntax} grammar:\n{definition}"
    ))
}

fn write_custom(object: &mut ObjectWriter<'_>, scope: &Scope<'_>, tool: &Tool) {
    let ToolBody::Custom {
        name,
        description,
        format,
    } = &tool.body
    else {
        return;
    };
    object.text("name", &target_name(scope, name));
    object.text_if("description", description.as_deref());
    if let Some(format) = format {
        object.raw("format", &framed_format(format));
    }
    if scope.own {
        inner::write(object, &tool.extras, "custom");
    }
}

/// Chat frames a grammar once more than Responses.
fn framed_format(format: &RawJson) -> String {
    let is_grammar = format
        .raw()
        .member("type")
        .and_then(crate::json::Raw::text)
        .is_some_and(|kind| kind == "grammar");
    if !is_grammar {
        return format.as_str().to_owned();
    }
    Writer::object(|framed| {
        framed.text("type", "grammar");
        framed.object("grammar", |grammar| {
            let members = format.raw().members();
            for (name, value) in members.filter(|(name, _)| name != "type") {
                grammar.raw(&name, value.json());
            }
        });
    })
}

fn write_choice(
    body: &mut ObjectWriter<'_>,
    scope: &Scope<'_>,
    choice: &ToolChoice,
    losses: &mut Losses,
) {
    let old = has_old_functions(scope.request);
    let member = if old { "function_call" } else { "tool_choice" };
    match choice {
        ToolChoice::Auto => body.text(member, "auto"),
        ToolChoice::None => body.text(member, "none"),
        ToolChoice::Required => body.text(member, "required"),
        ToolChoice::Function(name) if old => body.object(member, |choice| {
            choice.text("name", name);
        }),
        ToolChoice::Function(name) | ToolChoice::Custom(name) => {
            body.object(member, |choice| write_named(choice, scope, name));
        }
        ToolChoice::Allowed { mode, names } => write_allowed(body, scope, *mode, names, losses),
        ToolChoice::Opaque { origin, raw } if *origin == Dialect::OpenAiChat => {
            body.raw(member, raw.as_str());
        }
        ToolChoice::Opaque { .. } => losses.dropped(&[scope.request.place(Field::ToolChoice)]),
    }
}

fn write_named(object: &mut ObjectWriter<'_>, scope: &Scope<'_>, name: &str) {
    let custom =
        |tool: &Tool| matches!(&tool.body, ToolBody::Custom { name: found, .. } if found == name);
    let is_custom = scope.profile.custom_tools && scope.request.tools.iter().any(custom);
    let kind = if is_custom { "custom" } else { "function" };
    object.text("type", kind);
    object.object(kind, |inner| inner.text("name", &target_name(scope, name)));
}

fn write_allowed(
    body: &mut ObjectWriter<'_>,
    scope: &Scope<'_>,
    mode: AllowedMode,
    names: &[String],
    losses: &mut Losses,
) {
    let mode = match mode {
        AllowedMode::Auto => "auto",
        AllowedMode::Required => "required",
    };
    if allowed_by_list(scope).is_some() {
        losses.approximated(&[scope.request.place(Field::ToolChoice)]);
        body.text("tool_choice", mode);
        return;
    }
    body.object("tool_choice", |choice| {
        choice.text("type", "allowed_tools");
        choice.object("allowed_tools", |allowed| {
            allowed.text("mode", mode);
            allowed.list("tools", |list| {
                for name in names {
                    list.object(|tool| write_named(tool, scope, name));
                }
            });
        });
    });
}
