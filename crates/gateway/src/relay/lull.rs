//! The time in which a client would hear nothing: its stream has died, and nobody has gone on with it yet.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use orchestra_dialects::Family;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::settings::Settings;

/// Signs of life, one every [`Settings::SIGN_OF_LIFE`].
#[derive(Debug)]
pub(super) struct Lull {
    rings: Pin<Box<Sleep>>,
    sign: &'static str,
}

impl Lull {
    /// The client last heard something at `heard`, which may be longer ago than a sign of life may be: then one is due at once.
    pub(super) fn new(heard: Instant, family: Family) -> Self {
        Self {
            rings: Box::pin(sleep_until(heard + Settings::SIGN_OF_LIFE)),
            sign: sign_for(family),
        }
    }

    /// The next sign of life.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        ready!(self.rings.as_mut().poll(cx));
        let next = Instant::now() + Settings::SIGN_OF_LIFE;
        self.rings.as_mut().reset(next);
        Poll::Ready(Some(Bytes::from_static(self.sign.as_bytes())))
    }
}

/// Anthropic's API has an event that says nothing, any number of which may stand anywhere in a stream
/// (<https://docs.claude.com/en/docs/build-with-claude/streaming>). The others have none that all clients know, and a comment is
/// none to any parser of server-sent events.
const fn sign_for(family: Family) -> &'static str {
    match family {
        Family::Anthropic => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        Family::OpenAi | Family::Google => ": orchestra recovering\n\n",
    }
}
