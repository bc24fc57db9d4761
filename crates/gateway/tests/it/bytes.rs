//! Same dialect in and out: the bytes are the originals, but for the one span that a route changes.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use orchestra_dialects::Endpoint;
use orchestra_testkit::{Behaviour, Script};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::harness::{Ask, EVERYONE, MODEL, Stage, patient, row};
use crate::pieces::Pieces;
use crate::wire;

/// Runs `check` on what `inputs` generates, on one runtime.
fn prove<S: Strategy, F: Future<Output = Result<(), TestCaseError>>>(
    cases: u32,
    inputs: S,
    check: impl Fn(S::Value) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Upstreams are started between the cases.
    let _inside = runtime.enter();
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&inputs, |input| runtime.block_on(check(input)));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Whitespace as JSON allows it.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r\n  ")]
        .prop_map(str::to_owned)
}

/// A string literal with escapes that nobody needs.
fn literal() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9 /:,{}\\[\\]]{1,6}",
        "[\u{e9}\u{4e16}\u{1f600}\u{2028}\u{7f}]{1,3}",
        prop::sample::select(vec![
            r"\n",
            r#"\""#,
            r"\\",
            r"\/",
            r"\u0041",
            r"\ud83d\ude00",
            r"\u0000",
            r"\b"
        ])
        .prop_map(str::to_owned),
    ];
    vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Numbers that lose something in a float, and words.
fn plain() -> impl Strategy<Value = String> {
    let odd = vec![
        "0",
        "-0",
        "-0.0",
        "1e400",
        "1E+2",
        "0.10000000000000000555",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
    ];
    prop::sample::select(odd).prop_map(str::to_owned)
}

