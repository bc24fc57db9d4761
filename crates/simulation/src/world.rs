//! A world, and one run of it.

use std::time::Duration;

use orchestra_gateway::Settings;
use orchestra_health::Policy;
use orchestra_types::{Price, Rates};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Street;
use crate::clock::VirtualClock;
use crate::configured::Configured;
use crate::dice::Dice;
use crate::history::History;
use crate::ledger::{Book, Ledger};
use crate::measure::Measure;
use crate::outage::Outage;
use crate::report::Report;
use crate::setup::SetupError;
use crate::tally::Tally;
use crate::traffic::Traffic;
use crate::upstream::Upstream;

/// Where calls go.
#[derive(Clone, Debug)]
pub enum Route {
    /// To one upstream after the other, as an alias leads.
    InOrder,
    /// Along a tree of strategies, in the language of Orchestra's configuration. Its targets name upstreams as
    /// providers, and the model `m`.
    Tree(serde_json::Value),
    /// As somebody configured it.
    Configured(Box<Configured>),
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
    /// When the gateway takes an upstream for one that fails.
    pub policy: Policy,
    /// What the gateway has to do without.
    pub without: Vec<Measure>,
    /// Whether the luck of a call at an upstream depends on the call alone, not on when it comes there: then what could have
    /// been served is known of each call.
    pub fated: bool,
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
            policy: Policy::default(),
            without: Vec::new(),
            fated: false,
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
        let events = match self.on_virtual_time(seed, Book::Log(Vec::new()))? {
            Book::Log(events) => events,
            Book::Count(_) => Vec::new(),
        };
        Ok(History {
            seed,
            world: self.clone(),
            events,
        })
    }

    /// Runs it as [`World::run`] does and keeps nothing but the figures, so that a run of millions of calls fits into memory.
    ///
    /// # Errors
    /// [`SetupError`] if there can be no such world.
    ///
    /// # Panics
    /// If it is called on a thread that runs asynchronous tasks.
    pub fn measure(&self, seed: u64) -> Result<Report, SetupError> {
        let tally = Tally::new(self.clone(), seed);
        match self.on_virtual_time(seed, Book::Count(Box::new(tally)))? {
            Book::Count(tally) => Ok(tally.report()),
            Book::Log(events) => Ok(Tally::of(self.clone(), seed, &events).report()),
        }
    }

    fn on_virtual_time(&self, seed: u64, book: Book) -> Result<Book, SetupError> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(self.live(seed, book))
    }

    async fn live(&self, seed: u64, book: Book) -> Result<Book, SetupError> {
        let (began, clock) = (Instant::now(), VirtualClock::start());
        let ledger = Ledger::new(clock, book);
        let street = Street {
            gateway: self.gateway(seed, clock, &ledger)?,
            ledger: ledger.clone(),
            questions: self.questions(),
            for_ever: self.longest() + Duration::from_secs(30),
        };
        let mut clients = JoinSet::new();
        for visit in self.traffic.visits(Dice::new(seed, 1)) {
            sleep_until(began + visit.at).await;
            clients.spawn(street.clone().visit(visit));
            // Who is gone needs no room.
            while clients.try_join_next().is_some() {}
        }
        clients.join_all().await;
        // What is not over by now never will be.
        sleep(Duration::from_secs(5)).await;
        Ok(ledger.take())
    }

    /// What an upstream asks for its tokens; `None` if that is not known. Where nobody configured it, they differ, so that none
    /// can be taken for another.
    pub(crate) fn price(&self, target: usize) -> Option<Price> {
        let upstream = &self.upstreams[target];
        match &self.route {
            Route::InOrder | Route::Tree(_) => Some(Price {
                usual: scripted_rates(target),
                long: None,
            }),
            Route::Configured(configured) => {
                let provider = configured.registry.provider(&upstream.name)?;
                provider.price(upstream.model.as_deref()?).copied()
            }
        }
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

/// A dollar for a million tokens of input at the first upstream, two at the second and so on; five times as much for output.
pub(crate) fn scripted_rates(target: usize) -> Rates {
    let dollars = target + 1;
    Rates {
        input: dollars.to_string().parse().ok(),
        output: (dollars * 5).to_string().parse().ok(),
        ..Rates::default()
    }
}
