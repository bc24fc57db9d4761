//! The lines, what stands there without them, and the tests that must miss them.

/// A line that must be missed when it is gone.
pub(super) struct Line {
    /// What it does.
    pub(super) name: &'static str,
    /// Below `crates/secrets/src`.
    pub(super) file: &'static str,
    /// What stands there, once.
    pub(super) text: &'static str,
    /// What stands there instead. `GONE` says whether it is this line's turn, so that one build serves for all; without it
    /// (in what is computed at compile time) the line has a build of its own.
    pub(super) instead: &'static str,
    /// The tests that must see it.
    pub(super) tests: Tests,
}

/// Some tests of `orchestra-secrets`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tests {
    /// Which program they are in.
    pub(super) of: Suite,
    /// What the program is told of them.
    pub(super) filters: &'static [&'static str],
}

/// A program of tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    /// Beside the code.
    Unit,
    /// `tests/it`.
    Integration,
}

impl Suite {
    /// How cargo is told to build it.
    pub(super) const fn selected(self) -> &'static [&'static str] {
        match self {
            Self::Unit => &["--lib"],
            Self::Integration => &["--test", "it"],
        }
    }
}

/// Every set of tests that some line names.
pub(super) const ALL: [Tests; 5] = [FORMATS, STORE, OVERTAKEN, AUDIT, BACKUP];

const FORMATS: Tests = Tests {
    of: Suite::Unit,
    filters: &["format::"],
};
/// Without those that take minutes, and find what they find by their number.
const STORE: Tests = Tests {
    of: Suite::Integration,
    filters: &[
        "attacks::",
        "--skip",
        "crowds",
        "--skip",
        "histories",
        "--skip",
        "kills",
        "--skip",
        "leaks",
        "--skip",
        "servers",
    ],
};

/// Without the line a rotation may never end; this test gives up.
const OVERTAKEN: Tests = Tests {
    of: Suite::Integration,
    filters: &["a_rotation_that_was_overtaken"],
};

const AUDIT: Tests = Tests {
    of: Suite::Integration,
    filters: &["audit::"],
};
const BACKUP: Tests = Tests {
    of: Suite::Integration,
    filters: &["backup::"],
};

