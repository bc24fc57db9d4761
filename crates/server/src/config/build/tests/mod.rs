//! What a configuration amounts to.

mod refused;

use std::path::Path;
use std::time::Duration;

use orchestra_gateway::{
    CacheRules, ConversationBounds, HedgeAfter, HedgeRules, Hedging, HoldBack, HoldBackRules,
    KeyStanding, Member, RecoveryRules, Retries, Share,
};
use orchestra_secrets::Variables;
use orchestra_types::ProviderId;

use super::*;

fn build_from(text: &str, variables: &[(&str, &str)]) -> Result<Built, String> {
    let config =
        Config::parse(text, Path::new("orchestra.toml")).map_err(|error| error.to_string())?;
    let vault = Vault::without_store(Variables::from_pairs(variables.iter().copied()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(config.build(&Catalogue::embedded(), vault))
        .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

fn names(built: &Built) -> Vec<String> {
    built
        .providers
        .now()
        .members()
        .map(|member| member.provider.id().to_string())
        .collect()
}

fn openai_of(built: &Built) -> Arc<Member> {
    let providers = built.providers.now();
    Arc::clone(providers.member("openai").unwrap())
}

#[test]
fn what_happens_in_a_crowd_can_be_said() {
    let text = "[overload]\nmax_wait_seconds = 0.5\nmax_waiting = 0\nmax_calls = 7\n\
        [overload.priority]\nclients = { default = \"low\" }\nmodels = { tree = \"high\", \"openai/gpt-5\" = \"normal\" }\n\
        [models.tree]\nstrategy = { mode = \"fallback\" }\ntargets = [{ model = \"openai/gpt-5\" }]\n";
    let overload = build_from(text, &[("OPENAI_API_KEY", "sk-of-some-length")])
        .unwrap()
        .settings
        .overload;
    assert_eq!(overload.max_wait, Duration::from_millis(500));
    assert_eq!((overload.max_waiting, overload.max_calls), (0, 7));
    let low = &overload.priorities.clients[&KeyId::new("default").unwrap()];
    assert_eq!(low.as_str(), "low");
    let few = build_from("[server]\nmax_connections = 50\n", &[]).unwrap();
    assert_eq!(few.settings.overload.max_calls, 40);
    let models = &overload.priorities.models;
    assert_eq!((models.len(), models["tree"].as_str()), (2, "high"));
}

#[test]
fn a_tree_is_a_model_of_which_something_may_be_said() {
    let tree = "[models.tree]\nstrategy = { mode = \"fallback\" }\ntargets = [{ model = \"openai/gpt-5-mini\" }]\n";
    for said in [
        "[retries.models.tree]\nas_last = 7\n",
        "[hedging.models.tree]\nafter = \"p99\"\n",
        "[recovery.models]\ntree = true\n",
        "[hold_back.models.tree]\ntokens = 20\n",
        "[overload.priority.models]\ntree = \"low\"\n",
        "[translation]\nstrict_models = [\"tree\"]\n",
    ] {
        let built = build_from(&format!("{tree}{said}"), &[("OPENAI_API_KEY", "a-key")]);
        assert!(built.is_ok(), "{said}: {}", built.err().unwrap_or_default());
    }
}

#[test]
fn retries_are_laid_over_one_another() {
    let text = concat!(
        "[models]\nfast = \"openai/gpt-5-mini\"\n",
        "[retries]\nas_last = 1\nlongest_pause_seconds = 0.5\n",
        "[retries.providers.openai]\nbefore_others = 1\n",
        "[retries.models.fast]\nas_last = 0\nmax_wait_seconds = 1\n",
    );
    let built = build_from(text, &[("OPENAI_API_KEY", "irrelevant")]).unwrap();
    let rules = built.settings.retries;
    let usual = Retries {
        as_last: 1,
        longest_pause: Duration::from_millis(500),
        ..Retries::default()
    };
    let provider = Retries {
        before_others: 1,
        ..usual
    };
    let model = Retries {
        as_last: 0,
        max_wait: Duration::from_secs(1),
        ..usual
    };
    let openai = ProviderId::new("openai").unwrap();
    assert_eq!(rules.usual, usual);
    assert_eq!(rules.providers, BTreeMap::from([(openai, provider)]));
    assert_eq!(rules.models, BTreeMap::from([("fast".to_owned(), model)]));
}

#[test]
fn hedging_is_asked_for_in_all_or_for_a_model() {
    let rules = |text: &str| {
        let models =
            "[models]\nfast = \"openai/gpt-5-mini\"\n[models.tree]\nmodel = \"openai/gpt-5\"\n";
        let built = build_from(
            &format!("{models}{text}"),
            &[("OPENAI_API_KEY", "irrelevant")],
        );
        built.unwrap().settings.hedging
    };
    let hedging = |after, millionths| Hedging {
        after,
        most_extra: Share::millionths(millionths).unwrap(),
    };
    assert_eq!(rules(""), HedgeRules::default());
    let (p90, p95) = (HedgeAfter::Percentile(90), HedgeAfter::Percentile(95));
    let all = rules(concat!(
        "[hedging]\nafter = \"p90\"\nmost_extra = 0.01\n",
        "[hedging.models.fast]\nafter_seconds = 0.8\n",
        "[hedging.models.tree]\nafter = \"never\"\n",
    ));
    assert_eq!(all.usual, hedging(p90, 10_000));
    let time = HedgeAfter::Time(Duration::from_millis(800));
    assert_eq!(all.models["fast"], hedging(time, 10_000));
    assert_eq!(all.models["tree"], hedging(HedgeAfter::Never, 10_000));
    let one = rules("[hedging.models.fast]\nmost_extra = 0.05\n");
    assert_eq!(one.usual, Hedging::default());
    assert_eq!(one.models["fast"], hedging(p95, 50_000));
}

/// Whoever embeds a server may spawn what builds and runs it.
#[test]
fn what_is_awaited_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let config = Config::parse("", Path::new("x")).unwrap();
    let catalogue = Catalogue::embedded();
    let none: [(&str, &str); 0] = [];
    let vault = Vault::without_store(Variables::from_pairs(none));
    is_send(&config.build(&catalogue, vault));
}

#[test]
fn without_configuration_the_keys_in_the_environment_decide() {
    let built = build_from(
        "",
        &[
            ("OPENAI_API_KEY", "a-key"),
            ("DEEPSEEK_API_KEY", ""),
            ("OTHER", "x"),
        ],
    )
    .unwrap();
    assert_eq!(names(&built), ["openai"]);
    assert!(built.detected && !built.keeper.clients().required());
    let openai = openai_of(&built);
    assert_eq!(openai.key_standing(), KeyStanding::Ready);
}

#[test]
fn configured_providers_are_the_only_ones() {
    let text = "[[providers]]\nname = \"mine\"\nkind = \"openai-compatible\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]).unwrap();
    assert_eq!(names(&built), ["mine"]);
}

#[test]
fn overrides_reach_the_provider() {
    let text = "[[providers]]\nkind = \"openai\"\nkey = \"env:K\"\n[providers.overrides]\npatterns = [\"my-*\"]\n";
    let built = build_from(text, &[("K", "a-key")]).unwrap();
    assert!(built.providers.now().registry().resolve("my-model").is_ok());
}

#[test]
fn prices_and_windows_reach_the_provider() {
    let text = "[[providers]]\nkind = \"openai\"\nkey = \"env:K\"\n[[providers.overrides.facts]]\nmodels = [\"gpt-5-*\"]\ncontext = 1000\n\
                [prices]\n\"openai/gpt-5-*\" = { input = 0.3, output = \"2.5\" }\n";
    let built = build_from(text, &[("K", "a-key")]).unwrap();
    let openai = &openai_of(&built).provider;
    assert_eq!(openai.context("gpt-5-mini"), Some(1000));
    let price = openai.price("gpt-5-mini").unwrap().usual;
    let shown = [price.input, price.output].map(|rate| rate.unwrap().to_string());
    assert_eq!(shown, ["0.3", "2.5"]);
    // Without a [[providers]], too.
    let text = "[prices]\n\"openai/*\" = { input = 1 }\n";
    let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]).unwrap();
    let openai = &openai_of(&built).provider;
    assert_eq!(
        openai
            .price("anything")
            .unwrap()
            .usual
            .input
            .unwrap()
            .to_string(),
        "1"
    );
}

