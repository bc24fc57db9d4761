//! What a connection is doing, and since when.
//!
//! A timer for each phase of each request would cost more than the request's own
//! bookkeeping. Instead every connection notes the moment its phase began in two atomic
//! numbers, and one sweeper looks at all of them once a second.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How often the sweeper looks: the precision of all limits here.
pub(super) const SWEEP: Duration = Duration::from_secs(1);

/// The limits that the sweeper enforces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

/// How much patience a connection is met with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// As much as the limits say.
    Usual,
    /// [`IN_RESERVE`] at most.
    Reserve,
}

/// For the head of its one request, and for a pause in reading the answer: who holds a connection of the reserve for nothing
/// holds up those who ask how the server fares.
const IN_RESERVE: Duration = Duration::from_secs(2);

impl Patience {
    fn with(&self, haste: Haste) -> Self {
        match haste {
            Haste::Usual => *self,
            Haste::Reserve => Self {
                head: self.head.min(IN_RESERVE),
                idle: self.idle.min(IN_RESERVE),
                write: self.write.min(IN_RESERVE),
            },
        }
    }
}

/// Between requests; nothing has been read.
const IDLE: u64 = 0;
/// A request has begun, its head is not complete.
const HEAD: u64 = 1;
/// A request is being served.
const BUSY: u64 = 2;
/// Nothing has been read since the connection was opened.
const NEW: u64 = 3;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Watch {
    origin: Instant,
    haste: Haste,
    /// The phase in the lowest two bits, the moment it began above them: one number, so that
    /// the sweeper never sees one phase with another's time.
    phase: AtomicU64,
    /// When the client stopped taking bytes; zero while it takes them.
    stalled_ms: AtomicU64,
}

impl Watch {
    fn new(origin: Instant, haste: Haste) -> Arc<Self> {
        let watch = Self {
            origin,
            haste,
            phase: AtomicU64::new(0),
            stalled_ms: AtomicU64::new(0),
        };
        watch.enter(NEW);
        Arc::new(watch)
    }

    /// Milliseconds since the server started, at least 1.
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    fn enter(&self, phase: u64) {
        self.phase.store(self.now() << 2 | phase, Ordering::Relaxed);
    }

    /// The phase and when it began, in milliseconds since the server started.
    fn phase(&self) -> (u64, u64) {
        let both = self.phase.load(Ordering::Relaxed);
        (both & 3, both >> 2)
    }

    fn bytes_read(&self) {
        if matches!(self.phase().0, IDLE | NEW) {
            self.enter(HEAD);
        }
    }

    /// A whole head has been read and its request goes to the handlers.
    pub(super) fn request_began(&self) {
        self.enter(BUSY);
    }

    /// The answer has been handed to the connection.
    pub(super) fn request_ended(&self) {
        self.enter(IDLE);
    }

    fn write_stalled(&self) {
        if self.stalled_ms.load(Ordering::Relaxed) == 0 {
            self.stalled_ms.store(self.now(), Ordering::Relaxed);
        }
    }

    fn write_moved(&self) {
        if self.stalled_ms.load(Ordering::Relaxed) != 0 {
            self.stalled_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Why the connection should be closed now, if it should.
    fn overdue(&self, patience: &Patience) -> Option<&'static str> {
        let patience = patience.with(self.haste);
        let now = self.now();
        let longer =
            |began: u64, limit: Duration| u128::from(now.saturating_sub(began)) > limit.as_millis();
        let stalled = self.stalled_ms.load(Ordering::Relaxed);
        if stalled != 0 && longer(stalled, patience.write) {
            return Some("the client stopped reading its answer");
        }
        let (phase, began) = self.phase();
        match phase {
            HEAD | NEW if longer(began, patience.head) => {
                Some("the client did not finish a request's head")
            }
            IDLE if longer(began, patience.idle) => Some("idle"),
            _ => None,
        }
    }
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Watches {
    origin: Instant,
    open: Mutex<HashMap<u64, (Arc<Watch>, AbortHandle)>>,
    next: AtomicU64,
}

impl Watches {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            open: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    pub(super) fn watch(&self, haste: Haste) -> Arc<Watch> {
        Watch::new(self.origin, haste)
    }

    /// Puts a connection under the sweeper's eyes; it leaves them when its task has ended.
    pub(super) fn add(&self, watch: Arc<Watch>, task: AbortHandle) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, (watch, task));
    }

    /// Drops the connections whose tasks have ended.
    fn forget_finished(&self) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, (_, task)| !task.is_finished());
    }

    /// Closes every connection and tells on how many a call was running.
    pub(super) fn close_all(&self) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut busy = 0;
        for (watch, task) in open.values().filter(|(_, task)| !task.is_finished()) {
            busy += usize::from(watch.phase().0 == BUSY);
            task.abort();
        }
        busy
    }

    /// Closes what is overdue, once. Closing aborts the connection's task, which drops the
    /// running call and with it the upstream's.
    pub(super) fn sweep(&self, patience: &Patience) {
        self.forget_finished();
        for (watch, task) in self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            if let Some(reason) = watch.overdue(patience) {
                tracing::debug!(reason, "connection closed");
                task.abort();
            }
        }
    }
}

/// A client's socket that tells its watch what happens.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) stream: TcpStream,
    pub(super) watch: Arc<Watch>,
}

impl Watched {
    fn note_write<T>(&self, polled: &Poll<io::Result<T>>) {
        if polled.is_pending() {
            self.watch.write_stalled();
        } else {
            self.watch.write_moved();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.watch.bytes_read();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        write: Duration::from_secs(60),
    };

    async fn overdue_after(watch: &Watch, seconds: u64) -> bool {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        watch.overdue(&PATIENCE).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_sends_nothing_or_half_a_head_is_closed() {
        let watch = Watch::new(Instant::now(), Haste::Usual);
        assert!(!overdue_after(&watch, 10).await);
        watch.bytes_read();
        watch.bytes_read();
        assert!(!overdue_after(&watch, 10).await);
        watch.bytes_read();
        assert!(
            overdue_after(&watch, 1).await,
            "a byte now and then does not buy more time"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_served_call_has_its_own_limits_and_idling_begins_after_it() {
        let watch = Watch::new(Instant::now(), Haste::Usual);
        watch.bytes_read();
        watch.request_began();
        assert!(!overdue_after(&watch, 3600).await);
        watch.request_ended();
        assert!(!overdue_after(&watch, 75).await);
        assert!(overdue_after(&watch, 1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_reserve_nobody_is_waited_for_long() {
        let silent = Watch::new(Instant::now(), Haste::Reserve);
        let begun = Watch::new(Instant::now(), Haste::Reserve);
        begun.bytes_read();
        let unread = Watch::new(Instant::now(), Haste::Reserve);
        unread.request_began();
        unread.write_stalled();
        tokio::time::advance(IN_RESERVE).await;
        for watch in [&silent, &begun, &unread] {
            assert_eq!(watch.overdue(&PATIENCE), None);
        }
        for watch in [&silent, &begun, &unread] {
            assert!(overdue_after(watch, 1).await, "{watch:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_is_closed_and_one_that_goes_on_is_not() {
        let watch = Watch::new(Instant::now(), Haste::Usual);
        watch.request_began();
        watch.write_stalled();
        assert!(!overdue_after(&watch, 59).await);
        watch.write_moved();
        watch.write_stalled();
        assert!(!overdue_after(&watch, 60).await);
        assert!(overdue_after(&watch, 1).await);
    }
}
