//! An answer as it comes, in no vendor's words.

use orchestra_types::Usage;

use crate::canonical::{Citation, Finish, Part};
use crate::{Dialect, RawJson, UpstreamError};

/// One event of a streamed answer.
///
/// The laws: [`StreamEvent::Start`] comes first and once. A part is started before it is added to, and stopped
/// once; its index counts the parts of its choice from 0 in their order. Parts of one choice
/// may be open at the same time (parallel calls in Chat). The last event is one of
/// [`StreamEvent::End`] and [`StreamEvent::Fault`], and there is exactly one; a stream that was cut has
/// neither. Before `End` every part is stopped and every choice that was begun has finished,
/// if the provider said why. [`LawKeeper`](crate::LawKeeper) checks them.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// The answer begins.
    Start {
        /// The provider's id for it; empty if it gave none.
        id: String,
        /// The model that the provider says it runs; empty if it does not say.
        model: String,
        /// When, in seconds since 1970.
        created: Option<u64>,
    },
    /// A part begins.
    PartStart {
        /// Which answer of several.
        choice: u32,
        /// Which part of it.
        part: u32,
        /// What the part is, as far as it is known: text and arguments are mostly empty yet.
        /// An opaque part is whole.
        content: Box<Part>,
    },
    /// A part goes on.
    PartDelta {
        /// Which answer of several.
        choice: u32,
        /// Which part of it.
        part: u32,
        /// What comes behind what there was.
        delta: Delta,
    },
    /// A part is whole.
    PartStop {
        /// Which answer of several.
        choice: u32,
        /// Which part of it.
        part: u32,
    },
    /// Probabilities of the tokens of the last delta: a list of objects in OpenAI's words.
    Logprobs {
        /// Which answer of several.
        choice: u32,
        /// The list.
        tokens: RawJson,
    },
    /// The tokens so far, all of them; later ones replace earlier ones.
    Usage(Usage),
    /// The processing tier, in the vendor's word.
    ServiceTier(String),
    /// The model stopped.
    Finish {
        /// Which answer of several.
        choice: u32,
        /// Why.
        reason: Finish,
    },
    /// The provider ended its stream in its dialect's own way. Nothing follows.
    End,
    /// The provider reported an error. Nothing follows.
    Fault(UpstreamError),
    /// The provider is still there.
    Ping,
    /// An event that only its own dialect knows.
    Opaque {
        /// The dialect it is written in.
        origin: Dialect,
        /// The vendor's word for its kind.
        kind: String,
        /// Its data.
        raw: RawJson,
    },
}

/// What is added to an open part.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Text of a text, a refusal, or the last section of thoughts.
    Text(String),
    /// Thoughts: a new section begins.
    Section,
    /// Arguments of a call, JSON or free text.
    Input(String),
    /// A piece of the signature of thoughts.
    Signature(String),
    /// The encrypted thoughts, whole; replaces what there was.
    Encrypted(String),
    /// What the text rests on.
    Citation(Box<Citation>),
}
