//! [`Rule::OneRecord`].

use super::{Found, Rule};
use crate::history::{Call, Calls};
use crate::world::World;

pub(super) fn check(calls: &Calls<'_>, world: &World, found: &mut Found) {
    for stray in &calls.strays {
        found.add(Rule::OneRecord, None, format!("of no call: {stray}"));
    }
    for call in &calls.calls {
        of_call(call, world, found);
    }
}

fn of_call(call: &Call<'_>, world: &World, found: &mut Found) {
    let [record] = call.records.as_slice() else {
        let what = format!("{} records", call.records.len());
        return found.add(Rule::OneRecord, call.number, what);
    };
    let names = |target: usize| world.upstreams[target].name.as_str();
    let sent = call
        .exchanges
        .iter()
        .map(|exchange| names(exchange.sent.target));
    let recorded = record
        .attempts
        .iter()
        .map(|attempt| attempt.provider.as_str());
    let (sent, recorded): (Vec<_>, Vec<_>) = (sent.collect(), recorded.collect());
    let same = sent == recorded || call.is_hedged() && decided_last(&sent, &recorded);
    if !same {
        let what = format!("sent to {sent:?}, recorded {recorded:?}");
        found.add(Rule::OneRecord, call.number, what);
    }
    let faultless = record.attempts.iter().rev().skip(1);
    if faultless.clone().any(|attempt| attempt.fault.is_none()) {
        let what = "an attempt without a fault was followed by another";
        found.add(Rule::OneRecord, call.number, what);
    }
}

/// Whether one of the requests is recorded as the last, which decided, and the others before it in their order.
fn decided_last(sent: &[&str], recorded: &[&str]) -> bool {
    let Some((last, others)) = recorded.split_last() else {
        return sent.is_empty();
    };
    let rest = |at: usize| sent[..at].iter().chain(&sent[at + 1..]);
    (0..sent.len()).any(|at| sent[at] == *last && rest(at).eq(others))
}
