//! The life of a store and of a secret.

use orchestra_secrets::backend::Mode;
use orchestra_secrets::{
    Amendment, Ask, Credential, KdfParameters, NewSecret, Origin, State, StoreError, UnlockError,
};

use crate::databases::{Database, on_each_database};
use crate::stores::{create, credential, get, name, parts, secret, set, unsealed};

on_each_database!(
    what_is_set_is_handed_out_again,
    a_sealed_store_hands_out_nothing,
    versions_follow_one_another,
    a_new_value_for_the_same_use_takes_over_what_is_genuine,
    a_name_is_taken_by_one_alone,
    what_is_said_of_a_secret_changes_and_the_rest_stays,
    a_secret_goes_nowhere_but_to_its_origin,
    keys_rotate_and_everything_stays_readable,
    a_new_root_key_takes_over,
    a_passphrase_is_replaced_in_one_slot,
    one_store_is_used_by_several_and_the_log_has_each,
);

async fn what_is_set_is_handed_out_again(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "the value of A").await;
    assert_eq!(get(&store, "A").await.unwrap(), "the value of A");
    let other = unsealed(&database, None).await.unwrap();
    assert_eq!(get(&other, "A").await.unwrap(), "the value of A");
    assert!(matches!(
        get(&other, "B").await,
        Err(StoreError::NoSecret(_))
    ));
    set(&other, "A", "another").await;
    assert_eq!(get(&store, "A").await.unwrap(), "another");
}

async fn a_sealed_store_hands_out_nothing(database: Database) {
    let store = create(&database, None).await.store;
    set(&store, "A", "1").await;
    store.seal().await.unwrap();
    assert!(matches!(get(&store, "A").await, Err(StoreError::Sealed)));
    let wrong = Credential::key_file(b"another key file that is long enough too");
    let refused = store.unseal(wrong).await;
    assert!(matches!(
        refused,
        Err(StoreError::Unlock(UnlockError::Refused))
    ));
    store.unseal(credential()).await.unwrap();
    assert_eq!(get(&store, "A").await.unwrap(), "1");
}

async fn versions_follow_one_another(database: Database) {
    let store = create(&database, None).await.store;
    assert_eq!(set(&store, "A", "1").await, 1);
    assert_eq!(set(&store, "A", "2").await, 2);
    let states = store.entries(Some(&name("A"))).await.unwrap();
    let states: Vec<State> = states.into_iter().map(|entry| entry.state).collect();
    assert_eq!(states, [State::Previous, State::Current]);
    let first = Ask {
        version: Some(1),
        ..Ask::current(name("A"))
    };
    assert_eq!(store.fetch(&first).await.unwrap().secret.expose(), "1");
    store.revoke(&name("A"), Some(1)).await.unwrap();
    assert!(matches!(
        store.fetch(&first).await,
        Err(StoreError::Revoked { .. })
    ));
    assert_eq!(get(&store, "A").await.unwrap(), "2");
    assert_eq!(store.remove(&name("A")).await.unwrap(), 2);
    assert!(matches!(
        get(&store, "A").await,
        Err(StoreError::NoSecret(_))
    ));
}

