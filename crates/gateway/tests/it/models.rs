//! The list of models.

use orchestra_gateway::ProviderCheck;
use orchestra_testkit::{Behaviour, Script, Upstream};
use orchestra_types::ProviderId;

use crate::harness::{Stage, patient, row};

/// Two providers that list the same models; the first has them by right of its pattern.
fn stage(scripts: [Script; 2]) -> Stage {
    let upstreams = scripts.map(|script| Upstream::start(script).unwrap());
    let mut rows = upstreams
        .each_ref()
        .map(|upstream| row(&upstream.base_url()));
    rows[0].patterns = Some(vec!["alpha*".to_owned()]);
    rows[0].models = None;
    rows[1].models = Some(vec!["m-large".to_owned(), "beta".to_owned()]);
    Stage::of(patient(), &rows, upstreams.into())
}

fn listing() -> Script {
    Script::new().models(["alpha", "beta"])
}

async fn names(stage: &Stage) -> Vec<(String, String)> {
    let entries = stage.gateway.models().await.into_iter();
    entries
        .map(|entry| (entry.id, entry.provider.to_string()))
        .collect()
}

fn expect(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<_> = found
        .iter()
        .map(|(id, provider)| (id.as_str(), provider.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_name_is_as_short_as_it_can_be_and_aliases_are_models_too() {
    let stage = stage([listing(), listing()]);
    let expected = [
        ("alpha", "one"),
        ("beta", "two"),
        ("everyone", "one"),
        ("one/beta", "one"),
        ("two/alpha", "two"),
    ];
    expect(&names(&stage).await, &expected);
    expect(&names(&stage).await, &expected);
    assert_eq!(
        stage.requests(),
        [1, 1],
        "the second list comes from memory"
    );
    let request = stage.upstreams[0].log().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/v1/models")
    );
    assert_eq!(
        request.header("authorization"),
        Some("Bearer the-key-of-one")
    );
    assert!(stage.records.take().is_empty(), "a list is no call");
}

#[tokio::test]
async fn a_provider_that_cannot_list_is_represented_by_the_catalogue() {
    for failing in [
        Behaviour::error(500),
        Behaviour::json(200, "{}"),
        Behaviour::html(200, "<html>"),
        Behaviour::garbage("no"),
    ] {
        let stage = stage([listing(), Script::new().otherwise(failing)]);
        let expected = [
            ("alpha", "one"),
            ("beta", "two"),
            ("everyone", "one"),
            ("m-large", "two"),
            ("one/beta", "one"),
        ];
        expect(&names(&stage).await, &expected);
        expect(&names(&stage).await, &expected);
        assert_eq!(
            stage.requests(),
            [1, 1],
            "a failure is not repeated at once"
        );
    }
}

#[tokio::test]
async fn a_check_says_what_a_provider_is_good_for() {
    let stage = stage([listing(), Script::new().otherwise(Behaviour::error(401))]);
    let check = async |name| stage.gateway.check(&ProviderId::new(name).unwrap()).await;
    assert_eq!(check("one").await, ProviderCheck::Working { models: 2 });
    for (name, words) in [("two", "refused the key"), ("nobody", "not configured")] {
        let ProviderCheck::Failing { reason } = check(name).await else {
            panic!("{name} works");
        };
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_provider_without_a_list_is_not_said_to_fail() {
    for status in [403, 404, 405, 410, 501] {
        let silent = Script::new().otherwise(Behaviour::error(status));
        let stage = stage([silent, Script::new()]);
        let check = stage.gateway.check(&ProviderId::new("one").unwrap()).await;
        let told = status.to_string();
        assert!(
            matches!(&check, ProviderCheck::Unlisted { reason } if reason.contains(&told)),
            "{check:?}"
        );
    }
}
