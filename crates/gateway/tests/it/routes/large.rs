//! Trees that are larger than what a call is brought to.

use orchestra_testkit::Behaviour;
use serde_json::{Value, json};

use super::{ask, behaving, paths};

/// Two alternatives for each of eight targets are as many as there is room for.
fn crowded() -> Vec<Value> {
    let target = |number: usize| {
        let (long, refused) = (format!("two/l{number}"), format!("two/p{number}"));
        json!({ "provider": "one", "on_context_length": long, "on_content_policy": refused })
    };
    (0..8).map(target).collect()
}

#[tokio::test]
async fn an_alternative_for_which_there_is_no_room_leads_nowhere() {
    let refuses = Behaviour::error_with(400, "content_policy_violation", "it is against the rules");
    let stage = behaving([Behaviour::error(500), Behaviour::answer(), refuses]);
    let beyond =
        |provider: &str| json!({ "provider": provider, "on_content_policy": "two/beyond" });
    let mut targets = crowded();
    // Named once where it is cut off, and once more where it is known already.
    targets.extend([beyond("one"), beyond("three")]);
    let config = json!({ "strategy": { "mode": "fallback" }, "targets": targets });
    let got = stage.ask(ask(&config)).await;
    assert_eq!(got.status, 400);
    assert_eq!(got.json()["error"]["code"], "content_policy_violation");
    assert_eq!(paths(&got).last(), Some(&"targets[9]"));
}
