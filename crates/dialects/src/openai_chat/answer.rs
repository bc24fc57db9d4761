//! Answers in one piece.

mod citations;
mod decode;
mod encode;
mod message;
mod read;

use crate::canonical::Place;

pub(super) use citations::{is_sayable, note_citation, read_annotation, write_annotation};
pub(super) use decode::{argument_text, decode};
pub(super) use encode::{encode, finish_place, id, tier_word};
pub(super) use message::{image_url, note_call, write_image};
pub(super) use read::{MadeIds, read_image};

/// Where the losses of answers stand.
pub(super) const ANSWER: Place = Place::member("answer");

/// Stands in `content` between texts between which there was something else, such as a call: Chat has one text
/// for all, and sentences should not run together. Texts that followed each other are one text cut by
/// its citations.
pub(super) const BETWEEN: &str = "\n\n";
pub(super) const BETWEEN_CHARS: u64 = 2;

/// The place of a member of a choice, written as of the first; of another, only which one is told.
pub(super) fn place(choice: u32, first: &'static str) -> Place {
    match choice {
        0 => Place::member(first),
        other => Place {
            member: "choices",
            index: Some(other),
        },
    }
}
