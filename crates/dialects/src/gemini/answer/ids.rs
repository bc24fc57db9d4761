//! Ids for calls that come without.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use crate::canonical::{Extras, ToolUse};

use super::super::carry::{ID, note_absence};

/// Gives a call an id if it has none: the same one however often the answer is read, streamed or not, and
/// another one than any other call of the conversation has.
pub(in crate::gemini) fn give_id(
    call: &mut ToolUse,
    extras: &mut Extras,
    answer: &str,
    choice: usize,
    ordinal: usize,
) {
    if call.id.is_empty() {
        call.id = made_id(call, answer, choice, ordinal);
        note_absence(extras, ID);
    }
}

/// An id from that of the answer. If the answer has none, what the call says must do.
fn made_id(call: &ToolUse, answer: &str, choice: usize, ordinal: usize) -> String {
    // OpenAI's ids have 64 characters at most, Anthropic's no others than these.
    const LONGEST: usize = 40;
    let plain = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    let mut answer: String = answer.chars().filter(plain).take(LONGEST).collect();
    if answer.is_empty() {
        let mut hasher = BuildHasherDefault::<Fnv>::default().build_hasher();
        hasher.write(call.name.as_bytes());
        hasher.write(call.input.as_str().as_bytes());
        answer = format!("{:016x}", hasher.finish());
    }
    match choice {
        0 => format!("call_{answer}_{ordinal}"),
        _ => format!("call_{answer}_{choice}_{ordinal}"),
    }
}

/// FNV-1a, whose results stay the same in every build.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::ToolInput;

    fn call(name: &str) -> ToolUse {
        ToolUse {
            name: name.into(),
            input: ToolInput::Json("{}".into()),
            ..ToolUse::default()
        }
    }

    #[test]
    fn ids_are_made_from_what_is_unique() {
        let made = |name, answer, choice, ordinal| made_id(&call(name), answer, choice, ordinal);
        assert_eq!(made("a", "mAit-a_1", 0, 0), "call_mAit-a_1_0");
        assert_eq!(made("a", "mAit", 2, 1), "call_mAit_2_1");
        assert_eq!(made("a", "é/…", 0, 0), made("a", "", 0, 0));
        assert_ne!(made("a", "", 0, 0), made("b", "", 0, 0));
        assert!(made("a", &"x".repeat(200), 7, 99).len() <= 64);
    }

    #[test]
    fn a_given_id_stays() {
        let (mut given, mut extras) = (call("a"), Extras::new());
        given.id = "x".into();
        give_id(&mut given, &mut extras, "r", 0, 0);
        assert_eq!((&*given.id, extras.len()), ("x", 0));
    }
}
