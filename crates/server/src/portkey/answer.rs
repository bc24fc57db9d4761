//! The headers that Portkey's clients look for in an answer.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::headers::Headers;
use super::is_portkeys;

const TRACE: HeaderName = HeaderName::from_static("x-portkey-trace-id");
const PROVIDER: HeaderName = HeaderName::from_static("x-portkey-provider");
const OPTION: HeaderName = HeaderName::from_static("x-portkey-last-used-option-index");
const RETRIES: HeaderName = HeaderName::from_static("x-portkey-retry-attempt-count");
const EXCEPTION: HeaderName = HeaderName::from_static("x-portkey-gateway-exception");
const CACHE: HeaderName = HeaderName::from_static("x-portkey-cache-status");

/// What the gateway says of kept answers, in Portkey's words.
fn cache_status(headers: &HeaderMap) -> &'static str {
    match headers.get("x-orchestra-cache").map(HeaderValue::as_bytes) {
        Some(b"hit") => "HIT",
        Some(b"miss") => "MISS",
        Some(b"refresh") => "REFRESH",
        _ => "DISABLED",
    }
}

/// What an answer is marked with.
#[derive(Debug)]
pub(crate) struct Marks {
    trace: Option<HeaderValue>,
}

impl Marks {
    /// For the answer to a call with these headers, whatever becomes of it; `None` if it is none of Portkey's.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        is_portkeys(headers).then(|| Self {
            trace: Headers(headers).trace(),
        })
    }

    /// For the answer to a call of Portkey's own interface, whatever its headers are.
    pub(crate) fn always(headers: &HeaderMap) -> Self {
        Self {
            trace: Headers(headers).trace(),
        }
    }

    /// Says that no target was called, for a reason of the gateway's own. A gateway of Portkey's before this one does not go on to
    /// another target then, so it is said only where that is wanted.
    pub(crate) fn put_exception(headers: &mut HeaderMap) {
        headers.insert(EXCEPTION, HeaderValue::from_static("true"));
    }

    /// Says in Portkey's words what the gateway's own headers say. There is always a trace id: without one, Portkey's SDKs
    /// repeat a call that failed.
    pub(crate) fn put(self, status: StatusCode, headers: &mut HeaderMap) {
        let own = |name: &str| headers.get(name).cloned();
        let trace = self.trace.or_else(|| own("x-orchestra-call-id"));
        let provider = own("x-orchestra-provider");
        let route = own("x-orchestra-route");
        let retries = own("x-orchestra-retries");
        let option = route.and_then(|route| {
            let route = route.to_str().ok()?;
            HeaderValue::from_str(&format!("config.{route}")).ok()
        });
        headers.insert(OPTION, option.unwrap_or(HeaderValue::from_static("config")));
        headers.insert(CACHE, HeaderValue::from_static(cache_status(headers)));
        let retries = match retries {
            Some(_) if !status.is_success() => HeaderValue::from_static("-1"),
            Some(retries) => retries,
            None => HeaderValue::from_static("0"),
        };
        headers.insert(RETRIES, retries);
        if let Some(trace) = trace {
            headers.insert(TRACE, trace);
        }
        if let Some(provider) = provider {
            headers.insert(PROVIDER, provider);
        }
    }
}
