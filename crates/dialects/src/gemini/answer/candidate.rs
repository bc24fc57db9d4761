//! One candidate of an answer or of a piece of a stream, its members apart.

use std::borrow::Cow;

use crate::canonical::{Extras, Place};
use crate::json::Raw;

use super::super::carry::keep;
use super::super::name::{fields_if_any, items};

/// What a candidate holds.
#[derive(Default)]
pub(in crate::gemini) struct Candidate<'a> {
    pub(in crate::gemini) index: Option<u64>,
    pub(in crate::gemini) parts: Vec<Raw<'a>>,
    pub(in crate::gemini) finish: Option<Cow<'a, str>>,
    pub(in crate::gemini) grounding: Option<Raw<'a>>,
    pub(in crate::gemini) citations: Option<Raw<'a>>,
    pub(in crate::gemini) logprobs: Option<Raw<'a>>,
    pub(in crate::gemini) extras: Extras,
}

impl<'a> Candidate<'a> {
    pub(in crate::gemini) fn read(raw: Raw<'a>) -> Self {
        let mut candidate = Self::default();
        for field in fields_if_any(raw) {
            let value = field.value;
            match &*field.name {
                "index" => candidate.index = value.count(),
                "content" => candidate.parts = parts(value),
                "finishReason" => candidate.finish = value.text(),
                "logprobsResult" => candidate.logprobs = Some(value),
                name => {
                    match name {
                        "groundingMetadata" => candidate.grounding = Some(value),
                        "citationMetadata" => candidate.citations = Some(value),
                        _ => {}
                    }
                    keep(&mut candidate.extras, "", &field);
                }
            }
        }
        candidate
    }
}

fn parts(content: Raw<'_>) -> Vec<Raw<'_>> {
    let lists = fields_if_any(content).filter(|field| field.name == "parts");
    lists
        .flat_map(|field| items(field.value).map(|(_, part)| part))
        .collect()
}

/// Where a part stands in an answer. A place has one index; the API gives eight candidates at most.
pub(in crate::gemini) fn place(candidate: usize, part: usize) -> Place {
    let member = match candidate {
        0 => "candidates[0].content.parts",
        1 => "candidates[1].content.parts",
        2 => "candidates[2].content.parts",
        3 => "candidates[3].content.parts",
        4 => "candidates[4].content.parts",
        5 => "candidates[5].content.parts",
        6 => "candidates[6].content.parts",
        7 => "candidates[7].content.parts",
        _ => return Place::item("candidates", candidate),
    };
    Place::item(member, part)
}
