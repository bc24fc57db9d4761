//! From the last fault of a call to the words for the client.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use orchestra_dialects::{ErrorKind, Family, is_native_error};
use orchestra_providers::{ErrorClass, Provider};
use orchestra_types::{CallId, ProviderId};

use crate::body::AnswerBody;
use crate::call::Call;
use crate::fault::{ASKED_TIMEOUT, Fault, FaultKind};
use crate::keys::Access;
use crate::record::Ending;
use crate::refusal::Refusal;
use crate::respond::relayed_headers;
use crate::stage::Exchange;
use crate::unreachable::no_key_for;

/// What a client gets when no target answered usefully.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call never reached an upstream.
    Refused(Refusal),
    /// Upstreams failed; an error in the gateway's words.
    Ours(Refusal),
    /// Upstreams failed; the last one's own error, byte for byte: it is in the client's dialect already.
    Theirs {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    },
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failure {
    /// The last fault, told to the client. An upstream's own error passes through unless it
    /// speaks of the gateway's key, which is nothing the client should read about.
    pub(crate) fn from_fault(
        access: &Access,
        exchange: Exchange,
        mut fault: Fault,
        call: &Call,
        attempts: usize,
    ) -> Self {
        let family = call.endpoint.dialect().family();
        let provider = &access.member.provider;
        let about_our_key = matches!(fault.kind, FaultKind::Reported(ErrorClass::Authentication));
        if !about_our_key
            && let (Some(status), Some((headers, body))) = (fault.status, fault.answer.take())
            && is_native_error(family, &body)
        {
            return Self::Theirs {
                status,
                headers: relayed_headers(access, &headers, |_| false),
                body,
            };
        }
        let mut refusal = Refusal::from_fault(&fault, provider.id(), family);
        // What the families have different statuses for: 529 and 503, 402 and 429.
        if exchange == Exchange::Translated
            && matches!(refusal.kind, ErrorKind::Overloaded | ErrorKind::Billing)
        {
            refusal.status = usual_status(refusal.kind, family);
        }
        if call.directions.from_portkey && fault.took_longer_than_asked() {
            refusal.status = ASKED_TIMEOUT;
        }
        if about_our_key {
            refusal = Refusal::key_rejected(provider);
        }
        if attempts > 1 {
            refusal.message.push_str(&format!(
                " ({attempts} attempts were made; this was the last.)"
            ));
        }
        Self::Ours(refusal)
    }

    /// The answer for the client.
    pub(crate) fn respond(&self, family: Family, call: &CallId) -> Response<AnswerBody> {
        match self {
            Self::Refused(refusal) | Self::Ours(refusal) => refusal.respond(family, call),
            Self::Theirs {
                status,
                headers,
                body,
            } => {
                let mut response = Response::new(AnswerBody::whole(body.clone()));
                *response.status_mut() = *status;
                *response.headers_mut() = headers.clone();
                response
                    .headers_mut()
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
                response
            }
        }
    }

    pub(crate) const fn ending(&self) -> Ending {
        match self {
            Self::Refused(_) => Ending::Refused,
            Self::Ours(_) | Self::Theirs { .. } => Ending::Failed,
        }
    }
}

