//! A connection: buffered reading, writing, and noticing that the client has gone.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::body::{Framing, Step};
use super::head::Head;

const READ_SIZE_BYTES: usize = 16 * 1024;

/// A client that sends more than this ahead of its answer is not read further until it is served.
const PIPELINE_LIMIT_BYTES: usize = 64 * 1024;

/// Why nothing more can be read from a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The client closed or reset it.
    Gone,
    /// The client does not speak HTTP/1.1.
    Malformed(&'static str),
    /// The request is larger than the upstream takes.
    TooLarge,
}

/// A connection to a client.
///
/// A client that shuts down its sending half counts as gone, as with most servers.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    inbox: BytesMut,
    /// What is to be sent next.
    pub(crate) outbox: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            inbox: BytesMut::new(),
            outbox: Vec::new(),
        }
    }

    /// Reads the head of the next request.
    pub(crate) async fn head(&mut self) -> Result<Head, Failure> {
        loop {
            // Most often nothing is there yet, and nothing need be parsed to know it.
            if !self.inbox.is_empty()
                && let Some(head) = Head::take(&mut self.inbox).map_err(Failure::Malformed)?
            {
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    /// Reads the next piece of a request's body; nothing at its end.
    pub(crate) async fn body_piece(
        &mut self,
        framing: &mut Framing,
    ) -> Result<Option<Bytes>, Failure> {
        loop {
            match framing.step(&mut self.inbox).map_err(Failure::Malformed)? {
                Step::Piece(piece) => return Ok(Some(piece)),
                Step::End => return Ok(None),
                Step::NeedMore => self.fill().await?,
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        self.inbox.reserve(READ_SIZE_BYTES);
        match self.stream.read_buf(&mut self.inbox).await {
            Ok(0) | Err(_) => Err(Failure::Gone),
            Ok(_) => Ok(()),
        }
    }

    /// Returns when the client has gone. What it sends before that is kept.
    pub(crate) async fn gone(&mut self) {
        while self.inbox.len() < PIPELINE_LIMIT_BYTES {
            if self.fill().await.is_err() {
                return;
            }
        }
        std::future::pending().await
    }

    /// Whether the client is known to have gone, without waiting.
    pub(crate) fn is_gone(&mut self) -> bool {
        if self.inbox.len() >= PIPELINE_LIMIT_BYTES {
            return false;
        }
        self.inbox.reserve(READ_SIZE_BYTES);
        match self.stream.try_read_buf(&mut self.inbox) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }

    /// Lets time pass, unless the client goes first.
    pub(crate) async fn pause(&mut self, time: Duration) -> Result<(), Failure> {
        if time.is_zero() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = self.gone() => Err(Failure::Gone),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Sends what is in the outbox.
    pub(crate) async fn send(&mut self) -> Result<(), Failure> {
        let sent = self.stream.write_all(&self.outbox).await;
        self.outbox.clear();
        sent.map_err(|_| Failure::Gone)
    }

    /// Closes the connection with a reset.
    pub(crate) fn reset(self) {
        // Without the option the connection is closed in an orderly way, which a test notices.
        let _ = self.stream.set_zero_linger();
    }

    /// Ends the sending half, then waits, for a little, until the client has read all of it.
    ///
    /// A socket that is dropped with unread bytes in it sends a reset, which can overtake the
    /// last bytes of the reply.
    pub(crate) async fn close(mut self) {
        const LINGER: Duration = Duration::from_secs(1);
        if self.stream.shutdown().await.is_ok() {
            let _ = tokio::time::timeout(LINGER, self.gone()).await;
        }
    }
}
