//! What a client asks for is given as far as the operator allows, and it is told where that is less.

use orchestra_testkit::Script;
use serde_json::Value;

use crate::client::{call, request_with};
use crate::stage::{CLIENT_KEY, OTHER_KEY, Stage};

/// The headers of the answer to a call by this client with these header lines.
async fn asked(stage: &Stage, key: &str, more: &str) -> crate::client::Answer {
    let body = br#"{"model":"openai/gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}"#;
    let headers = format!("authorization: Bearer {key}\r\n{more}");
    let request = request_with("POST", "/v1/chat/completions", &headers, body);
    let answer = call(stage, &request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

async fn given(stage: &Stage, key: &str, word: &str) -> Option<String> {
    let answer = asked(stage, key, &format!("x-orchestra-priority: {word}\r\n")).await;
    answer.header("x-orchestra-priority").map(str::to_owned)
}

#[tokio::test]
async fn a_high_priority_is_for_those_who_may_ask_for_it() {
    let usual = Stage::open(Script::new()).await;
    assert_eq!(
        given(&usual, CLIENT_KEY, "high").await.as_deref(),
        Some("normal")
    );
    assert_eq!(given(&usual, CLIENT_KEY, "normal").await, None);
    assert_eq!(given(&usual, CLIENT_KEY, "low").await, None);

    for (table, app, other) in [
        ("most = \"high\"", None, None),
        ("may_ask = { app = \"high\" }", None, Some("normal")),
        (
            "clients = { app = \"high\", other = \"low\" }",
            None,
            Some("low"),
        ),
    ] {
        let table = format!("[overload.priority]\n{table}\n");
        let stage = Stage::with("", &table, Script::new()).await;
        assert_eq!(
            given(&stage, CLIENT_KEY, "high").await.as_deref(),
            app,
            "{table}"
        );
        assert_eq!(
            given(&stage, OTHER_KEY, "high").await.as_deref(),
            other,
            "{table}"
        );
    }
}

/// A tree that comes with the call, and wants every call made twice.
const GREEDY: &str = r#"{"strategy":{"mode":"fallback"},"hedge":{"after":60000,"most_extra":1},"targets":[{"provider":"openai"},{"provider":"anthropic","override_params":{"model":"claude-haiku-4-5"}}]}"#;

async fn hedge(stage: &Stage, config: &str) -> Value {
    let headers = format!("x-portkey-config: {config}\r\nx-orchestra-explain: true\r\n");
    let answer = asked(stage, CLIENT_KEY, &headers).await;
    let plan = answer.header("x-orchestra-plan").expect("a plan");
    let plan: Value = serde_json::from_str(plan).expect("plans are JSON");
    plan["targets"][0]["hedge"].clone()
}

#[tokio::test]
async fn a_callers_tree_has_no_more_calls_made_twice_than_the_operator_allows() {
    let usual = Stage::open(Script::new()).await;
    let found = hedge(&usual, GREEDY).await;
    assert_eq!(
        (&found["most_extra"], &found["most_extra_asked"]),
        (&0.02.into(), &1.0.into())
    );

    let more = "[hedging]\nmost_extra = 0.25\n";
    let generous = Stage::with("", more, Script::new()).await;
    assert_eq!(hedge(&generous, GREEDY).await["most_extra"], 0.25);
    let modest = GREEDY.replace("\"most_extra\":1", "\"most_extra\":0.01");
    let found = hedge(&generous, &modest).await;
    assert_eq!(
        (&found["most_extra"], &found["most_extra_asked"]),
        (&0.01.into(), &Value::Null)
    );

    // What an operator writes holds as it stands, whoever names it.
    let own = "[configs.greedy]\nstrategy = { mode = \"fallback\" }\nhedge = { after = 60000, most_extra = 1 }\n\
               targets = [{ provider = \"openai\" }, { model = \"anthropic/claude-haiku-4-5\" }]\n";
    let stage = Stage::with("", own, Script::new()).await;
    assert_eq!(hedge(&stage, "greedy").await["most_extra"], 1.0);
}
