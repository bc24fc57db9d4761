//! The pipeline: accept, plan, attempt, relay, settle.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use orchestra_dialects::{Endpoint, Family};
use orchestra_health::Outcome;
use orchestra_types::{CallId, Clock, KeyId, Price, Rng};
use tokio::time::Instant;

use crate::answer::{Answer, Content};
use crate::attempt::Recovery;
use crate::body::AnswerBody;
use crate::call::{Call, Incoming, asks};
use crate::conversations::{Conversations, Keep, resume};
use crate::failure::Failure;
use crate::hedging::Accounts;
use crate::keys::{Access, KeyReport, KeySource};
use crate::models::ModelLists;
use crate::overload::{CallLoad, Door, Priority, Shed, ShedAt};
use crate::plan::{Plan, Planning};
use crate::providers::{Member, Providers};
use crate::refusal::Refusal;
use crate::relay::{Bounds, StreamRelay};
use crate::routes::{Directions, Finder, Routes};
use crate::settings::Settings;
use crate::settle::{CallRecord, Ending, Settlement, Sink};
use crate::transport::Transport;

/// The call's identity, on every answer.
const CALL_ID: HeaderName = HeaderName::from_static("x-orchestra-call-id");
/// The provider that answered, or that failed last.
const PROVIDER: HeaderName = HeaderName::from_static("x-orchestra-provider");
/// How many sends it took.
const ATTEMPTS: HeaderName = HeaderName::from_static("x-orchestra-attempts");

/// What was lost in translation.
const LOSSES: HeaderName = HeaderName::from_static("x-orchestra-losses");

/// Says `false` where a conversation should have been kept and is not.
const STORED: HeaderName = HeaderName::from_static("x-orchestra-stored");

/// Set to `true` by a client that wants to know what was tried for its call, and why.
const EXPLAIN: HeaderName = HeaderName::from_static("x-orchestra-explain");

/// What was tried, and why, as JSON.
const PLAN: HeaderName = HeaderName::from_static("x-orchestra-plan");

/// Where the target that answered, or that failed last, stands in the tree that the call followed.
const ROUTE: HeaderName = HeaderName::from_static("x-orchestra-route");

/// How often the target that answered, or that failed last, was asked again before.
const RETRIES: HeaderName = HeaderName::from_static("x-orchestra-retries");

/// The fields of the answer that the gateway estimated.
const ESTIMATED: HeaderName = HeaderName::from_static("x-orchestra-estimated");

/// What a gateway is made of. Time, chance and the network come in here, so that the whole
/// gateway can run in a simulation.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The providers and the rules that find a model's.
    pub providers: Arc<Providers>,
    /// The door to the upstreams.
    pub transport: Arc<dyn Transport>,
    /// Where the records of calls go.
    pub sink: Arc<dyn Sink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for identities.
    pub rng: Arc<dyn Rng>,
    /// Where conversations are kept for providers that keep none. Without it, calls that go on from an earlier
    /// response reach only providers that keep it.
    pub conversations: Option<Arc<dyn Conversations>>,
    /// Who is asked for a newer version of a key that a provider refused. Without it, such a call goes on with
    /// the provider's other keys.
    pub keys: Option<Arc<dyn KeySource>>,
    /// Trees of strategies that calls may follow.
    pub routes: Arc<Routes>,
    /// The bounds of every call.
    pub settings: Settings,
}

/// The engine. Cheap to clone; all clones are one gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) parts: Arc<Parts>,
    pub(crate) lists: Arc<ModelLists>,
    pub(crate) hedges: Arc<Accounts>,
    /// How many calls there are.
    door: Arc<Door>,
}

