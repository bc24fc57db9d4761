//! `/metrics`: what is counted, in a format that scrapers read, without a word of a client's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orchestra_testkit::{Behaviour, Script, When};

use crate::client::{Answer, Client, call, request, request_with};
use crate::prometheus::Exposition;
use crate::stage::{CLIENT_KEY, PROVIDER_KEY, Stage, soon};

async fn scrape(stage: &Stage) -> Exposition {
    let answer = call(stage, &request("GET", "/metrics", b"")).await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(!text.contains(CLIENT_KEY) && !text.contains(PROVIDER_KEY));
    Exposition::read(&text)
}

fn chat(model: &str, stream: bool) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"Hi"}}]}}"#
    );
    request("POST", "/v1/chat/completions", body.as_bytes())
}

/// The record of a stream is there when its answer's last byte is; a scrape may be faster.
async fn scrape_until(stage: &Stage, calls: f64) -> Exposition {
    soon("the calls to be counted", async {
        loop {
            let read = scrape(stage).await;
            if read.sum("orchestra_calls_total", &[("endpoint", "chat_completions")]) >= calls {
                return read;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

#[tokio::test]
async fn calls_attempts_tokens_and_times_are_counted() {
    let script = Script::new()
        .on(When::model("failing-model"), Behaviour::error(503))
        .on(When::model("wrong-model"), Behaviour::error(400));
    let models = "[models]\nmine = [\"openai/failing-model\", \"openai/gpt-5-mini\"]\nwrong = \"openai/wrong-model\"\n";
    let stage = Stage::with("", models, script).await;
    let empty = scrape(&stage).await;
    assert_eq!(empty.sum("orchestra_calls_total", &[]), 0.0);
    for (model, stream, status) in [
        ("openai/gpt-5-mini", false, 200),
        ("openai/gpt-5-mini", true, 200),
        ("mine", false, 200),
        ("wrong", false, 400),
        ("nothing/at-all", false, 404),
    ] {
        let answer = call(&stage, &chat(model, stream)).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
    }
    let read = scrape_until(&stage, 5.0).await;

    let calls = |ending, status| {
        let labels = [
            ("endpoint", "chat_completions"),
            ("ending", ending),
            ("status", status),
        ];
        read.sum("orchestra_calls_total", &labels)
    };
    assert_eq!(calls("completed", "2xx"), 3.0);
    assert_eq!(calls("failed", "4xx") + calls("refused", "4xx"), 2.0);
    let attempts = |model, fault| {
        let labels = [("provider", "openai"), ("model", model), ("fault", fault)];
        read.sum("orchestra_attempts_total", &labels)
    };
    assert_eq!(attempts("gpt-5-mini", "none"), 3.0);
    assert_eq!(
        attempts("failing-model", "overloaded") + attempts("failing-model", "server"),
        1.0
    );
    assert_eq!(attempts("wrong-model", "invalid_request"), 1.0);
    assert_eq!(attempts("other", "none"), 0.0);
    for kind in ["input", "output"] {
        let labels = [
            ("provider", "openai"),
            ("model", "gpt-5-mini"),
            ("kind", kind),
        ];
        assert!(read.sum("orchestra_tokens_total", &labels) > 0.0, "{kind}");
    }
    for (name, labels, count) in [
        (
            "orchestra_call_duration_seconds_count",
            ("streamed", "true"),
            1.0,
        ),
        (
            "orchestra_call_first_byte_seconds_count",
            ("streamed", "true"),
            1.0,
        ),
        (
            "orchestra_time_to_first_token_seconds_count",
            ("provider", "openai"),
            1.0,
        ),
        (
            "orchestra_answer_duration_seconds_count",
            ("provider", "openai"),
            2.0,
        ),
        (
            "orchestra_added_seconds_count",
            ("endpoint", "chat_completions"),
            2.0,
        ),
        ("orchestra_provider_up", ("provider", "openai"), 1.0),
        ("orchestra_provider_up", ("provider", "anthropic"), 1.0),
        ("orchestra_provider_in_flight", ("provider", "openai"), 0.0),
        ("orchestra_provider_keys", ("state", "ready"), 2.0),
        (
            "orchestra_build_info",
            ("version", env!("CARGO_PKG_VERSION")),
            1.0,
        ),
    ] {
        assert_eq!(read.sum(name, &[labels]), count, "{name} {labels:?}");
    }
    assert!(read.sum("orchestra_provider_breakers", &[("state", "closed")]) >= 3.0);
    assert!(read.sum("orchestra_connections", &[]) >= 1.0);
    assert!(read.sum("orchestra_requests_in_flight", &[]) >= 1.0);
    assert!(read.sum("process_start_time_seconds", &[]) > 1.7e9);
}

#[tokio::test]
async fn an_open_breaker_and_a_call_on_its_way_are_seen() {
    let script = Script::new()
        .on(When::model("gpt-5-mini"), Behaviour::error(500))
        .on(When::model("gpt-5"), Behaviour::hang());
    let stage = Stage::open(script).await;
    for _ in 0..6 {
        call(&stage, &chat("openai/gpt-5-mini", false)).await;
    }
    let mut waiting = Client::to(stage.address).await;
    waiting.send(&chat("openai/gpt-5", false)).await;
    soon("the call to arrive", async {
        let hangs = |request: &orchestra_testkit::Received| {
            String::from_utf8_lossy(&request.body).contains("\"openai/gpt-5\"")
                || String::from_utf8_lossy(&request.body).contains("\"gpt-5\"")
        };
        stage.upstream.wait_until(hangs).await
    })
    .await;
    let read = scrape(&stage).await;
    let openai = ("provider", "openai");
    let open = read.sum("orchestra_provider_breakers", &[openai, ("state", "open")]);
    assert_eq!(open, 1.0);
    assert_eq!(read.sum("orchestra_provider_in_flight", &[openai]), 1.0);
}

#[tokio::test]
async fn only_callers_may_scrape() {
    let stage = Stage::open(Script::new()).await;
    let ask = |headers: &'static str| request_with("GET", "/metrics", headers, b"");
    let status = |answer: Answer| answer.status;
    assert_eq!(status(call(&stage, &ask("")).await), 401);
    let wrong = call(
        &stage,
        &ask("authorization: Bearer no-key-of-this-gateway\r\n"),
    )
    .await;
    assert_eq!(wrong.status, 401);
    assert!(!wrong.text().contains("orchestra_"), "{}", wrong.text());
    let post = call(&stage, &request("POST", "/metrics", b"{}")).await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn what_a_client_invents_is_no_label() {
    let stage = Stage::open(Script::new()).await;
    let invented = "openai/sk-canary-of-a-client\\\"}";
    for model in [invented, "openai/other", "openai/(overflow)"] {
        let model = model.replace('\\', "\\\\").replace('"', "\\\"");
        assert_eq!(call(&stage, &chat(&model, false)).await.status, 200);
    }
    let read = scrape_until(&stage, 3.0).await;
    let labels = [
        ("provider", "openai"),
        ("model", "other"),
        ("fault", "none"),
    ];
    assert_eq!(read.sum("orchestra_attempts_total", &labels), 3.0);
    let values = read.samples.iter().flat_map(|sample| &sample.labels);
    assert!(!format!("{:?}", values.collect::<Vec<_>>()).contains("canary"));
}

#[tokio::test]
async fn the_names_on_a_providers_list_are_labels() {
    let stage = Stage::open(Script::new().models(["quoted \"name\"", "listed"])).await;
    call(&stage, &request("GET", "/health/providers", b"")).await;
    for model in [
        "openai/listed",
        "openai/quoted \\\"name\\\"",
        "openai/invented",
    ] {
        // The first scrape after the lists came learns their names.
        scrape(&stage).await;
        assert_eq!(
            call(&stage, &chat(model, false)).await.status,
            200,
            "{model}"
        );
    }
    let read = scrape_until(&stage, 3.0).await;
    for (model, count) in [("listed", 1.0), ("quoted \"name\"", 1.0), ("other", 1.0)] {
        let labels = [("provider", "openai"), ("model", model)];
        assert_eq!(
            read.sum("orchestra_attempts_total", &labels),
            count,
            "{model}"
        );
    }
}

#[tokio::test]
async fn the_names_in_an_operators_trees_are_labels() {
    let tree = "[models.smart]\nstrategy = { mode = \"fallback\" }\n\
                targets = [{ provider = \"openai\", override_params = { model = \"in-a-tree\" } }]\n";
    let stage = Stage::with("", tree, Script::new()).await;
    assert_eq!(call(&stage, &chat("smart", false)).await.status, 200);
    let read = scrape_until(&stage, 1.0).await;
    let labels = [("provider", "openai"), ("model", "in-a-tree")];
    assert_eq!(read.sum("orchestra_attempts_total", &labels), 1.0);
}

/// An answer that says that a quarter of an hour's tokens is left.
fn telling_quota() -> Behaviour {
    Behaviour::answer()
        .header("x-ratelimit-limit-tokens", "4000")
        .header("x-ratelimit-remaining-tokens", "1000")
        .header("x-ratelimit-reset-tokens", "1h0m0s")
}

#[tokio::test]
async fn what_is_left_of_the_keys_limits_is_told_in_numbers_and_in_words() {
    let stage = Stage::open(Script::new().otherwise(telling_quota())).await;
    let quota = |read: &Exposition, what| {
        let labels = [
            ("provider", "openai"),
            ("key", "env:OPENAI_API_KEY"),
            ("counted", "tokens"),
        ];
        read.sum(&format!("orchestra_key_quota_{what}"), &labels)
    };
    let before = scrape(&stage).await;
    assert_eq!(before.named("orchestra_key_quota_remaining").count(), 0);
    let answer = call(&stage, &chat("openai/gpt-5-mini", false)).await;
    assert_eq!(answer.status, 200);
    let read = scrape(&stage).await;
    assert_eq!(quota(&read, "limit"), 4000.0);
    assert_eq!(quota(&read, "remaining"), 1000.0);
    let reset = quota(&read, "reset_seconds");
    assert!((3_500.0..=3_600.0).contains(&reset), "{reset}");

    let told = call(&stage, &request("GET", "/health/openai?probe=false", b"")).await;
    assert!(!told.text().contains(PROVIDER_KEY), "{}", told.text());
    let told = told.json();
    let quota = told["keys"]["quota"].as_array().unwrap();
    let tokens = quota.iter().find(|quota| quota["counted"] == "tokens");
    let tokens = tokens.expect("tokens are counted");
    assert_eq!(tokens["key"], "env:OPENAI_API_KEY");
    assert_eq!(
        (&tokens["limit"], &tokens["remaining"]),
        (&4000.into(), &1000.into())
    );
    assert!(tokens["reset_seconds"].as_f64().unwrap() > 3_500.0);
}

/// The rows of the documentation's table: name, type, labels.
fn documented() -> BTreeMap<&'static str, (&'static str, BTreeSet<&'static str>)> {
    let rows = include_str!("../../../../docs/observability.md").lines();
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        let (kind, labels) = (cells.next()?, cells.next()?);
        let labels = labels.split(", ").map(|label| label.trim_matches('`'));
        let labels = labels.filter(|label| !label.is_empty() && *label != "|");
        let is_kind = ["counter", "gauge", "histogram"].contains(&kind);
        is_kind.then(|| (name, (kind, labels.collect())))
    };
    rows.filter_map(row).collect()
}

#[tokio::test]
async fn the_documentation_has_every_metric_with_its_labels() {
    let stage = Stage::open(Script::new().otherwise(telling_quota())).await;
    for stream in [false, true] {
        let answer = call(&stage, &chat("openai/gpt-5-mini", stream)).await;
        assert_eq!(answer.status, 200);
    }
    call(&stage, &request("GET", "/v1/configs", b"")).await;
    let read = scrape_until(&stage, 2.0).await;
    let documented = documented();
    let kinds = documented
        .iter()
        .map(|(name, (kind, _))| ((*name).to_owned(), (*kind).to_owned()));
    assert_eq!(read.types, kinds.collect());
    for (name, (kind, labels)) in &documented {
        let suffix = if *kind == "histogram" { "_count" } else { "" };
        let sampled = format!("{name}{suffix}");
        let mut samples = read.named(&sampled).peekable();
        assert!(samples.peek().is_some(), "{name} has no sample");
        for sample in samples {
            let found: BTreeSet<&str> = sample.labels.iter().map(|(l, _)| l.as_str()).collect();
            assert_eq!(found, *labels, "{name}");
        }
    }
}
