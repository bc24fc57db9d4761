//! Several keys of one provider.

use super::house::{FIRST_KEY, House, SECOND_KEY, accepting, ask, until_ready};

#[tokio::test]
async fn calls_are_divided_by_weight_among_keys_of_all_sources() {
    let mut house = House::build().await;
    house
        .variables
        .push(("B".to_owned(), SECOND_KEY.to_owned()));
    let keys = "keys = [{ key = \"store:openai\", weight = 3 }, { key = \"env:B\" }]";
    let stage = house.serve(keys, accepting(&[FIRST_KEY, SECOND_KEY])).await;
    until_ready(&stage, None).await;
    const CALLS: usize = 400;
    for _ in 0..CALLS {
        assert_eq!(ask(&stage).await.status, 200);
    }
    let first = format!("Bearer {FIRST_KEY}");
    let log = stage.upstream.log();
    let heavy = log
        .iter()
        .filter(|entry| entry.header("authorization") == Some(&first));
    let share = heavy.count();
    // Three quarters, give or take five standard deviations.
    assert!((256..=344).contains(&share), "{share} of {CALLS}");
}

#[tokio::test]
async fn one_key_that_may_not_be_used_leaves_the_others() {
    let mut house = House::build().await;
    house
        .variables
        .push(("B".to_owned(), SECOND_KEY.to_owned()));
    let keys = "keys = [{ key = \"store:no-such\", weight = 100 }, { key = \"env:B\" }]";
    let stage = house.serve(keys, accepting(&[SECOND_KEY])).await;
    until_ready(&stage, None).await;
    for _ in 0..10 {
        assert_eq!(ask(&stage).await.status, 200);
    }
    let keys = house.status().await["providers"][0]["keys"].clone();
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
}