impl Gateway {
    /// A gateway made of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let lists = Arc::new(ModelLists::of(&parts.providers));
        Self {
            door: Door::new(&parts.settings.overload),
            parts: Arc::new(parts),
            lists,
            hedges: Arc::default(),
        }
    }

    /// The providers it works with.
    #[must_use]
    pub fn providers(&self) -> &Providers {
        &self.parts.providers
    }

    /// The ways that its calls may take.
    #[must_use]
    pub fn routes(&self) -> &Routes {
        &self.parts.routes
    }

    /// How every key of every provider fares, by the provider's name.
    #[must_use]
    pub fn key_reports(&self) -> Vec<KeyReport> {
        let now = self.parts.clock.monotonic();
        let members = self.providers().members();
        members.flat_map(|member| member.key_reports(now)).collect()
    }

    /// How many calls it has in hand.
    #[must_use]
    pub fn load(&self) -> CallLoad {
        self.door.load()
    }

    /// A new identity for a call.
    #[must_use]
    pub fn mint(&self) -> CallId {
        CallId::random(self.parts.rng.as_ref())
    }

    /// Serves one call. Every outcome is an answer in the client's dialect; dropping the
    /// future or the answer's body aborts the call upstream. Exactly one record is settled.
    pub fn call(&self, incoming: Incoming) -> impl Future<Output = Response<AnswerBody>> + Send {
        // The future would hold all that came in, and to its end.
        let incoming = Box::new(incoming);
        async move {
            let family = incoming.endpoint.dialect().family();
            let mut settlement = self.open(Some(incoming.endpoint), incoming.client.clone());
            let accepted = self.accept(*incoming, &mut settlement).map(Box::new);
            let served = match accepted {
                Ok(call) => self.serve(call, &mut settlement).await,
                Err(refusal) => Err(refusal.into()),
            };
            match served {
                Ok(mut served) => {
                    served.keep_whole().await;
                    self.respond(served, family, settlement)
                }
                Err(failure) => fail(&failure, family, settlement),
            }
        }
    }

    /// Refuses a call that never got as far as [`Gateway::call`], in the words of the family, and
    /// settles its record. `endpoint` is `None` for what is on no endpoint's path.
    #[must_use]
    pub fn refuse(
        &self,
        refusal: Refusal,
        family: Family,
        endpoint: Option<Endpoint>,
    ) -> Response<AnswerBody> {
        fail(
            &Failure::Refused(refusal),
            family,
            self.open(endpoint, None),
        )
    }

    pub(crate) fn open(&self, endpoint: Option<Endpoint>, client: Option<KeyId>) -> Settlement {
        let record = CallRecord::open(self.mint(), endpoint, client, self.parts.clock.unix());
        Settlement::open(record, &self.parts.clock, &self.parts.sink)
    }

    async fn serve(
        &self,
        mut call: Box<Call>,
        settlement: &mut Settlement,
    ) -> Result<Served, Failure> {
        let explain = asks(&call.headers, EXPLAIN)?;
        self.enter(call.priority, settlement).await?;
        if let Some(store) = &self.parts.conversations
            && call.endpoint == Endpoint::Responses
        {
            let (client, limits) = (&settlement.record.client, &self.parts.settings.head);
            // In a place of its own: calls to other endpoints need no room for it.
            let resumed = Box::pin(resume(store, *call, client.as_ref(), limits));
            *call = resumed.await?;
        }
        let plan = self.plan(&call, settlement.record.client.as_ref())?;
        if explain {
            settlement.record.explanation = Some(Box::new(self.explained(&call, &plan)));
        }
        let served = self.attempt_all(&call, &plan, settlement).await?;
        Ok(served.with_plan(|at, deadline| Recovery::new(self.clone(), call, plan, at, deadline)))
    }

    /// Takes a place among the calls that are served, and waits for one if need be.
    pub(crate) async fn enter(
        &self,
        priority: Priority,
        settlement: &mut Settlement,
    ) -> Result<(), Refusal> {
        settlement.permit = self.door.enter();
        if settlement.permit.is_some() {
            return Ok(());
        }
        let (overload, since) = (&self.parts.settings.overload, settlement.now());
        let entered = self.door.wait(priority, overload).await;
        let waited = settlement.now().saturating_sub(since);
        match entered {
            Ok(permit) => {
                settlement.waited(waited);
                settlement.permit = Some(permit);
                Ok(())
            }
            Err((reason, busy_for)) => {
                let shed = Shed::new(ShedAt::Gateway, reason);
                settlement.record.shed = Some(shed);
                Err(Refusal::shed(shed, busy_for.min(overload.max_wait)))
            }
        }
    }

    /// What is tried for a call, as things stand.
    pub(crate) fn plan(&self, call: &Call, client: Option<&KeyId>) -> Result<Plan, Refusal> {
        let planning = Planning {
            finder: self.finder(),
            routes: &self.parts.routes,
            call,
            client,
            now: self.parts.clock.monotonic(),
            unix: self.parts.clock.unix(),
            rng: self.parts.rng.as_ref(),
            fallback: self.parts.settings.fallback,
        };
        planning.plan()
    }

    pub(crate) fn finder(&self) -> Finder<'_> {
        Finder::new(&self.parts.providers, &self.parts.routes)
    }

    fn accept(&self, incoming: Incoming, settlement: &mut Settlement) -> Result<Call, Refusal> {
        settlement.record.metadata = incoming.directions.metadata.clone();
        let call = self.read(incoming)?;
        call.head.model().clone_into(&mut settlement.record.model);
        settlement.record.streamed = call.head.stream();
        Ok(call)
    }

    /// Reads a call and what it says of where it goes.
    pub(crate) fn read(&self, incoming: Incoming) -> Result<Call, Refusal> {
        let pinned = match &incoming.provider {
            Some(name) => Some(self.pinned(name.as_str(), &incoming.directions)?),
            None => None,
        };
        let host = &incoming.directions.settings.custom_host;
        if host.is_some() && (incoming.directions.tree.is_some() || pinned.is_none()) {
            return Err(Refusal::custom_host(
                "it needs one provider whose language is spoken there: name that in x-portkey-provider; in a config, write \
                 `custom_host` into a target; or configure a provider with this `base_url`",
            ));
        }
        if let Some(tree) = &incoming.directions.tree {
            let checked = self.finder().check(tree, false);
            checked.map_err(|error| Refusal::invalid_config(&error))?;
        }
        Call::accept(incoming, pinned, &self.parts.settings)
    }

    /// The provider that the call names, with the caller's own key if it brought one.
    fn pinned(&self, name: &str, directions: &Directions) -> Result<Arc<Member>, Refusal> {
        match (&directions.settings.custom_host, &directions.key) {
            (Some(host), key) => self.finder().elsewhere(name, host, key.as_ref()),
            (None, Some(key)) => self.finder().lent(name, key),
            (None, None) => self.member(name),
        }
    }

    pub(crate) fn member(&self, name: &str) -> Result<Arc<Member>, Refusal> {
        self.parts
            .providers
            .member(name)
            .cloned()
            .ok_or_else(|| Refusal::no_such_provider(name))
    }

    /// What the model costs that answered.
    fn price_of(&self, access: &Access, record: &CallRecord) -> Option<Price> {
        let answered = record.attempts.last()?;
        self.finder().price(&access.member, &answered.model)
    }

    fn respond(
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
        let body = match answer.content {
            Content::Whole(whole) => {
                access.judge(Outcome::Healthy, settlement.now());
                settlement.record.usage = whole.seen.usage;
                settlement.record.finish = whole.seen.finish;
                settlement.close(Ending::Completed);
                AnswerBody::whole(whole.body)
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
                AnswerBody::events(relay.keeping(keep).recovering(recovery))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = headers;
        response
    }
}

/// Says what the client's call, and an answer in one piece, lost in translation. What a stream loses is known when
/// its headers are gone, and stands in the record alone.
fn tell_losses(headers: &mut HeaderMap, record: &CallRecord) {
    if let Some(losses) = record.losses.header() {
        tracing::debug!(call = %record.id, ?losses, "lost in translation");
        headers.insert(LOSSES, losses);
    }
}

/// An answer and where it came from.
pub(crate) struct Served {
    access: Access,
    answer: Answer,
    deadline: Instant,
    /// The conversation that is to be kept with it.
    keep: Option<Keep>,
    /// Whether what should be kept is, so far.
    kept: bool,
    /// The place in the plan whose stream may be gone on with elsewhere.
    recoverable: Option<usize>,
    /// Where it may be.
    recovery: Option<Box<Recovery>>,
}

impl Served {
    pub(crate) const fn new(access: Access, answer: Answer, deadline: Instant) -> Self {
        Self {
            access,
            answer,
            deadline,
            keep: None,
            kept: true,
            recoverable: None,
            recovery: None,
        }
    }

    /// With a conversation that is to be kept with it.
    pub(crate) fn keeping(self, keep: Option<Keep>) -> Self {
        Self { keep, ..self }
    }

    /// A stream from this place in the plan that may be gone on with elsewhere if it dies.
    pub(crate) fn recoverable(self, at: Option<usize>) -> Self {
        Self {
            recoverable: at,
            ..self
        }
    }

    /// With what is left of the plan, if the answer is a stream that may be gone on with.
    fn with_plan(mut self, rest: impl FnOnce(usize, Instant) -> Recovery) -> Self {
        if let (Content::Stream(_), Some(at)) = (&self.answer.content, self.recoverable) {
            self.recovery = Some(Box::new(rest(at, self.deadline)));
        }
        self
    }

    /// Keeps the conversation with an answer in one piece.
    async fn keep_whole(&mut self) {
        if let Content::Whole(whole) = &self.answer.content
            && let Some(keep) = self.keep.take()
        {
            let response = std::str::from_utf8(&whole.body).unwrap_or_default();
            self.kept = keep.with(response).await;
        }
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
    if let Some(retries) = record.retries() {
        headers.insert(RETRIES, HeaderValue::from(retries));
    }
    let explanation = record.explanation.as_ref();
    if let Some(plan) = explanation.and_then(|explanation| explanation.header(record)) {
        headers.insert(PLAN, plan);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever embeds the gateway may spawn its calls.
    #[test]
    fn calls_can_be_spawned() {
        fn is_send<'g, A, F: Send>(_: impl Fn(&'g Gateway, A) -> F) {}
        is_send(Gateway::call);
        is_send(Gateway::pass);
    }
}
