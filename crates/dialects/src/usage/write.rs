//! Disjoint counters in each vendor's convention.

use orchestra_types::Usage;

use crate::json::ObjectWriter;

const fn cache_writes(usage: &Usage) -> u64 {
    usage.cache_write_5m.saturating_add(usage.cache_write_1h)
}

/// `usage` of Chat Completions: the totals include their parts. All details that the types name are
/// written, because clients add them up without looking.
pub(crate) fn openai_chat(object: &mut ObjectWriter<'_>, usage: &Usage) {
    let (input, output) = (usage.total_input(), usage.total_output());
    object.count("prompt_tokens", input);
    object.count("completion_tokens", output);
    object.count("total_tokens", input.saturating_add(output));
    object.object("prompt_tokens_details", |details| {
        details.count("cached_tokens", usage.cache_read);
        details.count("cache_write_tokens", cache_writes(usage));
        details.count("audio_tokens", usage.audio_input);
    });
    object.object("completion_tokens_details", |details| {
        details.count("reasoning_tokens", usage.reasoning);
        details.count("audio_tokens", usage.audio_output);
        details.count("accepted_prediction_tokens", 0);
        details.count("rejected_prediction_tokens", 0);
    });
}

/// `usage` of Responses, where both details are required.
pub(crate) fn openai_responses(object: &mut ObjectWriter<'_>, usage: &Usage) {
    let (input, output) = (usage.total_input(), usage.total_output());
    object.count("input_tokens", input);
    object.object("input_tokens_details", |details| {
        details.count("cached_tokens", usage.cache_read);
        details.count("cache_write_tokens", cache_writes(usage));
    });
    object.count("output_tokens", output);
    object.object("output_tokens_details", |details| {
        details.count("reasoning_tokens", usage.reasoning);
    });
    object.count("total_tokens", input.saturating_add(output));
}

/// `usage` of Messages: input excludes the cache, output includes thinking. Audio has no counter of
/// its own there and is added to what it is a part of.
pub(crate) fn anthropic(object: &mut ObjectWriter<'_>, usage: &Usage) {
    let writes = cache_writes(usage);
    object.count(
        "input_tokens",
        usage.input.saturating_add(usage.audio_input),
    );
    object.count("cache_creation_input_tokens", writes);
    object.count("cache_read_input_tokens", usage.cache_read);
    if writes > 0 {
        object.object("cache_creation", |creation| {
            creation.count("ephemeral_5m_input_tokens", usage.cache_write_5m);
            creation.count("ephemeral_1h_input_tokens", usage.cache_write_1h);
        });
    }
    object.count("output_tokens", usage.total_output());
    if usage.reasoning > 0 {
        object.object("output_tokens_details", |details| {
            details.count("thinking_tokens", usage.reasoning);
        });
    }
}
