//! The ways to the root key: each slot holds it, encrypted under what one credential gives.

use hkdf::HkdfExtract;
use sha2::Sha512;

use super::FormatError;
use super::aad::Aad;
use super::bytes::{Reader, Writer};
use super::kdf::KdfParameters;
use super::sealed::{Purpose, Sealed};
use crate::credential::Credential;
use crate::entropy::Entropy;
use crate::error::SealError;
use crate::key::Key;

/// A slot's number. Numbers are not used twice.
pub(crate) type SlotId = u32;

/// What opens a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A passphrase, stretched by Argon2id.
    Passphrase,
    /// The content of a file: a systemd credential, a container secret, what a key service unwrapped.
    KeyFile,
    /// Both together: neither the database and the file, nor the database and the passphrase are enough.
    PassphraseAndKeyFile,
    /// The recovery key, which was shown once.
    Recovery,
}

impl SlotKind {
    const fn code(self) -> u8 {
        match self {
            Self::Passphrase => 1,
            Self::KeyFile => 2,
            Self::PassphraseAndKeyFile => 3,
            Self::Recovery => 4,
        }
    }

    const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Passphrase),
            2 => Some(Self::KeyFile),
            3 => Some(Self::PassphraseAndKeyFile),
            4 => Some(Self::Recovery),
            _ => None,
        }
    }

    /// Whether a person has to type something.
    #[must_use]
    pub const fn stretches(self) -> bool {
        matches!(self, Self::Passphrase | Self::PassphraseAndKeyFile)
    }

    /// One word for lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::KeyFile => "key_file",
            Self::PassphraseAndKeyFile => "passphrase_and_key_file",
            Self::Recovery => "recovery",
        }
    }
}

/// Why a slot did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// The credential is not the slot's. One text for whatever is wrong with it.
    #[error("the credential does not open the store")]
    Refused,
    /// The slot is none, or was changed.
    #[error("slot {slot} is damaged")]
    Damaged {
        /// Which slot.
        slot: u32,
        /// What is wrong.
        source: FormatError,
    },
    /// The store has no slot for credentials of this kind.
    #[error("the store has no slot of kind {}", .0.as_str())]
    NoSlot(SlotKind),
    /// There is too little memory to stretch a passphrase.
    #[error("trying the passphrase takes {mib} MiB of memory, which are not free")]
    Memory {
        /// How much it takes, in MiB.
        mib: u32,
    },
}

/// `"ORSL" | format u8 | kind u8 | id u32 | memory KiB u32 | passes u32 | lanes u32 | salt 32 | box`. The costs are
/// 0 for kinds that nobody types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) id: SlotId,
    pub(crate) kind: SlotKind,
    kdf: Option<KdfParameters>,
    salt: [u8; 32],
    sealed: Sealed,
}

impl Slot {
    const MAGIC: [u8; 4] = *b"ORSL";
    const FORMAT: u8 = 1;

    /// A slot that holds the root key for whoever has the credential. Takes as long as the costs say. A weak
    /// credential is refused here, whoever forgot to check it.
    pub(crate) fn wrap(
        root: &Key,
        place: SlotPlace<'_>,
        credential: &Credential,
        costs: KdfParameters,
        entropy: &dyn Entropy,
    ) -> Result<Self, SealError> {
        credential.check()?;
        let kind = credential.kind();
        let kdf = kind.stretches().then_some(costs);
        let mut salt = [0; 32];
        entropy.fill(&mut salt)?;
        let key = wrapping_key(credential, kdf, &salt).map_err(|mib| SealError::Memory { mib })?;
        let aad = aad(place, kind, kdf, &salt);
        let sealed = Sealed::seal(&key, Purpose::Slot, &aad, root.expose(), entropy)?;
        Ok(Self {
            id: place.id,
            kind,
            kdf,
            salt,
            sealed,
        })
    }

