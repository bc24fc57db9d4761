//! Calls that the gateway passes through without understanding them: files, images, audio,
//! batches and whatever a provider adds tomorrow.

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use orchestra_dialects::Family;
use orchestra_types::{KeyId, ModelId, ProviderId};
use tokio::time::timeout;

use crate::body::AnswerBody;
use crate::failure::Failure;
use crate::fault::{Fault, FaultKind, Phase, Reached};
use crate::gateway::{Gateway, fail, identify, relayed_headers};
use crate::providers::Member;
use crate::refusal::Refusal;
use crate::relay::RawRelay;
use crate::settle::Settlement;
use crate::transport::{OutgoingBody, StreamedBody, UpstreamBody};

/// A call to be passed through to one provider.
#[derive(Debug)]
pub struct RawCall {
    /// To whom.
    pub provider: ProviderId,
    /// Whose key authorised the call, when keys are in use.
    pub client: Option<KeyId>,
    /// The client's method.
    pub method: Method,
    /// The path and query behind the provider's name, beginning with `/`.
    pub path_and_query: String,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The client's body; `None` for none.
    pub body: Option<StreamedBody>,
}

impl Gateway {
    /// Passes one call through: bodies in both directions as they come, never held whole.
    /// One attempt, since a streamed body cannot be sent twice.
    pub async fn pass(&self, call: RawCall) -> Response<AnswerBody> {
        let mut settlement = self.open(None, call.client.clone());
        // Which dialect's errors the caller reads follows from the provider.
        let member = self.providers().member(call.provider.as_str());
        let family = member.map_or(Family::OpenAi, |member| member.family());
        match self.exchange(call, &mut settlement).await {
            Ok(mut answer) => {
                identify(answer.headers_mut(), family, &settlement.record);
                settlement.answered(answer.status());
                let idle = self.parts.settings.idle;
                answer.map(|body| AnswerBody::raw(RawRelay::new(body, idle, settlement)))
            }
            Err(failure) => fail(&failure, family, settlement),
        }
    }

    async fn exchange(
        &self,
        call: RawCall,
        settlement: &mut Settlement,
    ) -> Result<Response<UpstreamBody>, Failure> {
        let member = self.member(call.provider.as_str())?;
        let request = raw_request(&member, call)?;
        let began = self.parts.clock.monotonic();
        let outcome = match timeout(
            self.parts.settings.total,
            self.parts.transport.send(request),
        )
        .await
        {
            Ok(answered) => answered.map_err(Fault::from),
            Err(_) => Err(Fault::new(FaultKind::Timeout(Phase::Total), Reached::Sent)),
        };
        self.note(
            &member,
            ModelId::new(""),
            began,
            outcome.as_ref().err(),
            settlement,
        );
        let mut answer = outcome.map_err(|fault| Failure::of_raw(&fault, &member))?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(Failure::Ours(Refusal::key_rejected(&member.provider)));
        }
        *answer.headers_mut() = answer_headers(&member, answer.headers());
        Ok(answer)
    }
}

fn raw_request(member: &Member, call: RawCall) -> Result<Request<OutgoingBody>, Refusal> {
    let uri = member
        .provider
        .passthrough_uri(&call.path_and_query)
        .map_err(|error| Refusal::invalid("invalid_path", error.to_string()).for_good())?;
    let mut request = Request::new(
        call.body
            .map_or(OutgoingBody::Whole(None), OutgoingBody::Streamed),
    );
    *request.method_mut() = call.method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    for (name, value) in member.provider.static_headers(None) {
        headers.insert(name, value.clone());
    }
    for (name, value) in &call.headers {
        if passes_upstream(name, member) {
            headers.insert(name.clone(), value.clone());
        }
    }
    member.sign(headers);
    Ok(request)
}

/// What describes the body and the wish passes, beside what the provider's row allows.
/// Credentials, cookies and everything about the connection stay here.
fn passes_upstream(name: &HeaderName, member: &Member) -> bool {
    const DESCRIPTIVE: [&str; 9] = [
        "accept",
        "accept-encoding",
        "content-type",
        "content-encoding",
        "content-length",
        "content-disposition",
        "if-none-match",
        "if-modified-since",
        "range",
    ];
    DESCRIPTIVE.contains(&name.as_str()) || member.provider.forwards_header(None, name)
}

/// The same in the other direction.
fn answer_headers(member: &Member, upstream: &HeaderMap) -> HeaderMap {
    const DESCRIPTIVE: [&str; 8] = [
        "content-length",
        "content-encoding",
        "content-disposition",
        "content-range",
        "accept-ranges",
        "etag",
        "last-modified",
        "retry-after",
    ];
    let mut headers = relayed_headers(member, upstream);
    for name in DESCRIPTIVE {
        if let Some(value) = upstream.get(name) {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
    headers
}