async fn a_name_is_taken_by_one_alone(database: Database) {
    let one = create(&database, None).await.store;
    let other = unsealed(&database, None).await.unwrap();
    let (first, second) = (secret("1"), secret("2"));
    let (a, b) = tokio::join!(
        one.add(NewSecret::new(name("A")), &first),
        other.add(NewSecret::new(name("A")), &second)
    );
    assert_eq!(
        [a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(),
        1,
        "{a:?} {b:?}"
    );
    let kept = get(&one, "A").await.unwrap();
    assert_eq!(kept, if a.is_ok() { "1" } else { "2" });
    one.revoke(&name("A"), None).await.unwrap();
    let again = one.add(NewSecret::new(name("A")), &first).await;
    assert!(
        matches!(again, Err(StoreError::NameTaken(_))),
        "revoked, and still there: {again:?}"
    );
    one.remove(&name("A")).await.unwrap();
    one.add(NewSecret::new(name("A")), &first).await.unwrap();
    assert_eq!(get(&other, "A").await.unwrap(), "1");
}

async fn what_is_said_of_a_secret_changes_and_the_rest_stays(database: Database) {
    let store = create(&database, None).await.store;
    let a = name("A");
    let say = |label: &str, value: Option<&str>| Amendment {
        labels: [(label.to_owned(), value.map(str::to_owned))].into(),
        ..Amendment::default()
    };
    let missing = store.amend(&a, say("x", Some("1"))).await;
    assert!(matches!(missing, Err(StoreError::NoSecret(_))));
    let origin: Origin = "https://a.example".parse().unwrap();
    let new = NewSecret {
        origin: Some(origin.clone()),
        service: Some("a".to_owned()),
        expires_ms: Some(i64::MAX),
        ..NewSecret::new(a.clone())
    };
    store.set(new, &secret("1")).await.unwrap();
    store.amend(&a, say("x", Some("1"))).await.unwrap();
    let entry = store.amend(&a, say("y", Some("2"))).await.unwrap();
    let said: Vec<_> = entry.labels.iter().collect();
    assert_eq!(said, [("x", "1"), ("y", "2")]);
    assert_eq!((entry.version, entry.origin), (3, Some(origin.clone())));
    assert_eq!(entry.expires_ms, Some(i64::MAX));
    assert_eq!(
        get(&store, "A").await.unwrap(),
        "1",
        "the value is the same"
    );

    let value = secret("2");
    let both = Amendment {
        secret: Some(&value),
        expires_ms: Some(None),
        ..say("x", None)
    };
    let entry = store.amend(&a, both).await.unwrap();
    assert_eq!(
        (
            entry.labels.get("x"),
            entry.labels.get("y"),
            entry.expires_ms
        ),
        (None, Some("2"), None)
    );
    assert_eq!(
        (entry.service.as_deref(), entry.origin),
        (Some("a"), Some(origin))
    );
    assert_eq!(get(&store, "A").await.unwrap(), "2");
    let wrong = store.amend(&a, say("x", Some("two\nlines"))).await;
    assert!(matches!(wrong, Err(StoreError::Label(_))), "{wrong:?}");
    assert_eq!(get(&store, "A").await.unwrap(), "2", "nothing was changed");

    store.revoke(&a, None).await.unwrap();
    let gone = store.amend(&a, say("x", Some("1"))).await;
    assert!(matches!(gone, Err(StoreError::Revoked { .. })), "{gone:?}");
    let value = secret("3");
    let renewed = Amendment {
        secret: Some(&value),
        ..Amendment::default()
    };
    let entry = store.amend(&a, renewed).await.unwrap();
    assert_eq!(entry.labels.get("y"), Some("2"), "it says what it said");
    assert_eq!(get(&store, "A").await.unwrap(), "3");
}

async fn a_new_value_for_the_same_use_takes_over_what_is_genuine(database: Database) {
    let store = create(&database, None).await.store;
    let a = name("A");
    let missing = store.renew(&a, &secret("1"), None).await;
    assert!(matches!(missing, Err(StoreError::NoSecret(_))));
    let mut new = NewSecret::new(a.clone());
    new.service = Some("mail".to_owned());
    new.origin = Some("https://a.example.com".parse().unwrap());
    new.labels.insert("team", "ops").unwrap();
    new.expires_ms = Some(1);
    let first = store.set(new, &secret("1")).await.unwrap();
    let second = store.renew(&a, &secret("2"), None).await.unwrap();
    assert_eq!((second.version, second.state), (2, State::Current));
    assert_eq!(
        (&second.service, &second.origin, &second.labels),
        (&first.service, &first.origin, &first.labels)
    );
    assert_eq!(second.expires_ms, None);
    store.revoke(&a, None).await.unwrap();
    let third = store.renew(&a, &secret("3"), Some(i64::MAX)).await.unwrap();
    assert_eq!((third.version, &third.origin), (3, &first.origin));
    // Somebody edits the address, of whichever version, and hopes that the next is made after it.
    for version in [3u32, 2] {
        let backend = database.open().await;
        let mut transaction = backend.begin(Mode::Write).await.unwrap();
        let edit = "UPDATE secrets_entries SET origin = 'https://b.example.com' WHERE version = $1";
        let changed = transaction.execute(edit, vec![version.into()]).await;
        assert_eq!(changed.unwrap(), 1);
        transaction.commit().await.unwrap();
        let renewed = store.renew(&a, &secret("4"), None).await;
        assert!(matches!(renewed, Err(StoreError::EntryTampered { .. })));
        store.revoke(&a, None).await.unwrap();
    }
}

async fn a_secret_goes_nowhere_but_to_its_origin(database: Database) {
    let store = create(&database, None).await.store;
    let new = NewSecret {
        origin: Some("https://api.example.com".parse().unwrap()),
        ..NewSecret::new(name("A"))
    };
    store.set(new, &secret("1")).await.unwrap();
    let ask = |origin: &str| Ask {
        origin: Some(origin.parse().unwrap()),
        ..Ask::current(name("A"))
    };
    assert!(
        store
            .fetch(&ask("https://API.example.com:443"))
            .await
            .is_ok()
    );
    let elsewhere = store.fetch(&ask("https://evil.example.com")).await;
    assert!(matches!(elsewhere, Err(StoreError::WrongOrigin { .. })));
}

async fn keys_rotate_and_everything_stays_readable(database: Database) {
    let store = create(&database, None).await.store;
    for number in 0..250 {
        set(&store, &format!("S{number}"), &format!("value {number}")).await;
    }
    let other = unsealed(&database, None).await.unwrap();
    let rotation = store.rotate_key().await.unwrap();
    assert_eq!((rotation.key_version, rotation.reencrypted), (2, 250));
    for store in [&store, &other] {
        assert_eq!(get(store, "S249").await.unwrap(), "value 249");
    }
    assert!(matches!(
        store.destroy_key(2).await,
        Err(StoreError::KeyInUse(2))
    ));
    store.destroy_key(1).await.unwrap();
    assert_eq!(get(&other, "S0").await.unwrap(), "value 0");
}

async fn a_new_root_key_takes_over(database: Database) {
    let created = create(&database, None).await;
    let store = created.store;
    set(&store, "A", "1").await;
    let other = unsealed(&database, None).await.unwrap();
    let refused = store
        .rotate_root(
            vec![Credential::key_file(&[7; 40])],
            KdfParameters::LEAST,
            false,
        )
        .await;
    assert!(matches!(refused, Err(StoreError::SlotsLeft(_))));
    let rotated = store
        .rotate_root(vec![credential()], KdfParameters::LEAST, false)
        .await
        .unwrap();
    assert_eq!(get(&store, "A").await.unwrap(), "1");
    assert!(matches!(get(&other, "A").await, Err(StoreError::Sealed)));
    other.unseal(credential()).await.unwrap();
    assert_eq!(get(&other, "A").await.unwrap(), "1");
    let old = other.unseal(Credential::recovery(&created.recovery)).await;
    assert!(matches!(old, Err(StoreError::Unlock(UnlockError::Refused))));
    other
        .unseal(Credential::recovery(&rotated.recovery))
        .await
        .unwrap();
}

async fn a_passphrase_is_replaced_in_one_slot(database: Database) {
    let store = create(&database, None).await.store;
    let costs = KdfParameters::LEAST;
    let old = Credential::passphrase("correct horse battery");
    let slot = store.add_slot(old, costs).await.unwrap();
    let new = Credential::passphrase("staple correct horse");
    store.replace_slot(slot, new, costs).await.unwrap();
    let sealed = orchestra_secrets::Store::open(parts(&database, None).await)
        .await
        .unwrap();
    let old = sealed
        .unseal(Credential::passphrase("correct horse battery"))
        .await;
    assert!(matches!(old, Err(StoreError::Unlock(UnlockError::Refused))));
    sealed
        .unseal(Credential::passphrase("staple correct horse"))
        .await
        .unwrap();
}

async fn one_store_is_used_by_several_and_the_log_has_each(database: Database) {
    let store = create(&database, None).await.store;
    let other = store.acting_as("somebody else");
    set(&other, "A", "1").await;
    set(&store, "B", "2").await;
    let entries = store.audit_entries(1, 10).await.unwrap();
    let actors: Vec<&str> = entries.iter().map(|entry| entry.actor.as_str()).collect();
    assert_eq!(actors, ["somebody else", "a test"]);
    other.seal().await.unwrap();
    assert!(store.is_sealed() && matches!(get(&store, "A").await, Err(StoreError::Sealed)));
    store.unseal(credential()).await.unwrap();
    assert_eq!(get(&other, "A").await.unwrap(), "1");
}
