//! How the answer is made.

use std::borrow::Cow;

use super::super::super::inner;
use super::Scope;
use super::calls::shortened;
use crate::canonical::{Field, Place};
use crate::json::ObjectWriter;
use crate::{Dialect, Inexpressible, Losses, MaxTokensName};

/// The objects within the request whose unknown members are among its extras.
pub(super) const INNER: &[&str] = &["stream_options", "thinking", "response_format"];

/// OpenAI takes no more (openai-python, `completion_create_params`).
const MOST_STOPS: usize = 4;

/// The longest `safety_identifier` (openai-python, `completion_create_params`).
const LONGEST_USER: usize = 128;

/// Refuses what cannot be left out.
pub(super) fn check(scope: &Scope<'_>) -> Result<(), Inexpressible> {
    let sampling = &scope.request.sampling;
    let several = sampling.n.filter(|n| *n > 1);
    if several.is_some() && !scope.profile.sampling_extras {
        return Err(Inexpressible::new(
            Field::Candidates.path(scope.request.origin),
            "asks for several answers, but this model's provider gives one; ask once for each",
        ));
    }
    if sampling.max_output_tokens == Some(0) && !scope.own {
        return Err(Inexpressible::new(
            "max_tokens",
            "asks to warm the cache only, which this model's provider cannot do; ask for at least 1",
        ));
    }
    let many = sampling.stop.len() > MOST_STOPS && scope.profile.openai_fields;
    if many && !scope.own {
        return Err(Inexpressible::new(
            Field::Stop.path(scope.request.origin),
            format!(
                "holds more than the {MOST_STOPS} texts that this model's provider takes; leave some out"
            ),
        ));
    }
    Ok(())
}

/// Writes all options.
pub(super) fn write(body: &mut ObjectWriter<'_>, scope: &Scope<'_>, losses: &mut Losses) {
    let mut writer = Options {
        scope: *scope,
        body,
        losses,
    };
    writer.limits();
    writer.sampling();
    writer.sampling_extras();
    writer.reasoning();
    writer.format();
    writer.verbosity();
    writer.caching();
    writer.service();
    writer.stream();
}

pub(super) struct Options<'a, 'w, 'b> {
    pub(super) scope: Scope<'a>,
    pub(super) body: &'w mut ObjectWriter<'b>,
    pub(super) losses: &'w mut Losses,
}

