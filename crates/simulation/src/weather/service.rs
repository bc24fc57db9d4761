//! What was published of a service's incidents.

use std::time::Duration;

use super::lines::{Lines, TableError};
use crate::dice::Dice;

/// What share of the requests fails in an incident. Nobody publishes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severities {
    /// 2, 10, 50 or all of 100, alike: harsher than anything that is published.
    Alike,
    /// By what status pages mark: all in a full outage, three tenths in a partial one, as they count it; else two in 100.
    Marked,
}

/// The share in an incident with no outage marked.
const UNMARKED: f64 = 0.02;
/// The share in a partial outage: what status pages count it for.
const PARTIAL: f64 = 0.3;

#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    gap_median: f64,
    gap_mean: f64,
    length_median: f64,
    length_sigma: f64,
    longest: f64,
    /// Shares of the time of its incidents in which an outage is marked, in part and in full.
    partial: f64,
    full: f64,
    /// How many times as long as by chance it is out together with another one.
    pub(super) together: f64,
}

const COLUMNS: [&str; 10] = [
    "service",
    "gap_median_hours",
    "gap_mean_hours",
    "length_median_minutes",
    "length_sigma",
    "longest_hours",
    "incident_percent",
    "outage_percent",
    "weighted_percent",
    "together",
];

pub(super) fn services(text: &str) -> Result<Vec<Service>, TableError> {
    let lines = Lines::read(text, &COLUMNS, &COLUMNS)?;
    lines
        .rows
        .iter()
        .map(|row| {
            let number = |column| row.parse(column, |text| text.parse::<f64>().ok(), "a number");
            let (incident, outage) = (number("incident_percent")?, number("outage_percent")?);
            // What is lost if parts count for less than the whole tells how much of the time they are.
            let lost = outage - number("weighted_percent")?;
            let partial = (lost / (1.0 - PARTIAL)).min(outage);
            Ok(Service {
                name: row.text("service").to_owned(),
                gap_median: number("gap_median_hours")?,
                gap_mean: number("gap_mean_hours")?,
                length_median: number("length_median_minutes")?,
                length_sigma: number("length_sigma")?,
                longest: number("longest_hours")?,
                partial: partial / incident,
                full: (outage - partial) / incident,
                together: number("together")?,
            })
        })
        .collect()
}

impl Service {
    /// From an incident's end to the next one's beginning. Log-normal, as lengths are: the mean is far above the median, since
    /// incidents come in bursts.
    pub(super) fn gap(&self, dice: &Dice) -> Duration {
        let sigma = (2.0 * (self.gap_mean / self.gap_median).ln())
            .max(0.0)
            .sqrt();
        dice.latency(hours(self.gap_median), sigma)
    }

    pub(super) fn length(&self, dice: &Dice) -> Duration {
        let length = dice.latency(hours(self.length_median / 60.0), self.length_sigma);
        length.min(hours(self.longest)).max(Duration::from_secs(60))
    }

    /// What share of the requests fails in one incident.
    pub(super) fn share(&self, severities: Severities, dice: &Dice) -> f64 {
        match severities {
            Severities::Alike => *dice.pick(&[0.02, 0.1, 0.5, 1.0]),
            Severities::Marked => {
                let place = dice.unit();
                if place < self.full {
                    1.0
                } else if place < self.full + self.partial {
                    PARTIAL
                } else {
                    UNMARKED
                }
            }
        }
    }
}

fn hours(number: f64) -> Duration {
    Duration::try_from_secs_f64(number * 3_600.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Weather;
    use super::*;

    /// OpenAI: 0.551 % of the time with an outage, 0.206 % if parts count for 0.3, of 2.52 % with an incident.
    #[test]
    fn what_is_marked_follows_from_what_was_published() {
        let services = services(Weather::Published.file()).unwrap();
        let near = |value: f64, expected: f64| (value - expected).abs() < 0.001;
        let openai = &services[0];
        assert!(near(openai.partial, 0.1956), "{openai:?}");
        assert!(near(openai.full, 0.0231), "{openai:?}");
        // Of Anthropic nothing is left for full outages.
        let anthropic = &services[1];
        assert!(near(anthropic.partial, 0.1706), "{anthropic:?}");
        assert!(near(anthropic.full, 0.0), "{anthropic:?}");
        let dice = Dice::new(1, 1);
        let mut counts = [0_u32; 3];
        for _ in 0..20_000 {
            let share = openai.share(Severities::Marked, &dice);
            let place = [UNMARKED, PARTIAL, 1.0]
                .iter()
                .position(|one| near(*one, share));
            counts[place.unwrap()] += 1;
        }
        assert!((15_300..15_950).contains(&counts[0]), "{counts:?}");
        assert!((3_700..4_130).contains(&counts[1]), "{counts:?}");
        assert!((380..550).contains(&counts[2]), "{counts:?}");
    }
}
