//! What goes wrong with an upstream, and when.

use std::fmt;
use std::time::Duration;

/// How an upstream fails while it is in trouble.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// No connection can be made.
    Refused,
    /// The connection breaks before an answer comes.
    Reset,
    /// The request is taken, and nothing ever comes back.
    Hang,
    /// An error status.
    Status(u16),
    /// 429, with the `Retry-After` that it carries.
    RateLimited {
        /// `None`: the header is missing.
        retry_after: Option<Duration>,
    },
    /// The connection breaks in the middle of the answer.
    Cut,
    /// The answer begins and then nothing more comes.
    Stall,
    /// The answer's end is missing, as if it were complete.
    NoEnd,
    /// The answer comes, one piece at a time, this far apart.
    Drip {
        /// From piece to piece.
        gap: Duration,
    },
    /// Everything takes so many times as long; that is no failure.
    Slow {
        /// 10 is ten times as long.
        times: f64,
    },
    /// A page of HTML with status 200.
    Page,
}

impl Trouble {
    /// Whether what it does to an answer is more than delay.
    #[must_use]
    pub const fn fails(self) -> bool {
        !matches!(self, Self::Slow { .. })
    }
}

/// Some time in which an upstream is in trouble.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// The upstream's place in the world.
    pub target: usize,
    /// Since when.
    pub from: Duration,
    /// Until when, that moment excluded.
    pub until: Duration,
    /// Which share of the requests is hit, 0 to 1: the severity.
    pub share: f64,
    /// What happens to them.
    pub trouble: Trouble,
}

impl Outage {
    /// Whether it touches any moment from `from` to `until`.
    #[must_use]
    pub fn touches(&self, from: Duration, until: Duration) -> bool {
        self.from <= until && from < self.until
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::Reset => f.write_str("reset"),
            Self::Hang => f.write_str("hang"),
            Self::Status(status) => write!(f, "status-{status}"),
            Self::RateLimited { retry_after: None } => f.write_str("429"),
            Self::RateLimited {
                retry_after: Some(rest),
            } => write!(f, "429-for-{}ms", rest.as_millis()),
            Self::Cut => f.write_str("cut"),
            Self::Stall => f.write_str("stall"),
            Self::NoEnd => f.write_str("no-end"),
            Self::Drip { gap } => write!(f, "drip-{}ms", gap.as_millis()),
            Self::Slow { times } => write!(f, "slow-{times}"),
            Self::Page => f.write_str("page"),
        }
    }
}
