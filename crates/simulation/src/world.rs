//! A world, and one run of it.

use std::time::Duration;

use orchestra_gateway::Settings;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Street;
use crate::clock::VirtualClock;
use crate::dice::Dice;
use crate::event::Event;
use crate::history::History;
use crate::ledger::Ledger;
use crate::outage::Outage;
use crate::setup::SetupError;
use crate::traffic::Traffic;
use crate::upstream::Upstream;

/// Where calls go.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// To one upstream after the other, as an alias leads.
    InOrder,
    /// Along a tree of strategies, in the language of Orchestra's configuration. Its targets name upstreams as
    /// providers, and the model `m`.
    Tree(serde_json::Value),
}

/// Everything that a run depends on, besides its seed.
#[derive(Clone, Debug)]
pub struct World {
    /// The upstreams.
    pub upstreams: Vec<Upstream>,
    /// What goes wrong with them.
    pub outages: Vec<Outage>,
    /// Where calls go.
    pub route: Route,
    /// Who comes.
    pub traffic: Traffic,
    /// The gateway's own bounds.
    pub settings: Settings,
}

impl World {
    /// A world in which all is well, with bounds short enough that a run is not mostly waiting: a minute for an answer
    /// in one piece, two for a stream, ten seconds of silence. A stream is held back for longer than it may be silent, so
    /// that silence before its content can still be hidden.
    #[must_use]
    pub fn new(upstreams: Vec<Upstream>) -> Self {
        Self {
            upstreams,
            outages: Vec::new(),
            route: Route::InOrder,
            traffic: Traffic::default(),
            settings: Settings {
                first_byte: Duration::from_secs(10),
                idle: Duration::from_secs(10),
                hold_back: Duration::from_secs(15),
                total: Duration::from_secs(60),
                stream_total: Duration::from_secs(120),
                ..Settings::default()
            },
        }
    }

    /// Runs it from the first call to the end of the last one. The same seed gives the same history, to the byte.
    ///
    /// Runs on a runtime of its own on the calling thread, whose time is virtual: a minute passes in as long as it takes to
    /// compute what happens in it.
    ///
    /// # Errors
    /// [`SetupError`] if there can be no such world.
    ///
    /// # Panics
    /// If it is called on a thread that runs asynchronous tasks.
    pub fn run(&self, seed: u64) -> Result<History, SetupError> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let events = runtime.block_on(self.live(seed))?;
        Ok(History {
            seed,
            world: self.clone(),
            events,
        })
    }

    async fn live(&self, seed: u64) -> Result<Vec<Event>, SetupError> {
        let (began, clock) = (Instant::now(), VirtualClock::start());
        let ledger = Ledger::new(clock);
        let street = Street {
            gateway: self.gateway(seed, clock, &ledger)?,
            ledger: ledger.clone(),
            for_ever: self.longest() + Duration::from_secs(30),
        };
        let mut clients = JoinSet::new();
        for visit in self.traffic.visits(Dice::new(seed, 1)) {
            sleep_until(began + visit.at).await;
            clients.spawn(street.clone().visit(visit));
        }
        clients.join_all().await;
        // What is not over by now never will be.
        sleep(Duration::from_secs(5)).await;
        Ok(ledger.take())
    }

    /// The longest that any call may take.
    pub(crate) fn longest(&self) -> Duration {
        self.settings.total.max(self.settings.stream_total)
    }

    /// The longest that such a call may take.
    pub(crate) const fn deadline(&self, streamed: bool) -> Duration {
        if streamed {
            self.settings.stream_total
        } else {
            self.settings.total
        }
    }
}
