//! The bounds of every call, in one place.

use std::collections::BTreeSet;
use std::time::Duration;

use orchestra_dialects::HeadLimits;

use crate::cache::CacheRules;
use crate::hedging::HedgeRules;
use crate::hold_back::HoldBackRules;
use crate::overload::Overload;
use crate::recovery::RecoveryRules;
use crate::retries::RetryRules;

/// How long each phase of a call may take, and how large its parts may be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time to connect to an upstream, name look-up and TLS included.
    pub connect: Duration,
    /// Time from sending a streamed call until the upstream's headers. An answer in one
    /// piece has no headers until it is complete, so `total` bounds it: half of what is left of
    /// it while another target waits for its turn.
    pub first_byte: Duration,
    /// The longest silence within an answer that has begun.
    pub idle: Duration,
    /// How long a stream is held back for its first content, while which another target
    /// can still take over unseen. After it the client gets what has come so far.
    pub hold_back: Duration,
    /// How long it is held back after that.
    pub hold_back_more: HoldBackRules,
    /// The whole time of a call that is answered in one piece, all attempts together.
    pub total: Duration,
    /// The whole time of a streamed call.
    pub stream_total: Duration,
    /// Upstream sends per call, all targets together.
    pub max_attempts: usize,
    /// Whether a call goes on to another target when the first one fails. Only a simulation says no, to show what it is worth.
    pub fallback: bool,
    /// How often the same target is asked again.
    pub retries: RetryRules,
    /// When a second target is asked while the first one is slow. Never by default.
    pub hedging: HedgeRules,
    /// The largest answer that is taken in one piece, in bytes.
    pub max_answer_bytes: usize,
    /// The largest single event of a stream, in bytes.
    pub max_event_bytes: usize,
    /// The limits of request bodies.
    pub head: HeadLimits,
    /// What a translation may lose.
    pub translation: Translation,
    /// What happens when there are more calls than can be served.
    pub overload: Overload,
    /// Which streams are gone on with at another target when they die.
    pub recovery: RecoveryRules,
    /// How many answers are kept for calls that ask the same.
    pub cache: CacheRules,
}

/// What a translation from one dialect to another may lose. By default it loses what must be lost and says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// Refuse every call of which something would be lost.
    pub strict: bool,
    /// Refuse such calls for these models, by the names that clients use: aliases, or any other.
    pub strict_models: BTreeSet<String>,
}

impl Translation {
    pub(crate) fn is_strict(&self, model: &str) -> bool {
        self.strict || self.strict_models.contains(model)
    }
}

impl Settings {
    /// How much of an upstream's error body is read and kept.
    pub(crate) const MAX_ERROR_BYTES: usize = 64 * 1024;
    /// How much of a stream is held back at most, whatever its content.
    pub(crate) const MAX_HELD_BYTES: usize = 256 * 1024;
    /// The largest piece that a relay gathers before it hands it on.
    pub(crate) const MAX_PIECE_BYTES: usize = 64 * 1024;
    /// How long an upstream may keep its connection open after a stream's last event.
    pub(crate) const LINGER: Duration = Duration::from_secs(1);
    /// How long a client hears nothing at most while somebody is sought who goes on with its stream. Proxies give up after 55
    /// seconds (Heroku) or 60 (nginx, AWS's load balancers), the vendors' clients after ten minutes, but their users set
    /// them to some ten seconds.
    pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

    /// The whole time of a call.
    pub(crate) const fn total_for(&self, streamed: bool) -> Duration {
        if streamed {
            self.stream_total
        } else {
            self.total
        }
    }
}

impl Default for Settings {
    /// Five seconds to connect; two minutes to the first byte and one of silence, since
    /// models think before they speak; ten minutes in all, the default of OpenAI's and
    /// Anthropic's own clients, and an hour for a stream. Three attempts. 64 MiB for an
    /// answer (a large batch of embeddings) and 8 MiB for one event (an image).
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            hold_back: Duration::from_secs(30),
            hold_back_more: HoldBackRules::default(),
            total: Duration::from_secs(600),
            stream_total: Duration::from_secs(3600),
            max_attempts: 3,
            fallback: true,
            retries: RetryRules::default(),
            hedging: HedgeRules::default(),
            max_answer_bytes: 64 << 20,
            max_event_bytes: 8 << 20,
            head: HeadLimits::default(),
            translation: Translation::default(),
            overload: Overload::default(),
            recovery: RecoveryRules::default(),
            cache: CacheRules::default(),
        }
    }
}
