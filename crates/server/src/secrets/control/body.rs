//! Reading what an operator sends, so that nothing of it stays in memory.

use std::fmt;

use axum::body::Body;
use http::StatusCode;
use http_body_util::BodyExt;
use serde::de::{self, DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::answer::Refusal;

/// The largest body: a secret of 64 KiB, each byte written as `\u0000`, and what is said about it.
const MAX_BYTES: usize = 512 * 1024;

/// A text that is wiped when it is dropped, and is not printed.
///
/// What HTTP and JSON had in their own buffers is not wiped.
pub(super) struct Wiped(pub(super) Zeroizing<String>);

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiped")
    }
}

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Wiped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wiped, E> {
                Ok(Wiped(Zeroizing::new(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Wiped, E> {
                Ok(Wiped(Zeroizing::new(text)))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Reads a body. One that is empty is as good as `{}`.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = collect(body).await?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    // Whatever serde_json has to say may repeat what was sent.
    serde_json::from_slice(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            format!("the body is not the JSON that this call takes: see {place}"),
        )
    })
}

async fn collect(mut body: Body) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    // With room for all of it, so that it never moves and leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let told = "the body did not come whole";
            Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", told)
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > MAX_BYTES {
            let told = format!("the body has more than {MAX_BYTES} bytes");
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                told,
            ));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
