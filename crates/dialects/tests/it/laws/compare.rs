//! Compares JSON by meaning.

use serde_json::Value;

/// The paths at which two values differ, each with what stands there. `null` counts as absent.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<(String, String)> {
    let mut list = Vec::new();
    compare("", expected, found, &mut list);
    list
}

fn compare(path: &str, expected: &Value, found: &Value, list: &mut Vec<(String, String)>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let side = |object: &serde_json::Map<String, Value>| {
                    object.get(name).cloned().unwrap_or(Value::Null)
                };
                compare(&member(path, name), &side(a), &side(b), list);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let side = |items: &[Value]| items.get(index).cloned().unwrap_or(Value::Null);
                compare(&format!("{path}[{index}]"), &side(a), &side(b), list);
            }
        }
        (a, b) if same(a, b) => {}
        (a, b) => list.push((path.to_owned(), format!("{} became {}", short(a), short(b)))),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

pub(super) fn member(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether `path` is `above` or lies below it.
pub(super) fn lies_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A path with every index as `[]`, for lists of what is permitted.
pub(super) fn without_indexes(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for char in path.chars() {
        match char {
            '[' => {
                plain.push_str("[]");
                inside = true;
            }
            ']' => inside = false,
            _ if !inside => plain.push(char),
            _ => {}
        }
    }
    plain
}
