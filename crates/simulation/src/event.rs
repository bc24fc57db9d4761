//! What happens in a world, one line of text each.

use std::time::Duration;

use orchestra_types::{Money, Usage};

use crate::outage::Trouble;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Since the beginning.
    pub at: Duration,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// A client called.
    Arrived {
        /// Its number.
        call: u32,
        /// Whether it wants a stream.
        streamed: bool,
        /// After which time it is going to leave, if it does.
        leaves: Option<Duration>,
    },
    /// The gateway sent a request to an upstream.
    Sent(Sent),
    /// An upstream is done with a request.
    Over {
        /// The request's number.
        exchange: u32,
        /// How.
        how: Over,
        /// Tokens of the answer that were written.
        tokens: u32,
        /// What it has told of the tokens that it counts, if it got as far as that.
        counted: Option<Usage>,
    },
    /// The gateway settled a record.
    Recorded {
        /// The call that it names; `None` if it names none.
        call: Option<u32>,
        /// How the call ended, in the gateway's word.
        ending: &'static str,
        /// The status that the client got; zero if none.
        status: u16,
        /// The targets that were asked.
        attempts: Vec<Attempted>,
        /// The tokens that it is charged for, and what they cost.
        charge: Charge,
        /// How often its stream died and was gone on with.
        recovered: usize,
    },
    /// A client is done.
    Seen {
        /// Its number.
        call: u32,
        /// What it saw.
        view: View,
    },
}

/// One request to an upstream, in the gateway's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// To whom.
    pub provider: String,
    /// The word for what went wrong, if anything did.
    pub fault: Option<&'static str>,
    /// What it may have cost, if it was called off.
    pub estimate: Option<Money>,
}

/// What a call is charged for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Tokens; `None` if nobody told of any.
    pub usage: Option<Usage>,
    /// What they cost; `None` if that is not known.
    pub cost: Option<Money>,
}

/// A request to an upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its number, over all upstreams.
    pub exchange: u32,
    /// For which call; `None` if that cannot be read from it.
    pub call: Option<u32>,
    /// The upstream's place in the world.
    pub target: usize,
    /// Answers on which it works already.
    pub busy: u32,
    /// What it is going to do.
    pub heard: Heard,
}

/// What an upstream does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// It answers with so many tokens.
    Served {
        /// How many.
        tokens: u32,
    },
    /// It has no room.
    Full,
    /// It fails although it is a good day.
    Stumbled,
    /// It is in trouble.
    Troubled(Trouble),
}

/// How an upstream was done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It wrote a whole answer, end included.
    Whole,
    /// It failed: no connection, an error, an answer that is none, or one that breaks off.
    Failed,
    /// The gateway dropped the exchange before it was over.
    Dropped,
}

/// How a call ended for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer that looks complete.
    Complete,
    /// With an error, told as such.
    Error,
    /// The bytes stopped, and nobody said why.
    Silence,
    /// The client left, as it was going to.
    Left,
    /// Nothing had ended long after everything should have.
    Hung,
}

/// What a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// How it ended.
    pub ending: Ending,
    /// The status; zero if none came.
    pub status: u16,
    /// Tokens that came.
    pub tokens: u32,
    /// The exchange that wrote them, or the last of them; `None` without tokens.
    pub exchange: Option<u32>,
    /// What others had written of them that died, and were gone on with.
    pub earlier: Vec<Part>,
    /// How often it was said that another one goes on.
    pub marks: u32,
    /// What is wrong with them: repeated, missing, out of order, of two upstreams.
    pub disorder: Option<String>,
    /// From the call to the first token.
    pub first_token: Option<Duration>,
}

/// What a client saw of one exchange that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The exchange.
    pub exchange: u32,
    /// Its tokens that came.
    pub tokens: u32,
}

impl View {
    /// Tokens of the last exchange.
    #[must_use]
    pub fn own_tokens(&self) -> u32 {
        let earlier: u32 = self.earlier.iter().map(|part| part.tokens).sum();
        self.tokens.saturating_sub(earlier)
    }
}
