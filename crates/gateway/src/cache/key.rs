//! What a call asks, as one number: who asks the same gets the same.

use std::hash::{Hash, Hasher};

use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::call::Call;
use crate::outgoing::{Outgoing, WayBack};
use crate::request::passes;
use crate::stage::Candidate;

/// Headers that go to providers and say which call it is, not what is asked.
const OF_ONE_CALL: [&str; 11] = [
    "idempotency-key",
    "traceparent",
    "tracestate",
    "x-client-request-id",
    "x-request-id",
    "x-portkey-cache-force-refresh",
    "x-portkey-debug",
    "x-portkey-parent-span-id",
    "x-portkey-span-id",
    "x-portkey-span-name",
    "x-portkey-trace-id",
];

/// A digest of what is asked. Nobody can make two questions with the same one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CacheKey([u8; 32]);

impl Hash for CacheKey {
    /// Any part of a digest is as good as the whole for finding a place.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheKey(..)")
    }
}

/// All that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The call as its place in the tree has changed it.
    pub(crate) call: &'a Call,
    pub(crate) target: &'a Candidate,
    pub(crate) outgoing: &'a Outgoing,
    /// Whether the answer is written anew here, and may repeat what the client wrote.
    pub(crate) rewritten: bool,
}

impl Asked<'_> {
    pub(super) fn key(&self, salt: &[u8; 32]) -> CacheKey {
        let mut digest = Fields(Sha256::new_with_prefix(salt));
        self.who(&mut digest);
        self.whereto(&mut digest);
        self.what(&mut digest);
        CacheKey(digest.0.finalize().into())
    }

    /// No caller gets what another was told. Within a caller a namespace sets calls apart, else their metadata.
    fn who(&self, digest: &mut Fields) {
        digest.optional(self.call.client.as_ref().map(|client| client.as_str()));
        let directions = &self.call.directions;
        let namespace = directions.cache.as_deref().map(|wish| &wish.namespace);
        match namespace.and_then(Option::as_ref) {
            Some(namespace) => digest.optional(Some(namespace)),
            None => {
                digest.optional(None);
                digest.number(directions.metadata.len());
                for (name, value) in &directions.metadata {
                    digest.text(name);
                    digest.text(value);
                }
            }
        }
    }

    fn whereto(&self, digest: &mut Fields) {
        let (member, uri) = (&self.target.member, &self.outgoing.uri);
        digest.text(self.call.endpoint.name());
        digest.text(self.outgoing.endpoint.name());
        digest.text(member.provider.id().as_str());
        digest.text(self.target.model.as_str());
        digest.text(uri.scheme_str().unwrap_or_default());
        digest.text(uri.authority().map_or("", |authority| authority.as_str()));
        digest.text(uri.path_and_query().map_or("", |path| path.as_str()));
        // What a caller's own key buys is that caller's. The operator's keys of a provider are one.
        digest.number(usize::from(member.guest));
        if member.guest {
            member.keys().each_secret(|secret| digest.bytes(secret));
        }
    }

    fn what(&self, digest: &mut Fields) {
        let way_back = match self.outgoing.way_back {
            WayBack::Untouched => "untouched",
            WayBack::UsageHidden => "usage hidden",
            WayBack::Vectors(form) => form.as_str(),
            WayBack::Translated => "translated",
        };
        digest.text(way_back);
        let headers = self.headers();
        digest.number(headers.len());
        for (name, value) in headers {
            digest.text(name.as_str());
            digest.bytes(value.as_bytes());
        }
        digest.bytes(&self.outgoing.body);
        digest.number(usize::from(self.rewritten));
        if self.rewritten {
            digest.bytes(&self.call.body);
            digest.text(self.call.written());
        }
    }

    /// The caller's headers that the provider sees, and may heed: a version, a beta.
    fn headers(&self) -> Vec<(&HeaderName, &HeaderValue)> {
        let (call, provider) = (self.call, &self.target.member.provider);
        let counts = |(name, _): &(&HeaderName, &HeaderValue)| {
            !OF_ONE_CALL.contains(&name.as_str()) && passes(call, provider, self.outgoing, name)
        };
        let mut headers: Vec<_> = call.headers.iter().filter(counts).collect();
        // Stable: several values of one name keep their order.
        headers.sort_by_key(|(name, _)| name.as_str());
        headers
    }
}

/// A digest of fields, each behind its length, so that no two lists of fields look alike.
struct Fields(Sha256);

impl Fields {
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.number(usize::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }
}
