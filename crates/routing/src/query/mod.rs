//! Conditions on a call.
//!
//! `{"metadata.plan": {"$eq": "paid"}, "params.max_tokens": {"$lte": 1000}}`, with `$and` and `$or`: the queries of
//! Portkey's conditional router, read from JSON and checked when they are read.

mod eval;
mod parse;

use regex::Regex;
use serde_json::Value;

pub(crate) use parse::parse;

/// A condition.
#[derive(Clone, Debug)]
pub enum Query {
    /// All of them hold; an empty list does.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
    /// A field of the call passes every test.
    Field {
        /// The field.
        field: Field,
        /// What it must pass.
        tests: Vec<Test>,
    },
}

/// A field of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// `metadata.NAME`
    Metadata(String),
    /// `params.NAME`: a member of the body, or `params.NAME.INNER…`: one within it. Never empty.
    Param(Vec<String>),
    /// `headers.NAME`, in lower case.
    Header(String),
    /// `url.pathname`
    Path,
    /// `time.hour`, 0 to 23, UTC.
    Hour,
    /// `time.weekday`, 1 for Monday to 7, UTC.
    Weekday,
}

/// A test of one value.
#[derive(Clone, Debug)]
pub enum Test {
    /// Equal, of one type.
    Eq(Value),
    /// Not equal.
    Ne(Value),
    /// Greater, as numbers.
    Gt(f64),
    /// Greater or equal, as numbers.
    Gte(f64),
    /// Less, as numbers.
    Lt(f64),
    /// Less or equal, as numbers.
    Lte(f64),
    /// One of these.
    In(Vec<Value>),
    /// None of these.
    Nin(Vec<Value>),
    /// A text that the pattern is found in.
    Regex(Box<Regex>),
}

impl PartialEq for Query {
    /// By how they are written: a pattern is its text.
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}
