//! How the answer is made.

use super::To;
use crate::canonical::{
    Effort, Field, NOTE_MARK, OutputFormat, ReasoningMode, ReasoningOptions, ThoughtDisplay,
};
use crate::json::{ListWriter, ObjectWriter, Raw};
use crate::openai_responses::request::decode::{ENCRYPTED, LOGPROBS, older_user_note};
use crate::structured_output::{JSON_OBJECT, schema_instructions};
use crate::{Dialect, Losses, RawJson, ReasoningControl};

/// Members of Chat's requests that are the same here, beside those with a field in the canonical form.
const SHARED_WITH_CHAT: [&str; 2] = ["prompt_cache_options", "moderation"];

pub(super) fn write(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let request = to.request;
    object.flag_if("parallel_tool_calls", request.parallel_tool_calls);
    sampling(object, to, losses);
    reasoning(object, to, losses);
    text(object, to, losses);
    include(object, to);
    state(object, to);
    openai_fields(object, to, losses);
    service_tier(object, to, losses);
    object.raw_if("metadata", request.metadata.as_ref());
    if request.stream {
        object.flag("stream", true);
    }
    extras(object, to, losses);
}

fn sampling(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let sampling = &to.request.sampling;
    object.count_if("max_output_tokens", max_output_tokens(to, losses));
    if to.profile.sampling {
        object.number_if("temperature", sampling.temperature);
        object.number_if("top_p", sampling.top_p);
        object.count_if("top_logprobs", sampling.top_logprobs);
    }
    let taken = to.profile.sampling;
    for (field, lost) in [
        (Field::Temperature, sampling.temperature.is_some() && !taken),
        (Field::TopP, sampling.top_p.is_some() && !taken),
        (
            Field::TopLogprobs,
            sampling.top_logprobs.is_some() && !taken,
        ),
        (Field::TopK, sampling.top_k.is_some()),
        (Field::Seed, sampling.seed.is_some()),
        (
            Field::FrequencyPenalty,
            sampling.frequency_penalty.is_some(),
        ),
        (Field::PresencePenalty, sampling.presence_penalty.is_some()),
        (Field::LogitBias, sampling.logit_bias.is_some()),
    ] {
        if lost {
            to.dropped(field, losses);
        }
    }
}

/// OpenAI refuses less than 16 here (`protocols`, section 6).
fn max_output_tokens(to: &To<'_>, losses: &mut Losses) -> Option<u64> {
    const LEAST: u64 = 16;
    let wanted = to.request.sampling.max_output_tokens?;
    if to.own || wanted >= LEAST {
        return Some(wanted);
    }
    to.approximated(Field::MaxOutputTokens, losses);
    Some(LEAST)
}

fn reasoning(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let options = &to.request.reasoning;
    if to.profile.reasoning == ReasoningControl::None {
        return no_reasoning(options, to, losses);
    }
    let effort = effort(options, to, losses);
    let summary = summary(options, to);
    let rest = dotted(to, "reasoning.");
    if effort.is_some() || summary.is_some() || !rest.is_empty() {
        object.object("reasoning", |object| {
            object.text_if("effort", effort.map(Effort::as_str));
            object.text_if("summary", summary);
            for (name, value) in rest {
                object.raw(name, value.as_str());
            }
        });
    }
}

/// For models that do not think.
fn no_reasoning(options: &ReasoningOptions, to: &To<'_>, losses: &mut Losses) {
    for (field, lost) in [
        (Field::Effort, options.effort.is_some()),
        (Field::ThinkingBudget, options.budget_tokens.is_some()),
        (Field::ThoughtDisplay, options.display.is_some()),
        (Field::ReasoningMode, options.mode.is_some()),
    ] {
        if lost {
            to.dropped(field, losses);
        }
    }
    for (name, _) in dotted(to, "reasoning.") {
        losses.add(format!("reasoning.{name}"), crate::LossKind::Dropped);
    }
}