impl Options<'_, '_, '_> {
    /// The field does not reach the target.
    pub(super) fn dropped(&mut self, field: Field) {
        self.losses.dropped(&[self.scope.request.place(field)]);
    }

    /// Something like the field reaches it.
    pub(super) fn approximated(&mut self, field: Field) {
        self.losses.approximated(&[self.scope.request.place(field)]);
    }

    /// Notes a field that the target does not know, if it was set. Tells whether it is to be written.
    fn takes(&mut self, known: bool, set: bool, field: Field) -> bool {
        if set && !known {
            self.dropped(field);
        }
        set && known
    }

    fn limits(&mut self) {
        let sampling = &self.scope.request.sampling;
        let old = self.scope.noted("max_tokens").is_some();
        let name = match self.scope.profile.max_tokens_name {
            _ if old => "max_tokens",
            MaxTokensName::MaxCompletionTokens => "max_completion_tokens",
            MaxTokensName::MaxTokens => "max_tokens",
        };
        self.body.count_if(name, sampling.max_output_tokens);
        if let Some(stop) = self.scope.noted("stop") {
            self.body.raw("stop", stop.as_str());
        } else if !sampling.stop.is_empty() {
            self.body.list("stop", |list| {
                sampling.stop.iter().for_each(|stop| list.text(stop));
            });
        }
    }

    fn sampling(&mut self) {
        let sampling = &self.scope.request.sampling;
        let known = self.scope.profile.sampling;
        if self.takes(known, sampling.temperature.is_some(), Field::Temperature) {
            self.body.number_if("temperature", sampling.temperature);
        }
        if self.takes(known, sampling.top_p.is_some(), Field::TopP) {
            self.body.number_if("top_p", sampling.top_p);
        }
        // Of vLLM and its kin; OpenAI refuses it, and so do those who take no more than what it has.
        let kin = !self.scope.profile.openai_fields && self.scope.profile.sampling_extras;
        let known = known && (self.scope.own || kin);
        if self.takes(known, sampling.top_k.is_some(), Field::TopK) {
            self.body.count_if("top_k", sampling.top_k);
        }
    }

    fn sampling_extras(&mut self) {
        let sampling = &self.scope.request.sampling;
        let known = self.scope.profile.sampling_extras;
        if known {
            self.body.count_if("n", sampling.n);
        }
        if self.takes(known, sampling.seed.is_some(), Field::Seed) {
            self.body.integer_if("seed", sampling.seed);
        }
        let penalty = sampling.frequency_penalty;
        if self.takes(known, penalty.is_some(), Field::FrequencyPenalty) {
            self.body.number_if("frequency_penalty", penalty);
        }
        let penalty = sampling.presence_penalty;
        if self.takes(known, penalty.is_some(), Field::PresencePenalty) {
            self.body.number_if("presence_penalty", penalty);
        }
        if self.takes(known, sampling.logit_bias.is_some(), Field::LogitBias) {
            self.body.raw_if("logit_bias", sampling.logit_bias.as_ref());
        }
        // OpenAI gives the other tokens only to those who ask for the first.
        let implied = (!self.scope.own && sampling.top_logprobs.is_some()).then_some(true);
        let logprobs = sampling.logprobs.or(implied);
        if self.takes(known, logprobs.is_some(), Field::Logprobs) {
            self.body.flag_if("logprobs", logprobs);
        }
        if self.takes(known, sampling.top_logprobs.is_some(), Field::TopLogprobs) {
            self.body.count_if("top_logprobs", sampling.top_logprobs);
        }
    }

    fn verbosity(&mut self) {
        let verbosity = self.scope.request.verbosity;
        let known = self.scope.profile.openai_fields;
        if self.takes(known, verbosity.is_some(), Field::Verbosity) {
            self.body.text_if(
                "verbosity",
                verbosity.map(crate::canonical::Verbosity::as_str),
            );
        }
    }

    fn caching(&mut self) {
        let cache = &self.scope.request.cache;
        let known = self.scope.profile.openai_fields;
        if self.takes(known, cache.key.is_some(), Field::CacheKey) {
            self.body.text_if("prompt_cache_key", cache.key.as_deref());
        }
        if self.takes(known, cache.retention.is_some(), Field::CacheRetention) {
            self.body
                .text_if("prompt_cache_retention", cache.retention.as_deref());
        }
        if cache.whole.is_some() {
            self.losses.dropped(&[Place::member("cache_control")]);
        }
    }

    fn service(&mut self) {
        let request = self.scope.request;
        let known = self.scope.profile.openai_fields;
        let store = request.state.store;
        // Not to store is what other servers do anyway.
        if self.takes(
            known,
            store.is_some_and(|store| store || known),
            Field::Store,
        ) {
            self.body.flag_if("store", store);
        }
        // OpenAI's words: "only allowed when 'store' is enabled".
        let stored = known && (self.scope.own || store == Some(true));
        if self.takes(stored, request.metadata.is_some(), Field::Metadata) {
            self.body.raw_if("metadata", request.metadata.as_ref());
        }
        if self.takes(known, request.service_tier.is_some(), Field::ServiceTier) {
            self.tier();
        }
        let new = known && self.scope.noted("user").is_none();
        let name = if new { "safety_identifier" } else { "user" };
        if let Some(user) = &request.user {
            let sent = self.user(user);
            self.body.text(name, &sent);
        }
    }

    /// Claude Code names device, account and session together, which is longer than OpenAI takes.
    fn user<'a>(&mut self, user: &'a str) -> Cow<'a, str> {
        if self.scope.own || !self.scope.profile.openai_fields {
            return Cow::Borrowed(user);
        }
        let sent = shortened(user, LONGEST_USER);
        if matches!(sent, Cow::Owned(_)) {
            let name = match self.scope.request.origin {
                Dialect::AnthropicMessages => "metadata.user_id",
                _ => "safety_identifier",
            };
            self.losses.approximated(&[Place::member(name)]);
        }
        sent
    }

    /// The tier in OpenAI's words; those of other vendors as far as they mean the same.
    fn tier(&mut self) {
        let Some(tier) = self.scope.request.service_tier.as_deref() else {
            return;
        };
        let lower = tier.to_ascii_lowercase();
        let word = match &*lower {
            "auto" | "default" | "flex" | "scale" | "priority" | "fast" => &lower,
            "standard" | "standard_only" => {
                self.approximated(Field::ServiceTier);
                "default"
            }
            _ if self.scope.own => tier,
            _ => return self.dropped(Field::ServiceTier),
        };
        self.body.text("service_tier", word);
    }

    /// The gateway counts tokens, so that every stream is asked for its usage.
    fn stream(&mut self) {
        let request = self.scope.request;
        if !request.stream {
            return;
        }
        self.body.flag("stream", true);
        if self.scope.profile.stream_options {
            self.body.object("stream_options", |options| {
                options.flag("include_usage", true);
                if self.scope.own {
                    inner::write(options, &request.extras, "stream_options");
                }
            });
        }
    }
}
