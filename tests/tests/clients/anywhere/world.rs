//! A server before one upstream, which it knows as several providers of one dialect each.

use std::fmt::Write;
use std::time::Duration;

use orchestra_testkit::{Agent, At, Behaviour, How, Script, Upstream, When};

use crate::harness::Server;

/// Google tells in the body how long to wait.
const GOOGLE_LIMITED: &str = r#"{"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED",
  "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]}}"#;

/// The upstream and the server that stands before it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) upstream: Upstream,
    pub(super) server: Server,
}

impl World {
    /// With an upstream that is this agent's model where no fault is asked for.
    pub(super) async fn start(agent: &Agent) -> Self {
        Self::with(agent, "").await
    }

    /// The same with some further configuration.
    pub(super) async fn with(agent: &Agent, further: &str) -> Self {
        let upstream = Upstream::start(script(agent)).expect("there is a free port");
        let server = Server::start(&(config(&upstream) + further)).await;
        Self { upstream, server }
    }
}

fn script(agent: &Agent) -> Script {
    let long = || Behaviour::answer().chunks(20).gap(Duration::from_millis(2));
    let limited = Behaviour::error(429).retry_after(7);
    let refused = Behaviour::error_with(400, "invalid_request", "far too many notes");
    let faults = [
        ("limited", limited),
        ("broken", Behaviour::error(500)),
        ("refused", refused),
        ("cut", long().interrupt(At::AfterEvents(8), How::Close)),
        ("fails", long().error_event(8)),
        ("endless", long().endless()),
    ];
    let script = Script::new().on(
        When::path("generateContent").and(When::model("*-limited")),
        Behaviour::json(429, GOOGLE_LIMITED),
    );
    let script = faults
        .into_iter()
        .fold(script, |script, (name, behaviour)| {
            script.on(When::model(format!("*-{name}")), behaviour)
        });
    let aloud = agent.clone().reasoning_content();
    script
        .on(When::model("deepseek-*"), Behaviour::agent(aloud))
        .otherwise(Behaviour::agent(agent.clone()))
}

/// Each provider serves one endpoint, and one way leads to it.
fn config(upstream: &Upstream) -> String {
    let mut text = String::from(
        "[server]\nclient_keys = [{ name = \"app\", key = \"env:CLIENT_KEY_OF_THE_TESTS\" }]\n",
    );
    for (name, kind, base, endpoints) in [
        ("chat-only", "openai", "/v1", "chat_completions"),
        ("responses-only", "openai", "/v1", "responses"),
        ("messages-only", "anthropic", "/v1", "messages"),
        ("gemini-only", "gemini", "/v1beta", "generate_content"),
        ("deepseek", "deepseek", "", "chat_completions"),
    ] {
        writeln!(
            text,
            "[[providers]]\nname = \"{name}\"\nkind = \"{kind}\"\nkey = \"env:OPENAI_API_KEY\"\n\
             base_url = \"{}{base}\"\n[providers.overrides]\nendpoints = [\"{endpoints}\"]\n\
             paths = {{}}\ntranslate_to = [\"{endpoints}\"]",
            upstream.base_url()
        )
        .expect("a string takes everything");
    }
    text
}
