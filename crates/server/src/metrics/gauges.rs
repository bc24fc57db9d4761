//! Numbers that are looked up when they are asked for.

use std::time::Duration;

use orchestra_gateway::CallLoad;

use super::text::{Kind, Text};
use crate::connection::Load;
use crate::health::{Standing, Status};

/// How the providers stand, by what is known without asking them.
pub(super) fn providers(text: &mut Text, standings: &[Standing]) {
    let mut family = |name, help, value: &dyn Fn(&Standing) -> f64| {
        text.family(name, Kind::Gauge, help);
        for standing in standings {
            let labels = [("provider", standing.provider.as_str())];
            text.sample(name, &labels, value(standing));
        }
    };
    family(
        "orchestra_provider_up",
        "1 for a provider that can be called, wholly or in part; 0 for one that is out.",
        &|standing| f64::from(u8::from(standing.status != Status::Unhealthy)),
    );
    family(
        "orchestra_provider_in_flight",
        "Attempts on their way to a provider.",
        &|standing| f64::from(standing.total.in_flight),
    );
    family(
        "orchestra_provider_waiting",
        "Calls that wait for a place at a provider; who waits at several counts at each.",
        &|standing| f64::from(u32::try_from(standing.total.waiting).unwrap_or(u32::MAX)),
    );
    let name = "orchestra_provider_breakers";
    text.family(
        name,
        Kind::Gauge,
        "Breakers of a provider's models, one for each model and key, by state.",
    );
    for standing in standings {
        let breakers = standing.total.breakers;
        for (state, count) in [
            ("closed", breakers.closed),
            ("open", breakers.open),
            ("half_open", breakers.half_open),
        ] {
            let labels = [("provider", standing.provider.as_str()), ("state", state)];
            text.sample(name, &labels, count);
        }
    }
    let name = "orchestra_provider_keys";
    text.family(name, Kind::Gauge, "Keys of a provider, by state.");
    for standing in standings {
        for (state, count) in [
            ("ready", standing.keys.count - standing.keys.benched),
            ("benched", standing.keys.benched),
        ] {
            let labels = [("provider", standing.provider.as_str()), ("state", state)];
            text.sample(name, &labels, count);
        }
    }
}

/// What the server has open.
pub(super) fn load(text: &mut Text, load: &Load) {
    let name = "orchestra_connections";
    text.family(name, Kind::Gauge, "Clients' connections that are open.");
    text.sample(name, &[], load.connections());
    let name = "orchestra_reserve_connections";
    let help = "Those of them that are beyond the bound, for health, metrics and operators alone.";
    text.family(name, Kind::Gauge, help);
    text.sample(name, &[], load.reserve());
    let name = "orchestra_connections_refused_total";
    let help = "Connections that were turned away because there was no room.";
    text.family(name, Kind::Counter, help);
    text.sample(name, &[], load.all_turned_away());
    let name = "orchestra_requests_in_flight";
    text.family(
        name,
        Kind::Gauge,
        "Clients' requests that are being answered, this one among them.",
    );
    text.sample(name, &[], load.requests());
}

/// What the gateway has in hand.
pub(super) fn calls(text: &mut Text, load: CallLoad) {
    let name = "orchestra_calls_in_flight";
    let help = "Calls that are being served, those that wait at a provider among them.";
    text.family(name, Kind::Gauge, help);
    text.sample(name, &[], load.calls);
    let name = "orchestra_calls_waiting";
    let help = "Calls that wait because the gateway serves as many as it may.";
    text.family(name, Kind::Gauge, help);
    text.sample(name, &[], load.waiting);
}

/// The process.
pub(super) fn process(text: &mut Text, uptime: Duration, started_unix: Duration) {
    let name = "orchestra_build_info";
    text.family(name, Kind::Gauge, "1, with the version as a label.");
    text.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let name = "orchestra_uptime_seconds";
    text.family(name, Kind::Gauge, "Since the server was started.");
    text.sample(name, &[], uptime.as_secs_f64());
    let name = "process_start_time_seconds";
    text.family(
        name,
        Kind::Gauge,
        "When the server was started, since 1970.",
    );
    text.sample(name, &[], started_unix.as_secs_f64());
}
