//! How hard the model thinks, and what of it is shown.

use crate::RawJson;
use crate::ReasoningControl;
use crate::canonical::{Effort, Field, ReasoningMode, ReasoningOptions, ThoughtDisplay};
use crate::json::ObjectWriter;

use super::super::super::nested;
use super::context::Context;

/// The smallest budget that Anthropic takes (`ThinkingConfigEnabledParam` of the SDK).
const LEAST_BUDGET: u64 = 1024;

/// Thinking in Anthropic's terms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Thinking {
    config: Config,
    display: Option<&'static str>,
    effort: Option<Effort>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Config {
    #[default]
    Unsaid,
    Disabled,
    Adaptive,
    /// With a budget of tokens, which only a careless client leaves out.
    Enabled(Option<u64>),
}

/// What else is asked for, as far as thinking must fit it.
pub(super) struct Situation {
    /// A tool must be called, or the answer was begun by the client: neither goes with thinking.
    pub(super) no_room: bool,
    /// Results of tools come last, and the calls they answer do not begin with thoughts. With a
    /// budget such a turn may not think.
    pub(super) loop_without_thoughts: bool,
    pub(super) max_tokens: u64,
}

impl Thinking {
    pub(super) fn plan(context: &mut Context<'_, '_>, situation: &Situation) -> Self {
        let options = &context.request.reasoning;
        let control = context.profile.reasoning;
        let mut thinking = match control {
            ReasoningControl::None => {
                lose_all(context);
                display(context, false);
                return Self::default();
            }
            _ if context.own() => return Self::as_asked(options),
            _ if is_off(options) => Self {
                config: Config::Disabled,
                ..Self::default()
            },
            ReasoningControl::Effort | ReasoningControl::DeepSeek => {
                Self::by_effort(context, situation)
            }
            ReasoningControl::Budget => Self::by_budget(context, situation),
        };
        thinking.display = display(context, thinking.is_on());
        thinking
    }

    /// What a client of this dialect said.
    fn as_asked(options: &ReasoningOptions) -> Self {
        let config = match options.mode {
            None => Config::Unsaid,
            Some(ReasoningMode::Disabled) => Config::Disabled,
            Some(ReasoningMode::Adaptive) => Config::Adaptive,
            Some(ReasoningMode::Enabled) => Config::Enabled(options.budget_tokens),
        };
        Self {
            config,
            display: options.display.map(word),
            effort: options.effort,
        }
    }

    /// Claude 4.6 and later: adaptive thinking, guided by an effort.
    fn by_effort(context: &mut Context<'_, '_>, situation: &Situation) -> Self {
        let options = &context.request.reasoning;
        let shown = !matches!(options.display, None | Some(ThoughtDisplay::Omitted));
        if !is_on(options) && !shown {
            return Self::default();
        }
        let effort = options.effort.or_else(|| {
            let effort = Effort::of_budget(options.budget_tokens?);
            context.approximated(Field::ThinkingBudget);
            Some(effort)
        });
        let effort = effort.map(|effort| {
            if effort < Effort::Low {
                context.approximated(Field::Effort);
            }
            effort.max(Effort::Low)
        });
        if situation.no_room {
            approximate_all(context);
        }
        let config = match situation.no_room {
            true => Config::Unsaid,
            false => Config::Adaptive,
        };
        Self {
            config,
            display: None,
            effort,
        }
    }

    /// Older models: thinking within a budget, smaller than the limit of the whole answer.
    fn by_budget(context: &mut Context<'_, '_>, situation: &Situation) -> Self {
        let options = &context.request.reasoning;
        if !is_on(options) {
            return Self::default();
        }
        let fits = situation.max_tokens > LEAST_BUDGET;
        if situation.no_room || situation.loop_without_thoughts || !fits {
            lose_all(context);
            return Self::default();
        }
        let asked = asked_budget(context);
        // The limit is the client's, thoughts included, so that the budget yields; some room stays for the answer.
        let most = (situation.max_tokens / 4 * 3).max(LEAST_BUDGET);
        let budget = asked.clamp(LEAST_BUDGET, most);
        if budget != asked {
            approximate_all(context);
        }
        Self {
            config: Config::Enabled(Some(budget)),
            ..Self::default()
        }
    }

    /// Whether the model is told to think.
    pub(super) const fn is_on(&self) -> bool {
        matches!(self.config, Config::Adaptive | Config::Enabled(_))
    }

    pub(super) fn effort_word(&self) -> Option<&'static str> {
        self.effort.map(Effort::as_str)
    }

    pub(super) fn write(&self, object: &mut ObjectWriter<'_>, extras: &[(String, RawJson)]) {
        let word = match self.config {
            Config::Unsaid => return,
            Config::Disabled => "disabled",
            Config::Adaptive => "adaptive",
            Config::Enabled(_) => "enabled",
        };
        object.object("thinking", |thinking| {
            thinking.text("type", word);
            if let Config::Enabled(budget) = self.config {
                thinking.count_if("budget_tokens", budget);
            }
            thinking.text_if("display", self.display);
            nested::restore(thinking, "thinking", extras);
        });
    }
}

fn is_off(options: &ReasoningOptions) -> bool {
    options.mode == Some(ReasoningMode::Disabled)
        || options.effort == Some(Effort::None)
        || options.budget_tokens == Some(0)
}

const fn is_on(options: &ReasoningOptions) -> bool {
    options.mode.is_some() || options.effort.is_some() || options.budget_tokens.is_some()
}

/// The budget that was asked for, or that an effort amounts to.
fn asked_budget(context: &mut Context<'_, '_>) -> u64 {
    let options = &context.request.reasoning;
    match (options.budget_tokens, options.effort) {
        (Some(budget), _) => budget,
        (None, Some(effort)) => {
            context.approximated(Field::Effort);
            effort.budget_tokens()
        }
        (None, None) => {
            context.losses.defaulted("thinking.budget_tokens");
            Effort::Medium.budget_tokens()
        }
    }
}

/// What the client gets to see. Thoughts that nobody has cannot be shown, which only matters if they should be.
fn display(context: &mut Context<'_, '_>, on: bool) -> Option<&'static str> {
    let display = context.request.reasoning.display?;
    match display {
        ThoughtDisplay::Omitted if !on => return None,
        _ if !on => {
            context.dropped(Field::ThoughtDisplay);
            return None;
        }
        ThoughtDisplay::Concise | ThoughtDisplay::Detailed => {
            context.approximated(Field::ThoughtDisplay);
        }
        ThoughtDisplay::Omitted | ThoughtDisplay::Auto => {}
    }
    Some(word(display))
}

const fn word(display: ThoughtDisplay) -> &'static str {
    match display {
        ThoughtDisplay::Omitted => "omitted",
        ThoughtDisplay::Auto | ThoughtDisplay::Concise | ThoughtDisplay::Detailed => "summarized",
    }
}

/// The fields in which the client said something of thinking.
fn said(options: &ReasoningOptions) -> impl Iterator<Item = Field> + use<> {
    let fields = [
        (Field::ReasoningMode, options.mode.is_some()),
        (Field::Effort, options.effort.is_some()),
        (Field::ThinkingBudget, options.budget_tokens.is_some()),
    ];
    fields
        .into_iter()
        .filter_map(|(field, said)| said.then_some(field))
}

fn lose_all(context: &mut Context<'_, '_>) {
    for field in said(&context.request.reasoning) {
        context.dropped(field);
    }
}

fn approximate_all(context: &mut Context<'_, '_>) {
    for field in said(&context.request.reasoning) {
        context.approximated(field);
    }
}
