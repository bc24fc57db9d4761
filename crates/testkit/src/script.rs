//! A script: which behaviour answers which request.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

use crate::behaviour::Behaviour;
use crate::directive::{self, InvalidDirective};
use crate::request::Request;
use crate::when::{When, every};

/// What an upstream does: ordered rules, of which the first that fits a request decides, and a
/// behaviour for all other requests (by default a generated answer).
///
/// It can be read from JSON or TOML as well: `{"rules": [{"when": {"model": "slow*"}, "then":
/// {"delay_ms": 50}}], "directives": true}`; unknown fields are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    rules: Vec<Rule>,
    default: Behaviour,
    directives: bool,
    log: bool,
    seed: u64,
    models: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    when: When,
    #[serde(default)]
    then: Behaviour,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            default: Behaviour::answer(),
            directives: false,
            log: true,
            seed: 0,
            models: ["scripted-large", "scripted-small", "scripted-embedding"]
                .map(str::to_owned)
                .into(),
        }
    }
}

impl Script {
    /// A script that answers everything, keeps a log and ignores directives.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule behind those already there.
    #[must_use]
    pub fn on(mut self, when: When, then: Behaviour) -> Self {
        self.rules.push(Rule { when, then });
        self
    }

    /// What happens to requests that no rule covers.
    #[must_use]
    pub fn otherwise(mut self, behaviour: Behaviour) -> Self {
        self.default = behaviour;
        self
    }

    /// Obeys directives such as `[[fake status=503 retry_after=2 every=3]]` in request bodies
    /// (in a prompt or in the model's name), on top of what the rules say.
    #[must_use]
    pub fn with_directives(mut self) -> Self {
        self.directives = true;
        self
    }

    /// Keeps no log, for benchmarks: only the number of requests is known.
    #[must_use]
    pub fn without_log(mut self) -> Self {
        self.log = false;
        self
    }

    /// Seeds the draws of [`When::fraction`].
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The models that the model list names. Calls may name any model.
    #[must_use]
    pub fn models<I: IntoIterator<Item: Into<String>>>(mut self, models: I) -> Self {
        self.models = models.into_iter().map(Into::into).collect();
        self
    }
}

/// Reads directives, such as `chunks=30 status=503 every=3`, as a script of their own.
impl FromStr for Script {
    type Err = InvalidDirective;

    fn from_str(text: &str) -> Result<Self, InvalidDirective> {
        let (mut faulty, mut healthy) = (Behaviour::answer(), Behaviour::answer());
        let every = directive::every(text)?;
        directive::apply(text, true, &mut faulty)?;
        directive::apply(text, false, &mut healthy)?;
        Ok(Self::new()
            .on(When::any().every(every), faulty)
            .otherwise(healthy))
    }
}

/// A script at work, with its counters.
#[derive(Debug)]
pub(crate) struct Live {
    script: Script,
    /// How many requests came as far as each rule and met its conditions.
    met: Vec<AtomicU64>,
    /// How many requests carried directives.
    directed: AtomicU64,
}

impl Live {
    pub(crate) fn new(script: Script) -> Self {
        let met = script.rules.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            script,
            met,
            directed: AtomicU64::new(0),
        }
    }

    pub(crate) fn logs(&self) -> bool {
        self.script.log
    }

    pub(crate) fn models(&self) -> &[String] {
        &self.script.models
    }

    /// Decides what happens to a request and counts it.
    pub(crate) fn behaviour(&self, request: &Request) -> Cow<'_, Behaviour> {
        let chosen = self.ruled(request);
        if !self.script.directives {
            return Cow::Borrowed(chosen);
        }
        let Some(text) = directive::find(&request.body) else {
            return Cow::Borrowed(chosen);
        };
        Cow::Owned(self.directed(chosen, &text).unwrap_or_else(|error| {
            Behaviour::error_with(400, "invalid_directive", error.to_string())
        }))
    }

    fn ruled(&self, request: &Request) -> &Behaviour {
        for (index, (rule, met)) in self.script.rules.iter().zip(&self.met).enumerate() {
            if rule.when.describes(request) {
                let count = 1 + met.fetch_add(1, Ordering::Relaxed);
                if rule.when.covers(count, self.script.seed ^ index as u64) {
                    return &rule.then;
                }
            }
        }
        &self.script.default
    }

    fn directed(&self, base: &Behaviour, text: &str) -> Result<Behaviour, InvalidDirective> {
        let count = 1 + self.directed.fetch_add(1, Ordering::Relaxed);
        let faults = every(directive::every(text)?, count);
        let mut behaviour = base.clone();
        directive::apply(text, faults, &mut behaviour)?;
        Ok(behaviour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_script_from_json() {
        let script: Script = serde_json::from_str(
            r#"{"rules": [
                {"when": {"model": "slow*", "only": {"every": 3}}, "then": {"delay_ms": 50}},
                {"when": {"header": ["x-a", "b*"]}, "then": {"reply": {"error": {"status": 503}}}},
                {"then": {"interruption": {"at": {"after_events": 2}, "how": "reset"},
                          "after": {"close_when_idle": 5},
                          "keep_alive": {"kind": "comment", "count": 1},
                          "spoil": {"huge_event": {"bytes": 9}}}}],
              "default": {"reply": {"answer": {"chunks": 3, "finish": "length"}}},
              "directives": true, "log": false, "seed": 4, "models": ["a"]}"#,
        )
        .unwrap();
        assert_eq!(script.rules.len(), 3);
        assert_eq!(script.rules[0].then.delay.as_millis(), 50);
        assert!(script.directives && !script.log);
    }

    #[test]
    fn refuses_unknown_fields() {
        for text in [
            r#"{"rule": []}"#,
            r#"{"rules": [{"when": {"modell": "x"}}]}"#,
            r#"{"default": {"delay": 3}}"#,
            r#"{"default": {"spoil": "sour"}}"#,
        ] {
            assert!(serde_json::from_str::<Script>(text).is_err(), "{text}");
        }
    }
}
