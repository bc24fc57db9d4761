//! The fuzz targets' bodies on a stable toolchain: the corpus as it is, and fixtures changed by a seeded generator.
//!
//! `ORCHESTRA_FUZZ_SECONDS` sets how long each body is run; a second by default.

#[expect(
    dead_code,
    unreachable_pub,
    reason = "the library of the fuzz targets, which use all of it"
)]
#[path = "../../../../fuzz/src/lib.rs"]
mod bodies;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bodies::{BODIES, Body, Food};

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder, at any depth, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let within = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    paths.into_iter().flat_map(within).collect()
}

fn corpus(name: &str) -> Vec<PathBuf> {
    files(&crate_folder().join("../../fuzz/corpus").join(name))
}

/// The fixtures that a body feeds on, and its corpus.
fn seeds(name: &str, food: Food) -> Vec<Vec<u8>> {
    let fixtures = crate_folder().join("fixtures");
    let (folder, file) = match food {
        Food::Requests(dialect) => (fixtures.join(dialect.name()), "request.json"),
        Food::Answers(dialect) => (fixtures.join(dialect.name()), "response.json"),
        Food::Streams(dialect) => (fixtures.join(dialect.name()), "stream.sse"),
        Food::Everything => (fixtures, ""),
    };
    let mut paths = files(&folder);
    paths.retain(|path| path.ends_with(file) || file.is_empty());
    paths.extend(corpus(name));
    let read = |path: &PathBuf| fs::read(path).expect("a readable file");
    paths.iter().map(read).collect()
}

/// Runs a body and, if it panics, says on what.
fn run(name: &str, body: Body, input: &[u8]) {
    if catch_unwind(|| body(input)).is_err() {
        panic!("{name} breaks on {:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn every_body_has_a_target() {
    let targets = files(&crate_folder().join("../../fuzz/fuzz_targets"));
    let stem = |path: &PathBuf| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
    };
    let mut targets: Vec<String> = targets.iter().filter_map(stem).collect();
    // What is encrypted is fuzzed too, with bodies of its own crate.
    targets.retain(|name| !name.starts_with("secret_"));
    assert_eq!(targets, BODIES.map(|(name, ..)| name));
    let kept = fs::read_dir(crate_folder().join("../../fuzz/corpus")).expect("a corpus");
    for entry in kept.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(
            targets.contains(&name) || name.starts_with("secret_"),
            "the corpus of {name} has no target"
        );
    }
}

#[test]
fn the_corpus_finds_nothing() {
    for (name, body, _) in BODIES {
        for path in corpus(name) {
            run(name, body, &fs::read(path).expect("a readable file"));
        }
    }
}

/// Hands each body that `feeds` its seeds, changed, for as long as it may take.
fn fuzz(feeds: impl Fn(Food) -> bool) {
    let seconds = std::env::var("ORCHESTRA_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(1.0, |text| text.parse().expect("a number of seconds"));
    for (name, body, food) in BODIES.into_iter().filter(|(.., food)| feeds(*food)) {
        let seeds = seeds(name, food);
        assert!(!seeds.is_empty(), "{name} has nothing to begin with");
        for seed in &seeds {
            run(name, body, seed);
        }
        let mut changes = Changes(0x9e37_79b9_7f4a_7c15);
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < until {
            run(name, body, &changes.changed(&seeds));
        }
    }
}

#[test]
fn changed_requests_find_nothing() {
    fuzz(|food| matches!(food, Food::Requests(_)));
}

#[test]
fn changed_answers_find_nothing() {
    fuzz(|food| matches!(food, Food::Answers(_)));
}

#[test]
fn changed_streams_find_nothing() {
    fuzz(|food| matches!(food, Food::Streams(_)));
}

#[test]
fn changed_bytes_find_nothing() {
    fuzz(|food| food == Food::Everything);
}

/// Changes files so that most of them can still be read.
struct Changes(u64);

/// What stands for a value, or for something within a stream.
const TOKENS: [&str; 30] = [
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "0.5",
    "\"\"",
    "\"a\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\u{1f600}\"",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "{\"type\":\"x\"}",
    "{\"\":{}}",
    "\"data:image/png;base64,!\"",
    "\"{\\\"a\\\":\"",
    "[{\"type\":\"text\",\"text\":\"\"}]",
    "\"tool\"",
    "\"assistant\"",
    "\"system\"",
    "\n\n",
    "\r\n",
    "data: [DONE]\n\n",
    "event: error\ndata: {}\n\n",
    ": \n\n",
    "\u{feff}",
];

impl Changes {
    /// Xorshift (Marsaglia, 2003), below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits fit") % bound.max(1)
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = self.pick(seeds).clone();
        for _ in 0..=self.below(4) {
            match self.below(8) {
                0..=2 => self.replace_value(&mut data),
                3 => self.splice(&mut data, seeds),
                4 => self.remove(&mut data),
                5 => self.repeat(&mut data),
                6 => self.insert(&mut data),
                _ => self.overwrite(&mut data),
            }
        }
        data
    }

    /// A place behind a character that separates values.
    fn boundary(&mut self, data: &[u8]) -> usize {
        let start = self.below(data.len() + 1);
        let separates = |byte: &u8| b"{}[]:,\n".contains(byte);
        let behind = data[start..].iter().position(separates);
        behind.map_or(start, |offset| start + offset + 1)
    }

    /// What stands between two separators becomes something else.
    fn replace_value(&mut self, data: &mut Vec<u8>) {
        let from = self.boundary(data);
        let rest = data[from..].iter().position(|byte| b",}]\n".contains(byte));
        let to = from + rest.unwrap_or_default();
        let token = self.pick(&TOKENS).bytes();
        data.splice(from..to, token);
    }

    /// The rest of the file becomes that of another.
    fn splice(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let other = self.pick(seeds);
        let (from, to) = (self.boundary(other), self.boundary(data));
        data.truncate(to);
        data.extend_from_slice(&other[from..]);
    }

    fn range(&mut self, data: &[u8]) -> std::ops::Range<usize> {
        let (a, b) = (self.boundary(data), self.boundary(data));
        a.min(b)..a.max(b)
    }

    fn remove(&mut self, data: &mut Vec<u8>) {
        let range = self.range(data);
        data.drain(range);
    }

    fn repeat(&mut self, data: &mut Vec<u8>) {
        let range = self.range(data);
        if data.len() < 1 << 16 {
            let piece = data[range.clone()].to_vec();
            data.splice(range.end..range.end, piece);
        }
    }

    fn insert(&mut self, data: &mut Vec<u8>) {
        let at = self.boundary(data);
        let token = self.pick(&TOKENS).bytes();
        data.splice(at..at, token);
    }

    fn overwrite(&mut self, data: &mut [u8]) {
        let at = self.below(data.len());
        let bits = self.below(256);
        if let Some(byte) = data.get_mut(at) {
            *byte = u8::try_from(bits).expect("below 256");
        }
    }
}
