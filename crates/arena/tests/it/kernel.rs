//! What the kernel says about the pages (proc(5), `smaps`).

use std::fs;
use std::ops::Range;

use orchestra_arena::{LockFailure, Locked, locked_fully, regions, scan, status};

use crate::child::{self, Public};
use crate::{locked_needle, needle, system};

/// One entry of `smaps`.
struct Area {
    range: Range<usize>,
    access: String,
    flags: Vec<String>,
}

fn areas() -> Vec<Area> {
    let text = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut areas = Vec::new();
    for line in text.lines() {
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            let area: &mut Area = areas.last_mut().unwrap();
            area.flags = flags.split_whitespace().map(str::to_owned).collect();
        } else if let Some((start, end, access)) = head(line) {
            areas.push(Area {
                range: start..end,
                access: access.to_owned(),
                flags: Vec::new(),
            });
        }
    }
    areas
}

fn head(line: &str) -> Option<(usize, usize, &str)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, rest.split(' ').next()?))
}

/// The mapping that holds the first byte of a value.
fn region_of(value: &Locked) -> Range<usize> {
    let address = value.expose().as_ptr().addr();
    let mut regions = regions().into_iter();
    regions.find(|region| region.contains(&address)).unwrap()
}

#[test]
fn pages_are_locked_and_neither_dumped_nor_forked() {
    let values = [Locked::new(10), Locked::new(4096), Locked::new(40_000)];
    let areas = areas();
    for value in &values {
        let region = region_of(value);
        let area = areas.iter().find(|area| area.range == region).unwrap();
        assert_eq!(area.access, "rw-p");
        let has = |flag: &str| area.flags.iter().any(|found| found == flag);
        assert!(has("dd"), "dumped: {:?}", area.flags);
        assert!(has("wf"), "forked: {:?}", area.flags);
        assert!(has("lo") || !locked_fully(), "not locked: {:?}", area.flags);
    }
    let status = status();
    assert_eq!(status.advised, status.chunks);
    assert_eq!(locked_fully(), status.locked == status.chunks);
}

#[test]
fn pages_stand_between_guards() {
    for len in [10, 40_000] {
        let value = Locked::new(len);
        let region = region_of(&value);
        let areas = areas();
        let at = areas.iter().position(|area| area.range == region).unwrap();
        let (before, behind) = (&areas[at - 1], &areas[at + 1]);
        assert_eq!((before.range.end, &*before.access), (region.start, "---p"));
        assert_eq!((behind.range.start, &*behind.access), (region.end, "---p"));
    }
}

#[test]
fn a_large_value_gives_its_pages_back() {
    let value = Locked::new(300_000);
    let region = region_of(&value);
    let is_mapped = || areas().iter().any(|area| area.range == region);
    assert!(is_mapped());
    drop(value);
    assert!(!is_mapped());
}

#[test]
fn a_forked_child_sees_zeros() {
    for padding in [0, 3000, 70_000] {
        let value = locked_needle(5, padding);
        let ordinary: Vec<u8> = needle(5).collect();
        let is_wiped = system::in_a_fork(|| {
            value.expose().iter().all(|byte| *byte == 0) && needle(5).eq(ordinary.iter().copied())
        });
        assert!(is_wiped, "{padding}");
        assert_eq!(value.expose()[padding..], ordinary);
    }
}

#[test]
fn pages_that_cannot_be_locked_are_told_and_used() {
    const TEST: &str = "kernel::pages_that_cannot_be_locked_are_told_and_used";
    if child::role().is_none() {
        let public = Public::new();
        let mut command = child::limited(&public.program(), "ulimit -l 0", TEST, "unlocked");
        child::told(child::without_privilege(&mut command));
        return;
    }
    assert!(locked_fully(), "there is nothing to lock yet");
    let value = locked_needle(6, 0);
    assert!(!locked_fully());
    assert_eq!((status().chunks, status().locked), (1, 0));
    let reason = status().failed_reason.as_ref().map(LockFailure::to_string);
    let reason = reason.unwrap();
    assert!(reason.contains("RLIMIT_MEMLOCK is 0 bytes"), "{reason}");
    let bytes: Vec<u8> = needle(6).collect();
    assert_eq!(value.expose(), bytes);
    drop(value);
    assert_eq!(scan(&bytes).unwrap(), 0);
}
