//! Portkey's configs, case by case: what a config, a call and what upstreams say lead to.
//!
//! The cases are data, in the files beside this one. Each is played on a gateway of its own, in either mode that it
//! has expectations for.

mod case;
mod check;
mod scene;

use std::collections::BTreeSet;
use std::time::Instant;

use case::{Case, Mode, Theme};
use check::faults;
use futures_util::{StreamExt, stream};

/// The least number of cases that there must be.
const LEAST: usize = 120;
/// How many are played at the same time.
const AT_ONCE: usize = 6;

const FILES: [(&str, &str); 10] = [
    ("single", include_str!("single.json")),
    ("fallback", include_str!("fallback.json")),
    ("nested", include_str!("nested.json")),
    ("loadbalance", include_str!("loadbalance.json")),
    ("conditional", include_str!("conditional.json")),
    ("retry", include_str!("retry.json")),
    ("timeouts", include_str!("timeouts.json")),
    ("params", include_str!("params.json")),
    ("providers", include_str!("providers.json")),
    ("refused", include_str!("refused.json")),
];

fn read(name: &str) -> Vec<Case> {
    let (_, text) = FILES
        .iter()
        .find(|(file, _)| *file == name)
        .expect("the file is listed");
    let theme: Theme =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}.json: {error}"));
    theme.cases
}

/// What is wrong with the case as it is played in one mode.
async fn play(case: &Case, mode: Mode) -> Option<String> {
    let expected = case.expected(mode);
    if expected.is_empty() {
        return None;
    }
    let stage = scene::open(case, mode).await;
    let mut seen = BTreeSet::new();
    for number in 0..case.times {
        stage.upstream.reset_log();
        let began = Instant::now();
        let answer = scene::ask(&stage, case, number).await;
        let took = began.elapsed();
        let log = stage.upstream.log();
        let wrong: Vec<_> = expected
            .iter()
            .map(|one| faults(one, &answer, &log, took))
            .collect();
        match wrong.iter().position(Vec::is_empty) {
            Some(place) => seen.insert(place),
            None => return Some(format!("{} ({}): {wrong:#?}", case.name, mode.word())),
        };
    }
    let wanted = if case.stays { 1 } else { expected.len() };
    let all = seen.len() == wanted;
    (!all).then(|| format!("{} ({}): only saw {seen:?}", case.name, mode.word()))
}

async fn play_all(file: &str) {
    let cases = read(file);
    let plays = cases
        .iter()
        .flat_map(|case| Mode::ALL.map(|mode| play(case, mode)));
    let plays: Vec<_> = plays.collect();
    let wrong: Vec<String> = stream::iter(plays)
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(
        wrong.is_empty(),
        "{} are wrong in {file}.json:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn single() {
    play_all("single").await;
}

#[tokio::test]
async fn fallback() {
    play_all("fallback").await;
}

#[tokio::test]
async fn nested() {
    play_all("nested").await;
}

#[tokio::test]
async fn loadbalance() {
    play_all("loadbalance").await;
}

#[tokio::test]
async fn conditional() {
    play_all("conditional").await;
}

#[tokio::test]
async fn retry() {
    play_all("retry").await;
}

#[tokio::test]
async fn timeouts() {
    play_all("timeouts").await;
}

#[tokio::test]
async fn params() {
    play_all("params").await;
}

#[tokio::test]
async fn providers() {
    play_all("providers").await;
}

#[tokio::test]
async fn refused() {
    play_all("refused").await;
}

#[test]
fn there_are_enough_cases_and_each_expects_something() {
    let cases: Vec<Case> = FILES.iter().flat_map(|(name, _)| read(name)).collect();
    assert!(cases.len() >= LEAST, "{} cases", cases.len());
    let mut names = BTreeSet::new();
    for case in &cases {
        let name = &case.name;
        assert!(names.insert(name), "two cases are called {name:?}");
        assert!(
            !case.why.is_empty() && case.source.as_deref() != Some(""),
            "{name}"
        );
        let outcomes = [&case.both, &case.correct, &case.portkey];
        let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
        assert!(
            !outcomes.is_empty() && case.times > 0,
            "{name} expects nothing"
        );
        assert!(
            case.both.is_empty() || case.correct.is_empty() && case.portkey.is_empty(),
            "{name} expects two things of one mode"
        );
        // A call that nobody is asked for is an error, and its words are the point; or its answer was kept.
        let blind = outcomes
            .iter()
            .any(|one| one.calls.is_empty() && one.error.is_none() && one.cache != "HIT");
        assert!(!blind, "{name} expects nothing upstream and says not why");
    }
}

#[test]
fn a_member_that_the_form_does_not_have_is_an_error() {
    let case = |members: &str| {
        let text = format!(r#"{{"cases":[{{"name":"a","why":"b",{members}}}]}}"#);
        serde_json::from_str::<Theme>(&text).map(drop)
    };
    assert!(case(r#""both":{"calls":["openai/m"],"status":200}"#).is_ok());
    for members in [
        r#""expect":{}"#,
        r#""both":{"calls":[],"status":200,"hedaers":{}}"#,
        r#""both":{"calls":[{"to":"openai/m","boddy":{}}],"status":200}"#,
        r#""both":{"calls":[],"status":400,"error":{"code":"x","path":"y"}}"#,
        r#""both":{"status":200}"#,
        r#""both":{"calls":[]}"#,
        r#""upstream":{"openai":["sings"]}"#,
        r#""upstream":{"openai":[{"delay":3}]}"#,
    ] {
        assert!(case(members).is_err(), "{members}");
    }
}
