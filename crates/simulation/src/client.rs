//! One client's call, from its arrival to what it saw.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http_body_util::BodyExt;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{Directions, Gateway, Incoming, RouteSettings};
use tokio::time::timeout;

use crate::answer;
use crate::configured::Configured;
use crate::event::{Ending, Happening};
use crate::ledger::{CALL, Ledger};
use crate::reader::Reader;
use crate::traffic::Visit;

/// What every client of a world has.
#[derive(Clone, Debug)]
pub(crate) struct Street {
    pub(crate) gateway: Gateway,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) questions: Arc<Questions>,
    /// Long after everything should have ended.
    pub(crate) for_ever: Duration,
}

impl Street {
    /// Makes one call and notes what came of it.
    pub(crate) async fn visit(self, visit: Visit) {
        let Visit {
            call,
            streamed,
            leaves,
            ..
        } = visit;
        self.ledger.note(Happening::Arrived {
            call,
            streamed,
            leaves,
        });
        let mut reader = Reader::new(streamed);
        let patience = leaves.unwrap_or(self.for_ever);
        let read = timeout(patience, self.read(call, &mut reader)).await;
        let mut view = reader.view();
        if read.is_err() {
            view.ending = leaves.map_or(Ending::Hung, |_| Ending::Left);
        }
        self.ledger.note(Happening::Seen { call, view });
    }

    async fn read(&self, call: u32, reader: &mut Reader) {
        let came = self.ledger.now();
        let since = || self.ledger.now().saturating_sub(came);
        let response = self.gateway.call(self.questions.ask(call, reader)).await;
        reader.head(response.status().as_u16());
        let mut body = response.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(bytes) = frame.data_ref() {
                reader.take(bytes, since());
            }
        }
        reader.end(since());
    }
}

/// What clients ask.
#[derive(Clone, Debug)]
pub(crate) enum Questions {
    /// What leads to every upstream.
    Plain(RouteSettings),
    /// What somebody wants to know of a configuration.
    Configured(Box<Configured>, RouteSettings),
}

impl Questions {
    fn ask(&self, call: u32, reader: &Reader) -> Incoming {
        let streamed = reader.wants_stream();
        let mut incoming = match self {
            Self::Plain(settings) => plain(call, streamed, settings),
            Self::Configured(configured, settings) => {
                configured.incoming(call, streamed, None, settings)
            }
        };
        let metadata = &mut incoming.directions.metadata;
        metadata.insert(CALL.to_owned(), call.to_string());
        incoming
    }
}

fn plain(call: u32, streamed: bool, settings: &RouteSettings) -> Incoming {
    Incoming {
        endpoint: Endpoint::ChatCompletions,
        provider: None,
        client: None,
        headers: HeaderMap::new(),
        query: None,
        directions: Directions {
            settings: settings.clone(),
            ..Directions::default()
        },
        body: answer::request(call, streamed),
    }
}
