//! Tables of outages: lines of values with commas between.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::outage::{Outage, Trouble};
use crate::upstream::Upstream;

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TableError {
    /// From 1.
    pub line: usize,
    /// From 1, counted in values.
    pub column: usize,
    /// What is wrong, and what to write.
    pub problem: String,
}

const COLUMNS: [&str; 5] = ["target", "start", "duration", "trouble", "share"];

/// The outages that are written down. Those of `*` are outages of all.
pub(super) fn read(text: &str, upstreams: &[Upstream]) -> Result<Vec<Outage>, TableError> {
    let mut outages = Vec::new();
    for row in Lines::read(text, &COLUMNS, &COLUMNS[..4])?.rows {
        let targets = targets(&row, upstreams)?;
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

/// A table's rows below its head.
pub(super) struct Lines<'t> {
    pub(super) rows: Vec<Row<'t>>,
}

/// One row.
pub(super) struct Row<'t> {
    line: usize,
    /// By the column's name: its place, and what stands there.
    values: BTreeMap<&'t str, (usize, &'t str)>,
}

impl<'t> Lines<'t> {
    /// Reads a table with these columns in any order, of which some must be there. Empty lines and those that begin with `#` say
    /// nothing.
    pub(super) fn read(
        text: &'t str,
        known: &[&str],
        required: &[&str],
    ) -> Result<Self, TableError> {
        let lines = text
            .lines()
            .zip(1..)
            .map(|(text, line)| (line, text.trim()));
        let mut lines = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
        let wrong = |line, column, problem| TableError {
            line,
            column,
            problem,
        };
        let Some((line, head)) = lines.next() else {
            let problem = format!(
                "there is nothing; the first line names the columns: {}",
                known.join(",")
            );
            return Err(wrong(1, 1, problem));
        };
        let columns: Vec<&str> = head.split(',').map(str::trim).collect();
        for (column, name) in (1..).zip(&columns) {
            if !known.contains(name) || columns[..column - 1].contains(name) {
                let problem = format!(
                    "{name:?} is no column or stands twice; the columns are {}",
                    known.join(",")
                );
                return Err(wrong(line, column, problem));
            }
        }
        if let Some(absent) = required.iter().find(|name| !columns.contains(name)) {
            let problem = format!(
                "the column {absent:?} is missing; the columns are {}",
                known.join(",")
            );
            return Err(wrong(line, columns.len(), problem));
        }
        let row = |(line, text): (usize, &'t str)| {
            let values: Vec<&str> = text.split(',').map(str::trim).collect();
            if values.len() > columns.len() {
                let problem = format!("there are {} columns, and this is one more", columns.len());
                return Err(wrong(line, columns.len() + 1, problem));
            }
            let places = (1..).zip(values);
            let values = columns.iter().copied().zip(places).collect();
            Ok(Row { line, values })
        };
        let rows = lines.map(row).collect::<Result<_, _>>()?;
        Ok(Self { rows })
    }
}

impl<'t> Row<'t> {
    /// What stands in a column; nothing if the row ends before it.
    pub(super) fn text(&self, column: &str) -> &'t str {
        self.values.get(column).map_or("", |(_, text)| text)
    }

    pub(super) fn parse<T>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Result<T, TableError> {
        let text = self.text(column);
        parse(text).ok_or_else(|| self.error(column, format!("{text:?} is not {expected}")))
    }

    fn error(&self, column: &str, problem: String) -> TableError {
        let place = self.values.get(column).map(|(place, _)| *place);
        TableError {
            line: self.line,
            column: place.unwrap_or(self.values.len() + 1),
            problem: format!("{column}: {problem}"),
        }
    }
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
        let outages = read(text, &two()).unwrap();
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
            let error = read(&format!("{head}{row}\n"), &two()).unwrap_err();
            assert_eq!((error.line, error.column), place, "{row}: {error}");
            assert!(error.to_string().contains(words), "{row}: {error}");
        }
        for (text, words) in [
            ("", "names the columns"),
            ("target,start,duration,sort\n", "\"sort\""),
            ("target,start,duration\n", "\"trouble\" is missing"),
            ("target,target,start,duration,trouble\n", "twice"),
        ] {
            let error = read(text, &two()).unwrap_err();
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }
}
