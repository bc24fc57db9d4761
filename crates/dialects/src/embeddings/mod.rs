//! Embeddings: what a client asks for, and vectors in the form that it asked for.
//!
//! OpenAI's form of the call is everybody's (Gemini's compatible endpoint too), so bodies pass as they are. What
//! differs is the form of the vectors: both of OpenAI's SDKs ask for base64 unasked, many servers answer with a
//! list of numbers all the same, and openai-node then decodes the list as if it were base64
//! (openai/openai-node, pull request 2150: 1,024 numbers become 256).

mod answer;
mod ask;
mod vector;

pub use answer::reencode_embeddings;
pub use ask::{EmbeddingsAsk, VectorForm};
