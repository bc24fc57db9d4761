//! What the arena does on a real kernel.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod child;
mod hardening;
#[cfg(target_os = "linux")]
mod pages;
mod panics;
mod system;
mod traits;
mod values;

#[cfg(target_os = "linux")]
mod dumps;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod tracing;

/// Sixteen bytes that occur nowhere else, not even in this program's file.
fn needle(seed: u8) -> impl Iterator<Item = u8> + Clone {
    (0..16u8).map(move |i| (i ^ seed).wrapping_mul(37).wrapping_add(seed))
}

/// A value of which no copy was ever made outside of the arena.
fn locked_needle(seed: u8, padding: usize) -> orchestra_arena::Locked {
    let mut value = orchestra_arena::Locked::new(padding + 16);
    for (place, byte) in value.expose_mut()[padding..].iter_mut().zip(needle(seed)) {
        *place = byte;
    }
    value
}
