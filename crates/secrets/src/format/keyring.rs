//! The numbered keys that encrypt secrets, themselves encrypted under the root key.

use zeroize::Zeroizing;

use super::FormatError;
use super::aad::Aad;
use super::bytes::{Reader, Writer};
use super::sealed::{Purpose, Sealed};
use crate::entropy::{Entropy, EntropyError};
use crate::error::SealError;
use crate::key::Key;

/// What a key version is still good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// New secrets are encrypted under it. One key version is active.
    Active,
    /// It only opens what was encrypted under it.
    DecryptOnly,
    /// Its key is gone. What it signed in the audit log can still be checked.
    Destroyed,
}

impl KeyState {
    const fn code(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::DecryptOnly => 2,
            Self::Destroyed => 3,
        }
    }

    const fn of_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Active),
            2 => Some(Self::DecryptOnly),
            3 => Some(Self::Destroyed),
            _ => None,
        }
    }
}

/// One numbered key, and the key of the audit entries that were written while it was active.
struct KeyVersion {
    number: u32,
    state: KeyState,
    /// Unix time in milliseconds.
    created: i64,
    audit: Key,
    /// `None` once destroyed.
    data: Option<Key>,
}

/// All of them, and the seed of the key that signs checkpoints.
pub(crate) struct Keyring {
    versions: Vec<KeyVersion>,
    signing: Key,
}

/// Where a keyring stands: what its ciphertext is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyringPlace<'a> {
    pub(crate) store: &'a [u8; 16],
    /// Counts root keys.
    pub(crate) root_version: u64,
    /// Counts changes of the keyring.
    pub(crate) keyring_version: u64,
}

impl KeyringPlace<'_> {
    fn aad(self) -> Vec<u8> {
        Aad::new("orchestra/keyring")
            .bytes(self.store)
            .unsigned(self.root_version)
            .unsigned(self.keyring_version)
            .number(Sealed::SUITE)
            .finish()
    }
}

impl Keyring {
    const MAGIC: [u8; 4] = *b"ORKR";
    const FORMAT: u8 = 1;
    /// A destroyed version, the shortest there is.
    const VERSION_BYTES: usize = 4 + 1 + 8 + Key::BYTES;

    /// A keyring with one active key, number 1.
    pub(crate) fn new(now: i64, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut keyring = Self {
            versions: Vec::new(),
            signing: Key::random(entropy)?,
        };
        keyring.publish(now, entropy)?;
        Ok(keyring)
    }

    /// Adds a key, which is active from now on, and says its number.
    pub(crate) fn publish(&mut self, now: i64, entropy: &dyn Entropy) -> Result<u32, EntropyError> {
        let number = self.versions.last().map_or(1, |last| last.number + 1);
        let version = KeyVersion {
            number,
            state: KeyState::Active,
            created: now,
            audit: Key::random(entropy)?,
            data: Some(Key::random(entropy)?),
        };
        for earlier in &mut self.versions {
            if earlier.state == KeyState::Active {
                earlier.state = KeyState::DecryptOnly;
            }
        }
        self.versions.push(version);
        Ok(number)
    }

    /// Forgets a key that is not active. Says whether there was one.
    pub(crate) fn destroy(&mut self, number: u32) -> bool {
        let found = self
            .versions
            .iter_mut()
            .find(|version| version.number == number && version.state == KeyState::DecryptOnly);
        let Some(version) = found else {
            return false;
        };
        version.state = KeyState::Destroyed;
        version.data = None;
        true
    }

    /// The key for new secrets, and its number.
    pub(crate) fn active(&self) -> Result<(u32, &Key), SealError> {
        let active = |version: &&KeyVersion| version.state == KeyState::Active;
        self.versions
            .iter()
            .find(active)
            .and_then(|version| Some((version.number, version.data.as_ref()?)))
            .ok_or(SealError::NoActiveKey)
    }

    /// The key of this number, unless it is destroyed.
    pub(crate) fn data(&self, number: u32) -> Option<&Key> {
        self.version(number)?.data.as_ref()
    }

