//! Calls that the gateway passes through without understanding them: files, images, audio,
//! batches and whatever a provider adds tomorrow.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response};
use orchestra_dialects::Family;
use orchestra_health::Outcome;
use orchestra_providers::ErrorClass;
use orchestra_types::{KeyId, ModelId, ProviderId};
use tokio::time::{Instant, timeout};

use crate::attempt::{Queue, may_have_room};
use crate::body::AnswerBody;
use crate::failure::Failure;
use crate::fault::{Fault, FaultKind, Phase, Reached};
use crate::gateway::Gateway;
use crate::keys::{Access, Closed};
use crate::overload::Priority;
use crate::providers::Member;
use crate::read::{Read, read_up_to};
use crate::refusal::Refusal;
use crate::relay::RawRelay;
use crate::request::forward;
use crate::respond::{fail, identify, relayed_headers};
use crate::settings::Settings;
use crate::settle::Settlement;
use crate::transport::{OutgoingBody, StreamedBody, TransportError, UpstreamBody};

/// A call to be passed through to one provider.
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

impl fmt::Debug for RawCall {
    /// Headers hold keys: they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawCall")
            .field("provider", &self.provider)
            .field("client", &self.client)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Passes one call through: bodies in both directions as they come, never held whole.
    /// One attempt, since a streamed body cannot be sent twice.
    pub async fn pass(&self, call: RawCall) -> Response<AnswerBody> {
        let mut settlement = self.open(None, call.client.clone());
        // Which dialect's errors the caller reads follows from the provider.
        let family = {
            let providers = self.providers();
            let member = providers.member(call.provider.as_str());
            member.map_or(Family::OpenAi, |member| member.family())
        };
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
        let priorities = &self.parts.settings.overload.priorities;
        let given = priorities.of(&call.headers, call.client.as_ref(), "")?;
        self.enter(given, settlement).await?;
        let priority = given.priority;
        let model = ModelId::new("");
        let access = self.way(&member, &model, priority, settlement).await?;
        let began = self.parts.clock.monotonic();
        let request = raw_request(&access, call)?;
        let sent = settlement.attempt(member.provider.id(), &model, None, access.used(), began);
        let sending = self.parts.transport.send(request);
        let outcome = match timeout(self.parts.settings.total, sending).await {
            // Nothing against the provider: its caller let it down.
            Ok(Err(TransportError::RequestBody { .. })) => {
                settlement.attempted(sent, Some("incomplete_body"), settlement.now());
                return Err(Refusal::incomplete_body().into());
            }
            Ok(Ok(answer))
                if answer.status().is_client_error() || answer.status().is_server_error() =>
            {
                Err(self
                    .error(&access, answer, settlement.record.started_unix)
                    .await)
            }
            Ok(answered) => answered.map_err(Fault::from),
            Err(_) => Err(Fault::new(FaultKind::Timeout(Phase::Total), Reached::Sent)),
        };
        self.note(
            &access,
            sent,
            outcome.as_ref().map(|_| Duration::ZERO),
            settlement,
        );
        let mut answer = outcome.map_err(|fault| {
            fault.book(&access, settlement.now());
            raw_failure(fault, &access)
        })?;
        self.heed_quota(&access, answer.headers());
        access.judge(Outcome::Healthy, settlement.now());
        *answer.headers_mut() = answer_headers(&access, answer.headers());
        Ok(answer)
    }

    /// A key and a place at the provider, which is waited for if it may have room soon. There is no other target: else it is
    /// asked although it is left alone.
    async fn way(
        &self,
        member: &Arc<Member>,
        model: &ModelId,
        priority: Priority,
        settlement: &mut Settlement,
    ) -> Result<Access, Refusal> {
        let (now, rng) = (self.parts.clock.monotonic(), self.parts.rng.as_ref());
        let out = match Access::open(member, model, rng, now) {
            Ok(access) => return Ok(access),
            Err(Closed::Refused(refusal)) => return Err(refusal),
            Err(Closed::Resting(out)) => out,
        };
        if !may_have_room(&out, now, self.parts.settings.overload.max_wait) {
            return Access::force(member, model, rng, now);
        }
        let queue = Queue {
            doors: Access::doors(member, model, now)?,
            priority,
            deadline: Instant::now() + self.parts.settings.total,
        };
        let had = self.queue(queue, &mut None, settlement).await;
        had.map(|(_, access)| access).map_err(|away| {
            settlement.record.shed = Some(away.shed);
            away.refusal()
        })
    }

    /// An error is read before it is shown, because errors are where providers speak of keys.
    async fn error(
        &self,
        access: &Access,
        answer: Response<UpstreamBody>,
        unix: Duration,
    ) -> Fault {
        let (head, body) = answer.into_parts();
        let idle = self.parts.settings.idle;
        match timeout(idle, read_up_to(Settings::MAX_ERROR_BYTES, idle, body)).await {
            Ok(Read::Whole(text)) => Fault::of_answer(access, &head, text, unix),
            // Half of an error cannot be relayed under the length that was announced for all of it.
            _ => Fault {
                answer: None,
                ..Fault::of_answer(access, &head, Bytes::new(), unix)
            },
        }
    }
}

/// The provider's own error as it came, or ours where it cannot be shown.
fn raw_failure(mut fault: Fault, access: &Access) -> Failure {
    let member = &access.member;
    if matches!(fault.kind, FaultKind::Reported(ErrorClass::Authentication)) {
        return Failure::Ours(Refusal::key_rejected(&member.provider));
    }
    match (fault.status, fault.answer.take()) {
        (Some(status), Some((headers, body))) if !body.is_empty() => Failure::Theirs {
            status,
            headers: answer_headers(access, &headers),
            body,
        },
        _ => Failure::Ours(Refusal::from_fault(
            &fault,
            member.provider.id(),
            member.family(),
        )),
    }
}

fn raw_request(access: &Access, call: RawCall) -> Result<Request<OutgoingBody>, Refusal> {
    let member = &access.member;
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
    access.sign(None, headers);
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
fn answer_headers(access: &Access, upstream: &HeaderMap) -> HeaderMap {
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
    relayed_headers(access, upstream, |name| {
        DESCRIPTIVE.contains(&name.as_str())
    })
}
