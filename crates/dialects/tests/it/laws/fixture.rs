//! Fixtures, and the failures that a law finds in them.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use orchestra_dialects::canonical::{Answer, Request};
use orchestra_dialects::{AnswerContext, Codec, Dialect, Profile, Target};
use serde::Deserialize;

/// Fewer scenarios than these leave something out that a dialect can say.
pub(super) const MIN_FIXTURES: usize = 60;

/// One scenario of a dialect.
pub(super) struct Fixture {
    pub(super) dialect: Dialect,
    pub(super) name: String,
    pub(super) about: About,
    pub(super) request: String,
    pub(super) response: Option<String>,
    pub(super) stream: Option<String>,
}

/// What is written about a scenario.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// One sentence.
    pub(super) about: String,
    /// Where its shape comes from.
    pub(super) source: String,
    /// Differences that the way through the canonical form and back may show.
    #[serde(default)]
    pub(super) permit: Vec<Permit>,
}

/// A permitted difference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Permit {
    /// A path, such as `messages[0].content`; what lies below it is permitted too. Paths of
    /// answers begin with `answer.`.
    pub(super) path: String,
    /// Why.
    pub(super) reason: String,
}

pub(super) fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Fixture {
    /// All scenarios of a dialect, by name.
    pub(super) fn all(dialect: Dialect) -> Vec<Self> {
        let folder = crate_folder().join("fixtures").join(dialect.name());
        let Ok(entries) = fs::read_dir(&folder) else {
            return Vec::new();
        };
        let mut folders: Vec<PathBuf> = entries
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        folders
            .iter()
            .map(|path| Self::load(dialect, path))
            .collect()
    }

    fn load(dialect: Dialect, folder: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(folder.join(name));
        let name = folder.file_name().expect("a name").to_string_lossy();
        let must = |file: &str| read(file).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
        let about: About =
            toml::from_str(&must("about.toml")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let complete = [&about.about, &about.source]
            .into_iter()
            .chain(about.permit.iter().map(|permit| &permit.reason))
            .all(|text| !text.trim().is_empty());
        assert!(complete, "{name}/about.toml says nothing somewhere");
        Self {
            dialect,
            request: must("request.json"),
            response: read("response.json").ok(),
            stream: read("stream.sse").ok(),
            name: name.into_owned(),
            about,
        }
    }

    pub(super) fn codec(&self) -> &'static dyn Codec {
        codec(self.dialect)
    }

    /// The request in the canonical form.
    pub(super) fn decoded(&self) -> Result<Request, String> {
        let decoded = orchestra_dialects::decode_request(self.dialect, &self.request);
        decoded.map_err(|error| error.to_string())
    }

    /// The answer in the canonical form, if the scenario has one.
    pub(super) fn answer(&self) -> Option<Result<Answer, String>> {
        let decoded = self.codec().decode_answer(self.response.as_ref()?);
        Some(decoded.map_err(|error| error.to_string()))
    }
}

pub(super) fn codec(dialect: Dialect) -> &'static dyn Codec {
    dialect.codec().expect("a dialect with conversations")
}

/// A target that can do all of its dialect.
pub(super) fn target<'a>(model: &'a str, profile: &'a Profile) -> Target<'a> {
    Target { model, profile }
}

/// A client's request in a dialect: what answers of other dialects are written for.
pub(super) struct Asked {
    pub(super) body: &'static str,
    pub(super) request: Request,
}

impl Asked {
    pub(super) fn plain(dialect: Dialect) -> Self {
        let body = match dialect {
            Dialect::OpenAiChat => {
                r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream_options":{"include_usage":true},"stream":true}"#
            }
            Dialect::OpenAiResponses => r#"{"model":"m","input":"Hi"}"#,
            Dialect::AnthropicMessages => {
                r#"{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}"#
            }
            _ => r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#,
        };
        let request = orchestra_dialects::decode_request(dialect, body).expect("a sound request");
        Self { body, request }
    }

    pub(super) fn context(&self) -> AnswerContext<'_> {
        context(&self.request, self.body)
    }
}

pub(super) fn context<'a>(request: &'a Request, body: &'a str) -> AnswerContext<'a> {
    AnswerContext {
        id: "call1",
        created: 1_790_000_000,
        request,
        body,
    }
}

/// What a law found wrong, under the names of the fixtures.
#[derive(Default)]
pub(super) struct Failures {
    scenario: String,
    found: Vec<String>,
}

impl Failures {
    pub(super) fn within(&mut self, scenario: &str) {
        scenario.clone_into(&mut self.scenario);
    }

    pub(super) fn add(&mut self, what: impl Display) {
        self.found.push(format!("{}: {what}", self.scenario));
    }

    /// Notes an error and goes on without the value.
    pub(super) fn check<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(super) fn report(&self) {
        const SHOWN: usize = 40;
        let shown = self.found.iter().take(SHOWN).cloned().collect::<Vec<_>>();
        assert!(
            self.found.is_empty(),
            "{} failures:\n{}",
            self.found.len(),
            shown.join("\n")
        );
    }
}
