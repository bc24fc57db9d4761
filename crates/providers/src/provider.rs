//! A provider that is ready to be called: everything checked and worked out beforehand.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Uri};
use orchestra_dialects::{Endpoint, Family, Profile, UpstreamError};
use orchestra_types::{Price, ProviderId};

use crate::address::{self, Address};
use crate::assemble;
use crate::facts::Facts;
use crate::headers::AllowList;
use crate::pattern::Pattern;
use crate::profile::Profiles;
use crate::{
    AuthScheme, ErrorClass, ErrorRule, ModelFactsRow, PathError, RateLimits, RowError, StreamEnd,
    classify, method,
};

/// One configured provider.
///
/// Built once per configuration with [`Provider::build`]; afterwards a call only borrows or clones.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) id: ProviderId,
    pub(crate) label: String,
    pub(crate) also_called: Vec<String>,
    pub(crate) base: Address,
    pub(crate) root: Address,
    /// In the order of [`Endpoint::ALL`].
    pub(crate) routes: [Option<Route>; Endpoint::ALL.len()],
    /// Where Chat Completions that go on from the beginning of an answer are, if not where the others are.
    pub(crate) continuation_uri: Option<Uri>,
    pub(crate) models_uri: Uri,
    pub(crate) translates_to: Vec<Endpoint>,
    pub(crate) profiles: Profiles,
    pub(crate) facts: Facts,
    pub(crate) auth: AuthScheme,
    pub(crate) key_required: bool,
    pub(crate) key_names: Vec<String>,
    pub(crate) companions: Vec<(HeaderName, Vec<String>)>,
    pub(crate) retries_itself: bool,
    pub(crate) call_id_header: Option<HeaderName>,
    pub(crate) openai: RequestHeaders,
    pub(crate) anthropic: RequestHeaders,
    pub(crate) raw: RequestHeaders,
    pub(crate) relays: AllowList,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) models: Vec<String>,
    pub(crate) stream_end: StreamEnd,
    pub(crate) errors: Vec<ErrorRule>,
    pub(crate) rate_limits: RateLimits,
}

/// Why there is no address for a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallUriError {
    /// The provider does not speak the endpoint.
    #[error("it does not speak {endpoint}")]
    NotSpoken {
        /// Which.
        endpoint: Endpoint,
    },
    /// The model's name belongs into the path and cannot stand there.
    #[error("the model's name cannot stand in a path")]
    Model(#[source] PathError),
}

/// Where one endpoint is.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) uri: Uri,
    /// The path of a raw call that means the same, if there is one.
    pub(crate) raw_path: Option<String>,
    /// How a key is presented there, if in another way than elsewhere.
    pub(crate) auth: Option<AuthScheme>,
}

/// What a request carries besides its body and key.
#[derive(Clone, Debug)]
pub(crate) struct RequestHeaders {
    pub(crate) set: Vec<(HeaderName, HeaderValue)>,
    pub(crate) forwards: AllowList,
}

impl Provider {
    /// Its name in URLs, in `provider/model` and in metrics.
    #[must_use]
    pub const fn id(&self) -> &ProviderId {
        &self.id
    }

    /// Headers that go along with every key, each with the names under which its value is kept.
    #[must_use]
    pub fn companions(&self) -> &[(HeaderName, Vec<String>)] {
        &self.companions
    }

    /// Whether it tries again by itself, so that nobody should do so in front of it.
    #[must_use]
    pub const fn retries_itself(&self) -> bool {
        self.retries_itself
    }

    /// The header in which it is told the call's identity.
    #[must_use]
    pub const fn call_id_header(&self) -> Option<&HeaderName> {
        self.call_id_header.as_ref()
    }

