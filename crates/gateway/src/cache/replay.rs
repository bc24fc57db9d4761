//! An answer that was kept, for a call that asks the same.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use orchestra_dialects::Family;
use orchestra_types::{ModelId, ProviderId, Usage};

use super::kept::Kept;
use crate::body::AnswerBody;
use crate::record::Ending;
use crate::respond::{LOSSES, PROVIDER, RETRIES, ROUTE, identify};
use crate::settle::Settlement;

/// What came of looking for a kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheUse {
    /// There was one, and the client got it.
    Hit(Box<CacheHit>),
    /// There was none. The answer is kept if it becomes whole.
    Miss,
    /// None was looked for, because the client wanted a new one. The answer is kept if it becomes whole.
    Refresh,
}

impl CacheUse {
    /// One word for logs, metrics and the header `x-orchestra-cache`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Hit(_) => "hit",
            Self::Miss => "miss",
            Self::Refresh => "refresh",
        }
    }
}

/// Where a kept answer came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheHit {
    /// Who gave it once.
    pub provider: ProviderId,
    /// The model there.
    pub model: ModelId,
    /// Where that target stands in the tree that the call followed; empty without a tree.
    pub path: String,
    /// How old it was.
    pub age: Duration,
    /// The tokens that it tells of. They were paid for once, and are in no sum again.
    pub usage: Option<Usage>,
}

/// A kept answer and where it came from.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) kept: Arc<Kept>,
    pub(crate) from: CacheHit,
}

impl Hit {
    pub(crate) fn new(
        (kept, age): (Arc<Kept>, Duration),
        provider: &ProviderId,
        model: &ModelId,
        path: &str,
    ) -> Self {
        let from = CacheHit {
            provider: provider.clone(),
            model: model.clone(),
            path: path.to_owned(),
            age,
            usage: kept.usage,
        };
        Self { kept, from }
    }

    /// The same bytes as before, with this call's own identity.
    pub(crate) fn respond(
        self,
        family: Family,
        mut settlement: Settlement,
    ) -> Response<AnswerBody> {
        let Self { kept, from } = self;
        let mut headers = HeaderMap::with_capacity(8);
        let label = &kept.label;
        for (name, value) in [(CONTENT_TYPE, &label.content_type), (LOSSES, &label.losses)] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        if label.streamed {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.insert(AGE, HeaderValue::from(from.age.as_secs()));
        settlement.answered(StatusCode::OK);
        settlement.record.finish.clone_from(&kept.finish);
        let place = (from.provider.clone(), from.path.clone());
        settlement.record.cache = Some(CacheUse::Hit(Box::new(from)));
        identify(&mut headers, family, &settlement.record);
        name_place(&mut headers, &place.0, &place.1);
        settlement.close(Ending::Completed);
        let mut response = Response::new(AnswerBody::whole(kept.body.clone()));
        *response.headers_mut() = headers;
        response
    }
}

/// Says whose answer it is, in place of the target that failed before.
fn name_place(headers: &mut HeaderMap, provider: &ProviderId, path: &str) {
    headers.remove(RETRIES);
    headers.remove(ROUTE);
    if let Ok(provider) = HeaderValue::from_str(provider.as_str()) {
        headers.insert(PROVIDER, provider);
    }
    if let Ok(path) = HeaderValue::from_str(path)
        && !path.is_empty()
    {
        headers.insert(ROUTE, path);
    }
}
