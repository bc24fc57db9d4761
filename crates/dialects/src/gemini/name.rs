//! Names and lists as proto JSON allows them: `camelCase` or `snake_case`, one value in place of a list of one.

use std::borrow::Cow;

use crate::JsonKind;
use crate::json::{Invalid, Raw};

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    /// Its name in camelCase.
    pub(super) name: Cow<'a, str>,
    /// Its name as it was written, for messages and for the way back.
    pub(super) written: Cow<'a, str>,
    pub(super) value: Raw<'a>,
}

/// The members of an object, `null` ones left out.
pub(super) fn fields(object: Raw<'_>) -> Result<impl Iterator<Item = Field<'_>>, Invalid> {
    Ok(object.want_members()?.map(Field::new))
}

/// The members of an object; none if it is something else.
pub(super) fn fields_if_any(object: Raw<'_>) -> impl Iterator<Item = Field<'_>> {
    object.members().map(Field::new)
}

/// The member of this camelCase name, however it is written.
pub(super) fn member<'a>(object: Raw<'a>, name: &str) -> Option<Raw<'a>> {
    fields_if_any(object)
        .find(|field| field.name == name)
        .map(|field| field.value)
}

/// The items of a list with their indexes, or the value itself as the only one: the documentation's own
/// examples write `"parts": {"text": "…"}`, and the API takes it.
pub(super) fn items(value: Raw<'_>) -> impl Iterator<Item = (usize, Raw<'_>)> {
    let single = (value.kind() != Some(JsonKind::List)).then_some(value);
    single.into_iter().chain(value.items()).enumerate()
}

impl<'a> Field<'a> {
    fn new((written, value): (Cow<'a, str>, Raw<'a>)) -> Self {
        Self {
            name: camel(&written),
            written,
            value,
        }
    }
}

/// `system_instruction` as `systemInstruction`; other names as they are.
fn camel<'a>(name: &Cow<'a, str>) -> Cow<'a, str> {
    if !name.contains('_') || name.starts_with('_') {
        return name.clone();
    }
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for char in name.chars() {
        if char == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.push(char.to_ascii_uppercase());
        } else {
            camel.push(char);
        }
    }
    Cow::Owned(camel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_name_mean_the_same() {
        for (written, expected) in [
            ("contents", "contents"),
            ("systemInstruction", "systemInstruction"),
            ("system_instruction", "systemInstruction"),
            ("parameters_json_schema", "parametersJsonSchema"),
            ("_private", "_private"),
            ("top_k_", "topK"),
            ("é_é", "éé"),
        ] {
            assert_eq!(camel(&Cow::Borrowed(written)), expected, "{written}");
        }
    }

    #[test]
    fn one_value_stands_for_a_list_of_one() {
        let count = |json| items(Raw::of_validated(json)).count();
        assert_eq!(
            [count("[]"), count("[1,2]"), count("{}"), count("1")],
            [0, 2, 1, 1]
        );
    }
}
