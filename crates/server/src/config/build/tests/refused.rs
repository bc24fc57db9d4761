//! Configurations that cannot work.

use super::build_from;

#[test]
fn what_cannot_work_is_named_with_its_remedy() {
    for (text, words) in [
        ("[[providers]]\nkind = \"openai\"\n", "OPENAI_API_KEY"),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"env:NOT_SET\"\n",
            "env:NOT_SET",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"env:SHORT\"\nkeys = [{ key = \"env:SHORT\" }]\n",
            "write one of them",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkeys = []\n",
            "empty list",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkeys = [{ key = \"env:SHORT\" }, { key = \"env:SHORT\" }]\n",
            "twice",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkeys = [{ key = \"env:SHORT\" }, { key = \"env:NOT_SET\" }]\n",
            "env:NOT_SET",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"store:openai\"\n",
            "orchestra secrets init",
        ),
        (
            "[server]\nclient_keys = [{ name = \"app\", key = \"store:app\" }]\n",
            "orchestra secrets init",
        ),
        ("[[providers]]\nkind = \"opnai\"\n", "openai"),
        ("[[providers]]\nkind = \"openai-compatible\"\n", "base_url"),
        (
            "[[providers]]\nname = \"A b\"\nkind = \"openai\"\n",
            "no valid name",
        ),
        ("[models]\nfast = \"openai/gpt-5\"\n", "OPENAI_API_KEY"),
        (
            "[server]\nclient_keys = [{ name = \"app\", key = \"env:SHORT\" }]\n",
            "shorter than",
        ),
        (
            "[translation]\nstrict_models = [\"no/such\"]\n",
            "strict_models",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"env:SHORT\"\n[prices]\n\"opnai/gpt-5\" = { input = 1 }\n",
            "there are openai",
        ),
        ("[prices]\ngpt-5 = { input = 1 }\n", "provider/model"),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"env:SHORT\"\n[prices]\n\"openai/\" = { input = 1 }\n",
            "models' names",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"env:SHORT\"\n[[providers.overrides.facts]]\nmodels = [\"m\"]\ncontext = 0\n",
            "context of m",
        ),
        (
            "[[providers]]\nkind = \"openai\"\nkey = \"env:SHORT\"\n[models.a]\nmodel = \"gpt-5-mini\"\non_context_length = \"b\"\n[models.b]\nmodel = \"gpt-5-mini\"\non_content_policy = \"a\"\n",
            "leads in a circle: `a`, `b`, `a`",
        ),
        ("[limits]\nmax_attempts = 0\n", "limits.max_attempts"),
        (
            "[hedging]\nafter = \"p95\"\nafter_seconds = 1\n",
            "in [hedging]: `after` and `after_seconds`",
        ),
        (
            "[hedging.models.\"no/such\"]\nmost_extra = 0.1\n",
            "no/such",
        ),
        ("[hold_back]\ntokens = 0\n", "hold_back.tokens"),
        (
            "[hold_back.models.\"no/such\"]\ntokens = 2\n",
            "[hold_back.models]",
        ),
        (
            "[recovery]\nmax_text_bytes = 0\n",
            "recovery.max_text_bytes",
        ),
        (
            "[recovery]\nmodels = { \"no/such\" = true }\n",
            "[recovery] models",
        ),
        ("[cache]\nmax_bytes = 0\n", "cache.max_bytes"),
        ("[cache]\nmax_entry_bytes = 0\n", "cache.max_entry_bytes"),
        (
            "[cache]\nmax_bytes = 1000\nmax_entry_bytes = 501\n",
            "at most half",
        ),
        ("[retries.providers.openia]\nas_last = 1\n", "\"openia\""),
        ("[retries.models.\"no/such\"]\nas_last = 1\n", "no/such"),
        ("[responses]\nstore = \"sqlite\"\n", "needs a `path`"),
        (
            "[responses]\npath = \"kept.db\"\n",
            "for store = \"sqlite\" only",
        ),
        (
            "[portkey]\nadmin_keys = [\"ops\"]\n",
            "no client key has the name \"ops\"",
        ),
        ("[portkey]\nmax_kept_bytes = 0\n", "portkey.max_kept_bytes"),
        (
            "[portkey]\ncustom_hosts = [\"https://*.example.com\"]\n",
            "no wildcards",
        ),
        (
            "[portkey]\ncustom_hosts = [\"http://llm.example.com\"]\n",
            "this machine alone",
        ),
        (
            "[portkey]\ncustom_hosts = [\"https://llm.example.com/v1\"]\n",
            "https://host",
        ),
        (
            "[responses]\nmax_conversations = 0\n",
            "responses.max_conversations",
        ),
        ("[server]\nmax_connections = 0\n", "server.max_connections"),
        ("[overload]\nmax_calls = 0\n", "overload.max_calls"),
        (
            "[overload.priority.clients]\nbatch = \"low\"\n",
            "no client key \"batch\"",
        ),
        (
            "[overload.priority.models]\n\"no/such\" = \"low\"\n",
            "no/such",
        ),
        (
            "[[providers]]\nname = \"v1\"\nkind = \"openai\"\n",
            "paths of its own",
        ),
        (
            "[[providers]]\nname = \"metrics\"\nkind = \"openai\"\n",
            "paths of its own",
        ),
        (
            "[[providers]]\nname = \"ready\"\nkind = \"openai\"\n",
            "paths of its own",
        ),
    ] {
        let message = build_from(text, &[("SHORT", "abc")]).unwrap_err();
        assert!(message.contains(words), "{text}: {message}");
    }
}
