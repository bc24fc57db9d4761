//! What a node says for itself and all below.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{ConfigError, Place, present};
use crate::hedge::{Author, Hedge, HedgeAfter, Share};
use crate::node::{Cache, CacheMode, HoldBack, Retry, Settings};

/// Portkey's documents allow five; more would only prolong what the client waits for.
const MAX_RETRIES: u64 = 5;
/// A day.
const MAX_TIMEOUT_MS: u64 = 86_400_000;
/// Some minutes of what a model writes.
const MAX_HELD_TOKENS: u64 = 10_000;
/// A minute: longer, and the client or something in between gives up.
const MAX_HELD_MS: u64 = 60_000;
/// Seconds, from Portkey's documents: a minute to 90 days.
const CACHE_AGES: (u64, u64) = (60, 7_776_000);

pub(super) fn read(
    members: &Map<String, Value>,
    place: &Place<'_>,
) -> Result<Settings, ConfigError> {
    let mut settings = Settings {
        override_params: params(members, "override_params", place)?,
        default_params: params(members, "default_params", place)?,
        custom_host: place.optional_text(members, "custom_host")?,
        on_context_length: place.optional_text(members, "on_context_length")?,
        on_content_policy: place.optional_text(members, "on_content_policy")?,
        ..Settings::default()
    };
    if let Some(value) = present(members, "drop_params") {
        settings.drop_params = place.member("drop_params").texts(value)?;
    }
    if let Some(value) = present(members, "retry") {
        settings.retry = Some(retry(value, &place.member("retry"))?);
    }
    if let Some(value) = present(members, "hedge") {
        settings.hedge = Some(hedge(value, &place.member("hedge"))?);
    }
    if let Some(value) = present(members, "request_timeout") {
        let place = place.member("request_timeout");
        let millis = place.whole(value, 1, MAX_TIMEOUT_MS)?;
        settings.request_timeout = Some(Duration::from_millis(millis));
    }
    if let Some(value) = present(members, "forward_headers") {
        settings.forward_headers = Some(place.member("forward_headers").texts(value)?);
    }
    if let Some(value) = present(members, "strict_open_ai_compliance") {
        settings.strict = Some(place.member("strict_open_ai_compliance").flag(value)?);
    }
    if let Some(value) = present(members, "recover") {
        settings.recover = Some(place.member("recover").flag(value)?);
    }
    if let Some(value) = present(members, "hold_back") {
        settings.hold_back = Some(hold_back(value, &place.member("hold_back"))?);
    }
    if let Some(value) = present(members, "cache") {
        settings.cache = Some(cache(value, &place.member("cache"))?);
    }
    Ok(settings)
}

fn params(
    members: &Map<String, Value>,
    name: &str,
    place: &Place<'_>,
) -> Result<BTreeMap<String, Value>, ConfigError> {
    let Some(value) = present(members, name) else {
        return Ok(BTreeMap::new());
    };
    let place = place.member(name);
    let params = place.object(value)?.clone();
    if let Some(model) = present(&params, "model") {
        place.member("model").text(model)?;
    }
    Ok(params.into_iter().collect())
}

fn retry(value: &Value, place: &Place<'_>) -> Result<Retry, ConfigError> {
    let members = place.object(value)?;
    only(
        members,
        // The documents have the plural, the code reads the singular.
        &[
            "attempts",
            "on_status_codes",
            "use_retry_after_header",
            "use_retry_after_headers",
        ],
        place,
    )?;
    let attempts = match present(members, "attempts") {
        Some(value) => place.member("attempts").whole(value, 0, MAX_RETRIES)?,
        None => 0,
    };
    let statuses = present(members, "on_status_codes")
        .map(|value| place.member("on_status_codes").statuses(value))
        .transpose()?;
    let mut use_retry_after = false;
    for name in ["use_retry_after_header", "use_retry_after_headers"] {
        if let Some(value) = present(members, name) {
            use_retry_after |= place.member(name).flag(value)?;
        }
    }
    Ok(Retry {
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        statuses,
        use_retry_after,
    })
}

fn hedge(value: &Value, place: &Place<'_>) -> Result<Hedge, ConfigError> {
    let members = place.object(value)?;
    only(members, &["after", "most_extra"], place)?;
    let after = present(members, "after")
        .map(|value| after(value, &place.member("after")))
        .transpose()?;
    let most_extra = present(members, "most_extra")
        .map(|value| share(value, &place.member("most_extra")))
        .transpose()?;
    Ok(Hedge {
        // Who writes the member wants it.
        after: Some(after.unwrap_or(HedgeAfter::Percentile(95))),
        most_extra,
        author: Author::Operator,
    })
}

fn after(value: &Value, place: &Place<'_>) -> Result<HedgeAfter, ConfigError> {
    let Some(text) = value.as_str() else {
        let millis = place.whole(value, 1, MAX_TIMEOUT_MS)?;
        return Ok(HedgeAfter::Time(Duration::from_millis(millis)));
    };
    HedgeAfter::parse(text).ok_or_else(|| {
        place.error(format!(
            "`{text}` is no time for it: write a percentile such as \"p95\" (p50 to p99), a number of milliseconds, or \"never\""
        ))
    })
}

fn share(value: &Value, place: &Place<'_>) -> Result<Share, ConfigError> {
    let share = value.as_f64().and_then(Share::of);
    share.ok_or_else(|| place.error("a part of the calls is needed: above 0, up to 1"))
}

fn hold_back(value: &Value, place: &Place<'_>) -> Result<HoldBack, ConfigError> {
    let members = place.object(value)?;
    only(members, &["tokens", "milliseconds"], place)?;
    let number = |name, most| {
        let value = present(members, name);
        let whole = value.map(|value| place.member(name).whole(value, 1, most));
        whole.transpose()
    };
    let tokens = number("tokens", MAX_HELD_TOKENS)?;
    let time = number("milliseconds", MAX_HELD_MS)?;
    let said = HoldBack::of(
        tokens.and_then(|tokens| u32::try_from(tokens).ok()),
        time.map(Duration::from_millis),
    );
    said.ok_or_else(|| place.error("`tokens`, `milliseconds` or both are needed"))
}

/// An object, or the mode alone.
fn cache(value: &Value, place: &Place<'_>) -> Result<Cache, ConfigError> {
    if let Some(mode) = value.as_str() {
        return Ok(Cache {
            mode: mode_of(mode, place)?,
            max_age: None,
        });
    }
    let members = place.object(value)?;
    only(members, &["mode", "max_age"], place)?;
    let mode = place.optional_text(members, "mode")?;
    let mode = mode_of(mode.as_deref().unwrap_or("simple"), &place.member("mode"))?;
    let max_age = present(members, "max_age")
        .map(|value| {
            place
                .member("max_age")
                .whole(value, CACHE_AGES.0, CACHE_AGES.1)
        })
        .transpose()?;
    Ok(Cache {
        mode,
        max_age: max_age.map(Duration::from_secs),
    })
}

fn mode_of(mode: &str, place: &Place<'_>) -> Result<CacheMode, ConfigError> {
    CacheMode::parse(mode).ok_or_else(|| {
        place.error(format!(
            "there is no cache `{mode}`; there are simple and semantic, and off for none"
        ))
    })
}

/// Refuses members that mean nothing.
pub(super) fn only(
    members: &Map<String, Value>,
    known: &[&str],
    place: &Place<'_>,
) -> Result<(), ConfigError> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(place.member(name).error(format!(
            "there is no such member; there are {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}
