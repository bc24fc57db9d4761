//! Kinds of worlds. Each seed makes another one of its kind.

mod busy;
mod streams;

use std::time::Duration;

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::upstream::Upstream;
use crate::world::{Route, World};

/// A kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// All is well, but for a request in 500 that fails.
    Calm,
    /// One of three upstreams is in trouble for a while, in any way and of any severity.
    OneOut,
    /// Several outages of several upstreams, overlapping or not.
    Chaos,
    /// Streams that break in every way, and clients that leave.
    BrokenStreams,
    /// The same, and other targets go on with what broke.
    GoneOn,
    /// More calls than the upstreams can serve, and an outage of one or both on top.
    Crowd,
    /// A tree of strategies over upstreams in trouble.
    Tree,
    /// One of three upstreams is slow at times, another one is in trouble for a while, and a second one is asked for some calls
    /// while the first is slow.
    Hedged,
    /// One upstream that fails most of many calls, no other to go to, and a gateway that may ask again eight times.
    Storm,
    /// Three upstreams with an incident each, as long and as severe as those that providers publish, in a hundredth of the time.
    ///
    /// Lengths: log-normal, in minutes, by the incident reports of the APIs of OpenAI (mu 3.90, sigma 1.34) and Anthropic (3.64,
    /// 1.40) from 2023-07 to 2024-08, fitted to the data behind Chu et al., ICPE 2025 (arXiv 2501.12469). Severities: 2, 10, 50
    /// or all of 100 requests fail. They overlap more often than the published ones.
    Severity,
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Scenario {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Calm,
        Self::OneOut,
        Self::Chaos,
        Self::BrokenStreams,
        Self::GoneOn,
        Self::Crowd,
        Self::Tree,
        Self::Hedged,
        Self::Storm,
        Self::Severity,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::OneOut => "one-out",
            Self::Chaos => "chaos",
            Self::BrokenStreams => "broken-streams",
            Self::GoneOn => "gone-on",
            Self::Crowd => "crowd",
            Self::Tree => "tree",
            Self::Hedged => "hedged",
            Self::Storm => "storm",
            Self::Severity => "severity",
        }
    }

    /// The world that this seed makes.
    #[must_use]
    pub fn world(self, seed: u64) -> World {
        let dice = Dice::new(seed, 2);
        match self {
            Self::Calm => three(0.002),
            Self::OneOut => one_out(&dice),
            Self::Chaos => chaos(&dice),
            Self::BrokenStreams => streams::broken_streams(&dice),
            Self::GoneOn => streams::gone_on(&dice),
            Self::Crowd => busy::crowd(&dice),
            Self::Tree => tree(&dice),
            Self::Hedged => busy::hedged(&dice),
            Self::Storm => busy::storm(&dice),
            Self::Severity => severity(&dice),
        }
    }
}

/// Three upstreams that fail on this share of the requests on a good day.
fn three(stumbles: f64) -> World {
    let upstreams = ["one", "two", "three"].map(|name| Upstream {
        stumbles,
        ..Upstream::new(name)
    });
    World::new(upstreams.into())
}

fn any_trouble(dice: &Dice) -> Trouble {
    let retry_after = dice.chance(0.5).then(|| dice.seconds(1, 40));
    *dice.pick(&[
        Trouble::Refused,
        Trouble::Reset,
        Trouble::Hang,
        Trouble::Status(500),
        Trouble::Status(503),
        Trouble::Status(529),
        Trouble::Status(401),
        Trouble::RateLimited { retry_after },
        Trouble::Cut,
        Trouble::Stall,
        Trouble::NoEnd,
        Trouble::Drip { gap: secs(4) },
        Trouble::Slow { times: 10.0 },
        Trouble::Page,
    ])
}

fn any_share(dice: &Dice) -> f64 {
    // The severities of status pages: a few, some, half, all.
    *dice.pick(&[0.02, 0.1, 0.5, 1.0, 1.0])
}

fn any_outage(dice: &Dice, targets: u32) -> Outage {
    let from = dice.seconds(10, 60);
    Outage {
        target: usize::try_from(dice.between(0, targets - 1)).unwrap_or(0),
        from,
        until: from + dice.seconds(5, 60),
        share: any_share(dice),
        trouble: any_trouble(dice),
    }
}

fn one_out(dice: &Dice) -> World {
    let outage = Outage {
        from: secs(40),
        until: secs(40) + dice.seconds(5, 60),
        ..any_outage(dice, 3)
    };
    let mut world = three(0.0);
    world.traffic.lasts = outage.until + secs(121);
    world.outages.push(outage);
    world
}

fn chaos(dice: &Dice) -> World {
    let mut world = three(0.002);
    let outages = dice.between(2, 6);
    world.outages = (0..outages).map(|_| any_outage(dice, 3)).collect();
    world.traffic.leaving = 0.1;
    world
}

fn tree(dice: &Dice) -> World {
    let mut world = three(0.002);
    let mode = *dice.pick(&["fallback", "loadbalance", "least_latency"]);
    world.route = Route::Tree(strategy(mode, dice));
    world.outages = vec![any_outage(dice, 3), any_outage(dice, 3)];
    world
}

/// A strategy over all three, two of them perhaps below another one.
fn strategy(mode: &str, dice: &Dice) -> Value {
    let target = |name: &str| json!({ "provider": name, "model": "m" });
    let mut targets = vec![target("one"), target("two"), target("three")];
    if dice.chance(0.5) {
        let below = targets.split_off(1);
        targets.push(json!({ "strategy": { "mode": "fallback" }, "targets": below }));
    }
    if dice.chance(0.3) {
        targets[0]["retry"] = json!({ "attempts": dice.between(1, 2) });
    }
    json!({ "strategy": { "mode": mode }, "targets": targets })
}

fn severity(dice: &Dice) -> World {
    let mut world = three(0.002);
    // exp(mu) minutes, in a hundredth of the time.
    let fits = [(0, 49.4, 1.34), (1, 38.1, 1.40), (2, 38.1, 1.40)];
    world.outages = fits
        .map(|(target, minutes, sigma)| {
            let from = dice.seconds(10, 60);
            let length = dice.latency(Duration::from_secs_f64(minutes * 0.6), sigma);
            Outage {
                target,
                from,
                until: from + length.min(secs(180)),
                share: *dice.pick(&[0.02, 0.1, 0.5, 1.0]),
                trouble: *dice.pick(&[
                    Trouble::Refused,
                    Trouble::Hang,
                    Trouble::Status(500),
                    Trouble::Status(529),
                ]),
            }
        })
        .into();
    world.traffic.lasts = secs(150);
    world
}
