//! What is known of a call when it is over.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_types::{CallId, KeyId, ModelId, Money, ProviderId, Usage};

use crate::cache::CacheUse;
use crate::explain::Explanation;
use crate::keys::UsedKey;
use crate::losses::LossTally;
use crate::overload::{Priority, Shed};

/// The word for an attempt that was dropped because another one of the same call was faster.
pub(crate) const CALLED_OFF: &str = "cancelled";

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The client got a whole answer.
    Completed,
    /// The client was told that its request cannot be served: wrong body, unknown model, no key.
    Refused,
    /// No upstream answered usefully; the client got an error.
    Failed,
    /// A stream that had begun to reach the client ended with an error event.
    Interrupted,
    /// The client left first.
    ClientGone,
}

impl Ending {
    /// One word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::ClientGone => "client_gone",
        }
    }
}

/// One send to one target.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// To whom.
    pub provider: ProviderId,
    /// Which model was asked for there; empty for raw calls.
    pub model: ModelId,
    /// With which key; `None` where none is needed.
    pub key: Option<UsedKey>,
    /// The endpoint at which the call was asked there in another dialect than the client's; `None` if it
    /// was not translated.
    pub translated_to: Option<Endpoint>,
    /// The word for the fault; `None` if the attempt succeeded, `abandoned` if the client left
    /// before it was over, `cancelled` if it was dropped because another attempt was faster.
    pub fault: Option<&'static str>,
    /// What came of it, if it was made while the one before had not answered.
    pub hedge: Option<HedgeOutcome>,
    /// What it may have cost by list price, if it was cancelled, or failed while the beginning of its answer was held back: all of
    /// the input, and a usual answer. `None` if the price is not known. It is in no other sum.
    pub estimated_cost: Option<Money>,
    /// Where the target stands in the tree that the call followed, such as `targets[1]`; empty without a tree.
    pub path: String,
    /// The rule that led here from a target that could not serve the call as it is: `larger_context`, `on_context_length` or
    /// `on_content_policy`. `None` for the usual ways.
    pub led_by: Option<&'static str>,
    /// From sending to success or fault. For a stream, success is its first content, or its first
    /// event where no other target stood ready.
    pub took: Duration,
}

/// What came of an attempt that was made because the one before was slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HedgeOutcome {
    /// It answered first.
    Won,
    /// It was not needed: the attempt before answered, or failed in a way that leads to no other target.
    Lost,
    /// It failed.
    Failed,
    /// The client left first.
    Abandoned,
}

impl HedgeOutcome {
    /// One word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }

    pub(crate) fn of(fault: Option<&'static str>) -> Self {
        match fault {
            None => Self::Won,
            Some(CALLED_OFF) => Self::Lost,
            Some(_) => Self::Failed,
        }
    }
}

/// A stream that died and was gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whose stream died.
    pub from: ProviderId,
    /// Who went on.
    pub to: ProviderId,
    /// How many characters of the text the client had by then.
    pub characters: usize,
}

/// What is known of a call when it is over.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// The call's identity.
    pub id: CallId,
    /// The operation; `None` for raw pass-through.
    pub endpoint: Option<Endpoint>,
    /// Whose key the client used, when keys are in use.
    pub client: Option<KeyId>,
    /// The model as the client named it; empty if the request could not be read.
    pub model: String,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// When it came, since 1970.
    pub started_unix: Duration,
    /// What the caller said of the call.
    pub metadata: BTreeMap<String, String>,
    /// What was planned, where the caller asked to be told.
    pub explanation: Option<Box<Explanation>>,
    /// Sends to upstreams. The last one decided; the others stand in their order.
    pub attempts: Vec<AttemptRecord>,
    /// Whether a second target would have been asked, and the share of calls for which that may be done was used up.
    pub hedge_capped: bool,
    /// The priority that it was given, if it had asked for a higher one.
    pub priority_lowered_to: Option<Priority>,
    /// How long it waited for places, all together; `None` if it did not wait.
    pub waited: Option<Duration>,
    /// Why it was not served, if that was for lack of room.
    pub shed: Option<Shed>,
    /// Where its stream died and was gone on with, in their order.
    pub recovered: Vec<Recovered>,
    /// What came of looking for a kept answer at the target that answered; `None` where none is kept. After a hit nobody was
    /// asked but those that had failed before: there is no usage, and the cost is zero.
    pub cache: Option<CacheUse>,
    /// How it ended.
    pub ending: Ending,
    /// The status that the client got; zero if it left before any.
    pub status: u16,
    /// The provider's word for why the model stopped; the gateway's where the answer was translated.
    pub finish: Option<String>,
    /// What was lost in translation.
    pub losses: LossTally,
    /// Tokens as the provider counted them; `None` if it did not say.
    pub usage: Option<Usage>,
    /// What these tokens cost at the provider's list price; `None` if the tokens or a price for them is not known. What
    /// attempts before the last one may have cost is not in it.
    pub cost: Option<Money>,
    /// From the call's arrival to the first bytes for the client.
    pub first_byte: Option<Duration>,
    /// From the call's arrival to its end.
    pub took: Duration,
}

/// Takes the records of calls. Called once per call, on the call's own task: it must
/// neither block nor fail.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Takes one record.
    fn settled(&self, record: CallRecord);
}

/// A sink for programs that keep no records.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRecords;

impl Sink for NoRecords {
    fn settled(&self, _: CallRecord) {}
}

impl CallRecord {
    /// The record of a call of which nothing is known yet.
    pub(crate) fn open(
        id: CallId,
        endpoint: Option<Endpoint>,
        client: Option<KeyId>,
        started: Duration,
    ) -> Self {
        Self {
            id,
            endpoint,
            client,
            model: String::new(),
            streamed: false,
            started_unix: started,
            metadata: BTreeMap::new(),
            explanation: None,
            attempts: Vec::new(),
            hedge_capped: false,
            priority_lowered_to: None,
            waited: None,
            shed: None,
            recovered: Vec::new(),
            cache: None,
            ending: Ending::ClientGone,
            status: 0,
            finish: None,
            losses: LossTally::default(),
            usage: None,
            cost: None,
            first_byte: None,
            took: Duration::ZERO,
        }
    }
}

impl CallRecord {
    /// How often the target of the last attempt was asked right before it. `None` if it was not asked again.
    #[must_use]
    pub fn retries(&self) -> Option<usize> {
        let place = |attempt: &AttemptRecord| (attempt.provider.clone(), attempt.model.clone());
        let last = place(self.attempts.last()?);
        let same = self
            .attempts
            .iter()
            .rev()
            .take_while(|attempt| place(attempt) == last);
        Some(same.count() - 1).filter(|retries| *retries > 0)
    }
}
