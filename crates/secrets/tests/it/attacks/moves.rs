//! Ciphertexts, and whole sets of columns, moved between any two rows, between stores, and between tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use orchestra_secrets::backend::{Backend, Mode, Value};
use orchestra_secrets::{
    Ask, Entry, KdfParameters, NewSecret, State, Store, StoreError, StoreParts,
};

use super::hand::{Hand, lasting};
use super::quick::{self, Quick};
use crate::stores::{credential, name, secret};

const ROWS: usize = 200;

/// What is said of a value.
const SAID: [&str; 9] = [
    "tenant", "name", "version", "state", "service", "origin", "labels", "created", "expires",
];

/// All but the id, so that each row stays where it is.
const ALL: [&str; 13] = [
    "tenant",
    "name",
    "version",
    "state",
    "service",
    "origin",
    "labels",
    "created",
    "expires",
    "row_version",
    "key_version",
    "record",
    "last_used",
];

/// A store of 200 rows of several tenants, names, versions and states, and what stands in each.
struct Scene {
    store: Store,
    backend: Arc<dyn Backend>,
    hand: Hand,
    rows: Vec<Entry>,
    values: BTreeMap<(String, u32), String>,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = quick::folder();
        let backend: Arc<dyn Backend> = Quick::open(&folder.path().join("store.db"));
        let parts = StoreParts::new(Arc::clone(&backend), "a test");
        let created = Store::create(parts, vec![credential()], KdfParameters::LEAST);
        let store = created.await.unwrap().store;
        let mut values = BTreeMap::new();
        for number in 0..ROWS {
            // Three of four names have several versions.
            let (tenant, of_tenant) = (number % 5, number / 5);
            let text = format!("tenant-{tenant}/name-{}", of_tenant / (1 + of_tenant % 4));
            let new = described(&text, number);
            let value = format!("value {number}");
            let entry = store.set(new, &secret(&value)).await.unwrap();
            values.insert((text, entry.version), value);
        }
        let rows = store.entries(None).await.unwrap();
        let previous = rows.iter().filter(|entry| entry.state == State::Previous);
        for entry in previous.step_by(5) {
            let revoked = store.revoke(&entry.name, Some(entry.version)).await;
            revoked.unwrap();
            values.remove(&(entry.name.to_string(), entry.version));
        }
        let rows = store.entries(None).await.unwrap();
        assert_eq!(rows.len(), ROWS);
        Self {
            hand: Hand::new(&backend),
            store,
            backend,
            rows,
            values,
            _folder: folder,
        }
    }

    /// What a caller gets who asks for what stood in this row.
    async fn fetch(&self, row: &Entry) -> Result<String, StoreError> {
        let ask = Ask {
            version: Some(row.version),
            ..Ask::current(row.name.clone())
        };
        let fetched = self.store.fetch(&ask).await?;
        Ok(fetched.secret.expose().to_owned())
    }

    /// Gives each row what stands in the one so far behind it in these columns.
    async fn shift(&self, columns: &[&str], contents: &[Vec<Value>], by: usize) {
        let mut transaction = self.backend.begin(Mode::Write).await.unwrap();
        // Two rows of the same name and version cannot be there even for a moment.
        let aside = "UPDATE secrets_entries SET version = version + 1000 + rowid";
        transaction.execute(aside, Vec::new()).await.unwrap();
        let own = ["version"];
        let columns_and_version: Vec<&str> = match columns.contains(&"version") {
            true => columns.to_vec(),
            false => columns.iter().chain(&own).copied().collect(),
        };
        let sets: Vec<String> = (2..)
            .zip(&columns_and_version)
            .map(|(place, column)| format!("{column} = ${place}"))
            .collect();
        let update = lasting(format!(
            "UPDATE secrets_entries SET {} WHERE id = $1",
            sets.join(", ")
        ));
        for (place, row) in self.rows.iter().enumerate() {
            let mut values = vec![self.id(place)];
            let from = &contents[(place + by) % ROWS];
            values.extend(from.iter().take(columns.len()).cloned());
            if !columns.contains(&"version") {
                values.push(row.version.into());
            }
            transaction.execute(update, values).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }

    async fn put_record(&self, place: usize, record: &Value) {
        let put = "UPDATE secrets_entries SET record = $2 WHERE id = $1";
        let values = vec![self.id(place), record.clone()];
        assert_eq!(self.hand.run(put, values).await, 1);
    }

    fn id(&self, place: usize) -> Value {
        let text = self.rows[place].id.to_string();
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        Value::Blob(Some((0..16).map(|at| byte(at * 2)).collect()))
    }

    async fn contents(&self, columns: &[&str]) -> Vec<Vec<Value>> {
        let select = format!(
            "SELECT {} FROM secrets_entries WHERE id = $1",
            columns.join(", ")
        );
        let mut contents = Vec::new();
        for place in 0..ROWS {
            let row = self.hand.rows(select.clone(), vec![self.id(place)]).await;
            contents.extend(row);
        }
        contents
    }

    /// No row can be read.
    async fn check_refused(&self) {
        for row in &self.rows {
            let fetched = self.fetch(row).await;
            let refused = matches!(
                fetched,
                Err(StoreError::EntryTampered { .. } | StoreError::NameTampered { .. })
            );
            assert!(refused, "{} {}", row.name, row.version);
        }
    }

    /// Every row can be read, or is revoked.
    async fn check_untouched(&self) {
        assert!(self.store.verify().await.unwrap().is_whole());
        for row in &self.rows {
            let key = (row.name.to_string(), row.version);
            match (self.fetch(row).await, self.values.get(&key)) {
                (Ok(value), Some(expected)) => assert_eq!(value, *expected),
                (Err(StoreError::Revoked { .. }), None) => {}
                (result, _) => panic!("{key:?}: {:?}", result.err()),
            }
        }
    }
}

