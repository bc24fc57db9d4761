//! The schemas of `parameters` and `responseSchema`, a subset of `OpenAPI`, as the JSON Schemas that other dialects want.
//!
//! The differences (google-genai, `types.Schema`): types in capitals, `nullable` in place of a type, `defs` and `ref`
//! without their dollar, counts as strings (proto JSON), an `example` for the list of them, names in either case.

use super::name::{Field, fields_if_any, items};
use crate::RawJson;
use crate::json::{ListWriter, ObjectWriter, Raw, Writer};

/// The JSON Schema that says the same.
pub(super) fn to_json_schema(schema: Raw<'_>) -> RawJson {
    RawJson::of_written(Writer::object(|object| write(object, schema)))
}

fn write(object: &mut ObjectWriter<'_>, schema: Raw<'_>) {
    let nullable = fields_if_any(schema).any(|field| is_nullable(&field));
    for field in fields_if_any(schema).filter(|field| !is_nullable(field)) {
        write_keyword(object, &field, nullable);
    }
}

fn is_nullable(field: &Field<'_>) -> bool {
    field.name == "nullable" && field.value.flag() == Some(true)
}

fn write_keyword(object: &mut ObjectWriter<'_>, field: &Field<'_>, nullable: bool) {
    let value = field.value;
    match &*field.name {
        "type" => write_type(object, value, nullable),
        "nullable" => {}
        "enum" if nullable => object.list("enum", |list| {
            value.items().for_each(|item| list.raw(item.json()));
            list.raw("null");
        }),
        "anyOf" => object.list("anyOf", |list| {
            write_all(list, value);
            if nullable {
                list.object(|null| null.text("type", "null"));
            }
        }),
        "properties" => write_map(object, "properties", value),
        "defs" => write_map(object, "$defs", value),
        "items" => object.object("items", |inner| write(inner, value)),
        "additionalProperties" if value.flag().is_none() => {
            object.object("additionalProperties", |inner| write(inner, value));
        }
        "ref" => write_reference(object, value),
        "example" => object.list("examples", |list| list.raw(value.json())),
        // What an enum is, its values tell.
        "format" if value.json() == "\"enum\"" => {}
        name if is_count(name) => write_count(object, name, value),
        name => object.raw(name, value.json()),
    }
}

fn write_all(list: &mut ListWriter<'_>, schemas: Raw<'_>) {
    for (_, schema) in items(schemas) {
        list.object(|object| write(object, schema));
    }
}

/// The names of properties and definitions are the client's own and stay as they are.
fn write_map(object: &mut ObjectWriter<'_>, name: &str, map: Raw<'_>) {
    object.object(name, |properties| {
        for (name, schema) in map.members() {
            properties.object(&name, |property| write(property, schema));
        }
    });
}

fn write_type(object: &mut ObjectWriter<'_>, value: Raw<'_>, nullable: bool) {
    let Some(name) = value.text().map(|name| name.to_ascii_lowercase()) else {
        // Already a list of types, as in JSON Schema.
        return object.raw("type", value.json());
    };
    match (&*name, nullable) {
        ("type_unspecified", _) => {}
        (name, false) => object.text("type", name),
        (name, true) => object.list("type", |list| {
            list.text(name);
            list.text("null");
        }),
    }
}

fn write_reference(object: &mut ObjectWriter<'_>, value: Raw<'_>) {
    match value.text() {
        Some(path) => object.text("$ref", &path.replace("#/defs/", "#/$defs/")),
        None => object.raw("$ref", value.json()),
    }
}

fn is_count(name: &str) -> bool {
    matches!(
        name,
        "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties"
    )
}

/// Proto JSON writes 64-bit integers as strings.
fn write_count(object: &mut ObjectWriter<'_>, name: &str, value: Raw<'_>) {
    let number = value.text().and_then(|text| text.parse::<u64>().ok());
    match number {
        Some(number) => object.count(name, number),
        None => object.raw(name, value.json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(openapi: &str, expected: &str) {
        assert_eq!(
            to_json_schema(Raw::of_validated(openapi)).as_str(),
            expected
        );
    }

    #[test]
    fn types_become_small() {
        check(
            r#"{"type":"OBJECT","properties":{"type":{"type":"STRING"},"any_of":{"type":"ARRAY","items":{"type":"NUMBER"}}},"required":["type"]}"#,
            r#"{"type":"object","properties":{"type":{"type":"string"},"any_of":{"type":"array","items":{"type":"number"}}},"required":["type"]}"#,
        );
        check(r#"{"type":"TYPE_UNSPECIFIED"}"#, "{}");
        check(
            r#"{"type":["string","null"]}"#,
            r#"{"type":["string","null"]}"#,
        );
    }

    #[test]
    fn what_may_be_null_says_so_in_its_type() {
        check(
            r#"{"type":"STRING","format":"enum","enum":["a"],"nullable":true}"#,
            r#"{"type":["string","null"],"enum":["a",null]}"#,
        );
        check(
            r#"{"any_of":[{"type":"STRING"}],"nullable":true}"#,
            r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
        );
        check(
            r#"{"type":"STRING","nullable":false}"#,
            r#"{"type":"string"}"#,
        );
    }

    #[test]
    fn names_and_numbers_are_those_of_json_schema() {
        check(
            r##"{"min_items":"2","maxLength":5,"ref":"#/defs/A","defs":{"A":{"type":"BOOLEAN"}},"example":1,"additionalProperties":false}"##,
            r##"{"minItems":2,"maxLength":5,"$ref":"#/$defs/A","$defs":{"A":{"type":"boolean"}},"examples":[1],"additionalProperties":false}"##,
        );
        check(
            r#"{"additional_properties":{"type":"INTEGER"},"format":"date","propertyOrdering":["a"]}"#,
            r#"{"additionalProperties":{"type":"integer"},"format":"date","propertyOrdering":["a"]}"#,
        );
    }
}
