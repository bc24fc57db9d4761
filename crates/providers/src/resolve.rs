//! The answer to "who serves this model?".

use std::fmt;

use orchestra_types::{ModelId, ProviderId};

/// A model at a provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// An active provider.
    pub provider: ProviderId,
    /// The model, as that provider knows it.
    pub model: ModelId,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// Why nobody serves a model. The messages are meant for the client that asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name is empty, or nothing follows its provider.
    #[error("the model is empty: write its name, such as \"openai/gpt-5-mini\"")]
    EmptyModel,
    /// Nobody is known to serve it.
    #[error(
        "no configured provider serves the model {name:?}{}",
        suggestion(nearest)
    )]
    Unknown {
        /// As it was asked for; shortened if it is very long.
        name: String,
        /// Up to three names that exist and are close to it, the closest first.
        nearest: Vec<String>,
    },
    /// It is known who would, but that provider is not configured.
    #[error(
        "the model {name:?} belongs to the provider {provider:?}, which is not configured: {}",
        remedy(provider, key_names)
    )]
    NotConfigured {
        /// As it was asked for; shortened if it is very long.
        name: String,
        /// The kind of the provider in the catalogue.
        provider: String,
        /// Environment variables that would activate it, the usual one first.
        key_names: Vec<String>,
    },
}

fn suggestion(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return ": write \"provider/model\", or list the model at its provider".to_owned();
    }
    let quoted: Vec<String> = nearest.iter().map(|name| format!("{name:?}")).collect();
    format!(": did you mean {}?", quoted.join(" or "))
}

fn remedy(provider: &str, key_names: &[String]) -> String {
    match key_names.first() {
        Some(key) => format!("set {key}, or add {provider} to the configuration"),
        None => format!("add {provider} to the configuration"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_to_do() {
        let unknown = |nearest: &[&str]| {
            let nearest = nearest.iter().map(|&name| name.to_owned()).collect();
            ResolveError::Unknown {
                name: "gpt5".to_owned(),
                nearest,
            }
            .to_string()
        };
        assert!(unknown(&["gpt-5", "o3"]).ends_with("did you mean \"gpt-5\" or \"o3\"?"));
        assert!(unknown(&[]).contains("provider/model"));

        let inactive = |key_names: &[&str]| {
            let key_names = key_names.iter().map(|&name| name.to_owned()).collect();
            let (name, provider) = ("gpt-5".to_owned(), "openai".to_owned());
            ResolveError::NotConfigured {
                name,
                provider,
                key_names,
            }
            .to_string()
        };
        assert!(inactive(&["OPENAI_API_KEY"]).contains("set OPENAI_API_KEY"));
        assert!(inactive(&[]).ends_with("add openai to the configuration"));
    }

    #[test]
    fn a_name_cannot_break_a_log_line() {
        let name = "a\r\nb".to_owned();
        let message = ResolveError::Unknown {
            name,
            nearest: vec![],
        }
        .to_string();
        assert!(!message.contains(['\r', '\n']));
    }
}
