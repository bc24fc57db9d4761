//! Looking into a request strictly, with words for what is wrong and where.

use std::fmt::{self, Display};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(String);

impl Refusal {
    pub(crate) fn new(what: impl Display) -> Self {
        Self(what.to_string())
    }
}

/// Reads JSON in which no object has a name twice.
pub(crate) fn read(body: &[u8]) -> Result<Value, Refusal> {
    let Unique(value) = serde_json::from_slice(body)
        .map_err(|error| Refusal::new(format_args!("the body cannot be read: {error}")))?;
    Ok(value)
}

/// A value in a request and where it stands, such as `messages[3].content`.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'a> {
    pub(crate) value: &'a Value,
    path: String,
}

impl<'a> Spot<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    pub(crate) fn place(&self) -> &str {
        &self.path
    }

    /// A refusal that names this place.
    pub(crate) fn wrong(&self, what: impl Display) -> Refusal {
        let place = if self.path.is_empty() {
            "the body"
        } else {
            &self.path
        };
        Refusal(format!("{place}: {what}"))
    }

    /// Refuses unless this holds.
    pub(crate) fn must(&self, holds: bool, what: impl Display) -> Result<(), Refusal> {
        if holds { Ok(()) } else { Err(self.wrong(what)) }
    }

    /// An object in which no other names than these occur.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), Refusal> {
        let members = self.object()?;
        match members.keys().find(|name| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.wrong(format_args!("unknown field {name}"))),
        }
    }

    pub(crate) fn object(&self) -> Result<&'a Map<String, Value>, Refusal> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("must be an object"))
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Some(Self { value, path })
    }

    /// A member that must be there.
    pub(crate) fn want(&self, name: &str) -> Result<Self, Refusal> {
        self.get(name)
            .ok_or_else(|| self.wrong(format_args!("missing field {name}")))
    }

    pub(crate) fn text(&self) -> Result<&'a str, Refusal> {
        self.value
            .as_str()
            .ok_or_else(|| self.wrong("must be a string"))
    }

    /// The text of a member that must be there.
    pub(crate) fn want_text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.want(name)?.text()
    }

    /// The text of a member, if it is there.
    pub(crate) fn get_text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.get(name).map(|member| member.text()).transpose()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(member) = self.get(name) else {
            return Ok(None);
        };
        let flag = member.value.as_bool();
        flag.map(Some)
            .ok_or_else(|| member.wrong("must be true or false"))
    }

    /// A whole number of at least this much, if it is there.
    pub(crate) fn at_least(&self, name: &str, least: u64) -> Result<Option<u64>, Refusal> {
        let Some(member) = self.get(name) else {
            return Ok(None);
        };
        let number = member.value.as_u64().filter(|number| *number >= least);
        number
            .map(Some)
            .ok_or_else(|| member.wrong(format_args!("must be a number from {least}")))
    }

    /// A number within bounds, if it is there.
    pub(crate) fn within(&self, name: &str, least: f64, most: f64) -> Result<(), Refusal> {
        let Some(member) = self.get(name) else {
            return Ok(());
        };
        let number = member.value.as_f64();
        let holds = number.is_some_and(|number| (least..=most).contains(&number));
        member.must(holds, format_args!("must be from {least} to {most}"))
    }

    pub(crate) fn items(&self) -> Result<Vec<Self>, Refusal> {
        let items = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("must be a list"))?;
        let placed = items.iter().enumerate().map(|(index, value)| Self {
            value,
            path: format!("{}[{index}]", self.path),
        });
        Ok(placed.collect())
    }

    /// The items of a member; none if it is not there.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<Self>, Refusal> {
        self.get(name)
            .map_or_else(|| Ok(Vec::new()), |member| member.items())
    }

    /// The text of a member that must be one of these.
    pub(crate) fn one_of(&self, name: &str, words: &[&str]) -> Result<&'a str, Refusal> {
        let member = self.want(name)?;
        let text = member.text()?;
        member.must(
            words.contains(&text),
            format_args!("{text:?} is none of {words:?}"),
        )?;
        Ok(text)
    }

    /// The same for a member that may be missing.
    pub(crate) fn if_one_of(&self, name: &str, words: &[&str]) -> Result<Option<&'a str>, Refusal> {
        match self.get(name) {
            Some(_) => self.one_of(name, words).map(Some),
            None => Ok(None),
        }
    }

    /// The value of the member `type`.
    pub(crate) fn kind(&self) -> Result<&'a str, Refusal> {
        self.want_text("type")
    }

    /// A name of letters, digits, `_` and `-`, not longer than this.
    pub(crate) fn identifier(&self, name: &str, longest: usize) -> Result<&'a str, Refusal> {
        let member = self.want(name)?;
        let text = member.text()?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let holds = !text.is_empty() && text.len() <= longest && text.bytes().all(legal);
        let rule = format_args!("{text:?} is no name of 1 to {longest} of A-Z a-z 0-9 _ -");
        member.must(holds, rule)?;
        Ok(text)
    }
}

/// A value in which no object has a name twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Unique(value))) = map.next_entry::<String, _>()? {
            if members.insert(name.clone(), value).is_some() {
                return Err(A::Error::custom(format_args!("{name} is there twice")));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_place() {
        let body = read(br#"{"a": [{"b": 1}, {"c": "x y"}], "n": null}"#).unwrap();
        let root = Spot::root(&body);
        let check = |found: Result<(), Refusal>, expected: &str| {
            assert_eq!(found.unwrap_err().to_string(), expected);
        };
        let items = root.list("a").unwrap();
        check(items[0].only(&["c"]), "a[0]: unknown field b");
        check(items[0].want("c").map(|_| ()), "a[0]: missing field c");
        check(
            items[0].want_text("b").map(|_| ()),
            "a[0].b: must be a string",
        );
        check(root.only(&["a"]), "the body: unknown field n");
        assert!(items[1].identifier("c", 9).is_err());
        assert!(root.get("n").is_none());
    }

    #[test]
    fn a_name_stands_once_in_an_object() {
        let error = read(br#"{"a": {"b": 1, "b": 2}}"#).unwrap_err().to_string();
        assert!(error.contains("b is there twice"), "{error}");
    }
}
