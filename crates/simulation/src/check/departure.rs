//! [`Rule::NothingLeft`].

use std::time::Duration;

use super::{Found, Rule};
use crate::event::Ending;
use crate::history::Call;

const GRACE: Duration = Duration::from_secs(1);

pub(super) fn check(call: &Call<'_>, found: &mut Found) {
    let Some((gone, view)) = call.seen else {
        return;
    };
    let latest = gone + GRACE;
    let mut blame = |what: String| found.add(Rule::NothingLeft, call.number, what);
    for exchange in &call.exchanges {
        if exchange.over.is_none_or(|over| over.at > latest) {
            let number = exchange.sent.exchange;
            blame(format!("x{number} went on after the client was gone"));
        }
    }
    for record in call.records.iter().filter(|record| record.at > latest) {
        blame(format!("it is recorded as {} too late", record.ending));
    }
    let left = view.ending == Ending::Left;
    let known = |word: &str| matches!(word, "client_gone" | "completed" | "failed" | "interrupted");
    if left && !call.records.iter().any(|record| known(record.ending)) {
        blame("the client left and no record says so".to_owned());
    }
}
