//! What an entry of the audit log may say: a fixed list of actions, and fields of fixed types.

use crate::{EntryId, Name};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The store was made.
    StoreCreated,
    /// The store was unsealed; the number counts refused credentials since the last time.
    Unsealed,
    /// The store was sealed.
    Sealed,
    /// A secret got a new version.
    SecretSet,
    /// A secret was handed out.
    SecretRead,
    /// A secret was used; the number counts how often since the entry before.
    SecretUsed,
    /// A version was revoked and its value erased.
    SecretRevoked,
    /// A secret was removed with all its versions.
    SecretRemoved,
    /// A way to unseal was added; the number is the slot's.
    SlotAdded,
    /// A way to unseal was removed; the number is the slot's.
    SlotRemoved,
    /// A way to unseal was replaced, such as a passphrase; the number is the new slot's.
    SlotReplaced,
    /// Rotation began: a key version is published; the number is the key's.
    KeyPublished,
    /// Secrets were encrypted anew; the number counts them.
    Reencrypted,
    /// Rotation ended: all secrets are under this key version.
    KeyRotated,
    /// A key version was destroyed; the number is the key's.
    KeyDestroyed,
    /// The root key was replaced; the number counts root keys.
    RootRotated,
    /// A backup was written; the number counts the versions of secrets that there were.
    Exported,
    /// The store was restored from a backup; the number is the backup's epoch.
    Restored,
    /// An older state was accepted by an operator; the number is its epoch.
    RestoreAccepted,
}

/// Codes and words. A code is never used for anything else.
const ACTIONS: [(Action, u8, &str); 19] = [
    (Action::StoreCreated, 1, "store.created"),
    (Action::Unsealed, 2, "store.unsealed"),
    (Action::Sealed, 3, "store.sealed"),
    (Action::SecretSet, 4, "secret.set"),
    (Action::SecretRead, 5, "secret.read"),
    (Action::SecretUsed, 6, "secret.used"),
    (Action::SecretRevoked, 7, "secret.revoked"),
    (Action::SecretRemoved, 8, "secret.removed"),
    (Action::SlotAdded, 9, "slot.added"),
    (Action::SlotRemoved, 10, "slot.removed"),
    (Action::SlotReplaced, 11, "slot.replaced"),
    (Action::KeyPublished, 12, "key.published"),
    (Action::Reencrypted, 13, "key.reencrypted"),
    (Action::KeyRotated, 14, "key.rotated"),
    (Action::KeyDestroyed, 15, "key.destroyed"),
    (Action::RootRotated, 16, "root.rotated"),
    (Action::Exported, 17, "store.exported"),
    (Action::Restored, 18, "store.restored"),
    (Action::RestoreAccepted, 19, "store.restore_accepted"),
];

impl Action {
    /// The word in exports, such as `secret.set`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let row = ACTIONS.iter().find(|(action, ..)| *action == self);
        row.map_or("", |(_, _, word)| word)
    }

    pub(super) fn code(self) -> u8 {
        let row = ACTIONS.iter().find(|(action, ..)| *action == self);
        row.map_or(0, |(_, code, _)| *code)
    }

    pub(super) fn of_code(code: u8) -> Option<Self> {
        let row = ACTIONS.iter().find(|(_, known, _)| *known == code);
        row.map(|(action, ..)| *action)
    }
}

/// What happened, before it has a place in the log.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) action: Action,
    pub(crate) name: Option<Name>,
    pub(crate) version: Option<u32>,
    pub(crate) entry: Option<EntryId>,
    pub(crate) number: Option<u64>,
}

impl Happened {
    pub(crate) const fn new(action: Action) -> Self {
        Self {
            action,
            name: None,
            version: None,
            entry: None,
            number: None,
        }
    }

    pub(crate) fn to(mut self, entry: &crate::Entry) -> Self {
        self.name = Some(entry.name.clone());
        self.version = Some(entry.version);
        self.entry = Some(entry.id);
        self
    }

    pub(crate) fn named(mut self, name: &Name) -> Self {
        self.name = Some(name.clone());
        self
    }

    pub(crate) fn number(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }
}
