//! What a tree may ask of a call.

use std::time::Duration;

use orchestra_types::Money;
use serde_json::Value;

use crate::Target;

/// Whether a tree means what it should, or what Portkey 1.x makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// What the documents say.
    #[default]
    Correct,
    /// What Portkey's gateway 1.x does, oddities included.
    Portkey,
}

/// A call, as far as a tree may look at it.
pub trait Facts {
    /// A value of the call's metadata.
    fn metadata(&self, name: &str) -> Option<&str>;
    /// A member of the body. A tree may ask for the same one often: who has to read it does so once.
    fn param(&self, name: &str) -> Option<&Value>;
    /// A header, by its name in lower case.
    fn header(&self, name: &str) -> Option<&str>;
    /// The path that was called.
    fn path(&self) -> &str;
    /// Time since 1970.
    fn unix(&self) -> Duration;
    /// Who calls: part of what makes a caller stay where it was.
    fn caller(&self) -> &str;
    /// How the conversation begins that the call belongs to: the same text on each of its turns. `None` if it is none.
    fn beginning(&self) -> Option<&str>;
}

/// What is known of targets.
pub trait View {
    /// Which share of its calls a target should get now: 1 usually, 0 if it should be left alone.
    fn share(&self, target: &Target) -> f64;
    /// What an attempt more would take, in seconds of waiting: less is better.
    fn latency(&self, target: &Target) -> f64;
    /// How many output tokens an answer has there on average; `None` while that is not known.
    fn output(&self, target: &Target) -> Option<u64>;
    /// What the call would cost there with an answer of so many tokens, if somebody knows how many, as far as can be told
    /// beforehand; `None` if the price is not known.
    fn price(&self, target: &Target, output: Option<u64>) -> Option<Money>;
}

/// Nothing is known of any target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blind;

impl View for Blind {
    fn share(&self, _: &Target) -> f64 {
        1.0
    }

    fn latency(&self, _: &Target) -> f64 {
        0.0
    }

    fn output(&self, _: &Target) -> Option<u64> {
        None
    }

    fn price(&self, _: &Target, _: Option<u64>) -> Option<Money> {
        None
    }
}
