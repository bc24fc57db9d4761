//! Who opens a slot, and how long it takes to refuse the others.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;
use crate::credential::WeakCredential;
use crate::{SealError, UnlockError};

/// An `é` as one character and as two, and the space that French puts before an exclamation mark.
const COMPOSED: &str = "le caf\u{e9} est froid\u{a0}!";
const DECOMPOSED: &str = "le cafe\u{301} est froid !";

fn wrap(credential: &Credential) -> Result<Slot, SealError> {
    let place = SlotPlace {
        store: &STORE,
        id: 1,
    };
    Slot::wrap(&key(1), place, credential, KdfParameters::CHEAP, &OsEntropy)
}

/// Whether the credential opens the slot; if not, it is for the one reason.
fn opens(slot: &Slot, credential: &Credential) -> bool {
    match slot.unwrap(&STORE, credential) {
        Ok(root) => {
            assert_eq!(root.expose(), key(1).expose());
            true
        }
        Err(error) => {
            assert_eq!(error, UnlockError::Refused);
            false
        }
    }
}

#[test]
fn a_credential_opens_its_own_slot_only() {
    let slots = slots(KdfParameters::CHEAP, &OsEntropy);
    for (slot, own) in &slots {
        for (_, credential) in &slots {
            let expected = credential.kind() == own.kind();
            assert_eq!(opens(slot, credential), expected, "{credential:?}");
        }
        let elsewhere = slot.unwrap(&[0; 16], own).map(drop);
        assert_eq!(elsewhere, Err(UnlockError::Refused), "another store");
        let mut other = slot.clone();
        other.id += 1;
        assert!(!opens(&other, own), "another slot");
    }
}

/// The same bytes in another kind of credential: they make the same key, and are refused for their kind.
#[test]
fn a_credential_of_another_kind_opens_nothing() {
    let key = RecoveryKey::random(&OsEntropy).unwrap();
    let recovery = Credential::recovery(&key);
    let file = Credential::key_file(key.bytes());
    let slot = wrap(&file).unwrap();
    assert!(opens(&slot, &file));
    assert!(!opens(&slot, &recovery), "a recovery key for a key file");
    let slot = wrap(&recovery).unwrap();
    assert!(opens(&slot, &recovery));
    assert!(!opens(&slot, &file), "a key file for a recovery key");
    let both = Credential::passphrase_and_key_file(PASSPHRASE, b"");
    let slot = wrap(&Credential::passphrase(PASSPHRASE)).unwrap();
    assert!(!opens(&slot, &both), "a passphrase with a file of nothing");
}

#[test]
fn other_passphrases_open_nothing() {
    let slot = wrap(&Credential::passphrase(PASSPHRASE)).unwrap();
    assert!(opens(&slot, &Credential::passphrase(PASSPHRASE)));
    for other in [
        "",
        "correct horse battery stapl",
        "correct horse battery staple ",
        "correct horse battery staple\n",
        "correct horse battery staple\0",
        "Correct horse battery staple",
        "\u{ff43}orrect horse battery staple",
        &PASSPHRASE.repeat(1 << 15),
        &"x".repeat(1 << 20),
    ] {
        let shown: String = other.chars().take(40).collect();
        assert!(!opens(&slot, &Credential::passphrase(other)), "{shown}");
    }
}

#[test]
fn the_same_letters_are_the_same_passphrase() {
    assert_ne!(COMPOSED, DECOMPOSED);
    for (one, other) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
        let slot = wrap(&Credential::passphrase(one)).unwrap();
        assert!(opens(&slot, &Credential::passphrase(other)));
        let slot = wrap(&Credential::passphrase_and_key_file(one, FILE)).unwrap();
        assert!(opens(
            &slot,
            &Credential::passphrase_and_key_file(other, FILE)
        ));
        assert!(!opens(
            &slot,
            &Credential::passphrase_and_key_file(other, b"x")
        ));
    }
}

/// What is too long is cut before it is stretched, and is not taken for what is left of it.
#[test]
fn what_is_too_long_is_not_cut_to_fit() {
    let longest = "0123456789abcdef".repeat(64);
    let slot = wrap(&Credential::passphrase(&longest)).unwrap();
    assert!(opens(&slot, &Credential::passphrase(&longest)));
    for more in [1, 1024, 1 << 20] {
        let longer = longest.clone() + &"x".repeat(more);
        assert!(!opens(&slot, &Credential::passphrase(&longer)), "{more}");
    }
    let longest = vec![b'k'; Credential::LONGEST_FILE];
    let slot = wrap(&Credential::key_file(&longest)).unwrap();
    assert!(opens(&slot, &Credential::key_file(&longest)));
    let longer = [&longest[..], b"x"].concat();
    assert!(!opens(&slot, &Credential::key_file(&longer)));
}

