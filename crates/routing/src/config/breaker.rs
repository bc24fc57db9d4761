//! Portkey's circuit breakers, which are read and not followed: targets rest by this gateway's own rules.

use serde_json::{Map, Value};

use super::settings::only;
use super::{ConfigError, Place, present};

/// A day.
const MAX_COOLDOWN_MS: u64 = 86_400_000;
/// More calls than any breaker would wait for.
const MAX_COUNT: u64 = 1_000_000_000;

/// Checks a breaker in either place where one may stand, a node or its strategy.
pub(super) fn check(members: &Map<String, Value>, place: &Place<'_>) -> Result<(), ConfigError> {
    let Some(value) = present(members, "cb_config") else {
        return Ok(());
    };
    let place = place.member("cb_config");
    let members = place.object(value)?;
    only(
        members,
        &[
            "failure_threshold",
            "failure_threshold_percentage",
            "minimum_requests",
            "cooldown_interval",
            "failure_status_codes",
        ],
        &place,
    )?;
    for (name, most) in [
        ("failure_threshold", MAX_COUNT),
        ("minimum_requests", MAX_COUNT),
        ("cooldown_interval", MAX_COOLDOWN_MS),
    ] {
        if let Some(value) = present(members, name) {
            place.member(name).whole(value, 0, most)?;
        }
    }
    if let Some(value) = present(members, "failure_status_codes") {
        place.member("failure_status_codes").statuses(value)?;
    }
    percentage(members, &place)
}

fn percentage(members: &Map<String, Value>, place: &Place<'_>) -> Result<(), ConfigError> {
    let name = "failure_threshold_percentage";
    let Some(value) = present(members, name) else {
        return Ok(());
    };
    let number = value.as_f64();
    match number.is_some_and(|number| (0.0..=100.0).contains(&number)) {
        true => Ok(()),
        false => Err(place.member(name).error("a number from 0 to 100 is needed")),
    }
}
