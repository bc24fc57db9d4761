//! The configuration as documented: every field that the documentation names can be written, every
//! field that can be written is documented, and what is misspelt is answered with what was meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use orchestra_dialects::Profile;
use orchestra_gateway::ConversationBounds;
use orchestra_providers::{Catalogue, ProfileRow};
use orchestra_secrets::Variables;
use orchestra_server::secrets::Vault;
use orchestra_server::{Config, LogSink, Server, ServerError};
use tokio::net::TcpListener;

const DOCUMENTATION: &str = include_str!("../../../../docs/configuration.md");

/// The tables of the documentation, in their order there.
const TABLES: [&str; 11] = [
    "[server]",
    "[[providers]]",
    "[portkey]",
    "[timeouts]",
    "[limits]",
    "[retries]",
    "[translation]",
    "[hold_back]",
    "[recovery]",
    "[responses]",
    "[secrets]",
];

/// The heading of the fields that stand deep within a provider.
const PROFILES: &str = "Profiles";
/// Where they stand.
const PROFILE: &str = "[[providers]]\nkind = \"openai\"\n[providers.overrides.profile]";

fn refusal(text: &str) -> String {
    let refused = Config::parse(text, Path::new("orchestra.toml"));
    refused.expect_err(text).to_string()
}

/// The rows (field and default) below each heading that names a table.
fn documented() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut tables: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    let mut table = "";
    for line in DOCUMENTATION.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            table = heading.trim_matches('`');
        } else if let Some(row) = line.strip_prefix("| `")
            && let Some((field, rest)) = row.split_once("` | ")
            && let Some((default, _)) = rest.split_once(" | ")
        {
            tables.entry(table).or_default().push((field, default));
        }
    }
    tables.retain(|table, _| TABLES.contains(table) || *table == PROFILES);
    tables
}

/// A value that the field of the table takes.
fn value(table: &str, field: &str) -> &'static str {
    match field {
        "models" if table == "[hold_back]" => "{ fast = { tokens = 20 } }",
        "models" if table == "[recovery]" => "{ fast = true }",
        "models" => "{ fast = { before_others = 1, max_wait_seconds = 0.5 } }",
        "listen" => "\"127.0.0.1:0\"",
        "client_keys" => "[{ name = \"app\", key = \"env:APP_KEY\" }]",
        "kind" => "\"openai\"",
        "name" => "\"mine\"",
        "store" => "\"sqlite\"",
        "path" => "\"kept.db\"",
        "base_url" => "\"http://127.0.0.1:9/v1\"",
        "key" => "\"file:/run/secrets/key\"",
        "keys" => "[{ key = \"store:a\", weight = 3 }, { key = \"env:B\" }]",
        "database" => "\"env:DATABASE_URL\"",
        "unlock" => "[\"credential:a\", \"file:/run/key\", \"prompt\", \"insecure-env:B\"]",
        "anchor" => "\"off\"",
        "control" => "\"/run/orchestra/control.sock\"",
        "overrides" => "{ patterns = [\"my-*\"], auth = { header = \"x-key\" } }",
        "providers" => "{ openai = { as_last = 1 } }",
        "strict" | "caller_keys" | "enabled" => "true",
        "upstream" => "\"fallback\"",
        "slugs" => "{ openai = \"prod\" }",
        "compat" => "\"portkey-1.x\"",
        "admin_keys" => "[\"app\"]",
        "custom_hosts" => "[\"https://llm.example.com\"]",
        "strict_models" => "[\"fast\"]",
        _ => "7",
    }
}

