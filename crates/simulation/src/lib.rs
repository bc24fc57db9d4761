#![doc = include_str!("../README.md")]

mod answer;
mod check;
mod client;
mod clock;
mod dice;
mod event;
mod history;
mod ledger;
mod outage;
mod reader;
mod report;
mod scenario;
mod script;
mod setup;
mod sky;
mod traffic;
mod upstream;
mod world;

pub use check::{Rule, Violation, check};
pub use event::{Ending, Event, Happening, Heard, Over, Sent, View};
pub use history::History;
pub use outage::{Outage, Trouble};
pub use report::{Load, Report};
pub use scenario::Scenario;
pub use setup::SetupError;
pub use traffic::Traffic;
pub use upstream::{Overload, Upstream};
pub use world::{Route, World};
