//! The records of calls, for now as log lines.

use orchestra_gateway::{CacheUse, CallRecord, Ending, HedgeOutcome, Sink};

/// Writes one line for each call at level `info` under the target `orchestra::calls`, which
/// the default filter leaves out: failures are logged where they happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSink;

impl Sink for LogSink {
    fn settled(&self, record: CallRecord) {
        let last = record.attempts.last();
        tracing::info!(
            target: "orchestra::calls",
            call = %record.id,
            endpoint = record.endpoint.map_or("raw", |endpoint| endpoint.name()),
            client = record.client.as_ref().map(|client| client.as_str()),
            model = record.model,
            provider = answered_by(&record),
            translated_to = last.and_then(|attempt| attempt.translated_to).map(|endpoint| endpoint.name()),
            dropped = counted(record.losses.dropped),
            approximated = counted(record.losses.approximated),
            defaulted = counted(record.losses.defaulted),
            attempts = record.attempts.len(),
            hedge = record.attempts.iter().find_map(|attempt| attempt.hedge).map(HedgeOutcome::as_str),
            priority_lowered_to = record.priority_lowered_to.map(|priority| priority.as_str()),
            waited_ms = record.waited.map(|time| time.as_millis()),
            shed = record.shed.map(|shed| shed.reason.as_str()),
            recovered = counted(record.recovered.len()),
            cache = record.cache.as_ref().map(CacheUse::as_str),
            ending = record.ending.as_str(),
            status = record.status,
            input_tokens = record.usage.map(|usage| usage.total_input()),
            output_tokens = record.usage.map(|usage| usage.total_output()),
            cost_usd = record.cost.map(tracing::field::display),
            led_by = last.and_then(|attempt| attempt.led_by),
            first_byte_ms = record.first_byte.map(|time| time.as_millis()),
            took_ms = record.took.as_millis(),
            "call {}",
            if record.ending == Ending::Completed { "served" } else { "ended" },
        );
    }
}

/// Who was asked last, or gave the answer once that was kept.
fn answered_by(record: &CallRecord) -> Option<&str> {
    match &record.cache {
        Some(CacheUse::Hit(hit)) => Some(hit.provider.as_str()),
        _ => {
            let last = record.attempts.last();
            last.map(|attempt| attempt.provider.as_str())
        }
    }
}

/// A count that is worth a place in the line.
const fn counted(losses: usize) -> Option<usize> {
    match losses {
        0 => None,
        losses => Some(losses),
    }
}
