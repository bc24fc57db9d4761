//! What is sent to a target: the client's own bytes, or the same call in a dialect that the target speaks.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, Uri};
use orchestra_dialects::canonical::Request;
use orchestra_dialects::{
    EmbeddingsAsk, Endpoint, Loss, Profile, Splice, Target, VectorForm, encode_request, json_string,
};

use crate::answer::Answer;
use crate::call::Call;
use crate::refusal::Refusal;
use crate::stage::{Candidate, Exchange};

/// A body for a target, and how the answer to it gets to the client.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// What is called at the target.
    pub(crate) endpoint: Endpoint,
    /// Where that is.
    pub(crate) uri: Uri,
    pub(crate) body: Bytes,
    pub(crate) way_back: WayBack,
    /// Headers of the client's that go along besides those that the provider's row lets pass.
    pub(crate) forwards: Vec<String>,
    /// What the target is not told, or is told otherwise.
    pub(crate) losses: Vec<Loss>,
}

/// How an answer gets to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayBack {
    /// Byte for byte.
    Untouched,
    /// The same, but for the usage that the gateway asked for and the client did not.
    UsageHidden,
    /// The same, but for vectors that have another form than the client asked for.
    Vectors(VectorForm),
    /// Written anew in the client's dialect.
    Translated,
}

/// Why a call cannot be sent.
#[derive(Debug)]
pub(crate) enum Unsendable {
    /// It cannot be read: no target would be told anything else.
    Anywhere(Refusal),
    /// It cannot be asked of this target; another may take it.
    Here(Refusal),
}

/// What is to be done for a call at a target.
#[derive(Debug)]
pub(crate) enum Step {
    /// It is sent.
    Send(Outgoing),
    /// Nothing is sent: this is what the gateway makes of it by itself.
    Estimate(Answer),
}

/// Works out what `target` is to be sent.
pub(crate) fn prepare(call: &Call, target: &Candidate) -> Result<Step, Unsendable> {
    let profile = || target.member.provider.profile(target.model.as_str());
    let outgoing = match target.exchange {
        Exchange::Translated => translated(call, target, &profile())?,
        Exchange::Estimated => return estimate(call),
        Exchange::Direct if call.endpoint == Endpoint::Embeddings => {
            embeddings(call, target, &profile()).map_err(Unsendable::Here)?
        }
        Exchange::Direct if !call.carries_foreign_thoughts() => {
            direct(call, target, profile).map_err(Unsendable::Here)?
        }
        // A provider refuses to count what it would refuse to read.
        Exchange::Direct if call.endpoint == Endpoint::CountTokens => return estimate(call),
        Exchange::Direct => unsealed(call, target, &profile())?,
    };
    Ok(Step::Send(outgoing))
}

fn estimate(call: &Call) -> Result<Step, Unsendable> {
    let request = call.request().map_err(Unsendable::Anywhere)?;
    Ok(Step::Estimate(Answer::estimate(request)))
}

impl Outgoing {
    /// Whether it goes to another vendor's dialect, whose headers and errors mean nothing to the client.
    pub(crate) fn is_foreign(&self, call: &Call) -> bool {
        self.endpoint.dialect().family() != call.endpoint.dialect().family()
    }

    /// Whether a tree names the header. Portkey's clients write `_` and `-` for one another.
    pub(crate) fn asks_for(&self, name: &HeaderName) -> bool {
        let named = |forward: &String| {
            forward
                .trim()
                .replace('_', "-")
                .eq_ignore_ascii_case(name.as_str())
        };
        self.forwards.iter().any(named)
    }

    /// The endpoint, if it is not the client's.
    pub(crate) fn translated_to(&self) -> Option<Endpoint> {
        (self.way_back == WayBack::Translated).then_some(self.endpoint)
    }
}

/// The client's own bytes, with another model's name where the target knows it by another. A Chat stream is asked
/// for its usage: without it nobody would know what the call cost.
fn direct(
    call: &Call,
    target: &Candidate,
    profile: impl FnOnce() -> Profile,
) -> Result<Outgoing, Refusal> {
    let renamed = call.head.model() != target.model.as_str();
    let asks_usage = lacks_usage(call) && profile().stream_options;
    let body = if renamed || asks_usage {
        let mut splice = Splice::new(&call.body, &call.head);
        if renamed {
            splice = splice.set("model", json_string(target.model.as_str()));
        }
        if asks_usage {
            splice = splice.set_within("stream_options", "include_usage", "true");
        }
        Bytes::from(splice.finish())
    } else {
        call.body.clone()
    };
    Ok(Outgoing {
        endpoint: call.endpoint,
        uri: with_query(uri(call, target, call.endpoint)?, call.query.as_deref()),
        body,
        way_back: if asks_usage {
            WayBack::UsageHidden
        } else {
            WayBack::Untouched
        },
        forwards: Vec::new(),
        losses: Vec::new(),
    })
}

