//! What a tree changes in a call's body.

use std::borrow::Cow;

use orchestra_dialects::{HeadLimits, Splice};
use orchestra_routing::Settings;
use serde_json::Value;

use crate::call::Call;
use crate::refusal::Refusal;

/// The call with the members that the tree sets, and without those that it takes out; `None` if it changes nothing.
/// Defaults come first, then what is set whatever the caller wrote, then what is taken out. All else stays byte for
/// byte. The model is not set here: it is part of the target.
///
/// # Errors
/// [`Refusal`] if what comes out is no call any more.
pub(crate) fn edit(
    call: &Call,
    settings: &Settings,
    limits: &HeadLimits,
) -> Result<Option<Call>, Refusal> {
    let edits = edits(call, settings);
    if edits.is_empty() {
        return Ok(None);
    }
    let mut splice = Splice::new(&call.body, &call.head);
    for (name, value) in &edits {
        splice = match value {
            Some(json) => splice.set(name, json.as_str()),
            None => splice.remove(name),
        };
    }
    let body = splice.finish();
    call.with_body(body.into(), limits).map(Some)
}

/// Each member that changes, with what it becomes; `None` for one that goes.
fn edits<'s>(call: &Call, settings: &'s Settings) -> Vec<(Cow<'s, str>, Option<String>)> {
    let mut edits: Vec<(Cow<'s, str>, Option<String>)> = Vec::new();
    let own = |name: &&String| name.as_str() != "model";
    let absent = |name: &&String| call.member(name).is_none();
    for name in settings.default_params.keys().filter(own).filter(absent) {
        put(&mut edits, name, settings.default_params[name].to_string());
    }
    for name in settings.override_params.keys().filter(own) {
        put(&mut edits, name, settings.override_params[name].to_string());
    }
    for path in settings.drop_params.iter().filter_map(|path| parse(path)) {
        drop_at(call, &mut edits, &path);
    }
    edits
}

fn put<'s>(edits: &mut Vec<(Cow<'s, str>, Option<String>)>, name: &'s str, json: String) {
    match edits.iter_mut().find(|(edited, _)| edited == name) {
        Some((_, value)) => *value = Some(json),
        None => edits.push((Cow::Borrowed(name), Some(json))),
    }
}

/// Takes out what is at the path, in the body or in what an earlier edit made of it.
fn drop_at(call: &Call, edits: &mut Vec<(Cow<'_, str>, Option<String>)>, path: &[Step]) {
    let Some((Step::Member(name), below)) = path.split_first() else {
        return;
    };
    let edited = edits.iter().position(|(edited, _)| edited == name);
    let now = match edited {
        Some(at) => edits[at].1.as_deref(),
        None => call.member(name),
    };
    let Some(now) = now else {
        return;
    };
    let after = if below.is_empty() {
        None
    } else {
        let Ok(mut value) = serde_json::from_str(now) else {
            return;
        };
        if !take_out(&mut value, below) {
            return;
        }
        Some(value.to_string())
    };
    match edited {
        Some(at) => edits[at].1 = after,
        None => edits.push((Cow::Owned(name.clone()), after)),
    }
}

/// A step of a path such as `tools[*].function.strict`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
    Items,
}

/// Whether anything was there.
fn take_out(value: &mut Value, path: &[Step]) -> bool {
    let Some((step, below)) = path.split_first() else {
        return false;
    };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => {
            if below.is_empty() {
                return members.remove(name).is_some();
            }
            let member = members.get_mut(name);
            member.is_some_and(|member| take_out(member, below))
        }
        (Step::Item(index), Value::Array(items)) => {
            if below.is_empty() {
                let there = *index < items.len();
                if there {
                    items.remove(*index);
                }
                return there;
            }
            let item = items.get_mut(*index);
            item.is_some_and(|item| take_out(item, below))
        }
        (Step::Items, Value::Array(items)) => {
            if below.is_empty() {
                let there = !items.is_empty();
                items.clear();
                return there;
            }
            // Every one of them, whatever the others had.
            let taken = items.iter_mut().map(|item| take_out(item, below));
            taken.filter(|there| *there).count() > 0
        }
        _ => false,
    }
}

/// Checks that each path can be read.
///
/// # Errors
/// What is wrong with the first that cannot.
pub(super) fn check_paths(paths: &[String]) -> Result<(), String> {
    match paths.iter().find(|path| parse(path).is_none()) {
        Some(path) => Err(format!(
            "`{path}` is no path to a member of a body, such as `user` or `tools[*].function.strict`"
        )),
        None if paths.iter().any(|path| path == "model") => {
            Err("a call needs its `model`; a target may ask for another".to_owned())
        }
        None => Ok(()),
    }
}

fn parse(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, items) = match part.find('[') {
            Some(at) => part.split_at(at),
            None => (part, ""),
        };
        if name.is_empty() || name.contains(']') {
            return None;
        }
        steps.push(Step::Member(name.to_owned()));
        let mut left = items;
        while !left.is_empty() {
            let (index, behind) = left.strip_prefix('[')?.split_once(']')?;
            steps.push(match index {
                "*" => Step::Items,
                index => Step::Item(index.parse().ok()?),
            });
            left = behind;
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_read_or_refused() {
        for path in ["user", "a.b", "tools[*].function.strict", "a[0][1].b"] {
            assert!(parse(path).is_some(), "{path}");
        }
        for path in ["", ".", "a.", "[0]", "a[", "a[x]", "a[-1]", "a[0]b", "a]"] {
            assert!(check_paths(&[path.to_owned()]).is_err(), "{path}");
        }
        assert!(check_paths(&["model".to_owned()]).is_err());
    }

    #[test]
    fn what_is_at_a_path_goes_and_nothing_else() {
        let value = json!([{ "f": { "strict": true, "x": 1 } }, { "f": {} }, 3]);
        let cases = [
            (
                "[*].f.strict",
                Some(json!([{ "f": { "x": 1 } }, { "f": {} }, 3])),
            ),
            ("[0].f", Some(json!([{}, { "f": {} }, 3]))),
            (
                "[2]",
                Some(json!([{ "f": { "strict": true, "x": 1 } }, { "f": {} }])),
            ),
            ("[9].f", None),
            ("[*].g", None),
        ];
        for (path, expected) in cases {
            let mut changed = value.clone();
            let steps = parse(&format!("tools{path}")).unwrap();
            let there = take_out(&mut changed, &steps[1..]);
            assert_eq!(there.then_some(changed), expected, "{path}");
        }
    }
}
