//! What to send, to whom, how often.

use std::net::SocketAddr;

use anyhow::bail;
use clap::{Parser, ValueEnum};

/// Drives load in a closed loop and prints what it saw as JSON.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The endpoint's address.
    #[arg(long)]
    pub(crate) addr: SocketAddr,
    /// The path to post to (the API's own path unless given).
    #[arg(long)]
    path: Option<String>,
    /// The dialect to speak.
    #[arg(long, value_enum, default_value_t = Api::OpenAi)]
    api: Api,
    /// The model to ask for.
    #[arg(long, default_value = "gpt-4o-mini")]
    model: String,
    /// A header to add, as `name: value`.
    #[arg(long = "header")]
    headers: Vec<String>,
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 1)]
    pub(crate) conns: usize,
    /// Ask for a stream.
    #[arg(long)]
    pub(crate) stream: bool,
    /// Ask for the usage of the stream, too: otherwise Chat's upstream sends an event fewer, or a gateway that asks
    /// by itself takes one out, which shows as a gap.
    #[arg(long)]
    usage: bool,
    /// Directives for the scripted upstream, written into the prompt.
    #[arg(long, default_value = "")]
    fake: String,
    /// Length of the prompt in bytes.
    #[arg(long, default_value_t = 300)]
    prompt_bytes: usize,
    /// Seconds before the measured window.
    #[arg(long, default_value_t = 0.5)]
    pub(crate) warmup: f64,
    /// Seconds of the measured window.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) duration: f64,
    /// A process whose CPU time in the window is reported (Linux).
    #[arg(long = "cpu-pid")]
    pub(crate) cpu_pids: Vec<u32>,
}

/// A wire format the driver can speak.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Api {
    #[value(name = "openai")]
    OpenAi,
    #[value(name = "anthropic")]
    Anthropic,
}

impl Api {
    fn path(self) -> &'static str {
        match self {
            Self::OpenAi => "/v1/chat/completions",
            Self::Anthropic => "/v1/messages",
        }
    }
}

/// Stands in the prompt where each request writes its number.
const SERIAL: &str = "#0000000000000000";

/// One request as bytes, whose prompt is different each time it is sent: no cache on the
/// way may answer in the upstream's place.
#[derive(Clone, Debug)]
pub(crate) struct RequestBytes {
    bytes: Vec<u8>,
    serial_at: usize,
}

impl RequestBytes {
    /// The bytes with this serial number in their prompt.
    pub(crate) fn numbered(&mut self, serial: u64) -> &[u8] {
        let mut left = serial;
        for digit in self.bytes[self.serial_at..][1..SERIAL.len()]
            .iter_mut()
            .rev()
        {
            *digit = b"0123456789abcdef"[usize::from(left.to_le_bytes()[0] & 0x0f)];
            left >>= 4;
        }
        &self.bytes
    }
}

impl Options {
    /// The request that every connection sends.
    ///
    /// # Errors
    /// If a header is not `name: value` on one line.
    pub(crate) fn request(&self) -> anyhow::Result<RequestBytes> {
        let body = self.body().to_string();
        let path = self.path.as_deref().unwrap_or_else(|| self.api.path());
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: orchestra-bench\r\naccept: */*\r\n\
             content-type: application/json\r\nanthropic-version: 2023-06-01\r\n",
            self.addr
        );
        for header in &self.headers {
            if !header.contains(": ") || header.contains(['\r', '\n']) {
                bail!("a header is `name: value`, not {header:?}");
            }
            head.push_str(header);
            head.push_str("\r\n");
        }
        let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let Some(serial_at) = text.find(SERIAL) else {
            bail!(
                "the prompt of {} bytes has no room for a number",
                self.prompt_bytes
            );
        };
        let bytes = text.into_bytes();
        Ok(RequestBytes { bytes, serial_at })
    }

    fn body(&self) -> serde_json::Value {
        let prompt = self.prompt();
        let mut body = match self.api {
            Api::OpenAi => serde_json::json!({
                "model": self.model,
                "messages": [
                    {"role": "system", "content": "You are a concise assistant."},
                    {"role": "user", "content": prompt},
                ],
                "temperature": 0.7,
                "max_tokens": 256,
            }),
            Api::Anthropic => serde_json::json!({
                "model": self.model,
                "max_tokens": 256,
                "system": "You are a concise assistant.",
                "messages": [{"role": "user", "content": prompt}],
            }),
        };
        if self.stream {
            body["stream"] = true.into();
        }
        if self.usage {
            body["stream_options"] = serde_json::json!({"include_usage": true});
        }
        body
    }

    fn prompt(&self) -> String {
        let mut prompt = match self.fake.as_str() {
            "" => format!("{SERIAL} "),
            directives => format!("[[fake {directives}]] {SERIAL} "),
        };
        let filler = "How does a proxy stay out of the way while many clients stream at once? ";
        while prompt.len() < self.prompt_bytes {
            prompt.push_str(filler);
        }
        prompt.truncate(self.prompt_bytes);
        prompt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        let words = format!("load --addr 127.0.0.1:9 {line}");
        Options::try_parse_from(words.split_whitespace()).unwrap()
    }

    #[test]
    fn every_request_has_its_number_and_the_declared_length() {
        let line = "--prompt-bytes 2000 --stream --usage";
        let mut request = options(line).request().unwrap();
        let first = request.numbered(1).to_vec();
        let text = String::from_utf8(request.numbered(0xabc).to_vec()).unwrap();
        assert_ne!(first, text.as_bytes());
        assert!(text.contains("#0000000000000abc "));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["messages"][1]["content"].as_str().unwrap().len(), 2000);
        assert_eq!(body["stream"], true);
        assert_eq!(body["stream_options"]["include_usage"], true);
    }

    #[test]
    fn a_prompt_without_room_for_its_number_is_refused() {
        assert!(options("--prompt-bytes 8").request().is_err());
    }

    #[test]
    fn a_header_cannot_smuggle_another() {
        let mut bad = options("");
        bad.headers.push("a: b\r\nc: d".to_owned());
        assert!(bad.request().is_err());
    }
}
