//! [`Rule::HonestEnd`].

use super::{Found, Rule};
use crate::event::{Ending, Over};
use crate::history::Call;

pub(super) fn check(call: &Call<'_>, found: &mut Found) {
    let Some((_, view)) = call.seen else {
        return found.add(
            Rule::HonestEnd,
            call.number,
            "the client never got to an end",
        );
    };
    let mut blame = |what: String| found.add(Rule::HonestEnd, call.number, what);
    match view.ending {
        Ending::Complete => {
            let over = call.source().and_then(|source| source.over);
            match over {
                Some(over) if over.how == Over::Whole && over.tokens == view.own_tokens() => {}
                other => blame(format!(
                    "it looks complete with {} tokens: {other:?}",
                    view.own_tokens()
                )),
            }
        }
        Ending::Silence => blame("the answer stops and nobody says why".to_owned()),
        Ending::Error | Ending::Left | Ending::Hung => {}
    }
    for record in &call.records {
        if !agree(view.ending, record.ending) {
            let (seen, recorded) = (view.ending, record.ending);
            blame(format!(
                "the client saw {seen:?}, the record says {recorded}"
            ));
        }
    }
}

/// Whether client and gateway mean the same. Who leaves may miss an end that was on its way.
fn agree(seen: Ending, recorded: &str) -> bool {
    match seen {
        Ending::Complete => recorded == "completed",
        Ending::Error => matches!(recorded, "failed" | "interrupted" | "refused"),
        Ending::Left => true,
        Ending::Silence | Ending::Hung => recorded != "completed",
    }
}
