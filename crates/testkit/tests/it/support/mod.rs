//! A client that hides nothing: requests as bytes, replies with their chunks and their end.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use orchestra_testkit::Upstream;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Fails a test that hangs.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    within(Duration::from_secs(20), what).await
}

pub(crate) async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, what)
        .await
        .expect("it takes too long")
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// How the connection stood after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The body came to its declared end.
    Whole,
    /// The connection was closed in an orderly way before that.
    Closed,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body, chunk by chunk; in one piece if it has a length.
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) end: End,
}

/// One server-sent event.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let text = self.text();
        let blocks = text.split("\n\n").filter(|block| block.contains("data: "));
        let line = |block: &str, prefix| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(prefix))
                .map(str::to_owned)
        };
        blocks
            .map(|block| Event {
                name: line(block, "event: "),
                data: line(block, "data: ").unwrap(),
            })
            .collect()
    }
}

impl Client {
    pub(crate) async fn new(upstream: &Upstream) -> Self {
        Self::connect(upstream.address()).await
    }

    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        self.stream
            .write_all(&[request.as_bytes(), body].concat())
            .await
            .unwrap();
    }

    /// Sends a call and reads the reply.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        )
        .await;
        self.reply().await
    }

    pub(crate) async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send("GET", path, headers, b"").await;
        self.reply().await
    }

    /// Reads a reply, up to its end or as far as it goes.
    pub(crate) async fn reply(&mut self) -> Reply {
        soon(self.read_reply()).await.expect("a head")
    }

    /// Reads a reply, or how the connection ended without one.
    pub(crate) async fn try_reply(&mut self) -> Result<Reply, End> {
        soon(self.read_reply()).await
    }

    async fn read_reply(&mut self) -> Result<Reply, End> {
        let mut reply = self.head().await?;
        reply.end = match reply
            .header("content-length")
            .map(|length| length.parse().unwrap())
        {
            Some(length) => self.sized(length, &mut reply.chunks).await,
            None => self.chunked(&mut reply.chunks).await,
        };
        Ok(reply)
    }

    /// Reads the head of a reply and nothing more.
    pub(crate) async fn head(&mut self) -> Result<Reply, End> {
        loop {
            let mut slots = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Response::new(&mut slots);
            if let httparse::Status::Complete(length) = head.parse(&self.buffer).expect("HTTP") {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let headers = head
                    .headers
                    .iter()
                    .map(|h| (h.name.to_lowercase(), text(h.value)));
                let headers = headers.collect();
                let status = head.code.unwrap();
                self.buffer.drain(..length);
                return Ok(Reply {
                    status,
                    headers,
                    chunks: Vec::new(),
                    end: End::Whole,
                });
            }
            self.fill().await?;
        }
    }

    async fn sized(&mut self, length: usize, chunks: &mut Vec<Vec<u8>>) -> End {
        while self.buffer.len() < length {
            if let Err(end) = self.fill().await {
                chunks.push(std::mem::take(&mut self.buffer));
                return end;
            }
        }
        chunks.push(self.buffer.drain(..length).collect());
        End::Whole
    }

    async fn chunked(&mut self, chunks: &mut Vec<Vec<u8>>) -> End {
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => chunks.push(chunk),
                Ok(None) => return End::Whole,
                Err(end) => return end,
            }
        }
    }

    /// Reads one chunk; nothing for the last.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, End> {
        loop {
            if let httparse::Status::Complete((line, size)) =
                httparse::parse_chunk_size(&self.buffer).expect("a chunk size")
            {
                let end = line + usize::try_from(size).unwrap();
                if self.buffer.len() >= end + 2 {
                    assert_eq!(&self.buffer[end..end + 2], b"\r\n");
                    let chunk = self.buffer[line..end].to_vec();
                    self.buffer.drain(..end + 2);
                    return Ok((size > 0).then_some(chunk));
                }
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), End> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(End::Closed),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(End::Reset),
            Err(error) => panic!("{error}"),
        }
    }

    /// What comes before the connection ends, and how it ends.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, End) {
        soon(async {
            loop {
                if let Err(end) = self.fill().await {
                    return (std::mem::take(&mut self.buffer), end);
                }
            }
        })
        .await
    }
}

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const MESSAGES: &str = "/v1/messages";
pub(crate) const RESPONSES: &str = "/v1/responses";

/// A chat call with one user message.
pub(crate) fn chat(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]})
}

pub(crate) fn message(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]})
}

pub(crate) fn response(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "input": "Hi"})
}
