//! Lines of values with commas between.

use std::collections::BTreeMap;

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
    pub(super) const fn line(&self) -> usize {
        self.line
    }

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

    pub(super) fn error(&self, column: &str, problem: String) -> TableError {
        let place = self.values.get(column).map(|(place, _)| *place);
        TableError {
            line: self.line,
            column: place.unwrap_or(self.values.len() + 1),
            problem: format!("{column}: {problem}"),
        }
    }
}
