//! A request as it was received.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use crate::checksum::Checksum;
use crate::http::{Failure, Head, Socket};
use crate::wire::{Endpoint, Family};

/// The largest body of a model call that is read. Anthropic's own limit is 32 MB, and inlined
/// files may take more elsewhere.
const CALL_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// As much as is kept of a body that is only counted, and of any body in the log.
pub(crate) const KEPT_LIMIT_BYTES: usize = 256 * 1024;

/// A request as it was received.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) endpoint: Endpoint,
    /// All of a model call's body; of other bodies the first [`KEPT_LIMIT_BYTES`].
    pub(crate) body: Bytes,
    pub(crate) body_bytes: u64,
    /// Of the whole body; computed for the echo endpoint only.
    pub(crate) checksum: Checksum,
    /// Why the body was not read to its end.
    pub(crate) failure: Option<Failure>,
}

impl Request {
    /// Reads what follows a head. A body that breaks off makes a request with a failure.
    pub(crate) async fn read(mut head: Head, socket: &mut Socket) -> Self {
        let endpoint = Endpoint::of(&head.method, &head.path);
        let mut body = Body::default();
        let failure = body.read(&mut head, endpoint, socket).await.err();
        let Body {
            kept,
            bytes,
            checksum,
        } = body;
        Self {
            head,
            endpoint,
            body: kept,
            body_bytes: bytes,
            checksum,
            failure,
        }
    }

    /// Whose conventions the answer follows.
    pub(crate) fn family(&self) -> Family {
        match self.endpoint {
            Endpoint::Messages | Endpoint::CountTokens => Family::Anthropic,
            Endpoint::Gemini(_) => Family::Google,
            _ if self.head.header("anthropic-version").is_some() => Family::Anthropic,
            _ => Family::OpenAi,
        }
    }

    /// The model it names, in its body or its path.
    pub(crate) fn model(&self) -> Option<Cow<'_, str>> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            model: Cow<'a, str>,
        }
        let last = self.head.path.rsplit('/').next();
        match self.endpoint {
            Endpoint::Model => return last.map(Cow::Borrowed),
            Endpoint::Gemini(_) => {
                let model = last.and_then(|last| last.split(':').next());
                return model.map(Cow::Borrowed);
            }
            _ => {}
        }
        serde_json::from_slice::<Named<'_>>(&self.body)
            .ok()
            .map(|named| named.model)
    }
}

#[derive(Debug)]
struct Body {
    kept: Bytes,
    bytes: u64,
    checksum: Checksum,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            kept: Bytes::new(),
            bytes: 0,
            checksum: Checksum::EMPTY,
        }
    }
}

impl Body {
    async fn read(
        &mut self,
        head: &mut Head,
        endpoint: Endpoint,
        socket: &mut Socket,
    ) -> Result<(), Failure> {
        let counted_only = endpoint == Endpoint::Echo;
        let too_large = |bytes| !counted_only && bytes > CALL_LIMIT_BYTES;
        let announced = head.framing.announced();
        if announced.is_some_and(too_large) {
            return Err(Failure::TooLarge);
        }
        if head.expects_continue {
            socket
                .outbox
                .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            socket.send().await?;
        }
        let mut several = BytesMut::new();
        while let Some(piece) = socket.body_piece(&mut head.framing).await? {
            self.bytes += piece.len() as u64;
            if too_large(self.bytes) {
                return Err(Failure::TooLarge);
            }
            if counted_only {
                self.checksum.update(&piece);
                let room = KEPT_LIMIT_BYTES.saturating_sub(several.len());
                several.extend_from_slice(&piece[..room.min(piece.len())]);
            } else if announced == Some(piece.len() as u64) {
                // The usual case: the whole body came in one read and need not be copied.
                self.kept = piece;
                return Ok(());
            } else {
                several.extend_from_slice(&piece);
            }
        }
        self.kept = several.freeze();
        Ok(())
    }
}
