//! Going on with an answer whose stream died, at another target.

mod request;
mod seam;
mod told;

pub use request::{encode_continuation, may_be_continued};
pub(crate) use told::Told;