    /// The key of the audit entries of this version.
    pub(crate) fn audit(&self, number: u32) -> Option<&Key> {
        Some(&self.version(number)?.audit)
    }

    /// The seed of the Ed25519 key that signs checkpoints.
    pub(crate) const fn signing(&self) -> &Key {
        &self.signing
    }

    fn version(&self, number: u32) -> Option<&KeyVersion> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    /// Number, state and time of creation of each, in their order.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (u32, KeyState, i64)> + '_ {
        self.versions
            .iter()
            .map(|version| (version.number, version.state, version.created))
    }

    /// Encrypts it under the root key.
    pub(crate) fn seal(
        &self,
        root: &Key,
        place: KeyringPlace<'_>,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let plain = self.plain();
        let sealed = Sealed::seal(root, Purpose::Keyring, &place.aad(), &plain, entropy)?;
        let writer = Writer::default().raw(&Self::MAGIC).u8(Self::FORMAT);
        Ok(sealed.write(writer).finish())
    }

    pub(super) fn plain(&self) -> Zeroizing<Vec<u8>> {
        // Room for all, so that no copy is left behind when the buffer grows.
        let room = Key::BYTES + 4 + self.versions.len() * (Self::VERSION_BYTES + Key::BYTES);
        let mut plain = Zeroizing::new(Vec::with_capacity(room));
        plain.extend_from_slice(self.signing.expose());
        let count = u32::try_from(self.versions.len()).unwrap_or(u32::MAX);
        plain.extend_from_slice(&count.to_be_bytes());
        for version in &self.versions {
            plain.extend_from_slice(&version.number.to_be_bytes());
            plain.push(version.state.code());
            plain.extend_from_slice(&version.created.to_be_bytes());
            plain.extend_from_slice(version.audit.expose());
            if let Some(data) = &version.data {
                plain.extend_from_slice(data.expose());
            }
        }
        plain
    }

    /// Decrypts one, if it is the one that stands in this place.
    pub(crate) fn open(
        bytes: &[u8],
        root: &Key,
        place: KeyringPlace<'_>,
    ) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        reader.magic(Self::MAGIC, Self::FORMAT)?;
        let sealed = Sealed::read(&mut reader)?;
        reader.end()?;
        Self::read(&sealed.open(root, Purpose::Keyring, &place.aad())?)
    }

    pub(super) fn read(plain: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(plain);
        let signing = key(&mut reader)?;
        let count = reader.count(Self::VERSION_BYTES)?;
        let mut versions = Vec::with_capacity(count);
        for _ in 0..count {
            versions.push(version(&mut reader)?);
        }
        reader.end()?;
        let keyring = Self { versions, signing };
        keyring.check()?;
        Ok(keyring)
    }

    /// What every keyring of ours keeps: numbers ascend from 1 on and leave room for another, and one key is active.
    fn check(&self) -> Result<(), FormatError> {
        let mut last = 0;
        for version in &self.versions {
            if version.number <= last || version.number == u32::MAX {
                return Err(FormatError::Bounds("order of keys"));
            }
            last = version.number;
        }
        let active = |version: &&KeyVersion| version.state == KeyState::Active;
        match self.versions.iter().filter(active).count() {
            1 => Ok(()),
            _ => Err(FormatError::Bounds("number of active keys")),
        }
    }
}

fn version(reader: &mut Reader<'_>) -> Result<KeyVersion, FormatError> {
    let number = reader.u32()?;
    let state = KeyState::of_code(reader.u8()?).ok_or(FormatError::Bounds("key state"))?;
    let created = reader.i64()?;
    let audit = key(reader)?;
    let data = match state {
        KeyState::Destroyed => None,
        KeyState::Active | KeyState::DecryptOnly => Some(key(reader)?),
    };
    Ok(KeyVersion {
        number,
        state,
        created,
        audit,
        data,
    })
}

fn key(reader: &mut Reader<'_>) -> Result<Key, FormatError> {
    Key::from_slice(reader.raw(Key::BYTES)?).ok_or(FormatError::Truncated)
}
