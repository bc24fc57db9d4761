//! Vectors come in the form that the client asked for, and token ids go only where they are taken.

use orchestra_dialects::Endpoint;
use orchestra_providers::ProfileRow;
use orchestra_testkit::{Behaviour, Script, Upstream};

use crate::harness::{Ask, EVERYONE, MODEL, Stage, patient, row};

/// The floats 1, -2 and 0.5 in both forms.
const LIST: &str = "[1, -2.0 ,5e-1]";
const WRITTEN: &str = "[1.0,-2.0,0.5]";
const BASE64: &str = "\"AACAPwAAAMAAAAA/\"";

fn answer(vector: &str) -> String {
    format!(
        "{{ \"object\":\"list\",\"data\":[{{\"embedding\" : {vector},\"index\":0}}] ,\"usage\":{{\"prompt_tokens\":3,\"total_tokens\":3}} }}"
    )
}

fn request(model: &str, members: &str) -> String {
    format!("{{ \"model\":\"{model}\", \"input\" :\"Hi\"{members} }}")
}

/// Providers with these profiles, each of which answers like this.
fn stage(providers: &[(ProfileRow, String)]) -> Stage {
    let (mut rows, mut upstreams) = (Vec::new(), Vec::new());
    for (profile, answer) in providers {
        let script = Script::new().otherwise(Behaviour::json(200, answer.clone()));
        let upstream = Upstream::start(script).unwrap();
        let mut row = row(&upstream.base_url());
        row.profile = Some(profile.clone());
        rows.push(row);
        upstreams.push(upstream);
    }
    Stage::of(patient(), &rows, upstreams)
}

fn lists_only() -> ProfileRow {
    ProfileRow {
        embedding_base64: Some(false),
        ..ProfileRow::default()
    }
}

fn text_only() -> ProfileRow {
    ProfileRow {
        embedding_token_ids: Some(false),
        ..ProfileRow::default()
    }
}

#[tokio::test]
async fn a_client_gets_the_form_that_it_asked_for_whatever_is_sent() {
    for (asked, sent, expected) in [
        ("", LIST, LIST),
        ("", BASE64, WRITTEN),
        (", \"encoding_format\":\"float\"", LIST, LIST),
        (", \"encoding_format\":\"float\"", BASE64, WRITTEN),
        (", \"encoding_format\":\"base64\"", BASE64, BASE64),
        (", \"encoding_format\":\"base64\"", LIST, BASE64),
        // What another vendor's word means is between it and its client.
        (", \"encoding_format\":\"binary\"", LIST, LIST),
        (", \"encoding_format\":\"binary\"", BASE64, BASE64),
    ] {
        let stage = stage(&[(ProfileRow::default(), answer(sent))]);
        let body = request(MODEL, asked);
        let got = stage
            .ask(Ask::body(Endpoint::Embeddings, body.clone()))
            .await;
        assert_eq!(got.status, 200, "{}", got.text());
        assert_eq!(got.text(), answer(expected), "{asked} {sent}");
        assert_eq!(got.record.usage.map(|usage| usage.input), Some(3));
        let log = stage.upstreams[0].log();
        assert_eq!(
            String::from_utf8_lossy(&log[0].body),
            body,
            "sent as it came"
        );
    }
}

#[tokio::test]
async fn base64_is_asked_for_only_where_it_is_served() {
    let ask = |members: &str| Ask::body(Endpoint::Embeddings, request(EVERYONE, members));
    let sent =
        |stage: &Stage| String::from_utf8_lossy(&stage.upstreams[0].log()[0].body).into_owned();

    let base64 = stage(&[(lists_only(), answer(LIST))]);
    let got = base64
        .ask(ask(", \"encoding_format\" : \"base64\", \"x\":1"))
        .await;
    assert_eq!(got.text(), answer(BASE64));
    let members = ", \"encoding_format\" : \"float\", \"x\":1";
    assert_eq!(
        sent(&base64),
        request(MODEL, members),
        "only the two values change"
    );

    let float = stage(&[(lists_only(), answer(LIST))]);
    let got = float.ask(ask("")).await;
    assert_eq!(
        (got.text(), sent(&float)),
        (&*answer(LIST), request(MODEL, ""))
    );
}

#[tokio::test]
async fn token_ids_find_the_target_that_takes_them() {
    let body = |model| format!("{{\"model\":\"{model}\",\"input\":[[1,2],[3]]}}");
    let both = stage(&[
        (text_only(), answer("[1]")),
        (ProfileRow::default(), answer("[2]")),
    ]);
    let got = both
        .ask(Ask::body(Endpoint::Embeddings, body(EVERYONE)))
        .await;
    assert_eq!(got.text(), answer("[2]"));
    assert_eq!(both.requests(), [0, 1]);

    let none = stage(&[(text_only(), answer("[1]"))]);
    let got = none.ask(Ask::body(Endpoint::Embeddings, body(MODEL))).await;
    assert_eq!(got.status, 400);
    let error = &got.json()["error"];
    assert_eq!(error["param"], "input");
    assert_eq!(error["code"], "unsupported_by_target");
    assert!(
        error["message"].as_str().unwrap().contains("send the text"),
        "{error}"
    );
    assert_eq!(none.requests(), [0]);
}

#[tokio::test]
async fn vectors_that_cannot_be_written_otherwise_are_the_providers_fault() {
    let half = answer("\"AACA\"");
    let stage = stage(&[
        (ProfileRow::default(), half),
        (ProfileRow::default(), answer(LIST)),
    ]);
    let ask = Ask::body(Endpoint::Embeddings, request(EVERYONE, ""));
    let got = stage.ask(ask).await;
    assert_eq!(
        (got.text(), got.faults()),
        (&*answer(LIST), vec!["malformed", "-"])
    );
}
