//! The form of the cases, which are data. Whatever the form does not have is an error.

use std::collections::BTreeMap;

use orchestra_testkit::{At, Behaviour, How};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// What is expected when a gateway means trees as the documents have them, or as Portkey 1.x does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Correct,
    Portkey,
}

impl Mode {
    pub(super) const ALL: [Self; 2] = [Self::Correct, Self::Portkey];

    /// The value of `compat`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::Portkey => "portkey-1.x",
        }
    }
}

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Theme {
    pub(super) cases: Vec<Case>,
}

/// A call, what upstreams say to it, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// Why it should be so, in one line.
    pub(super) why: String,
    /// Where Portkey says or does it.
    #[serde(default)]
    pub(super) source: Option<String>,
    /// The value of `x-portkey-config`: JSON, or a text that is sent as it is.
    #[serde(default)]
    pub(super) config: Option<Value>,
    /// The config's first target is written so many times more.
    #[serde(default)]
    pub(super) grow: usize,
    /// Headers beside the gateway's key; `null` takes that one away.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) metadata: Option<Value>,
    #[serde(default = "chat")]
    pub(super) path: String,
    /// Members beside model and messages; `null` takes one out.
    #[serde(default)]
    pub(super) body: Map<String, Value>,
    /// How often the call is made. `{n}` in metadata is its number.
    #[serde(default = "once")]
    pub(super) times: usize,
    /// What each provider says, one after the other; the last for ever. Who is not here answers.
    #[serde(default)]
    pub(super) upstream: BTreeMap<String, Vec<Says>>,
    /// What is expected in either mode: one outcome, or a list of which each call must have one. All of them
    /// must be seen, unless `stays` is true: then every call must have the same.
    #[serde(default, deserialize_with = "some")]
    pub(super) both: Vec<Outcome>,
    #[serde(default, deserialize_with = "some")]
    pub(super) correct: Vec<Outcome>,
    #[serde(default, rename = "portkey-1.x", deserialize_with = "some")]
    pub(super) portkey: Vec<Outcome>,
    #[serde(default)]
    pub(super) stays: bool,
}

impl Case {
    /// What is expected in this mode; nothing if the case is not for it.
    pub(super) fn expected(&self, mode: Mode) -> &[Outcome] {
        let own = match mode {
            Mode::Correct => &self.correct,
            Mode::Portkey => &self.portkey,
        };
        if own.is_empty() { &self.both } else { own }
    }
}

/// What comes of a call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    /// The upstream calls, all of them, in their order.
    #[serde(deserialize_with = "some")]
    pub(super) calls: Vec<Sent>,
    pub(super) status: u16,
    /// `x-portkey-last-used-option-index`
    #[serde(default)]
    pub(super) option: Option<String>,
    /// Further headers of the answer; `null` for none.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) error: Option<Told>,
    /// `x-portkey-cache-status`
    #[serde(default = "disabled")]
    pub(super) cache: String,
    /// How the stream ends, if it is one.
    #[serde(default)]
    pub(super) stream: Option<End>,
    /// How long the call must take, in milliseconds.
    #[serde(default)]
    pub(super) at_least_ms: u64,
}

/// What the client is told of an error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    pub(super) code: String,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    /// The place in the config.
    #[serde(default)]
    pub(super) at: Option<String>,
    /// Part of the message.
    #[serde(default)]
    pub(super) says: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Whole,
    Error,
}

/// An upstream call. `"openai/gpt-5-mini"` is short for one with the gateway's own key.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "SentForm")]
pub(super) struct Sent {
    pub(super) to: String,
    /// The key, if it is not the gateway's own.
    pub(super) key: Option<String>,
    /// Members that the body must have; `null` for those that it must not.
    pub(super) body: Map<String, Value>,
    pub(super) headers: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SentForm {
    Short(String),
    Long(SentMembers),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentMembers {
    to: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    body: Map<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
}

impl From<SentForm> for Sent {
    fn from(form: SentForm) -> Self {
        let long = match form {
            SentForm::Short(to) => SentMembers {
                to,
                key: None,
                body: Map::new(),
                headers: BTreeMap::new(),
            },
            SentForm::Long(long) => long,
        };
        Self {
            to: long.to,
            key: long.key,
            body: long.body,
            headers: long.headers,
        }
    }
}

/// What a provider says: a status, a word, or a behaviour of the test kit's.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Says(pub(super) Behaviour);

impl TryFrom<Value> for Says {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let behaviour = match &value {
            Value::Number(status) => {
                let status = status
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok());
                Behaviour::error(status.ok_or("a status is a number below 1000")?)
            }
            Value::String(word) => match word.as_str() {
                "ok" => Behaviour::answer(),
                "closes" => Behaviour::answer().interrupt(At::BeforeHeaders, How::Close),
                "resets" => Behaviour::answer().interrupt(At::BeforeHeaders, How::Reset),
                "hangs" => Behaviour::hang(),
                "page" => Behaviour::html(200, "<html>Welcome</html>"),
                other => return Err(format!("no provider says {other:?}")),
            },
            _ => serde_json::from_value(value).map_err(|error| error.to_string())?,
        };
        Ok(Self(behaviour))
    }
}

/// A list, or one alone.
fn some<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let items = match Value::deserialize(deserializer)? {
        Value::Array(items) => items,
        one => vec![one],
    };
    let read = |item| serde_json::from_value(item).map_err(serde::de::Error::custom);
    items.into_iter().map(read).collect()
}

fn disabled() -> String {
    "DISABLED".to_owned()
}

fn chat() -> String {
    "/v1/chat/completions".to_owned()
}

const fn once() -> usize {
    1
}
