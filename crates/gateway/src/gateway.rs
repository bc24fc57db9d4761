//! The pipeline: accept, plan, attempt, relay, settle.

use std::sync::Arc;

use arc_swap::Guard;
use http::{HeaderName, Response};
use orchestra_dialects::{Endpoint, Family};
use orchestra_types::{CallId, Clock, KeyId, Rng};

use crate::attempt::Recovery;
use crate::body::AnswerBody;
use crate::cache::{AnswerCache, CacheReport};
use crate::call::{Call, Incoming, asks};
use crate::conversations::{Conversations, resume};
use crate::failure::Failure;
use crate::hedging::Accounts;
use crate::keys::{KeyReport, KeySource};
use crate::overload::{CallLoad, Door, Given, Shed, ShedAt};
use crate::plan::{Plan, Planning};
use crate::providers::{Member, Providers};
use crate::record::{CallRecord, Sink};
use crate::refusal::Refusal;
use crate::respond::fail;
use crate::roster::Roster;
use crate::routes::{Directions, Finder, Routes};
use crate::served::Reply;
use crate::settings::Settings;
use crate::settle::Settlement;
use crate::transport::Transport;

/// Set to `true` by a client that wants to know what was tried for its call, and why.
const EXPLAIN: HeaderName = HeaderName::from_static("x-orchestra-explain");

/// What a gateway is made of. Time, chance and the network come in here, so that the whole
/// gateway can run in a simulation.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The providers and the rules that find a model's, which may be exchanged while calls run.
    pub providers: Arc<Roster>,
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
    pub(crate) hedges: Arc<Accounts>,
    pub(crate) cache: Arc<AnswerCache>,
    /// How many calls there are.
    door: Arc<Door>,
}

impl Gateway {
    /// A gateway made of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            cache: AnswerCache::new(parts.settings.cache, Arc::clone(&parts.rng)),
            door: Door::new(&parts.settings.overload),
            parts: Arc::new(parts),
            hedges: Arc::default(),
        }
    }

    /// The providers it works with now.
    #[must_use]
    pub fn providers(&self) -> Guard<Arc<Providers>> {
        self.parts.providers.now()
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
        let providers = self.providers();
        let members = providers.members();
        members.flat_map(|member| member.key_reports(now)).collect()
    }

    /// How many calls it has in hand.
    #[must_use]
    pub fn load(&self) -> CallLoad {
        self.door.load()
    }

    /// How much it keeps of earlier answers, and what became of them.
    #[must_use]
    pub fn cache_report(&self) -> CacheReport {
        self.cache.report()
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
                Ok(Reply::Kept(hit)) => hit.respond(family, settlement),
                Ok(Reply::Fresh(mut served)) => {
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
    ) -> Result<Reply, Failure> {
        let explain = asks(&call.headers, EXPLAIN)?;
        self.enter(call.given, settlement).await?;
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
        Ok(match self.attempt_all(&call, &plan, settlement).await? {
            Reply::Fresh(served) => {
                Reply::Fresh(served.with_plan(|at, deadline| {
                    Recovery::new(self.clone(), call, plan, at, deadline)
                }))
            }
            kept @ Reply::Kept(_) => kept,
        })
    }

    /// Takes a place among the calls that are served, and waits for one if need be.
    pub(crate) async fn enter(
        &self,
        given: Given,
        settlement: &mut Settlement,
    ) -> Result<(), Refusal> {
        if given.lowered {
            settlement.record.priority_lowered_to = Some(given.priority);
        }
        settlement.permit = self.door.enter();
        if settlement.permit.is_some() {
            return Ok(());
        }
        let (overload, since) = (&self.parts.settings.overload, settlement.now());
        let entered = self.door.wait(given.priority, overload).await;
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
        let providers = self.providers();
        let planning = Planning {
            finder: self.finder(&providers),
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

    /// Looks targets up among these providers.
    pub(crate) fn finder<'f>(&'f self, providers: &'f Providers) -> Finder<'f> {
        Finder::new(providers, &self.parts.routes)
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
            let checked = self.finder(&self.providers()).check(tree, false);
            checked.map_err(|error| Refusal::invalid_config(&error))?;
        }
        Call::accept(incoming, pinned, &self.parts.settings)
    }

    /// The provider that the call names, with the caller's own key if it brought one.
    fn pinned(&self, name: &str, directions: &Directions) -> Result<Arc<Member>, Refusal> {
        let providers = self.providers();
        let finder = self.finder(&providers);
        match (&directions.settings.custom_host, &directions.key) {
            (Some(host), key) => finder.elsewhere(name, host, key.as_ref()),
            (None, Some(key)) => finder.lent(name, key),
            (None, None) => self.member(name),
        }
    }

    pub(crate) fn member(&self, name: &str) -> Result<Arc<Member>, Refusal> {
        let member = self.providers().member(name).cloned();
        member.ok_or_else(|| Refusal::no_such_provider(name))
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
