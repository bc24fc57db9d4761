//! What the catalogue knows of models: windows and prices.

use orchestra_providers::{Catalogue, ModelFactsRow, Provider, Row};
use orchestra_types::{ProviderId, Usage};

fn built(kind: &str) -> Provider {
    let catalogue = Catalogue::embedded();
    let id = ProviderId::new(kind).unwrap();
    let row = Row {
        base_url: Some("https://models.example/v1".to_owned()),
        ..Row::default()
    };
    Provider::build(id.clone(), &catalogue.complete(&id, &row).unwrap()).unwrap()
}

fn cost(kind: &str, model: &str, usage: Usage) -> Option<String> {
    let cost = built(kind).price(model)?.cost(&usage)?;
    Some(cost.to_string())
}

const NOTHING: Usage = Usage {
    input: 0,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    audio_input: 0,
    output: 0,
    reasoning: 0,
    audio_output: 0,
};

/// The vendors' rules as their pages give them (models.toml names the pages), each worked out by hand.
#[test]
fn calls_cost_what_the_vendors_say() {
    let million = 1_000_000;
    for (kind, model, usage, expected) in [
        // A million of each: 2 + 10 would be 12, but so long a call is charged as a long one: 4 + 15.
        (
            "openai",
            "gpt-6.1-sol",
            Usage {
                input: million,
                output: million,
                ..NOTHING
            },
            "19",
        ),
        (
            "openai",
            "gpt-6.1-sol-2026-09-29",
            Usage {
                input: 272_000,
                ..NOTHING
            },
            "0.544",
        ),
        (
            "openai",
            "gpt-6.1-sol",
            Usage {
                input: 272_001,
                ..NOTHING
            },
            "1.088004",
        ),
        // 10,000 of 12,000 came from the cache, 1,000 were written to it.
        (
            "openai",
            "gpt-6-luna",
            Usage {
                input: 1_000,
                cache_read: 10_000,
                cache_write_5m: 1_000,
                output: 100,
                reasoning: 900,
                ..NOTHING
            },
            "0.000825",
        ),
        // Up to 100,000 tokens, caches included, the lower prices; above them five times as much for everything.
        (
            "anthropic",
            "claude-haiku-5-5",
            Usage {
                input: 10_000,
                cache_read: 90_000,
                output: 1_000,
                ..NOTHING
            },
            "0.0024",
        ),
        (
            "anthropic",
            "claude-haiku-5-5",
            Usage {
                input: 10_001,
                cache_read: 90_000,
                output: 1_000,
                ..NOTHING
            },
            "0.0120005",
        ),
        (
            "anthropic",
            "claude-opus-5-5",
            Usage {
                input: 100,
                cache_write_5m: 2_000,
                cache_write_1h: 3_000,
                cache_read: 50_000,
                output: 400,
                ..NOTHING
            },
            "0.0524",
        ),
        (
            "deepseek",
            "deepseek-v4-pro",
            Usage {
                input: 500_000,
                cache_read: 500_000,
                output: million,
                ..NOTHING
            },
            "4.642",
        ),
    ] {
        assert_eq!(
            cost(kind, model, usage).as_deref(),
            Some(expected),
            "{model} {usage:?}"
        );
    }
}

#[test]
fn what_is_not_known_costs_nothing_known() {
    for (kind, model, usage) in [
        (
            "openai",
            "gpt-6.1-sol-ultrafast",
            Usage {
                input: 1,
                ..NOTHING
            },
        ),
        (
            "openai",
            "o9",
            Usage {
                input: 1,
                ..NOTHING
            },
        ),
        // Its price for long calls was not seen.
        (
            "openai",
            "gpt-6-astra",
            Usage {
                input: 272_001,
                ..NOTHING
            },
        ),
        (
            "gemini",
            "gemini-3.8-flash",
            Usage {
                input: 1,
                cache_read: 1,
                ..NOTHING
            },
        ),
        (
            "openai-compatible",
            "gpt-6.1-sol",
            Usage {
                input: 1,
                ..NOTHING
            },
        ),
    ] {
        assert_eq!(cost(kind, model, usage), None, "{model}");
    }
}

#[test]
fn the_windows_of_current_models_are_known() {
    for kind in ["openai", "anthropic", "deepseek"] {
        let provider = built(kind);
        let models = provider.known_models().iter();
        for model in models.filter(|model| !model.starts_with("text-embedding")) {
            let context = provider.context(model);
            assert!(
                context.is_some_and(|tokens| tokens >= 400_000),
                "{model}: {context:?}"
            );
        }
    }
    assert_eq!(
        built("openai").context("gpt-4o-mini-2024-07-18"),
        Some(128_000)
    );
    assert_eq!(built("groq").context("openai/gpt-oss-20b"), Some(131_072));
    assert_eq!(built("openai").context("gpt-9"), None);
}

#[test]
fn what_is_written_in_a_row_or_learnt_comes_before_the_catalogue() {
    let catalogue = Catalogue::embedded();
    let id = ProviderId::new("openai").unwrap();
    let row: Row = toml::from_str(
        "facts = [{ models = ['gpt-5-*'], context = 1000 }, { models = ['gpt-5-mini'], price = { input = 9 } }]",
    )
    .unwrap();
    let mut openai = Provider::build(id.clone(), &catalogue.complete(&id, &row).unwrap()).unwrap();
    assert_eq!(openai.context("gpt-5-mini"), Some(1000));
    assert_eq!(openai.context("gpt-6-luna"), Some(1_050_000));
    let input = |provider: &Provider| {
        provider
            .price("gpt-5-mini")
            .unwrap()
            .usual
            .input
            .unwrap()
            .to_string()
    };
    assert_eq!(input(&openai), "9");

    let learnt: ModelFactsRow =
        toml::from_str("models = ['gpt-5-mini']\nprice = { input = 0.3 }").unwrap();
    openai.learn(&[learnt]).unwrap();
    assert_eq!(
        (input(&openai).as_str(), openai.context("gpt-5-mini")),
        ("0.3", Some(1000))
    );
}
