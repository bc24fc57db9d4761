//! What an upstream does with one request, step by step.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::answer::{Wire, token};
use crate::dice::Dice;
use crate::event::Heard;
use crate::outage::Trouble;
use crate::upstream::{Overload, Upstream};

/// The head of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) retry_after: Option<Duration>,
}

/// What comes next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wait(Duration),
    /// There is no connection.
    Refuse,
    /// The connection breaks.
    Break,
    /// Nothing, for ever.
    Hang,
    Head(Head),
    /// The first bytes of a stream, before its content.
    Opening(Bytes),
    /// Bytes, and how many tokens are in them.
    Bytes(Bytes, u32),
    /// The last bytes of a whole answer.
    Last(Bytes, u32),
}

/// All of it.
pub(crate) type Script = VecDeque<Step>;

/// What an upstream is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) wire: Wire,
    pub(crate) exchange: u32,
    pub(crate) streamed: bool,
    pub(crate) tokens: u32,
    pub(crate) wait: Duration,
    /// The beginning of an answer from which it is to go on.
    pub(crate) begun: Option<String>,
}

impl Order<'_> {
    /// What follows from what the upstream makes of the request.
    pub(crate) fn script(&self, heard: Heard, dice: &Dice) -> Script {
        let steps = match heard {
            Heard::Served { .. } => self.answer(self.upstream.token_gap),
            Heard::Full => match self.upstream.overload {
                Overload::RateLimited(rest) => self.error(429, Some(rest)),
                Overload::Unavailable => self.error(503, None),
            },
            Heard::Stumbled => self.error(500, None),
            Heard::Troubled(trouble) => self.trouble(trouble, dice),
        };
        steps.into()
    }

    fn trouble(&self, trouble: Trouble, dice: &Dice) -> Vec<Step> {
        let gap = self.upstream.token_gap;
        match trouble {
            Trouble::Refused => vec![Step::Wait(Duration::from_millis(10)), Step::Refuse],
            Trouble::Reset => vec![Step::Wait(self.wait), Step::Break],
            Trouble::Hang => vec![Step::Hang],
            Trouble::Status(status) => self.error(status, None),
            Trouble::RateLimited { retry_after } => self.error(429, retry_after),
            Trouble::Cut => self.broken_off(dice, Step::Break),
            Trouble::Stall => self.broken_off(dice, Step::Hang),
            Trouble::NoEnd => self.unended(dice),
            Trouble::Drip { gap } => self.answer(gap),
            Trouble::Slow { times } => {
                let slower = Self {
                    wait: stretch(self.wait, times),
                    ..self.clone()
                };
                slower.answer(stretch(gap, times))
            }
            Trouble::Page => {
                let page = Bytes::from_static(b"<html><body>We will be back soon.</body></html>");
                vec![
                    Step::Wait(self.wait),
                    head(200, "text/html"),
                    Step::Bytes(page, 0),
                ]
            }
        }
    }

    fn error(&self, status: u16, retry_after: Option<Duration>) -> Vec<Step> {
        // Who refuses does not think before.
        let wait = self.wait.min(Duration::from_millis(50));
        let head = Head {
            status,
            kind: "application/json",
            retry_after,
        };
        vec![
            Step::Wait(wait),
            Step::Head(head),
            Step::Bytes(self.wire.error(status), 0),
        ]
    }

    /// A whole answer.
    fn answer(&self, gap: Duration) -> Vec<Step> {
        if !self.streamed {
            return self.in_one_piece(gap);
        }
        let mut steps = vec![
            Step::Wait(self.wait),
            head(200, "text/event-stream"),
            Step::Opening(self.wire.opening(self.exchange)),
        ];
        let piece = |number, text: &str| self.wire.piece(self.exchange, number, text);
        if let Some(begun) = self.begun.as_ref().filter(|_| self.upstream.repeats) {
            steps.push(Step::Bytes(piece(0, begun), 0));
        }
        for number in 0..self.tokens {
            let mut text = token(self.exchange, number);
            // What it goes on from ends without a blank.
            if number == 0 && self.begun.is_some() {
                text.insert(0, ' ');
            }
            steps.push(Step::Wait(gap));
            steps.push(Step::Bytes(piece(number, &text), 1));
        }
        steps.push(Step::Last(self.wire.end(self.exchange, self.tokens), 0));
        steps
    }

    /// An answer in one piece sends nothing before it is complete.
    fn in_one_piece(&self, gap: Duration) -> Vec<Step> {
        let (exchange, tokens) = (self.exchange, self.tokens);
        vec![
            Step::Wait(self.wait.saturating_add(gap.saturating_mul(tokens))),
            head(200, "application/json"),
            Step::Last(self.wire.whole(exchange, tokens), tokens),
        ]
    }

    /// An answer that does not get to its end: nothing, something or all but the end of it comes.
    fn broken_off(&self, dice: &Dice, end: Step) -> Vec<Step> {
        let mut steps = self.unended(dice);
        steps.push(end);
        steps
    }

    /// The same, and the connection closes as if that were all.
    fn unended(&self, dice: &Dice) -> Vec<Step> {
        let mut steps = self.answer(self.upstream.token_gap);
        let last = steps.pop();
        match last {
            Some(Step::Last(bytes, _)) if !self.streamed => {
                steps.push(Step::Bytes(bytes.slice(..bytes.len() / 2), 0));
            }
            _ => {
                let all = u32::try_from(steps.len()).unwrap_or(u32::MAX);
                // The head and the opening event are the first three.
                let kept = dice.between(2, all.max(2));
                steps.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
            }
        }
        steps
    }
}

fn head(status: u16, kind: &'static str) -> Step {
    Step::Head(Head {
        status,
        kind,
        retry_after: None,
    })
}

fn stretch(time: Duration, times: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * times).unwrap_or(Duration::MAX)
}
