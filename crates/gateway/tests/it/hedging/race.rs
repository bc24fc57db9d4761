//! Who wins, and what becomes of the other.

use std::pin::pin;
use std::time::Duration;

use orchestra_gateway::{Ending, HedgeOutcome};
use orchestra_testkit::{Behaviour, Script};
use tokio::time::timeout;

use super::{Act, CHAT, Saw, Theatre, after_a_second, attempts, hedging};
use crate::harness::{Ask, EVERYONE, Stage, soon, within};
use crate::wire;

const WON: Option<HedgeOutcome> = Some(HedgeOutcome::Won);
const LOST: Option<HedgeOutcome> = Some(HedgeOutcome::Lost);

#[tokio::test(start_paused = true)]
async fn a_second_target_answers_for_a_slow_one() {
    let theatre = Theatre::racing([Act::Whole(60_000), Act::Whole(200)]);
    let got = theatre.ask(false).await;
    assert_eq!((got.status.as_u16(), got.text()), (200, wire::answer(CHAT)));
    assert_eq!(
        attempts(&got.record),
        [("one", "cancelled", None), ("two", "-", WON)]
    );
    assert_eq!(got.record.took.as_millis(), 1_200);
    let took: Vec<_> = got
        .record
        .attempts
        .iter()
        .map(|a| a.took.as_millis())
        .collect();
    assert_eq!(took, [1_200, 200]);
    assert_eq!(
        theatre.log(),
        [
            ("one", 0, Saw::Request),
            ("two", 1_000, Saw::Request),
            ("one", 1_200, Saw::Gone)
        ]
    );
    assert_eq!(got.header("x-orchestra-provider"), "two");
    assert_eq!(got.header("x-orchestra-attempts"), "2");
    assert!(!got.record.hedge_capped);
    // Nine tokens of output, and a short prompt.
    let costs: Vec<_> = got
        .record
        .attempts
        .iter()
        .map(|attempt| attempt.estimated_cost.map(orchestra_types::Money::pico))
        .collect();
    assert!(
        matches!(costs[..], [Some(90_000_001..150_000_000), None]),
        "{costs:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_target_that_answers_after_all_wins() {
    let theatre = Theatre::racing([Act::Whole(1_500), Act::Whole(60_000)]);
    let got = theatre.ask(false).await;
    assert_eq!(got.status, 200);
    // Who decided comes last.
    assert_eq!(
        attempts(&got.record),
        [("two", "cancelled", LOST), ("one", "-", None)]
    );
    assert_eq!(got.record.took.as_millis(), 1_500);
    assert_eq!(theatre.log()[2], ("two", 1_500, Saw::Gone));
    assert_eq!(got.header("x-orchestra-provider"), "one");
}

#[tokio::test(start_paused = true)]
async fn nobody_else_is_asked_while_the_first_one_is_in_time() {
    let theatre = Theatre::racing([Act::Whole(999), Act::Whole(1)]);
    let got = theatre.ask(false).await;
    assert_eq!(attempts(&got.record), [("one", "-", None)]);
    assert_eq!(theatre.asked(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn who_lost_is_neither_praised_nor_blamed_and_takes_no_place() {
    let theatre = Theatre::racing([Act::Whole(60_000), Act::Whole(200)]);
    theatre.ask(false).await;
    let (slow, fast) = (theatre.report("one"), theatre.report("two"));
    assert_eq!((slow.in_flight, slow.successes, slow.failures), (0, 0, 0));
    assert_eq!((fast.in_flight, fast.successes, fast.failures), (0, 1, 0));
    assert_eq!(slow.latency, None);

    let theatre = Theatre::racing([Act::Whole(1_500), Act::Whole(60_000)]);
    theatre.ask(false).await;
    let (slow, other) = (theatre.report("one"), theatre.report("two"));
    assert_eq!((slow.in_flight, slow.successes, slow.failures), (0, 1, 0));
    assert_eq!(
        (other.in_flight, other.successes, other.failures),
        (0, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_wins_with_its_first_content() {
    // An opening is no content, however early it comes.
    let theatre = Theatre::racing([Act::Stream(10, 60_000), Act::Stream(10, 300)]);
    let got = theatre.ask(true).await;
    assert_eq!(got.text(), wire::recorded(CHAT).whole());
    assert_eq!(
        attempts(&got.record),
        [("one", "cancelled", None), ("two", "-", WON)]
    );
    assert_eq!(got.record.first_byte.unwrap().as_millis(), 1_310);
    assert_eq!(theatre.log()[2], ("one", 1_310, Saw::Gone));

    let theatre = Theatre::racing([Act::Stream(10, 1_490), Act::Stream(10, 60_000)]);
    let got = theatre.ask(true).await;
    assert_eq!(got.text(), wire::recorded(CHAT).whole());
    assert_eq!(
        attempts(&got.record),
        [("two", "cancelled", LOST), ("one", "-", None)]
    );
    assert_eq!(got.record.usage.unwrap().output, 5);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_both() {
    for stream in [false, true] {
        let theatre = Theatre::racing([Act::Never, Act::Never]);
        let waited = timeout(Duration::from_millis(1_700), theatre.ask(stream)).await;
        assert!(waited.is_err());
        let record = theatre.stage.record();
        assert_eq!(record.ending, Ending::ClientGone);
        assert_eq!(
            attempts(&record),
            [
                ("one", "abandoned", None),
                ("two", "abandoned", Some(HedgeOutcome::Abandoned))
            ]
        );
        let mut gone = theatre.log().split_off(2);
        gone.sort_unstable_by_key(|(name, ..)| *name);
        assert_eq!(gone, [("one", 1_700, Saw::Gone), ("two", 1_700, Saw::Gone)]);
        assert_eq!(theatre.report("one").in_flight, 0);
        assert_eq!(theatre.report("two").in_flight, 0);
    }
}

/// Over real connections.
#[tokio::test]
async fn an_upstream_sees_that_it_is_not_waited_for_any_more() {
    for stream in [false, true] {
        let after = orchestra_gateway::HedgeAfter::Time(Duration::from_millis(50));
        let scripts = [Behaviour::hang(), Behaviour::answer()].map(|b| Script::new().otherwise(b));
        let stage = Stage::with(hedging(after, 1.0), scripts);
        let got = stage.ask(Ask::new(CHAT, EVERYONE, stream)).await;
        assert_eq!(got.status, 200);
        assert_eq!(
            attempts(&got.record),
            [("one", "cancelled", None), ("two", "-", WON)]
        );
        within(Duration::from_secs(1), stage.upstreams[0].wait_for_gone()).await;
        assert_eq!(stage.requests(), [1, 1]);
    }
}

/// The client's own end is noticed by both, too.
#[tokio::test]
async fn upstreams_see_that_the_client_has_left() {
    let after = orchestra_gateway::HedgeAfter::Time(Duration::from_millis(20));
    let scripts = [Behaviour::hang(), Behaviour::hang()].map(|b| Script::new().otherwise(b));
    let stage = Stage::with(hedging(after, 1.0), scripts);
    {
        let ask = Ask::new(CHAT, EVERYONE, true);
        let mut call = pin!(stage.gateway.call(ask.into_incoming()));
        tokio::select! {
            _ = &mut call => panic!("nobody answers"),
            () = soon(stage.upstreams[1].wait_for(1)) => {}
        }
    }
    assert_eq!(stage.record().attempts.len(), 2);
    for upstream in &stage.upstreams {
        within(Duration::from_secs(1), upstream.wait_for_gone()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_told_of_it() {
    let theatre = Theatre::new(
        after_a_second(),
        [vec![Act::Whole(60_000)], vec![Act::Whole(200)]],
    );
    let ask = Ask::new(CHAT, EVERYONE, false).header("x-orchestra-explain", "true");
    let got = theatre.call(ask).await;
    let plan: serde_json::Value = serde_json::from_str(got.header("x-orchestra-plan")).unwrap();
    assert_eq!(plan["attempts"][0]["fault"], "cancelled");
    assert_eq!(plan["attempts"][0]["hedge"], serde_json::Value::Null);
    assert_eq!(plan["attempts"][1]["hedge"], "won");
    assert_eq!(plan["targets"][0]["hedge"]["after"], "1000 ms");
    assert_eq!(plan["targets"][0]["hedge"]["most_extra"], 1.0);
    // Nobody stands behind the last.
    assert_eq!(plan["targets"][1]["hedge"], serde_json::Value::Null);
}
