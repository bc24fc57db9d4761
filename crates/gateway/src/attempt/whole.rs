//! Answers in one piece.

use bytes::Bytes;
use http::Response;
use orchestra_dialects::{AnswerError, VectorForm, reencode_embeddings, sniff_answer};
use tokio::time::Instant;

use super::{Attempts, relabelled};
use crate::answer::{Answer, Content, Whole};
use crate::fault::{Fault, FaultKind, GAVE_KEY_AWAY, Phase, Reached};
use crate::keys::Access;
use crate::outgoing::{Outgoing, WayBack};
use crate::read::{Read, read_up_to};
use crate::transport::UpstreamBody;

impl Attempts<'_> {
    /// Reads an answer in one piece.
    pub(super) async fn whole(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        (until, phase): (Instant, Phase),
        response: Response<UpstreamBody>,
    ) -> Result<Answer, Fault> {
        let (head, body) = response.into_parts();
        let left = until.saturating_duration_since(Instant::now());
        let read = read_up_to(self.settings.max_answer_bytes, self.settings.idle, body);
        let broken = |kind| Fault {
            status: Some(head.status),
            ..Fault::new(kind, Reached::Answered)
        };
        let body = match self.within(left, phase, Reached::Answered, read).await? {
            Read::Whole(body) => body,
            Read::Broken(_, error) => return Err(broken(FaultKind::Broken(error))),
            Read::Silent(_) => return Err(broken(FaultKind::Timeout(Phase::Idle))),
            Read::Cut(_) => {
                let limit = self.settings.max_answer_bytes;
                let kind = FaultKind::Malformed(format!("it is larger than {limit} bytes"));
                // Whoever asks for two thousand vectors may have asked for too much.
                return Err(Fault {
                    blameless: true,
                    ..broken(kind)
                });
            }
        };
        let gave_away = || broken(FaultKind::Malformed(GAVE_KEY_AWAY.to_owned()));
        if access.gives_key_away(&body) {
            return Err(gave_away());
        }
        match self.read(outgoing, body) {
            // Unescaped or put together, the words may hold what their bytes did not.
            Ok(whole) if access.gives_key_away(&whole.body) => Err(gave_away()),
            Ok(whole) => Ok(Answer {
                status: head.status,
                headers: relabelled(head.headers, outgoing, "application/json"),
                content: Content::Whole(whole),
            }),
            Err(AnswerError::Reported(error)) => {
                Err(Fault::reported(access, Reached::Answered, error))
            }
            Err(error) => Err(broken(FaultKind::Malformed(error.to_string()))),
        }
    }

    /// The answer as the client gets it.
    fn read(&self, outgoing: &Outgoing, body: Bytes) -> Result<Whole, AnswerError> {
        let from = outgoing.endpoint.dialect();
        if let Some(request) = self.translated(outgoing) {
            return Whole::translate(from, &body, &self.context(request, &self.answer_id()));
        }
        let seen = sniff_answer(outgoing.endpoint, &body)?;
        let rewritten = match outgoing.way_back {
            WayBack::Vectors(form) => in_form(&body, form)?,
            WayBack::Untouched | WayBack::UsageHidden | WayBack::Translated => None,
        };
        Ok(Whole {
            seen,
            body: rewritten.unwrap_or(body),
            losses: Vec::new(),
        })
    }
}

/// The answer with its vectors in this form, if they have another one.
fn in_form(body: &[u8], form: VectorForm) -> Result<Option<Bytes>, AnswerError> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    Ok(reencode_embeddings(text, form)?.map(Bytes::from))
}
