//! The HTTP request to a target.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use orchestra_providers::{Provider, never_goes_up};
use orchestra_types::CallId;

use crate::call::Call;
use crate::keys::Access;
use crate::outgoing::Outgoing;
use crate::transport::OutgoingBody;

const AGENT: &str = concat!("orchestra/", env!("CARGO_PKG_VERSION"));

/// How the names of headers begin that mean something to one vendor alone.
const VENDORS: [&str; 3] = ["anthropic-", "openai-", "x-goog-"];

/// Puts address, headers and key around what is sent.
pub(crate) fn request(
    id: &CallId,
    call: &Call,
    access: &Access,
    outgoing: &Outgoing,
) -> Request<OutgoingBody> {
    let provider = &access.member.provider;
    let endpoint = outgoing.endpoint;
    let mut request = Request::new(OutgoingBody::from(outgoing.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = outgoing.uri.clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let accepted = if call.head.stream() {
        "text/event-stream"
    } else {
        "application/json"
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accepted));
    for (name, value) in provider.static_headers(Some(endpoint)) {
        headers.insert(name, value.clone());
    }
    forward(&call.headers, headers, |name| {
        passes(call, provider, outgoing, name)
    });
    if let Some(name) = provider.call_id_header()
        && let Ok(id) = HeaderValue::from_bytes(&id.to_ascii())
    {
        headers.entry(name).or_insert(id);
    }
    access.sign(Some(endpoint), headers);
    request
}

/// Whether a header of the client's goes along.
pub(crate) fn passes(
    call: &Call,
    provider: &Provider,
    outgoing: &Outgoing,
    name: &HeaderName,
) -> bool {
    let row = provider.forwards_header(Some(outgoing.endpoint), name)
        && !(is_a_vendors(name) && outgoing.is_foreign(call));
    row || outgoing.asks_for(name) && may_be_asked_for(name)
}

/// Whether a header may go along because a tree says so. What is between client and gateway stays here: keys, cookies, what
/// frames the message, and the gateway's own words.
fn may_be_asked_for(name: &HeaderName) -> bool {
    const OURS: [&str; 2] = ["x-portkey-", "x-orchestra-"];
    // The gateway's own: what it sends and what it can read.
    const WRITTEN: [&str; 4] = [
        "accept",
        "accept-encoding",
        "content-encoding",
        "content-type",
    ];
    let name = name.as_str();
    !never_goes_up(name)
        && !WRITTEN.contains(&name)
        && !OURS.iter().any(|ours| name.starts_with(ours))
}

/// A version or beta that a client names for its own dialect says nothing of a request in another one.
fn is_a_vendors(name: &HeaderName) -> bool {
    VENDORS
        .iter()
        .any(|vendor| name.as_str().starts_with(vendor))
}

/// Copies those of a client's headers that may pass, with all their values, over the defaults.
pub(crate) fn forward(
    from: &HeaderMap,
    to: &mut HeaderMap,
    may_pass: impl Fn(&HeaderName) -> bool,
) {
    for name in from.keys().filter(|name| may_pass(name)) {
        to.remove(name);
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}