#[test]
fn conversations_are_kept_where_the_file_says_so() {
    let store = |text| build_from(text, &[]).unwrap().conversations;
    assert_eq!(
        store(""),
        ConversationStore::Memory(ConversationBounds::MEMORY)
    );
    assert_eq!(
        store("[responses]\nstore = \"off\"\n"),
        ConversationStore::Off
    );
    let text = "[responses]\nstore = \"sqlite\"\npath = \"kept.db\"\nttl_seconds = 5184000\nmax_bytes = 7\n";
    let bounds = ConversationBounds {
        ttl: Duration::from_secs(5_184_000),
        bytes: 7,
        ..ConversationBounds::DISK
    };
    assert_eq!(
        store(text),
        ConversationStore::File("kept.db".into(), bounds)
    );
}

#[test]
fn translation_is_strict_where_the_file_says_so() {
    let text =
        "[models]\nfast = \"openai/gpt-5-mini\"\n[translation]\nstrict_models = [\"fast\"]\n";
    let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]).unwrap();
    let translation = built.settings.translation;
    assert!(!translation.strict && translation.strict_models.contains("fast"));
    assert!(
        build_from("[translation]\nstrict = true\n", &[])
            .unwrap()
            .settings
            .translation
            .strict
    );
}

#[test]
fn streams_are_held_back_where_the_file_says_so() {
    let rules = |text: &str| {
        let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]);
        built.unwrap().settings.hold_back_more
    };
    assert_eq!(rules(""), HoldBackRules::default());
    let text = "[hold_back]\ntokens = 20\n\
        [hold_back.models]\n\"openai/gpt-5\" = { seconds = 0.5 }\n\"openai/gpt-5-mini\" = {}\n";
    let rules = rules(text);
    let rule = |tokens, millis| HoldBack {
        tokens,
        time: Duration::from_millis(millis),
    };
    assert_eq!(rules.usual, rule(20, 1_000));
    assert_eq!(rules.models["openai/gpt-5"], rule(u32::MAX, 500));
    assert_eq!(rules.models["openai/gpt-5-mini"], HoldBack::NONE);
}

