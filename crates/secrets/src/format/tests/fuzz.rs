//! The fuzzers' functions on a stable toolchain: the corpus as it is, and changed by a seeded generator.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::format::samples::BACKUP;
use crate::fuzzing::TARGETS;

/// How often each is changed.
const CHANGES: usize = 5000;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let files = files(&format!("corpus/{target}"));
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_function_has_a_target() {
    let name = |path: &PathBuf| path.file_stem()?.to_str().map(str::to_owned);
    let targets = files("fuzz_targets")
        .iter()
        .filter_map(name)
        .collect::<Vec<_>>();
    let ours = targets.iter().filter(|name| name.starts_with("secret_"));
    assert!(ours.eq(TARGETS.iter().map(|(name, _)| name)));
}

#[test]
fn the_fuzzers_begin_with_what_the_first_release_wrote() {
    let golden = [BACKUP, KEYRING, MANIFEST, RECORD].into_iter().chain(SLOTS);
    let kept: Vec<_> = TARGETS.iter().flat_map(|(name, _)| corpus(name)).collect();
    for bytes in golden.map(unhex) {
        assert!(kept.contains(&bytes));
    }
}

/// Numbers that look like chance and are the same every time (Marsaglia, "Xorshift RNGs", 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let byte = u8::try_from(self.below(256)).unwrap();
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            2 => bytes.extend_from_within(at..),
            3 => bytes
                .iter_mut()
                .skip(at)
                .take(4)
                .for_each(|byte| *byte = 0xff),
            4 => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = 0),
            _ => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|old| *old = byte),
        }
    }
}

#[test]
fn changes_find_nothing() {
    for (target, function) in TARGETS {
        let seeds = corpus(target);
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for seed in &seeds {
            function(seed);
        }
        for _ in 0..CHANGES {
            let mut bytes = seeds[numbers.below(seeds.len())].clone();
            for _ in 0..=numbers.below(4) {
                numbers.change(&mut bytes);
            }
            function(&bytes);
        }
    }
}
