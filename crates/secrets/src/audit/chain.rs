//! Walking the log from its beginning, or from an entry that is genuine.

use super::checkpoint::{Checkpoint, Covered, Notary};
use super::entry::{AuditEntry, Chained};
use crate::format::{Keyring, Manifest};

/// Every entry whose number is a multiple of this has a checkpoint. So one that was deleted shows.
pub(crate) const CHECKPOINT_EVERY: u64 = 1000;

/// What is wrong with an entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditFlaw {
    /// What it says, its hash or its key version was changed.
    Edited,
    /// It is not there, and later ones are.
    Missing,
    /// Another entry stands in its place.
    Reordered,
    /// No unsealed store wrote it.
    Forged,
    /// It and everything after it was cut off.
    CutOff,
    /// It stands behind the end of the log.
    Added,
    /// Its checkpoint was not signed by this store, or says something else.
    CheckpointForged,
    /// Every 1,000th entry has a checkpoint; its is not there.
    CheckpointMissing,
    /// A checkpoint that was kept elsewhere says that the log was another up to here.
    Contradicted,
}

impl AuditFlaw {
    /// One word for messages and exports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Missing => "missing",
            Self::Reordered => "reordered",
            Self::Forged => "forged",
            Self::CutOff => "cut off",
            Self::Added => "added behind the end",
            Self::CheckpointForged => "covered by a forged checkpoint",
            Self::CheckpointMissing => "without its checkpoint",
            Self::Contradicted => "contradicted by a checkpoint",
        }
    }
}

/// The first entry that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} of the audit log is {}", .reason.as_str())]
pub struct AuditFault {
    /// Which entry.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: AuditFlaw,
}

/// A log that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditReport {
    /// How many entries there are.
    pub entries: u64,
    /// How many checkpoints are kept beside them.
    pub checkpoints: u64,
    /// The last entry.
    pub last_seq: u64,
    /// Its hash.
    pub last_hash: [u8; 32],
    /// The last entry that a checkpoint beside the log covers.
    pub last_checkpoint: Option<u64>,
}

/// A walk along the log.
pub(crate) struct Chain<'k> {
    keyring: &'k Keyring,
    notary: Notary,
    /// Where the manifest says that the log ends; `None` if nobody knows.
    end: Option<(u64, [u8; 32])>,
    /// What somebody kept of the log.
    kept: Option<Covered>,
    seq: u64,
    hash: [u8; 32],
    checkpoints: u64,
    last_checkpoint: Option<u64>,
}

impl<'k> Chain<'k> {
    pub(crate) fn new(store: &[u8; 16], keyring: &'k Keyring, manifest: Option<&Manifest>) -> Self {
        Self {
            keyring,
            notary: Notary::new(store, keyring),
            end: manifest.map(|manifest| (manifest.audit_seq, manifest.audit_hash)),
            kept: None,
            seq: 0,
            hash: [0; 32],
            checkpoints: 0,
            last_checkpoint: None,
        }
    }

    /// The log must be the one that this was said of.
    pub(crate) fn against(mut self, kept: Covered) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Begins at an entry whose own hash and MAC are enough: it is read for the sake of the next.
    pub(crate) fn resume(&mut self, row: &Chained) -> Result<(), AuditFault> {
        self.check_mac(row)?;
        (self.seq, self.hash) = (row.seq, row.hash);
        Ok(())
    }

    pub(crate) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) const fn notary(&self) -> &Notary {
        &self.notary
    }

    /// The next entry.
    pub(crate) fn push(&mut self, row: &Chained) -> Result<AuditEntry, AuditFault> {
        let expected = self.seq + 1;
        self.check_place(row.seq, expected)?;
        let edited = fault(expected, AuditFlaw::Edited);
        let entry = row.entry().map_err(|_| edited)?;
        if entry.seq != expected {
            return Err(fault(expected, AuditFlaw::Reordered));
        }
        if row.hash != Chained::link(&self.hash, row.key_version, &row.bytes) {
            return Err(edited);
        }
        self.check_mac(row)?;
        self.check_claims(expected, &row.hash)?;
        (self.seq, self.hash) = (expected, row.hash);
        Ok(entry)
    }

    fn check_place(&self, found: u64, expected: u64) -> Result<(), AuditFault> {
        if found < expected {
            return Err(fault(found, AuditFlaw::Added));
        }
        self.check_checkpoint_before(expected)?;
        match self.end {
            Some((end, _)) if expected > end => Err(fault(found, AuditFlaw::Added)),
            _ if found > expected => Err(fault(expected, AuditFlaw::Missing)),
            _ => Ok(()),
        }
    }

    fn check_mac(&self, row: &Chained) -> Result<(), AuditFault> {
        let key = self.keyring.audit(row.key_version);
        if key.is_some_and(|key| row.is_genuine(key)) {
            Ok(())
        } else {
            Err(fault(row.seq, AuditFlaw::Forged))
        }
    }

    /// What the manifest and the checkpoint that was kept say of this entry.
    fn check_claims(&self, seq: u64, hash: &[u8; 32]) -> Result<(), AuditFault> {
        let kept = self.kept.as_ref();
        if kept.is_some_and(|kept| kept.seq == seq && kept.hash != *hash) {
            return Err(fault(seq, AuditFlaw::Contradicted));
        }
        match self.end {
            Some((end, last)) if end == seq && last != *hash => Err(fault(seq, AuditFlaw::Edited)),
            _ => Ok(()),
        }
    }

    /// The stored checkpoint of the entry that came last.
    pub(crate) fn checkpoint(&mut self, note: &str) -> Result<(), AuditFault> {
        // A signature leaves no choice, so the text does not either.
        if self.notary.sign(self.seq, self.hash).text != note {
            return Err(fault(self.seq, AuditFlaw::CheckpointForged));
        }
        self.checkpoints += 1;
        self.last_checkpoint = Some(self.seq);
        Ok(())
    }

    /// A stored checkpoint of an entry that is not there.
    pub(crate) fn stray_checkpoint(&self, seq: u64, note: String) -> AuditFault {
        let genuine = Checkpoint { text: note }.open(&self.notary.verifier());
        match genuine {
            Ok(covered) if covered.seq == seq && seq > self.seq => {
                fault(self.seq + 1, AuditFlaw::CutOff)
            }
            _ => fault(seq, AuditFlaw::CheckpointForged),
        }
    }

    fn check_checkpoint_before(&self, next: u64) -> Result<(), AuditFault> {
        let due = next > 1 && (next - 1).is_multiple_of(CHECKPOINT_EVERY);
        if due && self.last_checkpoint != Some(next - 1) {
            return Err(fault(next - 1, AuditFlaw::CheckpointMissing));
        }
        Ok(())
    }

    /// Nothing follows.
    pub(crate) fn finish(self) -> Result<AuditReport, AuditFault> {
        let next = self.seq + 1;
        self.check_checkpoint_before(next)?;
        let said = self.kept.as_ref().map_or(0, |kept| kept.seq);
        let end = self.end.map_or(self.seq, |(end, _)| end).max(said);
        if end > self.seq {
            return Err(fault(next, AuditFlaw::CutOff));
        }
        Ok(AuditReport {
            entries: self.seq,
            checkpoints: self.checkpoints,
            last_seq: self.seq,
            last_hash: self.hash,
            last_checkpoint: self.last_checkpoint,
        })
    }
}

const fn fault(seq: u64, reason: AuditFlaw) -> AuditFault {
    AuditFault { seq, reason }
}
