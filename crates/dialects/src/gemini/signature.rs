//! Proof of thoughts in the field that Gemini has for it.
//!
//! `thoughtSignature` is bytes, base64 in JSON, and the SDKs decode it. So the envelope of a foreign proof is
//! put into base64 once more; SDKs hand it back in either alphabet (google-genai writes base64url).

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::canonical::{Reasoning, ReasoningForm};
use crate::{Dialect, envelope};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Stands for the signature of a call that another model made. Gemini 3 refuses a call of the running turn
/// without one, and takes this in its place (ai.google.dev/gemini-api/docs/thought-signatures, FAQ).
pub(super) const FOREIGN_CALL: &str = "skip_thought_signature_validator";

/// The thoughts whose proof this is: Gemini's own, or another provider's in an envelope. A proof that `signs`
/// the thoughts themselves is kept apart from one that signs what follows from them.
pub(super) fn read(signature: String, signs: Signs) -> Reasoning {
    if let Some(foreign) = open(&signature) {
        return foreign;
    }
    let (encrypted, signature) = match signs {
        Signs::Thoughts => (Some(signature), None),
        Signs::WhatFollows => (None, Some(signature)),
    };
    Reasoning {
        signature,
        encrypted,
        origin: Some(Dialect::Gemini),
        form: ReasoningForm::Summary,
        ..Reasoning::default()
    }
}

/// What a signature stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signs {
    /// A part with `thought: true`: held as `encrypted`.
    Thoughts,
    /// The call, text or picture that the thoughts led to: held as `signature`.
    WhatFollows,
}

/// The `thoughtSignature` that tells whose thoughts these are, and holds their proof if there is any. They are those of
/// `from` if they do not say.
pub(super) fn mark(reasoning: &Reasoning, from: Dialect) -> String {
    PLAIN.encode(envelope::mark(reasoning, from))
}

fn open(signature: &str) -> Option<Reasoning> {
    let bytes = PLAIN.decode(signature).or_else(|_| URL.decode(signature));
    envelope::open(std::str::from_utf8(&bytes.ok()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign() -> Reasoning {
        Reasoning {
            signature: Some("ErUBCkYIBBgCIkD??>>".into()),
            origin: Some(Dialect::AnthropicMessages),
            ..Reasoning::default()
        }
    }

    #[test]
    fn a_foreign_proof_comes_out_again_in_either_alphabet() {
        let sealed = mark(&foreign(), Dialect::OpenAiChat);
        assert_eq!(read(sealed.clone(), Signs::Thoughts), foreign());
        let url = sealed.replace('+', "-").replace('/', "_").replace('=', "");
        assert_eq!(read(url, Signs::WhatFollows), foreign());
    }

    #[test]
    fn its_own_proof_is_kept_as_it_is() {
        let on_call = read("CiQB+/8=".into(), Signs::WhatFollows);
        assert_eq!(on_call.signature.as_deref(), Some("CiQB+/8="));
        let on_thought = read("no base64!".into(), Signs::Thoughts);
        assert_eq!(on_thought.encrypted.as_deref(), Some("no base64!"));
        assert_eq!(on_thought.origin, Some(Dialect::Gemini));
    }
}