/// The client's own bytes. Vectors in base64 are asked for only where it is known that they are served: lists of
/// numbers are everywhere, and are written in base64 on their way back.
fn embeddings(call: &Call, target: &Candidate, profile: &Profile) -> Result<Outgoing, Refusal> {
    let ask = EmbeddingsAsk::of(&call.body, &call.head);
    ask.check(profile.embedding_token_ids)?;
    let renamed = call.head.model() != target.model.as_str();
    let other_form = ask.form == Some(VectorForm::Base64) && !profile.embedding_base64;
    let mut splice = Splice::new(&call.body, &call.head);
    if renamed {
        splice = splice.set("model", json_string(target.model.as_str()));
    }
    if other_form {
        splice = splice.set("encoding_format", json_string(VectorForm::Float.as_str()));
    }
    let body = if renamed || other_form {
        splice.finish().into()
    } else {
        call.body.clone()
    };
    Ok(Outgoing {
        endpoint: call.endpoint,
        uri: uri(call, target, call.endpoint)?,
        body,
        way_back: ask.form.map_or(WayBack::Untouched, WayBack::Vectors),
        forwards: Vec::new(),
        losses: Vec::new(),
    })
}

/// Where the target is called. A model's name that stands in a path must be fit for one.
fn uri(call: &Call, target: &Candidate, endpoint: Endpoint) -> Result<Uri, Refusal> {
    let (provider, model) = (&target.member.provider, target.model.as_str());
    let streamed = call.head.stream();
    provider.uri(endpoint, model, streamed).map_err(|error| {
        let problem = format!(
            "model `{model}` cannot be asked of provider `{}`: {error}",
            provider.id()
        );
        Refusal::invalid("invalid_model", problem)
            .at("model")
            .for_good()
    })
}

/// What a query means is between a client and a server of its own dialect.
fn with_query(uri: Uri, query: Option<&str>) -> Uri {
    let Some(query) = query else {
        return uri;
    };
    let mut parts = uri.clone().into_parts();
    let extended = PathAndQuery::try_from(format!("{}?{query}", uri.path()));
    parts.path_and_query = extended.ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or(uri)
}

/// Whether the stream will not tell its usage, because the client did not ask for it.
fn lacks_usage(call: &Call) -> bool {
    call.endpoint == Endpoint::ChatCompletions
        && call.head.stream()
        && call.head.include_usage() != Some(true)
}

/// The call in the client's own dialect, but for the sealed thoughts of other vendors.
fn unsealed(call: &Call, target: &Candidate, profile: &Profile) -> Result<Outgoing, Unsendable> {
    let request = call.request().map_err(Unsendable::Anywhere)?;
    let way_back = if lacks_usage(call) && profile.stream_options {
        WayBack::UsageHidden
    } else {
        WayBack::Untouched
    };
    let written = encode(call, request, target, profile, call.endpoint);
    let outgoing = written.map_err(Unsendable::Here)?;
    Ok(Outgoing {
        uri: with_query(outgoing.uri, call.query.as_deref()),
        way_back,
        ..outgoing
    })
}

/// The call at the first of the provider's endpoints at which it can be asked.
fn translated(call: &Call, target: &Candidate, profile: &Profile) -> Result<Outgoing, Unsendable> {
    if let Some(refusal) = call.resumed.refusal() {
        return Err(Unsendable::Here(refusal));
    }
    let request = call.request().map_err(Unsendable::Anywhere)?;
    let mut refused = None;
    for endpoint in target.member.provider.translates_to() {
        match encode(call, request, target, profile, *endpoint) {
            Ok(outgoing) => return Ok(outgoing),
            // What the favourite lacks is what should be told.
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    let nowhere = || {
        Refusal::invalid(
            "endpoint_not_supported",
            "the provider has no conversations",
        )
    };
    Err(Unsendable::Here(refused.unwrap_or_else(nowhere)))
}

fn encode(
    call: &Call,
    request: &Request,
    target: &Candidate,
    profile: &Profile,
    endpoint: Endpoint,
) -> Result<Outgoing, Refusal> {
    let provider = target.member.provider.id();
    let there = Target {
        model: target.model.as_str(),
        profile,
    };
    let (body, losses) = encode_request(request, endpoint.dialect(), &there).map_err(|error| {
        let mut refusal = Refusal::from(error);
        let asked = format!(" (asked of provider `{provider}` at {})", endpoint.path());
        refusal.message.push_str(&asked);
        refusal
    })?;
    if call.strict && !losses.is_empty() {
        return Err(Refusal::lossy(provider, &losses));
    }
    Ok(Outgoing {
        endpoint,
        uri: uri(call, target, endpoint)?,
        body: body.into(),
        way_back: WayBack::Translated,
        forwards: Vec::new(),
        losses,
    })
}
