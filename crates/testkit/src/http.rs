//! As much of HTTP/1.1 (RFC 9112) as a provider needs, without a framework: what a client sent
//! is seen exactly, and what is sent back can be wrong in every way the script wants.

mod body;
mod head;
mod reply;
mod socket;

pub(crate) use head::Head;
pub(crate) use reply::{Frame, Halt, Reply};
pub(crate) use socket::{Failure, Socket};
