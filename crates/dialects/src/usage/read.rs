//! The vendors' token counts, brought into disjoint counters.

use orchestra_types::Usage;

use crate::json::{Cursor, Raw, Rules, Syntax};

/// Counts as OpenAI and those compatible with it write them: totals, and parts within them.
#[derive(Default)]
struct OpenAiCounts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    /// DeepSeek's `prompt_cache_hit_tokens`, which stands beside the details or for them.
    cache_hits: Option<u64>,
    cache_write: Option<u64>,
    audio_input: Option<u64>,
    reasoning: Option<u64>,
    audio_output: Option<u64>,
}

/// Reads `usage` of Chat Completions, Completions, Responses and Embeddings, whose totals include
/// their parts; `None` if it holds neither total.
///
/// A part larger than what is left of its total is cut to it, so that the counters always add up
/// to the totals that the vendor bills by.
pub(crate) fn of_openai(usage: Raw<'_>) -> Option<Usage> {
    pass_openai(&mut Cursor::new(usage.json(), Rules::ANSWER)).ok()?
}

/// The same of the cursor's next value, which is passed.
pub(crate) fn pass_openai(json: &mut Cursor<'_>) -> Result<Option<Usage>, Syntax> {
    let counts = OpenAiCounts::pass(json)?;
    Ok(counts.and_then(|counts| counts.usage()))
}

impl OpenAiCounts {
    /// `None` if the next value is no object.
    fn pass(json: &mut Cursor<'_>) -> Result<Option<Self>, Syntax> {
        if !json.enter_object()? {
            return Ok(None);
        }
        let mut counts = Self::default();
        while let Some(name) = json.next_member()? {
            match &*name {
                "prompt_tokens_details" | "input_tokens_details" => counts.pass_input(json)?,
                "completion_tokens_details" | "output_tokens_details" => {
                    counts.pass_output(json)?
                }
                name => {
                    if let Some(value) = Raw::pass(json)?.unless_null() {
                        counts.read(name, value);
                    }
                }
            }
        }
        Ok(Some(counts))
    }

    fn read(&mut self, name: &str, value: Raw<'_>) {
        match name {
            "prompt_tokens" => self.input = value.count(),
            "completion_tokens" => self.output = value.count(),
            // The names of Responses; some servers write both and fill only one.
            "input_tokens" => self.input = self.input.or_else(|| value.count()),
            "output_tokens" => self.output = self.output.or_else(|| value.count()),
            "total_tokens" => self.total = value.count(),
            "prompt_cache_hit_tokens" => self.cache_hits = value.count(),
            _ => {}
        }
    }

    fn pass_input(&mut self, json: &mut Cursor<'_>) -> Result<(), Syntax> {
        pass_details(json, |name, value| match name {
            "cached_tokens" => self.cached = value.count(),
            "cache_write_tokens" => self.cache_write = value.count(),
            "audio_tokens" => self.audio_input = value.count(),
            _ => {}
        })
    }

    fn pass_output(&mut self, json: &mut Cursor<'_>) -> Result<(), Syntax> {
        pass_details(json, |name, value| match name {
            "reasoning_tokens" => self.reasoning = value.count(),
            "audio_tokens" => self.audio_output = value.count(),
            _ => {}
        })
    }

    /// `None` without any total.
    fn usage(&self) -> Option<Usage> {
        self.input.or(self.output)?;
        let mut usage = Usage::default();
        self.split_input(&mut usage);
        self.split_output(&mut usage);
        Some(usage)
    }

    fn split_input(&self, usage: &mut Usage) {
        let mut left = self.input.unwrap_or_default();
        usage.cache_read = take(&mut left, self.cached.or(self.cache_hits));
        usage.cache_write_5m = take(&mut left, self.cache_write);
        usage.audio_input = take(&mut left, self.audio_input);
        usage.input = left;
    }

    fn split_output(&self, usage: &mut Usage) {
        let completion = self.output.unwrap_or_default();
        let mut left = completion;
        // Some compatible servers count reasoning beside `completion_tokens`, not within: then
        // only all three together make up their total.
        let beside = self.reasoning.filter(|&reasoning| {
            let parts = [usage.total_input(), completion, reasoning];
            let sum = parts.into_iter().try_fold(0, u64::checked_add);
            reasoning > 0 && sum.is_some() && sum == self.total
        });
        usage.reasoning = beside.unwrap_or_else(|| take(&mut left, self.reasoning));
        usage.audio_output = take(&mut left, self.audio_output);
        usage.output = left;
    }
}

/// Passes the parts of a total, if the next value is an object of such.
fn pass_details(json: &mut Cursor<'_>, mut read: impl FnMut(&str, Raw<'_>)) -> Result<(), Syntax> {
    let inside = json.enter_object()?;
    while inside && let Some(name) = json.next_member()? {
        if let Some(value) = Raw::pass(json)?.unless_null() {
            read(&name, value);
        }
    }
    Ok(())
}

/// Takes `part` out of what is left.
pub(super) fn take(left: &mut u64, part: Option<u64>) -> u64 {
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
pub(crate) struct AnthropicCounts {
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
    pub(crate) fn update(&mut self, usage: Raw<'_>) {
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
    pub(crate) fn usage(&self) -> Usage {
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
