//! What a target answered, on its way to the client.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use orchestra_dialects::canonical::{Answer as Meaning, Choice, Finish, Request};
use orchestra_dialects::{
    AnswerContext, AnswerError, AnswerSeen, Dialect, Loss, encode_answer, estimate_tokens,
};

use crate::relay::Opened;

/// What a target answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

/// What is in it.
#[derive(Debug)]
pub(crate) enum Content {
    /// An answer in one piece.
    Whole(Whole),
    /// A stream that has shown content, or has ended properly without any.
    Stream(Box<Opened>),
    /// The tokens of a request, counted by the gateway itself.
    Estimate {
        /// About how many the model will read.
        input_tokens: u64,
    },
}

impl Answer {
    /// How long its first content was held back.
    pub(crate) fn held_back(&self) -> Duration {
        match &self.content {
            Content::Stream(opened) => opened.began.map(|began| began.elapsed()),
            Content::Whole(_) | Content::Estimate { .. } => None,
        }
        .unwrap_or_default()
    }

    /// About how many tokens the model will read.
    pub(crate) fn estimate(request: &Request) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            content: Content::Estimate {
                input_tokens: estimate_tokens(request),
            },
        }
    }
}

/// An answer in one piece, as the client gets it, and what it tells.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) body: Bytes,
    pub(crate) seen: AnswerSeen,
    /// What the client's dialect has no place for.
    pub(crate) losses: Vec<Loss>,
}

impl Whole {
    /// Writes an answer that came in the dialect `from` in the dialect of the request that it answers.
    pub(crate) fn translate(
        from: Dialect,
        body: &[u8],
        context: &AnswerContext<'_>,
    ) -> Result<Self, AnswerError> {
        let text = std::str::from_utf8(body).map_err(|error| AnswerError::NotUtf8 {
            offset: error.valid_up_to(),
        })?;
        let codec = from
            .codec()
            .ok_or_else(|| off_format("nobody can read its dialect"))?;
        let answer = codec.decode_answer(text)?;
        if says_nothing(&answer) {
            return Err(off_format("there is no answer in it"));
        }
        let (body, losses) = encode_answer(&answer, from, context);
        Ok(Self {
            body: body.into(),
            seen: seen(answer),
            losses,
        })
    }
}

/// Codecs read answers leniently, so that any object passes for one. An answer that is empty by the model's own
/// choice still has an identity, or a price.
fn says_nothing(answer: &Meaning) -> bool {
    let empty = |choice: &Choice| {
        choice.parts.is_empty() && matches!(choice.finish, None | Some(Finish::Stop))
    };
    answer.id.is_empty() && answer.usage.is_none() && answer.choices.iter().all(empty)
}

fn seen(answer: Meaning) -> AnswerSeen {
    let finish = answer
        .choices
        .iter()
        .find_map(|choice| choice.finish.as_ref());
    AnswerSeen {
        usage: answer.usage,
        finish: finish.map(|finish| Finish::word(finish).to_owned()),
        model: Some(answer.model).filter(|model| !model.is_empty()),
    }
}

fn off_format(problem: &str) -> AnswerError {
    AnswerError::OffFormat {
        problem: problem.to_owned(),
    }
}
