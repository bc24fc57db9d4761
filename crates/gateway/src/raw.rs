//! Calls that the gateway passes through without understanding them: files, images, audio,
//! batches and whatever a provider adds tomorrow.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use orchestra_dialects::Family;
use orchestra_health::Outcome;
use orchestra_types::{KeyId, ModelId, ProviderId};
use tokio::time::timeout;

use crate::attempt::forward;
use crate::body::AnswerBody;
use crate::failure::Failure;
use crate::fault::{Fault, FaultKind, Phase, Reached};
use crate::gateway::{Gateway, fail, identify, relayed_headers};
use crate::providers::Member;
use crate::read::{Read, read_up_to};
use crate::refusal::Refusal;
use crate::relay::RawRelay;
use crate::settings::Settings;
use crate::settle::{Ending, Settlement};
use crate::transport::{OutgoingBody, StreamedBody, TransportError, UpstreamBody};

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
            Ok(Exchanged {
                mut headers,
                answer,
            }) => {
                identify(&mut headers, family, &settlement.record);
                settlement.answered(answer.status());
                let mut answer = answer.map(|body| self.relay(body, settlement));
                *answer.headers_mut() = headers;
                answer
            }
            Err(failure) => fail(&failure, family, settlement),
        }
    }

    fn relay(&self, body: RawBody, settlement: Settlement) -> AnswerBody {
        match body {
            RawBody::Streamed(body) => {
                AnswerBody::raw(RawRelay::new(body, self.parts.settings.idle, settlement))
            }
            RawBody::Read(body) => {
                settlement.close(Ending::Completed);
                AnswerBody::whole(body)
            }
        }
    }

    async fn exchange(
        &self,
        call: RawCall,
        settlement: &mut Settlement,
    ) -> Result<Exchanged, Failure> {
        let member = self.member(call.provider.as_str())?;
        let request = raw_request(&member, call)?;
        settlement.attempt(member.provider.id(), &ModelId::new(""));
        let began = self.parts.clock.monotonic();
        let sending = self.parts.transport.send(request);
        let outcome = match timeout(self.parts.settings.total, sending).await {
            // Nothing against the provider: its caller let it down.
            Ok(Err(TransportError::RequestBody { .. })) => {
                return Err(Refusal::incomplete_body().into());
            }
            Ok(answered) => answered.map_err(Fault::from),
            Err(_) => Err(Fault::new(FaultKind::Timeout(Phase::Total), Reached::Sent)),
        };
        self.note(&member, began, outcome.as_ref().err(), settlement);
        let answer = outcome.map_err(|fault| Failure::of_raw(&fault, &member))?;
        if !answer.status().is_server_error() {
            member.health.record(Outcome::Healthy, settlement.now());
        }
        let headers = answer_headers(&member, answer.headers());
        if answer.status().is_client_error() || answer.status().is_server_error() {
            return Ok(Exchanged {
                headers,
                answer: self.error(&member, answer).await?,
            });
        }
        Ok(Exchanged {
            headers,
            answer: answer.map(RawBody::Streamed),
        })
    }

    /// An error is read before it is shown, because errors are where providers speak of keys.
    async fn error(
        &self,
        member: &Member,
        answer: Response<UpstreamBody>,
    ) -> Result<Response<RawBody>, Failure> {
        let (head, body) = answer.into_parts();
        if head.status == StatusCode::UNAUTHORIZED {
            return Err(Failure::Ours(Refusal::key_rejected(&member.provider)));
        }
        let read = timeout(
            self.parts.settings.idle,
            read_up_to(Settings::MAX_ERROR_BYTES, self.parts.settings.idle, body),
        )
        .await;
        match read {
            Ok(Read::Whole(text)) if !member.gives_key_away(&text) => {
                Ok(Response::from_parts(head, RawBody::Read(text)))
            }
            _ => {
                let class = member.provider.classify(head.status.as_u16(), None);
                let kind = FaultKind::Reported(class);
                let fault = Fault {
                    status: Some(head.status),
                    ..Fault::new(kind, Reached::Answered)
                };
                Err(Failure::of_raw(&fault, member))
            }
        }
    }
}

/// An answer, and those of its headers that the client may see.
struct Exchanged {
    headers: HeaderMap,
    answer: Response<RawBody>,
}

/// A body of an upstream: on its way, or read.
enum RawBody {
    Streamed(UpstreamBody),
    Read(Bytes),
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
    forward(&call.headers, headers, |name| passes_upstream(name, member));
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
