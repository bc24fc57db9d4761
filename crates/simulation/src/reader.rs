//! How a client understands what it gets. Shares nothing with the gateway's own reading.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::read_token;
use crate::event::{Ending, Part, View};

/// Reads one answer as it comes.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    streamed: bool,
    status: u16,
    unread: Vec<u8>,
    /// Tokens that came, and the exchange that wrote the latest.
    tokens: u32,
    exchange: Option<u32>,
    /// What others wrote before it.
    earlier: Vec<Part>,
    /// Of `tokens`, those that are in `earlier`.
    before: u32,
    /// Whether it was said that another one goes on, and how often.
    goes_on: bool,
    marks: u32,
    /// Characters that came, and whether the last one was a blank.
    characters: usize,
    blank: bool,
    disorder: Option<String>,
    first_token: Option<Duration>,
    finished: bool,
    done: bool,
    error: bool,
}

impl Reader {
    pub(crate) fn new(streamed: bool) -> Self {
        Self {
            streamed,
            ..Self::default()
        }
    }

    pub(crate) const fn wants_stream(&self) -> bool {
        self.streamed
    }

    /// The status that came.
    pub(crate) const fn head(&mut self, status: u16) {
        self.status = status;
    }

    /// Bytes that came, so long after the call.
    pub(crate) fn take(&mut self, bytes: &Bytes, after: Duration) {
        self.unread.extend_from_slice(bytes);
        while self.is_stream()
            && let Some(end) = find_end(&self.unread)
        {
            let event: Vec<u8> = self.unread.drain(..end).collect();
            self.event(&event, after);
        }
    }

    /// The bytes are over.
    pub(crate) fn end(&mut self, after: Duration) {
        if self.is_stream() {
            return;
        }
        let body = std::mem::take(&mut self.unread);
        let Ok(value) = serde_json::from_slice::<Value>(&body) else {
            return;
        };
        self.error |= value.get("error").is_some();
        let choice = &value["choices"][0];
        self.words(choice["message"]["content"].as_str(), after);
        self.finished |= choice["finish_reason"].is_string();
        self.done = self.finished;
    }

    /// What the client would say.
    pub(crate) fn view(&self) -> View {
        let good = self.status == 200 && self.finished && self.done;
        let ending = match (self.error || self.status >= 400, good) {
            (true, _) => Ending::Error,
            (false, true) => Ending::Complete,
            (false, false) => Ending::Silence,
        };
        View {
            ending,
            status: self.status,
            tokens: self.tokens,
            exchange: self.exchange,
            earlier: self.earlier.clone(),
            marks: self.marks,
            disorder: self.disorder.clone(),
            first_token: self.first_token,
        }
    }

    const fn is_stream(&self) -> bool {
        self.streamed && self.status == 200
    }

    fn event(&mut self, event: &[u8], after: Duration) {
        let text = String::from_utf8_lossy(event);
        if let Some(mark) = text.strip_prefix(": orchestra recovered ") {
            return self.mark(mark.trim());
        }
        let Some(data) = text.trim().strip_prefix("data: ") else {
            return;
        };
        if self.done {
            self.blame("something behind the end");
        }
        if data == "[DONE]" {
            self.done = true;
            return;
        }
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        if value.is_null() {
            self.blame("an event that is no JSON");
        }
        self.error |= value.get("error").is_some();
        let choice = &value["choices"][0];
        self.words(choice["delta"]["content"].as_str(), after);
        self.finished |= choice["finish_reason"].is_string();
    }

    /// It is said that another one goes on from what came so far.
    fn mark(&mut self, text: &str) {
        let at = text.rsplit_once(" at=").map(|(_, at)| at.parse());
        if at != Some(Ok(self.characters)) {
            let came = self.characters;
            self.blame(&format!("{came} characters came, and then: {text}"));
        }
        if std::mem::replace(&mut self.goes_on, true) {
            self.blame("two go on at once");
        }
        self.marks += 1;
    }

