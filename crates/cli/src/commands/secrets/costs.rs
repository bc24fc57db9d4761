//! What it costs to try a passphrase, on this machine.

use std::fs;

use orchestra_secrets::KdfParameters;
use serde_json::{Value, json};

/// The costs, and why they are not the usual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Costs {
    pub(super) kdf: KdfParameters,
    pub(super) why: Why,
}

/// Why the costs are what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is memory enough.
    Usual,
    /// The operator asked for the least.
    Asked,
    /// This machine has little memory: so many MiB are free.
    Small(u64),
}

impl Costs {
    pub(super) fn choose(light: bool) -> Self {
        Self::with(light, free_kib())
    }

    fn with(light: bool, free_kib: Option<u64>) -> Self {
        let (kdf, why) = match free_kib {
            _ if light => (KdfParameters::LEAST, Why::Asked),
            None => (KdfParameters::USUAL, Why::Usual),
            Some(free) => match KdfParameters::for_memory(free.saturating_mul(1024)) {
                KdfParameters::USUAL => (KdfParameters::USUAL, Why::Usual),
                fewer => (fewer, Why::Small(free / 1024)),
            },
        };
        Self { kdf, why }
    }

    /// For programs.
    pub(super) fn json(self) -> Value {
        let (memory_kib, passes, lanes) = self.kdf.costs();
        json!({ "memory_kib": memory_kib, "passes": passes, "lanes": lanes })
    }

    /// A sentence for people.
    pub(super) fn describe(self) -> String {
        let (memory, passes, lanes) = self.kdf.costs();
        let costs = format!(
            "each try of the passphrase costs Argon2id with {} MiB of memory, {passes} passes, {lanes} lanes",
            memory / 1024
        );
        let (most, ..) = KdfParameters::USUAL.costs();
        match self.why {
            Why::Usual => format!("{costs}."),
            Why::Asked => format!("{costs}, as you asked; the usual is {} MiB.", most / 1024),
            Why::Small(free) => format!(
                "{costs}; the usual is {} MiB, but this machine has only {free} MiB free. Make up for it with a \
                 longer passphrase, or run `orchestra secrets passwd` on a larger machine.",
                most / 1024
            ),
        }
    }
}

/// The memory that may still be used, in KiB; `None` if the system does not say.
fn free_kib() -> Option<u64> {
    let machine = available_kib(&fs::read_to_string("/proc/meminfo").ok()?);
    let container = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?;
        text.trim().parse().ok()
    };
    // Control groups, version 2 (kernel.org, cgroup-v2). `max` is no number, and means none.
    let group = container("memory.max")
        .map(|most| most.saturating_sub(container("memory.current").unwrap_or(0)) / 1024);
    [machine, group].into_iter().flatten().min()
}

/// `MemAvailable:   22572144 kB`, as proc(5) has it.
fn available_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_machine_gets_fewer_and_is_told() {
        let needed = u64::from(KdfParameters::USUAL.costs().0) * 4;
        for (light, free, why) in [
            (false, None, Why::Usual),
            (false, Some(needed), Why::Usual),
            (false, Some(needed - 1), Why::Small(1023)),
            (true, Some(needed), Why::Asked),
        ] {
            assert_eq!(Costs::with(light, free).why, why);
        }
        let small = Costs::with(false, Some(1024 * 300));
        assert_eq!(small.kdf, KdfParameters::LEAST);
        let told = small.describe();
        assert!(
            told.contains("64 MiB") && told.contains("300 MiB free"),
            "{told}"
        );
        assert!(
            Costs::with(false, None)
                .describe()
                .contains("256 MiB of memory, 3 passes, 4 lanes.")
        );
    }

    #[test]
    fn the_systems_own_words_are_read() {
        let text = "MemTotal: 9 kB\nMemAvailable:   22572144 kB\n";
        assert_eq!(available_kib(text), Some(22_572_144));
        for text in ["", "MemAvailable: x kB", "MemAvailable: 5"] {
            assert_eq!(available_kib(text), None);
        }
    }
}
