//! Which provider a model name means.

use std::collections::BTreeMap;
use std::error::Error;

use orchestra_providers::{Catalogue, Provider, Registry, RegistryError, ResolveError, Row};
use orchestra_types::ProviderId;

fn provider(id: &str, text: &str) -> Provider {
    let id = ProviderId::new(id).unwrap();
    let row: Row = toml::from_str(text).unwrap();
    let row = Catalogue::embedded().complete(&id, &row).unwrap();
    Provider::build(id, &row).unwrap()
}

fn aliases(written: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let owned = |targets: &[&str]| targets.iter().map(|&t| t.to_owned()).collect();
    written
        .iter()
        .map(|&(alias, targets)| (alias.to_owned(), owned(targets)))
        .collect()
}

const VLLM: &str = "kind = 'openai-compatible'\nbase_url = 'http://127.0.0.1:1/v1'\n";

fn providers() -> Vec<Provider> {
    let vllm = format!("{VLLM}models = ['gpt-oss-120b', 'org/llama-4', 'claude-clone']");
    vec![
        provider("openai", ""),
        provider("anthropic", ""),
        provider("my-vllm", &vllm),
        provider("groq", ""),
    ]
}

fn registry() -> Registry {
    let aliases = aliases(&[
        ("fast", &["openai/gpt-5-mini", "my-vllm/llama"]),
        ("openai/gpt-old", &["anthropic/claude-opus-5-5"]),
        ("openai/gpt-more", &["@openai/gpt-more", "gpt-5-mini"]),
        ("gpt-oss-20b", &["groq/openai/gpt-oss-20b"]),
    ]);
    Registry::build(providers(), &Catalogue::embedded(), &aliases).unwrap()
}

