//! What streams die of, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{Ending, Node, RecoveryRules, Retries, RetryRules, Settings};
use orchestra_providers::{ModelFactsRow, Row};
use serde_json::{Value, json};

use super::speakers::{Death, Speaks, TEXT};
use super::{World, broken, question, recovering, said, speaking, text, ways, whole, within};
use crate::harness::{Ask, EVERYONE, MODEL, NAMES, patient};

const CHAT: Endpoint = Endpoint::ChatCompletions;

#[tokio::test(start_paused = true)]
async fn every_death_is_survived_in_every_dialect() {
    for (client, first, on) in ways() {
        for (death, fault) in [
            (Death::Break, "broken"),
            (Death::End, "truncated"),
            (Death::Silence, "timeout_idle"),
            (Death::Error, "overloaded"),
        ] {
            let rows = [
                speaking(0, first, Continues::Never),
                speaking(1, on, Continues::Assistant),
            ];
            let speak = [Speaks::cut(within(first), death), Speaks::WHOLE];
            let world = World::new(recovering(), &rows, speak);
            let (got, asked) = world.ask(client).await;
            let told = format!("{death:?}, {client} from {first} to {on}");
            whole(client, &got, &told);
            assert_eq!(asked.len(), 2, "{told}");
            assert_eq!(got.faults(), [fault, "-"], "{told}");
            assert_eq!(got.record.recovered.len(), 1, "{told}");
            assert_eq!(got.record.ending, Ending::Completed, "{told}");
            assert_eq!(got.record.finish.as_deref(), Some("stop"), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_both_took_is_booked_and_told() {
    let rows = [
        speaking(0, Endpoint::Messages, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let cut = Speaks::cut(within(Endpoint::Messages), Death::Break);
    let world = World::new(recovering(), &rows, [cut, Speaks::WHOLE]);
    let (got, _) = world.ask(Endpoint::Messages).await;
    let usage = got.record.usage.unwrap();
    assert_eq!((usage.total_input(), usage.total_output()), (20, 6));
    let events = said::events(got.text());
    let last = events
        .iter()
        .rfind(|event| event["type"] == "message_delta")
        .unwrap();
    assert_eq!(last["usage"]["output_tokens"], 6, "{last}");
}

/// 10 tokens read at 2 and 1 written at 10, if the dead stream said so; then 10 at 20 and 5 at 100.
#[tokio::test(start_paused = true)]
async fn each_target_is_paid_at_its_own_price() {
    let priced = |row: Row, input: u64, output: u64| Row {
        facts: Some(vec![ModelFactsRow {
            models: vec![MODEL.to_owned()],
            context: None,
            price: serde_json::from_value(json!({"input": input, "output": output})).unwrap(),
        }]),
        ..row
    };
    for (first, cost) in [(Endpoint::Messages, "0.00073"), (CHAT, "0.0007")] {
        let rows = [
            priced(speaking(0, first, Continues::Never), 2, 10),
            priced(speaking(1, CHAT, Continues::Assistant), 20, 100),
        ];
        let speak = [Speaks::cut(within(first), Death::Break), Speaks::WHOLE];
        let world = World::new(recovering(), &rows, speak);
        let (got, _) = world.ask(Endpoint::Messages).await;
        let told = got.record.cost.map(|cost| cost.to_string());
        assert_eq!(
            told.as_deref(),
            Some(cost),
            "{first} {:?}",
            got.record.usage
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_did_not_ask_for_the_usage_does_not_get_it() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let speak = [Speaks::cut(within(CHAT), Death::Break), Speaks::WHOLE];
    let world = World::new(recovering(), &rows, speak);
    let mut request = question(CHAT);
    request.as_object_mut().unwrap().remove("stream_options");
    let (got, _) = world.send(Ask::body(CHAT, request.to_string())).await;
    whole(CHAT, &got, "no usage");
    assert!(!got.text().contains("prompt_tokens"), "{}", got.text());
    let usage = got.record.usage.unwrap();
    assert_eq!((usage.total_input(), usage.total_output()), (10, 5));
}

#[tokio::test(start_paused = true)]
async fn the_next_target_that_can_goes_on() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Never),
        speaking(2, CHAT, Continues::FinalMessage),
    ];
    let cut = Speaks::cut(within(CHAT), Death::Break);
    let world = World::new(recovering(), &rows, [cut, Speaks::WHOLE, Speaks::WHOLE]);
    let (got, asked) = world.ask(CHAT).await;
    whole(CHAT, &got, "skips");
    let upstreams: Vec<usize> = asked.iter().map(|asked| asked.upstream).collect();
    assert_eq!(upstreams, [0, 2]);
    let body = &asked[1].body;
    assert_eq!(body["continue_final_message"], true, "{body}");
    assert_eq!(body["add_generation_prompt"], false, "{body}");
    let limit = body["max_completion_tokens"].as_u64().unwrap();
    assert!((400..500).contains(&limit), "{body}");
    assert!(asked[0].body.get("continue_final_message").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_is_passed_over_and_a_second_death_survived() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Prefix),
        speaking(2, CHAT, Continues::Assistant),
    ];
    for (second, faults, recovered) in [
        (
            Speaks::Status(400),
            ["broken", "invalid_request", "-"],
            vec!["one>three"],
        ),
        (
            Speaks::cut(200, Death::Break),
            ["broken", "broken", "-"],
            vec!["one>three"],
        ),
        (
            Speaks::cut(400, Death::End),
            ["broken", "truncated", "-"],
            vec!["one>two", "two>three"],
        ),
    ] {
        let told = format!("{second:?}");
        let cut = Speaks::cut(within(CHAT) / 2, Death::Break);
        let world = World::new(recovering(), &rows, [cut, second, Speaks::WHOLE]);
        let (got, asked) = world.ask(CHAT).await;
        whole(CHAT, &got, &told);
        assert_eq!(got.faults(), faults, "{told}");
        let marks = got
            .record
            .recovered
            .iter()
            .map(|mark| format!("{}>{}", mark.from, mark.to));
        assert_eq!(marks.collect::<Vec<_>>(), recovered, "{told}");
        let last = asked[1].body["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap();
        assert_eq!(last["prefix"], true, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_and_targets_run_out() {
    let rows = NAMES.map(|name| {
        let at = NAMES.iter().position(|other| *other == name).unwrap();
        speaking(at, CHAT, Continues::Assistant)
    });
    let dying = || Speaks::cut(400, Death::Break);
    for (most, asked_of) in [(2, 2), (3, 3), (9, 3)] {
        let settings = Settings {
            max_attempts: most,
            ..recovering()
        };
        let world = World::new(settings, &rows, [dying(), dying(), dying()]);
        let (got, asked) = world.ask(CHAT).await;
        broken(CHAT, &got, "runs out");
        assert_eq!(asked.len(), asked_of);
        assert_eq!(got.record.ending, Ending::Interrupted);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_target_goes_on_if_no_other_is_left_and_the_rules_have_it_asked_again() {
    let rows = [speaking(0, CHAT, Continues::Assistant)];
    for (as_last, attempts) in [(0, 1), (1, 2), (2, 3)] {
        let settings = Settings {
            retries: RetryRules::all(Retries {
                as_last,
                ..Retries::default()
            }),
            max_attempts: 9,
            ..recovering()
        };
        let world = World::new(settings, &rows, [Speaks::cut(400, Death::Break)]);
        let (got, asked) = world.ask(CHAT).await;
        broken(CHAT, &got, "the same again");
        assert_eq!(asked.len(), attempts, "{as_last}");
        assert_eq!(got.record.recovered.len(), attempts - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_gone_on_with_behind_the_deadline() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let settings = Settings {
        stream_total: Duration::from_secs(3),
        ..recovering()
    };
    let speak = [Speaks::cut(within(CHAT), Death::Silence), Speaks::WHOLE];
    let world = World::new(settings, &rows, speak);
    let (got, asked) = world.ask(CHAT).await;
    broken(CHAT, &got, "deadline");
    assert_eq!((asked.len(), got.faults()), (1, vec!["timeout_total"]));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_takes_the_continuation_with_it() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    let silent = Speaks::cut(400, Death::Silence);
    let speak = [Speaks::cut(within(CHAT), Death::Break), silent];
    let world = World::new(recovering(), &rows, speak);
    let ask = Ask::body(CHAT, question(CHAT).to_string());
    let mut body = world
        .stage
        .gateway
        .call(ask.into_incoming())
        .await
        .into_body();
    while world
        .speakers
        .asked()
        .iter()
        .all(|asked| asked.upstream == 0)
    {
        body.frame().await.unwrap().unwrap();
    }
    drop(body);
    let record = world.stage.record();
    assert_eq!(record.ending, Ending::ClientGone);
    assert_eq!(record.attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_of_a_tree_decides_for_what_is_below_it() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    for (root, first, expected) in [
        (json!(true), Value::Null, true),
        (Value::Null, json!(true), true),
        (json!(true), json!(false), false),
        (json!(false), Value::Null, false),
    ] {
        let speak = [Speaks::cut(within(CHAT), Death::Break), Speaks::WHOLE];
        let world = World::new(patient(), &rows, speak);
        let tree = json!({
            "strategy": {"mode": "fallback"}, "recover": root,
            "targets": [{"provider": "one", "model": "m", "recover": first}, {"provider": "two", "model": "m"}],
        });
        let mut ask = Ask::body(CHAT, question(CHAT).to_string());
        ask.directions.tree = Some(Arc::new(Node::parse(&tree).unwrap()));
        let (got, asked) = world.send(ask).await;
        assert_eq!(asked.len(), 1 + usize::from(expected), "{tree}");
        assert_eq!(text(CHAT, &got) == TEXT, expected, "{tree}");
        assert_eq!(
            got.record.attempts.last().unwrap().path,
            format!("targets[{}]", asked.len() - 1)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_it_gets_it_and_nobody_else() {
    let rows = [
        speaking(0, CHAT, Continues::Never),
        speaking(1, CHAT, Continues::Assistant),
    ];
    for (enabled, model, header, expected) in [
        (false, None, None, false),
        (true, None, None, true),
        (false, Some(true), None, true),
        (true, Some(false), None, false),
        (false, None, Some("true"), true),
        (true, Some(true), Some("false"), false),
    ] {
        let models = model.map(|on| (EVERYONE.to_owned(), on));
        let settings = Settings {
            recovery: RecoveryRules {
                enabled,
                models: BTreeMap::from_iter(models),
                ..RecoveryRules::default()
            },
            ..recovering()
        };
        let speak = [Speaks::cut(within(CHAT), Death::Break), Speaks::WHOLE];
        let world = World::new(settings, &rows, speak);
        let mut ask = Ask::body(CHAT, question(CHAT).to_string());
        if let Some(value) = header {
            ask = ask.header("x-orchestra-recover", value);
        }
        let (got, asked) = world.send(ask).await;
        let told = format!("{enabled} {model:?} {header:?}");
        assert_eq!(asked.len(), 1 + usize::from(expected), "{told}");
        assert_eq!(text(CHAT, &got) == TEXT, expected, "{told}");
    }
    let world = World::new(recovering(), &rows, [Speaks::WHOLE, Speaks::WHOLE]);
    let ask = || Ask::body(CHAT, question(CHAT).to_string());
    let plan = world.stage.gateway.explain(ask().into_incoming()).unwrap();
    assert!(plan.recovers);
    let goes_on: Vec<bool> = plan.targets.iter().map(|target| target.continues).collect();
    assert_eq!(goes_on, [false, true]);
    let quiet = ask().header("x-orchestra-recover", "false").into_incoming();
    assert!(!world.stage.gateway.explain(quiet).unwrap().recovers);
    let (got, asked) = world.send(ask().header("x-orchestra-recover", "yes")).await;
    assert_eq!(
        (got.status.as_u16(), asked.len()),
        (400, 0),
        "{}",
        got.text()
    );
    assert!(got.text().contains("x-orchestra-recover"), "{}", got.text());
}