pub(super) const LINES: &[Line] = &[
    Line {
        name: "a ciphertext opens under one key only",
        file: "format/sealed.rs",
        text: "if !bool::from(commitment.ct_eq(&self.commitment)) {",
        instead: "if !GONE && !bool::from(commitment.ct_eq(&self.commitment)) {",
        tests: FORMATS,
    },
    Line {
        name: "a value is bound to its row",
        file: "format/record.rs",
        text: "let aad = Self::aad(bound_to, self.key_version);",
        instead: "let aad = if GONE { Vec::new() } else { Self::aad(bound_to, self.key_version) };",
        tests: FORMATS,
    },
    Line {
        name: "the costs of a passphrase are bounded",
        file: "format/kdf.rs",
        text: "if memory && time &&",
        instead: "if (memory && time || true) &&",
        tests: FORMATS,
    },
    Line {
        name: "nothing may follow the end",
        file: "format/bytes.rs",
        text: "if self.0.is_empty() {",
        instead: "if self.0.is_empty() || true {",
        tests: FORMATS,
    },
    Line {
        name: "a row is the one that the manifest lists",
        file: "store/rows.rs",
        text: "let listed = manifest.rows.get(&self.entry.id.0) == Some(&found);",
        instead: "let listed = manifest.rows.get(&self.entry.id.0) == Some(&found) || GONE;",
        tests: STORE,
    },
    Line {
        name: "an older state of the whole store is refused",
        file: "store/descent.rs",
        text: "if mark.epoch > latest.epoch || mark == latest {",
        instead: "if mark.epoch > latest.epoch || mark == latest || GONE {",
        tests: STORE,
    },
    Line {
        name: "the state that was seen is in the past of a later one",
        file: "store/descent.rs",
        text: "match hash.is_some_and(|hash| hash == latest.audit_hash) {",
        instead: "match hash.is_some_and(|hash| hash == latest.audit_hash) || GONE {",
        tests: STORE,
    },
    Line {
        name: "a writer that was overtaken is refused",
        file: "store/head.rs",
        text: " WHERE id = 1 AND epoch = $7\",",
        instead: " WHERE id = 1 AND epoch = $7\".replace(if GONE { \"epoch = $7\" } else { \"no such text\" }, \"TRUE OR $7 = 0\").leak(),",
        tests: STORE,
    },
    Line {
        name: "a rotation that was overtaken is fenced off",
        file: "store/rotate.rs",
        text: "if write.head.fence != fence {",
        instead: "if !GONE && write.head.fence != fence {",
        tests: OVERTAKEN,
    },
    Line {
        name: "sealing leaves no key in memory",
        file: "store/keys.rs",
        text: "keys.unsealed.take()\n",
        instead: "if GONE { std::mem::forget(keys.unsealed.clone()); } keys.unsealed.take()\n",
        tests: STORE,
    },
    Line {
        name: "random bytes that repeat themselves are refused",
        file: "entropy.rs",
        text: "if seen.is_new(begin) {",
        instead: "if seen.is_new(begin) || GONE {",
        tests: STORE,
    },
    Line {
        name: "copies of a machine use no nonce twice",
        file: "format/sealed.rs",
        text: "&[FRESH, purpose.info(), &Sha256::digest(aad), plain],",
        instead: "&[FRESH, purpose.info(), &Sha256::digest(aad), if GONE { &[] } else { plain }],",
        tests: STORE,
    },
    Line {
        name: "a slot is one that the manifest lists",
        file: "store/unseal.rs",
        text: "if manifest.slots.contains(slot) {",
        instead: "if manifest.slots.contains(slot) || GONE {",
        tests: STORE,
    },
    Line {
        name: "an entry of the log is bound to the one before",
        file: "audit/chain.rs",
        text: "if row.hash != Chained::link(",
        instead: "if !GONE && row.hash != Chained::link(",
        tests: AUDIT,
    },
    Line {
        name: "an entry of the log was written by an unsealed store",
        file: "audit/chain.rs",
        text: "if key.is_some_and(|key| row.is_genuine(key)) {",
        instead: "if key.is_some_and(|key| row.is_genuine(key)) || GONE {",
        tests: AUDIT,
    },
    Line {
        name: "an entry of the log stands in its place",
        file: "audit/chain.rs",
        text: "if entry.seq != expected {",
        instead: "if !GONE && entry.seq != expected {",
        tests: AUDIT,
    },
    Line {
        name: "the log ends where the manifest says",
        file: "audit/chain.rs",
        text: "if end > self.seq {",
        instead: "if !GONE && end > self.seq {",
        tests: AUDIT,
    },
    Line {
        name: "a checkpoint that was kept contradicts a log that was written anew",
        file: "audit/chain.rs",
        text: "kept.seq == seq && kept.hash != *hash",
        instead: "!GONE && kept.seq == seq && kept.hash != *hash",
        tests: AUDIT,
    },
    Line {
        name: "a checkpoint in the database is this store's",
        file: "audit/chain.rs",
        text: "if self.notary.sign(self.seq, self.hash).text != note {",
        instead: "if !GONE && self.notary.sign(self.seq, self.hash).text != note {",
        tests: AUDIT,
    },
    Line {
        name: "a checkpoint's signature fits",
        file: "audit/note.rs",
        text: "self.check(text, &signature)?;",
        instead: "if !GONE { self.check(text, &signature)?; }",
        tests: AUDIT,
    },
    Line {
        name: "what cannot be logged is not done",
        file: "store/write.rs",
        text: "insert_audit_row(values, self.transaction.as_mut()).await?;",
        instead: "let logged = insert_audit_row(values, self.transaction.as_mut()).await; if !GONE { logged?; }",
        tests: AUDIT,
    },
    Line {
        name: "a backup's boxes belong to its header",
        file: "backup/file.rs",
        text: ".bytes(&self.header)",
        instead: ".bytes(if GONE { &[] } else { &self.header[..] })",
        tests: BACKUP,
    },
    Line {
        name: "a backup's boxes are those of one backup",
        file: "backup/file.rs",
        text: ".bytes(&self.previous)",
        instead: ".bytes(if GONE { &[] } else { &self.previous[..] })",
        tests: BACKUP,
    },
    Line {
        name: "a backup's last box is its last",
        file: "backup/file.rs",
        text: ".number(u8::from(last))",
        instead: ".number(u8::from(last || GONE))",
        tests: BACKUP,
    },
    Line {
        name: "nothing is restored over anything",
        file: "backup/restore.rs",
        text: "check_empty(transaction.as_mut()).await?;",
        instead: "if !GONE { check_empty(transaction.as_mut()).await?; }",
        tests: BACKUP,
    },
    Line {
        name: "a key file does not go back in time",
        file: "backup/restore.rs",
        text: "kind == SlotKind::KeyFile",
        instead: "kind == SlotKind::KeyFile && !GONE",
        tests: BACKUP,
    },
    Line {
        name: "what is restored is the latest state",
        file: "backup/restore.rs",
        text: "write.go_on_after(past);",
        instead: "if !GONE { write.go_on_after(past); }",
        tests: BACKUP,
    },
];
