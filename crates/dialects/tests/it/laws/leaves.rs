//! The single values of a JSON document.

use serde_json::Value;

use super::compare::member;

/// The paths of all strings, numbers and booleans, as clients write them and as pointers
/// (RFC 6901).
pub(super) fn leaves(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect("", "", value, &mut found);
    found
}

fn collect(path: &str, pointer: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let pointer = format!("{pointer}/{escaped}");
                collect(&member(path, name), &pointer, value, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                collect(&path, &format!("{pointer}/{index}"), value, found);
            }
        }
        Value::Null => {}
        _ => found.push((path.to_owned(), pointer.to_owned())),
    }
}

/// The document with another value of the same kind at the pointer; several, where one alone could mean the same.
pub(super) fn altered(document: &Value, pointer: &str) -> Vec<Value> {
    let Some(value) = document.pointer(pointer) else {
        return Vec::new();
    };
    let others = match value {
        // Behind and before, since some texts are read only at their beginning.
        Value::String(text) => vec![format!("{text}x").into(), format!("x{text}").into()],
        Value::Number(number) => {
            let half = number.as_f64().unwrap_or_default() / 2.0;
            match number.as_i64() {
                Some(count) => vec![(count + 1).into()],
                None => vec![half.into()],
            }
        }
        Value::Bool(flag) => vec![(!flag).into()],
        _ => Vec::new(),
    };
    let with = |other: Value| {
        let mut document = document.clone();
        if let Some(place) = document.pointer_mut(pointer) {
            *place = other;
        }
        document
    };
    others.into_iter().map(with).collect()
}

/// The document without the member or item at the pointer. What must be there cannot be removed unseen.
pub(super) fn without(document: &Value, pointer: &str) -> Option<Value> {
    let (above, name) = pointer.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    let mut document = document.clone();
    match document.pointer_mut(above)? {
        Value::Object(members) => members.remove(&name).map(drop)?,
        Value::Array(items) => drop(items.remove(name.parse().ok()?)),
        _ => return None,
    }
    Some(document)
}
