//! A server before one upstream, which it knows as several providers of one dialect each.

use std::fmt::Write;
use std::time::Duration;

use orchestra_testkit::{Agent, At, Behaviour, Finish, How, Script, Upstream, When};

use crate::harness::{Server, nobody_listens};

/// Google tells in the body how long to wait.
const GOOGLE_LIMITED: &str = r#"{"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED",
  "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}]}}"#;

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

    /// The same with further aliases, each a line of the table `models`.
    pub(super) async fn with(agent: &Agent, further: &str) -> Self {
        let upstream = Upstream::start(script(agent)).expect("there is a free port");
        let server = Server::start(&(config(&upstream) + further)).await;
        Self { upstream, server }
    }
}

fn script(agent: &Agent) -> Script {
    let long = || Behaviour::answer().chunks(20).gap(Duration::from_millis(2));
    let limited = Behaviour::error(429).retry_after(17);
    let refused = Behaviour::error_with(400, "invalid_request", "far too many notes");
    let faults = [
        ("limited", limited),
        ("broken", Behaviour::error(500)),
        ("refused", refused),
        ("quote", Behaviour::quote()),
        ("short", Behaviour::answer().finish(Finish::Length)),
        ("filtered", Behaviour::answer().finish(Finish::Filtered)),
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
    let aloud = |agent: &Agent| Behaviour::agent(agent.clone().reasoning_content());
    script
        .on(When::model("deepseek-*-noting"), aloud(&noting()))
        .on(When::model("*-noting"), Behaviour::agent(noting()))
        .on(When::model("deepseek-*"), aloud(agent))
        .otherwise(Behaviour::agent(agent.clone()))
}

/// It calls a tool that takes a text, as one whose only argument is called `input`.
fn noting() -> Agent {
    Agent::new().call("note", r#"{"input": "line 1\n\"line\" 2 🏔"}"#)
}

/// An upstream of one dialect, as the server knows it.
struct Row {
    /// What the clients' scripts call it.
    short: &'static str,
    name: &'static str,
    kind: &'static str,
    base: &'static str,
    endpoint: &'static str,
    model: &'static str,
}

const ROWS: [Row; 5] = [
    Row {
        short: "chat",
        name: "chat-only",
        kind: "openai",
        base: "/v1",
        endpoint: "chat_completions",
        model: "gpt-5-mini",
    },
    Row {
        short: "responses",
        name: "responses-only",
        kind: "openai",
        base: "/v1",
        endpoint: "responses",
        model: "gpt-5-mini",
    },
    Row {
        short: "messages",
        name: "messages-only",
        kind: "anthropic",
        base: "/v1",
        endpoint: "messages",
        model: "claude-sonnet-5-5",
    },
    Row {
        short: "gemini",
        name: "gemini-only",
        kind: "gemini",
        base: "/v1beta",
        endpoint: "generate_content",
        model: "gemini-3.1-pro-preview",
    },
    Row {
        short: "deepseek",
        name: "deepseek",
        kind: "deepseek",
        base: "",
        endpoint: "chat_completions",
        model: "deepseek-v4-pro",
    },
];

/// Each provider serves one endpoint, and one way leads to it. Aliases lead to each from one of
/// another dialect that fails.
fn config(upstream: &Upstream) -> String {
    let mut text = String::from(
        "[server]\nclient_keys = [{ name = \"app\", key = \"env:CLIENT_KEY_OF_THE_TESTS\" }]\n",
    );
    let mut models = String::from("[models]\n");
    let (there, nowhere) = (upstream.base_url(), nobody_listens());
    for (at, row) in ROWS.iter().enumerate() {
        let before = &ROWS[(at + ROWS.len() - 1) % ROWS.len()];
        provider(&mut text, row.name, row, &there);
        for (fault, origin) in [("broken", &there), ("gone", &nowhere)] {
            let name = format!("{fault}-before-{}", row.short);
            provider(&mut text, &name, before, origin);
            writeln!(
                models,
                "{fault}-then-{} = [\"{name}/{}-broken\", \"{}/{}\"]",
                row.short, before.model, row.name, row.model
            )
            .expect("a string takes everything");
        }
    }
    text + &models
}

fn provider(text: &mut String, name: &str, row: &Row, origin: &str) {
    let Row {
        kind,
        base,
        endpoint,
        ..
    } = row;
    writeln!(
        text,
        "[[providers]]\nname = \"{name}\"\nkind = \"{kind}\"\nkey = \"env:OPENAI_API_KEY\"\n\
         base_url = \"{origin}{base}\"\n[providers.overrides]\nendpoints = [\"{endpoint}\"]\n\
         paths = {{}}\ntranslate_to = [\"{endpoint}\"]\npatterns = []\nmodels = []"
    )
    .expect("a string takes everything");
}