fn effort(options: &ReasoningOptions, to: &To<'_>, losses: &mut Losses) -> Option<Effort> {
    let off = options.mode == Some(ReasoningMode::Disabled);
    match (options.effort, options.budget_tokens) {
        (effort, None) => effort.or_else(|| off.then_some(Effort::None)),
        (Some(effort), Some(_)) => {
            to.dropped(Field::ThinkingBudget, losses);
            Some(effort)
        }
        (None, Some(budget)) => {
            to.approximated(Field::ThinkingBudget, losses);
            Some(Effort::of_budget(budget))
        }
    }
}

fn summary(options: &ReasoningOptions, to: &To<'_>) -> Option<&'static str> {
    match options.display {
        Some(ThoughtDisplay::Auto) => Some("auto"),
        Some(ThoughtDisplay::Concise) => Some("concise"),
        Some(ThoughtDisplay::Detailed) => Some("detailed"),
        // Nothing is shown unless it is asked for.
        Some(ThoughtDisplay::Omitted) => None,
        None => shown_by_default(options, to).then_some("auto"),
    }
}

/// Claude shows its thoughts wherever thinking is asked for.
fn shown_by_default(options: &ReasoningOptions, to: &To<'_>) -> bool {
    let thinks = matches!(
        options.mode,
        Some(ReasoningMode::Enabled | ReasoningMode::Adaptive)
    );
    thinks && to.request.origin == Dialect::AnthropicMessages
}

fn text(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let verbosity = to.request.verbosity;
    let rest = dotted(to, "text.");
    let plain = to.request.output == OutputFormat::Text
        && rest.iter().all(|(name, _)| !name.starts_with("format."));
    if plain && verbosity.is_none() && rest.is_empty() {
        return;
    }
    object.object("text", |object| {
        if !plain {
            object.object("format", |object| format(object, to, losses));
        }
        object.text_if("verbosity", verbosity.map(|verbosity| verbosity.as_str()));
        for (name, value) in rest {
            if !name.starts_with("format.") {
                object.raw(name, value.as_str());
            }
        }
    });
}

fn format(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    match &to.request.output {
        OutputFormat::Text => object.text("type", "text"),
        // No object: only words can ask for it.
        OutputFormat::JsonSchema { schema, .. } if !is_object(schema) && !takes(schema, to) => {
            object.text("type", "text");
        }
        OutputFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } if takes(schema, to) => {
            object.text("type", "json_schema");
            if name.is_none() {
                losses.defaulted("text.format.name");
            }
            object.text("name", name.as_deref().unwrap_or("answer"));
            object.text_if("description", description.as_deref());
            object.raw("schema", schema.as_str());
            object.flag_if("strict", *strict);
        }
        OutputFormat::JsonObject | OutputFormat::JsonSchema { .. } => {
            object.text("type", "json_object");
        }
    }
    for (name, value) in dotted(to, "text.format.") {
        object.raw(name, value.as_str());
    }
}

/// What the model must be told in words about the form of its answer: the schema, where the target cannot be
/// held to one, and that it be JSON at all, which OpenAI wants some message to say and Gemini does not.
pub(super) fn form_in_words(to: &To<'_>, losses: &mut Losses) -> Option<String> {
    let words = match &to.request.output {
        OutputFormat::JsonSchema {
            schema,
            description,
            ..
        } if !takes(schema, to) => schema_instructions(schema, description.as_deref()),
        OutputFormat::JsonObject if to.request.origin == Dialect::Gemini => JSON_OBJECT.to_owned(),
        _ => return None,
    };
    to.approximated(Field::OutputFormat, losses);
    Some(words)
}

/// Whether the answer can be held to this schema: OpenAI takes objects only.
fn takes(schema: &RawJson, to: &To<'_>) -> bool {
    to.profile.json_schema && (to.own || is_object(schema))
}

/// Whether what follows this schema is an object, as far as it says.
fn is_object(schema: &RawJson) -> bool {
    let kind = schema.raw().member("type").and_then(Raw::text);
    kind.is_none_or(|kind| kind == "object")
}

fn include(object: &mut ObjectWriter<'_>, to: &To<'_>) {
    let request = to.request;
    let thinks = to.profile.reasoning != ReasoningControl::None;
    // Models that do not think refuse to be asked for encrypted thoughts.
    let encrypted = request.reasoning.encrypted || (!to.own && thinks);
    let logprobs = request.sampling.logprobs == Some(true);
    super::list_if(object, "include", |list| {
        own_includes(list, to);
        if encrypted {
            list.text(ENCRYPTED);
        }
        if logprobs {
            list.text(LOGPROBS);
        }
    });
}

