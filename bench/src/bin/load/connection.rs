//! One connection of the closed loop.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::events::Events;
use crate::options::{Options, RequestBytes};
use crate::response::{Progress, ResponseReader};
use crate::tally::{Completion, Tally};

/// A peer that refuses is asked again after this rest; without it errors would be counted
/// as fast as the machine can fail.
const REST_AFTER_ERROR: Duration = Duration::from_millis(10);
/// Holds a unary response, or several events, in one read.
const BUFFER_BYTES: usize = 16 * 1024;

/// Sends request after request until the program ends.
pub(crate) async fn drive(
    index: usize,
    request: RequestBytes,
    options: Rc<Options>,
    tally: Rc<RefCell<Tally>>,
) {
    let mut client = Client {
        index,
        request,
        stream: options.stream,
        tally,
        reader: ResponseReader::new(),
        events: Events::default(),
        buffer: vec![0; BUFFER_BYTES],
    };
    loop {
        let Err(kind) = client.connected(options.addr).await;
        client.tally.borrow_mut().fail(index, kind);
        client.reader = ResponseReader::new();
        sleep(REST_AFTER_ERROR).await;
    }
}

/// The kind of an error, as the report counts it.
type ErrorKind = &'static str;

struct Client {
    index: usize,
    request: RequestBytes,
    stream: bool,
    tally: Rc<RefCell<Tally>>,
    reader: ResponseReader,
    events: Events,
    buffer: Vec<u8>,
}

impl Client {
    /// Only ever ends by failing.
    async fn connected(&mut self, addr: SocketAddr) -> Result<Infallible, ErrorKind> {
        let mut socket = TcpStream::connect(addr).await.map_err(|_| "connect")?;
        socket.set_nodelay(true).map_err(|_| "connect")?;
        loop {
            let completion = self.exchange(&mut socket).await?;
            self.tally.borrow_mut().complete(self.index, &completion);
        }
    }

    async fn exchange(&mut self, socket: &mut TcpStream) -> Result<Completion, ErrorKind> {
        let serial = self.tally.borrow_mut().next_serial();
        let sent = Instant::now();
        let bytes = self.request.numbered(serial);
        socket.write_all(bytes).await.map_err(|_| "write")?;
        let first_event = self.receive(socket, sent).await?;
        if self.reader.status != 200 {
            return Err("status");
        }
        if self.stream && !self.events.terminal {
            return Err("truncated");
        }
        Ok(Completion {
            latency: sent.elapsed(),
            first_event,
        })
    }

    /// Reads one response to its end; how long its first event took, if it has any.
    async fn receive(
        &mut self,
        socket: &mut TcpStream,
        sent: Instant,
    ) -> Result<Option<Duration>, ErrorKind> {
        self.events.clear();
        let mut first_event = None;
        let mut last_event = None;
        loop {
            let count = socket.read(&mut self.buffer).await.map_err(|_| "read")?;
            if count == 0 {
                return Err("closed");
            }
            let before = self.events.count;
            let (events, stream) = (&mut self.events, self.stream);
            let progress = self.reader.feed(&self.buffer[..count], |body| {
                if stream {
                    events.feed(body);
                }
            });
            let arrived = self.events.count - before;
            if arrived > 0 {
                let now = Instant::now();
                first_event.get_or_insert(now - sent);
                let gap = last_event.replace(now).map(|last| now - last);
                self.tally.borrow_mut().events(arrived, gap);
            }
            if progress.map_err(|malformed| malformed.0)? == Progress::Complete {
                return Ok(first_event);
            }
        }
    }
}
