//! From one dialect to another: a request on its way to a provider, an answer in one piece on its way back.

use std::borrow::Cow;

use crate::canonical::{Answer, Request};
use crate::codec::{AnswerContext, Inexpressible, Target};
use crate::{BodyError, Dialect, Loss, Losses};

/// A request that cannot be translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranslateError {
    /// It cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The target cannot be asked this.
    #[error(transparent)]
    Inexpressible(#[from] Inexpressible),
    /// The dialect has no conversations (embeddings, old completions).
    #[error("{} cannot be translated", .0.name())]
    NoConversation(Dialect),
}

/// Reads a request in the dialect `from` and checks what must hold in every dialect.
///
/// # Errors
/// [`TranslateError::Body`] names the path of what is wrong.
pub fn decode_request(from: Dialect, body: &str) -> Result<Request, TranslateError> {
    let codec = from.codec().ok_or(TranslateError::NoConversation(from))?;
    let request = codec.decode_request(body)?;
    request.check()?;
    Ok(request)
}

/// Writes a request in the dialect `to`, with what that loses.
///
/// # Errors
/// [`TranslateError::Inexpressible`] if what would be lost changes the meaning of the call.
pub fn encode_request(
    request: &Request,
    to: Dialect,
    target: &Target<'_>,
) -> Result<(String, Vec<Loss>), TranslateError> {
    let codec = to.codec().ok_or(TranslateError::NoConversation(to))?;
    let mut losses = Losses::new(request.origin, to);
    let body = codec.encode_request(request, target, &mut losses)?;
    Ok((body, losses.into_list()))
}

/// Writes an answer in the dialect of the request that it answers, with what that loses.
///
/// `from` is the dialect in which the answer came. The text is empty if the request's dialect has no
/// conversations, which [`decode_request`] rules out.
#[must_use]
pub fn encode_answer(
    answer: &Answer,
    from: Dialect,
    context: &AnswerContext<'_>,
) -> (String, Vec<Loss>) {
    let to = context.request.origin;
    let mut losses = Losses::new(from, to);
    let answer = with_the_clients_names(answer, context.request);
    let body = to
        .codec()
        .map(|codec| codec.encode_answer(&answer, context, &mut losses));
    (body.unwrap_or_default(), losses.into_list())
}

/// The answer with tools named as the client named them, where a target needed other names.
fn with_the_clients_names<'a>(answer: &'a Answer, request: &Request) -> Cow<'a, Answer> {
    let renamed = request.renamed_tools();
    let mut answer = Cow::Borrowed(answer);
    if !renamed.is_empty() {
        let choices = &mut answer.to_mut().choices;
        let parts = choices.iter_mut().flat_map(|choice| &mut choice.parts);
        parts.for_each(|part| renamed.restore(part));
    }
    answer
}