fn check(name: &str, expected: &[&str]) {
    let found = registry().resolve(name).unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn an_alias_comes_first_and_may_have_several_targets() {
    check("fast", &["openai/gpt-5-mini", "my-vllm/llama"]);
    check("openai/gpt-old", &["anthropic/claude-opus-5-5"]);
    check("openai/gpt-more", &["openai/gpt-more", "openai/gpt-5-mini"]);
    check("gpt-oss-20b", &["groq/openai/gpt-oss-20b"]);
}

#[test]
fn a_provider_in_front_decides() {
    check("openai/gpt-5", &["openai/gpt-5"]);
    check("@openai/gpt-old", &["openai/gpt-old"]);
    check("anthropic/gpt-5", &["anthropic/gpt-5"]);
    check(
        "my-vllm/any/model:with@signs",
        &["my-vllm/any/model:with@signs"],
    );
    check("my-vllm/@slug/model", &["my-vllm/@slug/model"]);
    check("groq/openai/gpt-oss-120b", &["groq/openai/gpt-oss-120b"]);
    check("openai/gpt-oss-120b", &["openai/gpt-oss-120b"]);
}

#[test]
fn a_provider_that_lists_the_whole_name_keeps_it() {
    check("groq/compound", &["groq/groq/compound"]);
    check("@groq/compound", &["groq/groq/compound"]);
    check("groq/compound-mini", &["groq/compound-mini"]);
}

#[test]
fn a_listed_name_wins_over_a_pattern() {
    check("gpt-oss-120b", &["my-vllm/gpt-oss-120b"]);
    check("claude-clone", &["my-vllm/claude-clone"]);
    check("org/llama-4", &["my-vllm/org/llama-4"]);
}

#[test]
fn a_bare_name_goes_to_the_owner_of_its_pattern() {
    for name in [
        "gpt-5",
        "gpt-99-unheard-of",
        "o3",
        "o4-mini",
        "chatgpt-4o-latest",
        "text-embedding-3-small",
    ] {
        check(name, &[&format!("openai/{name}")]);
    }
    check("claude-next", &["anthropic/claude-next"]);
}

#[test]
fn the_more_exact_pattern_wins_and_then_the_order() {
    let with = |id: &str, patterns: &str| provider(id, &format!("{VLLM}patterns = {patterns}"));
    let registry = Registry::build(
        vec![
            with("a", "['*']"),
            with("b", "['gpt-5*']"),
            with("c", "['gpt-5-mini', 'gpt-5*']"),
            provider("openai", ""),
        ],
        &Catalogue::embedded(),
        &BTreeMap::new(),
    )
    .unwrap();
    for (name, expected) in [
        ("gpt-5-mini", "openai"),
        ("gpt-5-max", "b"),
        ("gpt-4", "openai"),
        ("anything", "a"),
        ("claude-opus-5-5", "a"),
        ("org/anything", "a"),
    ] {
        assert_eq!(
            registry.resolve(name).unwrap()[0].provider.as_str(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn of_two_providers_that_list_a_name_the_first_given_wins() {
    let mut two = vec![provider(
        "second",
        &format!("{VLLM}models = ['gpt-5-mini']"),
    )];
    two.push(provider("openai", ""));
    let find = |providers| {
        let registry =
            Registry::build(providers, &Catalogue::embedded(), &BTreeMap::new()).unwrap();
        registry.resolve("gpt-5-mini").unwrap()[0]
            .provider
            .to_string()
    };
    assert_eq!(find(two.clone()), "second");
    two.reverse();
    assert_eq!(find(two), "openai");
}

#[test]
fn a_provider_that_is_not_configured_is_named_with_its_key() {
    for (name, provider, key) in [
        ("deepseek-flash", "deepseek", "DEEPSEEK_API_KEY"),
        ("deepseek/deepseek-flash", "deepseek", "DEEPSEEK_API_KEY"),
        ("@deepseek/deepseek-flash", "deepseek", "DEEPSEEK_API_KEY"),
        ("gemini-3.8-flash", "gemini", "GEMINI_API_KEY"),
        ("gemini/whatever", "gemini", "GEMINI_API_KEY"),
        ("azure-openai/prod", "azure-openai", "AZURE_OPENAI_API_KEY"),
        ("grok-4.7", "xai", "XAI_API_KEY"),
    ] {
        let Err(ResolveError::NotConfigured {
            name: shown,
            provider: found,
            key_names,
        }) = registry().resolve(name)
        else {
            panic!("{name} resolved");
        };
        assert_eq!(
            (shown.as_str(), found.as_str(), key_names[0].as_str()),
            (name, provider, key)
        );
    }
    let error = registry().resolve("ollama/llama3").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("add ollama to the configuration"),
        "{error}"
    );
}

#[test]
fn unknown_names_come_with_close_ones() {
    for (name, expected) in [
        ("fsat", &["fast"][..]),
        ("faast", &["fast"]),
        ("cluade-opus-5-5", &["claude-opus-5-5"]),
        ("opnai/gpt-5-mini", &["openai/gpt-5-mini"]),
        ("@opnai/gpt-5-mini", &["openai/gpt-5-mini"]),
        ("llama-4", &[]),
        ("completely different", &[]),
    ] {
        match registry().resolve(name) {
            Err(ResolveError::Unknown {
                name: shown,
                nearest,
            }) => {
                assert_eq!(shown, name);
                assert_eq!(
                    nearest.first().map(String::as_str),
                    expected.first().copied(),
                    "{name}"
                );
                assert!(nearest.len() <= 3);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn an_endless_name_costs_little_and_is_not_repeated() {
    for name in [
        "x".repeat(1 << 20),
        "é".repeat(1 << 20),
        format!("gemini/{}", "x".repeat(1 << 20)),
    ] {
        let error = registry().resolve(&name).unwrap_err();
        assert!(error.to_string().len() < 512);
    }
}

#[test]
fn an_empty_model_is_refused() {
    for name in ["", " ", "openai/", "@openai/", "@openai", "groq/ "] {
        assert_eq!(
            registry().resolve(name),
            Err(ResolveError::EmptyModel),
            "{name:?}"
        );
    }
}

#[test]
fn aliases_are_checked_when_they_are_built() {
    let fault = |written: &[(&str, &[&str])]| {
        Registry::build(providers(), &Catalogue::embedded(), &aliases(written)).unwrap_err()
    };
    for (written, expected) in [
        (&[("a", &[] as &[&str])][..], "alias \"a\" is empty"),
        (&[("", &["openai/gpt-5"])], "alias \"\" is empty"),
        (
            &[("a", &["a"])],
            "\"a\" leads to \"a\", which is an alias too",
        ),
        (&[("openai/gpt-5", &["openai/gpt-5"])], "\"@openai/gpt-5\""),
        (
            &[("a", &["b"]), ("b", &["openai/gpt-5"])],
            "\"a\" leads to \"b\"",
        ),
        (&[("a", &["b"]), ("b", &["a"])], "\"a\" leads to \"b\""),
        (
            &[("a", &["nobody/model"])],
            "\"a\" leads to \"nobody/model\"",
        ),
        (
            &[("a", &["openai/gpt-5", "deepseek/x"])],
            "\"a\" leads to \"deepseek/x\"",
        ),
    ] {
        let message = fault(written).to_string();
        assert!(message.contains(expected), "{message}");
    }
    let error = fault(&[("a", &["deepseek/x"])]);
    let source = error.source().unwrap().to_string();
    assert!(source.contains("set DEEPSEEK_API_KEY"), "{source}");
}

#[test]
fn two_providers_of_one_name_are_refused() {
    let twice = vec![provider("openai", ""), provider("openai", "")];
    let error = Registry::build(twice, &Catalogue::embedded(), &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, RegistryError::DuplicateProvider { .. }));
}

#[test]
fn what_was_put_in_can_be_read_back() {
    let registry = registry();
    let ids: Vec<&str> = registry
        .providers()
        .iter()
        .map(|p| p.id().as_str())
        .collect();
    assert_eq!(ids, ["openai", "anthropic", "my-vllm", "groq"]);
    assert_eq!(registry.provider("groq").unwrap().label(), "Groq");
    assert!(registry.provider("gemini").is_none());
    let names: Vec<&str> = registry.aliases().map(|(alias, _)| alias).collect();
    assert_eq!(
        names,
        ["fast", "gpt-oss-20b", "openai/gpt-more", "openai/gpt-old"]
    );
}

#[test]
fn what_is_added_is_found_by_its_own_name_and_nothing_else_leads_there() {
    let own =
        format!("{VLLM}models = ['gpt-5-mini', 'only-here', 'compound']\npatterns = ['gpt-*']");
    let added = |id: &str| registry().with_added(vec![provider(id, &own)]);
    let grown = added("night").unwrap();
    let found = |name: &str| {
        let targets = grown.resolve(name).map_err(|error| error.to_string());
        targets.map(|targets| targets[0].to_string())
    };
    for (name, expected) in [
        ("@night/anything", "night/anything"),
        ("night/anything", "night/anything"),
        ("gpt-5-mini", "openai/gpt-5-mini"),
        ("fast", "openai/gpt-5-mini"),
    ] {
        assert_eq!(found(name).as_deref(), Ok(expected), "{name}");
    }
    assert!(found("only-here").is_err());
    assert!(grown.is_added("night") && !grown.is_added("openai"));
    // A name that somebody else lists as a whole stays theirs.
    let org = added("org").unwrap();
    let theirs = org.resolve("org/llama-4").unwrap();
    assert_eq!(theirs[0].to_string(), "my-vllm/org/llama-4");
    let own = org.resolve("@org/llama-4").unwrap();
    assert_eq!(own[0].to_string(), "org/llama-4");
    // What was added before goes, and no name is taken twice.
    let next = grown.with_added(vec![provider("day", VLLM)]).unwrap();
    assert!(next.resolve("@night/x").is_err() && next.resolve("@day/x").is_ok());
    let taken = added("openai").unwrap_err();
    assert!(matches!(taken, RegistryError::DuplicateProvider { .. }));
}