impl Refusal {
    /// A fault in words for the client. What the upstream said about a request is part of
    /// it, what it said about keys is not.
    pub(crate) fn from_fault(fault: &Fault, provider: &ProviderId, family: Family) -> Self {
        let (status, kind) = match &fault.kind {
            FaultKind::Reported(class) => {
                let kind = kind_of(*class);
                (status_of(kind, fault.status, family), kind)
            }
            FaultKind::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, ErrorKind::Timeout),
            FaultKind::Connect(_)
            | FaultKind::Broken(_)
            | FaultKind::Malformed(_)
            | FaultKind::Truncated => (StatusCode::BAD_GATEWAY, ErrorKind::Server),
        };
        let mut message = format!("provider `{provider}` {}", fault.described());
        match &fault.error {
            Some(error) if kind != ErrorKind::Authentication && !error.message.is_empty() => {
                message.push_str(&format!(": {}", error.message));
            }
            _ => message.push('.'),
        }
        let mut refusal = Self::new(status, kind, code_of(fault, family), message);
        refusal.retry_after = fault.retry_after;
        // OpenAI's clients come back after every 429.
        refusal.for_good = kind == ErrorKind::Billing;
        refusal
    }

    /// The provider did not take the gateway's key. What it said of the key stays here.
    pub(crate) fn key_rejected(provider: &Provider) -> Self {
        let name = provider
            .key_names()
            .first()
            .map_or("its key", String::as_str);
        Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorKind::Authentication,
            "provider_key_rejected",
            format!(
                "provider `{}` refused the gateway's key. Your own key is fine; the gateway's operator must check {name}.",
                provider.id()
            ),
        )
        .for_good()
    }

    /// Nobody can read the provider's keys now.
    pub(crate) fn sealed(provider: &ProviderId) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Server,
            "sealed",
            format!(
                "the secret store that holds the keys of provider `{provider}` is sealed: the gateway's operator must unseal it"
            ),
        )
    }

    /// The gateway has no key that it may use.
    pub(crate) fn key_missing(provider: &ProviderId, reason: &str) -> Self {
        no_key_for(format!(
            "the gateway has no usable key for provider `{provider}`: {reason}. Your own key is fine; the gateway's operator must mend this."
        ))
    }

    /// The client's body ended before its announced end.
    #[must_use]
    pub fn incomplete_body() -> Self {
        Self::invalid(
            "incomplete_body",
            "the request body broke off before its announced end",
        )
    }

    pub(crate) fn no_such_provider(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorKind::NotFound,
            "provider_not_found",
            format!("no provider is named `{name}` here"),
        )
        .for_good()
    }

    /// An address that the call brought along and that is not called.
    pub(crate) fn custom_host(problem: &str) -> Self {
        const HEADER: &str = "x-portkey-custom-host";
        Self::invalid("invalid_header", format!("the header {HEADER}: {problem}"))
            .at(HEADER)
            .for_good()
    }

    pub(crate) fn no_attempt_allowed() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Server,
            "no_attempt_allowed",
            "the gateway is configured to make no attempt: set `limits.max_attempts` to 1 or more",
        )
        .for_good()
    }
}

/// What kind of error a class is to the client.
const fn kind_of(class: ErrorClass) -> ErrorKind {
    match class {
        ErrorClass::InvalidRequest | ErrorClass::ContextLength | ErrorClass::ContentPolicy => {
            ErrorKind::InvalidRequest
        }
        ErrorClass::Authentication => ErrorKind::Authentication,
        ErrorClass::Permission | ErrorClass::Policy => ErrorKind::Permission,
        ErrorClass::Billing => ErrorKind::Billing,
        ErrorClass::ModelNotFound => ErrorKind::NotFound,
        ErrorClass::RateLimited => ErrorKind::RateLimited,
        ErrorClass::Overloaded => ErrorKind::Overloaded,
        ErrorClass::Timeout => ErrorKind::Timeout,
        ErrorClass::Server => ErrorKind::Server,
    }
}

/// The code that a family's programs know the fault by, where they know one.
const fn code_of(fault: &Fault, family: Family) -> &'static str {
    match (family, &fault.kind) {
        (Family::OpenAi, FaultKind::Reported(ErrorClass::ContextLength)) => {
            "context_length_exceeded"
        }
        (Family::OpenAi, FaultKind::Reported(ErrorClass::RateLimited)) => "rate_limit_exceeded",
        (Family::OpenAi, FaultKind::Reported(ErrorClass::Billing)) => "insufficient_quota",
        _ => fault.name(),
    }
}

/// The status for an error that an upstream reported: its own where that tells an error,
/// else the family's usual one.
fn status_of(kind: ErrorKind, sent: Option<StatusCode>, family: Family) -> StatusCode {
    sent.filter(|status| status.as_u16() >= 400)
        .unwrap_or_else(|| usual_status(kind, family))
}

fn usual_status(kind: ErrorKind, family: Family) -> StatusCode {
    StatusCode::from_u16(kind.status(family)).unwrap_or(StatusCode::BAD_GATEWAY)
}
