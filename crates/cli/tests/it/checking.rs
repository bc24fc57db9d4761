//! `secrets check`

use crate::canary::VALUE;
use crate::place::Place;
use crate::transcript::Transcript;

#[test]
fn without_a_configuration_one_key_is_enough() {
    let place = Place::with_store();
    let mut transcript = Transcript::of(&place);
    transcript.both(&["secrets", "check"]);
    place.set("OPENAI_API_KEY", VALUE);
    place.set("PORTKEY_API_KEY", VALUE);
    place.write(".env", &format!("DEEPSEEK_API_KEY={VALUE}\n"));
    transcript.both(&["secrets", "check"]).is("check.txt");
}

#[test]
fn keys_in_the_environment_count_without_a_store() {
    let place = Place::new();
    place.run(["secrets", "check"]).exits(1);
    place.write(".env", &format!("ANTHROPIC_API_KEY={VALUE}\n"));
    place
        .run(["secrets", "check"])
        .succeeds()
        .says("in the environment");
}

#[test]
fn what_the_configuration_needs_must_be_there() {
    let place = Place::with_store();
    place.write(
        "orchestra.toml",
        "[[providers]]\nkind = \"openai\"\n\n[[providers]]\nkind = \"gemini\"\n\n\
         [[providers]]\nname = \"local\"\nkind = \"ollama\"\n",
    );
    place.set("OPENAI_API_KEY", VALUE);
    let missing = |place: &Place| {
        let told = place.run(["secrets", "check", "--json"]).exits(1).json();
        told["missing"].clone()
    };
    assert_eq!(
        missing(&place),
        serde_json::json!(["GEMINI_API_KEY", "GOOGLE_API_KEY"])
    );
    // Either of its names is enough.
    place.set("GOOGLE_API_KEY", VALUE);
    place
        .run(["secrets", "check"])
        .succeeds()
        .says("All that is needed is there");
    place
        .run(["secrets", "revoke", "OPENAI_API_KEY", "--yes"])
        .succeeds();
    assert_eq!(missing(&place), serde_json::json!(["OPENAI_API_KEY"]));
    // What was revoked does not come back from elsewhere.
    place.write(".env", &format!("OPENAI_API_KEY={VALUE}\n"));
    assert_eq!(missing(&place), serde_json::json!(["OPENAI_API_KEY"]));
}

#[test]
fn a_changed_address_makes_the_bound_secret_unusable() {
    let place = Place::with_store();
    place.set("OPENAI_API_KEY", VALUE);
    place.write(
        "orchestra.toml",
        "[[providers]]\nkind = \"openai\"\nbase_url = \"https://elsewhere.example.com/v1\"\n",
    );
    place
        .run(["secrets", "check"])
        .exits(1)
        .says("BOUND to https://api.openai.com: orchestra secrets set OPENAI_API_KEY");
    // Entered again, it is bound to the new one.
    place.set("OPENAI_API_KEY", VALUE);
    place.run(["secrets", "check"]).succeeds();
    let list = place.run(["secrets", "list", "--json"]).json();
    assert_eq!(list[1]["origin"], "https://elsewhere.example.com");
}

#[test]
fn what_the_configuration_writes_is_looked_for_there_and_nowhere_else() {
    let place = Place::with_store();
    place.write(
        "orchestra.toml",
        "[server]\nclient_keys = [{ name = \"app\", key = \"store:app-key\" }]\n\n\
         [[providers]]\nkind = \"openai\"\nkeys = [{ key = \"store:openai-a\" }, { key = \"store:openai-b\" }]\n\n\
         [[providers]]\nkind = \"mistral\"\nkey = \"env:MISTRAL\"\n\n\
         [[providers]]\nkind = \"groq\"\nkey = \"file:groq-key\"\n",
    );
    for name in ["app-key", "openai-a", "MISTRAL"] {
        place.set(name, VALUE);
    }
    place.write("groq-key", VALUE);
    let mut transcript = Transcript::of(&place);
    transcript.both(&["secrets", "check"]);
    // The configuration reads a variable, so the store's is of no use.
    transcript.pipe(VALUE, &["secrets", "set", "MISTRAL"]);
    place.set("openai-b", VALUE);
    place.write(".env", &format!("MISTRAL={VALUE}\n"));
    transcript.run(&["secrets", "check"]);
    place.write("groq-key", "two\nlines\n");
    transcript
        .run(&["secrets", "check"])
        .is("check_configured.txt");
}
