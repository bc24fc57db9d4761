//! One of the two fails, or both.

use orchestra_gateway::{Ending, HedgeOutcome, Settings};

use super::{Act, Saw, Theatre, after_a_second, attempts};

const WON: Option<HedgeOutcome> = Some(HedgeOutcome::Won);
const LOST: Option<HedgeOutcome> = Some(HedgeOutcome::Lost);
const FAILED: Option<HedgeOutcome> = Some(HedgeOutcome::Failed);

#[tokio::test(start_paused = true)]
async fn the_second_one_goes_on_when_the_first_one_fails() {
    let theatre = Theatre::racing([Act::Error(1_500, 500), Act::Whole(2_000), Act::Whole(1)]);
    let got = theatre.ask(false).await;
    assert_eq!(got.status, 200);
    assert_eq!(
        attempts(&got.record),
        [("one", "server", None), ("two", "-", WON)]
    );
    assert_eq!(got.record.took.as_millis(), 3_000);
    // It is asked once, and the third one not at all.
    assert_eq!(theatre.asked(), ["one", "two"]);
    assert_eq!(theatre.report("one").failures, 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_one_goes_on_when_the_second_one_fails() {
    for status in [500, 400] {
        let theatre = Theatre::racing([Act::Whole(3_000), Act::Error(10, status), Act::Whole(1)]);
        let got = theatre.ask(false).await;
        assert_eq!(got.status, 200);
        let records = attempts(&got.record);
        assert_eq!((records[0].0, records[0].2), ("two", FAILED));
        assert_eq!(records[1], ("one", "-", None));
        assert_eq!(theatre.asked(), ["one", "two"]);
        assert_eq!(theatre.report("two").in_flight, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_third_one_follows_when_both_fail() {
    for (first, second) in [(2_000, 10), (1_100, 2_000)] {
        let acts = [
            Act::Error(first, 500),
            Act::Error(second, 503),
            Act::Whole(5),
        ];
        let theatre = Theatre::racing(acts);
        let got = theatre.ask(false).await;
        assert_eq!(got.status, 200);
        assert_eq!(
            attempts(&got.record),
            [
                ("one", "server", None),
                ("two", "overloaded", FAILED),
                ("three", "-", None)
            ]
        );
        assert_eq!(theatre.asked(), ["one", "two", "three"]);
        assert_eq!(theatre.report("one").failures, 1);
        assert_eq!(theatre.report("two").failures, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_leads_nowhere_ends_both() {
    let theatre = Theatre::racing([Act::Error(1_500, 400), Act::Whole(60_000), Act::Whole(1)]);
    let got = theatre.ask(false).await;
    assert_eq!(got.status, 400);
    assert_eq!(
        attempts(&got.record),
        [("two", "cancelled", LOST), ("one", "invalid_request", None)]
    );
    assert_eq!(got.header("x-orchestra-provider"), "one");
    assert_eq!(theatre.log()[2], ("two", 1_500, Saw::Gone));
    assert_eq!(theatre.report("two").in_flight, 0);
}

/// Another may take what is too long for one; and if it does not, the first one's word is what the client gets.
#[tokio::test(start_paused = true)]
async fn what_is_too_long_for_the_first_one_may_not_be_for_the_second() {
    let theatre = Theatre::racing([Act::TooLong(1_500), Act::Whole(2_000)]);
    let got = theatre.ask(false).await;
    assert_eq!(got.status, 200);
    assert_eq!(
        attempts(&got.record),
        [("one", "context_length", None), ("two", "-", WON)]
    );
    for second in [10, 2_000] {
        let theatre = Theatre::racing([Act::TooLong(1_500), Act::TooLong(second)]);
        let got = theatre.ask(false).await;
        assert_eq!(got.status, 400);
        assert_eq!(
            attempts(&got.record),
            [
                ("two", "context_length", FAILED),
                ("one", "context_length", None)
            ]
        );
        assert_eq!(got.header("x-orchestra-provider"), "one");
    }
}

/// What every target would say is believed the one that said it, once its turn has come.
#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_second_one_counts_when_the_first_one_has_failed() {
    let theatre = Theatre::racing([Act::Error(2_000, 500), Act::Error(10, 400), Act::Whole(1)]);
    let got = theatre.ask(false).await;
    assert_eq!(got.status, 400);
    assert_eq!(
        attempts(&got.record),
        [("one", "server", None), ("two", "invalid_request", FAILED)]
    );
    assert_eq!(got.header("x-orchestra-provider"), "two");
    assert_eq!(theatre.asked(), ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_early_counts_as_an_attempt() {
    let failing = || [Act::Error(2_000, 500), Act::Error(10, 503), Act::Whole(5)].map(|a| vec![a]);
    let at_most = |max_attempts| Settings {
        max_attempts,
        ..after_a_second()
    };
    let theatre = Theatre::new(at_most(1), failing());
    assert_eq!(theatre.ask(false).await.faults(), ["server"]);
    assert_eq!(theatre.asked(), ["one"]);
    let theatre = Theatre::new(at_most(2), failing());
    let got = theatre.ask(false).await;
    assert_eq!(got.faults(), ["server", "overloaded"]);
    assert_eq!(got.header("x-orchestra-provider"), "two");
    assert_eq!((got.status.as_u16(), theatre.asked().len()), (503, 2));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_the_call() {
    let settings = Settings {
        total: std::time::Duration::from_secs(4),
        ..after_a_second()
    };
    let theatre = Theatre::new(settings, [vec![Act::Never], vec![Act::Never]]);
    let got = theatre.ask(false).await;
    assert_eq!(
        (got.status.as_u16(), got.record.ending),
        (504, Ending::Failed)
    );
    assert_eq!(got.record.took.as_secs(), 4);
    // The first one has half of the time, as always while another waits; the second one all that is left.
    assert_eq!(
        attempts(&got.record),
        [
            ("one", "timeout_first_byte", None),
            ("two", "timeout_total", FAILED)
        ]
    );
    assert_eq!(
        theatre.log()[2..],
        [("one", 2_000, Saw::Gone), ("two", 4_000, Saw::Gone)]
    );
}
