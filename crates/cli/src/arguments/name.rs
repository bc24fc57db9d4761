//! The name of a secret, where somebody may have typed the secret.

use orchestra_secrets::{InvalidName, Name};

/// A text that is not taken for a name. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoName {
    /// It has other characters than names have.
    #[error(transparent)]
    Invalid(#[from] InvalidName),
    /// It looks like what a name stands for.
    #[error(
        "this looks like a secret, where the name of one belongs. It is not repeated here, but the history of your shell \
         has it: remove it there"
    )]
    Secret,
}

/// Reads a name.
pub(crate) fn parse(text: &str) -> Result<Name, NoName> {
    let name: Name = text.parse()?;
    if looks_like_a_key(name.name()) {
        return Err(NoName::Secret);
    }
    Ok(name)
}

/// How the keys of providers begin, many of them.
const BEGINNINGS: [&str; 10] = [
    "sk-", "sk_", "pk-", "pk_", "gsk_", "xai-", "AIza", "pplx-", "csk-", "fw_",
];

/// A long run of letters of both kinds and digits is nobody's idea of a name.
fn looks_like_a_key(name: &str) -> bool {
    const LONG: usize = 20;
    let random = |run: &str| {
        run.len() >= LONG
            && run.bytes().any(|b| b.is_ascii_digit())
            && run.bytes().any(|b| b.is_ascii_lowercase())
            && run.bytes().any(|b| b.is_ascii_uppercase())
    };
    BEGINNINGS.iter().any(|begin| name.starts_with(begin))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_place_of_its_name_is_noticed() {
        for text in [
            "sk-proj-x",
            "gsk_x",
            "acme/AIzaSyD3x",
            "x-aB3dE6gH9jK2mN5pQ8sT",
        ] {
            assert_eq!(parse(text), Err(NoName::Secret), "{text}");
        }
        for text in [
            "OPENAI_API_KEY",
            "acme/Prod-OpenAI-Key-Europe-2026",
            "gpt-6.1-astra-key",
            "STRIPE_SK_LIVE",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("A B"), Err(NoName::Invalid(InvalidName)));
    }
}