/// Any JSON value, written oddly.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![literal(), plain()].prop_recursive(4, 24, 4, |inner| {
        let item = (space(), inner.clone(), space()).prop_map(|(a, b, c)| a + &b + &c);
        let member = (space(), literal(), space(), space(), inner, space())
            .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
        prop_oneof![
            vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// A request body, and where in it the model stands.
#[derive(Clone, Debug)]
struct Written {
    endpoint: Endpoint,
    before: String,
    behind: String,
}

impl Written {
    fn with(&self, model: &str) -> String {
        format!("{}{model}{}", self.before, self.behind)
    }
}

/// Bodies with unknown members anywhere around those that an endpoint needs.
fn bodies() -> impl Strategy<Value = Written> {
    let extra = (space(), "x[a-z]{3}", space(), value(), space());
    let endpoint = prop::sample::select(Endpoint::SERVED.to_vec());
    (
        endpoint,
        vec(extra, 0..5),
        any::<prop::sample::Index>(),
        any::<bool>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(endpoint, extras, place, escaped, conversation)| {
            let mut members: Vec<String> = extras
                .into_iter()
                .enumerate()
                .map(|(number, (a, name, b, value, c))| {
                    format!("{a}\"{name}{number}\"{b}:{value}{c}")
                })
                .collect();
            let (name, value) = wire::conversation(endpoint);
            members.insert(
                conversation.index(members.len() + 1),
                format!("\n\"{name}\" : {value}"),
            );
            let behind = members.split_off(place.index(members.len() + 1));
            let key = if escaped { r"mo\u0064el" } else { "model" };
            let before: String = members.iter().map(|member| format!("{member},")).collect();
            let behind: String = behind.iter().map(|member| format!(",{member}")).collect();
            Written {
                endpoint,
                before: format!(" {{{before} \"{key}\" :\t"),
                behind: format!(" {behind}\n}} "),
            }
        })
}

#[test]
fn request_bodies_reach_the_upstream_as_they_were_written() {
    let stage: Mutex<Option<Arc<Stage>>> = Mutex::default();
    // Three spellings of the upstream's own name, then the two that a route translates.
    let spelling = prop::sample::select(vec![
        (r#""m-large""#, r#""m-large""#),
        (r#""m\u002dlarge""#, r#""m\u002dlarge""#),
        (r#""\u006d-l\u0061rge""#, r#""\u006d-l\u0061rge""#),
        (r#""everyone""#, r#""m-large""#),
        (r#""one/m-l\u0061rge""#, r#""m-large""#),
        (r#""one/m \"\u4e16\"\\""#, r#""m \"世\"\\""#),
    ]);
    prove(150, (bodies(), spelling), |(body, (asked, sent))| {
        let stage = started(&stage);
        async move {
            let reply = Behaviour::json(200, wire::answer(body.endpoint));
            stage.upstreams[0].set_script(Script::new().otherwise(reply));
            stage.upstreams[0].reset_log();
            let got = stage.ask(Ask::body(body.endpoint, body.with(asked))).await;
            prop_assert_eq!(got.status.as_u16(), 200, "{}", got.text());
            prop_assert_eq!(got.text(), wire::answer(body.endpoint));
            let log = stage.upstreams[0].log();
            prop_assert_eq!(log.len(), 1);
            prop_assert_eq!(std::str::from_utf8(&log[0].body).unwrap(), body.with(sent));
            prop_assert_eq!(&log[0].path, body.endpoint.path());
            Ok(())
        }
    });
}

/// The stage of the test, made inside its runtime at the first call.
fn started(stage: &Mutex<Option<Arc<Stage>>>) -> Arc<Stage> {
    let mut stage = stage.lock().unwrap();
    Arc::clone(stage.get_or_insert_with(|| Arc::new(Stage::with(patient(), [Script::new()]))))
}

/// Cuts a body at these places; empty pieces occur.
fn pieces(body: &str, cuts: &[prop::sample::Index]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| Bytes::copy_from_slice(&body.as_bytes()[pair[0]..pair[1]]))
        .collect()
}

/// An answer cut anywhere reaches the client as it was sent, with or without another target ready.
async fn check_pieces(
    endpoint: Endpoint,
    stream: bool,
    cuts: Vec<prop::sample::Index>,
    model: &str,
) -> Result<(), TestCaseError> {
    let (body, content_type) = match stream {
        true => (wire::recorded(endpoint).whole(), "Text/Event-Stream"),
        false => (wire::answer(endpoint).to_owned(), "application/json"),
    };
    let transport = Arc::new(Pieces::new(content_type, pieces(&body, &cuts)));
    let rows = ["http://one.example", "http://two.example"].map(row);
    let stage = Stage::over(transport, patient(), &rows);
    let got = stage.ask(Ask::new(endpoint, model, stream)).await;
    prop_assert_eq!(got.text(), body);
    prop_assert_eq!(got.faults(), vec!["-"]);
    prop_assert_eq!(got.header("content-type"), content_type);
    Ok(())
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    vec(any::<prop::sample::Index>(), 0..40)
}

#[test]
fn whole_answers_reach_the_client_as_they_were_sent() {
    let inputs = (prop::sample::select(Endpoint::SERVED.to_vec()), cuts());
    prove(100, inputs, |(endpoint, cuts)| {
        check_pieces(endpoint, false, cuts, MODEL)
    });
}

#[test]
fn streams_reach_the_client_as_they_were_sent() {
    let streamed = vec![
        Endpoint::ChatCompletions,
        Endpoint::Completions,
        Endpoint::Responses,
        Endpoint::Messages,
    ];
    let model = prop::sample::select(vec![MODEL, EVERYONE]);
    prove(
        200,
        (prop::sample::select(streamed), cuts(), model),
        |(endpoint, cuts, model)| check_pieces(endpoint, true, cuts, model),
    );
}

#[tokio::test]
async fn a_stream_that_drips_reaches_the_client_as_it_was_sent() {
    for endpoint in wire::SPOKEN {
        let whole = wire::recorded(endpoint).whole();
        let drip = Behaviour::sse(whole.clone()).drip(std::time::Duration::from_micros(100));
        let stage = Stage::with(patient(), [Script::new().otherwise(drip)]);
        assert_eq!(
            stage.ask(Ask::new(endpoint, MODEL, true)).await.text(),
            whole
        );
    }
}
