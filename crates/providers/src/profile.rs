//! What a provider's models can do of the dialects they are spoken to in, as it is written down.

use orchestra_dialects::{Continues, MaxTokensName, Profile, ReasoningControl};
use serde::Deserialize;

use crate::pattern::Glob;

/// Writes a row whose fields are those of [`Profile`], each of which may be absent.
macro_rules! profile_row {
    ($($(#[$doc:meta])+ $field:ident: $kind:ty,)+) => {
        /// What is written of a [`Profile`]. A field that is left out stays as it is below.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ProfileRow {
            $($(#[$doc])+ pub $field: Option<$kind>,)+
        }

        impl ProfileRow {
            /// This row with every field replaced that `over` names.
            #[must_use]
            pub fn overlay(&self, over: &Self) -> Self {
                Self { $($field: over.$field.or(self.$field),)+ }
            }

            /// `below` with every field replaced that this row names.
            #[must_use]
            pub fn laid_over(&self, below: &Profile) -> Profile {
                Profile { $($field: self.$field.unwrap_or(below.$field),)+ }
            }
        }
    };
}

profile_row! {
    /// The limit of output tokens to send where the dialect needs one and the client set none.
    default_max_output_tokens: u64,
    /// Whether the role `developer` is known.
    developer_role: bool,
    /// What the limit of output tokens is called in Chat.
    max_tokens_name: MaxTokensName,
    /// Whether an answer can be held to a JSON Schema.
    json_schema: bool,
    /// Whether images, audio and documents are taken.
    media: bool,
    /// How thinking is asked for.
    reasoning: ReasoningControl,
    /// Whether thoughts of earlier turns are returned as `reasoning_content`.
    reasoning_content: bool,
    /// Whether `temperature`, `top_p` and `top_k` are taken.
    sampling: bool,
    /// Whether `n`, `seed`, `logit_bias`, `logprobs` and the penalties are taken.
    sampling_extras: bool,
    /// Whether a stream may be asked for its usage with `stream_options`.
    stream_options: bool,
    /// Whether the fields of OpenAI's own service are taken.
    openai_fields: bool,
    /// Whether custom tools are taken.
    custom_tools: bool,
    /// Whether vectors may be asked for in base64.
    embedding_base64: bool,
    /// Whether token ids may stand for the text that is embedded.
    embedding_token_ids: bool,
    /// How the model is asked to go on from the beginning of an answer.
    continues: Continues,
}

/// What is different for some of a provider's models.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelProfileRow {
    /// Their names, as the provider knows them; `*` stands for any characters, anywhere.
    pub models: Vec<String>,
    /// What is different.
    pub profile: ProfileRow,
}

/// The profiles of a provider, ready to be asked for a model's.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    usual: Profile,
    special: Vec<(Vec<Glob>, ProfileRow)>,
}

impl Profiles {
    /// On failure returns the name at fault.
    pub(crate) fn parse(
        usual: Option<&ProfileRow>,
        special: Option<&[ModelProfileRow]>,
    ) -> Result<Self, String> {
        let read = |row: &ModelProfileRow| {
            let globs = row
                .models
                .iter()
                .map(|text| Glob::parse(text).ok_or_else(|| text.clone()));
            Ok((globs.collect::<Result<_, String>>()?, row.profile.clone()))
        };
        Ok(Self {
            usual: usual
                .cloned()
                .unwrap_or_default()
                .laid_over(&Profile::default()),
            special: special
                .unwrap_or_default()
                .iter()
                .map(read)
                .collect::<Result<_, String>>()?,
        })
    }

    /// The usual profile with all that is different for `model`, later entries over earlier ones.
    pub(crate) fn of(&self, model: &str) -> Profile {
        let meant = |(globs, _): &&(Vec<Glob>, ProfileRow)| globs.iter().any(|g| g.matches(model));
        self.special
            .iter()
            .filter(meant)
            .fold(self.usual.clone(), |profile, (_, row)| {
                row.laid_over(&profile)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> ProfileRow {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_written_is_the_vendors_own_api() {
        assert_eq!(
            Profiles::parse(None, None).unwrap().of("any"),
            Profile::default()
        );
    }

    #[test]
    fn what_is_written_of_a_model_lies_over_the_usual_and_later_over_earlier() {
        let special = |models: &str, text: &str| ModelProfileRow {
            models: vec![models.to_owned()],
            profile: row(text),
        };
        let usual = row("sampling = false\ndefault_max_output_tokens = 64000");
        let profiles = Profiles::parse(
            Some(&usual),
            Some(&[
                special("m-*-4*", "sampling = true"),
                special(
                    "m-*-4-0*",
                    "reasoning = 'budget'\ndefault_max_output_tokens = 8",
                ),
            ]),
        )
        .unwrap();
        let seen = |model| {
            let profile = profiles.of(model);
            (
                profile.sampling,
                profile.reasoning,
                profile.default_max_output_tokens,
            )
        };
        assert_eq!(seen("m-a-5"), (false, ReasoningControl::Effort, 64_000));
        assert_eq!(seen("m-a-4-5"), (true, ReasoningControl::Effort, 64_000));
        assert_eq!(seen("m-a-4-0"), (true, ReasoningControl::Budget, 8));
    }

    #[test]
    fn a_profile_that_is_no_profile_is_refused() {
        for text in [
            "temperature = true",
            "sampling = 'yes'",
            "reasoning = 'hard'",
            "continues = true",
            "continues = 'always'",
        ] {
            assert!(
                toml::from_str::<ProfileRow>(text).is_err(),
                "{text} was accepted"
            );
        }
        let blank = ModelProfileRow {
            models: vec![String::new()],
            profile: ProfileRow::default(),
        };
        assert_eq!(
            Profiles::parse(None, Some(&[blank])).unwrap_err(),
            String::new()
        );
    }
}
