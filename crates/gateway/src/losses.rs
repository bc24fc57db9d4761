//! What a translation lost, for the client and for the record.

use std::fmt::Write as _;

use http::HeaderValue;
use orchestra_dialects::{Loss, LossKind};

/// What did not reach the other side of a call as it was written. See [`LossKind`] for the kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossTally {
    /// Fields that are gone.
    pub dropped: usize,
    /// Fields in whose place something like them was sent.
    pub approximated: usize,
    /// Fields that nobody wrote and the other side needs.
    pub defaulted: usize,
    /// The first of them.
    pub first: Vec<Loss>,
}

impl LossTally {
    /// How many are listed one by one: enough for a person to see what is wrong, and no more than a header holds.
    const LISTED: usize = 64;
    /// The longest value of a response header that lists them. Proxies and clients commonly allow 8 KiB for all
    /// headers together.
    const HEADER_BYTES: usize = 2048;

    /// How many there are of all kinds.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.dropped
            .saturating_add(self.approximated)
            .saturating_add(self.defaulted)
    }

    pub(crate) fn add(&mut self, losses: &[Loss]) {
        for loss in losses {
            match loss.kind {
                LossKind::Dropped => self.dropped += 1,
                LossKind::Approximated => self.approximated += 1,
                LossKind::Defaulted => self.defaulted += 1,
            }
        }
        let room = Self::LISTED.saturating_sub(self.first.len());
        self.first.extend(losses.iter().take(room).cloned());
    }

    /// `path=kind, path=kind`, and `...(+n)` for those that are not listed; `None` if nothing was lost.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        const REST: usize = "...(+18446744073709551615)".len();
        let mut text = String::new();
        let mut shown = 0;
        for loss in &self.first {
            let entry = format!("{}={}", tame(&loss.path), loss.kind.as_str());
            let separator = if shown == 0 { "" } else { ", " };
            if text.len() + separator.len() + entry.len() + REST > Self::HEADER_BYTES {
                break;
            }
            text.push_str(separator);
            text.push_str(&entry);
            shown += 1;
        }
        let rest = self.total() - shown;
        if rest > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "...(+{rest})");
        }
        HeaderValue::try_from(text)
            .ok()
            .filter(|text| !text.is_empty())
    }
}

/// A path with nothing in it that a header or the list around it could be broken with: names of unknown fields
/// are the client's own.
fn tame(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"%,=\"".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use orchestra_dialects::Dialect;

    use super::*;

    fn loss(path: &str, kind: LossKind) -> Loss {
        Loss {
            path: path.to_owned(),
            kind,
            from: Dialect::OpenAiChat,
            to: Dialect::AnthropicMessages,
        }
    }

    fn header(losses: &[Loss]) -> Option<String> {
        let mut tally = LossTally::default();
        tally.add(losses);
        let header = tally.header()?;
        Some(header.to_str().expect("visible ASCII").to_owned())
    }

    #[test]
    fn a_header_lists_path_and_kind() {
        assert_eq!(header(&[]), None);
        let losses = [
            loss("messages[0].name", LossKind::Dropped),
            loss("temperature", LossKind::Approximated),
            loss("max_tokens", LossKind::Defaulted),
        ];
        assert_eq!(
            header(&losses).unwrap(),
            "messages[0].name=dropped, temperature=approximated, max_tokens=defaulted"
        );
    }

    #[test]
    fn a_header_stays_short_and_counts_the_rest() {
        let losses: Vec<Loss> = (0..1000)
            .map(|index| loss(&format!("messages[{index}].name"), LossKind::Dropped))
            .collect();
        let text = header(&losses).unwrap();
        assert!(text.len() <= 2048 && text.ends_with("...(+936)"), "{text}");
        let long = [loss(&"x".repeat(5000), LossKind::Dropped)];
        assert_eq!(header(&long).unwrap(), "...(+1)");
    }

    #[test]
    fn a_clients_names_cannot_break_the_header() {
        let hostile = [loss(
            "a\r\nset-cookie: b=c, d=e\u{e9}%\"",
            LossKind::Dropped,
        )];
        assert_eq!(
            header(&hostile).unwrap(),
            "a%0D%0Aset-cookie:%20b%3Dc%2C%20d%3De%C3%A9%25%22=dropped"
        );
    }
}
