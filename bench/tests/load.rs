//! The load driver against scripted answers: what it counts, and what it must not count.
#![expect(clippy::unwrap_used, reason = "in a test, to fail is to report")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use serde_json::Value;

/// Answers every request on every connection with the same bytes.
fn serve(answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || answer_all(&socket, &answer));
        }
    });
    addr
}

fn answer_all(mut socket: &TcpStream, answer: &str) {
    let mut reader = BufReader::new(socket);
    // The driver ends in the middle of things; then there is nobody left to answer.
    while read_request(&mut reader).is_some() && socket.write_all(answer.as_bytes()).is_ok() {}
}

fn read_request(reader: &mut impl BufRead) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()
}

fn drive(addr: SocketAddr, more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["--addr", &addr.to_string(), "--conns", "2"])
        .args(["--warmup", "0", "--duration", "0.5"])
        .args(["--cpu-pid", &std::process::id().to_string()])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

const WHOLE: &str = "data: {\"a\":1}\n\ndata: [DONE]\n\n";
const CUT: &str = "data: {\"a\":1}\n\n";

#[test]
fn whole_answers_are_counted() {
    let report = drive(serve(answer("200 OK", "{}")), &[]);
    assert!(report["done"].as_u64() > Some(0), "{report}");
    assert_eq!(report["errors"], serde_json::json!({}), "{report}");
    assert!(report["latency"]["p50_us"].as_f64() > Some(0.0), "{report}");
    assert_eq!(
        report["cpu"].is_object(),
        cfg!(target_os = "linux"),
        "{report}"
    );
}

#[test]
fn a_stream_is_done_only_at_its_terminal_event() {
    let report = drive(serve(answer("200 OK", WHOLE)), &["--stream"]);
    assert!(report["done"].as_u64() > Some(0), "{report}");
    assert!(report["first_event"].is_object(), "{report}");

    let report = drive(serve(answer("200 OK", CUT)), &["--stream"]);
    assert_eq!(report["done"], 0, "{report}");
    assert!(report["errors"]["truncated"].as_u64() > Some(0), "{report}");
}

#[test]
fn refusals_are_errors() {
    let report = drive(serve(answer("503 Busy", "{}")), &[]);
    assert_eq!(report["done"], 0, "{report}");
    assert!(report["errors"]["status"].as_u64() > Some(0), "{report}");
}
