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
        details,
    ] = usage.pick([
        "promptTokenCount",
        "cachedContentTokenCount",
        "toolUsePromptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "promptTokensDetails",
        "candidatesTokensDetails",
    ]);
    let count = |value: Option<Raw<'_>>| value.and_then(Raw::count);
    count(prompt).or_else(|| count(candidates))?;
    let mut input = count(prompt).unwrap_or_default();
    let mut output = count(candidates).unwrap_or_default();
    let cache_read = take(&mut input, count(cached));
    let audio_input = take(&mut input, prompt_details.and_then(audio));
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
