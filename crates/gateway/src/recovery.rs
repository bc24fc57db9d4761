//! Which streams are gone on with at another target when they die, and what that target is asked.

use std::collections::BTreeMap;

use http::HeaderName;
use orchestra_dialects::{Endpoint, Profile, Target, encode_continuation, may_be_continued};
use orchestra_routing::Settings as Said;

use crate::call::Call;
use crate::outgoing::{Outgoing, WayBack};
use crate::refusal::Refusal;
use crate::stage::Candidate;

/// Set to `true` or `false` by a client that wants its stream gone on with at another target when it dies, or does not.
pub(crate) const RECOVER: HeaderName = HeaderName::from_static("x-orchestra-recover");

/// Whether text streams that die are gone on with at another target. By default they end with an error event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryRules {
    /// Where nothing else is said.
    pub enabled: bool,
    /// For calls of a model, by the name that clients use: an alias, or any other.
    pub models: BTreeMap<String, bool>,
    /// The longest text that is gone on with, in bytes. It is kept while its stream runs.
    pub max_text_bytes: usize,
}

impl Default for RecoveryRules {
    /// Nowhere; texts of up to 256 KiB, which is some 60,000 tokens.
    fn default() -> Self {
        Self {
            enabled: false,
            models: BTreeMap::new(),
            max_text_bytes: 256 * 1024,
        }
    }
}

impl RecoveryRules {
    /// Whether a call's answer is to be gone on with, as far as that does not depend on its target. The client decides, then
    /// the node of the tree, then the model, then everybody.
    pub(crate) fn wants(&self, call: &Call, said: &Said) -> bool {
        self.asks(call, said) && is_text(call)
    }

    /// The same, whatever the answer is made of.
    pub(crate) fn asks(&self, call: &Call, said: &Said) -> bool {
        let of_model = || self.models.get(call.head.model()).copied();
        let wanted = call.recover.or(said.recover).or_else(of_model);
        wanted.unwrap_or(self.enabled) && call.head.stream()
    }

    /// How much of the call's answer is to be remembered at a target, in bytes; `None` if it will not be gone on with.
    pub(crate) fn memory(&self, call: &Call, said: &Said, outgoing: &Outgoing) -> Option<usize> {
        let wanted = self.wants(call, said) && !is_kept_there(call, outgoing);
        wanted.then_some(self.max_text_bytes)
    }
}

/// Whether the provider keeps the answer itself, for the client to go on from: it would have kept the half of it.
fn is_kept_there(call: &Call, outgoing: &Outgoing) -> bool {
    let own = outgoing.endpoint == Endpoint::Responses && outgoing.way_back != WayBack::Translated;
    let request = call.request();
    own && request.is_ok_and(|request| request.state.store != Some(false))
}

fn is_text(call: &Call) -> bool {
    holds_text(call.endpoint) && call.request().is_ok_and(may_be_continued)
}

const fn holds_text(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Responses | Endpoint::Messages => true,
        Endpoint::Completions
        | Endpoint::Embeddings
        | Endpoint::CountTokens
        | Endpoint::GenerateContent => false,
    }
}

/// What a target is sent that is to go on from `told`. With nothing told, it is the call itself.
///
/// # Errors
/// [`Refusal`] if it cannot be asked that, or would lose something that the client will not lose.
pub(crate) fn continuation(
    call: &Call,
    target: &Candidate,
    profile: &Profile,
    told: &str,
) -> Result<Outgoing, Refusal> {
    let request = call.request()?;
    if !may_be_continued(request) {
        return Err(cannot());
    }
    let (provider, model) = (&target.member.provider, target.model.as_str());
    let own = Some(call.endpoint).filter(|endpoint| provider.endpoint(*endpoint).is_some());
    let there = Target { model, profile };
    let anew = told.trim_end().is_empty();
    let places = own.iter().chain(provider.translates_to());
    let mut places = places.filter(|place| anew || profile.continues.in_dialect(place.dialect()));
    let endpoint = *places.next().ok_or_else(cannot)?;
    let (body, losses) = encode_continuation(request, told, endpoint.dialect(), &there)?;
    if call.strict && !losses.is_empty() {
        return Err(Refusal::lossy(provider.id(), &losses));
    }
    let uri = provider.continuation_uri(endpoint, model);
    Ok(Outgoing {
        endpoint,
        uri: uri.map_err(|_| cannot())?,
        body: body.into(),
        way_back: if endpoint == call.endpoint {
            WayBack::Untouched
        } else {
            WayBack::Translated
        },
        forwards: Vec::new(),
        losses,
    })
}

fn cannot() -> Refusal {
    Refusal::invalid(
        "cannot_continue",
        "the target cannot go on from the beginning of an answer",
    )
}
