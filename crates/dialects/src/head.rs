//! The head of a request: what the gateway must know of a body before it forwards it.
//!
//! One pass validates the whole body and notes where its top-level members stand; the few fields
//! that matter are then read from their spans. Nothing else is interpreted, so that unknown and
//! future fields reach the provider as the client wrote them.

use std::ops::Range;

mod fields;
mod table;

use crate::json::Rules;
use crate::{BodyError, Endpoint};

use fields::Fields;
use table::Table;

pub use table::Member;

/// What the gateway read from a request body, and where the body's top-level members stand.
#[derive(Clone, Debug)]
pub struct Head {
    table: Table,
    model: String,
    stream: bool,
    include_usage: Option<bool>,
    max_output_tokens: Option<u64>,
    user: Option<String>,
    metadata: Option<Range<usize>>,
}

/// Bounds on the shape of a body; its length is the HTTP layer's to bound.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Levels of nesting, the outermost object included; 64 by default, 128 at most. Tool schemas
    /// nest deepest in practice and stay below 30.
    pub depth: u8,
    /// Members of the outermost object; 1024 by default, where real requests have some 30.
    pub members: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            depth: 64,
            members: 1024,
        }
    }
}

impl HeadLimits {
    fn rules(self) -> Rules {
        Rules {
            depth: self.depth.min(Rules::DEEPEST),
            lone_surrogates: false,
        }
    }
}

impl Head {
    /// Validates `body` as a request to `endpoint` and reads its head.
    ///
    /// # Errors
    /// [`BodyError`] if it is not one JSON object within `limits`, holds a top-level member twice,
    /// lacks `model` or the endpoint's required list, or has a value of the wrong kind in one of
    /// the fields that are read.
    pub fn scan(endpoint: Endpoint, body: &[u8], limits: &HeadLimits) -> Result<Self, BodyError> {
        let text = std::str::from_utf8(body).map_err(|error| BodyError::NotUtf8 {
            offset: error.valid_up_to(),
        })?;
        let table = Table::of(text, *limits)?;
        Self::read(endpoint, text, table)
    }

    fn read(endpoint: Endpoint, text: &str, table: Table) -> Result<Self, BodyError> {
        let fields = Fields::new(text, &table);
        let model = fields.model()?;
        fields.require_conversation(endpoint)?;
        Ok(Self {
            model,
            stream: fields.flag("stream")?.unwrap_or(false),
            include_usage: fields.include_usage(endpoint)?,
            max_output_tokens: fields.max_output_tokens(endpoint)?,
            metadata: fields.metadata()?,
            user: fields.user(endpoint)?,
            table,
        })
    }

    /// The model as the client names it; never empty.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether the client asks for a stream.
    #[must_use]
    pub const fn stream(&self) -> bool {
        self.stream
    }

    /// `stream_options.include_usage` of Chat Completions and Completions, if given.
    #[must_use]
    pub const fn include_usage(&self) -> Option<bool> {
        self.include_usage
    }

    /// The most tokens the client lets the model write, under whichever name the endpoint has for
    /// it. `None` if it sets no limit or one that is no whole number of tokens (some servers take
    /// -1 for "no limit").
    #[must_use]
    pub const fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }

    /// The end user whom the client names: `user`, or `metadata.user_id` in Messages.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Where the client's `metadata` object stands in the body.
    #[must_use]
    pub fn metadata(&self) -> Option<Range<usize>> {
        self.metadata.clone()
    }

    /// The top-level member of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.table.member(name)
    }

    /// All top-level members with their decoded names, in the body's order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.table.members()
    }

    /// How long the scanned body is, in bytes.
    pub(crate) const fn body_length(&self) -> usize {
        self.table.body_length
    }

    /// Where the body's closing brace stands.
    pub(crate) const fn close(&self) -> usize {
        self.table.close
    }
}
