//! Prints what the two hot paths cost: the scan of a 32 KB request and one event of a stream.
//!
//! Run with `cargo run --release -p orchestra-dialects --example cost`. Figures are the best of
//! several rounds, for comparison on one machine.

#![expect(clippy::print_stdout, reason = "printing figures is its purpose")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use orchestra_dialects::{Endpoint, Head, HeadLimits, StreamSniffer, json_string};

const ROUNDS: u32 = 20;
const REPEATS: u32 = 200;
const BODY_BYTES: usize = 32 * 1024;
const EVENTS: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    for (name, message) in [
        (
            "prose, messages of 400 bytes",
            "The quick brown fox jumps over it. ".repeat(11),
        ),
        (
            "code, an escape every 11 bytes",
            "let answer = ask(\"question\")?;\n".repeat(12),
        ),
        (
            "prose, one message",
            "The quick brown fox jumps over it. ".repeat(930),
        ),
    ] {
        let body = chat_body(&message);
        let limits = HeadLimits::default();
        Head::scan(Endpoint::ChatCompletions, body.as_bytes(), &limits)?;
        let cost = best(|| {
            black_box(Head::scan(
                Endpoint::ChatCompletions,
                black_box(body.as_bytes()),
                &limits,
            ))
            .is_ok()
        });
        let bytes = body.len();
        println!(
            "{:>8} ns  head scan, {bytes} bytes: {name}",
            cost.as_nanos()
        );
    }
    for (name, endpoint, event) in [
        ("chat", Endpoint::ChatCompletions, CHAT_EVENT),
        ("responses", Endpoint::Responses, RESPONSES_EVENT),
        ("messages", Endpoint::Messages, MESSAGES_EVENT),
    ] {
        let stream = event.repeat(EVENTS);
        let cost = best(|| {
            let mut sniffer = StreamSniffer::new(endpoint, 1 << 20);
            let complete = sniffer.feed(black_box(stream.as_bytes()));
            complete.is_ok() && black_box(sniffer).content()
        });
        let each = cost.as_nanos() / EVENTS as u128;
        println!("{each:>8} ns  one {name} delta, {} bytes", event.len());
    }
    Ok(())
}

/// The time that one run of `work` takes at best; it must succeed.
fn best(mut work: impl FnMut() -> bool) -> Duration {
    let mut round = || {
        let start = Instant::now();
        for _ in 0..REPEATS {
            assert!(work(), "the measured work failed");
        }
        start.elapsed() / REPEATS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

fn chat_body(content: &str) -> String {
    let message = format!("{{\"role\":\"user\",\"content\":{}}}", json_string(content));
    let count = (BODY_BYTES / message.len()).max(1);
    let messages = vec![message; count].join(",");
    format!(
        "{{\"model\":\"gpt-5-mini\",\"stream\":true,\"temperature\":0.7,\"messages\":[{messages}]}}"
    )
}

const CHAT_EVENT: &str = concat!(
    r#"data: {"id":"chatcmpl-BxQ1","object":"chat.completion.chunk","created":1795000000,"#,
    r#""model":"gpt-5-mini-2026-08-07","service_tier":"default","system_fingerprint":null,"#,
    r#""choices":[{"index":0,"delta":{"content":" over"},"logprobs":null,"finish_reason":null}],"#,
    r#""usage":null,"obfuscation":"h2K9"}"#,
    "\n\n"
);

const RESPONSES_EVENT: &str = concat!(
    "event: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","sequence_number":5,"item_id":"msg_68b1","#,
    r#""output_index":0,"content_index":0,"delta":" over","logprobs":[],"obfuscation":"h2K9"}"#,
    "\n\n"
);

const MESSAGES_EVENT: &str = concat!(
    "event: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" over"}}"#,
    "\n\n"
);
