//! How the answer is made.

use super::{To, format, reasoning};
use crate::canonical::{Field, NOTE_MARK};
use crate::json::{ListWriter, ObjectWriter};
use crate::openai_responses::request::decode::{ENCRYPTED, LOGPROBS, older_user_note};
use crate::{Dialect, Losses, RawJson, ReasoningControl};

/// Members of Chat's requests that are the same here, beside those with a field in the canonical form.
const SHARED_WITH_CHAT: [&str; 2] = ["prompt_cache_options", "moderation"];

pub(super) fn write(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let request = to.request;
    object.flag_if("parallel_tool_calls", request.parallel_tool_calls);
    sampling(object, to, losses);
    reasoning::write(object, to, losses);
    format::write(object, to, losses);
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
pub(super) fn dotted<'r>(to: &To<'r>, object: &str) -> Vec<(&'r str, &'r RawJson)> {
    let request = to.request;
    let extras = request.extras.iter().filter(|_| to.own);
    extras
        .filter_map(|(name, value)| Some((name.strip_prefix(object)?, value)))
        .collect()
}
