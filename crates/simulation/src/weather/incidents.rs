//! Incidents drawn from what was published of them.

use std::time::Duration;

use super::table::{Lines, TableError};
use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::upstream::Upstream;

/// What was published of a service's incidents.
struct Service {
    name: String,
    gap_median: f64,
    gap_mean: f64,
    length_median: f64,
    length_sigma: f64,
    longest: f64,
}

const COLUMNS: [&str; 6] = [
    "service",
    "gap_median_hours",
    "gap_mean_hours",
    "length_median_minutes",
    "length_sigma",
    "longest_hours",
];

/// The incidents of each upstream, independent of the others'. `gaps` is how long they are apart, measured by what was published.
pub(super) fn draw(
    text: &str,
    upstreams: &[Upstream],
    lasts: Duration,
    gaps: f64,
    seed: u64,
) -> Result<Vec<Outage>, TableError> {
    let services = services(text)?;
    let mut outages = Vec::new();
    for ((target, upstream), purpose) in upstreams.iter().enumerate().zip(64..) {
        let named = services
            .iter()
            .find(|service| upstream.name.contains(&service.name));
        if let Some(service) = named.or_else(|| services.last()) {
            outages.extend(service.incidents(target, lasts, gaps, &Dice::new(seed, purpose)));
        }
    }
    Ok(outages)
}

fn services(text: &str) -> Result<Vec<Service>, TableError> {
    let lines = Lines::read(text, &COLUMNS, &COLUMNS)?;
    lines
        .rows
        .iter()
        .map(|row| {
            let number = |column| row.parse(column, |text| text.parse::<f64>().ok(), "a number");
            Ok(Service {
                name: row.text("service").to_owned(),
                gap_median: number("gap_median_hours")?,
                gap_mean: number("gap_mean_hours")?,
                length_median: number("length_median_minutes")?,
                length_sigma: number("length_sigma")?,
                longest: number("longest_hours")?,
            })
        })
        .collect()
}

impl Service {
    fn incidents(&self, target: usize, lasts: Duration, gaps: f64, dice: &Dice) -> Vec<Outage> {
        let mut outages = Vec::new();
        // Nobody knows how long ago the last one was.
        let mut at = self.gap(dice).mul_f64(gaps * dice.unit());
        while at < lasts {
            let until = at + self.length(dice);
            outages.push(Outage {
                target,
                from: at,
                until,
                share: *dice.pick(&[0.02, 0.1, 0.5, 1.0]),
                trouble: *dice.pick(&[
                    Trouble::Refused,
                    Trouble::Hang,
                    Trouble::Status(500),
                    Trouble::Status(529),
                ]),
            });
            at = until + self.gap(dice).mul_f64(gaps);
        }
        outages
    }

    /// Log-normal, too: the mean is far above the median, since incidents come in bursts.
    fn gap(&self, dice: &Dice) -> Duration {
        let sigma = (2.0 * (self.gap_mean / self.gap_median).ln())
            .max(0.0)
            .sqrt();
        dice.latency(hours(self.gap_median), sigma)
    }

    fn length(&self, dice: &Dice) -> Duration {
        let length = dice.latency(hours(self.length_median / 60.0), self.length_sigma);
        length.min(hours(self.longest)).max(Duration::from_secs(60))
    }
}

fn hours(number: f64) -> Duration {
    Duration::try_from_secs_f64(number * 3_600.0).unwrap_or_default()
}
