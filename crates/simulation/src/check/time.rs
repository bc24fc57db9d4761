//! [`Rule::InTime`].

use std::time::Duration;

use super::{Found, Rule};
use crate::event::Ending;
use crate::history::Call;
use crate::world::World;

const GRACE: Duration = Duration::from_secs(1);

pub(super) fn check(call: &Call<'_>, world: &World, found: &mut Found) {
    let latest = call.at + world.deadline(call.streamed) + GRACE;
    let seen = call.seen.iter().map(|(at, _)| *at);
    let ends = seen.chain(call.records.iter().map(|record| record.at));
    for end in ends.filter(|end| *end > latest) {
        let late = end.saturating_sub(latest).as_secs_f64();
        found.add(Rule::InTime, call.number, format!("{late} s too late"));
    }
    if call
        .seen
        .is_some_and(|(_, view)| view.ending == Ending::Hung)
    {
        found.add(Rule::InTime, call.number, "it never ended");
    }
}
