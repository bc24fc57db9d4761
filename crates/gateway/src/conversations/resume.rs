//! Going on from a conversation that was kept.

use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;
use orchestra_dialects::kept::{self, Kept};
use orchestra_dialects::{Endpoint, ErrorKind, HeadLimits};
use orchestra_types::KeyId;

use super::keep::{note, within_patience};
use super::{Conversation, ConversationError, ConversationKey, Conversations};
use crate::call::Call;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The responses that one call may refer to by their items. A loop of an agent refers to one for each of its steps.
const MAX_REFERRED: usize = 256;

/// What became of the earlier conversation that a call names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// It names none that is known here.
    #[default]
    No,
    /// What was kept stands in the call's body, with this many items before its own.
    From(usize),
    /// It goes on from this response, which is not kept here. It may be kept at a provider.
    NotFound(String),
    /// It goes on from a response, and nobody can say whether that is kept here.
    Unavailable,
}

/// What one client has in a store.
struct Shelf<'a> {
    store: &'a dyn Conversations,
    client: Option<&'a KeyId>,
}

/// Puts what was kept into a call that goes on from it, so that any provider can answer. A call that goes on from
/// something else stays as it is.
pub(crate) async fn resume(
    store: &Arc<dyn Conversations>,
    call: Call,
    client: Option<&KeyId>,
    limits: &HeadLimits,
) -> Result<Call, Refusal> {
    if call.endpoint != Endpoint::Responses {
        return Ok(call);
    }
    let store = store.as_ref();
    let shelf = Shelf { store, client };
    let referred = shelf.referred(&call).await;
    let earlier = match previous(&call) {
        None if referred.is_empty() => return Ok(call),
        None => None,
        Some(id) => match shelf.load(&id).await {
            Ok(Some(earlier)) => Some(earlier),
            Ok(None) => return Ok(call.not_resumed(Resumed::NotFound(id))),
            Err(_) => return Ok(call.not_resumed(Resumed::Unavailable)),
        },
    };
    call.with_kept(earlier.as_ref(), &referred, limits)
}

/// The response that a call goes on from.
fn previous(call: &Call) -> Option<String> {
    let id = call.member("previous_response_id")?;
    serde_json::from_str::<Option<String>>(id).ok()?
}

impl Gateway {
    /// A conversation that is kept here for this client. Anything else is `None`, whoever else may keep it.
    ///
    /// # Errors
    /// [`Refusal`] if the store fails.
    pub async fn kept(&self, key: ConversationKey) -> Result<Option<Conversation>, Refusal> {
        let Some(store) = &self.parts.conversations else {
            return Ok(None);
        };
        let (store, client) = (store.as_ref(), key.client.as_ref());
        let found = Shelf { store, client }.load(&key.id).await;
        found.map_err(|_| unavailable())
    }

    /// Forgets a conversation. Says whether it was kept here for this client.
    ///
    /// # Errors
    /// [`Refusal`] if the store fails.
    pub async fn forget(&self, key: ConversationKey) -> Result<bool, Refusal> {
        let Some(store) = &self.parts.conversations else {
            return Ok(false);
        };
        let id = Arc::clone(&key.id);
        let deleted = within_patience(store.delete(key)).await;
        deleted.map_err(|error| {
            note(&id, &error, "a conversation cannot be forgotten");
            unavailable()
        })
    }
}

fn unavailable() -> Refusal {
    Refusal::new(
        http::StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Overloaded,
        "conversations_unavailable",
        "the gateway cannot look for the earlier response at the moment; try again, or send the whole conversation in `input`",
    )
}

impl Shelf<'_> {
    /// The responses to whose items a call refers, as far as they are kept.
    async fn referred(&self, call: &Call) -> Vec<Conversation> {
        static REFERENCE: LazyLock<Finder<'static>> =
            LazyLock::new(|| Finder::new("item_reference"));
        let mut found = Vec::new();
        if let Some(input) = call.member("input")
            && REFERENCE.find(input.as_bytes()).is_some()
        {
            for id in kept::references(input).iter().take(MAX_REFERRED) {
                match self.load(id).await {
                    Ok(kept) => found.extend(kept),
                    Err(_) => break,
                }
            }
        }
        found
    }

    async fn load(&self, id: &str) -> Result<Option<Conversation>, ConversationError> {
        let key = ConversationKey {
            client: self.client.cloned(),
            id: id.into(),
        };
        let loaded = within_patience(self.store.load(key)).await;
        if let Err(error) = &loaded {
            note(id, error, "a conversation cannot be looked for");
        }
        loaded
    }
}

impl Call {
    fn with_kept(
        self,
        earlier: Option<&Conversation>,
        referred: &[Conversation],
        limits: &HeadLimits,
    ) -> Result<Self, Refusal> {
        let earlier = earlier.map(|earlier| Kept {
            input: &earlier.input,
            response: &earlier.response,
        });
        let referred: Vec<&str> = referred.iter().map(|kept| &*kept.response).collect();
        let input = kept::resume(earlier, self.member("input"), &referred);
        let length = earlier.map_or(0, kept::length);
        self.with_input(&input, Resumed::From(length), limits)
    }
}

impl Resumed {
    /// Why a provider that keeps nothing cannot be asked.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::No | Self::From(_) => None,
            // The words of OpenAI.
            Self::NotFound(id) => Some(
                Refusal::invalid(
                    "previous_response_not_found",
                    format!("Previous response with id '{id}' not found."),
                )
                .at("previous_response_id")
                .for_good(),
            ),
            Self::Unavailable => Some(unavailable().at("previous_response_id")),
        }
    }

    /// Says how a path of the body is to be read.
    pub(crate) fn explain(&self, mut refusal: Refusal) -> Refusal {
        let within = refusal
            .param
            .as_deref()
            .is_some_and(|path| path.starts_with("input["));
        if let Self::From(earlier) = self
            && within
            && *earlier > 0
        {
            refusal.message.push_str(&format!(
                " (The {earlier} items of the earlier response are counted too.)"
            ));
        }
        refusal
    }
}
