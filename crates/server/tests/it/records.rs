//! Records of calls that nobody made.

use std::time::Duration;

use orchestra_dialects::Endpoint;
use orchestra_gateway::{AttemptRecord, CallRecord, Ending, LossTally};
use orchestra_types::{CallId, ModelId, Money, ProviderId, SeededRng, Usage};

/// A call that one attempt served.
pub(crate) fn record(provider: &str, model: &str) -> CallRecord {
    CallRecord {
        id: CallId::random(&SeededRng::new(1)),
        endpoint: Some(Endpoint::ChatCompletions),
        client: None,
        model: format!("{provider}/{model}"),
        streamed: true,
        started_unix: Duration::from_secs(1_790_000_000),
        metadata: std::collections::BTreeMap::new(),
        explanation: None,
        hedge_capped: false,
        attempts: vec![AttemptRecord {
            provider: ProviderId::new(provider).expect("a name"),
            model: ModelId::new(model),
            key: None,
            translated_to: None,
            fault: None,
            hedge: None,
            estimated_cost: None,
            path: String::new(),
            led_by: None,
            took: Duration::from_millis(420),
        }],
        priority_lowered_to: None,
        waited: None,
        shed: None,
        recovered: Vec::new(),
        cache: None,
        ending: Ending::Completed,
        status: 200,
        finish: None,
        losses: LossTally::default(),
        usage: Some(Usage {
            input: 1_000,
            cache_read: 200,
            output: 300,
            reasoning: 50,
            ..Usage::default()
        }),
        cost: Some(Money::from_pico(1_234_500_000)),
        first_byte: Some(Duration::from_micros(420_150)),
        took: Duration::from_secs(3),
    }
}
