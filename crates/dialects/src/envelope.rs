//! Thoughts that only their own provider can read, on their way through a client of another dialect.
//!
//! A signature or encrypted thoughts must come back to their provider as they were, but the client
//! in between keeps them in a field of its own dialect (`signature`, `encrypted_content`). The
//! envelope is what stands there: a mark, whose it is, and the values. A provider that receives a
//! foreign signature refuses the whole call, so whoever passes a body on unread looks for
//! [`ENVELOPE_MARK`] first.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Dialect;
use crate::canonical::Reasoning;
use crate::json::{Raw, Rules, Writer};

/// How every envelope begins.
pub const ENVELOPE_MARK: &str = "orchestra-v1.";

/// Puts the signature, encryption and id of thoughts into one text that any client carries along.
/// `None` if there is nothing to carry.
pub(crate) fn seal(reasoning: &Reasoning) -> Option<String> {
    let proven = reasoning.signature.is_some() || reasoning.encrypted.is_some();
    let origin = reasoning.origin.filter(|_| proven)?;
    Some(mark(reasoning, origin))
}

/// The same for thoughts that a client of another dialect is shown, whether there is anything to carry or not.
/// They are those of `from` if they do not say whose they are.
///
/// Clients of Messages and Responses hand back signed or encrypted thoughts only, and a provider that is
/// handed the thoughts of another must be able to tell.
pub(crate) fn mark(reasoning: &Reasoning, from: Dialect) -> String {
    let origin = reasoning.origin.unwrap_or(from);
    let payload = Writer::object(|object| {
        object.text_if("signature", reasoning.signature.as_deref());
        object.text_if("encrypted", reasoning.encrypted.as_deref());
        object.text_if("id", reasoning.id.as_deref());
    });
    let payload = URL_SAFE_NO_PAD.encode(payload);
    format!("{ENVELOPE_MARK}{}.{payload}", origin.name())
}

/// Takes out what [`seal`] put in, without the texts; `None` if it is no envelope.
pub(crate) fn open(text: &str) -> Option<Reasoning> {
    let (origin, payload) = text.strip_prefix(ENVELOPE_MARK)?.split_once('.')?;
    let origin = Dialect::ALL.into_iter().find(|d| d.name() == origin)?;
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let [signature, encrypted, id] = Raw::parse(&payload, Rules::ANSWER)
        .ok()?
        .pick(["signature", "encrypted", "id"])
        .map(|value| value.and_then(Raw::text).map(Into::into));
    Some(Reasoning {
        signature,
        encrypted,
        id,
        origin: Some(origin),
        ..Reasoning::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_comes_out_again() {
        let thoughts = Reasoning {
            signature: Some("sig+/=\"é".into()),
            encrypted: Some("gAAAA".into()),
            id: Some("rs_1".into()),
            origin: Some(Dialect::OpenAiResponses),
            ..Reasoning::default()
        };
        let sealed = seal(&thoughts).expect("something to carry");
        assert!(sealed.starts_with(ENVELOPE_MARK));
        assert_eq!(open(&sealed), Some(thoughts));
    }

    #[test]
    fn thoughts_without_proof_are_marked_as_whose_they_are() {
        let plain = Reasoning::default();
        let marked = mark(&plain, Dialect::OpenAiChat);
        let origin = open(&marked).and_then(|thoughts| thoughts.origin);
        assert_eq!(origin, Some(Dialect::OpenAiChat));
        let gemini = Reasoning {
            origin: Some(Dialect::Gemini),
            ..Reasoning::default()
        };
        assert_eq!(open(&mark(&gemini, Dialect::OpenAiChat)), Some(gemini));
    }

    #[test]
    fn everything_else_is_no_envelope() {
        for text in [
            "",
            "ErUBCkYIBBgCIkD",
            "orchestra-v1.",
            "orchestra-v1.nobody.e30",
            "orchestra-v1.gemini.!!",
            "orchestra-v1.gemini.e",
        ] {
            assert_eq!(open(text), None, "{text}");
        }
        assert_eq!(seal(&Reasoning::default()), None);
    }
}
