//! A provider that is ready to be called: everything checked and worked out beforehand.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Uri};
use orchestra_dialects::{Endpoint, Family, UpstreamError};
use orchestra_types::ProviderId;

use crate::address::{self, Address};
use crate::headers::AllowList;
use crate::pattern::Pattern;
use crate::{AuthScheme, ErrorClass, ErrorRule, PathError, RateLimitHeaders, StreamEnd, classify};

/// One configured provider.
///
/// Built once per configuration with [`Provider::build`]; afterwards a call only borrows or clones.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) id: ProviderId,
    pub(crate) label: String,
    pub(crate) root: Address,
    /// In the order of [`Endpoint::ALL`].
    pub(crate) routes: [Option<Route>; Endpoint::ALL.len()],
    pub(crate) models_uri: Uri,
    pub(crate) auth: AuthScheme,
    pub(crate) key_required: bool,
    pub(crate) key_names: Vec<String>,
    pub(crate) openai: RequestHeaders,
    pub(crate) anthropic: RequestHeaders,
    pub(crate) raw: RequestHeaders,
    pub(crate) relays: AllowList,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) models: Vec<String>,
    pub(crate) stream_end: StreamEnd,
    pub(crate) errors: Vec<ErrorRule>,
    pub(crate) rate_limits: Vec<RateLimitHeaders>,
}

/// Where one endpoint is.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) uri: Uri,
    /// The path of a raw call that means the same, if there is one.
    pub(crate) raw_path: Option<String>,
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

    /// Where to send calls of this endpoint. None: it does not speak it.
    #[must_use]
    pub fn endpoint(&self, endpoint: Endpoint) -> Option<&Uri> {
        Some(&self.routes[endpoint as usize].as_ref()?.uri)
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
        Endpoint::ALL.into_iter().find(|&endpoint| {
            self.routes[endpoint as usize]
                .as_ref()
                .is_some_and(|route| means(route, endpoint))
        })
    }

    /// How its key is presented.
    #[must_use]
    pub const fn auth(&self) -> &AuthScheme {
        &self.auth
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
        let carries_the_key = self.auth.header().as_ref() == Some(name);
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

    /// What ends its streams.
    #[must_use]
    pub const fn stream_end(&self) -> StreamEnd {
        self.stream_end
    }

    /// Where it reports what is left of its rate limits; empty if it does not.
    #[must_use]
    pub fn rate_limits(&self) -> &[RateLimitHeaders] {
        &self.rate_limits
    }

    /// Models it is known to serve, by its own names. Not complete: ask [`Provider::models_uri`].
    #[must_use]
    pub fn known_models(&self) -> &[String] {
        &self.models
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
