//! What Portkey's headers say.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use orchestra_gateway::{Refusal, RouteSettings};
use orchestra_types::ProviderId;

use super::invalid;

/// A day, in milliseconds.
const LONGEST_TIMEOUT: u64 = 86_400_000;
/// The longest trace id that is repeated, in bytes.
const LONGEST_TRACE: usize = 256;
/// What Portkey's SDKs send as a provider's key if they have none.
const NO_KEYS: [&str; 2] = ["OPENAI_API_KEY", "DUMMY-KEY"];

/// An address in place of the provider's.
pub(super) const CUSTOM_HOST: &str = "x-portkey-custom-host";

/// How headers begin that hold what one kind of provider needs: such a provider is configured here, not described by
/// each call.
const DESCRIPTIONS: [&str; 11] = [
    "azure-",
    "aws-",
    "amz-",
    "amzn-",
    "vertex-",
    "workers-ai-",
    "huggingface-",
    "fireworks-account",
    "snowflake-",
    "stability-",
    "oracle-",
];

/// The provider that a call names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: ProviderId,
    /// Whether it is one of the operator's, by `@slug` or as a virtual key.
    pub(super) is_slug: bool,
}

/// A call's headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers<'h>(pub(super) &'h HeaderMap);

impl<'h> Headers<'h> {
    /// A header that says something.
    pub(super) fn text(self, name: &str) -> Result<Option<&'h str>, Refusal> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let text = value.to_str().map_err(|_| {
            invalid(
                name,
                "it holds characters that are not ASCII; escape them as \\uXXXX",
            )
        })?;
        Ok(Some(text.trim()).filter(|text| !text.is_empty()))
    }

    /// Refuses headers that would have to be ignored.
    pub(super) fn refuse_unserved(self) -> Result<(), Refusal> {
        for name in self.0.keys() {
            let Some(own) = name.as_str().strip_prefix("x-portkey-") else {
                continue;
            };
            if DESCRIPTIONS.iter().any(|kind| own.starts_with(kind)) {
                let what = "a provider is not described by each call; configure it, and name it in x-portkey-provider";
                return Err(invalid(name.as_str(), what));
            }
        }
        Ok(())
    }

    /// The provider's header comes before the virtual key, and a slug before either.
    pub(super) fn provider(self) -> Result<Option<Named>, Refusal> {
        let provider = self.text("x-portkey-provider")?;
        let key = self.text("x-portkey-virtual-key")?;
        if let Some(slug) = provider.and_then(|text| text.strip_prefix('@')) {
            // What follows a slash is a model, which Portkey ignores here.
            let slug = slug.split('/').next().unwrap_or(slug);
            return named("x-portkey-provider", slug, true).map(Some);
        }
        match (key, provider) {
            (Some(slug), _) => {
                let slug = slug.strip_prefix('@').unwrap_or(slug);
                named("x-portkey-virtual-key", slug, true).map(Some)
            }
            (None, Some(name)) => named("x-portkey-provider", name, false).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What headers say of every target, whatever a config says.
    pub(super) fn settings(self) -> Result<RouteSettings, Refusal> {
        let timeout = self.text("x-portkey-request-timeout")?;
        let timeout = timeout.map(|text| {
            let millis = text.parse().ok();
            let millis = millis.filter(|millis| (1..=LONGEST_TIMEOUT).contains(millis));
            millis.map(Duration::from_millis).ok_or_else(|| {
                let problem = format!("it is a number of milliseconds, 1 to {LONGEST_TIMEOUT}");
                invalid("x-portkey-request-timeout", &problem)
            })
        });
        let forwards = self.text("x-portkey-forward-headers")?;
        let host = self.text(CUSTOM_HOST)?;
        Ok(RouteSettings {
            request_timeout: timeout.transpose()?,
            forward_headers: forwards.map(names),
            custom_host: host.map(str::to_owned),
            ..RouteSettings::default()
        })
    }

    /// The trace that the call belongs to: Portkey's own word, or that of W3C Trace Context.
    pub(super) fn trace(self) -> Option<HeaderValue> {
        let own = self.0.get("x-portkey-trace-id");
        let own = own.filter(|id| !id.is_empty() && id.len() <= LONGEST_TRACE);
        let parent = || {
            let text = self.0.get("traceparent")?.to_str().ok()?;
            let id = text.split('-').nth(1)?;
            let hex = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            hex.then(|| HeaderValue::from_str(id).ok()).flatten()
        };
        own.cloned().or_else(parent)
    }
}

fn named(header: &str, name: &str, is_slug: bool) -> Result<Named, Refusal> {
    let id = ProviderId::new(name).map_err(|_| {
        invalid(header, &format!("{name:?} is no provider's name: it is made of small letters, digits, `-`, `_` and `.`"))
    })?;
    Ok(Named { id, is_slug })
}

/// A list with commas; documents show it in brackets, too.
fn names(list: &str) -> Vec<String> {
    let bare = |name: &str| {
        let name = name.trim().trim_matches(['[', ']', '"', '\'', ' ']);
        name.to_owned()
    };
    list.split(',')
        .map(bare)
        .filter(|name| !name.is_empty())
        .collect()
}

/// A provider's key that the call brings along: in `Authorization`, with or without its scheme, or in `x-api-key`. Where
/// clients present keys of the gateway's, one of those two holds that key unless `x-portkey-api-key` does.
pub(super) fn provider_key(headers: &HeaderMap, keys_required: bool) -> Option<String> {
    let portkeys = headers.get("x-portkey-api-key");
    let portkeys = portkeys
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    let portkeys = portkeys.filter(|key| !key.is_empty());
    if keys_required && portkeys.is_none() {
        return None;
    }
    let text = |value: &HeaderValue| value.to_str().ok().map(|text| bearer(text).to_owned());
    let own = [AUTHORIZATION.as_str(), "x-api-key"]
        .into_iter()
        .filter_map(|name| headers.get(name).and_then(text));
    let is_key = |key: &String| {
        !key.is_empty() && !NO_KEYS.contains(&key.as_str()) && portkeys != Some(key.as_str())
    };
    own.into_iter().find(is_key)
}

fn bearer(text: &str) -> &str {
    match text.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        None if text.trim().eq_ignore_ascii_case("bearer") => "",
        _ => text.trim(),
    }
}
