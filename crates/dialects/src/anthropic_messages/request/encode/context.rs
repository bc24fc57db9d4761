//! What all of the planning shares: the request, the losses, the marks that are left.

use crate::canonical::{CacheMark, Extras, Field, Part, PartBody, Place, Request};
use crate::{Dialect, Losses, Profile, RawJson};

/// The marks that Anthropic allows in one request (`protocols`, section 3).
const MOST_MARKS: usize = 4;

/// The request that is being planned.
pub(super) struct Context<'a, 'l> {
    pub(super) request: &'a Request,
    pub(super) profile: &'a Profile,
    pub(super) losses: &'l mut Losses,
    marks: Marks,
}

/// A mark for the prompt cache, with its time to live in Anthropic's words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark<'a> {
    pub(super) ttl: Option<&'a str>,
}

/// Counts the marks in the order of the prompt.
struct Marks {
    total: usize,
    seen: usize,
}

impl Marks {
    /// Whether the next mark is one of those that are kept: the first, which most calls share, and the last
    /// ones, which the next call of the same conversation needs.
    const fn keep_next(&mut self) -> bool {
        let index = self.seen;
        self.seen += 1;
        self.total <= MOST_MARKS || index == 0 || index + MOST_MARKS > self.total
    }
}

impl<'a, 'l> Context<'a, 'l> {
    pub(super) fn new(request: &'a Request, profile: &'a Profile, losses: &'l mut Losses) -> Self {
        let marks = Marks {
            total: count_marks(request),
            seen: 0,
        };
        Self {
            request,
            profile,
            losses,
            marks,
        }
    }

    /// Whether the client speaks Messages itself, so that its words stay as they are.
    pub(super) fn own(&self) -> bool {
        self.request.origin == Dialect::AnthropicMessages
    }

    /// A field of the request is gone.
    pub(super) fn dropped(&mut self, field: Field) {
        self.losses.dropped(&[self.request.place(field)]);
    }

    /// Something like a field of the request is sent.
    pub(super) fn approximated(&mut self, field: Field) {
        self.losses.approximated(&[self.request.place(field)]);
    }

    /// Something within the object at these places is gone.
    pub(super) fn dropped_in(&mut self, places: &[Place], member: &'static str) {
        self.losses.dropped(&within(places, member));
    }

    /// Something like what is within the object at these places is sent.
    pub(super) fn approximated_in(&mut self, places: &[Place], member: &'static str) {
        self.losses.approximated(&within(places, member));
    }

    /// The extras of an object, which another dialect's object loses.
    pub(super) fn extras(
        &mut self,
        places: &[Place],
        extras: &'a Extras,
    ) -> &'a [(String, RawJson)] {
        if self.own() {
            return extras;
        }
        self.losses.dropped_extras(places, extras);
        &[]
    }

    /// The mark behind an object, if it is one of those that are kept.
    pub(super) fn mark(
        &mut self,
        places: &[Place],
        mark: Option<&'a CacheMark>,
    ) -> Option<Mark<'a>> {
        let mark = mark?;
        let name = Field::CacheMark.path(self.request.origin);
        if !self.marks.keep_next() {
            self.dropped_in(places, name);
            return None;
        }
        match mark.ttl.as_deref() {
            Some(ttl) if !self.own() && !matches!(ttl, "5m" | "1h") => {
                self.approximated_in(places, name);
                Some(Mark { ttl: Some("1h") })
            }
            ttl => Some(Mark { ttl }),
        }
    }

    /// The mark of the whole request.
    pub(super) fn mark_of_the_whole(&mut self) -> Option<Mark<'a>> {
        let mark = self.request.cache.whole.as_ref();
        self.mark(&[], mark)
    }
}

fn within(places: &[Place], member: &'static str) -> Vec<Place> {
    let member = Place::member(member);
    places.iter().copied().chain([member]).collect()
}

fn count_marks(request: &Request) -> usize {
    let tools = request.tools.iter().filter(|tool| tool.cache.is_some());
    let turns = request.turns.iter().flat_map(|turn| &turn.parts);
    let parts = request.system.iter().chain(turns).map(marks_of_part);
    tools.count() + parts.sum::<usize>() + usize::from(request.cache.whole.is_some())
}

fn marks_of_part(part: &Part) -> usize {
    let inner = match &part.body {
        PartBody::ToolResult(result) => result.parts.iter().map(marks_of_part).sum(),
        _ => 0,
    };
    inner + usize::from(part.cache.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(total: usize) -> Vec<usize> {
        let mut marks = Marks { total, seen: 0 };
        (0..total).filter(|_| marks.keep_next()).collect()
    }

    #[test]
    fn the_first_mark_and_the_last_three_are_kept() {
        assert_eq!(kept(3), [0, 1, 2]);
        assert_eq!(kept(4), [0, 1, 2, 3]);
        assert_eq!(kept(7), [0, 4, 5, 6]);
    }
}
