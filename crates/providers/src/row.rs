//! A provider as it is written down, in the catalogue or in an operator's configuration.
//!
//! Nothing is checked here beyond the shape; [`Provider::build`](crate::Provider::build) does that.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{ErrorRule, ModelFactsRow, ModelProfileRow, ProfileRow, ResetFormat};

/// What is written about one provider. Every field may be absent.
///
/// A configuration row is laid over a catalogue row with [`Row::overlay`]: a field it names
/// replaces the whole field below, a field it leaves out stays as it was. Only in `profile` the
/// fields within count one by one, and entries of `facts` follow those below.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The catalogue row that this one starts from. Absent: the row of its own name, if there is one.
    pub kind: Option<String>,
    /// Names by which other gateways know it, such as `together-ai`.
    pub also_called: Option<Vec<String>>,
    /// Its name for people. Default: its identifier.
    pub label: Option<String>,
    /// Where its API lives, such as `https://api.openai.com/v1`. http or https, without
    /// credentials, query or fragment. Required by the time the provider is built.
    pub base_url: Option<String>,
    /// What replaces `http://gateway/{provider}` in raw calls. Same origin as `base_url`.
    /// Default: `base_url` without a trailing `/v1`.
    pub passthrough_url: Option<String>,
    /// The endpoints it speaks, by the names of [`Endpoint::name`](orchestra_dialects::Endpoint::name).
    pub endpoints: Option<Vec<String>>,
    /// Paths below `base_url` of endpoints that are not where one expects them.
    /// Default: the endpoint's own path without its leading `/v1`.
    pub paths: Option<BTreeMap<String, String>>,
    /// Path below `base_url` of Chat Completions that go on from the beginning of an answer, where that is another one than
    /// the usual (`continues` in a profile says how they do).
    pub continue_path: Option<String>,
    /// Path of the model list below `base_url`. Default `/models`.
    pub models_path: Option<String>,
    /// The endpoints to translate to for clients of endpoints that it does not speak, the best first.
    /// Others that it speaks follow in the order `chat_completions`, `messages`, `responses`, `generate_content`.
    pub translate_to: Option<Vec<String>>,
    /// What its models can do of these endpoints. An overlay of this field keeps what it does not name.
    pub profile: Option<ProfileRow>,
    /// What is different for some of its models; of several entries that fit, the later ones count.
    pub profiles: Option<Vec<ModelProfileRow>>,
    /// How much its models take in and what they cost. An overlay of this field adds entries, which come before those below.
    pub facts: Option<Vec<ModelFactsRow>>,
    /// How a key is presented. Default: bearer.
    pub auth: Option<AuthRow>,
    /// How a key is presented at single endpoints that want it in another way.
    pub auth_for: Option<BTreeMap<String, AuthRow>>,
    /// Whether calls without a key are pointless. Default: true, unless `auth` is `none`.
    pub key_required: Option<bool>,
    /// Environment variables that hold its key; the first is the one that messages name.
    pub key_names: Option<Vec<String>>,
    /// Headers that go along with every key, each with the names under which its value is kept, as keys are.
    pub companions: Option<BTreeMap<String, Vec<String>>>,
    /// Whether it tries again by itself, so that nobody should do so in front of it. Default: false.
    pub retries_itself: Option<bool>,
    /// The header in which it is told the call's identity, unless the client says one.
    pub call_id_header: Option<String>,
    /// Headers that are set when the client did not send (or may not send) them.
    pub headers: Option<ByFamily<BTreeMap<String, String>>>,
    /// Client headers that reach it: names, or beginnings such as `x-vendor-*`.
    pub forwards: Option<ByFamily<Vec<String>>>,
    /// Its response headers that reach the client: names, or beginnings.
    pub relays: Option<Vec<String>>,
    /// Bare model names that belong to it: names, or beginnings such as `gpt-*`.
    pub patterns: Option<Vec<String>>,
    /// Model names it is known to serve, as it knows them.
    pub models: Option<Vec<String>>,
    /// What ends its streams. Default: the dialect's marker.
    pub stream_end: Option<StreamEnd>,
    /// How its errors are read where the common rules are not enough; the first match counts.
    pub errors: Option<Vec<ErrorRule>>,
    /// Where it reports what is left of its rate limits. The standard fields are read without it.
    pub rate_limits: Option<RateLimitRow>,
}

impl Row {
    /// This row with every field replaced that `over` names.
    #[must_use]
    pub fn overlay(&self, over: &Self) -> Self {
        // A struct literal over all fields: a new one that is missing here does not compile.
        macro_rules! upper_else_lower {
            ($($field:ident),+ $(,)?) => {
                Self {
                    profile: match (&self.profile, &over.profile) {
                        (Some(below), Some(over)) => Some(below.overlay(over)),
                        (below, over) => over.as_ref().or(below.as_ref()).cloned(),
                    },
                    facts: match (&self.facts, &over.facts) {
                        (Some(below), Some(over)) => Some([below.as_slice(), over].concat()),
                        (below, over) => over.as_ref().or(below.as_ref()).cloned(),
                    },
                    passthrough_url: self.passthrough_below(over),
                    $($field: over.$field.as_ref().or(self.$field.as_ref()).cloned()),+
                }
            };
        }
        upper_else_lower!(
            kind,
            also_called,
            label,
            base_url,
            endpoints,
            paths,
            continue_path,
            models_path,
            translate_to,
            profiles,
            auth,
            auth_for,
            key_required,
            key_names,
            companions,
            retries_itself,
            call_id_header,
            headers,
            forwards,
            relays,
            patterns,
            models,
            stream_end,
            errors,
            rate_limits,
        )
    }

