//! How much the model should think.

use super::options::Options;
use crate::ReasoningControl;
use crate::canonical::{Effort, Field, ReasoningMode, ReasoningOptions, ThoughtDisplay};

impl Options<'_, '_, '_> {
    /// Writes how much the model should think, in the form that the target knows.
    pub(super) fn reasoning(&mut self) {
        let reasoning = self.scope.request.reasoning.clone();
        if let Some(thinking) = self.scope.noted("thinking") {
            self.body.raw("thinking", thinking.as_str());
            let effort = reasoning.effort.map(Effort::as_str);
            self.body.text_if("reasoning_effort", effort);
            return;
        }
        match self.scope.profile.reasoning {
            ReasoningControl::Effort => self.effort(&reasoning),
            ReasoningControl::DeepSeek => self.deepseek(&reasoning),
            ReasoningControl::Budget => self.budget(&reasoning),
            ReasoningControl::None => self.no_reasoning(&reasoning),
        }
        if let Some(display) = reasoning.display {
            self.display(display);
        }
    }

    /// By `reasoning_effort`. That a model thinks, or thinks as it sees fit, is what its absence means.
    fn effort(&mut self, reasoning: &ReasoningOptions) {
        if let Some(effort) = self.wanted_effort(reasoning) {
            self.body.text("reasoning_effort", effort.as_str());
        } else if reasoning.mode.is_some() && !self.scope.own {
            self.approximated(Field::ReasoningMode);
        }
    }

    /// The effort that was asked for, in whatever form.
    fn wanted_effort(&mut self, reasoning: &ReasoningOptions) -> Option<Effort> {
        if reasoning.mode == Some(ReasoningMode::Disabled) {
            if reasoning
                .effort
                .is_some_and(|effort| effort != Effort::None)
            {
                self.dropped(Field::Effort);
            }
            return Some(Effort::None);
        }
        if let Some(tokens) = reasoning.budget_tokens {
            if !self.scope.own {
                self.approximated(Field::ThinkingBudget);
            }
            return Some(
                reasoning
                    .effort
                    .unwrap_or_else(|| Effort::of_budget(tokens)),
            );
        }
        reasoning.effort
    }

    /// DeepSeek's words (`protocols`, section 4).
    fn deepseek(&mut self, reasoning: &ReasoningOptions) {
        let wanted = self.wanted_effort(reasoning);
        let mode = match (reasoning.mode, wanted) {
            (_, Some(Effort::None)) => Some("disabled"),
            (Some(ReasoningMode::Enabled | ReasoningMode::Adaptive), _) => Some("enabled"),
            _ => None,
        };
        if let Some(mode) = mode {
            self.body
                .object("thinking", |thinking| thinking.text("type", mode));
        }
        if reasoning.mode == Some(ReasoningMode::Adaptive) {
            self.approximated(Field::ReasoningMode);
        }
        let word = match wanted {
            None | Some(Effort::None) => return,
            Some(Effort::Minimal | Effort::Low) => "low",
            Some(Effort::Medium | Effort::High | Effort::XHigh) => "high",
            Some(Effort::Max) => "max",
        };
        if reasoning
            .effort
            .is_some_and(|effort| effort.as_str() != word)
        {
            self.approximated(Field::Effort);
        }
        self.body.text("reasoning_effort", word);
    }

    /// In the form of Anthropic's older models, which `LiteLLM` takes from Chat clients.
    fn budget(&mut self, reasoning: &ReasoningOptions) {
        let by_effort = reasoning.effort.filter(|effort| *effort != Effort::None);
        let tokens = reasoning
            .budget_tokens
            .or_else(|| by_effort.map(|effort| effort.budget_tokens().max(1024)));
        let off = reasoning.mode == Some(ReasoningMode::Disabled)
            || reasoning.effort == Some(Effort::None);
        let mode = match (off, tokens, reasoning.mode) {
            (true, ..) => "disabled",
            (false, Some(_), _) => "enabled",
            (false, None, Some(_)) => return self.approximated(Field::ReasoningMode),
            (false, None, None) => return,
        };
        if reasoning.effort.is_some() {
            self.approximated(Field::Effort);
        }
        self.body.object("thinking", |thinking| {
            thinking.text("type", mode);
            thinking.count_if("budget_tokens", tokens.filter(|_| !off));
        });
    }

    fn no_reasoning(&mut self, reasoning: &ReasoningOptions) {
        // A model that cannot think does as it is told.
        let off = reasoning.mode == Some(ReasoningMode::Disabled);
        if reasoning.mode.is_some() && !off {
            self.dropped(Field::ReasoningMode);
        }
        if reasoning
            .effort
            .is_some_and(|effort| effort != Effort::None)
        {
            self.dropped(Field::Effort);
        }
        if reasoning.budget_tokens.is_some() {
            self.dropped(Field::ThinkingBudget);
        }
    }

    /// Chat has no switch for it: servers that tell thoughts tell them whole, OpenAI tells none.
    fn display(&mut self, display: ThoughtDisplay) {
        match (display, self.scope.profile.reasoning_content) {
            (ThoughtDisplay::Omitted, false) => {}
            (ThoughtDisplay::Omitted, true) => self.dropped(Field::ThoughtDisplay),
            (_, true) => self.approximated(Field::ThoughtDisplay),
            (_, false) => self.dropped(Field::ThoughtDisplay),
        }
    }
}
