//! A call as it enters the gateway.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use memchr::memmem::Finder;
use orchestra_dialects::canonical::Request;
use orchestra_dialects::{
    BodyError, Dialect, ENVELOPE_MARK, Endpoint, Head, HeadLimits, Splice, decode_request,
    json_string,
};
use orchestra_types::{KeyId, ProviderId};

use crate::conversations::Resumed;
use crate::overload::Given;
use crate::providers::Member;
use crate::recovery::RECOVER;
use crate::refusal::Refusal;
use crate::routes::{Directions, MODEL_LEFT_OUT};
use crate::settings::Settings;

/// Set to `true` by a client that would rather have an error than a call that lost something in translation.
const STRICT: HeaderName = HeaderName::from_static("x-orchestra-strict");

/// The longest name of a model, in bytes. The longest that are known, of Bedrock's inference profiles, have some 150.
const LONGEST_MODEL: usize = 1_024;

/// What an application hands in: one call to one of the endpoints that the gateway understands.
pub struct Incoming {
    /// The operation, which fixes the dialect.
    pub endpoint: Endpoint,
    /// Set when the caller chose the provider by path; the model's name then goes through as it is.
    pub provider: Option<ProviderId>,
    /// Whose key authorised the call, when keys are in use.
    pub client: Option<KeyId>,
    /// The client's headers. Only those that the provider's row allows are forwarded.
    pub headers: HeaderMap,
    /// The client's query, without `?`.
    pub query: Option<String>,
    /// Where the call is to go, as far as its model's name does not say.
    pub directions: Directions,
    /// The whole body.
    pub body: Bytes,
}

impl fmt::Debug for Incoming {
    /// Headers hold keys and bodies hold prompts: neither is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("endpoint", &self.endpoint)
            .field("provider", &self.provider)
            .field("client", &self.client)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A call whose body has been read and found sound.
pub(crate) struct Call {
    pub(crate) endpoint: Endpoint,
    pub(crate) pinned: Option<Arc<Member>>,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    pub(crate) directions: Directions,
    /// Whose key authorised it, when keys are in use.
    pub(crate) client: Option<KeyId>,
    /// What is sent: what the client wrote, or the same with a conversation in it that was kept.
    pub(crate) body: Bytes,
    /// The head of that.
    pub(crate) head: Head,
    /// What the client wrote.
    written: Bytes,
    /// What became of the earlier conversation that the call names.
    pub(crate) resumed: Resumed,
    /// Whether a translation that loses something is refused.
    pub(crate) strict: bool,
    /// How much it matters when there is not room for all.
    pub(crate) given: Given,
    /// Whether the client wants its stream gone on with elsewhere if it dies; `None` if it does not say.
    pub(crate) recover: Option<bool>,
    /// What the body means; read when the first target is found that speaks another dialect.
    request: OnceLock<Result<Request, Refusal>>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Call {
    /// Reads the head of the body; the rest is only checked to be sound JSON. A call that brings a tree may leave the model
    /// to that.
    pub(crate) fn accept(
        incoming: Incoming,
        pinned: Option<Arc<Member>>,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        let mut body = incoming.body.clone();
        let mut scanned = Head::scan(incoming.endpoint, &body, &settings.head);
        let names_none = matches!(&scanned, Err(BodyError::Missing { name: "model", .. }));
        if names_none && incoming.directions.tree.is_some() {
            let named = with_model(&body, MODEL_LEFT_OUT);
            let again = Head::scan(incoming.endpoint, &named, &settings.head);
            // A model that is `null` is there twice now, and was none before.
            if !matches!(again, Err(BodyError::Duplicate { .. })) {
                (body, scanned) = (named, again);
            }
        }
        let head = scanned?;
        check_name(head.model())?;
        let strict =
            settings.translation.is_strict(head.model()) || asks(&incoming.headers, STRICT)?;
        let priorities = &settings.overload.priorities;
        let client = incoming.client.as_ref();
        let given = priorities.of(&incoming.headers, client, head.model())?;
        let recover = says(&incoming.headers, RECOVER)?;
        Ok(Self {
            endpoint: incoming.endpoint,
            pinned,
            headers: incoming.headers,
            // Anthropic's clients mark beta operations this way; no other query means anything
            // on these endpoints, and what means nothing is not sent on.
            query: incoming.query.filter(|query| query == "beta=true"),
            directions: incoming.directions,
            client: incoming.client,
            written: incoming.body,
            body,
            head,
            resumed: Resumed::No,
            strict,
            given,
            recover,
            request: OnceLock::new(),
        })
    }

    /// The body as text, which it was found to be.
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    /// What the client wrote, for answers that repeat it.
    pub(crate) fn written(&self) -> &str {
        std::str::from_utf8(&self.written).unwrap_or_default()
    }

    /// A top-level member of the body, as JSON.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        let place = self.head.member(name)?.value.clone();
        self.text().get(place)
    }

