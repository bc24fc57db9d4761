//! [`Rule::BytesOnce`].

use super::{Found, Rule};
use crate::event::{Ending, Over, Part, View};
use crate::history::{Call, Exchange};

pub(super) fn check(call: &Call<'_>, found: &mut Found) {
    let Some((_, view)) = call.seen else {
        return;
    };
    let mut blame = |what: String| found.add(Rule::BytesOnce, call.number, what);
    if let Some(disorder) = &view.disorder {
        blame(disorder.clone());
    }
    let last = view.exchange.map(|exchange| Part {
        exchange,
        tokens: view.own_tokens(),
    });
    for part in view.earlier.iter().chain(&last) {
        if let Some(what) = problem(call, *part) {
            blame(what);
        }
    }
    for part in &view.earlier {
        let number = part.exchange;
        if written(call, number).is_some_and(|exchange| !is_dead(exchange)) {
            blame(format!("x{number} was gone on with, and was not dead"));
        }
    }
    if let Some(what) = marks(call, view) {
        blame(what);
    }
}

fn written<'c>(call: &'c Call<'_>, number: u32) -> Option<&'c Exchange<'c>> {
    let mut own = call.exchanges.iter();
    own.find(|exchange| exchange.sent.exchange == number)
}

fn is_dead(exchange: &Exchange<'_>) -> bool {
    exchange.over.is_some_and(|over| over.how != Over::Whole)
}

fn problem(call: &Call<'_>, part: Part) -> Option<String> {
    let number = part.exchange;
    let Some(exchange) = written(call, number) else {
        return Some(format!("tokens of x{number}, which is another call's"));
    };
    let written = exchange.over?.tokens;
    let came = part.tokens;
    (written < came).then(|| format!("{came} tokens of x{number} came, {written} were written"))
}

/// Whoever goes on with another's answer says so, to the client and in the record. Who left may have missed it.
fn marks(call: &Call<'_>, view: &View) -> Option<String> {
    let [record] = call.records.as_slice() else {
        return None;
    };
    let (marks, parts) = (usize::try_from(view.marks).ok()?, view.earlier.len());
    let told = view.ending == Ending::Left || marks == record.recovered;
    let recorded = record.recovered;
    (!told || marks < parts).then(|| {
        format!("{parts} streams were gone on with, {marks} marks came, {recorded} are recorded")
    })
}
