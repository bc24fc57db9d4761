//! Backups that somebody changed, and what can be read in one without a key.

use orchestra_secrets::{
    Backup, Credential, FormatError, RecoveryKey, Store, StoreError, StoreParts,
};

use crate::attacks::hand::Hand;
use crate::databases::Database;
use crate::stores::{create, credential, name, set, unsealed};

/// Letters and format, store, epoch, number of slots.
const FIXED: usize = 4 + 1 + 16 + 8 + 4;

/// A store in a file, and the folder that goes with it.
async fn store() -> (tempfile::TempDir, Store, String) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("store.db"));
    let created = create(&database, None).await;
    let recovery = created.recovery.expose().to_string();
    (folder, created.store, recovery)
}

fn recovery(text: &str) -> Credential {
    Credential::recovery(&RecoveryKey::parse(text).ok().unwrap())
}

/// Whether anything at all is taken from these bytes.
fn is_refused(bytes: &[u8], recovery_key: &str) -> bool {
    match Backup::parse(bytes.to_vec()) {
        Ok(backup) => backup.verify(recovery(recovery_key)).is_err(),
        Err(_) => true,
    }
}

fn length_at(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at..at + 4].try_into().unwrap();
    usize::try_from(u32::from_be_bytes(length)).unwrap()
}

/// Where the boxes begin.
fn header_of(bytes: &[u8]) -> usize {
    let slots = length_at(bytes, FIXED - 4);
    (0..slots).fold(FIXED, |at, _| at + 8 + length_at(bytes, at + 4))
}

/// The boxes of a backup: suite, salt, nonce, commitment, length, ciphertext.
fn boxes_of(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = &bytes[header_of(bytes)..];
    let mut boxes = Vec::new();
    while !rest.is_empty() {
        let length = length_at(rest, 77);
        let (first, others) = rest.split_at(81 + length);
        boxes.push(first);
        rest = others;
    }
    boxes
}

#[tokio::test]
async fn no_bit_of_a_backup_can_be_changed() {
    let (_folder, store, recovery) = store().await;
    set(&store, "A", "1").await;
    let bytes = store.export().await.unwrap();
    assert!(!is_refused(&bytes, &recovery));
    let header = header_of(&bytes);
    // The box's own head, too; of what is encrypted, every seventh bit.
    let every = (0..(header + 81) * 8).chain(((header + 81) * 8..bytes.len() * 8).step_by(7));
    let mut changed = bytes.clone();
    for bit in every {
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            is_refused(&changed, &recovery),
            "bit {bit}, header {header}"
        );
        changed[bit / 8] = bytes[bit / 8];
    }
    assert!(!is_refused(&changed, &recovery));
}

#[tokio::test]
async fn no_part_of_a_backup_is_enough() {
    let (_folder, store, recovery) = store().await;
    set(&store, "A", "1").await;
    let bytes = store.export().await.unwrap();
    for length in 0..bytes.len() {
        assert!(is_refused(&bytes[..length], &recovery), "{length}");
    }
    for more in 1..=64 {
        for filler in [0, 1, 255] {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + more, filler);
            assert!(is_refused(&longer, &recovery), "{more}");
        }
    }
    let twice = [bytes.as_slice(), &bytes].concat();
    assert!(is_refused(&twice, &recovery));
}

#[tokio::test]
async fn a_newer_format_is_not_guessed_at() {
    let (_folder, store, _) = store().await;
    let mut bytes = store.export().await.unwrap();
    bytes[4] = 2;
    let newer = Backup::parse(bytes.clone());
    assert!(matches!(
        newer,
        Err(StoreError::Tampered {
            source: FormatError::Format(2),
            ..
        })
    ));
    bytes[0] = b'X';
    let other = Backup::parse(bytes);
    assert!(matches!(
        other,
        Err(StoreError::Tampered {
            source: FormatError::Magic,
            ..
        })
    ));
    let many = [b"ORBK\x01".as_slice(), &[0; 24], &[255; 4], &[0; 64]].concat();
    assert!(Backup::parse(many).is_err());
}

