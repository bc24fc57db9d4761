//! [`Rule::BilledOnce`].

use orchestra_types::{Money, Usage};

use super::{Found, Rule};
use crate::event::{Attempted, Charge, Over};
use crate::history::{Call, Exchange, Record};
use crate::world::{Route, World};

/// The word for an attempt that was dropped because another one was faster.
const CALLED_OFF: &str = "cancelled";
/// The word for one that was dropped because the client left.
const ABANDONED: &str = "abandoned";
/// What a usual answer is taken for where nobody tells.
const USUAL_OUTPUT: u64 = 1_000;
/// More than any prompt of this world comes to, however it is estimated.
const MOST_INPUT: u64 = 100;

pub(super) fn check(call: &Call<'_>, world: &World, found: &mut Found) {
    of_charge(call, world, found);
    let [record] = call.records.as_slice() else {
        return;
    };
    for (exchange, attempt) in pairs(call, record, world) {
        if let Some(problem) = problem(call, record, exchange, attempt, world) {
            let number = exchange.sent.exchange;
            let what = format!("x{number}, recorded as {attempt}: {problem}");
            found.add(Rule::BilledOnce, call.number, what);
        }
    }
}

/// All records of the call together charge it for what the upstreams have counted.
fn of_charge(call: &Call<'_>, world: &World, found: &mut Found) {
    let charges = call.records.iter().map(|record| record.charge);
    let charged = charges.fold(Charge::default(), plus);
    let told = call
        .exchanges
        .iter()
        .filter_map(|exchange| Some((exchange, of_exchange(exchange, world)?)));
    let (certain, unseen): (Vec<_>, Vec<_>) =
        told.partition(|(exchange, _)| is_answer(call, exchange));
    let owed = certain
        .iter()
        .fold(Charge::default(), |sum, (_, own)| plus(sum, *own));
    // What a stream told that died before its client had seen anything of it counts if it was the one that the client got.
    let with_last = unseen.last().map(|(_, own)| plus(owed, *own));
    if charged != owed && Some(charged) != with_last {
        let what = format!("the upstreams counted {owed}, it is charged {charged}");
        found.add(Rule::BilledOnce, call.number, what);
    }
}

/// Whether the client got what this one wrote, or would have if it had stayed.
fn is_answer(call: &Call<'_>, exchange: &Exchange<'_>) -> bool {
    let whole = exchange.over.is_some_and(|over| over.how == Over::Whole);
    whole || call.showed(exchange.sent.exchange)
}

/// What an upstream asks for what it has told.
fn of_exchange(exchange: &Exchange<'_>, world: &World) -> Option<Charge> {
    let usage = exchange.over?.counted?;
    let price = world.price(exchange.sent.target);
    Some(Charge {
        usage: Some(usage),
        cost: price.and_then(|price| price.cost(&usage)),
    })
}

/// Of two costs one of which is not known, the sum is not known.
fn plus(one: Charge, other: Charge) -> Charge {
    let (Some(own), Some(further)) = (one.usage, other.usage) else {
        return if one.usage.is_some() { one } else { other };
    };
    let mut usage = own;
    usage += further;
    let cost = one.cost.zip(other.cost);
    Charge {
        usage: Some(usage),
        cost: cost.and_then(|(own, further)| own.checked_add(further)),
    }
}

/// Each request with the attempt that stands for it: in their order, but that the one that decided is the last where several
/// were under way at a time. Nothing if they do not fit.
fn pairs<'c>(
    call: &'c Call<'_>,
    record: &'c Record<'_>,
    world: &World,
) -> Vec<(&'c Exchange<'c>, &'c Attempted)> {
    let count = call.exchanges.len();
    let orders = (0..count).rev().map(|last| {
        let others = (0..count).filter(move |at| *at != last);
        others.chain([last])
    });
    let mut orders = orders.map(|order| {
        let exchanges = order.map(|at| &call.exchanges[at]);
        exchanges.zip(record.attempts).collect::<Vec<_>>()
    });
    let fits = |pairs: &Vec<(&Exchange<'_>, &Attempted)>| {
        let mut pairs = pairs.iter();
        pairs.all(|(exchange, attempt)| may_be(exchange, attempt, world))
    };
    if count == record.attempts.len() {
        orders.find(fits).unwrap_or_default()
    } else {
        Vec::new()
    }
}

/// Whether the attempt can stand for the request, as far as the way in which it ended says.
fn may_be(exchange: &Exchange<'_>, attempt: &Attempted, world: &World) -> bool {
    let how = exchange.over.map(|over| over.how);
    let fits = match attempt.fault {
        None => true,
        Some(CALLED_OFF | ABANDONED) => how == Some(Over::Dropped),
        Some(_) => how != Some(Over::Whole),
    };
    fits && attempt.provider == world.upstreams[exchange.sent.target].name
}

/// What is wrong with how one request was booked.
fn problem(
    call: &Call<'_>,
    record: &Record<'_>,
    exchange: &Exchange<'_>,
    attempt: &Attempted,
    world: &World,
) -> Option<&'static str> {
    let whole = exchange.over.is_some_and(|over| over.how == Over::Whole);
    let left = record.ending == "client_gone";
    match attempt.fault {
        None if !whole && !left => Some("it did not answer"),
        Some(ABANDONED) if !left => Some("its client stayed"),
        Some(CALLED_OFF) if !is_outrun(call, exchange) => Some("nobody was faster"),
        Some(CALLED_OFF) if !is_likely(attempt.estimate, exchange, world) => {
            Some("what it may have cost is not booked, or not at its price")
        }
        Some(CALLED_OFF) | None => None,
        Some(_) if attempt.estimate.is_some() => Some("it is booked as if it had been called off"),
        Some(_) => None,
    }
}

/// Whether another request of the call was under way, or done, when this one was over.
fn is_outrun(call: &Call<'_>, exchange: &Exchange<'_>) -> bool {
    let Some(over) = exchange.over else {
        return false;
    };
    let mut others = call.exchanges.iter();
    others.any(|other| {
        let own = other.sent.exchange == exchange.sent.exchange;
        !own && other.at <= over.at && other.over.is_none_or(|other| other.at >= over.at)
    })
}

/// Whether this is what a usual answer of the upstream costs, with a short prompt; nothing if its price is not known.
fn is_likely(estimate: Option<Money>, exchange: &Exchange<'_>, world: &World) -> bool {
    let cost = |input, output| {
        let usage = Usage {
            input,
            output,
            ..Usage::default()
        };
        world.price(exchange.sent.target)?.cost(&usage)
    };
    let between = |estimate, fewest, longest| {
        let (least, most) = (cost(1, fewest), cost(MOST_INPUT, longest));
        let bounds = least.zip(most);
        bounds.is_some_and(|(least, most)| least <= estimate && estimate <= most)
    };
    let (fewest, longest) = world.upstreams[exchange.sent.target].tokens;
    match (estimate, cost(1, 1)) {
        // A configuration's own calls may be longer, and their answers shorter.
        (Some(_), Some(_)) if matches!(world.route, Route::Configured(_)) => true,
        // Until enough of its answers are known, and what their mean is from then on.
        (Some(estimate), Some(_)) => {
            between(estimate, USUAL_OUTPUT, USUAL_OUTPUT)
                || between(estimate, u64::from(fewest.max(1)), u64::from(longest))
        }
        (estimate, price) => estimate.is_none() && price.is_none(),
    }
}
