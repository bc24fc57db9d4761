//! Outages over hours: the ones that come with this library, from data files, and those that somebody writes.

mod incidents;
mod lines;
mod service;
mod table;
#[cfg(test)]
mod tests;
mod ties;

use std::time::Duration;

use incidents::Order;
pub(crate) use incidents::providers;
pub use lines::TableError;
use service::Severities;

use crate::outage::Outage;
use crate::upstream::Upstream;

/// How long all is well before and after what a file says.
const CALM: Duration = Duration::from_secs(600);

/// A course of outages that comes with this library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weather {
    /// Incidents of all providers, as long as published ones and ten times as often, together as often as published, each with
    /// 2, 10, 50 or all of 100 requests failing.
    Severity,
    /// As often as published, and as severe as status pages mark them: mostly nothing for days.
    Published,
    /// `scenarios/one-out.csv`
    OneOut,
    /// `scenarios/hang.csv`
    Hang,
    /// `scenarios/errors.csv`
    Errors,
    /// `scenarios/rate-limits.csv`
    RateLimits,
    /// `scenarios/region.csv`
    Region,
    /// `scenarios/brown-out.csv`
    BrownOut,
    /// `scenarios/pages.csv`
    Pages,
    /// `scenarios/broken-streams.csv`
    BrokenStreams,
}

impl Weather {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Severity,
        Self::Published,
        Self::OneOut,
        Self::Hang,
        Self::Errors,
        Self::RateLimits,
        Self::Region,
        Self::BrownOut,
        Self::Pages,
        Self::BrokenStreams,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Published => "published",
            Self::OneOut => "one-out",
            Self::Hang => "hang",
            Self::Errors => "errors",
            Self::RateLimits => "rate-limits",
            Self::Region => "region",
            Self::BrownOut => "brown-out",
            Self::Pages => "pages",
            Self::BrokenStreams => "broken-streams",
        }
    }

    /// The file it is read from, with what it stands for and where that comes from.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Severity | Self::Published => include_str!("../../scenarios/incidents.csv"),
            Self::OneOut => include_str!("../../scenarios/one-out.csv"),
            Self::Hang => include_str!("../../scenarios/hang.csv"),
            Self::Errors => include_str!("../../scenarios/errors.csv"),
            Self::RateLimits => include_str!("../../scenarios/rate-limits.csv"),
            Self::Region => include_str!("../../scenarios/region.csv"),
            Self::BrownOut => include_str!("../../scenarios/brown-out.csv"),
            Self::Pages => include_str!("../../scenarios/pages.csv"),
            Self::BrokenStreams => include_str!("../../scenarios/broken-streams.csv"),
        }
    }

    /// How long it is worth looking at: a day, a month, or until some time after the last outage.
    #[must_use]
    pub fn lasts(self) -> Duration {
        const DAY: Duration = Duration::from_secs(86_400);
        match self {
            Self::Severity => DAY,
            Self::Published => DAY * 30,
            _ => {
                // Enough targets for any of the files.
                let upstreams = vec![Upstream::new("any"); 8];
                let outages = table::read(self.file(), &upstreams, 0).unwrap_or_default();
                until(&outages)
            }
        }
    }

    /// Whether it is drawn, so that it can be said how often providers are out together.
    #[must_use]
    pub const fn is_drawn(self) -> bool {
        matches!(self, Self::Severity | Self::Published)
    }

    /// The outages of these upstreams within this time. What a file says of a place that nobody takes is left out. `together`
    /// is how many times as long as by chance two providers are out at once, where that is drawn: `None` for what was published.
    ///
    /// # Errors
    /// [`WeatherError`] if they cannot be out together so often, or if they are not drawn and it is said nevertheless.
    pub fn outages(
        self,
        upstreams: &[Upstream],
        lasts: Duration,
        seed: u64,
        together: Option<f64>,
    ) -> Result<Vec<Outage>, WeatherError> {
        let order = |gaps, severities| Order {
            lasts,
            gaps,
            severities,
            together,
            seed,
        };
        match self {
            Self::Severity => {
                incidents::draw(self.file(), upstreams, order(0.1, Severities::Alike))
            }
            Self::Published => {
                incidents::draw(self.file(), upstreams, order(1.0, Severities::Marked))
            }
            _ if together.is_some() => Err(WeatherError::NotDrawn(self.as_str())),
            _ => {
                let mut places = upstreams.to_vec();
                let absent = Upstream::new("absent");
                places.resize(upstreams.len().max(8), absent);
                let mut outages = table::read(self.file(), &places, seed)?;
                outages.retain(|outage| outage.target < upstreams.len());
                Ok(outages)
            }
        }
    }
}

/// Why there can be no such outages.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeatherError {
    /// A file is no table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Two providers cannot be out together so often, with as many incidents as they have.
    #[error("providers cannot be out together {factor} times as long as by chance; write less")]
    Together {
        /// How often it was to be.
        factor: f64,
    },
    /// The times of the course are written down.
    #[error("the outages of {0} are not drawn: whether they come together is written in it")]
    NotDrawn(&'static str),
}

/// Outages as somebody wrote them, and how long they are worth looking at. `docs/simulation.md` says what may be written. The
/// seed decides which others are hit where only a chance of it is written.
///
/// # Errors
/// [`TableError`] names line and column.
pub fn read_outages(
    text: &str,
    upstreams: &[Upstream],
    seed: u64,
) -> Result<(Vec<Outage>, Duration), TableError> {
    let outages = table::read(text, upstreams, seed)?;
    let lasts = until(&outages);
    Ok((outages, lasts))
}

fn until(outages: &[Outage]) -> Duration {
    let last = outages.iter().map(|outage| outage.until).max();
    last.unwrap_or_default().saturating_add(CALM)
}
