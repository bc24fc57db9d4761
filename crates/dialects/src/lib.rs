//! The wire formats that LLM clients and providers speak. (being written)

mod dialect;
mod error;

pub use dialect::{Dialect, Endpoint, Family};
pub use error::{ErrorKind, ErrorView, UpstreamError};
