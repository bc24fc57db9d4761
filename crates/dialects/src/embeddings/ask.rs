//! What of a request matters on the way.

use crate::json::{JsonKind, Raw};
use crate::{Head, Inexpressible};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddingsAsk {
    /// The form of the vectors, if it is one of OpenAI's two: some servers know others.
    pub form: Option<VectorForm>,
    /// Whether the input is token ids in place of text.
    pub token_ids: bool,
}

/// How a vector is written (`encoding_format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VectorForm {
    /// A list of numbers.
    #[default]
    Float,
    /// The base64 of its 32-bit floats, the lowest byte first.
    Base64,
}

impl VectorForm {
    /// OpenAI's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Base64 => "base64",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Float, Self::Base64]
            .into_iter()
            .find(|form| form.as_str() == word)
    }
}

impl EmbeddingsAsk {
    /// Reads the request `body`, of which `head` was scanned.
    #[must_use]
    pub fn of(body: &[u8], head: &Head) -> Self {
        let value = |name| {
            let span = head.member(name)?.value.clone();
            let text = std::str::from_utf8(body.get(span)?).ok()?;
            Raw::of_validated(text).unless_null()
        };
        let form = match value("encoding_format").map(Raw::text) {
            None => Some(VectorForm::default()),
            Some(word) => word.and_then(|word| VectorForm::parse(&word)),
        };
        Self {
            form,
            token_ids: value("input").is_some_and(holds_token_ids),
        }
    }

    /// Checks that a target can be asked: `token_ids` tells whether it takes token ids in place of text.
    ///
    /// # Errors
    /// [`Inexpressible`] if it is asked for what it does not take. Text cannot stand for token ids here: whose they
    /// are, only the client knows.
    pub fn check(self, token_ids: bool) -> Result<(), Inexpressible> {
        if self.token_ids && !token_ids {
            return Err(Inexpressible::new(
                "input",
                "holds token ids, which this target does not take; send the text (LangChain: check_embedding_ctx_length=False)",
            ));
        }
        Ok(())
    }
}

/// Whether an input is a list of numbers, or a list of such lists. The first item tells: what mixes
/// both is for the provider to refuse.
fn holds_token_ids(input: Raw<'_>) -> bool {
    let first = input.items().next();
    match first.and_then(Raw::kind) {
        Some(JsonKind::Number) => true,
        Some(JsonKind::List) => first.is_some_and(holds_token_ids),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, HeadLimits};

    fn ask(members: &str) -> EmbeddingsAsk {
        let body = format!(r#"{{"model":"m",{members}}}"#);
        let head = Head::scan(
            Endpoint::Embeddings,
            body.as_bytes(),
            &HeadLimits::default(),
        );
        EmbeddingsAsk::of(body.as_bytes(), &head.expect("a sound body"))
    }

    #[test]
    fn the_form_is_float_unless_another_is_named() {
        for (member, expected) in [
            (r#""user":"u""#, Some(VectorForm::Float)),
            (r#""encoding_format":null"#, Some(VectorForm::Float)),
            (r#""encoding_format":"float""#, Some(VectorForm::Float)),
            (r#""encoding_format":"base64""#, Some(VectorForm::Base64)),
            (
                r#""encoding_format":"b\u0061se64""#,
                Some(VectorForm::Base64),
            ),
            (r#""encoding_format":"int8""#, None),
            (r#""encoding_format":["float"]"#, None),
        ] {
            assert_eq!(
                ask(&format!(r#""input":"a",{member}"#)).form,
                expected,
                "{member}"
            );
        }
    }

    #[test]
    fn token_ids_are_told_from_text() {
        for (input, expected) in [
            (r#""text""#, false),
            (r#"["a","b"]"#, false),
            ("[]", false),
            ("[[]]", false),
            ("[1,2]", true),
            ("[[1,2],[3]]", true),
            (r#"[{"text":"a"}]"#, false),
        ] {
            let ask = ask(&format!(r#""input":{input}"#));
            assert_eq!(ask.token_ids, expected, "{input}");
            assert_eq!(ask.check(true), Ok(()));
            assert_eq!(ask.check(false).is_err(), expected);
        }
        let error = ask(r#""input":[1]"#).check(false).unwrap_err();
        assert_eq!(
            (&*error.path, error.code),
            ("input", "unsupported_by_target")
        );
    }
}
