//! OpenAI Embeddings.

use serde::Serialize;

use super::ask::{Ask, InvalidAsk};
use super::json;
use crate::checksum::checksum;

#[derive(Serialize)]
struct Embeddings<'a> {
    object: &'a str,
    data: Vec<Embedding<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Embedding<'a> {
    object: &'a str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Floats(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Vectors of length 1 that depend on the text alone: the same text has the same vector.
pub(crate) fn embeddings(ask: &Ask<'_>) -> Result<Vec<u8>, InvalidAsk> {
    let (dimensions, base64) = ask.embedding_format()?;
    let inputs = ask.inputs()?;
    let data = inputs.iter().enumerate().map(|(index, input)| {
        let floats = vector(checksum(input.get().as_bytes()), dimensions);
        let embedding = if base64 {
            Vector::Base64(encode(&floats))
        } else {
            Vector::Floats(floats)
        };
        Embedding {
            object: "embedding",
            index,
            embedding,
        }
    });
    let tokens = ask.input_tokens();
    Ok(json(&Embeddings {
        object: "list",
        data: data.collect(),
        model: ask.model(),
        usage: Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    }))
}

fn vector(seed: u64, dimensions: usize) -> Vec<f32> {
    // Xorshift (Marsaglia, 2003); its state must not be zero.
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u32 << 23) as f32 - 1.0
    };
    let raw: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = raw
        .iter()
        .map(|x| x * x)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    raw.into_iter().map(|x| x / length).collect()
}

/// Base64 (RFC 4648, section 4) of the little-endian bytes.
fn encode(floats: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = floats
        .iter()
        .flat_map(|float| float.to_le_bytes())
        .collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let known = digit <= group.len();
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if known {
                char::from(DIGITS[value as usize])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn encodes_as_another_implementation_does() {
        for dimensions in 1..=7 {
            let floats = vector(42, dimensions);
            let bytes: Vec<u8> = floats
                .iter()
                .flat_map(|float| float.to_le_bytes())
                .collect();
            let expected = base64::engine::general_purpose::STANDARD.encode(bytes);
            assert_eq!(encode(&floats), expected);
        }
    }

    #[test]
    fn vectors_have_length_one_and_differ() {
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((length(&vector(1, 256)) - 1.0).abs() < 1e-5);
        assert_ne!(vector(checksum(b"a"), 8), vector(checksum(b"b"), 8));
    }
}
