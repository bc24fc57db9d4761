//! How a provider stands, by its keys, by real traffic and by the last probe.

use std::time::Duration;

use orchestra_gateway::{Gateway, KeyReport, KeyStanding, Member, ProviderCheck, TargetReport};
use orchestra_types::ProviderId;

use super::probes::Probe;
use super::tally::Tally;
use crate::portkey::is_portkey;

/// One word for how something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing is wrong.
    Healthy,
    /// Some of it works.
    Degraded,
    /// Nothing works.
    Unhealthy,
}

impl Status {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Healthy if all are, unhealthy if all are or there are none, else degraded.
    #[must_use]
    pub fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        let merge = |one, other| if one == other { one } else { Self::Degraded };
        all.into_iter().reduce(merge).unwrap_or(Self::Unhealthy)
    }
}

/// A provider's keys, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct KeyCount {
    pub(crate) count: usize,
    pub(crate) benched: usize,
}

/// How a provider stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) provider: ProviderId,
    pub(crate) label: String,
    pub(crate) is_portkey: bool,
    pub(crate) status: Status,
    /// What is wrong, in plain words.
    pub(crate) reasons: Vec<String>,
    pub(crate) key_standing: KeyStanding,
    pub(crate) keys: KeyCount,
    /// How each of its keys fares.
    pub(crate) key_reports: Vec<KeyReport>,
    pub(crate) total: Tally,
    pub(crate) targets: Vec<TargetReport>,
    pub(crate) probe: Option<Probe>,
}

impl Standing {
    /// All providers, each with what its last probe told.
    pub(crate) fn all(
        gateway: &Gateway,
        probe: impl Fn(&ProviderId) -> Option<Probe>,
    ) -> Vec<Self> {
        let now = gateway.now();
        let providers = gateway.providers();
        let members = providers.members();
        members
            .map(|member| Self::of(member, probe(member.provider.id()), now))
            .collect()
    }

    pub(crate) fn of(member: &Member, probe: Option<Probe>, now: Duration) -> Self {
        let targets = member.target_reports(now);
        let reports = member.key_reports(now);
        let benched = reports.iter().filter(|key| key.benched_for.is_some());
        let mut standing = Self {
            provider: member.provider.id().clone(),
            label: member.provider.label().to_owned(),
            is_portkey: is_portkey(&member.provider),
            status: Status::Healthy,
            reasons: Vec::new(),
            key_standing: member.key_standing(),
            keys: KeyCount {
                count: reports.len(),
                benched: benched.count(),
            },
            key_reports: reports,
            total: Tally::of(&targets, now),
            targets,
            probe,
        };
        standing.judge();
        standing
    }

    /// Whether the last that was heard from it, by a probe or by a real call, was good.
    pub(crate) fn answers(&self) -> bool {
        let real = self.total.last_success.max(self.total.last_failure);
        match &self.probe {
            Some(Probe {
                check: ProviderCheck::Working { .. },
                at,
            }) if Some(*at) >= real => true,
            Some(Probe {
                check: ProviderCheck::Failing { .. },
                at,
            }) if Some(*at) >= real => false,
            _ => self.total.well_since().is_some(),
        }
    }

    pub(super) fn judge(&mut self) {
        self.judge_keys();
        self.judge_probe();
        self.judge_traffic();
    }

    fn finds(&mut self, status: Status, reason: String) {
        self.reasons.push(reason);
        if status == Status::Unhealthy || self.status == Status::Healthy {
            self.status = status;
        }
    }

    fn judge_keys(&mut self) {
        let KeyCount { count, benched } = self.keys;
        match &self.key_standing {
            KeyStanding::NotNeeded => {}
            KeyStanding::Sealed => {
                let reason = "its key is in the secret store, which is sealed";
                self.finds(Status::Unhealthy, reason.to_owned());
            }
            KeyStanding::Missing { reason } => {
                let reason = format!("it has no key: {reason}");
                self.finds(Status::Unhealthy, reason);
            }
            KeyStanding::Ready if benched == 0 => {}
            KeyStanding::Ready => {
                let status = if benched == count {
                    Status::Unhealthy
                } else {
                    Status::Degraded
                };
                self.finds(status, format!("it refused {benched} of its {count} keys"));
            }
        }
    }

    /// A probe counts until a real call has gone well.
    fn judge_probe(&mut self) {
        let Some(probe) = &self.probe else {
            return;
        };
        if let ProviderCheck::Failing { reason } = &probe.check
            && self.total.last_success < Some(probe.at)
        {
            let reason = format!("asked for its models: {reason}");
            self.finds(Status::Unhealthy, reason);
        }
    }

    fn judge_traffic(&mut self) {
        let Tally {
            recent,
            out,
            probing,
            reason,
            ..
        } = self.total;
        if out > 0 {
            let word = reason.map_or("failing", |reason| reason.as_str());
            let status = if out == recent {
                Status::Unhealthy
            } else {
                Status::Degraded
            };
            self.finds(
                status,
                format!("{out} of {recent} models in use are left alone: {word}"),
            );
        }
        if probing > 0 {
            self.finds(
                Status::Degraded,
                format!("{probing} of {recent} models in use failed, and the next call shows whether they are back"),
            );
        }
    }
}