    /// The same call with the conversation in it that it goes on from.
    pub(crate) fn with_input(
        self,
        input: &str,
        resumed: Resumed,
        limits: &HeadLimits,
    ) -> Result<Self, Refusal> {
        let splice = Splice::new(&self.body, &self.head).set("input", input);
        let body = Bytes::from(splice.remove("previous_response_id").finish());
        Ok(Self {
            head: Head::scan(self.endpoint, &body, limits)?,
            body,
            resumed,
            ..self
        })
    }

    /// The same call, which names a conversation that is not here.
    pub(crate) fn not_resumed(self, resumed: Resumed) -> Self {
        Self { resumed, ..self }
    }

    /// The same call with another body.
    ///
    /// # Errors
    /// [`Refusal`] if that is no body for the endpoint.
    pub(crate) fn with_body(&self, body: Bytes, limits: &HeadLimits) -> Result<Self, Refusal> {
        Ok(Self {
            endpoint: self.endpoint,
            pinned: self.pinned.clone(),
            headers: self.headers.clone(),
            query: self.query.clone(),
            directions: self.directions.clone(),
            client: self.client.clone(),
            head: Head::scan(self.endpoint, &body, limits)?,
            body,
            written: self.written.clone(),
            resumed: self.resumed.clone(),
            strict: self.strict,
            given: self.given,
            recover: self.recover,
            request: OnceLock::new(),
        })
    }

    /// What the body means, in no dialect's words.
    pub(crate) fn request(&self) -> Result<&Request, Refusal> {
        let read = || {
            let request = decode_request(self.endpoint.dialect(), self.text());
            request.map_err(|error| self.resumed.explain(error.into()))
        };
        self.request
            .get_or_init(read)
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Whether thoughts of another vendor are in the body, who answered an earlier turn: sealed in an envelope, or
    /// without any signature. The client's own dialect has them where the thoughts of its vendor belong, who
    /// would refuse the whole call.
    pub(crate) fn carries_foreign_thoughts(&self) -> bool {
        let dialect = self.endpoint.dialect();
        let unsigned = dialect == Dialect::AnthropicMessages && self.has_unsigned();
        unsigned || dialect.codec().is_some() && self.has_envelopes()
    }

    fn has_envelopes(&self) -> bool {
        static MARK: LazyLock<Finder<'static>> =
            LazyLock::new(|| Finder::new(ENVELOPE_MARK.as_bytes()));
        MARK.find_iter(&self.body)
            .any(|at| self.body[..at].ends_with(b"\""))
    }

    /// Whether a signature is an empty string, which no vendor's is.
    fn has_unsigned(&self) -> bool {
        const NAME: &[u8] = b"\"signature\"";
        static NAMED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(NAME));
        NAMED.find_iter(&self.body).any(|at| {
            let behind = self.body[at + NAME.len()..].trim_ascii_start();
            let value = behind.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
            value.is_some_and(|value| value.starts_with(b"\"\""))
        })
    }
}

/// A model's name is compared, logged, recorded and repeated: it is to be one.
fn check_name(model: &str) -> Result<(), Refusal> {
    if model.len() <= LONGEST_MODEL {
        return Ok(());
    }
    let problem = format!("`model` is longer than {LONGEST_MODEL} bytes, which no model's name is");
    Err(Refusal::invalid("invalid_model", problem)
        .at("model")
        .for_good())
}

/// A body that was found to be an object, with a model in front of its members.
fn with_model(body: &[u8], model: &str) -> Bytes {
    let begin = body.iter().position(|byte| *byte == b'{');
    let (before, members) = body.split_at(begin.map_or(body.len(), |brace| brace + 1));
    let alone = members.trim_ascii_start().starts_with(b"}");
    let comma = if alone { "" } else { "," };
    let member = format!("\"model\":{}{comma}", json_string(model));
    [before, member.as_bytes(), members].concat().into()
}

/// Whether a header that is `true` or `false` asks for something.
///
/// # Errors
/// [`Refusal`] if it is neither.
pub(crate) fn asks(headers: &HeaderMap, name: HeaderName) -> Result<bool, Refusal> {
    says(headers, name).map(|said| said == Some(true))
}

/// What a header says that is `true` or `false`, if it is there.
///
/// # Errors
/// [`Refusal`] if it is neither.
pub(crate) fn says(headers: &HeaderMap, name: HeaderName) -> Result<Option<bool>, Refusal> {
    match headers.get(&name).map(|value| value.as_bytes()) {
        None => Ok(None),
        Some(b"false") => Ok(Some(false)),
        Some(b"true") => Ok(Some(true)),
        Some(_) => Err(Refusal::invalid(
            "invalid_header",
            format!("the header {name} is neither `true` nor `false`"),
        )
        .for_good()),
    }
}