fn own_includes(list: &mut ListWriter<'_>, to: &To<'_>) {
    let rest = to
        .request
        .extras
        .iter()
        .filter(|(name, _)| to.own && name == "include");
    for item in rest.flat_map(|(_, value)| value.raw().items()) {
        list.raw(item.json());
    }
}

fn state(object: &mut ObjectWriter<'_>, to: &To<'_>) {
    let state = &to.request.state;
    object.text_if("previous_response_id", state.previous.as_deref());
    object.raw_if("conversation", state.conversation.as_ref());
    let kept_elsewhere = if to.own { None } else { Some(false) };
    object.flag_if("store", state.store.or(kept_elsewhere));
}

/// Fields of OpenAI's own service, which not every server of this dialect knows.
fn openai_fields(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let request = to.request;
    if request.cache.whole.is_some() {
        to.dropped(Field::CacheMark, losses);
    }
    let fields = [
        (
            "prompt_cache_key",
            Field::CacheKey,
            request.cache.key.clone(),
        ),
        (
            "prompt_cache_retention",
            Field::CacheRetention,
            request.cache.retention.clone(),
        ),
        (user_name(to), Field::User, user(to, losses)),
    ];
    for (name, field, value) in fields {
        match value {
            Some(value) if to.profile.openai_fields => object.text(name, &value),
            Some(_) => to.dropped(field, losses),
            None => {}
        }
    }
}

fn user_name(to: &To<'_>) -> &'static str {
    let note = older_user_note();
    let older = to.own && to.request.extras.iter().any(|(name, _)| *name == note);
    if older { "user" } else { "safety_identifier" }
}

/// OpenAI takes at most 128 characters (openai-python, `response_create_params.py`); Claude Code sends more.
fn user(to: &To<'_>, losses: &mut Losses) -> Option<String> {
    const LONGEST: usize = 128;
    let user = to.request.user.as_deref()?;
    let sent = super::item::shortened(user, LONGEST).filter(|_| !to.own);
    if sent.is_some() {
        to.approximated(Field::User, losses);
    }
    Some(sent.unwrap_or_else(|| user.to_owned()))
}

fn service_tier(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let Some(tier) = to.request.service_tier.as_deref() else {
        return;
    };
    let word = match to.request.origin {
        Dialect::AnthropicMessages => match tier {
            "auto" => Some("auto"),
            "standard_only" => Some("default"),
            _ => None,
        },
        Dialect::Gemini => match tier
            .to_ascii_lowercase()
            .trim_start_matches("service_tier_")
        {
            "standard" => Some("default"),
            "flex" => Some("flex"),
            "priority" => Some("priority"),
            _ => None,
        },
        _ => Some(tier),
    };
    match word {
        Some(word) => object.text("service_tier", word),
        None => to.dropped(Field::ServiceTier, losses),
    }
}

/// The other members of the request. Dotted names and `include` have been written where they belong.
fn extras(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let extras = &to.request.extras;
    let placed = |name: &str| {
        name == "include"
            || name.starts_with("reasoning.")
            || name.starts_with("text.")
            || name.starts_with(NOTE_MARK)
    };
    if to.own {
        let plain = extras.iter().filter(|(name, _)| !placed(name));
        for (name, value) in plain {
            object.raw(name, value.as_str());
        }
        return;
    }
    let shared = |name: &str| to.openai() && SHARED_WITH_CHAT.contains(&name);
    let (kept, lost): (Vec<_>, Vec<_>) = extras.iter().cloned().partition(|(name, _)| shared(name));
    object.extras(&kept);
    losses.dropped_extras(&[], &lost);
}

/// Extras of an object within the request: their names in it, and their values.
fn dotted<'r>(to: &To<'r>, object: &str) -> Vec<(&'r str, &'r RawJson)> {
    let request = to.request;
    let extras = request.extras.iter().filter(|_| to.own);
    extras
        .filter_map(|(name, value)| Some((name.strip_prefix(object)?, value)))
        .collect()
}
