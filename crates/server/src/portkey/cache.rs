//! What Portkey's headers say of kept answers.

use std::time::Duration;

use http::header::CACHE_CONTROL;
use orchestra_gateway::{Cache, CacheMode, CacheWish, Compat, Refusal};

use super::headers::Headers;
use super::invalid;

const CACHE: &str = "x-portkey-cache";
const REFRESH: &str = "x-portkey-cache-force-refresh";
const NAMESPACE: &str = "x-portkey-cache-namespace";
/// 90 days, the longest that a config may ask for.
const LONGEST: u64 = 7_776_000;
/// A namespace only sets answers apart; nobody needs a long one. In bytes.
const LONGEST_NAMESPACE: usize = 256;

impl Headers<'_> {
    /// What the caller wishes; `None` for nothing.
    pub(super) fn cache(self, compat: Compat) -> Result<Option<Box<CacheWish>>, Refusal> {
        let wish = CacheWish {
            usual: self.cache_mode()?,
            max_age: self.max_age(),
            refresh: self.wants_refresh(compat),
            namespace: self.namespace()?,
        };
        Ok((wish != CacheWish::default()).then(|| Box::new(wish)))
    }

    /// The old switch, for calls whose config says nothing.
    fn cache_mode(self) -> Result<Option<Cache>, Refusal> {
        let Some(word) = self.text(CACHE)? else {
            return Ok(None);
        };
        let mode = match word {
            "true" => Some(CacheMode::Simple),
            "false" => Some(CacheMode::Off),
            word => CacheMode::parse(word),
        };
        let unknown = || {
            let problem = format!("there is no cache {word:?}; there are simple and semantic");
            invalid(CACHE, &problem)
        };
        Ok(Some(Cache {
            mode: mode.ok_or_else(unknown)?,
            max_age: None,
        }))
    }

    /// `max-age` of `cache-control`. Other words there are for other caches.
    fn max_age(self) -> Option<Duration> {
        let control = self.0.get(CACHE_CONTROL)?.to_str().ok()?;
        let mut words = control.split(',').map(str::trim);
        let seconds = words.find_map(|word| {
            let (name, value) = word.split_once('=')?;
            let is_age = name.trim().eq_ignore_ascii_case("max-age");
            is_age.then(|| value.trim().parse::<u64>().ok()).flatten()
        });
        seconds.map(|seconds| Duration::from_secs(seconds.min(LONGEST)))
    }

    /// Portkey 1.x takes the header for a wish whatever it says.
    fn wants_refresh(self, compat: Compat) -> bool {
        let value = self.0.get(REFRESH);
        match compat {
            Compat::Correct => value.is_some_and(|value| value == "true"),
            Compat::Portkey => value.is_some(),
        }
    }

    fn namespace(self) -> Result<Option<String>, Refusal> {
        let namespace = self.text(NAMESPACE)?;
        if namespace.is_some_and(|text| text.len() > LONGEST_NAMESPACE) {
            let problem = format!("it is longer than {LONGEST_NAMESPACE} characters");
            return Err(invalid(NAMESPACE, &problem));
        }
        Ok(namespace.map(str::to_owned))
    }
}
