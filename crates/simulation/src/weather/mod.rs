//! Outages over hours: the ones that come with this library, from data files, and those that somebody writes.

mod incidents;
mod table;

use std::time::Duration;

pub use table::TableError;

use crate::outage::Outage;
use crate::upstream::Upstream;

/// How long all is well before and after what a file says.
const CALM: Duration = Duration::from_secs(600);

/// A course of outages that comes with this library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weather {
    /// Incidents of all targets, as long as published ones and ten times as often, each with 2, 10, 50 or all of 100 requests
    /// failing.
    Severity,
    /// The same as often as published: mostly nothing for days.
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
                let outages = table::read(self.file(), &upstreams).unwrap_or_default();
                until(&outages)
            }
        }
    }

    /// The outages of these upstreams within this time. What a file says of a place that nobody takes is left out.
    ///
    /// # Errors
    /// [`TableError`] never, as long as the files are well formed.
    pub fn outages(
        self,
        upstreams: &[Upstream],
        lasts: Duration,
        seed: u64,
    ) -> Result<Vec<Outage>, TableError> {
        match self {
            Self::Severity => incidents::draw(self.file(), upstreams, lasts, 0.1, seed),
            Self::Published => incidents::draw(self.file(), upstreams, lasts, 1.0, seed),
            _ => {
                let mut places = upstreams.to_vec();
                let absent = Upstream::new("absent");
                places.resize(upstreams.len().max(8), absent);
                let mut outages = table::read(self.file(), &places)?;
                outages.retain(|outage| outage.target < upstreams.len());
                Ok(outages)
            }
        }
    }
}

/// Outages as somebody wrote them, and how long they are worth looking at. `docs/simulation.md` says what may be written.
///
/// # Errors
/// [`TableError`] names line and column.
pub fn read_outages(
    text: &str,
    upstreams: &[Upstream],
) -> Result<(Vec<Outage>, Duration), TableError> {
    let outages = table::read(text, upstreams)?;
    let lasts = until(&outages);
    Ok((outages, lasts))
}

fn until(outages: &[Outage]) -> Duration {
    let last = outages.iter().map(|outage| outage.until).max();
    last.unwrap_or_default().saturating_add(CALM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<Upstream> {
        ["openai", "anthropic", "gemini"].map(Upstream::new).into()
    }

    #[test]
    fn every_one_has_outages_for_one_target_and_for_three() {
        for weather in Weather::ALL {
            let outages =
                |upstreams: &[Upstream]| weather.outages(upstreams, weather.lasts(), 1).unwrap();
            let name = weather.as_str();
            assert!(!outages(&three()).is_empty(), "{name}");
            assert!(
                outages(&three()[..1])
                    .iter()
                    .all(|outage| outage.target == 0),
                "{name}"
            );
            let ends = outages(&three())
                .iter()
                .all(|outage| outage.from < weather.lasts());
            assert!(ends, "{name}");
        }
    }

    #[test]
    fn absurd_times_harm_nothing() {
        let text = "target,start,duration,trouble\n1,500000000000y,500000000000y,cut\n";
        let (outages, lasts) = read_outages(text, &three()).unwrap();
        assert!(lasts > Duration::from_secs(1_u64 << 63));
        let mut world = crate::World::new(three());
        world.traffic.lasts = Duration::from_secs(5);
        world.outages = outages;
        assert_eq!(world.measure(1).unwrap().lost, [Duration::ZERO]);
        let never = "target,start,duration,trouble\n1,1s,9999999999999999y,cut\n";
        assert!(read_outages(never, &three()).is_err());
    }

    #[test]
    fn incidents_are_as_long_and_as_far_apart_as_published() {
        let years = Duration::from_secs(86_400 * 3_650);
        let outages = Weather::Published.outages(&three()[..1], years, 5).unwrap();
        let mut minutes: Vec<u64> = outages
            .iter()
            .map(|one| (one.until - one.from).as_secs() / 60)
            .collect();
        minutes.sort_unstable();
        let median = minutes[minutes.len() / 2];
        assert!((42..58).contains(&median), "{median}");
        // 87,600 hours, 89 and some more apart.
        assert!((600..1_150).contains(&outages.len()), "{}", outages.len());
    }
}
