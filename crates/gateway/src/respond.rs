//! What the client gets: status, headers and body of an answer, and who gave it.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use orchestra_dialects::Family;
use orchestra_health::Outcome;
use orchestra_types::Price;

use crate::answer::{Content, Whole};
use crate::body::AnswerBody;
use crate::cache::Storing;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::keys::Access;
use crate::overload::PRIORITY;
use crate::record::{CallRecord, Ending};
use crate::relay::{Bounds, StreamRelay};
use crate::served::Served;
use crate::settle::Settlement;

/// The call's identity, on every answer.
const CALL_ID: HeaderName = HeaderName::from_static("x-orchestra-call-id");
/// The provider that answered, or that failed last.
pub(crate) const PROVIDER: HeaderName = HeaderName::from_static("x-orchestra-provider");
/// How many sends it took.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-orchestra-attempts");

/// What was lost in translation.
pub(crate) const LOSSES: HeaderName = HeaderName::from_static("x-orchestra-losses");

/// Says `false` where a conversation should have been kept and is not.
const STORED: HeaderName = HeaderName::from_static("x-orchestra-stored");

/// What was tried, and why, as JSON.
const PLAN: HeaderName = HeaderName::from_static("x-orchestra-plan");

/// Where the target that answered, or that failed last, stands in the tree that the call followed.
pub(crate) const ROUTE: HeaderName = HeaderName::from_static("x-orchestra-route");

/// How often the target that answered, or that failed last, was asked again before.
pub(crate) const RETRIES: HeaderName = HeaderName::from_static("x-orchestra-retries");

/// What came of looking for a kept answer: `hit`, `miss` or `refresh`.
const CACHE: HeaderName = HeaderName::from_static("x-orchestra-cache");

/// The fields of the answer that the gateway estimated.
const ESTIMATED: HeaderName = HeaderName::from_static("x-orchestra-estimated");

impl Gateway {
    /// What the model costs that answered.
    fn price_of(&self, access: &Access, record: &CallRecord) -> Option<Price> {
        let answered = record.attempts.last()?;
        let providers = self.providers();
        self.finder(&providers)
            .price(&access.member, &answered.model)
    }

    /// The answer as the client gets it. Its record is settled when the client has it all.
    pub(crate) fn respond(
        &self,
        served: Served,
        family: Family,
        mut settlement: Settlement,
    ) -> Response<AnswerBody> {
        let Served {
            access,
            answer,
            deadline,
            keep,
            kept,
            recovery,
            store,
            ..
        } = served;
        let mut headers = relayed_headers(&access, &answer.headers, |_| false);
        settlement.answered(answer.status);
        settlement.priced(self.price_of(&access, &settlement.record));
        identify(&mut headers, family, &settlement.record);
        if let Content::Whole(whole) = &answer.content {
            settlement.record.losses.add(&whole.losses);
        }
        tell_losses(&mut headers, &settlement.record);
        if !kept {
            headers.insert(STORED, HeaderValue::from_static("false"));
        }
        // Other words for success are answers to other questions.
        let store = store.filter(|_| answer.status == StatusCode::OK);
        let body = match answer.content {
            Content::Whole(whole) => {
                access.judge(Outcome::Healthy, settlement.now());
                access.answered(whole.seen.usage.as_ref());
                let store = store.map(|store| store.labelled(&headers, false));
                whole_body(whole, store, settlement)
            }
            Content::Estimate { input_tokens } => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(ESTIMATED, HeaderValue::from_static("input_tokens"));
                settlement.close(Ending::Completed);
                AnswerBody::whole(format!("{{\"input_tokens\":{input_tokens}}}").into())
            }
            Content::Stream(opened) => {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                let bounds = Bounds {
                    idle: self.parts.settings.idle,
                    deadline,
                };
                let relay = StreamRelay::new(opened, bounds, access, family, settlement);
                let store = store.map(|store| store.labelled(&headers, true));
                AnswerBody::events(relay.keeping(keep).recovering(recovery).storing(store))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = headers;
        response
    }
}

/// An answer in one piece, which is kept where there is a place for it.
fn whole_body(whole: Whole, store: Option<Box<Storing>>, mut settlement: Settlement) -> AnswerBody {
    let Whole { body, seen, .. } = whole;
    if let Some(store) = store {
        store.keep_whole(&body, seen.usage, seen.finish.clone(), settlement.now());
    }
    settlement.record.usage = seen.usage;
    settlement.record.finish = seen.finish;
    settlement.close(Ending::Completed);
    AnswerBody::whole(body)
}

/// Says what the client's call, and an answer in one piece, lost in translation. What a stream loses is known when
/// its headers are gone, and stands in the record alone.
fn tell_losses(headers: &mut HeaderMap, record: &CallRecord) {
    if let Some(losses) = record.losses.header() {
        tracing::debug!(call = %record.id, ?losses, "lost in translation");
        headers.insert(LOSSES, losses);
    }
}

/// Answers a call that failed, and settles it.
pub(crate) fn fail(
    failure: &Failure,
    family: Family,
    mut settlement: Settlement,
) -> Response<AnswerBody> {
    let mut response = failure.respond(family, &settlement.record.id);
    identify(response.headers_mut(), family, &settlement.record);
    settlement.answered(response.status());
    settlement.close(failure.ending());
    response
}

/// What a client may see of an upstream's headers: the kind of body, what the provider's row
/// allows, and what `also` does.
pub(crate) fn relayed_headers(
    access: &Access,
    upstream: &HeaderMap,
    also: impl Fn(&HeaderName) -> bool,
) -> HeaderMap {
    let provider = &access.member.provider;
    let mut headers = HeaderMap::with_capacity(upstream.len() + 4);
    for (name, value) in upstream {
        let wanted = *name == CONTENT_TYPE || provider.relays_header(name) || also(name);
        if wanted && !access.gives_key_away(value.as_bytes()) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// Says which call this was and who answered it. An upstream's own request id stays: it is
/// the one that the vendor's support asks for.
pub(crate) fn identify(headers: &mut HeaderMap, family: Family, record: &CallRecord) {
    let Ok(id) = HeaderValue::from_bytes(&record.id.to_ascii()) else {
        return;
    };
    let request_id = HeaderName::from_static(match family {
        Family::OpenAi | Family::Google => "x-request-id",
        Family::Anthropic => "request-id",
    });
    headers.entry(request_id).or_insert_with(|| id.clone());
    headers.insert(CALL_ID, id);
    if let Some(last) = record.attempts.last() {
        headers.insert(ATTEMPTS, HeaderValue::from(record.attempts.len()));
        if let Ok(provider) = HeaderValue::from_str(last.provider.as_str()) {
            headers.insert(PROVIDER, provider);
        }
        if let Ok(route) = HeaderValue::from_str(&last.path)
            && !last.path.is_empty()
        {
            headers.insert(ROUTE, route);
        }
    }
    if let Some(cache) = &record.cache {
        headers.insert(CACHE, HeaderValue::from_static(cache.as_str()));
    }
    if let Some(priority) = record.priority_lowered_to {
        headers.insert(PRIORITY, HeaderValue::from_static(priority.as_str()));
    }
    if let Some(retries) = record.retries() {
        headers.insert(RETRIES, HeaderValue::from(retries));
    }
    let explanation = record.explanation.as_ref();
    if let Some(plan) = explanation.and_then(|explanation| explanation.header(record)) {
        headers.insert(PLAN, plan);
    }
}