    fn words(&mut self, text: Option<&str>, after: Duration) {
        for character in text.unwrap_or_default().chars() {
            let blank = character == ' ';
            if blank && self.blank {
                self.blame("a blank came twice");
            }
            self.characters += 1;
            self.blank = blank;
        }
        for word in text.unwrap_or_default().split_whitespace() {
            self.first_token.get_or_insert(after);
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        let Some((exchange, number)) = read_token(word) else {
            self.blame(&format!("a token that nobody wrote: {word}"));
            return;
        };
        if std::mem::take(&mut self.goes_on) {
            self.turn_over(exchange);
        }
        let own = *self.exchange.get_or_insert(exchange);
        let expected = (own, self.tokens - self.before);
        if self.finished || self.error {
            self.blame("a token behind the end");
        }
        if (exchange, number) != expected {
            let (own, next) = expected;
            self.blame(&format!("x{exchange}.{number} instead of x{own}.{next}"));
        }
        self.tokens += 1;
    }

    /// Another exchange goes on.
    fn turn_over(&mut self, exchange: u32) {
        let Some(dead) = self.exchange.replace(exchange) else {
            return;
        };
        if dead == exchange {
            self.blame(&format!("x{dead} goes on with itself"));
        }
        self.earlier.push(Part {
            exchange: dead,
            tokens: self.tokens - self.before,
        });
        self.before = self.tokens;
    }

    fn blame(&mut self, what: &str) {
        self.disorder.get_or_insert_with(|| what.to_owned());
    }
}

/// Where the first whole event ends.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let place = bytes.windows(2).position(|two| two == b"\n\n")?;
    Some(place + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Wire;

    fn check(pieces: &[Bytes], ending: Ending, tokens: u32, disorder: Option<&str>) {
        let mut reader = Reader::new(true);
        reader.head(200);
        let all = pieces.concat();
        // Cut where it hurts.
        for byte in all.chunks(7) {
            reader.take(&Bytes::copy_from_slice(byte), Duration::ZERO);
        }
        reader.end(Duration::ZERO);
        let view = reader.view();
        assert_eq!((view.ending, view.tokens), (ending, tokens));
        assert_eq!(view.disorder.as_deref(), disorder);
    }

    #[test]
    fn streams_are_understood() {
        let (open, end) = (Wire::Chat.opening(4), Wire::Chat.end(4, 2));
        let token = |number| Wire::Chat.piece(4, number, &crate::answer::token(4, number));
        let failed = Bytes::from_static(b"data: {\"error\":{\"message\":\"no\"}}\n\n");
        let whole = [open.clone(), token(0), token(1), end.clone()];
        check(&whole, Ending::Complete, 2, None);
        check(&whole[..3], Ending::Silence, 2, None);
        check(&[open.clone(), token(0), failed], Ending::Error, 1, None);
        let skipped = [open.clone(), token(1), end.clone()];
        check(&skipped, Ending::Complete, 1, Some("x4.1 instead of x4.0"));
        let other = |number| Wire::Chat.piece(5, number, &crate::answer::token(5, number));
        let mixed = [open.clone(), token(0), other(1), end.clone()];
        check(&mixed, Ending::Complete, 2, Some("x5.1 instead of x4.1"));
        let mark = |at: u32| Bytes::from(format!(": orchestra recovered from=a to=b at={at}\n\n"));
        let gone_on = [open.clone(), token(0), mark(5), other(0), end.clone()];
        check(&gone_on, Ending::Complete, 2, None);
        let miscounted = [open, token(0), mark(4), other(0), end];
        let told = "5 characters came, and then: from=a to=b at=4";
        check(&miscounted, Ending::Complete, 2, Some(told));
    }

    #[test]
    fn answers_in_one_piece_are_understood() {
        let read = |status, body: &Bytes| {
            let mut reader = Reader::new(false);
            reader.head(status);
            reader.take(body, Duration::ZERO);
            reader.end(Duration::ZERO);
            let view = reader.view();
            (view.ending, view.tokens)
        };
        let whole = Wire::Chat.whole(4, 2);
        assert_eq!(read(200, &whole), (Ending::Complete, 2));
        assert_eq!(read(200, &whole.slice(..40)), (Ending::Silence, 0));
        assert_eq!(read(503, &Wire::Chat.error(503)), (Ending::Error, 0));
    }
}
