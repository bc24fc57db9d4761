use super::*;

fn refusal(text: &str) -> String {
    Config::parse(text, Path::new("orchestra.toml"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_misspelt_field_is_named_with_its_line_and_the_nearest() {
    let message = refusal("[server]\nlisten = \"127.0.0.1:8000\"\nmax_conections = 5\n");
    assert!(message.contains("orchestra.toml:3"), "{message}");
    assert!(
        message.contains("`max_conections`") && message.contains("`max_connections`"),
        "{message}"
    );
}

#[test]
fn wrong_values_are_named_with_their_line() {
    for (text, words) in [
        ("[server]\nlisten = \"nowhere\"\n", "nowhere"),
        ("[server]\nlisten = 8000\n", "string"),
        ("[timeouts]\nidle_seconds = -1\n", "greater than zero"),
        ("[timeouts]\nidle_seconds = \"1m\"\n", "seconds"),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"a-pasted-key\"\n",
            "env:NAME",
        ),
        ("[models]\nfast = 3\n", "provider/model"),
        ("[hedging]\nafter = \"p95%\"\n", "`p95%` is no time"),
        ("[hedging]\nafter = 95\n", "string"),
        ("[hedging]\nafter_seconds = 0\n", "greater than zero"),
        ("[hedging]\nmost_extra = 2\n", "above 0 and at most 1"),
        ("[hedging.models.m]\nmost = 1\n", "most_extra"),
        (
            "[prices]\n\"openai/gpt-5\" = { input = -1 }\n",
            "below zero",
        ),
        (
            "[prices]\n\"openai/gpt-5\" = { input = nan }\n",
            "no decimal number",
        ),
        (
            "[prices]\n\"openai/gpt-5\" = { input = 250000 }\n",
            "a million tokens",
        ),
        ("[prices]\n\"openai/gpt-5\" = { inputs = 1 }\n", "input"),
        (
            "[responses]\nstore = \"sqllite\"\n",
            "did you mean `sqlite`",
        ),
        ("[responses]\nttl_seconds = 0\n", "greater than zero"),
        ("[responses]\nmax_bytes = -1\n", "-1"),
        ("[overload]\nmax_wait_seconds = 0\n", "greater than zero"),
        ("[cache]\nmax_age_seconds = 7776001\n", "at most 7776000"),
        ("[cache]\nmax_size = 5\n", "max_bytes"),
        (
            "[overload.priority.models]\nfast = \"urgent\"\n",
            "`high`, `normal`",
        ),
    ] {
        let message = refusal(text);
        assert!(
            message.contains(words) && message.contains("orchestra.toml:"),
            "{message}"
        );
        assert!(
            !message.contains("a-pasted-key"),
            "a key was repeated: {message}"
        );
    }
}

#[test]
fn everything_has_a_default() {
    let config = Config::parse("", Path::new("x")).unwrap();
    assert_eq!(config.server.address().to_string(), "127.0.0.1:8000");
    assert_eq!(config.limits.body_bytes(), 32 * 1024 * 1024);
}

#[test]
fn no_file_means_defaults_only_if_none_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Config::load(None, folder.path()).unwrap().1.is_none());
    let asked = folder.path().join("missing.toml");
    assert!(
        Config::load(Some(&asked), folder.path())
            .unwrap_err()
            .to_string()
            .contains("missing.toml")
    );
}
