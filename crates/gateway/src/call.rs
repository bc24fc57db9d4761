//! A call as it enters the gateway.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use orchestra_dialects::{Endpoint, Head};
use orchestra_types::{KeyId, ProviderId};

use crate::providers::Member;
use crate::refusal::Refusal;
use crate::settings::Settings;

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
    pub(crate) body: Bytes,
    pub(crate) head: Head,
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
    /// Reads the head of the body; the rest is only checked to be sound JSON.
    pub(crate) fn accept(
        incoming: Incoming,
        pinned: Option<Arc<Member>>,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        let head = Head::scan(incoming.endpoint, &incoming.body, &settings.head)?;
        Ok(Self {
            endpoint: incoming.endpoint,
            pinned,
            headers: incoming.headers,
            // Anthropic's clients mark beta operations this way; no other query means anything
            // on these endpoints, and what means nothing is not sent on.
            query: incoming.query.filter(|query| query == "beta=true"),
            body: incoming.body,
            head,
        })
    }
}