#[test]
fn answers_are_kept_within_the_bounds_of_the_file() {
    let cache = |text: &str| {
        build_from(text, &[("OPENAI_API_KEY", "a-key")])
            .unwrap()
            .settings
            .cache
    };
    assert_eq!(cache(""), CacheRules::default());
    let text = "[cache]\nenabled = false\nmax_bytes = 1000\nmax_entry_bytes = 500\nmax_age_seconds = 0.5\n";
    let expected = CacheRules {
        enabled: false,
        max_bytes: 1000,
        max_entry_bytes: 500,
        max_age: Duration::from_millis(500),
    };
    assert_eq!(cache(text), expected);
    assert_eq!(cache("[cache]\nmax_bytes = 100\n").max_entry_bytes, 50);
}

#[test]
fn streams_are_gone_on_with_where_the_file_says_so() {
    let recovery = |text: &str| {
        let built = build_from(text, &[("OPENAI_API_KEY", "a-key")]);
        built.unwrap().settings.recovery
    };
    assert_eq!(recovery(""), RecoveryRules::default());
    let text = "[models]\nfast = \"openai/gpt-5-mini\"\n\
        [models.tree]\nstrategy = { mode = \"fallback\" }\ntargets = [{ model = \"openai/gpt-5-mini\" }]\n\
        [recovery]\nenabled = true\nmax_text_bytes = 7\nmodels = { fast = false, tree = true }\n";
    let expected = RecoveryRules {
        enabled: true,
        models: BTreeMap::from([("fast".to_owned(), false), ("tree".to_owned(), true)]),
        max_text_bytes: 7,
    };
    assert_eq!(recovery(text), expected);
}

#[test]
fn one_client_key_may_come_from_the_environment() {
    let built = build_from(
        "",
        &[("ORCHESTRA_CLIENT_KEY", "a-client-key-of-some-length")],
    )
    .unwrap();
    assert_eq!(
        built
            .keeper
            .clients()
            .now()
            .table
            .identify("a-client-key-of-some-length")
            .unwrap()
            .as_str(),
        "default"
    );
}
