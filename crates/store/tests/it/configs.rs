//! Saved configs.

use orchestra_store::{ConfigVersion, Configs, Database, SavedConfig};

fn version(number: usize) -> ConfigVersion {
    ConfigVersion {
        id: format!("version-{number}"),
        name: format!("Name {number}"),
        body: format!("{{\"number\":{number}}}"),
        active: number.is_multiple_of(2),
        made: 1_000 + i64::try_from(number).unwrap(),
        made_by: format!("client-{number}"),
    }
}

#[tokio::test]
async fn a_config_is_what_its_latest_version_says_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.db");
    let database = Database::open(&path).await.unwrap();
    let configs = Configs::of(&database);
    assert!(configs.insert("pc-a", &version(1)).await.unwrap());
    assert!(!configs.insert("pc-a", &version(9)).await.unwrap());
    assert!(configs.update("pc-a", &version(2)).await.unwrap());
    assert!(!configs.update("pc-b", &version(3)).await.unwrap());
    database.close().await;

    let configs = Configs::of(&Database::open(&path).await.unwrap());
    let saved = SavedConfig {
        slug: "pc-a".to_owned(),
        created: 1_001,
        created_by: "client-1".to_owned(),
        latest: version(2),
    };
    assert_eq!(configs.get("pc-a").await.unwrap(), Some(saved.clone()));
    assert_eq!(configs.get("pc-b").await.unwrap(), None);
    assert_eq!(configs.all().await.unwrap(), [saved]);
    let versions = configs.versions("pc-a").await.unwrap();
    assert_eq!(versions, [version(2), version(1)]);
}

#[tokio::test]
async fn what_is_removed_is_gone_with_its_versions_and_its_slug_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("kept.db"))
        .await
        .unwrap();
    let configs = Configs::of(&database);
    configs.insert("pc-a", &version(1)).await.unwrap();
    configs.insert("pc-b", &version(2)).await.unwrap();
    assert!(configs.remove("pc-a").await.unwrap());
    assert!(!configs.remove("pc-a").await.unwrap());
    assert!(configs.versions("pc-a").await.unwrap().is_empty());
    assert_eq!(configs.all().await.unwrap().len(), 1);
    assert!(configs.insert("pc-a", &version(3)).await.unwrap());
    assert_eq!(configs.versions("pc-a").await.unwrap(), [version(3)]);
}

#[tokio::test]
async fn a_hundred_versions_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("kept.db"))
        .await
        .unwrap();
    let configs = Configs::of(&database);
    configs.insert("pc-a", &version(0)).await.unwrap();
    for number in 1..105 {
        configs.update("pc-a", &version(number)).await.unwrap();
    }
    let versions = configs.versions("pc-a").await.unwrap();
    assert_eq!(versions.len(), 100);
    assert_eq!(versions[0], version(104));
    let saved = configs.get("pc-a").await.unwrap().unwrap();
    assert_eq!((saved.created, saved.latest), (1_000, version(104)));
}
