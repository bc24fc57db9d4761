//! Attack S19: somebody who can write the database, and has no key, changes the audit log.
//!
//! Every change is tried at every one of 1,000 entries, and verification must name the first bad one. What the store
//! reads is changed on its way from the database for that; at some entries the rows themselves are, on both databases.

use orchestra_secrets::backend::Kind;
use orchestra_secrets::{AuditFlaw, StoreError};

use super::attacked::{Attacked, Change, Door, Logged};
use crate::databases::{Database, on_each_database, with};
use crate::stores::unsealed;

const ENTRIES: u64 = 1000;

/// One bit is another, here or there.
fn flip(bytes: &mut [u8], at: usize) {
    let byte = at % bytes.len();
    bytes[byte] ^= 1 << (at % 8);
}

fn edited(row: &Logged, edit: impl FnOnce(&mut Logged)) -> Change {
    let mut row = row.clone();
    edit(&mut row);
    Change::put(vec![row])
}

/// The row in the place of another.
fn moved(row: &Logged, to: &Logged) -> Logged {
    Logged {
        seq: to.seq,
        ..row.clone()
    }
}

/// Another time in the entry, and a hash that fits.
fn forged(rows: &[Logged], at: usize) -> Logged {
    let mut row = rows[at].clone();
    row.entry[20] ^= 1;
    let first = vec![0; 32];
    let previous = at
        .checked_sub(1)
        .map_or(&first, |before| &rows[before].hash);
    row.linked_to(previous)
}

/// A forged entry, and hashes that fit in all that follow.
fn fake_chain(rows: &[Logged], from: usize) -> Vec<Logged> {
    let mut fake: Vec<Logged> = vec![forged(rows, from)];
    for row in &rows[from + 1..] {
        let previous = fake.last().unwrap().hash.clone();
        fake.push(row.clone().linked_to(&previous));
    }
    fake
}

/// What an attacker does at one entry, and what must be said of it. `None` where it cannot be done.
type Attack = fn(&[Logged], usize) -> Option<(Change, AuditFlaw)>;

/// Where the entry's number stands among its bytes: behind four letters and the format.
const NUMBER: usize = 4 + 1;

const ATTACKS: [(&str, Attack); 14] = [
    ("the entry is edited", |rows, at| {
        let change = edited(&rows[at], |row| flip(&mut row.entry[NUMBER + 8..], at));
        Some((change, AuditFlaw::Edited))
    }),
    ("the entry is cut short", |rows, at| {
        let change = edited(&rows[at], |row| row.entry.truncate(at % row.entry.len()));
        Some((change, AuditFlaw::Edited))
    }),
    ("the entry's number is edited", |rows, at| {
        let change = edited(&rows[at], |row| {
            flip(&mut row.entry[NUMBER..NUMBER + 8], at)
        });
        Some((change, AuditFlaw::Reordered))
    }),
    ("the hash is edited", |rows, at| {
        let change = edited(&rows[at], |row| flip(&mut row.hash, at));
        Some((change, AuditFlaw::Edited))
    }),
    ("the MAC is edited", |rows, at| {
        let change = edited(&rows[at], |row| flip(&mut row.mac, at));
        Some((change, AuditFlaw::Forged))
    }),
    ("the MAC is another entry's", |rows, at| {
        let mac = rows[(at + 1) % rows.len()].mac.clone();
        let change = edited(&rows[at], |row| row.mac = mac);
        Some((change, AuditFlaw::Forged))
    }),
    ("the key version is edited", |rows, at| {
        let change = edited(&rows[at], |row| row.key_version += 1);
        Some((change, AuditFlaw::Edited))
    }),
    ("the entry is deleted", |rows, at| {
        let flaw = if at + 1 == rows.len() {
            AuditFlaw::CutOff
        } else {
            AuditFlaw::Missing
        };
        Some((Change::delete([&rows[at]]), flaw))
    }),
    ("the entry is exchanged for the next", |rows, at| {
        let (here, next) = (&rows[at], rows.get(at + 1)?);
        let change = Change::put(vec![moved(next, here), moved(here, next)]);
        Some((change, AuditFlaw::Reordered))
    }),
    ("the entry is the one before, once more", |rows, at| {
        let before = rows.get(at.checked_sub(1)?)?;
        let change = Change::put(vec![moved(before, &rows[at])]);
        Some((change, AuditFlaw::Reordered))
    }),
    ("the tail is cut off", |rows, at| {
        Some((Change::delete(&rows[at..]), AuditFlaw::CutOff))
    }),
    ("the entry is forged", |rows, at| {
        let change = Change::put(vec![forged(rows, at)]);
        Some((change, AuditFlaw::Forged))
    }),
    (
        "the entry is forged under a key that never was",
        |rows, at| {
            let mut row = forged(rows, at);
            row.key_version = 2;
            let first = vec![0; 32];
            let previous = at
                .checked_sub(1)
                .map_or(&first, |before| &rows[before].hash);
            Some((
                Change::put(vec![row.linked_to(previous)]),
                AuditFlaw::Forged,
            ))
        },
    ),
    ("all is forged from the entry on", |rows, at| {
        Some((Change::put(fake_chain(rows, at)), AuditFlaw::Forged))
    }),
];

