//! Tables of outages: lines of values with commas between.

use std::time::Duration;

use super::lines::{Lines, Row, TableError};
use crate::dice::Dice;
use crate::outage::{Outage, Trouble};
use crate::upstream::Upstream;

const COLUMNS: [&str; 6] = ["target", "start", "duration", "trouble", "share", "others"];

/// The outages that are written down. Those of `*` are outages of all.
pub(super) fn read(
    text: &str,
    upstreams: &[Upstream],
    seed: u64,
) -> Result<Vec<Outage>, TableError> {
    let mut outages = Vec::new();
    for row in Lines::read(text, &COLUMNS, &COLUMNS[..4])?.rows {
        let mut targets = targets(&row, upstreams)?;
        targets.extend(others(&row, &targets, upstreams, seed)?);
        let from = row.parse("start", time, "a time such as 90s, 10m or `1h 30m`")?;
        let duration = row.parse(
            "duration",
            length,
            "a time longer than zero, such as 90s, 10m or `1h 30m`",
        )?;
        let trouble = row.parse(
            "trouble",
            |text| text.parse::<Trouble>().ok(),
            Trouble::WORDS,
        )?;
        let share = match row.text("share") {
            "" => 1.0,
            _ => row.parse("share", share, "a share above 0 and up to 1 or 100%")?,
        };
        outages.extend(targets.into_iter().map(|target| Outage {
            target,
            from,
            until: from.saturating_add(duration),
            share,
            trouble,
        }));
    }
    Ok(outages)
}

/// The places of those that a row is about: a number from 1, a provider, a provider and its model, or `*`.
fn targets(row: &Row<'_>, upstreams: &[Upstream]) -> Result<Vec<usize>, TableError> {
    let name = row.text("target");
    let numbered = name
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(1));
    let is = |(place, upstream): &(usize, &Upstream)| {
        name == "*" || numbered == Some(*place) || name == upstream.name || name == upstream.label()
    };
    let found: Vec<usize> = upstreams
        .iter()
        .enumerate()
        .filter(is)
        .map(|(place, _)| place)
        .collect();
    if found.is_empty() {
        let known: Vec<String> = upstreams.iter().map(Upstream::label).collect();
        let (known, most) = (known.join(", "), upstreams.len());
        return Err(row.error("target", format!("{name:?} is no target of the model; write one of {known}, a provider, a number from 1 to {most}, or `*` for all")));
    }
    Ok(found)
}

/// The places of those others that the same hits by chance.
fn others(
    row: &Row<'_>,
    targets: &[usize],
    upstreams: &[Upstream],
    seed: u64,
) -> Result<Vec<usize>, TableError> {
    if row.text("others").is_empty() {
        return Ok(Vec::new());
    }
    let chance = row.parse("others", share, "a chance above 0 and up to 1 or 100%")?;
    let others = (0..upstreams.len()).filter(|place| !targets.contains(place));
    if row.text("target") == "*" {
        return Err(row.error(
            "others",
            "there are none besides `*`; leave it out".to_owned(),
        ));
    }
    let line = u64::try_from(row.line()).unwrap_or(u64::MAX);
    let dice = Dice::new(seed, (1 << 32) | line);
    Ok(others.filter(|_| dice.chance(chance)).collect())
}

fn time(text: &str) -> Option<Duration> {
    match text {
        "0" => Some(Duration::ZERO),
        _ => humantime::parse_duration(text).ok(),
    }
}

fn length(text: &str) -> Option<Duration> {
    time(text).filter(|time| !time.is_zero())
}

fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (share > 0.0 && share <= 1.0).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<Upstream> {
        let model = |model: &str| Some(model.to_owned());
        vec![
            Upstream {
                model: model("a"),
                ..Upstream::new("one")
            },
            Upstream {
                model: model("b"),
                ..Upstream::new("two")
            },
        ]
    }

    #[test]
    fn what_may_be_written() {
        let text = "# a comment\n\ntarget, start, duration, trouble, share\none, 10m, 1h 30m, 429-for-30s, 50%\n2,0,5s,cut\n*,1s,1s,slow-2.5,0.1\ntwo/b,1s,1s,hang,\n";
        let outages = read(text, &two(), 1).unwrap();
        let targets: Vec<usize> = outages.iter().map(|outage| outage.target).collect();
        assert_eq!(targets, [0, 1, 0, 1, 1]);
        let rest = Some(Duration::from_secs(30));
        assert_eq!(
            outages[0].trouble,
            Trouble::RateLimited { retry_after: rest }
        );
        assert_eq!(
            (outages[0].from.as_secs(), outages[0].until.as_secs()),
            (600, 6_000)
        );
        assert!((outages[0].share - 0.5).abs() < 1e-9 && (outages[1].share - 1.0).abs() < 1e-9);
    }

    /// With the chance that is written, for each of the others apart, and the same for the same seed.
    #[test]
    fn others_are_hit_by_chance() {
        let text = "target,start,duration,trouble,share,others\n1,0,1s,cut,1,30%\n1,5s,1s,cut\n";
        let hit = |seed| {
            let outages = read(text, &two(), seed).unwrap();
            outages.iter().filter(|outage| outage.target == 1).count()
        };
        let hits: usize = (0..1_000).map(hit).sum();
        assert!((250..350).contains(&hits), "{hits}");
        assert_eq!(hit(7), hit(7));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_column() {
        let head = "target,start,duration,trouble,share\n";
        for (row, place, words) in [
            ("three,1s,1s,cut,1", (2, 1), "one/a, two/b"),
            ("3,1s,1s,cut,1", (2, 1), "from 1 to 2"),
            ("0,1s,1s,cut,1", (2, 1), "from 1 to 2"),
            ("1,soon,1s,cut,1", (2, 2), "10m"),
            ("\n1,1s,0s,cut,1", (3, 3), "longer than zero"),
            ("1,1s,1s,sick,1", (2, 4), "status-500"),
            ("1,1s,1s,status-200,1", (2, 4), "status-500"),
            ("1,1s,1s,cut,120%", (2, 5), "100%"),
            ("1,1s,1s,cut,0", (2, 5), "100%"),
            ("1,1s,1s,cut,1,more", (2, 6), "one more"),
            ("1,1s", (2, 3), "longer than zero"),
        ] {
            let error = read(&format!("{head}{row}\n"), &two(), 1).unwrap_err();
            assert_eq!((error.line, error.column), place, "{row}: {error}");
            assert!(error.to_string().contains(words), "{row}: {error}");
        }
        for (row, words) in [("*,1s,1s,cut,50%", "besides"), ("1,1s,1s,cut,2", "100%")] {
            let text = format!("target,start,duration,trouble,others\n{row}\n");
            let error = read(&text, &two(), 1).unwrap_err();
            assert_eq!((error.line, error.column), (2, 5), "{row}: {error}");
            assert!(error.to_string().contains(words), "{row}: {error}");
        }
        for (text, words) in [
            ("", "names the columns"),
            ("target,start,duration,sort\n", "\"sort\""),
            ("target,start,duration\n", "\"trouble\" is missing"),
            ("target,target,start,duration,trouble\n", "twice"),
        ] {
            let error = read(text, &two(), 1).unwrap_err();
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }
}
