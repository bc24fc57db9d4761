//! Where something stood in the client's request, so that messages can name it in the client's terms.

use std::fmt::Write;

/// One step of a path: a member, and the index if the member is a list.
///
/// Two places are always equal: where something stood is no part of what it says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// The member's name; empty for "the same object as the step before".
    pub member: &'static str,
    /// The index in it, if it is a list.
    pub index: Option<u32>,
}

impl Place {
    /// The member itself.
    #[must_use]
    pub const fn member(member: &'static str) -> Self {
        Self {
            member,
            index: None,
        }
    }

    /// An item of the member.
    #[must_use]
    pub fn item(member: &'static str, index: usize) -> Self {
        Self {
            member,
            index: Some(u32::try_from(index).unwrap_or(u32::MAX)),
        }
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

/// Writes a path as clients know it, such as `messages[3].content[1]`.
///
/// ```
/// use orchestra_dialects::canonical::{Place, path};
///
/// let places = [Place::item("messages", 3), Place::item("content", 1), Place::member("cache_control")];
/// assert_eq!(path(&places), "messages[3].content[1].cache_control");
/// ```
#[must_use]
pub fn path(places: &[Place]) -> String {
    let mut path = String::new();
    for place in places {
        if !place.member.is_empty() {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(place.member);
        }
        if let Some(index) = place.index {
            // Writing to a string cannot fail.
            let _ = write!(path, "[{index}]");
        }
    }
    path
}
