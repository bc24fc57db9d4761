//! What is left of a key in this process's memory.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use memchr::memchr_iter;
use orchestra_dialects::Endpoint;
use orchestra_gateway::{KeyName, Keys, ProviderKey};
use orchestra_providers::AuthScheme;
use orchestra_secrets::Secret;

use crate::harness::{Ask, MODEL, Stage, patient, row};
use crate::pieces::Pieces;
use crate::wire;

const VEIL: u8 = 0x5a;
const CHUNK_BYTES: usize = 1 << 20;

/// The end of a key, veiled, so that the test itself holds no copy of it. The beginning of freed memory is
/// overwritten by the allocator in any case; the end is not.
struct VeiledEnd([u8; 32]);

impl VeiledEnd {
    /// Tests that run at the same time look for different keys.
    const fn new(tag: u8) -> Self {
        let mut end = *b"~-7-the-end-of-a-key-to-be-found";
        end[1] = tag;
        let mut at = 0;
        while at < end.len() {
            end[at] ^= VEIL;
            at += 1;
        }
        Self(end)
    }

    fn key(&self) -> Secret {
        let mut text = String::with_capacity(96);
        text.push_str("the-beginning-of-a-key-that-is-rather-long-and-is-followed-by-");
        text.extend(self.0.iter().map(|byte| char::from(byte ^ VEIL)));
        Secret::new(text)
    }

    /// How often it stands, unveiled, in the writable memory of this process.
    fn copies(&self) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut buffer = vec![0; CHUNK_BYTES];
        let own = buffer.as_ptr().addr() as u64;
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let (from, to) = (address(from), address(to));
            // What the search itself has read is no copy.
            for (from, to) in [
                (from, to.min(own)),
                (from.max(own + CHUNK_BYTES as u64), to),
            ] {
                found += self.count(&memory, &mut buffer, from, to);
            }
        }
        found
    }

    fn count(&self, memory: &File, buffer: &mut [u8], mut from: u64, to: u64) -> usize {
        let mut found = 0;
        while from < to {
            let length = (buffer.len() as u64).min(to - from);
            let chunk = &mut buffer[..usize::try_from(length).unwrap()];
            // A range that another test has given back meanwhile cannot be read.
            if memory.read_exact_at(chunk, from).is_ok() {
                let starts = memchr_iter(self.0[0] ^ VEIL, chunk);
                found += starts.filter(|at| self.begins(&chunk[*at..])).count();
            }
            chunk.fill(0);
            // The next chunk begins with the end of this one, too short to hold what was found already.
            let overlap = if from + length < to {
                self.0.len() as u64 - 1
            } else {
                0
            };
            from += length - overlap;
        }
        found
    }

    fn begins(&self, text: &[u8]) -> bool {
        let unveiled = self.0.iter().map(|byte| byte ^ VEIL);
        text.iter().copied().take(self.0.len()).eq(unveiled)
    }
}

#[test]
fn headers_leave_nothing_behind() {
    let end = VeiledEnd::new(b'h');
    let key = end.key();
    let own_header = AuthScheme::Header(HeaderName::from_static("x-api-key"));
    let signed = |auth: &AuthScheme| {
        let mut headers = HeaderMap::new();
        auth.authorize(&mut headers, key.expose()).unwrap();
        headers
    };
    let many: Vec<HeaderMap> = (0..100)
        .flat_map(|_| [signed(&AuthScheme::Bearer), signed(&own_header)])
        .collect();
    assert!(end.copies() > 200, "the search finds what is there");
    drop(many);
    assert_eq!(end.copies(), 1, "the key itself is left");
    drop(key);
    assert_eq!(end.copies(), 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_key_after_sealing() {
    let end = VeiledEnd::new(b's');
    let endpoint = Endpoint::Messages;
    let pieces = Pieces::stream(&wire::recorded(endpoint).whole(), 40);
    let stage = Stage::over(Arc::new(pieces), patient(), &[row("http://127.0.0.1:9")]);
    let member = stage.gateway.providers().member("one").cloned().unwrap();
    let name = KeyName::new("store:a").unwrap();
    member
        .set_keys(Keys::Ready(vec![ProviderKey::new(name, end.key())]))
        .unwrap();
    assert_eq!(end.copies(), 1, "the gateway keeps no second copy");
    let got = stage.ask(Ask::new(endpoint, MODEL, true)).await;
    assert_eq!(got.status, 200);
    member.set_keys(Keys::Sealed).unwrap();
    assert_eq!(end.copies(), 0);
}