/// The fields that the parser says it expects in a table.
fn accepted(table: &str) -> BTreeSet<String> {
    let message = refusal(&format!("{table}\nno_such_field_at_all = 1\n"));
    let (_, expected) = message
        .split_once("expected")
        .expect("it says what it expects");
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_documented_field_can_be_written() {
    let mut documented = documented();
    documented.remove(PROFILES);
    assert_eq!(documented.len(), TABLES.len());
    let mut whole = String::new();
    for (table, rows) in documented {
        whole.push_str(&format!("{table}\n"));
        for (field, _) in rows {
            whole.push_str(&format!("{field} = {}\n", value(table, field)));
        }
    }
    whole.push_str("[models]\nfast = \"openai/gpt-5-mini\"\nboth = [\"openai/a\", \"openai/b\"]\n");
    Config::parse(&whole, Path::new("orchestra.toml")).expect("the documentation is right");
}

#[test]
fn every_field_that_can_be_written_is_documented() {
    let documented = documented();
    for table in TABLES {
        let names: BTreeSet<String> = documented[table]
            .iter()
            .map(|(field, _)| (*field).to_owned())
            .collect();
        assert_eq!(accepted(table), names, "{table}");
    }
}

#[test]
fn the_documented_bounds_of_conversations_are_those_of_the_code() {
    let documented = documented();
    let numbers = |text: &'static str| {
        let words = text.split(|c: char| !c.is_ascii_digit());
        words.filter_map(|word| word.parse::<u64>().ok())
    };
    let (memory, disk) = (ConversationBounds::MEMORY, ConversationBounds::DISK);
    for (field, numbers_of_code) in [
        ("ttl_seconds", [memory.ttl.as_secs(), disk.ttl.as_secs()]),
        ("max_conversations", [memory.entries, disk.entries]),
        ("max_bytes", [memory.bytes, disk.bytes]),
        (
            "max_bytes_per_client",
            [memory.client_bytes, disk.client_bytes],
        ),
        (
            "max_bytes_per_conversation",
            [memory.conversation_bytes, disk.conversation_bytes],
        ),
    ] {
        let rows = &documented["[responses]"];
        let default = rows.iter().find(|(name, _)| *name == field);
        let (_, default) = default.expect("it is documented");
        let row = DOCUMENTATION
            .lines()
            // Other tables have fields of the same name.
            .skip_while(|line| *line != "## `[responses]`")
            .find(|line| line.starts_with(&format!("| `{field}` |")));
        let (_, meaning) = row.expect("it is documented").split_at(field.len() + 6);
        let found: Vec<u64> = numbers(meaning).collect();
        assert_eq!(found, numbers_of_code, "{field}");
        assert_eq!(default.parse(), Ok(numbers_of_code[0]), "{field}");
    }
}

#[test]
fn every_field_of_a_profile_is_documented_with_its_default() {
    let rows = &documented()[PROFILES];
    let names: BTreeSet<String> = rows.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(accepted(PROFILE), names);
    let mut written = String::new();
    for (field, default) in rows {
        written.push_str(&format!("{field} = {}\n", default.trim_matches('`')));
    }
    let row: ProfileRow = toml::from_str(&written).expect("the documentation is right");
    let defaults = Profile::default();
    assert_eq!(row.laid_over(&defaults), defaults);
}

#[test]
fn the_documented_examples_can_be_read() {
    let mut examples = 0;
    for block in DOCUMENTATION.split("```toml\n").skip(1) {
        let (text, _) = block.split_once("```").expect("every block ends");
        Config::parse(text, Path::new("orchestra.toml")).expect("the documentation is right");
        examples += 1;
    }
    assert!(examples > 0);
}

