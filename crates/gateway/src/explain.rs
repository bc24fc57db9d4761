//! Saying how a call would be served, or was.

use std::time::Duration;

use http::HeaderValue;
use orchestra_dialects::Continues;
use orchestra_health::Standing;
use orchestra_routing::{Choice, HoldBack, Share};
use orchestra_types::Money;
use serde_json::{Value, json};

use crate::alternatives::Trouble;
use crate::call::{Call, Incoming};
use crate::gateway::Gateway;
use crate::hedging::{Hedging, is_repeatable};
use crate::plan::Plan;
use crate::record::{AttemptRecord, CallRecord};
use crate::refusal::Refusal;
use crate::routes::CallCost;
use crate::stage::{Exchange, Stage};

/// What would be tried for a call, in which order, and why. Holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The choices that a tree made, from its root down; none without a tree.
    pub choices: Vec<Choice>,
    /// The targets in their order.
    pub targets: Vec<ExplainedTarget>,
    /// Whether the answer is gone on with elsewhere if its stream dies, as far as that does not depend on its target.
    pub recovers: bool,
}

/// One target of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedTarget {
    /// Where it stands in the tree, such as `targets[1]`; empty without one.
    pub path: String,
    /// The provider and the model's name there; nothing if there is no such place.
    pub place: Option<(String, String)>,
    /// One word: `ready`, `probe`, why it is left alone (`failing`, `paused`, `full`, `probing`), or `unusable`.
    pub standing: &'static str,
    /// Whether the call is written anew in another dialect for it.
    pub translated: bool,
    /// When another target is asked as well while this one is slow, and for how large a part of the calls.
    pub hedge: Option<Hedging>,
    /// How long its stream is held back once it has begun to answer, if it is.
    pub hold_back: Option<HoldBack>,
    /// How long its answers are kept for calls that ask the same, if they are.
    pub cache: Option<Duration>,
    /// For how large a part the call's own tree wanted that, if it is a larger one than the operator allows.
    pub hedge_asked: Option<Share>,
    /// Whether it can go on from the beginning of another's answer.
    pub continues: bool,
    /// Why it cannot be tried.
    pub problem: Option<String>,
    /// The failure after which alone it is asked, if it is an alternative for that: `context_length` or `content_policy`.
    pub only_after: Option<&'static str>,
    /// The tokens that the model takes, if that is known.
    pub context: Option<u64>,
    /// What the call would cost there, if the price is known.
    pub estimated_cost: Option<Money>,
}

impl Gateway {
    /// Says what would be tried for a call now, and sends nothing. Where a choice is left to chance, another call may get
    /// another answer.
    ///
    /// # Errors
    /// [`Refusal`] if the call would be refused.
    pub fn explain(&self, incoming: Incoming) -> Result<Explanation, Refusal> {
        let client = incoming.client.clone();
        let call = self.read(incoming)?;
        let plan = self.plan(&call, client.as_ref())?;
        Ok(self.explained(&call, &plan))
    }

    pub(crate) fn explained(&self, call: &Call, plan: &Plan) -> Explanation {
        let now = self.now();
        let outputs = plan.stages.iter().filter_map(|stage| {
            let target = stage.target.as_ref().ok()?;
            target.member.usual_output(&target.model, now)
        });
        let cost = CallCost::of(call).with_outputs(outputs);
        let rules = &self.parts.settings.recovery;
        let stages = plan.stages.iter();
        Explanation {
            recovers: plan
                .stages
                .iter()
                .any(|stage| rules.wants(call, &stage.settings)),
            choices: plan.choices.clone(),
            targets: stages
                .map(|stage| self.target_of(call, stage, &cost))
                .collect(),
        }
    }

    fn target_of(&self, call: &Call, stage: &Stage, cost: &CallCost<'_>) -> ExplainedTarget {
        let hedge = self.hedging_at(call, stage);
        let path = stage.path.clone();
        let only_after = stage.only_after.map(Trouble::name);
        let cache = self.cache.wanted(call, &stage.settings);
        let cache = cache.filter(|_| is_repeatable(call));
        let providers = self.providers();
        let finder = self.finder(&providers);
        match &stage.target {
            Ok(target) => ExplainedTarget {
                path,
                place: Some((
                    target.member.provider.id().to_string(),
                    target.model.as_str().to_owned(),
                )),
                standing: word(
                    target
                        .member
                        .standing(&target.model, self.parts.clock.monotonic()),
                ),
                translated: target.exchange == Exchange::Translated,
                hedge,
                hold_back: self.hold_back_at(call, stage),
                cache,
                hedge_asked: hedge.and_then(|hedge| asked_in_vain(hedge, stage)),
                continues: target
                    .member
                    .provider
                    .profile(target.model.as_str())
                    .continues
                    != Continues::Never,
                problem: None,
                only_after,
                context: finder.window(&target.member, &target.model),
                estimated_cost: finder
                    .price(&target.member, &target.model)
                    .and_then(|price| {
                        let now = self.parts.clock.monotonic();
                        let own = target.member.usual_output(&target.model, now);
                        cost.at(&price, own)
                    }),
            },
            Err(refusal) => ExplainedTarget {
                path,
                place: None,
                standing: "unusable",
                translated: false,
                hedge: None,
                hold_back: None,
                cache: None,
                hedge_asked: None,
                continues: false,
                problem: Some(refusal.message.clone()),
                only_after,
                context: None,
                estimated_cost: None,
            },
        }
    }
}

