//! Where in a configuration something stands.

use std::fmt;

use serde_json::{Map, Value};

use super::{ConfigError, present};

/// A place, as a list that points upwards: it costs nothing where nothing is wrong.
pub(crate) struct Place<'p> {
    above: Option<&'p Self>,
    step: Step<'p>,
}

enum Step<'p> {
    Root,
    Member(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    pub(crate) const ROOT: Place<'static> = Place {
        above: None,
        step: Step::Root,
    };

    pub(crate) const fn member(&'p self, name: &'p str) -> Self {
        Self {
            above: Some(self),
            step: Step::Member(name),
        }
    }

    pub(crate) const fn item(&'p self, index: usize) -> Self {
        Self {
            above: Some(self),
            step: Step::Item(index),
        }
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError {
            path: self.to_string(),
            message: message.into(),
        }
    }

    pub(crate) fn object<'v>(
        &self,
        value: &'v Value,
    ) -> Result<&'v Map<String, Value>, ConfigError> {
        value
            .as_object()
            .ok_or_else(|| self.error("an object is needed"))
    }

    pub(crate) fn array<'v>(&self, value: &'v Value) -> Result<&'v Vec<Value>, ConfigError> {
        value
            .as_array()
            .ok_or_else(|| self.error("a list is needed"))
    }

    pub(crate) fn text<'v>(&self, value: &'v Value) -> Result<&'v str, ConfigError> {
        value.as_str().ok_or_else(|| self.error("a text is needed"))
    }

    pub(crate) fn flag(&self, value: &Value) -> Result<bool, ConfigError> {
        value
            .as_bool()
            .ok_or_else(|| self.error("true or false is needed"))
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&self, value: &Value, least: u64, most: u64) -> Result<u64, ConfigError> {
        let number = value
            .as_u64()
            .filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.error(format!("a whole number from {least} to {most} is needed")))
    }

    pub(crate) fn optional_text(
        &self,
        members: &Map<String, Value>,
        name: &str,
    ) -> Result<Option<String>, ConfigError> {
        let text = present(members, name).map(|value| self.member(name).text(value));
        Ok(text.transpose()?.map(str::to_owned))
    }

    pub(crate) fn texts(&self, value: &Value) -> Result<Vec<String>, ConfigError> {
        let items = self.array(value)?.iter().enumerate();
        let texts = items.map(|(index, item)| Ok(self.item(index).text(item)?.to_owned()));
        texts.collect()
    }

    /// HTTP statuses.
    pub(crate) fn statuses(&self, value: &Value) -> Result<Vec<u16>, ConfigError> {
        let items = self.array(value)?.iter().enumerate();
        let statuses = items.map(|(index, item)| {
            let status = self.item(index).whole(item, 100, 999)?;
            Ok(u16::try_from(status).unwrap_or(u16::MAX))
        });
        statuses.collect()
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let above = self.above.map(ToString::to_string).unwrap_or_default();
        f.write_str(&above)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Member(name) if above.is_empty() => f.write_str(name),
            Step::Member(name) => write!(f, ".{name}"),
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}