    /// Whether the name is that of its catalogue row, or one by which other gateways know it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.also_called.iter().any(|called| called == name)
    }

    /// Its name for people.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// `scheme://host[:port]`: the one place to which its key may be sent.
    ///
    /// Loopback and private addresses occur, because the operator wrote them.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.root.origin()
    }

    /// The same provider at another address, which takes the place of its `base_url`.
    ///
    /// # Errors
    /// [`RowError`] if the address cannot be used.
    pub fn at(&self, base_url: &str) -> Result<Self, RowError> {
        let base = assemble::address("base_url", base_url)?;
        let moved = |uri: &Uri| {
            let path = uri.path().strip_prefix(self.base.path());
            assemble::join(&base, path.unwrap_or_else(|| uri.path()))
        };
        let mut routes = self.routes.clone();
        for route in routes.iter_mut().flatten() {
            route.uri = moved(&route.uri)?;
        }
        Ok(Self {
            models_uri: moved(&self.models_uri)?,
            root: base.without_version(),
            routes,
            base,
            ..self.clone()
        })
    }

    /// Where this endpoint is; of [`Endpoint::GenerateContent`], where its models are. None: it does not speak it.
    #[must_use]
    pub fn endpoint(&self, endpoint: Endpoint) -> Option<&Uri> {
        Some(&self.route(endpoint)?.uri)
    }

    /// Where to send a call of this endpoint for `model`, by the provider's own name of it. Only
    /// [`Endpoint::GenerateContent`] has the model in its path, and another path for streams.
    ///
    /// The result is always below [`Provider::endpoint`]: a name cannot lead out of it.
    ///
    /// # Errors
    /// [`CallUriError`] if the endpoint is not spoken, or the name cannot stand in a path.
    pub fn uri(
        &self,
        endpoint: Endpoint,
        model: &str,
        streamed: bool,
    ) -> Result<Uri, CallUriError> {
        let route = self
            .route(endpoint)
            .ok_or(CallUriError::NotSpoken { endpoint })?;
        if endpoint != Endpoint::GenerateContent {
            return Ok(route.uri.clone());
        }
        method::uri(&route.uri, model, streamed).map_err(CallUriError::Model)
    }

    /// The address of a streamed call that goes on from the beginning of an answer.
    ///
    /// # Errors
    /// [`CallUriError`] if the endpoint is not spoken, or the name cannot stand in a path.
    pub fn continuation_uri(&self, endpoint: Endpoint, model: &str) -> Result<Uri, CallUriError> {
        let usual = self.uri(endpoint, model, true)?;
        let own = self.continuation_uri.as_ref();
        let own = own.filter(|_| endpoint == Endpoint::ChatCompletions);
        Ok(own.cloned().unwrap_or(usual))
    }

    /// The endpoints through which clients of other endpoints can have their conversations with it, the
    /// best first.
    #[must_use]
    pub fn translates_to(&self) -> &[Endpoint] {
        &self.translates_to
    }

    /// What one of its models can do, by the provider's own name for it.
    #[must_use]
    pub fn profile(&self, model: &str) -> Profile {
        self.profiles.of(model)
    }

    /// The context window of one of its models in tokens, by the provider's own name for it; `None` if it is not known.
    #[must_use]
    pub fn context(&self, model: &str) -> Option<u64> {
        self.facts.context(model)
    }

    /// What one of its models costs, by the provider's own name for it; `None` if it is not known.
    #[must_use]
    pub fn price(&self, model: &str) -> Option<&Price> {
        self.facts.price(model)
    }

    /// Adds what somebody knows better of its models.
    ///
    /// # Errors
    /// [`RowError`] for the first entry that is wrong; nothing is added then.
    pub fn learn(&mut self, rows: &[ModelFactsRow]) -> Result<(), RowError> {
        self.facts.and(Facts::parse(rows)?);
        Ok(())
    }

    /// Where it lists its models.
    #[must_use]
    pub const fn models_uri(&self) -> &Uri {
        &self.models_uri
    }

    /// Where a raw call goes: `path_and_query` is what follows `http://gateway/{provider}`.
    ///
    /// The result is always below this provider's pass-through root.
    ///
    /// # Errors
    /// [`PathError`] for every path that another server might read as leading elsewhere.
    pub fn passthrough_uri(&self, path_and_query: &str) -> Result<Uri, PathError> {
        self.root.join(path_and_query)
    }

    /// The endpoint that a raw call means, so that it takes the normal way and not the raw one.
    ///
    /// Known are the provider's own paths and the usual ones (`/v1/chat/completions`). The
    /// comparison is generous (case, escapes, extra slashes, `;` parameters): a call that the provider would
    /// serve must not slip past budgets and policies by an odd spelling.
    #[must_use]
    pub fn endpoint_for(&self, method: &Method, raw_path: &str) -> Option<Endpoint> {
        if method != Method::POST {
            return None;
        }
        let path = plain_path(raw_path)?;
        let means = |route: &Route, endpoint: Endpoint| {
            let own = route.raw_path.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(&path))
                || endpoint.path().eq_ignore_ascii_case(&path)
        };
        Endpoint::SERVED.into_iter().find(|&endpoint| {
            self.route(endpoint)
                .is_some_and(|route| means(route, endpoint))
        })
    }

    /// How its key is presented, except at endpoints with a way of their own.
    #[must_use]
    pub const fn auth(&self) -> &AuthScheme {
        &self.auth
    }

    /// How its key is presented at this endpoint. `None` is a raw call.
    #[must_use]
    pub fn auth_for(&self, endpoint: Option<Endpoint>) -> &AuthScheme {
        let route = endpoint.and_then(|endpoint| self.route(endpoint));
        route
            .and_then(|route| route.auth.as_ref())
            .unwrap_or(&self.auth)
    }

    /// Whether calls without a key are pointless.
    #[must_use]
    pub const fn key_required(&self) -> bool {
        self.key_required
    }

    /// Environment variables that hold its key, the usual one first.
    #[must_use]
    pub fn key_names(&self) -> &[String] {
        &self.key_names
    }

    /// Headers to set where the client sent none that [`Provider::forwards_header`] lets through.
    /// `None` is a raw call.
    #[must_use]
    pub fn static_headers(&self, endpoint: Option<Endpoint>) -> &[(HeaderName, HeaderValue)] {
        &self.request_headers(endpoint).set
    }

    /// Whether a client's header is passed on. `None` is a raw call, which also keeps `accept` and
    /// `content-type`; for the others the gateway writes these itself.
    #[must_use]
    pub fn forwards_header(&self, endpoint: Option<Endpoint>, name: &HeaderName) -> bool {
        let describes_a_raw_body = endpoint.is_none() && [ACCEPT, CONTENT_TYPE].contains(name);
        let carries_the_key = self.auth_for(endpoint).header().as_ref() == Some(name);
        !carries_the_key
            && (describes_a_raw_body || self.request_headers(endpoint).forwards.allows(name))
    }

    /// Whether a response header is passed on to the client. What describes the body
    /// (`content-type` and the like) is the relay's business and not listed.
    #[must_use]
    pub fn relays_header(&self, name: &HeaderName) -> bool {
        self.relays.allows(name)
    }

    /// What an error means. `status` is that of the answer, 200 for an error inside a stream.
    #[must_use]
    pub fn classify(&self, status: u16, error: Option<&UpstreamError>) -> ErrorClass {
        classify::classify(&self.errors, status, error)
    }

    /// What ends its streams of this endpoint. Gemini's own have no marker: the connection is closed behind the event
    /// that says why the model stopped.
    #[must_use]
    pub const fn stream_end(&self, endpoint: Endpoint) -> StreamEnd {
        match endpoint {
            Endpoint::GenerateContent => StreamEnd::FinishReason,
            _ => self.stream_end,
        }
    }

    /// Where it reports what is left of its rate limits; empty if it does not.
    #[must_use]
    pub const fn rate_limits(&self) -> &RateLimits {
        &self.rate_limits
    }

    /// Models it is known to serve, by its own names. Not complete: ask [`Provider::models_uri`].
    #[must_use]
    pub fn known_models(&self) -> &[String] {
        &self.models
    }

    fn route(&self, endpoint: Endpoint) -> Option<&Route> {
        self.routes[endpoint as usize].as_ref()
    }

    const fn request_headers(&self, endpoint: Option<Endpoint>) -> &RequestHeaders {
        let Some(endpoint) = endpoint else {
            return &self.raw;
        };
        match endpoint.dialect().family() {
            Family::OpenAi | Family::Google => &self.openai,
            Family::Anthropic => &self.anthropic,
        }
    }
}

/// A path without query, escapes, segment parameters, repeated and trailing slashes.
/// None if it cannot be read.
fn plain_path(raw_path: &str) -> Option<String> {
    let path = raw_path.split('?').next().unwrap_or_default();
    let decoded = String::from_utf8(address::decode(path)?).ok()?;
    let names = decoded
        .split('/')
        .filter_map(|segment| segment.split(';').next());
    let names = names.filter(|name| !name.is_empty());
    Some(names.fold(String::new(), |path, name| path + "/" + name))
}
