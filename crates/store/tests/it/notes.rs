//! What clients tell of calls.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use orchestra_store::{Asked, Database, Note, NoteBounds, NoteError, NoteKind, Notes};
use orchestra_types::Clock;

use crate::harness::Hand;

const SMALL: NoteBounds = NoteBounds {
    ttl: Duration::from_secs(100),
    bytes: 1000,
    client_bytes: 500,
};

async fn notes(folder: &Path) -> (Notes, Arc<Hand>) {
    let database = Database::open(&folder.join("kept.db")).await.unwrap();
    let clock = Arc::new(Hand::default());
    let notes = Notes::of(&database, SMALL, Arc::clone(&clock) as Arc<dyn Clock>);
    (notes, clock)
}

/// A note that weighs so many bytes.
fn note(clock: &Hand, client: &str, id: &str, bytes: usize) -> Note {
    Note {
        id: id.to_owned(),
        client: client.to_owned(),
        trace: format!("trace-of-{id}"),
        body: "x".repeat(bytes - id.len()),
        made: i64::try_from(clock.unix().as_millis()).unwrap(),
    }
}

/// The ids of the notes that a client sees, the latest first.
async fn ids(notes: &Notes, client: Option<&str>) -> String {
    let asked = Asked {
        kind: NoteKind::Log,
        client,
        trace: None,
    };
    let page = notes.page(asked, 0, 100).await.unwrap();
    assert_eq!(page.total, page.notes.len() as u64);
    page.notes.into_iter().map(|note| note.id).collect()
}

#[tokio::test]
async fn clients_see_their_own_and_operators_see_all() {
    let folder = tempfile::tempdir().unwrap();
    let (notes, clock) = notes(folder.path()).await;
    let mine = note(&clock, "a", "1", 50);
    let other = note(&clock, "b", "2", 50);
    notes
        .add(NoteKind::Log, std::slice::from_ref(&mine))
        .await
        .unwrap();
    notes.add(NoteKind::Log, &[other]).await.unwrap();
    assert_eq!(ids(&notes, Some("a")).await, "1");
    assert_eq!(ids(&notes, Some("b")).await, "2");
    assert_eq!(ids(&notes, None).await, "21");
    let get = async |kind, client, id| notes.get(kind, client, id).await.unwrap();
    assert_eq!(get(NoteKind::Log, Some("a"), "1").await, Some(mine.clone()));
    assert_eq!(get(NoteKind::Log, None, "1").await, Some(mine));
    assert_eq!(get(NoteKind::Log, Some("b"), "1").await, None);
    assert_eq!(get(NoteKind::Feedback, Some("a"), "1").await, None);
    let of_trace = Asked {
        kind: NoteKind::Log,
        client: None,
        trace: Some("trace-of-2"),
    };
    assert_eq!(notes.page(of_trace, 0, 100).await.unwrap().total, 1);
    let rest = Asked {
        trace: None,
        ..of_trace
    };
    let page = notes.page(rest, 1, 1).await.unwrap();
    assert_eq!((page.total, page.notes[0].id.as_str()), (2, "1"));
}

#[tokio::test]
async fn only_whose_note_it_is_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (notes, clock) = notes(folder.path()).await;
    let mine = note(&clock, "a", "1", 50);
    notes.add(NoteKind::Log, &[mine]).await.unwrap();
    let to = |text: &'static str| move |_: &str| Ok::<_, ()>(text.to_owned());
    let kind = NoteKind::Log;
    let other = notes.change(kind, "b", "1", to("no")).await.unwrap();
    assert_eq!(other, Ok(false));
    let own = notes.change(kind, "a", "1", to("yes")).await.unwrap();
    assert_eq!(own, Ok(true));
    let refused = notes.change(kind, "a", "1", |_| Err("refused")).await;
    assert_eq!(refused.unwrap(), Err("refused"));
    let found = notes.get(kind, Some("a"), "1").await.unwrap();
    assert_eq!(found.unwrap().body, "yes");
    // What became smaller makes room.
    let full = [note(&clock, "a", "2", 240), note(&clock, "a", "3", 240)];
    notes.add(kind, &full).await.unwrap();
    assert_eq!(ids(&notes, Some("a")).await, "321");
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_nobody_pushes_out_others_first() {
    let folder = tempfile::tempdir().unwrap();
    let (notes, clock) = notes(folder.path()).await;
    let add = async |client, id, bytes| {
        let note = note(&clock, client, id, bytes);
        notes.add(NoteKind::Log, &[note]).await
    };
    add("a", "1", 200).await.unwrap();
    for id in ["2", "3", "4", "5"] {
        add("b", id, 200).await.unwrap();
    }
    assert_eq!(ids(&notes, None).await, "541");
    // All together.
    add("c", "6", 300).await.unwrap();
    add("d", "7", 200).await.unwrap();
    assert_eq!(ids(&notes, None).await, "7654");
    let large = add("e", "8", 501).await;
    assert!(
        matches!(
            large,
            Err(NoteError::TooLarge {
                bytes: 501,
                bound: 500
            })
        ),
        "{large:?}"
    );
    clock.advance(Duration::from_secs(50));
    add("a", "9", 100).await.unwrap();
    clock.advance(Duration::from_secs(51));
    assert_eq!(ids(&notes, None).await, "9");
    // A write lets go of what has reached its end.
    add("a", "0", 400).await.unwrap();
    assert_eq!(ids(&notes, None).await, "09");
}
