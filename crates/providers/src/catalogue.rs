//! The providers that everybody knows, as data.

use std::collections::BTreeMap;

use orchestra_types::ProviderId;

use crate::{ModelFactsRow, Row};

/// The catalogue that ships with this crate.
const EMBEDDED: &str = include_str!("../catalogue.toml");

/// What is known of its models.
const MODELS: &str = include_str!("../models.toml");

/// Rows by their kind.
#[derive(Clone, Debug)]
pub struct Catalogue {
    rows: BTreeMap<String, Row>,
}

/// Why a text is no catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It is no TOML of the right shape.
    #[error("the catalogue cannot be read")]
    Syntax(#[from] toml::de::Error),
    /// A row starts from one that is missing, or that itself starts from another.
    #[error("the row {row:?} starts from {kind:?}, which is missing or starts from another itself")]
    Kind {
        /// The row at fault.
        row: String,
        /// Its `kind`.
        kind: String,
    },
    /// Models of a kind that has no row.
    #[error("there is no row {kind:?}, whose models are described")]
    NoSuchKind {
        /// The kind.
        kind: String,
    },
}

/// A row that starts from a kind which the catalogue does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider kind {kind:?}: use one of {known}")]
pub struct UnknownKind {
    /// As it was written.
    pub kind: String,
    /// The kinds there are, separated by commas.
    pub known: String,
}

impl Catalogue {
    /// The catalogue that ships with this crate.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    #[must_use]
    pub fn embedded() -> Self {
        Self::parse(EMBEDDED)
            .and_then(|catalogue| catalogue.with_models(MODELS))
            .expect("the embedded texts do not change after their test")
    }

    /// Reads a catalogue: one TOML table per row, named after its kind.
    ///
    /// # Errors
    /// [`CatalogueError`] if it is no TOML of that shape or a row's own `kind` leads nowhere.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let written: BTreeMap<String, Row> = toml::from_str(text)?;
        let mut rows = BTreeMap::new();
        for (name, row) in &written {
            let complete = match &row.kind {
                None => row.clone(),
                Some(kind) => {
                    let below = written.get(kind).filter(|below| below.kind.is_none());
                    let fault = || CatalogueError::Kind {
                        row: name.clone(),
                        kind: kind.clone(),
                    };
                    below.ok_or_else(fault)?.overlay(row)
                }
            };
            rows.insert(name.clone(), complete);
        }
        Ok(Self { rows })
    }

    /// With what a text says of the models of its kinds: for each kind a list of tables.
    ///
    /// # Errors
    /// [`CatalogueError`] if it is no TOML of that shape or speaks of a kind that is not here.
    pub fn with_models(mut self, text: &str) -> Result<Self, CatalogueError> {
        let written: BTreeMap<String, Vec<ModelFactsRow>> = toml::from_str(text)?;
        for (kind, facts) in written {
            match self.rows.get_mut(&kind) {
                Some(row) => row.facts.get_or_insert_default().extend(facts),
                None => return Err(CatalogueError::NoSuchKind { kind }),
            }
        }
        Ok(self)
    }

    /// The row of a kind, such as `openai`.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Row> {
        self.rows.get(kind)
    }

    /// All kinds, in alphabetical order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// What an operator's row means: laid over the row of its `kind`, or else over the row of its
    /// own name, or else as it stands.
    ///
    /// # Errors
    /// [`UnknownKind`] if it names a kind that is not here.
    pub fn complete(&self, id: &ProviderId, row: &Row) -> Result<Row, UnknownKind> {
        let Some(kind) = &row.kind else {
            return Ok(self
                .get(id.as_str())
                .map_or_else(|| row.clone(), |below| below.overlay(row)));
        };
        match self.get(kind) {
            Some(below) => Ok(below.overlay(row)),
            None => Err(UnknownKind {
                kind: kind.clone(),
                known: self.kinds().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(kind, row)| (kind.as_str(), row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Catalogue::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_embedded_text_is_a_catalogue() {
        Catalogue::parse(EMBEDDED).unwrap();
        assert!(Catalogue::embedded().kinds().count() > 10);
    }

    #[test]
    fn models_are_described_for_kinds_that_are_there() {
        let catalogue = Catalogue::parse("[a]").unwrap();
        let described = catalogue
            .clone()
            .with_models("[[a]]\nmodels = ['m']\ncontext = 8");
        let facts = described.unwrap().get("a").unwrap().facts.clone().unwrap();
        assert_eq!(facts[0].context, Some(8));
        let absent = catalogue.with_models("[[b]]\nmodels = ['m']").unwrap_err();
        assert!(absent.to_string().contains("\"b\""));
    }

    #[test]
    fn a_kind_is_followed_one_step() {
        let text = "[a]\nlabel = 'A'\nmodels = ['m']\n[b]\nkind = 'a'\nlabel = 'B'";
        let catalogue = Catalogue::parse(text).unwrap();
        let b = catalogue.get("b").unwrap();
        assert_eq!(b.label.as_deref(), Some("B"));
        assert_eq!(b.models, Some(vec!["m".to_owned()]));

        assert!(fault("[a]\nkind = 'b'").contains("\"b\""));
        assert!(fault("[a]\nkind = 'a'").contains("\"a\""));
        assert!(fault("[a]\n[b]\nkind = 'a'\n[c]\nkind = 'b'").contains("\"c\""));
        assert!(fault("[a]\nlable = 'A'").contains("cannot be read"));
    }

    #[test]
    fn an_operators_row_is_completed_by_kind_then_by_name() {
        let catalogue = Catalogue::parse("[a]\nlabel = 'A'\n[b]\nlabel = 'B'").unwrap();
        let label = |name: &str, kind: Option<&str>| {
            let row = Row {
                kind: kind.map(str::to_owned),
                ..Row::default()
            };
            catalogue
                .complete(&ProviderId::new(name).unwrap(), &row)
                .map(|row| row.label)
        };
        assert_eq!(label("a", None), Ok(Some("A".to_owned())));
        assert_eq!(label("a", Some("b")), Ok(Some("B".to_owned())));
        assert_eq!(label("mine", Some("b")), Ok(Some("B".to_owned())));
        assert_eq!(label("mine", None), Ok(None));
        assert_eq!(label("mine", Some("z")).unwrap_err().known, "a, b");
    }
}
