//! Which key a call gets.

use orchestra_gateway::{KeyName, Keys, ProviderKey, UnusableKey};
use orchestra_secrets::Secret;
use orchestra_testkit::Script;
use orchestra_types::ProviderId;

use super::{Pools, key, secret};

#[tokio::test]
async fn calls_are_spread_by_weight() {
    let pools = Pools::new([Script::new()]).holding(vec![key("a", 1, 1), key("b", 1, 3)]);
    for _ in 0..400 {
        assert_eq!(pools.ask().await.status, 200);
    }
    let light = format!("Bearer {}", secret("a", 1));
    let sent = pools.stage.upstreams[0].log();
    let with_light = sent
        .iter()
        .filter(|request| request.header("authorization") == Some(&light))
        .count();
    // A hundred are expected; five standard deviations are 43.
    assert!((57..=143).contains(&with_light), "{with_light} of 400");
}

#[tokio::test]
async fn weights_are_exchanged_with_the_keys() {
    let pools = Pools::new([Script::new()]).holding(vec![key("a", 1, u32::MAX), key("b", 1, 1)]);
    assert_eq!(super::keys(&pools.ask().await.record), ["a1 -"]);
    pools.set(vec![key("a", 1, 1), key("b", 1, u32::MAX)]);
    assert_eq!(super::keys(&pools.ask().await.record), ["b1 -"]);
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_refused_and_changes_nothing() {
    let pools = Pools::new([Script::new()]).holding(vec![key("a", 1, 1)]);
    let name = KeyName::new("store:odd").unwrap();
    let odd = ProviderKey::new(name.clone(), Secret::new("two\r\nlines: 1".to_owned()));
    let refused = pools
        .member()
        .set_keys(Keys::Ready(vec![key("b", 1, 1), odd]));
    let error = refused.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("lines"), "{error}");
    assert_eq!(
        error,
        UnusableKey {
            provider: ProviderId::new("one").unwrap(),
            key: name
        }
    );
    assert_eq!(super::keys(&pools.ask().await.record), ["a1 -"]);
}
