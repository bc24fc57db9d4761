#![doc = include_str!("../README.md")]

mod answer;
mod check;
mod client;
mod clock;
mod configured;
mod dice;
mod event;
mod fate;
mod history;
mod ledger;
mod measure;
mod outage;
mod reader;
mod report;
mod scenario;
mod script;
mod setup;
mod sky;
mod tally;
mod traffic;
mod upstream;
mod weather;
mod world;

pub use check::{Rule, Violation, check};
pub use configured::Configured;
pub use event::{Attempted, Charge, Ending, Event, Happening, Heard, Over, Sent, View};
pub use history::History;
pub use measure::Measure;
pub use outage::{Outage, Trouble, UnknownTrouble};
pub use report::{Load, Report};
pub use scenario::Scenario;
pub use setup::SetupError;
pub use traffic::Traffic;
pub use upstream::{Overload, Upstream};
pub use weather::{TableError, Weather, read_outages};
pub use world::{Route, World};
