//! What to do about an error, in one place, for whoever is tired.

use std::error::Error;

use orchestra_secrets::{AnchorError, StoreError, UnlockError};

/// What to do about it, if there is something that the error does not say itself.
pub(crate) fn of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(advice)
}

fn advice(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return of_store(error);
    }
    cause.downcast_ref::<AnchorError>().map(of_anchor)
}

fn of_store(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::NoStore => "Make one with `orchestra secrets init`.".to_owned(),
        StoreError::RolledBack { found, .. } => format!(
            "If you restored a backup of the database, say so: orchestra secrets accept-restore --epoch {found}\n\
             If you did not, do not accept it: somebody put an old database in its place."
        ),
        StoreError::OtherEpoch { found } => {
            format!("Look at it once more, then: orchestra secrets accept-restore --epoch {found}")
        }
        StoreError::Tampered { .. } | StoreError::AuditTampered { .. } => {
            "Do not go on with it: keep a copy for whoever looks into this, and restore a backup \
             (`orchestra secrets restore`)."
                .to_owned()
        }
        StoreError::EntryTampered { name, version, .. } => format!(
            "Only this version is refused. Find out who changed the database; then erase it (`orchestra secrets revoke \
             {name} --version {version}`) and enter it again (`orchestra secrets set {name}`)."
        ),
        StoreError::Unlock(UnlockError::Refused) => {
            "It is not what the store is locked with. `orchestra secrets slots list` shows what is; the recovery key \
             opens it with --recovery."
                .to_owned()
        }
        StoreError::NeedsPerson { .. } => "Give the recovery key: --recovery".to_owned(),
        StoreError::LastSlot(_) => "Add another with `orchestra secrets slots add`.".to_owned(),
        StoreError::SlotsLeft(_) => {
            "Give their credentials, or let go of them with --drop-others.".to_owned()
        }
        StoreError::Anchor(error) => of_anchor(error),
        _ => return None,
    })
}

fn of_anchor(error: &AnchorError) -> String {
    match error {
        AnchorError::Damaged { path, .. } => format!(
            "{} tells whether the database was put back to an older state. If the store was made anew, or you know \
             why the file changed: orchestra secrets accept-restore --epoch N, where `orchestra secrets status` shows N.",
            path.display()
        ),
        _ => {
            "The file is outside of the database on purpose; see `anchor` in [secrets].".to_owned()
        }
    }
}
