//! Names of tools at targets that take fewer characters than the client's dialect.

use std::borrow::Cow;

use super::{Part, PartBody, Request, Tool};

/// The longest name that every vendor takes.
const LONGEST: usize = 64;

/// The name by which a tool goes at every vendor: the name itself where it consists of at most 64 ASCII letters,
/// digits, `_` and `-`, as OpenAI and Anthropic have it; otherwise one made from it, always the same.
pub(crate) fn portable_name(name: &str) -> Cow<'_, str> {
    if !name.is_empty() && name.len() <= LONGEST && name.bytes().all(is_portable) {
        return Cow::Borrowed(name);
    }
    let hash = format!("_{:08x}", fnv1a(name));
    let kept = name
        .chars()
        .map(|char| match u8::try_from(char) {
            Ok(byte) if is_portable(byte) => char,
            _ => '_',
        })
        .take(LONGEST - hash.len());
    Cow::Owned(kept.chain(hash.chars()).collect())
}

const fn is_portable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// FNV-1a of 32 bits (draft-eastlake-fnv), so that names which differ only in what was replaced stay apart.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// The tools that may go by another name than the client's.
#[derive(Debug)]
pub(crate) struct Renamed(Vec<(String, String)>);

impl Request {
    /// Its tools whose names not every vendor takes.
    pub(crate) fn renamed_tools(&self) -> Renamed {
        let names = self.tools.iter().filter_map(Tool::name);
        let renamed = names.filter_map(|name| match portable_name(name) {
            Cow::Owned(portable) => Some((portable, name.to_owned())),
            Cow::Borrowed(_) => None,
        });
        Renamed(renamed.collect())
    }
}

impl Renamed {
    /// Whether there are none, as nearly always.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names the tool of a call as the client does.
    pub(crate) fn restore(&self, part: &mut Part) {
        if let PartBody::ToolUse(call) = &mut part.body
            && let Some((_, name)) = self.0.iter().find(|(portable, _)| *portable == call.name)
        {
            call.name.clone_from(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::canonical::{Place, ToolBody, ToolUse};

    #[test]
    fn odd_names_become_portable_and_stay_apart() {
        let long = "x".repeat(65);
        for name in ["get_weather", "a-B-9", &"y".repeat(64)] {
            assert_eq!(portable_name(name), name);
        }
        let odd = ["a.b", "a:b", "a b", "größe", "", &long];
        let portable: Vec<_> = odd.into_iter().map(portable_name).collect();
        for (at, name) in portable.iter().enumerate() {
            assert!(
                name.len() <= LONGEST && name.bytes().all(is_portable),
                "{name}"
            );
            assert!(!portable[..at].contains(name), "{name}");
        }
        assert_eq!(portable[0], portable_name("a.b"));
    }

    #[test]
    fn the_clients_name_is_found_again() {
        let mut request = Request::new(Dialect::Gemini, "m");
        for name in ["plain", "files.read"] {
            let body = ToolBody::Function {
                name: name.into(),
                description: None,
                schema: None,
                strict: None,
            };
            request.tools.push(Tool::new(body, Place::default()));
        }
        let renamed = request.renamed_tools();
        let restored = |name: &str| {
            let mut part: Part = PartBody::ToolUse(ToolUse {
                name: name.into(),
                ..ToolUse::default()
            })
            .into();
            renamed.restore(&mut part);
            part.as_tool_use().map(|call| call.name.clone())
        };
        let sent = portable_name("files.read");
        assert_eq!(restored(&sent).as_deref(), Some("files.read"));
        for name in ["plain", "files.read", "unknown"] {
            assert_eq!(restored(name).as_deref(), Some(name));
        }
    }
}
