//! Names and identifiers.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::Rng;

/// A name that breaks the rules of [`ProviderId`] or [`KeyId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName {
    /// The name as it was given.
    pub name: String,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no valid name: use 1 to 64 characters of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit",
            self.name
        )
    }
}

impl std::error::Error for InvalidName {}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// The name of a configured provider, such as `openai` or `my-vllm`.
    ///
    /// It appears in URLs (`/{provider}/...`) and in `provider/model`, so its alphabet is small:
    /// 1 to 64 characters of `a-z`, `0-9`, `-`, `_`, `.`, beginning with a letter or digit.
    ProviderId
}

text_id! {
    /// The public name of a client's key: safe to log, useless to a thief. Same alphabet as [`ProviderId`].
    KeyId
}

text_id! {
    /// A model's name as the provider knows it, such as `gpt-5-mini` or `meta-llama/Llama-4-Scout`.
    ModelId
}

/// Whether `name` fits [`ProviderId`] and [`KeyId`].
fn is_name(name: &str) -> bool {
    let tame = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 64
        && name.bytes().next().is_some_and(tame)
        && name
            .bytes()
            .all(|b| tame(b) || matches!(b, b'-' | b'_' | b'.'))
}

impl ProviderId {
    /// Checks and keeps a provider's name.
    ///
    /// # Errors
    /// [`InvalidName`] if it has other characters or another length than the type allows.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if is_name(name) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidName {
                name: name.to_owned(),
            })
        }
    }
}

impl KeyId {
    /// Checks and keeps a key's public name.
    ///
    /// # Errors
    /// [`InvalidName`] if it has other characters or another length than the type allows.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if is_name(name) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidName {
                name: name.to_owned(),
            })
        }
    }
}

impl ModelId {
    /// Keeps a model's name as it is: vendors put slashes, colons and capitals in theirs.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

/// The identity of one call, minted by the gateway and never taken from a client.
///
/// Printed as `call_` and 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u128);

impl CallId {
    /// Draws a new identity.
    pub fn random(rng: &dyn Rng) -> Self {
        Self((u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64()))
    }
}

impl CallId {
    const PREFIX: &[u8; 5] = b"call_";

    /// The printed form as bytes, for headers: no formatter, no allocation.
    #[must_use]
    pub fn to_ascii(self) -> [u8; 37] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 37];
        let (prefix, digits) = text.split_at_mut(Self::PREFIX.len());
        prefix.copy_from_slice(Self::PREFIX);
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0.to_be_bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call_{:032x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn provider_names_fit_a_url() {
        for good in ["openai", "my-vllm", "a", "0x", "gpt_4.1"] {
            assert_eq!(ProviderId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "OpenAI", "a/b", "-a", ".a", "a b", "é", &"a".repeat(65)] {
            assert!(ProviderId::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn call_ids_print_at_one_width() {
        let id = CallId::random(&SeededRng::new(0));
        assert_eq!(id.to_string().len(), "call_".len() + 32);
        assert_eq!(id.to_string().as_bytes(), id.to_ascii());
    }
}
