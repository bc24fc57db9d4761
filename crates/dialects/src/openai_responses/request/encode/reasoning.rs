//! How much the model should think, and what of it is shown.

use super::To;
use super::options::dotted;
use crate::canonical::{Effort, Field, ReasoningMode, ReasoningOptions, ThoughtDisplay};
use crate::json::ObjectWriter;
use crate::{Dialect, LossKind, Losses, ReasoningControl};

pub(super) fn write(object: &mut ObjectWriter<'_>, to: &To<'_>, losses: &mut Losses) {
    let options = &to.request.reasoning;
    if to.profile.reasoning == ReasoningControl::None {
        return no_reasoning(options, to, losses);
    }
    let effort = effort(options, to, losses);
    let summary = summary(options, to);
    let rest = dotted(to, "reasoning.");
    if effort.is_some() || summary.is_some() || !rest.is_empty() {
        object.object("reasoning", |object| {
            object.text_if("effort", effort.map(Effort::as_str));
            object.text_if("summary", summary);
            for (name, value) in rest {
                object.raw(name, value.as_str());
            }
        });
    }
}

/// For models that do not think.
fn no_reasoning(options: &ReasoningOptions, to: &To<'_>, losses: &mut Losses) {
    for (field, lost) in [
        (Field::Effort, options.effort.is_some()),
        (Field::ThinkingBudget, options.budget_tokens.is_some()),
        (Field::ThoughtDisplay, options.display.is_some()),
        (Field::ReasoningMode, options.mode.is_some()),
    ] {
        if lost {
            to.dropped(field, losses);
        }
    }
    for (name, _) in dotted(to, "reasoning.") {
        losses.add(format!("reasoning.{name}"), LossKind::Dropped);
    }
}

fn effort(options: &ReasoningOptions, to: &To<'_>, losses: &mut Losses) -> Option<Effort> {
    let off = options.mode == Some(ReasoningMode::Disabled);
    match (options.effort, options.budget_tokens) {
        (effort, None) => effort.or_else(|| off.then_some(Effort::None)),
        (Some(effort), Some(_)) => {
            to.dropped(Field::ThinkingBudget, losses);
            Some(effort)
        }
        (None, Some(budget)) => {
            to.approximated(Field::ThinkingBudget, losses);
            Some(Effort::of_budget(budget))
        }
    }
}

fn summary(options: &ReasoningOptions, to: &To<'_>) -> Option<&'static str> {
    match options.display {
        Some(ThoughtDisplay::Auto) => Some("auto"),
        Some(ThoughtDisplay::Concise) => Some("concise"),
        Some(ThoughtDisplay::Detailed) => Some("detailed"),
        // Nothing is shown unless it is asked for.
        Some(ThoughtDisplay::Omitted) => None,
        None => shown_by_default(options, to).then_some("auto"),
    }
}

/// Claude shows its thoughts wherever thinking is asked for.
fn shown_by_default(options: &ReasoningOptions, to: &To<'_>) -> bool {
    let thinks = matches!(
        options.mode,
        Some(ReasoningMode::Enabled | ReasoningMode::Adaptive)
    );
    thinks && to.request.origin == Dialect::AnthropicMessages
}
