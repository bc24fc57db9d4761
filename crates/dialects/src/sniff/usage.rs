//! The vendors' token counts, brought into disjoint counters.

use orchestra_types::Usage;

use crate::json::Raw;

/// Reads `usage` of Chat Completions, Completions, Responses and Embeddings, whose totals include
/// their parts; `None` if it holds neither total.
///
/// A part larger than what is left of its total is cut to it, so that the counters always add up
/// to the totals that the vendor bills by.
pub(super) fn of_openai(usage: Raw<'_>) -> Option<Usage> {
    let [
        prompt,
        completion,
        total,
        prompt_details,
        completion_details,
        hits,
    ] = usage.pick([
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "prompt_cache_hit_tokens",
    ]);
    let [input, output, input_details, output_details] = usage.pick([
        "input_tokens",
        "output_tokens",
        "input_tokens_details",
        "output_tokens_details",
    ]);
    let prompt = prompt.or(input).and_then(Raw::count);
    let completion = completion.or(output).and_then(Raw::count);
    prompt.or(completion)?;
    let mut usage = Usage::default();
    read_input(
        &mut usage,
        prompt.unwrap_or_default(),
        prompt_details.or(input_details),
        hits,
    );
    read_output(
        &mut usage,
        completion.unwrap_or_default(),
        completion_details.or(output_details),
        total.and_then(Raw::count),
    );
    Some(usage)
}

/// `hits` is DeepSeek's `prompt_cache_hit_tokens`, which stands beside the details or for them.
fn read_input(usage: &mut Usage, total: u64, details: Option<Raw<'_>>, hits: Option<Raw<'_>>) {
    let [cached, written, audio] = counts(
        details,
        ["cached_tokens", "cache_write_tokens", "audio_tokens"],
    );
    let mut left = total;
    usage.cache_read = take(&mut left, cached.or_else(|| hits.and_then(Raw::count)));
    usage.cache_write_5m = take(&mut left, written);
    usage.audio_input = take(&mut left, audio);
    usage.input = left;
}

fn read_output(usage: &mut Usage, completion: u64, details: Option<Raw<'_>>, total: Option<u64>) {
    let [reasoning, audio] = counts(details, ["reasoning_tokens", "audio_tokens"]);
    let mut left = completion;
    // Some compatible servers count reasoning beside `completion_tokens`, not within: then only
    // all three together make up their total.
    let beside = reasoning.filter(|&reasoning| {
        let sum = usage.total_input().checked_add(completion);
        reasoning > 0 && sum.and_then(|sum| sum.checked_add(reasoning)) == total
    });
    usage.reasoning = beside.unwrap_or_else(|| take(&mut left, reasoning));
    usage.audio_output = take(&mut left, audio);
    usage.output = left;
}

/// Takes `part` out of what is left.
fn take(left: &mut u64, part: Option<u64>) -> u64 {
    let taken = part.unwrap_or_default().min(*left);
    *left -= taken;
    taken
}

fn counts<const N: usize>(object: Option<Raw<'_>>, names: [&str; N]) -> [Option<u64>; N] {
    object.map_or([None; N], |object| {
        object.pick(names).map(|value| value.and_then(Raw::count))
    })
}

/// The counters of a Messages stream, which come in parts: most in `message_start`, the final ones
/// in `message_delta`.
#[derive(Debug, Default)]
pub(super) struct AnthropicCounts {
    input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
    output: u64,
    thinking: u64,
}

impl AnthropicCounts {
    /// Takes over the counters that `usage` holds. They are cumulative, so a later one replaces an
    /// earlier one; a zero does not, because servers write zero for what they do not repeat.
    pub(super) fn update(&mut self, usage: Raw<'_>) {
        let [creation, output_details] = usage.pick(["cache_creation", "output_tokens_details"]);
        let totals = counts(
            Some(usage),
            [
                "input_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "output_tokens",
            ],
        );
        let writes = counts(
            creation,
            ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"],
        );
        let [thinking] = counts(output_details, ["thinking_tokens"]);
        let mine = [
            &mut self.input,
            &mut self.cache_read,
            &mut self.cache_write,
            &mut self.output,
            &mut self.cache_write_5m,
            &mut self.cache_write_1h,
            &mut self.thinking,
        ];
        let theirs = totals.into_iter().chain(writes).chain([thinking]);
        for (mine, theirs) in mine.into_iter().zip(theirs) {
            *mine = theirs.filter(|&count| count > 0).unwrap_or(*mine);
        }
    }

    /// The counters as they stand. `input_tokens` excludes the cache already; `output_tokens`
    /// includes thinking.
    pub(super) fn usage(&self) -> Usage {
        let split = self.cache_write_5m.saturating_add(self.cache_write_1h);
        let mut writes = self.cache_write.max(split);
        let cache_write_1h = take(&mut writes, Some(self.cache_write_1h));
        let mut output = self.output;
        let reasoning = take(&mut output, Some(self.thinking));
        Usage {
            input: self.input,
            cache_read: self.cache_read,
            cache_write_5m: writes,
            cache_write_1h,
            output,
            reasoning,
            ..Usage::default()
        }
    }
}