/// What the stage's tree says, if it is more than what holds.
fn asked_in_vain(hedge: Hedging, stage: &Stage) -> Option<Share> {
    let asked = stage.settings.hedge?.most_extra?;
    (asked > hedge.most_extra).then_some(asked)
}

impl Gateway {
    /// What holds at a stage where another target is ready to be asked.
    fn hedging_at(&self, call: &Call, stage: &Stage) -> Option<Hedging> {
        let (rules, own) = (&self.parts.settings.hedging, stage.settings.hedge);
        let hedging = rules.of(call.head.model(), own)?;
        let usable = stage.exit(None, true).is_some() && is_repeatable(call);
        usable.then_some(hedging)
    }

    /// The same of how long its stream is held back.
    fn hold_back_at(&self, call: &Call, stage: &Stage) -> Option<HoldBack> {
        let (rules, own) = (
            &self.parts.settings.hold_back_more,
            stage.settings.hold_back,
        );
        let rule = rules.of(call.head.model(), own);
        let holds = call.head.stream() && stage.exit(None, true).is_some();
        (holds && rule != HoldBack::NONE).then_some(rule)
    }
}

impl Explanation {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let choice = |choice: &Choice| json!({ "path": choice.path, "mode": choice.mode, "order": choice.order, "reason": choice.reason });
        let choices: Vec<Value> = self.choices.iter().map(choice).collect();
        let targets: Vec<Value> = self.targets.iter().map(ExplainedTarget::json).collect();
        let mut value = json!({ "choices": choices, "targets": targets });
        if self.recovers {
            value["recovers"] = json!(true);
        }
        value
    }

    /// With what became of the call so far, as the value of a header; `None` if it is too long for one.
    pub(crate) fn header(&self, record: &CallRecord) -> Option<HeaderValue> {
        const MOST_BYTES: usize = 8 * 1024;
        let mut value = self.json();
        value["attempts"] = record.attempts.iter().map(attempt).collect();
        if let Some(cache) = &record.cache {
            value["cache"] = json!(cache.as_str());
        }
        if let Some(waited) = record.waited {
            value["waited_ms"] = json!(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        }
        let text = ascii(&value.to_string());
        let fits = text.len() <= MOST_BYTES;
        fits.then(|| HeaderValue::from_str(&text).ok()).flatten()
    }
}

impl ExplainedTarget {
    fn json(&self) -> Value {
        let mut value = json!({ "path": self.path, "standing": self.standing });
        if let Some((provider, model)) = &self.place {
            value["provider"] = json!(provider);
            value["model"] = json!(model);
        }
        if self.translated {
            value["translated"] = json!(true);
        }
        if let Some(hedge) = self.hedge {
            value["hedge"] =
                json!({ "after": hedge.after.to_string(), "most_extra": hedge.most_extra.part() });
            if let Some(asked) = self.hedge_asked {
                value["hedge"]["most_extra_asked"] = json!(asked.part());
            }
        }
        if let Some(rule) = self.hold_back {
            value["hold_back"] = json!({ "milliseconds": rule.time.as_millis() });
            if rule.tokens < u32::MAX {
                value["hold_back"]["tokens"] = json!(rule.tokens);
            }
        }
        if let Some(max_age) = self.cache {
            value["cache"] = json!({ "max_age": max_age.as_secs() });
        }
        if self.continues {
            value["continues"] = json!(true);
        }
        if let Some(problem) = &self.problem {
            value["problem"] = json!(problem);
        }
        if let Some(fault) = self.only_after {
            value["only_after"] = json!(fault);
        }
        if let Some(tokens) = self.context {
            value["context"] = json!(tokens);
        }
        if let Some(cost) = self.estimated_cost {
            value["estimated_cost"] = json!(cost.to_string());
        }
        value
    }
}

fn attempt(attempt: &AttemptRecord) -> Value {
    let mut value = json!({
        "provider": attempt.provider.as_str(), "model": attempt.model.as_str(), "path": attempt.path,
        "key": attempt.key.as_ref().map(|key| key.name.as_str()),
        "fault": attempt.fault, "ms": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(hedge) = attempt.hedge {
        value["hedge"] = json!(hedge.as_str());
    }
    if let Some(cost) = attempt.estimated_cost {
        value["estimated_cost"] = json!(cost.to_string());
    }
    if let Some(rule) = attempt.led_by {
        value["led_by"] = json!(rule);
    }
    value
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Ready { .. } => "ready",
        Standing::Probe => "probe",
        Standing::Out(out) => out.reason.as_str(),
    }
}

/// JSON that no byte of a header is wrong in.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ascii_is_escaped() {
        let value = json!({ "reason": "caf\u{e9} \u{1f600}" });
        let text = ascii(&value.to_string());
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        // JSON lets it stand, a header does not.
        let text = ascii(&json!("a\u{7f}\n").to_string());
        assert!(HeaderValue::from_str(&text).is_ok());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), "a\u{7f}\n");
    }
}
