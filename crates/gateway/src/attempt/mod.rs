//! One send to one target.

mod ask;
mod booking;
mod hedge;
mod held;
mod letter;
mod onward;
mod quota;
mod recover;
mod round;
mod second;
mod seek;
mod stream;
mod targets;
mod turn;
mod waiting;
mod whole;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use orchestra_dialects::AnswerContext;
use orchestra_dialects::canonical::Request;
use orchestra_routing::HoldBack;
use orchestra_types::CallId;
use tokio::time::{Instant, timeout_at};

use crate::answer::Answer;
use crate::cache::AnswerCache;
use crate::call::Call;
use crate::fault::{Fault, FaultKind, Phase, Reached};
use crate::keys::Access;
use crate::outgoing::{Outgoing, WayBack};
use crate::read::{Read, read_up_to};
use crate::request::request;
use crate::settings::Settings;
use crate::transport::{Transport, UpstreamBody};

pub(crate) use recover::{Recovery, Resumed};
pub(crate) use waiting::{Queue, may_have_room};

/// This part of a call's whole time is enough for a target to show whether it is well: the second of three that are asked for an
/// answer in one piece has a quarter.
const FAIR_SHARE: u32 = 5;

/// What every attempt of a call shares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) settings: &'a Settings,
    pub(crate) cache: &'a AnswerCache,
    pub(crate) call: &'a Call,
    pub(crate) id: CallId,
    /// When the call must be over.
    pub(crate) deadline: Instant,
    /// The wall clock at the call's arrival, to read dates in `Retry-After`.
    pub(crate) unix: Duration,
    /// How long the headers of an answer may take, if a tree says so.
    pub(crate) request_timeout: Option<Duration>,
    /// How often the call may be sent.
    pub(crate) most: usize,
    /// How long a stream that has begun to answer is held back.
    pub(crate) hold_back: HoldBack,
    /// How much of a stream is remembered so that another target may go on with it, in bytes; `None` for none.
    pub(crate) memory: Option<usize>,
}

/// Whether another target stands ready if this one fails. That the same one may be asked again is no reason to hold a stream
/// back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spare {
    /// A failure can still be hidden from the client: a stream is held back for its content.
    Ready,
    /// So it can, since another target is being asked already; but none waits for the time that this one takes.
    Rival,
    /// The same, but only a failure that says something of the call leads on: its answer may take all the time there is.
    ForWords,
    /// The client gets what comes as soon as it comes.
    None,
}

