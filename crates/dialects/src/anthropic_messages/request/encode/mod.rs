//! Writes requests.
//!
//! First it is planned what is said in Anthropic's terms, with everything that is lost on the way; then that is
//! written. Planning is needed because the parts depend on each other: thinking on the choice of a tool, the form of
//! the answer on the tools, the place of a result on its call.

mod block;
mod context;
mod format;
mod media;
mod messages;
mod results;
mod sampling;
mod schema;
mod thinking;
mod tools;
mod write;

#[cfg(test)]
mod tests;

use crate::canonical::{Field, Request};
use crate::codec::{Inexpressible, Target};
use crate::json::{ObjectWriter, Writer};
use crate::{Dialect, Losses};

use super::super::nested;
use context::{Context, Mark};
use format::Format;
use messages::{Conversation, System};
use sampling::Sampling;
use thinking::{Situation, Thinking};
use tools::Tools;

/// Writes a request.
pub(in super::super) fn encode(
    request: &Request,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<String, Inexpressible> {
    request.check_foreign(Dialect::AnthropicMessages)?;
    let mut context = Context::new(request, target.profile, losses);
    let plan = Plan::of(&mut context)?;
    Ok(Writer::object(|object| {
        object.text("model", target.model);
        plan.write(object);
    }))
}

/// What is said, in Anthropic's terms.
struct Plan<'a> {
    tools: Tools<'a>,
    system: System<'a>,
    conversation: Conversation<'a>,
    format: Format<'a>,
    thinking: Thinking,
    sampling: Sampling<'a>,
    stream: bool,
    service_tier: Option<&'a str>,
    user: Option<&'a str>,
    whole: Option<Mark<'a>>,
    extras: &'a [(String, crate::RawJson)],
}

impl<'a> Plan<'a> {
    fn of(context: &mut Context<'a, '_>) -> Result<Self, Inexpressible> {
        let request = context.request;
        sampling::check(request)?;
        let format = Format::plan(context);
        let tools = Tools::plan(context, &format);
        let (system, rest) = System::plan(context, &format)?;
        let conversation = Conversation::plan(context, rest)?;
        let max_tokens = sampling::max_tokens(context);
        let situation = Situation {
            no_room: tools.forced() || conversation.ends_in_a_prefill(),
            loop_without_thoughts: conversation.ends_in_a_loop_without_thoughts(),
            max_tokens,
        };
        let thinking = Thinking::plan(context, &situation);
        let sampling = Sampling::plan(context, max_tokens, thinking.is_on());
        lose_what_has_no_place(context);
        Ok(Self {
            tools,
            system,
            conversation,
            format,
            thinking,
            sampling,
            stream: request.stream,
            service_tier: service_tier(context),
            user: request.user.as_deref(),
            whole: context.mark_of_the_whole(),
            extras: context.extras(&[], &request.extras),
        })
    }

    fn write(&self, object: &mut ObjectWriter<'_>) {
        self.sampling.write(object);
        self.system.write(object);
        self.conversation.write(object);
        self.tools.write(object, self.extras);
        self.thinking.write(object, self.extras);
        self.write_output_config(object);
        if self.stream {
            object.flag("stream", true);
        }
        self.write_metadata(object);
        object.text_if("service_tier", self.service_tier);
        write::mark(object, self.whole);
        nested::restore_plain(object, self.extras);
    }

    fn write_output_config(&self, object: &mut ObjectWriter<'_>) {
        let effort = self.thinking.effort_word();
        let schema = self.format.schema();
        let more = nested::any("output_config", self.extras);
        if effort.is_none() && schema.is_none() && !more {
            return;
        }
        object.object("output_config", |config| {
            config.text_if("effort", effort);
            if let Some(schema) = schema {
                config.object("format", |format| {
                    format.text("type", "json_schema");
                    format.raw("schema", schema);
                    nested::restore(format, "output_config.format", self.extras);
                    nested::restore(format, "output_format", self.extras);
                });
            }
            nested::restore(config, "output_config", self.extras);
        });
    }

    fn write_metadata(&self, object: &mut ObjectWriter<'_>) {
        if self.user.is_some() || nested::any("metadata", self.extras) {
            object.object("metadata", |metadata| {
                metadata.text_if("user_id", self.user);
                nested::restore(metadata, "metadata", self.extras);
            });
        }
    }
}

/// Options that Anthropic has nothing like.
fn lose_what_has_no_place(context: &mut Context<'_, '_>) {
    let request = context.request;
    let lost = [
        (Field::Verbosity, request.verbosity.is_some()),
        (Field::CacheKey, request.cache.key.is_some()),
        (Field::CacheRetention, request.cache.retention.is_some()),
        (Field::Store, request.state.store == Some(true)),
        (Field::Metadata, request.metadata.is_some()),
    ];
    for (field, _) in lost.into_iter().filter(|(_, said)| *said) {
        context.dropped(field);
    }
}

/// The nearest of Anthropic's tiers: `auto` uses bought capacity where there is some.
fn service_tier<'a>(context: &mut Context<'a, '_>) -> Option<&'a str> {
    let tier = context.request.service_tier.as_deref()?;
    match tier {
        "auto" | "standard_only" => return Some(tier),
        _ if context.own() => return Some(tier),
        _ => {}
    }
    let near = match tier {
        "default" | "standard" => "standard_only",
        "priority" => "auto",
        _ => {
            context.dropped(Field::ServiceTier);
            return None;
        }
    };
    context.approximated(Field::ServiceTier);
    Some(near)
}
