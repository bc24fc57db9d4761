//! [`Rule::BytesOnce`].

use super::{Found, Rule};
use crate::history::Call;

pub(super) fn check(call: &Call<'_>, found: &mut Found) {
    let Some((_, view)) = call.seen else {
        return;
    };
    let mut blame = |what: String| found.add(Rule::BytesOnce, call.number, what);
    if let Some(disorder) = &view.disorder {
        blame(disorder.clone());
    }
    let Some(exchange) = view.exchange else {
        return;
    };
    match call.source().map(|source| source.over) {
        None => blame(format!("tokens of x{exchange}, which is another call's")),
        Some(Some(over)) if over.tokens < view.tokens => blame(format!(
            "{} tokens came, {} were written",
            view.tokens, over.tokens
        )),
        Some(_) => {}
    }
}