#[tokio::test]
async fn the_documented_defaults_are_those_of_the_code() {
    let documented = documented();
    let default = |table: &str, field: &str| {
        let row = documented[table].iter().find(|(name, _)| *name == field);
        let (_, default) = row.unwrap_or_else(|| panic!("{field} is not documented"));
        default
            .parse::<f64>()
            .unwrap_or_else(|_| panic!("{field}: {default}"))
    };
    let config = Config::parse("", Path::new("orchestra.toml")).expect("nothing is required");
    let server = &config.server;
    for (field, seconds) in [
        ("header_seconds", server.header_seconds),
        ("body_seconds", server.body_seconds),
        ("keep_alive_seconds", server.keep_alive_seconds),
        ("write_seconds", server.write_seconds),
        ("drain_seconds", server.drain_seconds),
    ] {
        assert_eq!(
            default("[server]", field),
            seconds.duration().as_secs_f64(),
            "{field}"
        );
    }
    let vault = Vault::without_store(Variables::from_pairs([("A", "b")]));
    let built = config.build(&Catalogue::embedded(), vault).await;
    let settings = built.expect("nothing is required").settings;
    for (field, time) in [
        ("connect_seconds", settings.connect),
        ("first_byte_seconds", settings.first_byte),
        ("idle_seconds", settings.idle),
        ("hold_back_seconds", settings.hold_back),
        ("total_seconds", settings.total),
        ("stream_total_seconds", settings.stream_total),
    ] {
        assert_eq!(default("[timeouts]", field), time.as_secs_f64(), "{field}");
    }
    let retries = settings.retries.usual;
    for (field, time) in [
        ("first_wait_seconds", retries.first_wait),
        ("max_wait_seconds", retries.max_wait),
        ("longest_pause_seconds", retries.longest_pause),
    ] {
        assert_eq!(default("[retries]", field), time.as_secs_f64(), "{field}");
    }
    for (field, number) in [
        ("before_others", retries.before_others),
        ("as_last", retries.as_last),
    ] {
        assert_eq!(default("[retries]", field), f64::from(number), "{field}");
    }
    for (table, field, number) in [
        ("[server]", "max_connections", server.max_connections),
        (
            "[server]",
            "max_connections_per_ip",
            server.max_connections_per_ip,
        ),
        (
            "[server]",
            "reserve_connections",
            server.reserve_connections,
        ),
        ("[limits]", "max_attempts", settings.max_attempts),
        ("[limits]", "max_body_bytes", config.limits.body_bytes()),
        (
            "[limits]",
            "max_json_depth",
            usize::from(settings.head.depth),
        ),
        ("[limits]", "max_answer_bytes", settings.max_answer_bytes),
        ("[limits]", "max_event_bytes", settings.max_event_bytes),
        (
            "[recovery]",
            "max_text_bytes",
            settings.recovery.max_text_bytes,
        ),
    ] {
        assert_eq!(
            default(table, field).to_string(),
            number.to_string(),
            "{field}"
        );
    }
}

#[test]
fn what_is_misspelt_is_answered_with_what_was_meant() {
    for (text, line, meant) in [
        ("[sever]\n", 1, "server"),
        ("[[provider]]\nkind = \"openai\"\n", 1, "providers"),
        ("[server]\nlisten_ = \"127.0.0.1:1\"\n", 2, "listen"),
        ("[server]\nclient_key = []\n", 2, "client_keys"),
        ("[server]\n\nworker_thread = 2\n", 3, "worker_threads"),
        (
            "[server]\nmax_connections_per_pi = 2\n",
            2,
            "max_connections_per_ip",
        ),
        (
            "[server]\nclient_keys = [{ nam = \"app\", key = \"env:A\" }]\n",
            2,
            "name",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nbaseurl = \"http://127.0.0.1\"\n",
            3,
            "base_url",
        ),
        ("[[providers]]\nknd = \"openai\"\n", 2, "kind"),
        (
            "[[providers]]\nkind = \"openai\"\n[providers.overrides]\nendpoint = []\n",
            4,
            "endpoints",
        ),
        ("[timeouts]\nconect_seconds = 1\n", 2, "connect_seconds"),
        ("[timeouts]\nidle_second = 1\n", 2, "idle_seconds"),
        ("[secrets]\nunlok = []\n", 2, "unlock"),
        (
            "[[providers]]\nkind = \"openai\"\nkeys = [{ key = \"env:A\", wieght = 2 }]\n",
            3,
            "weight",
        ),
        ("[limits]\nmax_attempt = 1\n", 2, "max_attempts"),
        ("[limits]\nmax_body_byte = 1\n", 2, "max_body_bytes"),
        ("[retries]\nbefore_other = 1\n", 2, "before_others"),
        ("[retries.models.fast]\nas_lst = 1\n", 2, "as_last"),
    ] {
        let message = refusal(text);
        assert!(
            message.contains(&format!("orchestra.toml:{line}:")),
            "{text}: {message}"
        );
        assert!(
            message.ends_with(&format!("did you mean `{meant}`?")),
            "{text}: {message}"
        );
    }
    // Nothing is meant by what resembles nothing.
    assert!(!refusal("[server]\nzzzzzzzzzzzzzzzz = 1\n").contains("did you mean"));
}

