//! Portkey's own REST interface: saved configs, feedback, logs, providers.
//!
//! The paths, bodies and answers are those that its clients for Python (2.3.4) and Node (3.1.0) send and read.

mod answer;
mod ask;
mod change;
mod configs;
mod feedback;
mod logs;
mod notes;
mod paths;
mod providers;
mod trees;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;
use orchestra_store::{Configs, Database, Failed, Notes, OpenError};
use orchestra_types::{Clock, KeyId, Rng};
use serde_json::Value;

pub(crate) use answer::with_portkeys_words;
use ask::Ask;
use paths::Operation;
pub(crate) use paths::{all as paths, of_operators as operators_paths};
pub(crate) use trees::{SavedTree, SavedTrees};

use super::headers::Headers;
use crate::config::RestSettings;
use crate::routes::{App, access, body};

/// What the interface works with.
#[derive(Debug)]
pub(crate) struct Rest {
    admins: Vec<KeyId>,
    /// The configs of the configuration, as they are shown.
    written: BTreeMap<String, Value>,
    kept: Option<Kept>,
    /// The saved configs, for calls.
    pub(crate) saved: SavedTrees,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// What is kept in a file.
#[derive(Debug)]
struct Kept {
    configs: Configs,
    notes: Notes,
    /// One changes configs at a time, so that calls and the file do not go apart.
    changing: tokio::sync::Mutex<()>,
}

/// Why it cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("saved configs cannot be read")]
    Read(#[from] Failed),
}

impl Rest {
    /// Opens the file, if there is to be one, and reads the saved configs.
    pub(crate) async fn open(
        settings: RestSettings,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, RestError> {
        let kept = match &settings.path {
            None => None,
            Some(path) => {
                let database = Database::open(path).await?;
                Some(Kept {
                    configs: Configs::of(&database),
                    notes: Notes::of(&database, settings.bounds, Arc::clone(&clock)),
                    changing: tokio::sync::Mutex::default(),
                })
            }
        };
        let rest = Self {
            admins: settings.admins,
            written: settings.written,
            kept,
            saved: SavedTrees::default(),
            clock,
            rng,
        };
        rest.read_saved().await?;
        Ok(rest)
    }

    async fn read_saved(&self) -> Result<(), Failed> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let saved = kept.configs.all().await?;
        for twice in saved.iter().filter(|s| self.written.contains_key(&s.slug)) {
            let slug = &twice.slug;
            tracing::warn!(
                config = slug,
                "a saved config is hidden by one of [configs]"
            );
        }
        self.saved.fill(&saved);
        Ok(())
    }

    fn kept(&self) -> Result<&Kept, Refusal> {
        self.kept.as_ref().ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_IMPLEMENTED,
                ErrorKind::Server,
                "nothing_is_kept",
                "this gateway has no place for configs, feedback and logs: its operator must set `path` in [portkey] to a \
                 file for them",
            )
            .for_good()
        })
    }

    fn is_admin(&self, client: Option<&KeyId>) -> bool {
        client.is_some_and(|client| self.admins.contains(client))
    }

    /// Milliseconds since 1970.
    fn now(&self) -> i64 {
        i64::try_from(self.clock.unix().as_millis()).unwrap_or(i64::MAX)
    }

    /// An identity in the form of Portkey's (RFC 9562, version 4).
    fn identity(&self) -> String {
        let (high, low) = (self.rng.next_u64(), self.rng.next_u64());
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        let text = format!("{high:016x}{low:016x}");
        let parts = [
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..],
        ];
        parts.join("-")
    }
}

/// Serves one call.
///
/// # Errors
/// What the client is told.
pub(crate) async fn serve(app: &App, request: Request<Body>) -> Result<Value, Refusal> {
    let asked = paths::find(request.method(), request.uri().path());
    let asked = asked.map_or("none", |(operation, _)| operation.name());
    let served = answer(app, request).await;
    let status = served
        .as_ref()
        .map_or_else(|refusal| refusal.status, |_| StatusCode::OK);
    app.metrics.rest(asked, status);
    served
}

async fn answer(app: &App, request: Request<Body>) -> Result<Value, Refusal> {
    let (head, body) = request.into_parts();
    let client = access::identify(&app.keeper.clients().now(), &head.headers)?;
    let (operation, name) = paths::find(&head.method, head.uri.path())?;
    let is_admin = app.rest.is_admin(client.as_ref());
    if operation.is_for_admins() && !is_admin {
        return Err(not_admin(client.as_ref()));
    }
    let body = body::read(&head.headers, body, app.max_body_bytes, app.body_patience).await?;
    let trace = Headers(&head.headers).trace();
    let ask = Ask {
        client,
        is_admin,
        name,
        trace: trace.and_then(|trace| Some(trace.to_str().ok()?.to_owned())),
        query: head.uri.query().unwrap_or_default(),
        body,
        now: app.rest.now(),
    };
    perform(app, operation, &ask).await
}

async fn perform(app: &App, operation: Operation, ask: &Ask<'_>) -> Result<Value, Refusal> {
    match operation {
        Operation::ListConfigs => configs::list(&app.rest).await,
        Operation::CreateConfig => configs::create(app, ask).await,
        Operation::ReadConfig => configs::read(&app.rest, ask).await,
        Operation::UpdateConfig => configs::update(app, ask).await,
        Operation::DeleteConfig => configs::delete(&app.rest, ask).await,
        Operation::ListVersions => configs::versions(&app.rest, ask).await,
        Operation::ListProviders => providers::list(app, ask),
        Operation::ReadProvider => providers::read(app, ask),
        Operation::CreateProvider => providers::create(app, ask).await,
        Operation::UpdateProvider => providers::update(app, ask).await,
        Operation::DeleteProvider => providers::delete(app, ask).await,
        Operation::CreateFeedback => feedback::create(&app.rest, ask).await,
        Operation::ListFeedback => feedback::list(&app.rest, ask).await,
        Operation::ReadFeedback => feedback::read(&app.rest, ask).await,
        Operation::UpdateFeedback => feedback::update(&app.rest, ask).await,
        Operation::InsertLogs => logs::insert(&app.rest, ask).await,
        Operation::ListLogs => logs::list(&app.rest, ask).await,
        Operation::ReadLog => logs::read(&app.rest, ask).await,
    }
}

fn not_admin(client: Option<&KeyId>) -> Refusal {
    let mending = match client {
        Some(client) => format!(
            "the key `{client}` may not see or change what all calls go by: the gateway's operator must name it in \
             `admin_keys` of [portkey]"
        ),
        None => "without client keys nobody may see or change what all calls go by: the gateway's operator must set \
                 `client_keys` in [server], and name one of them in `admin_keys` of [portkey]"
            .to_owned(),
    };
    Refusal::new(
        StatusCode::FORBIDDEN,
        ErrorKind::Permission,
        "not_an_admin_key",
        mending,
    )
    .for_good()
}

/// The file could not be read or written; what is wrong with it is the operator's.
fn unavailable(error: Failed) -> Refusal {
    tracing::error!("{:#}", anyhow::Error::from(error));
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Server,
        "store_unavailable",
        "the gateway's database cannot be used now",
    )
}