fn described(text: &str, number: usize) -> NewSecret {
    let mut new = NewSecret::new(name(text));
    new.service = (!number.is_multiple_of(3)).then(|| format!("service {}", number % 3));
    let origin = format!("https://api-{}.example.com", number % 7);
    new.origin = (!number.is_multiple_of(2)).then(|| origin.parse().unwrap());
    new.expires_ms = number.is_multiple_of(4).then_some(i64::MAX);
    new.labels.insert("number", &number.to_string()).unwrap();
    new
}

/// All pairs of rows: each row gets what stands in those up to half of all rows behind it.
async fn no_row_opens_with(columns: &'static [&'static str], refused: Refused) {
    let scene = Scene::new().await;
    scene.check_untouched().await;
    let contents = scene.contents(columns).await;
    for by in 1..=ROWS / 2 {
        scene.shift(columns, &contents, by).await;
        if refused == Refused::ToCallers {
            scene.check_refused().await;
        }
        if refused == Refused::ByScan || by % 50 == 0 {
            let report = scene.store.verify().await.unwrap();
            assert_eq!(report.damaged.len(), ROWS, "{columns:?} from {by} behind");
        }
    }
    scene.check_refused().await;
    scene.shift(columns, &contents, 0).await;
    scene.check_untouched().await;
}

/// Who finds that a row is another's. A scan asks the same of a row as what hands it out, and costs less for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    ToCallers,
    ByScan,
}

#[tokio::test]
async fn no_row_opens_with_anothers_record() {
    no_row_opens_with(&["record"], Refused::ToCallers).await;
}

#[tokio::test]
async fn no_row_opens_with_anothers_record_and_its_versions() {
    let columns = &["record", "row_version", "key_version"];
    no_row_opens_with(columns, Refused::ByScan).await;
}

#[tokio::test]
async fn no_row_opens_under_anothers_name() {
    no_row_opens_with(&["tenant", "name", "version"], Refused::ByScan).await;
}

#[tokio::test]
async fn no_row_opens_with_what_is_said_of_another() {
    no_row_opens_with(&SAID, Refused::ByScan).await;
}

#[tokio::test]
async fn no_row_opens_as_another() {
    no_row_opens_with(&ALL, Refused::ToCallers).await;
}

/// Two rows change places, and all others stay what they are.
#[tokio::test]
async fn who_is_not_touched_can_be_read() {
    let scene = Scene::new().await;
    let contents = scene.contents(&["record"]).await;
    for (one, other) in [(0, 1), (3, 150), (77, 199)] {
        for (place, from) in [(one, other), (other, one)] {
            scene.put_record(place, &contents[from][0]).await;
        }
        for (place, row) in scene.rows.iter().enumerate() {
            let touched = place == one || place == other;
            match scene.fetch(row).await {
                Ok(_) | Err(StoreError::Revoked { .. }) => assert!(!touched),
                Err(error) => assert!(touched, "{error}"),
            }
        }
        for place in [one, other] {
            scene.put_record(place, &contents[place][0]).await;
        }
        scene.check_untouched().await;
    }
}

/// Two stores that the same key file opens, with the same names in them.
#[tokio::test]
async fn no_row_opens_in_another_store() {
    let (scene, other) = (Scene::new().await, Scene::new().await);
    let contents = other.contents(&["record"]).await;
    for (place, row) in scene.rows.iter().enumerate() {
        scene.put_record(place, &contents[place][0]).await;
        assert!(scene.fetch(row).await.is_err());
    }
    // Not even with the row's own id, and with all that the other store lists.
    let everything = other.hand.copy().await;
    for table in ["secrets_entries", "secrets_store"] {
        scene.hand.put_back_table(table, &everything).await;
        for row in &other.rows {
            assert!(scene.fetch(row).await.is_err(), "{table}");
        }
    }
    let refused = scene.store.unseal(credential()).await;
    assert!(refused.is_err(), "slots of one store, the list of another");
}

/// Everything encrypted that the store holds, in the place of a record.
#[tokio::test]
async fn nothing_from_another_table_opens_as_a_record() {
    let scene = Scene::new().await;
    let current = |row: &Entry| row.state == State::Current;
    let place = scene.rows.iter().position(current).unwrap();
    let record = scene.contents(&["record"]).await[place][0].clone();
    for select in [
        "SELECT keyring FROM secrets_store",
        "SELECT manifest FROM secrets_store",
        "SELECT slot FROM secrets_slots WHERE id = 1",
        "SELECT slot FROM secrets_slots WHERE id = 2",
        "SELECT entry FROM secrets_audit WHERE seq = 2",
    ] {
        let value = scene.hand.value(select, Vec::new()).await;
        scene.put_record(place, &value).await;
        let fetched = scene.fetch(&scene.rows[place]).await;
        let refused = matches!(fetched, Err(StoreError::EntryTampered { .. }));
        assert!(refused, "{select}");
    }
    // And the other way round.
    scene.put_record(place, &record).await;
    for (table, column) in [("secrets_slots", "slot"), ("secrets_store", "keyring")] {
        let everything = scene.hand.copy().await;
        let update = format!("UPDATE {table} SET {column} = $1");
        scene.hand.run(update, vec![record.clone()]).await;
        let refused = scene.store.unseal(credential()).await;
        assert!(refused.is_err(), "{table}");
        scene.hand.put_back(&everything).await;
        scene.store.unseal(credential()).await.unwrap();
    }
    scene.check_untouched().await;
}
