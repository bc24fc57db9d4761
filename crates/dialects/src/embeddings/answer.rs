//! The vectors of an answer.

use std::ops::Range;

use super::VectorForm;
use super::vector::{to_base64, to_list};
use crate::AnswerError;
use crate::json::{Cursor, JsonKind, Raw, Rules, Syntax};
use crate::sniff::malformed;

/// Writes the vectors of an answer in the form that the client asked for; every other byte stays as it is. `None` if
/// they have that form already.
///
/// A vector of another kind, such as a list of lists, has neither form and stays as it is where lists were
/// asked for.
///
/// # Errors
/// [`AnswerError`] if the answer is no JSON, or a vector cannot be written in the other form.
pub fn reencode_embeddings(body: &str, wanted: VectorForm) -> Result<Option<String>, AnswerError> {
    let vectors = vectors(body).map_err(malformed)?;
    let other = match wanted {
        VectorForm::Float => JsonKind::Text,
        VectorForm::Base64 => JsonKind::List,
    };
    let mut written = String::new();
    let mut done = 0;
    for (index, span) in vectors.into_iter().enumerate() {
        let vector = Raw::of_validated(text(body, span.clone()));
        if vector.kind() != Some(other) {
            continue;
        }
        let vector = rewritten(vector, wanted).map_err(|problem| AnswerError::OffFormat {
            problem: format!("`data[{index}].embedding` {problem}"),
        })?;
        written.push_str(text(body, done..span.start));
        written.push_str(&vector);
        done = span.end;
    }
    if done == 0 {
        return Ok(None);
    }
    written.push_str(text(body, done..body.len()));
    Ok(Some(written))
}

fn rewritten(vector: Raw<'_>, wanted: VectorForm) -> Result<String, &'static str> {
    match wanted {
        VectorForm::Float => to_list(&vector.text().unwrap_or_default()),
        VectorForm::Base64 => to_base64(vector).map(|base64| format!("\"{base64}\"")),
    }
}

fn text(body: &str, span: Range<usize>) -> &str {
    body.get(span).unwrap_or_default()
}

/// Where the values of `data[].embedding` stand, one for each item of `data`; items without one have an empty place.
fn vectors(body: &str) -> Result<Vec<Range<usize>>, Syntax> {
    let mut places = Vec::new();
    let mut json = Cursor::new(body, Rules::ANSWER);
    let is_object = json.enter_object()?;
    while is_object && let Some(name) = json.next_member()? {
        if name == "data" {
            items(&mut json, &mut places)?;
        } else {
            json.skip()?;
        }
    }
    json.end()?;
    Ok(places)
}

fn items(json: &mut Cursor<'_>, places: &mut Vec<Range<usize>>) -> Result<(), Syntax> {
    let is_list = json.enter_list()?;
    while is_list && json.next_item()? {
        let mut place = 0..0;
        let is_object = json.enter_object()?;
        while is_object && let Some(name) = json.next_member()? {
            let value = json.skip()?;
            if name == "embedding" {
                place = value;
            }
        }
        places.push(place);
    }
    Ok(())
}
