//! The vocabulary that three or more Orchestra crates share.
//!
//! Plain values without I/O: identifiers, token [`Usage`], [`Money`] and [`Price`], and the two things a
//! program must be handed to stay reproducible, a [`Clock`] and an [`Rng`].
//!
//! ```
//! use orchestra_types::{ProviderId, Usage};
//!
//! let provider = ProviderId::new("openai").expect("a valid name");
//! assert_eq!(provider.as_str(), "openai");
//!
//! let usage = Usage { input: 100, cache_read: 400, output: 20, reasoning: 30, ..Usage::default() };
//! assert_eq!(usage.total_input(), 500);
//! assert_eq!(usage.total_output(), 50);
//! ```

mod clock;
mod id;
mod money;
mod price;
mod rng;
mod usage;

pub use clock::{Clock, SystemClock};
pub use id::{CallId, InvalidName, KeyId, ModelId, ProviderId};
pub use money::{InvalidMoney, Money};
pub use price::{InvalidRate, Price, Rate, Rates};
pub use rng::{Rng, SeededRng};
pub use usage::Usage;
