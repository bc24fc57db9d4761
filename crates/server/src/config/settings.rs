//! The bounds of calls, as the configuration says and as they are by default.

use orchestra_dialects::HeadLimits;
use orchestra_gateway::{Settings, Translation};
use orchestra_providers::Registry;

use super::{BuildError, Config};

impl Config {
    pub(super) fn settings(&self, registry: &Registry) -> Result<Settings, BuildError> {
        let usual = Settings::default();
        let (times, limits) = (&self.timeouts, &self.limits);
        let time = |own: Option<super::Seconds>, usual| own.map_or(usual, super::Seconds::duration);
        let number = |name, own: Option<usize>, usual| match own {
            Some(0) => Err(BuildError::ZeroLimit(name)),
            own => Ok(own.unwrap_or(usual)),
        };
        number("limits.max_body_bytes", limits.max_body_bytes, 1)?;
        let depth = number(
            "limits.max_json_depth",
            limits.max_json_depth,
            usize::from(usual.head.depth),
        )?;
        Ok(Settings {
            connect: time(times.connect_seconds, usual.connect),
            first_byte: time(times.first_byte_seconds, usual.first_byte),
            idle: time(times.idle_seconds, usual.idle),
            hold_back: time(times.hold_back_seconds, usual.hold_back),
            hold_back_more: self.hold_back_rules(registry)?,
            total: time(times.total_seconds, usual.total),
            stream_total: time(times.stream_total_seconds, usual.stream_total),
            max_attempts: number(
                "limits.max_attempts",
                limits.max_attempts,
                usual.max_attempts,
            )?,
            fallback: usual.fallback,
            retries: self.retry_rules(registry)?,
            hedging: self.hedge_rules(registry)?,
            max_answer_bytes: number(
                "limits.max_answer_bytes",
                limits.max_answer_bytes,
                usual.max_answer_bytes,
            )?,
            max_event_bytes: number(
                "limits.max_event_bytes",
                limits.max_event_bytes,
                usual.max_event_bytes,
            )?,
            head: HeadLimits {
                depth: u8::try_from(depth).unwrap_or(u8::MAX),
                ..usual.head
            },
            overload: self.overload(registry)?,
            translation: Translation {
                strict: self.translation.strict,
                strict_models: self.translation.strict_models.iter().cloned().collect(),
            },
            recovery: self.recovery()?,
            cache: self.cache()?,
        })
    }
}