/// Every attack at these places.
async fn attack(log: &Attacked, door: Door, places: impl Iterator<Item = usize>) {
    let mut attacks = 0;
    for at in places {
        let seq = u64::try_from(at).unwrap() + 1;
        for (what, attack) in ATTACKS {
            if let Some((change, flaw)) = attack(&log.rows, at) {
                assert_eq!(log.found(door, &change).await, (seq, flaw), "{what}");
                attacks += 1;
            }
        }
    }
    assert!(attacks > ATTACKS.len());
    log.store.verify_audit().await.unwrap();
}

/// All of them at every entry, in two halves that run side by side.
async fn everywhere(half: usize) {
    with(Kind::Sqlite, async move |database| {
        let log = Attacked::new(&database, ENTRIES).await;
        let places = (0..log.rows.len()).skip(half).step_by(2);
        attack(&log, Door::Shown, places).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_bad_entry_is_named_wherever_it_is() {
    everywhere(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_bad_entry_is_named_wherever_else_it_is() {
    everywhere(1).await;
}

on_each_database!(
    rows_that_are_changed_are_found,
    entries_from_nowhere_are_found,
    a_page_is_as_safe_as_the_whole,
    a_store_whose_log_was_cut_stays_sealed,
);

async fn rows_that_are_changed_are_found(database: Database) {
    let log = Attacked::new(&database, ENTRIES).await;
    // The ends, and where one page of the walk follows another.
    let places = [0, 1, 499, 500, 501, 998, 999];
    attack(&log, Door::Made, places.into_iter()).await;
}

async fn entries_from_nowhere_are_found(database: Database) {
    let log = Attacked::new(&database, 10).await;
    let last = log.rows.last().unwrap();
    let numbered = |seq| Logged {
        seq,
        ..last.clone()
    };
    let mut next = numbered(11);
    next.entry[NUMBER + 7] = 11;
    let next = next.linked_to(&last.hash);
    for (row, seq) in [
        (next, 11),
        (numbered(11), 11),
        (numbered(12), 12),
        (numbered(i64::MAX), i64::MAX.unsigned_abs()),
        (numbered(0), 0),
        (numbered(-1), 0),
        (numbered(i64::MIN), 0),
    ] {
        let change = Change::put(vec![row]);
        let found = log.found(Door::Made, &change).await;
        assert_eq!(found, (seq, AuditFlaw::Added));
    }
    log.store.verify_audit().await.unwrap();
}

async fn a_page_is_as_safe_as_the_whole(database: Database) {
    let log = Attacked::new(&database, 12).await;
    let page = async |after| {
        let page = log.store.audit_entries(after, 4).await;
        page.map(|page| page.iter().map(|entry| entry.seq).collect::<Vec<_>>())
    };
    for after in 0..14 {
        let expected: Vec<_> = (after + 1..=12).take(4).collect();
        assert_eq!(page(after).await.unwrap(), expected);
    }
    for (at, (what, attack)) in (0..12).flat_map(|at| ATTACKS.map(|attack| (at, attack))) {
        let Some((change, flaw)) = attack(&log.rows, at) else {
            continue;
        };
        log.shown.lock().unwrap().log = Some(change.applied_to(&log.rows));
        let seq = u64::try_from(at).unwrap() + 1;
        // From the beginning, from the entry before, and the other entries of a page.
        for after in [0, seq - 1, seq.saturating_sub(3)] {
            let found = page(after).await.map(drop);
            if after + 4 >= seq {
                let fault = (seq, flaw);
                assert!(
                    matches!(found, Err(StoreError::AuditTampered { seq, reason }) if (seq, reason) == fault),
                    "{what} at {seq}, read from {after}: {found:?}"
                );
            }
        }
        log.shown.lock().unwrap().log = None;
    }
}

async fn a_store_whose_log_was_cut_stays_sealed(database: Database) {
    let log = Attacked::new(&database, 30).await;
    for at in 0..30 {
        let cut = Change::delete(&log.rows[at..]);
        log.make(&cut).await;
        let refused = unsealed(&database, None).await.map(drop);
        log.make(&cut.undone(&log.rows)).await;
        let seq = u64::try_from(at).unwrap() + 1;
        assert!(
            matches!(refused, Err(StoreError::AuditTampered { seq: found, reason: AuditFlaw::CutOff }) if found == seq),
            "{refused:?}"
        );
    }
    unsealed(&database, None).await.unwrap();
}