    /// The root key. Takes as long as the costs say, whatever the credential, and refuses all that is wrong
    /// with one text.
    pub(crate) fn unwrap(
        &self,
        store: &[u8; 16],
        credential: &Credential,
    ) -> Result<Key, UnlockError> {
        let key = wrapping_key(credential, self.kdf, &self.salt)
            .map_err(|mib| UnlockError::Memory { mib })?;
        let root = self.open(store, &key);
        // The kinds are compared too: what opens one slot may by chance or design be the content of another
        // kind of credential.
        if credential.kind() != self.kind || !credential.is_whole() {
            return Err(UnlockError::Refused);
        }
        root.ok_or(UnlockError::Refused)
    }

    /// The root key, for whoever has the key that it is encrypted under.
    pub(super) fn open(&self, store: &[u8; 16], key: &Key) -> Option<Key> {
        let place = SlotPlace { store, id: self.id };
        let aad = aad(place, self.kind, self.kdf, &self.salt);
        Key::from_slice(&self.sealed.open(key, Purpose::Slot, &aad).ok()?)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let (memory, passes, lanes) = self.kdf.map_or((0, 0, 0), KdfParameters::costs);
        let writer = Writer::default()
            .raw(&Self::MAGIC)
            .u8(Self::FORMAT)
            .u8(self.kind.code())
            .u32(self.id)
            .u32(memory)
            .u32(passes)
            .u32(lanes)
            .raw(&self.salt);
        self.sealed.write(writer).finish()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let kind = SlotKind::of_code(reader.u8()?).ok_or(FormatError::Bounds("kind"))?;
        let id = reader.u32()?;
        let costs = (reader.u32()?, reader.u32()?, reader.u32()?);
        let kdf = match (kind.stretches(), costs) {
            (false, (0, 0, 0)) => None,
            (true, (memory, passes, lanes)) => Some(
                KdfParameters::new(memory, passes, lanes)
                    .map_err(|_| FormatError::Bounds("cost of the passphrase"))?,
            ),
            (false, _) => return Err(FormatError::Bounds("cost of the passphrase")),
        };
        let salt = reader.array()?;
        let sealed = Sealed::read(&mut reader)?;
        reader.end()?;
        Ok(Self {
            id,
            kind,
            kdf,
            salt,
            sealed,
        })
    }
}

/// Where a slot stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotPlace<'a> {
    pub(crate) store: &'a [u8; 16],
    pub(crate) id: SlotId,
}

fn aad(
    place: SlotPlace<'_>,
    kind: SlotKind,
    kdf: Option<KdfParameters>,
    salt: &[u8; 32],
) -> Vec<u8> {
    let (memory, passes, lanes) = kdf.map_or((0, 0, 0), KdfParameters::costs);
    Aad::new("orchestra/slot")
        .bytes(place.store)
        .number(place.id)
        .number(kind.code())
        .number(memory)
        .number(passes)
        .number(lanes)
        .bytes(salt)
        .number(Sealed::SUITE)
        .finish()
}

/// What a credential amounts to: what is typed is stretched, what lies in a file is taken as it is, and HKDF
/// brings both together. Without the memory for it, how many MiB it takes.
pub(super) fn wrapping_key(
    credential: &Credential,
    kdf: Option<KdfParameters>,
    salt: &[u8; 32],
) -> Result<Key, u32> {
    let mut extract = HkdfExtract::<Sha512>::new(Some(salt));
    if let Some(kdf) = kdf {
        let stretched = kdf.stretch(credential.passphrase_bytes(), salt);
        extract.input_ikm(stretched.ok_or_else(|| kdf.memory_mib())?.expose());
    }
    extract.input_ikm(credential.file_bytes());
    let (_, hkdf) = extract.finalize();
    Ok(Key::made(|key| {
        hkdf.expand(b"orchestra/v1/slot-key", key)
            .expect("32 bytes are less than 255 hashes");
    }))
}
