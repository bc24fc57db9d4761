//! Writes `thinkingConfig`.

use crate::canonical::{
    Effort, Field, Place, ReasoningMode, ReasoningOptions, Request, ThoughtDisplay,
};
use crate::json::{ObjectWriter, Writer};
use crate::{Losses, ReasoningControl, Target};

use super::super::carry::{any, write};

const WITHIN: &str = "generationConfig.thinkingConfig";

/// The object, if the client says anything of thoughts.
pub(super) fn encode(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Option<String> {
    let options = &request.reasoning;
    if losses.within_one_dialect() {
        return own(request);
    }
    if *options == ReasoningOptions::default() {
        return None;
    }
    match target.profile.reasoning {
        ReasoningControl::Effort => Some(levels(options, losses)),
        ReasoningControl::Budget => Some(budgets(options, target.model, losses)),
        ReasoningControl::DeepSeek | ReasoningControl::None => {
            lose_all(options, losses);
            None
        }
    }
}

/// As it was written.
fn own(request: &Request) -> Option<String> {
    let options = &request.reasoning;
    if *options == ReasoningOptions::default() && !any(WITHIN, &request.extras) {
        return None;
    }
    Some(Writer::object(|config| {
        let shown = options
            .display
            .map(|display| display != ThoughtDisplay::Omitted);
        config.flag_if("includeThoughts", shown);
        match options.mode {
            Some(ReasoningMode::Disabled) => config.count("thinkingBudget", 0),
            Some(ReasoningMode::Adaptive) => config.integer_if("thinkingBudget", Some(-1)),
            Some(ReasoningMode::Enabled) | None => {
                config.count_if("thinkingBudget", options.budget_tokens);
            }
        }
        config.text_if("thinkingLevel", options.effort.map(level));
        write(config, WITHIN, &request.extras);
    }))
}

/// From Gemini 3 on (ai.google.dev/gemini-api/docs/thinking): a level, and no way to turn thinking off.
fn levels(options: &ReasoningOptions, losses: &mut Losses) -> String {
    let off = is_off(options);
    Writer::object(|config| {
        show(config, options, losses);
        if off {
            lose_mode(options, losses);
            config.text("thinkingLevel", "MINIMAL");
        } else if let Some(effort) = options.effort {
            let (word, exact) = common_level(effort);
            if !exact {
                losses.approximated(&[Place::member(Field::Effort.path(losses.from()))]);
            }
            config.text("thinkingLevel", word);
            lose_budget(options, losses);
        } else if let Some(tokens) = options.budget_tokens {
            losses.approximated(&[Place::member(Field::ThinkingBudget.path(losses.from()))]);
            let (word, _) = common_level(Effort::of_budget(tokens));
            config.text("thinkingLevel", word);
        }
    })
}

fn lose_mode(options: &ReasoningOptions, losses: &mut Losses) {
    let lost = match options.effort {
        Some(Effort::None) => Field::Effort,
        _ => Field::ReasoningMode,
    };
    losses.approximated(&[Place::member(lost.path(losses.from()))]);
}

/// The client set a budget beside the effort; the level stands for both.
fn lose_budget(options: &ReasoningOptions, losses: &mut Losses) {
    if options.budget_tokens.is_some() {
        losses.approximated(&[Place::member(Field::ThinkingBudget.path(losses.from()))]);
    }
}

fn is_off(options: &ReasoningOptions) -> bool {
    options.mode == Some(ReasoningMode::Disabled) || options.effort == Some(Effort::None)
}

/// The level of the same name. `max` and `none` are other dialects' words.
const fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High => "HIGH",
        Effort::XHigh | Effort::Max => "XHIGH",
    }
}

/// The level that every model takes, and whether it is the very same: few know `XHIGH`.
const fn common_level(effort: Effort) -> (&'static str, bool) {
    match effort {
        Effort::XHigh | Effort::Max => (level(Effort::High), false),
        Effort::None => (level(effort), false),
        Effort::Minimal | Effort::Low | Effort::Medium | Effort::High => (level(effort), true),
    }
}

/// Gemini 2.5: a budget of tokens, 0 for none and -1 for as the model finds the question.
fn budgets(options: &ReasoningOptions, model: &str, losses: &mut Losses) -> String {
    let limits = Limits::of(model);
    Writer::object(|config| {
        show(config, options, losses);
        if is_off(options) {
            if limits.least > 0 {
                lose_mode(options, losses);
            }
            config.count("thinkingBudget", limits.least);
            return;
        }
        let asked = options
            .budget_tokens
            .map(|tokens| (tokens, Field::ThinkingBudget));
        let from_effort = |effort: Effort| (effort.budget_tokens(), Field::Effort);
        match asked.or_else(|| options.effort.map(from_effort)) {
            Some((tokens, said_by)) => {
                let taken = tokens.clamp(limits.least, limits.most);
                if taken != tokens {
                    losses.approximated(&[Place::member(said_by.path(losses.from()))]);
                }
                config.count("thinkingBudget", taken);
            }
            None if options.mode == Some(ReasoningMode::Adaptive) => {
                config.integer_if("thinkingBudget", Some(-1));
            }
            None => {}
        }
    })
}

/// What a model takes as a budget (ai.google.dev/gemini-api/docs/thinking, table of budgets).
struct Limits {
    least: u64,
    most: u64,
}

impl Limits {
    fn of(model: &str) -> Self {
        if model.contains("pro") {
            Self {
                least: 128,
                most: 32_768,
            }
        } else {
            Self {
                least: 0,
                most: 24_576,
            }
        }
    }
}

/// Thoughts are shown as summaries of one kind, or not at all.
fn show(config: &mut ObjectWriter<'_>, options: &ReasoningOptions, losses: &mut Losses) {
    let shown = options.display != Some(ThoughtDisplay::Omitted) && !is_off(options);
    config.flag("includeThoughts", shown);
    let exact = matches!(
        options.display,
        None | Some(ThoughtDisplay::Auto | ThoughtDisplay::Omitted)
    );
    if !exact {
        losses.approximated(&[Place::member(Field::ThoughtDisplay.path(losses.from()))]);
    }
}

fn lose_all(options: &ReasoningOptions, losses: &mut Losses) {
    for (field, said) in [
        (Field::Effort, options.effort.is_some()),
        (Field::ReasoningMode, options.mode.is_some()),
        (Field::ThinkingBudget, options.budget_tokens.is_some()),
        (Field::ThoughtDisplay, options.display.is_some()),
    ] {
        if said {
            losses.dropped(&[Place::member(field.path(losses.from()))]);
        }
    }
}
