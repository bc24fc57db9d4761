//! Reading conditions.

use regex::RegexBuilder;
use serde_json::{Map, Value};

use super::{Field, Query, Test};
use crate::config::{ConfigError, Place};

/// The most that a pattern may take once it is compiled: a caller may send one.
const MAX_PATTERN_BYTES: usize = 1 << 18;

/// Reads a condition.
pub(crate) fn parse(value: &Value, place: &Place<'_>) -> Result<Query, ConfigError> {
    let members = place.object(value)?;
    let parts = members.iter().map(|(name, value)| {
        let place = place.member(name);
        match name.as_str() {
            "$and" => Ok(Query::All(list(value, &place)?)),
            "$or" => Ok(Query::Any(list(value, &place)?)),
            operator if operator.starts_with('$') => Err(place.error(format!(
                "there is no operator `{operator}` between conditions; there are $and and $or"
            ))),
            field => {
                let field = parse_field(field, &place)?;
                let mut tests = parse_tests(value, &place)?;
                if matches!(field, Field::Metadata(_)) {
                    tests.iter_mut().for_each(as_texts);
                }
                Ok(Query::Field { field, tests })
            }
        }
    });
    Ok(Query::All(parts.collect::<Result<_, _>>()?))
}

fn list(value: &Value, place: &Place<'_>) -> Result<Vec<Query>, ConfigError> {
    let items = place.array(value)?;
    let queries = items
        .iter()
        .enumerate()
        .map(|(index, item)| parse(item, &place.item(index)));
    queries.collect()
}

fn parse_field(text: &str, place: &Place<'_>) -> Result<Field, ConfigError> {
    let unknown = || {
        place.error(format!(
            "`{text}` is no field of a call: there are metadata.NAME, params.NAME, headers.NAME, url.pathname, time.hour and time.weekday"
        ))
    };
    let (group, name) = text.split_once('.').ok_or_else(unknown)?;
    match (group, name) {
        (_, "") => Err(unknown()),
        ("metadata", name) => Ok(Field::Metadata(name.to_owned())),
        ("params", path) if path.split('.').any(str::is_empty) => Err(unknown()),
        ("params", path) => Ok(Field::Param(path.split('.').map(str::to_owned).collect())),
        ("headers", name) => Ok(Field::Header(name.to_ascii_lowercase())),
        ("url", "pathname") => Ok(Field::Path),
        ("time", "hour") => Ok(Field::Hour),
        ("time", "weekday") => Ok(Field::Weekday),
        _ => Err(unknown()),
    }
}

/// `{"$gt": 1, "$lt": 5}`, or a value that it must equal.
fn parse_tests(value: &Value, place: &Place<'_>) -> Result<Vec<Test>, ConfigError> {
    match value {
        Value::Object(members) => operators(members, place),
        Value::Array(_) => {
            Err(place.error("a field equals one value; for several write {\"$in\": […]}"))
        }
        value => Ok(vec![Test::Eq(value.clone())]),
    }
}

fn operators(members: &Map<String, Value>, place: &Place<'_>) -> Result<Vec<Test>, ConfigError> {
    if members.is_empty() {
        return Err(place.error("an operator is missing, such as {\"$eq\": …}"));
    }
    let tests = members.iter().map(|(operator, value)| {
        let place = place.member(operator);
        match operator.as_str() {
            "$eq" => Ok(Test::Eq(value.clone())),
            "$ne" => Ok(Test::Ne(value.clone())),
            "$gt" => Ok(Test::Gt(number(value, &place)?)),
            "$gte" => Ok(Test::Gte(number(value, &place)?)),
            "$lt" => Ok(Test::Lt(number(value, &place)?)),
            "$lte" => Ok(Test::Lte(number(value, &place)?)),
            "$in" => Ok(Test::In(place.array(value)?.clone())),
            "$nin" => Ok(Test::Nin(place.array(value)?.clone())),
            "$regex" => pattern(value, &place),
            other => Err(place.error(format!(
                "there is no operator `{other}`; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin and $regex"
            ))),
        }
    });
    tests.collect()
}

/// Values of metadata are texts, whatever they were sent as. A number or a flag is compared as it is written.
fn as_texts(test: &mut Test) {
    let written = |value: &mut Value| {
        if matches!(value, Value::Number(_) | Value::Bool(_)) {
            *value = Value::String(value.to_string());
        }
    };
    match test {
        Test::Eq(value) | Test::Ne(value) => written(value),
        Test::In(values) | Test::Nin(values) => values.iter_mut().for_each(written),
        Test::Gt(_) | Test::Gte(_) | Test::Lt(_) | Test::Lte(_) | Test::Regex(_) => {}
    }
}

/// A number, or a text that is one.
fn number(value: &Value, place: &Place<'_>) -> Result<f64, ConfigError> {
    super::eval::number(value).ok_or_else(|| place.error("a number is needed"))
}

fn pattern(value: &Value, place: &Place<'_>) -> Result<Test, ConfigError> {
    let text = place.text(value)?;
    let compiled = RegexBuilder::new(text)
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES)
        .build();
    compiled
        .map(|pattern| Test::Regex(Box::new(pattern)))
        .map_err(|error| place.error(format!("`{text}` is no pattern: {error}")))
}
