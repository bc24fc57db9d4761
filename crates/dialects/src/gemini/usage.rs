//! Gemini's token counts, written, and what stands among them (google-genai, `types.GenerateContentResponseUsageMetadata`).

use orchestra_types::Usage;

use crate::canonical::Extras;
use crate::json::{ObjectWriter, Raw};

use super::carry::keep;
use super::name::fields_if_any;

/// What counts tokens: the totals, and how they are split by modality.
const COUNTS: [&str; 10] = [
    "promptTokenCount",
    "cachedContentTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "totalTokenCount",
    "promptTokensDetails",
    "cacheTokensDetails",
    "candidatesTokensDetails",
    "toolUsePromptTokensDetails",
];

/// The tier that served the call, which stands among the counts.
pub(super) fn service_tier(metadata: Raw<'_>) -> Option<String> {
    let tier = metadata.member("serviceTier")?.text()?;
    (!tier.is_empty()).then(|| tier.into_owned())
}

/// Keeps what else stands among the counts.
pub(super) fn keep_the_rest(extras: &mut Extras, metadata: Raw<'_>) {
    for field in fields_if_any(metadata) {
        if field.name != "serviceTier" && !COUNTS.contains(&&*field.name) {
            keep(extras, "usageMetadata", &field);
        }
    }
}

/// Writes the members of `usageMetadata`. What was written to a cache has no counter of its own and is
/// part of the prompt.
pub(super) fn write(object: &mut ObjectWriter<'_>, usage: &Usage) {
    let (input, output) = (usage.total_input(), usage.total_output());
    object.count("promptTokenCount", input);
    if usage.cache_read > 0 {
        object.count("cachedContentTokenCount", usage.cache_read);
    }
    let candidates = usage.output.saturating_add(usage.audio_output);
    object.count("candidatesTokenCount", candidates);
    if usage.reasoning > 0 {
        object.count("thoughtsTokenCount", usage.reasoning);
    }
    object.count("totalTokenCount", input.saturating_add(output));
    write_audio(object, "promptTokensDetails", usage.audio_input, input);
    write_audio(
        object,
        "candidatesTokensDetails",
        usage.audio_output,
        candidates,
    );
}

fn write_audio(object: &mut ObjectWriter<'_>, name: &str, audio: u64, all: u64) {
    if audio == 0 {
        return;
    }
    object.list(name, |list| {
        for (modality, count) in [("TEXT", all.saturating_sub(audio)), ("AUDIO", audio)] {
            list.object(|entry| {
                entry.text("modality", modality);
                entry.count("tokenCount", count);
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Raw, Writer};
    use crate::usage::of_gemini;

    #[test]
    fn what_is_written_is_read_again() {
        let usage = Usage {
            input: 1,
            cache_read: 2,
            audio_input: 3,
            output: 4,
            reasoning: 5,
            audio_output: 6,
            ..Usage::default()
        };
        let written = Writer::object(|object| write(object, &usage));
        assert_eq!(of_gemini(Raw::of_validated(&written)), Some(usage));
    }
}
