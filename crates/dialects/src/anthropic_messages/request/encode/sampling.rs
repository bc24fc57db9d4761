//! How tokens are drawn, how many, and when to stop.

use crate::canonical::{Field, Place, Request};
use crate::codec::Inexpressible;
use crate::json::ObjectWriter;

use super::context::Context;

/// The options in Anthropic's terms.
pub(super) struct Sampling<'a> {
    max_tokens: u64,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    stop: Vec<&'a str>,
}

/// With thinking on, `top_p` may go no lower (docs.claude.com, "Extended thinking").
const LEAST_TOP_P_WITH_THINKING: f64 = 0.95;

/// Several answers cannot be had from one call.
pub(super) fn check(request: &Request) -> Result<(), Inexpressible> {
    match request.sampling.n {
        Some(n) if n > 1 => Err(Inexpressible::new(
            Field::Candidates.path(request.origin),
            format!(
                "asks for {n} answers, and this model gives one to a call; ask for one, or call {n} times"
            ),
        )),
        _ => Ok(()),
    }
}

/// The limit of tokens, which Anthropic requires.
pub(super) fn max_tokens(context: &mut Context<'_, '_>) -> u64 {
    context
        .request
        .sampling
        .max_output_tokens
        .unwrap_or_else(|| {
            context.losses.defaulted("max_tokens");
            context.profile.default_max_output_tokens
        })
}

impl<'a> Sampling<'a> {
    pub(super) fn plan(context: &mut Context<'a, '_>, max_tokens: u64, thinking: bool) -> Self {
        lose_what_nobody_draws_by(context);
        let asked = &context.request.sampling;
        let temperature = asked
            .temperature
            .and_then(|t| temperature(context, t, thinking));
        Self {
            max_tokens,
            temperature,
            top_p: asked.top_p.and_then(|p| {
                let free = temperature.is_none() || context.own();
                let fits = free && (!thinking || p >= LEAST_TOP_P_WITH_THINKING);
                keep(context, Field::TopP, p, fits)
            }),
            top_k: asked
                .top_k
                .and_then(|k| keep(context, Field::TopK, k, !thinking)),
            stop: stop(context),
        }
    }

    pub(super) fn write(&self, object: &mut ObjectWriter<'_>) {
        object.count("max_tokens", self.max_tokens);
        object.number_if("temperature", self.temperature);
        object.number_if("top_p", self.top_p);
        object.count_if("top_k", self.top_k);
        if !self.stop.is_empty() {
            object.list("stop_sequences", |list| {
                self.stop.iter().for_each(|text| list.text(text));
            });
        }
    }
}

/// An option that is kept where the model takes it and it `fits` the others.
fn keep<T>(context: &mut Context<'_, '_>, field: Field, value: T, fits: bool) -> Option<T> {
    let kept = context.profile.sampling && fits;
    if !kept {
        context.dropped(field);
    }
    kept.then_some(value)
}

/// From 0 to 1, and with thinking only 1.
#[expect(
    clippy::float_cmp,
    reason = "1 is written exactly, or it is another number"
)]
fn temperature(context: &mut Context<'_, '_>, temperature: f64, thinking: bool) -> Option<f64> {
    let clamped = temperature.clamp(0.0, 1.0);
    let kept = keep(
        context,
        Field::Temperature,
        clamped,
        !thinking || clamped == 1.0,
    )?;
    if kept != temperature {
        context.approximated(Field::Temperature);
    }
    Some(kept)
}

/// Values that ask for what happens anyway are no loss.
fn lose_what_nobody_draws_by(context: &mut Context<'_, '_>) {
    let asked = &context.request.sampling;
    let penalty = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    let lost = [
        (Field::Seed, asked.seed.is_some()),
        (Field::FrequencyPenalty, penalty(asked.frequency_penalty)),
        (Field::PresencePenalty, penalty(asked.presence_penalty)),
        (Field::LogitBias, asked.logit_bias.is_some()),
        (Field::Logprobs, asked.logprobs == Some(true)),
        (Field::TopLogprobs, asked.top_logprobs.is_some()),
    ];
    for (field, _) in lost.into_iter().filter(|(_, said)| *said) {
        context.dropped(field);
    }
}

/// Anthropic refuses texts of nothing but whitespace.
fn stop<'a>(context: &mut Context<'a, '_>) -> Vec<&'a str> {
    let request = context.request;
    let mut kept = Vec::new();
    for (index, text) in request.sampling.stop.iter().enumerate() {
        if text.trim().is_empty() {
            let place = Place::item(Field::Stop.path(request.origin), index);
            context.losses.dropped(&[place]);
        } else {
            kept.push(&**text);
        }
    }
    kept
}
