//! What happened, in words: one line for each event.

use std::fmt;

use orchestra_types::Usage;

use crate::event::{Attempted, Charge, Event, Happening, Heard, Sent, View};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>11.3} {}", self.at.as_secs_f64(), self.what)
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrived {
                call,
                streamed,
                leaves,
            } => {
                let kind = if *streamed { "stream" } else { "whole" };
                write!(f, "arrived c{call} {kind}")?;
                leaves.map_or(Ok(()), |after| {
                    write!(f, " leaves-after {}ms", after.as_millis())
                })
            }
            Self::Sent(sent) => sent.fmt(f),
            Self::Over {
                exchange,
                how,
                tokens,
                counted,
            } => {
                write!(f, "over x{exchange} {how:?} tokens {tokens}")?;
                counted.map_or(Ok(()), |counted| write!(f, " counted {}", sum_of(&counted)))
            }
            Self::Recorded {
                call,
                ending,
                status,
                attempts,
                charge,
                recovered,
            } => {
                write!(f, "recorded {} {ending} {status}", name_of(*call))?;
                attempts
                    .iter()
                    .try_for_each(|attempt| write!(f, " {attempt}"))?;
                write!(f, " {charge}")?;
                match recovered {
                    0 => Ok(()),
                    times => write!(f, " recovered {times}"),
                }
            }
            Self::Seen { call, view } => write!(f, "seen c{call} {view}"),
        }
    }
}

impl fmt::Display for Attempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.fault.unwrap_or("-"))?;
        self.estimate
            .map_or(Ok(()), |cost| write!(f, " (perhaps ${cost})"))
    }
}

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.usage {
            Some(usage) => f.write_str(&sum_of(usage))?,
            None => f.write_str("nothing")?,
        }
        self.cost.map_or(Ok(()), |cost| write!(f, " ${cost}"))
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            exchange,
            target,
            busy,
            ..
        } = self;
        let call = name_of(self.call);
        write!(f, "sent x{exchange} {call} to {target} busy {busy} ")?;
        match self.heard {
            Heard::Served { tokens } => write!(f, "serves {tokens}"),
            Heard::Full => f.write_str("full"),
            Heard::Stumbled => f.write_str("stumbles"),
            Heard::Troubled(trouble) => trouble.fmt(f),
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ending,
            status,
            tokens,
            ..
        } = self;
        write!(f, "{ending:?} {status} tokens {tokens}")?;
        for part in &self.earlier {
            write!(f, " {} of x{} and", part.tokens, part.exchange)?;
        }
        if let Some(exchange) = self.exchange {
            write!(f, " of x{exchange}")?;
        }
        if let Some(after) = self.first_token {
            write!(f, " first {}ms", after.as_millis())?;
        }
        self.disorder
            .iter()
            .try_for_each(|what| write!(f, " {what}"))
    }
}

fn sum_of(usage: &Usage) -> String {
    format!("{}+{}", usage.total_input(), usage.total_output())
}

fn name_of(call: Option<u32>) -> String {
    call.map_or_else(|| "c?".to_owned(), |call| format!("c{call}"))
}