    /// The place of raw calls with `over` laid over this row. Below another address it is
    /// another place, too.
    fn passthrough_below(&self, over: &Self) -> Option<String> {
        let own = self.passthrough_url.as_ref();
        let below = own.filter(|_| over.base_url.is_none());
        over.passthrough_url.as_ref().or(below).cloned()
    }

    /// Whether finding a key in the environment is enough to use it.
    ///
    /// False for rows without an address (Azure) and for those without a key (a local server):
    /// an operator names these in the configuration.
    #[must_use]
    pub fn works_with_a_key_alone(&self) -> bool {
        self.base_url.is_some()
            && self
                .key_names
                .as_ref()
                .is_some_and(|names| !names.is_empty())
    }
}

/// How a key is presented, as written: `"bearer"`, `"none"` or `{ header = "api-key" }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthRow {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// The key alone, in a header of this name.
    Header(String),
    /// No key.
    None,
}

/// Values for all calls, and more for those in the dialects of one family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ByFamily<T: Default> {
    /// For every call.
    pub all: T,
    /// For calls in OpenAI's dialects.
    pub openai: T,
    /// For calls in Anthropic's dialects.
    pub anthropic: T,
}

/// What ends a provider's streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEnd {
    /// The dialect's own end: `[DONE]`, `message_stop`, `response.completed`.
    #[default]
    Marker,
    /// A finish reason on a cleanly closed stream is enough: it leaves out the marker.
    FinishReason,
}

/// Rate-limit headers, as written: templates in which `{}` stands for `limit`, `remaining`, `reset`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitRow {
    /// One template per counted thing, such as `x-ratelimit-{}-tokens`.
    pub headers: Vec<String>,
    /// How the `reset` header tells the time. Default: seconds from now.
    pub reset: ResetFormat,
    /// Whether the standard fields (`RateLimit`, `RateLimit-Policy`, `RateLimit-Remaining` and its like) are read, too.
    /// Default: true. Not where another server's come through.
    pub standard: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_overlay_replaces_what_it_names_and_keeps_the_rest() {
        let below = row(r#"
            label = "Below"
            base_url = "https://below.example/v1"
            models = ["a", "b"]
            headers = { all = { x-one = "1" } }
        "#);
        let over = row(r#"
            base_url = "https://over.example/v1"
            models = ["c"]
            headers = { anthropic = { x-two = "2" } }
        "#);
        let expected = row(r#"
            label = "Below"
            base_url = "https://over.example/v1"
            models = ["c"]
            headers = { anthropic = { x-two = "2" } }
        "#);
        assert_eq!(below.overlay(&over), expected);
        assert_eq!(below.overlay(&Row::default()), below);
        assert_eq!(Row::default().overlay(&over), over);
    }

    #[test]
    fn a_profile_is_replaced_field_by_field() {
        let below = row("profile = { media = false, sampling = false }");
        let over = row("profile = { sampling = true }");
        let both = row("profile = { media = false, sampling = true }");
        assert_eq!(below.overlay(&over), both);
        assert_eq!(below.overlay(&Row::default()), below);
        assert_eq!(Row::default().overlay(&over), over);
    }

    #[test]
    fn an_empty_list_is_a_value_too() {
        let over = row("models = []").overlay(&Row::default());
        assert_eq!(row(r#"models = ["a"]"#).overlay(&over).models, Some(vec![]));
    }

    #[test]
    fn unknown_fields_are_refused() {
        for text in [
            "base_uri = 'https://a.example'",
            "headers = { gemini = {} }",
            "rate_limits = { headers = [], reset = 'seconds', per = 1 }",
            "errors = [{ status = 400, class = 'invalid_request', why = '' }]",
            "errors = [{ status = 400, class = 'unheard_of' }]",
            "stream_end = 'never'",
            "auth = 'basic'",
            "profile = { vision = true }",
            "profiles = [{ models = ['m'] }]",
            "profiles = [{ models = ['m'], profile = {}, why = '' }]",
        ] {
            assert!(toml::from_str::<Row>(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_key_alone_activates_only_what_has_an_address() {
        let full = row("base_url = 'https://a.example'\nkey_names = ['A_KEY']");
        assert!(full.works_with_a_key_alone());
        assert!(!row("key_names = ['A_KEY']").works_with_a_key_alone());
        assert!(!row("base_url = 'http://127.0.0.1:1'").works_with_a_key_alone());
        assert!(
            !full
                .overlay(&row("key_names = []"))
                .works_with_a_key_alone()
        );
    }
}