impl Attempts<'_> {
    /// Sends the call through `access` and waits until its answer can be shown to the client.
    /// Dropping the future aborts the exchange.
    pub(crate) async fn run(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        spare: Spare,
    ) -> Result<Answer, Fault> {
        let began = Instant::now();
        let outcome = self.answer(access, outgoing, spare, began).await;
        outcome.map_err(|fault| self.since(began, fault))
    }

    /// A fault of an attempt that began then.
    fn since(&self, began: Instant, fault: Fault) -> Fault {
        let late = matches!(fault.kind, FaultKind::Timeout(_));
        let hurried = late && began.elapsed() < self.fair();
        Fault {
            blameless: fault.blameless || hurried,
            ..fault
        }
    }

    /// The same, whoever is to blame if none comes.
    async fn answer(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        spare: Spare,
        began: Instant,
    ) -> Result<Answer, Fault> {
        let (streamed, patience) = (self.call.head.stream(), self.patience(spare));
        let response = self.response(access, outgoing, patience).await?;
        if streamed && is_event_stream(response.headers()) {
            return self.open(access, outgoing, spare, response).await;
        }
        // A stream that comes in one piece after all has the whole call's time.
        let until = if streamed {
            self.deadline
        } else {
            began + patience
        };
        let phase = self.first_phase(patience);
        self.whole(access, outgoing, (until, phase), response).await
    }

    /// Sends the call through `access` and waits for the head of an answer that is no error.
    async fn response(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        patience: Duration,
    ) -> Result<Response<UpstreamBody>, Fault> {
        let sending = self
            .transport
            .send(request(&self.id, self.call, access, outgoing));
        let response = self
            .within(patience, self.first_phase(patience), Reached::Sent, sending)
            .await?
            .map_err(Fault::from)?;
        if !response.status().is_success() {
            return Err(self.failed(access, outgoing, response).await);
        }
        Ok(response)
    }

    /// How long the headers of the answer may take. An answer in one piece sends none before
    /// it is complete: it may take all the time there is, or half of it while another target
    /// waits for its turn.
    fn patience(&self, spare: Spare) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = match (self.call.head.stream(), spare) {
            (true, _) => self.settings.first_byte,
            (false, Spare::Ready) => left / 2,
            (false, Spare::Rival | Spare::ForWords | Spare::None) => left,
        };
        self.request_timeout
            .map_or(patience, |most| patience.min(most))
    }

    /// The time that a target may take: who has not answered after less may be well. Where an operator's tree allows less, that.
    fn fair(&self) -> Duration {
        let settings = self.settings;
        let total = settings.total_for(self.call.head.stream());
        let fair = settings.first_byte.min(total / FAIR_SHARE);
        let directions = &self.call.directions;
        let callers = directions.callers_tree || directions.settings.request_timeout.is_some();
        match self.request_timeout {
            Some(most) if !callers => fair.min(most),
            _ => fair,
        }
    }

    /// Whose patience it is: the tree's, where that is shorter than the gateway's.
    fn first_phase(&self, patience: Duration) -> Phase {
        match self.request_timeout {
            Some(most) if most == patience => Phase::Asked,
            _ => Phase::FirstByte,
        }
    }

    /// Waits for `future`, at most `patience` and never beyond the call's deadline.
    async fn within<F: Future>(
        &self,
        patience: Duration,
        phase: Phase,
        reached: Reached,
        future: F,
    ) -> Result<F::Output, Fault> {
        let until = Instant::now() + patience;
        let (until, phase) = if until < self.deadline {
            (until, phase)
        } else {
            (self.deadline, Phase::Total)
        };
        let late = |_| Fault::new(FaultKind::Timeout(phase), reached);
        timeout_at(until, future).await.map_err(late)
    }

    /// Turns an answer with an error status into a fault.
    async fn failed(
        &self,
        access: &Access,
        outgoing: &Outgoing,
        response: Response<UpstreamBody>,
    ) -> Fault {
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            let kind = FaultKind::Malformed(
                "a redirect to another address, which is never followed".to_owned(),
            );
            return Fault {
                status: Some(head.status),
                ..Fault::new(kind, Reached::Answered)
            };
        }
        // An error whose text breaks off is still that error.
        let read = read_up_to(Settings::MAX_ERROR_BYTES, self.settings.idle, body);
        let text = match self
            .within(self.settings.idle, Phase::Idle, Reached::Answered, read)
            .await
        {
            Ok(
                Read::Whole(text) | Read::Cut(text) | Read::Broken(text, _) | Read::Silent(text),
            ) => text,
            Err(_) => Bytes::new(),
        };
        let mut fault = Fault::of_answer(access, &head, text, self.unix);
        if outgoing.is_foreign(self.call) {
            // However much it looks like one of the client's own, it is another vendor's.
            fault.answer = None;
        }
        fault
    }

    /// The request to which the answer must be written anew, if it must.
    fn translated(&self, outgoing: &Outgoing) -> Option<&Request> {
        let translated = outgoing.way_back == WayBack::Translated;
        translated.then(|| self.call.request().ok()).flatten()
    }

    /// The digits of the call's identity, from which the ids of a translated answer are made.
    fn answer_id(&self) -> String {
        let id = self.id.to_string();
        id.rsplit('_').next().unwrap_or_default().to_owned()
    }

    fn context<'c>(&'c self, request: &'c Request, id: &'c str) -> AnswerContext<'c> {
        AnswerContext {
            id,
            created: self.unix.as_secs(),
            request,
            body: self.call.written(),
        }
    }
}

/// An upstream's headers, with the kind of body that the client gets.
fn relabelled(mut headers: HeaderMap, outgoing: &Outgoing, kind: &'static str) -> HeaderMap {
    if outgoing.way_back == WayBack::Translated {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    value
        .get(..17)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
}
