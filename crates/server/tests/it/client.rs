//! A client that writes its requests byte by byte and reads just enough HTTP to check the answers.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::stage::{CLIENT_KEY, Stage, soon};

/// A request with the application's key.
pub(crate) fn request(method: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let key = format!("authorization: Bearer {CLIENT_KEY}\r\n");
    request_with(method, target, &key, body)
}

/// A request with these header lines beside those that frame it.
pub(crate) fn request_with(method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: gateway\r\n{headers}");
    if !body.is_empty() {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The same with a chunked body, in chunks of this size.
pub(crate) fn chunked_request(target: &str, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {CLIENT_KEY}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Sends one request on a connection of its own.
pub(crate) async fn call(stage: &Stage, bytes: &[u8]) -> Answer {
    let mut client = Client::to(stage.address).await;
    client.send(bytes).await;
    client.answer().await
}

/// What the gateway answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first value of a header; the name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
    /// How much of `unread` has been used.
    used: usize,
}

impl Client {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        Self::over(stream)
    }

    /// A client for which the operating system receives only a few kilobytes ahead.
    pub(crate) async fn narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.set_recv_buffer_size(4_096).expect("a legal size");
        Self::over(socket.connect(address).await.expect("it listens"))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("the socket is open");
        Self {
            stream,
            unread: Vec::new(),
            used: 0,
        }
    }

    /// Sends all bytes, unless the server closes the connection first.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Sends and receives at once, as clients with large bodies do.
    pub(crate) async fn exchange(&mut self, bytes: &[u8]) -> Option<Answer> {
        let (mut reading, mut writing) = self.stream.split();
        let unread = &mut self.unread;
        let write = async {
            // The server may close its side before all of it is sent.
            let _ = writing.write_all(bytes).await;
        };
        let read = async {
            // A reset after the answer is the server's right once it has said why.
            while matches!(reading.read_buf(unread).await, Ok(count) if count > 0) {
                if find(unread, b"\r\n\r\n").is_some() {
                    return;
                }
            }
        };
        soon("an answer to a large body", async {
            tokio::join!(write, read)
        })
        .await;
        self.next().await
    }

    /// The next answer, which must come.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.next().await.expect("closed without an answer")
    }

    /// The next answer, or nothing if the connection ends before it is whole.
    pub(crate) async fn next(&mut self) -> Option<Answer> {
        let mut answer = self.head().await?;
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().expect("a number of bytes");
            answer.body = self.take(length).await?;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await? {
                answer.body.extend(chunk);
            }
        }
        Some(answer)
    }

    /// The head of the next answer.
    pub(crate) async fn head(&mut self) -> Option<Answer> {
        let lines = self.until(b"\r\n\r\n").await?;
        let lines = String::from_utf8(lines).expect("heads are text");
        let mut lines = lines.lines();
        let status = lines.next().expect("a status line");
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Some(Answer {
            status: status.expect("a status"),
            headers: headers.collect(),
            body: Vec::new(),
        })
    }

    /// The next chunk of a chunked body; `Some(None)` behind the last one, `None` if it breaks off.
    pub(crate) async fn chunk(&mut self) -> Option<Option<Vec<u8>>> {
        let line = self.until(b"\r\n").await?;
        let line = String::from_utf8(line).expect("sizes are text");
        let size = usize::from_str_radix(line.trim_end(), 16).expect("a size");
        let chunk = self.take(size).await?;
        self.take(2).await?;
        Some((size > 0).then_some(chunk))
    }

    /// Waits until the server closes the connection; the bytes that still came, and how long it took.
    pub(crate) async fn closed(&mut self) -> (Vec<u8>, Duration) {
        let began = Instant::now();
        soon("the connection to be closed", async {
            while self.fill().await.is_ok() {}
        })
        .await;
        (self.unread.split_off(self.used), began.elapsed())
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = find(&self.unread[self.used..], mark) {
                return self.take(at + mark.len()).await;
            }
            soon("more of an answer", self.fill()).await.ok()?;
        }
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < self.used + count {
            soon("more of an answer", self.fill()).await.ok()?;
        }
        let taken = self.unread[self.used..self.used + count].to_vec();
        self.used += count;
        Some(taken)
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
