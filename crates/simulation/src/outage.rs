//! What goes wrong with an upstream, and when.

use std::fmt;
use std::str::FromStr;
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

/// A word that is no trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not {}", Trouble::WORDS)]
pub struct UnknownTrouble;

impl Trouble {
    /// What may be written for a trouble.
    pub const WORDS: &'static str = "one of refused, reset, hang, status-500 (or another from 400 to 599), 429, 429-for-30s, cut, \
        stall, no-end, drip-4s, slow-10, page";

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

impl FromStr for Trouble {
    type Err = UnknownTrouble;

    fn from_str(text: &str) -> Result<Self, UnknownTrouble> {
        let time = |text: &str| humantime::parse_duration(text).ok();
        let known = match text.split_once('-') {
            Some(("status", status)) => {
                let status = status.parse().ok();
                status
                    .filter(|status| (400..600).contains(status))
                    .map(Self::Status)
            }
            Some(("429", rest)) => {
                rest.strip_prefix("for-")
                    .and_then(time)
                    .map(|rest| Self::RateLimited {
                        retry_after: Some(rest),
                    })
            }
            Some(("drip", gap)) => time(gap).map(|gap| Self::Drip { gap }),
            Some(("slow", times)) => {
                let times = times.parse().ok();
                times
                    .filter(|times| (1.0..=1e6).contains(times))
                    .map(|times| Self::Slow { times })
            }
            Some(("no", "end")) => Some(Self::NoEnd),
            Some(_) => None,
            None => match text {
                "refused" => Some(Self::Refused),
                "reset" => Some(Self::Reset),
                "hang" => Some(Self::Hang),
                "429" => Some(Self::RateLimited { retry_after: None }),
                "cut" => Some(Self::Cut),
                "stall" => Some(Self::Stall),
                "page" => Some(Self::Page),
                _ => None,
            },
        };
        known.ok_or(UnknownTrouble)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read() {
        let second = Duration::from_secs(1);
        for trouble in [
            Trouble::Refused,
            Trouble::Reset,
            Trouble::Hang,
            Trouble::Status(529),
            Trouble::RateLimited { retry_after: None },
            Trouble::RateLimited {
                retry_after: Some(second),
            },
            Trouble::Cut,
            Trouble::Stall,
            Trouble::NoEnd,
            Trouble::Drip { gap: second },
            Trouble::Slow { times: 2.5 },
            Trouble::Page,
        ] {
            assert_eq!(trouble.to_string().parse(), Ok(trouble));
        }
        for wrong in [
            "",
            "status-99",
            "status-200",
            "slow-0.1",
            "slow-nan",
            "429-for-ever",
            "cut-1s",
            "drip",
        ] {
            assert_eq!(wrong.parse::<Trouble>(), Err(UnknownTrouble), "{wrong}");
        }
    }
}