#[tokio::test]
async fn boxes_stay_in_their_order_and_in_their_backup() {
    let (_folder, store, recovery) = store().await;
    for number in 0..20 {
        set(&store, &format!("S{number}"), &"x".repeat(64 * 1024)).await;
    }
    let (first, second) = (store.export().await.unwrap(), store.export().await.unwrap());
    assert!(!is_refused(&first, &recovery));
    let header = &first[..header_of(&first)];
    let (boxes, others) = (boxes_of(&first), boxes_of(&second));
    assert!(boxes.len() >= 3 && others.len() == boxes.len());
    let joined = |boxes: &[&[u8]]| [&[header], boxes].concat().concat();
    assert!(joined(&boxes) == first);
    for at in 0..boxes.len() {
        let mut without = boxes.clone();
        without.remove(at);
        assert!(is_refused(&joined(&without), &recovery), "without {at}");
        let mut twice = boxes.clone();
        twice.insert(at, boxes[at]);
        assert!(is_refused(&joined(&twice), &recovery), "{at} twice");
        let mut foreign = boxes.clone();
        foreign[at] = others[at];
        assert!(is_refused(&joined(&foreign), &recovery), "another's {at}");
        assert!(is_refused(&joined(&boxes[..at]), &recovery), "up to {at}");
        for other in 0..at {
            let mut swapped = boxes.clone();
            swapped.swap(at, other);
            assert!(is_refused(&joined(&swapped), &recovery), "{at} for {other}");
        }
    }
    assert!(is_refused(&joined(&others), &recovery), "another's boxes");
}

/// Two backups of one epoch, of which there are two only because somebody put the database back in between: their
/// headers are the same.
#[tokio::test]
async fn boxes_of_two_backups_of_one_epoch_do_not_mix() {
    let (folder, store, recovery) = store().await;
    for number in 0..20 {
        set(&store, &format!("S{number}"), &"x".repeat(64 * 1024)).await;
    }
    let database = Database::Sqlite(folder.path().join("store.db"));
    let hand = Hand::new(&database.open().await);
    let before = hand.copy().await;
    let mut backups = Vec::new();
    for _ in 0..2 {
        hand.put_back(&before).await;
        let again = unsealed(&database, None).await.unwrap();
        backups.push(again.export().await.unwrap());
    }
    let header = header_of(&backups[0]);
    assert!(backups[0] != backups[1] && backups[0][..header] == backups[1][..header]);
    let (first, second) = (boxes_of(&backups[0]), boxes_of(&backups[1]));
    assert!(first.len() >= 3 && first.len() == second.len());
    for at in 1..first.len() {
        let mixed = [&[&backups[0][..header]], &first[..at], &second[at..]];
        assert!(is_refused(&mixed.concat().concat(), &recovery), "{at}");
    }
}

#[tokio::test]
async fn nothing_can_be_read_but_the_kinds_of_slots() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(folder.path().join("store.db"));
    let parts = StoreParts {
        actor: "canary-of-the-actor".to_owned(),
        ..crate::stores::parts(&database, None).await
    };
    let least = orchestra_secrets::KdfParameters::LEAST;
    let created = Store::create(parts, vec![credential()], least)
        .await
        .unwrap();
    let mut new = orchestra_secrets::NewSecret::new(name("canary-tenant/canary-name"));
    new.service = Some("canary-service".to_owned());
    new.origin = Some("https://canary-origin.example.com".parse().unwrap());
    new.labels.insert("canary-label", "canary-word").unwrap();
    let value = crate::stores::secret("canary-value");
    created.store.set(new, &value).await.unwrap();
    created.store.checkpoint().await.unwrap().unwrap();
    let bytes = created.store.export().await.unwrap();
    let readable = String::from_utf8_lossy(&bytes);
    for hidden in [
        "canary",
        "orchestra-secrets/",
        "https",
        "secret",
        "store",
        "current",
    ] {
        assert!(!readable.contains(hidden), "{hidden}");
    }
    let backup = Backup::parse(bytes).unwrap();
    let said = format!("{backup:?} {:?}", backup.verify(credential()).unwrap());
    assert!(!said.contains("canary"), "{said}");
    assert!(said.contains("KeyFile"));
}