#[test]
fn a_key_file_may_end_in_a_line_end_if_it_is_text() {
    let binary = [&[0xff; 40][..], b"\n"].concat();
    for (written, read, same) in [
        (FILE, &[FILE, b"\n"].concat()[..], true),
        (FILE, &[FILE, b"\r\n"].concat(), true),
        (&[FILE, b"\n"].concat(), FILE, true),
        (FILE, &[FILE, b" "].concat(), false),
        (FILE, &[b"\n", FILE].concat(), false),
        (&binary, &binary, true),
        (&binary, &binary[..40], false),
    ] {
        let slot = wrap(&Credential::key_file(written)).unwrap();
        assert_eq!(opens(&slot, &Credential::key_file(read)), same);
    }
    let binary = [&[0xff; 31][..], b"\n"].concat();
    assert!(wrap(&Credential::key_file(&binary)).is_ok(), "32 bytes");
}

#[test]
fn nothing_is_locked_with_what_is_weak() {
    use WeakCredential::{File, Long, Short};
    let (long, huge) = ("x".repeat(1025), "x".repeat(1 << 20));
    for (credential, weak) in [
        (Credential::passphrase(""), Short),
        (Credential::passphrase("eleven char"), Short),
        // Twelve characters as typed, eleven letters.
        (Credential::passphrase("eleven che\u{301}r"), Short),
        (Credential::passphrase(&long), Long),
        (Credential::passphrase(&huge), Long),
        (Credential::key_file(b""), File),
        (Credential::key_file(&[b'k'; 31]), File),
        (Credential::key_file(&[b'\n'; 40]), File),
        (
            Credential::key_file(&[0; Credential::LONGEST_FILE + 1]),
            File,
        ),
        (Credential::passphrase_and_key_file("", FILE), Short),
        (Credential::passphrase_and_key_file(PASSPHRASE, b""), File),
    ] {
        assert_eq!(credential.check(), Err(weak));
        assert_eq!(wrap(&credential).map(drop), Err(SealError::Weak(weak)));
    }
    assert_eq!(Credential::passphrase("twelve chars").check(), Ok(()));
}

#[test]
fn a_new_key_file_locks_a_store() {
    let text = crate::new_key_file(&OsEntropy).unwrap();
    assert_eq!(text.len(), 65);
    assert!(text[..64].bytes().all(|b| b.is_ascii_hexdigit()));
    let slot = wrap(&Credential::key_file(text.as_bytes())).unwrap();
    assert!(opens(
        &slot,
        &Credential::key_file(text.trim_end().as_bytes())
    ));
}

/// The time that this thread was at work, whoever else was.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// Measured again while others disturb it: the fastest of each kind counts.
#[test]
fn a_refusal_takes_as_long_as_an_opening() {
    let place = SlotPlace {
        store: &STORE,
        id: 1,
    };
    let right = Credential::passphrase(PASSPHRASE);
    let costs = KdfParameters::USUAL;
    let slot = Slot::wrap(&key(1), place, &right, costs, &OsEntropy).unwrap();
    let huge = "x".repeat(1 << 20);
    let tries = [PASSPHRASE, "correct horse battery stable", "", &huge];
    let mut fastest = [Duration::MAX; 4];
    for _ in 0..4 {
        for (text, fastest) in tries.iter().zip(&mut fastest) {
            let start = worked();
            let opened = slot.unwrap(&STORE, &Credential::passphrase(text)).is_ok();
            assert_eq!(opened, *text == PASSPHRASE);
            *fastest = (*fastest).min(worked() - start);
        }
        let [opened, refused @ ..] = fastest;
        let near = |time: &Duration| *time > opened.mul_f64(0.8) && *time < opened.mul_f64(1.2);
        if refused.iter().all(near) {
            let least = fastest.iter().min().unwrap();
            assert!(*least >= Duration::from_millis(250), "{fastest:?}");
            return;
        }
    }
    panic!("opened, wrong, empty and huge took {fastest:?}");
}