#[test]
fn a_pasted_key_is_refused_and_not_repeated() {
    const PASTED: &str = "a-pasted-key-that-nobody-may-see";
    for text in [
        format!("[[providers]]\nkind = \"openai\"\nkey = \"{PASTED}\"\n"),
        format!("[server]\nclient_keys = [{{ name = \"app\", key = \"{PASTED}\" }}]\n"),
        format!("[server]\nclient_keys = [\"{PASTED}\"]\n"),
        format!("[server]\nclient_keys = \"{PASTED}\"\n"),
        format!("[[providers]]\nkind = \"openai\"\nkey = {{ value = \"{PASTED}\" }}\n"),
        format!("[[providers]]\nkind = \"openai\"\nkeys = [{{ key = \"{PASTED}\" }}]\n"),
        format!("[[providers]]\nkind = \"openai\"\nkeys = [\"{PASTED}\"]\n"),
        format!("[[providers]]\nkind = \"openai\"\nkey = \"store:{PASTED} x\"\n"),
        format!("[secrets]\nunlock = [\"{PASTED}\"]\n"),
        format!("[secrets]\nunlock = \"{PASTED}\"\n"),
        format!("[secrets]\ndatabase = \"postgres://me:{PASTED}@db/keys\"\n"),
    ] {
        let message = refusal(&text);
        assert!(!message.contains(PASTED), "{message}");
    }
}

async fn start(text: &str, variables: &[(&str, &str)]) -> Result<Server, ServerError> {
    let config = Config::parse(text, Path::new("orchestra.toml")).expect("it is valid");
    let variables = Variables::from_pairs(variables.iter().copied());
    let built = config
        .build(&Catalogue::embedded(), Vault::without_store(variables))
        .await
        .expect("it can be built");
    Server::bind(&config, built, Arc::new(LogSink)).await
}

#[tokio::test]
async fn a_public_address_needs_a_client_key() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let text = format!("[server]\nlisten = \"{address}\"\n");
        let error = start(&text, &[("OPENAI_API_KEY", "a-key")])
            .await
            .expect_err("nobody is told apart");
        assert!(matches!(error, ServerError::PublicWithoutKeys(_)));
        assert!(
            error.to_string().contains("ORCHESTRA_CLIENT_KEY"),
            "{error}"
        );
    }
    let keyed = [("ORCHESTRA_CLIENT_KEY", "a-client-key-of-some-length")];
    start("[server]\nlisten = \"0.0.0.0:0\"\n", &keyed)
        .await
        .expect("a key is set");
    start("[server]\nlisten = \"127.0.0.1:0\"\n", &[])
        .await
        .expect("loopback needs none");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("kept.db");
    std::fs::write(&path, "no database, however long it is. ".repeat(99)).expect("there is room");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[responses]\nstore = \"sqlite\"\npath = {path:?}\n"
    );
    let error = start(&text, &[]).await.expect_err("it is none");
    let words = format!("{:#}", anyhow::Error::from(error));
    for word in ["[responses]", "kept.db", "move it away"] {
        assert!(words.contains(word), "{words}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let address = taken.local_addr().expect("it is bound");
    let text = format!("[server]\nlisten = \"{address}\"\n");
    let error = start(&text, &[]).await.expect_err("the port is taken");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
