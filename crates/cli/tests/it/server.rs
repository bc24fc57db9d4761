//! A running gateway, and a client of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::canary;
use crate::place::Place;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `orchestra serve`, as talkative as it can be.
pub(crate) struct Server {
    child: Child,
    log: Arc<Log>,
    address: String,
    watched: Vec<String>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<String>,
    more: Condvar,
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start(place: &Place) -> Self {
        let mut child = place
            .command(["serve", "--log", "trace"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        read_on(child.stdout.take().unwrap(), Arc::clone(&log));
        read_on(child.stderr.take().unwrap(), Arc::clone(&log));
        let mut server = Self {
            child,
            log,
            address: String::new(),
            watched: place.watched(),
        };
        let line = server.says("listening on http://");
        let address = line.split("listening on http://").nth(1).unwrap();
        server.address = address.split_whitespace().next().unwrap().to_owned();
        server
    }

    /// Waits for a line of the log with these words.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{words}` was never said:\n{lines}");
            lines = self.log.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Asks a model something.
    pub(crate) async fn chat(&self, model: &str) -> Answer {
        let body = format!(
            "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}"
        );
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close";
        self.send(format!(
            "{head}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        ))
        .await
    }

    async fn send(&self, request: String) -> Answer {
        let mut client = TcpStream::connect(&self.address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(
            canary::find(answer.as_bytes(), &self.watched),
            None,
            "{answer}"
        );
        Answer {
            status,
            body: body.to_owned(),
        }
    }

    /// Asks for the same until the answer is as it shall be.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops it in order. No canary may be in its log.
    #[track_caller]
    pub(crate) fn stops(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0));
        self.says("stopped");
        let log = self.log.lines.lock().unwrap().clone();
        if let Some(secret) = canary::find(log.as_bytes(), &self.watched) {
            panic!("`{secret}` is in the log:\n{log}");
        }
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_on(output: impl std::io::Read + Send + 'static, log: Arc<Log>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            log.lines.lock().unwrap().push_str(&(line + "\n"));
            log.more.notify_all();
        }
    });
}
