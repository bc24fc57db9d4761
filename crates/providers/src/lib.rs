#![doc = include_str!("../README.md")]

mod address;
mod assemble;
mod auth;
mod catalogue;
mod classify;
mod facts;
mod headers;
mod limits;
mod method;
mod nearest;
mod pattern;
mod profile;
mod provider;
mod registry;
mod resolve;
mod row;

pub use address::PathError;
pub use assemble::RowError;
pub use auth::AuthScheme;
pub use catalogue::{Catalogue, CatalogueError, UnknownKind};
pub use classify::{ErrorClass, ErrorRule};
pub use facts::{Dollars, LongPriceRow, ModelFactsRow, PriceRow};
pub use headers::never_goes_up;
pub use limits::{Counted, RateLimitHeaders, RateLimits, ResetFormat};
pub use nearest::nearest;
pub use profile::{ModelProfileRow, ProfileRow};
pub use provider::{CallUriError, Provider};
pub use registry::{Registry, RegistryError};
pub use resolve::{ResolveError, Target};
pub use row::{AuthRow, ByFamily, RateLimitRow, Row, StreamEnd};
