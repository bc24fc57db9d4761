//! What is left of the keys' rate limits, and what follows from it.

use std::time::Duration;

use orchestra_gateway::QuotaReport;
use orchestra_providers::Counted;
use orchestra_testkit::{Behaviour, Script, When};

use super::{CHAT, MODEL, Pools, key, secret};
use crate::harness::{Ask, EVERYONE};

fn with_key(name: &str) -> When {
    When::header("authorization", format!("Bearer {}", secret(name, 1)))
}

/// An answer that says what is left of a thousand tokens, for a minute.
fn telling(behaviour: Behaviour, left: &str) -> Behaviour {
    behaviour
        .header("x-ratelimit-limit-tokens", "1000")
        .header("x-ratelimit-remaining-tokens", left)
        .header("x-ratelimit-reset-tokens", "1m0s")
}

/// What is known of the tokens of the key `a`.
fn tokens(pools: &Pools) -> Vec<QuotaReport> {
    let mut all = pools.report("a").quota;
    all.retain(|report| report.counted == Counted::Tokens);
    all
}

/// How many of four hundred calls go out with the key `a`, beside `b` of the same weight.
async fn with_a(pools: &Pools) -> usize {
    pools.stage.upstreams[0].reset_log();
    for _ in 0..400 {
        assert_eq!(pools.ask().await.status, 200);
    }
    let a = format!("Bearer {}", secret("a", 1));
    let sent = pools.stage.upstreams[0].log();
    let with_a =
        |request: &&orchestra_testkit::Received| request.header("authorization") == Some(&a);
    sent.iter().filter(with_a).count()
}

#[tokio::test]
async fn calls_are_spread_by_what_is_left() {
    let script = Script::new()
        .on(with_key("a"), telling(Behaviour::answer(), "100"))
        .otherwise(telling(Behaviour::answer(), "1000"));
    let pools = Pools::new([script]).holding(vec![key("a", 1, 1), key("b", 1, 1)]);
    let drawn = with_a(&pools).await;
    // One in eleven, 36, and one before anything is known; five standard deviations are 29.
    assert!((8..=66).contains(&drawn), "{drawn} of 400");
    let report = QuotaReport {
        counted: Counted::Tokens,
        limit: Some(1000),
        remaining: 100,
        resets_in: Duration::from_secs(60),
    };
    assert_eq!(tokens(&pools), [report]);

    // With the reset nothing is known any more, but what the next answers say.
    pools.advance(60);
    assert_eq!(tokens(&pools), []);
}

#[tokio::test]
async fn what_an_error_says_is_left_counts_too() {
    let refusal = |left| telling(Behaviour::error(429), left);
    for (refusal, rests, remaining) in [
        // Until the reset, which is later than the second that a 429 without a word is given.
        (refusal("0"), 60, 0),
        // It asked for less itself.
        (refusal("0").header("retry-after", "5"), 5, 0),
        (refusal("30"), 1, 30),
    ] {
        let script = Script::new()
            .on(with_key("a"), refusal)
            .otherwise(telling(Behaviour::answer(), "1000"));
        let pools = Pools::new([script]).holding(vec![key("a", 1, super::HEAVY), key("b", 1, 1)]);
        let got = pools.ask().await;
        // The other key is asked at once, whatever the pause.
        assert_eq!(got.status, 200, "{rests}");
        assert_eq!(super::keys(&got.record), ["a1 rate_limited", "b1 -"]);
        assert_eq!(tokens(&pools)[0].remaining, remaining);
        assert!(!pools.is_well_with(MODEL, "a"));
        pools.advance(rests - 1);
        assert!(!pools.is_well_with(MODEL, "a") || rests == 1);
        pools.advance(1);
        assert!(pools.is_well_with(MODEL, "a"), "{rests}");
    }
}

#[tokio::test]
async fn with_all_keys_limited_each_is_asked_once_and_the_next_target_gets_its_turn() {
    let limited = || Script::new().otherwise(Behaviour::error(429).header("retry-after", "30"));
    let keys = || ["a", "b", "c", "d"].map(|name| key(name, 1, 1)).to_vec();
    let alone = Pools::new([limited()]).holding(keys());
    let got = alone.ask().await;
    assert_eq!((got.status.as_u16(), got.record.attempts.len()), (429, 3));
    let got = alone.ask().await;
    assert_eq!(got.record.attempts.len(), 1, "the fourth");

    let pools = Pools::new([limited(), Script::new()]).holding(keys());
    let got = pools.stage.ask(Ask::new(CHAT, EVERYONE, false)).await;
    assert_eq!(got.status, 200);
    let asked = got
        .record
        .attempts
        .iter()
        .map(|attempt| attempt.provider.as_str());
    assert_eq!(asked.collect::<Vec<_>>(), ["one", "one", "two"]);
}

#[tokio::test]
async fn who_says_that_it_is_no_use_is_not_asked_with_another_key() {
    let limited = Behaviour::error(429).header("x-should-retry", "false");
    let pools = Pools::new([Script::new().otherwise(limited)]);
    let pools = pools.holding(vec![key("a", 1, 1), key("b", 1, 1)]);
    assert_eq!(pools.ask().await.record.attempts.len(), 1);
}

#[tokio::test]
async fn the_standard_fields_count_without_a_word_in_the_row() {
    let script = Script::new().otherwise(
        Behaviour::answer()
            .header(
                "ratelimit-policy",
                r#""burst";q=10;w=10, "day";q=5000;w=86400"#,
            )
            .header("ratelimit", r#""burst";r=0;t=7, "day";r=4998;t=69076"#),
    );
    let pools = Pools::new([script]).holding(vec![key("a", 1, 1), key("b", 1, 1)]);
    let record = pools.ask().await.record;
    let name = super::keys(&record)[0][..1].to_owned();
    assert!(!pools.is_well_with(MODEL, &name));
    pools.advance(7);
    assert!(pools.is_well_with(MODEL, &name));
}
