//! Gemini's token counts (`UsageMetadata` of google-genai 3.4.0).

use orchestra_types::Usage;

use super::read::take;
use crate::json::Raw;

/// Reads `usageMetadata`; `None` if it holds neither count.
///
/// The prompt includes what came from the cache, but not what the provider's own tools added to it; the candidates
/// do not include the thoughts.
pub(crate) fn of_gemini(usage: Raw<'_>) -> Option<Usage> {
    let [
        prompt,
        cached,
        tools,
        candidates,
        thoughts,
        prompt_details,
        cache_details,
        details,
    ] = usage.pick([
        "promptTokenCount",
        "cachedContentTokenCount",
        "toolUsePromptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "promptTokensDetails",
        "cacheTokensDetails",
        "candidatesTokensDetails",
    ]);
    let count = |value: Option<Raw<'_>>| value.and_then(Raw::count);
    count(prompt).or_else(|| count(candidates))?;
    let mut input = count(prompt).unwrap_or_default();
    let mut output = count(candidates).unwrap_or_default();
    let cache_read = take(&mut input, count(cached));
    // The prompt's audio includes what came from the cache.
    let audio_of_cache = cache_details.and_then(audio).unwrap_or_default();
    let fresh_audio = prompt_details
        .and_then(audio)
        .map(|audio| audio.saturating_sub(audio_of_cache));
    let audio_input = take(&mut input, fresh_audio);
    let audio_output = take(&mut output, details.and_then(audio));
    Some(Usage {
        input: input.saturating_add(count(tools).unwrap_or_default()),
        cache_read,
        audio_input,
        output,
        reasoning: count(thoughts).unwrap_or_default(),
        audio_output,
        ..Usage::default()
    })
}

/// The tokens of the modality `AUDIO` in a list of `{"modality", "tokenCount"}`.
fn audio(details: Raw<'_>) -> Option<u64> {
    let is_audio =
        |item: &Raw<'_>| item.member("modality").and_then(Raw::text).as_deref() == Some("AUDIO");
    details
        .items()
        .find(is_audio)?
        .member("tokenCount")?
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_disjoint() {
        let metadata = r#"{"promptTokenCount":100,"cachedContentTokenCount":40,"toolUsePromptTokenCount":7,
            "candidatesTokenCount":20,"thoughtsTokenCount":5,"totalTokenCount":132,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":70},{"modality":"AUDIO","tokenCount":30}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":10}],
            "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":8}]}"#;
        let usage = of_gemini(Raw::of_validated(metadata)).expect("counts");
        assert_eq!(
            usage,
            Usage {
                input: 47,
                cache_read: 40,
                audio_input: 20,
                output: 12,
                reasoning: 5,
                audio_output: 8,
                ..Usage::default()
            }
        );
        assert_eq!((usage.total_input(), usage.total_output()), (107, 25));
    }

    #[test]
    fn parts_larger_than_their_wholes_are_cut() {
        let metadata = r#"{"promptTokenCount":5,"cachedContentTokenCount":9,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":9}]}"#;
        let usage = of_gemini(Raw::of_validated(metadata)).expect("counts");
        assert_eq!((usage.cache_read, usage.total_input()), (5, 5));
        assert_eq!(
            of_gemini(Raw::of_validated(r#"{"promptTokenCount":"5"}"#)),
            None
        );
    }
}
