//! Bytes of the first release. Whatever changes, they open: a new format gets new files beside these.

use super::*;

const VALUE: &[u8] = b"an example of a secret";

#[test]
fn what_the_first_release_wrote_still_opens() {
    for (bytes, credential) in SLOTS.map(unhex).iter().zip(credentials()) {
        let slot = Slot::parse(bytes).unwrap();
        assert_eq!(slot.kind, credential.kind());
        assert_eq!(slot.encode(), *bytes);
        let root = slot.unwrap(&STORE, &credential).unwrap();

        let keyring = Keyring::open(&unhex(KEYRING), &root, PLACE).unwrap();
        let numbers: Vec<u32> = keyring.versions().map(|(number, ..)| number).collect();
        assert_eq!(numbers, [1, 2, 3]);

        let record = Record::parse(&unhex(RECORD)).unwrap();
        assert_eq!(record.encode(), unhex(RECORD));
        assert_eq!(*record.open(&keyring, bound()).unwrap(), VALUE);

        let manifest = Manifest::open(&unhex(MANIFEST), &root).unwrap();
        assert_eq!(manifest.encode(&root), unhex(MANIFEST));
    }
}

/// The other direction: as long as there is no other format, what is written is what was written, bit for bit.
#[test]
fn what_is_written_now_is_what_the_first_release_wrote() {
    let entropy = Seeded::new(1);
    let recovery = Credential::recovery(&RecoveryKey::random(&entropy).unwrap());
    assert_eq!(recovery.file_bytes(), credentials()[3].file_bytes());
    let slots = slots(KdfParameters::LEAST, &entropy);
    let keyring = keyring(&entropy);
    let record = Record::seal(&keyring, bound(), VALUE, &entropy).unwrap();
    let sealed = keyring.seal(&key(1), PLACE, &entropy).unwrap();
    for (golden, (slot, _)) in SLOTS.iter().zip(&slots) {
        assert_eq!(slot.encode(), unhex(golden), "{:?}", slot.kind);
    }
    assert_eq!(sealed, unhex(KEYRING));
    assert_eq!(record.encode(), unhex(RECORD));
    assert_eq!(manifest().encode(&key(1)), unhex(MANIFEST));
}
