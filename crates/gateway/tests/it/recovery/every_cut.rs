//! Wherever a stream is cut, what the client gets is the text, once and in order, or an honest error.

use std::sync::Arc;

use orchestra_dialects::{Continues, Endpoint};
use orchestra_gateway::{Ending, Node};
use serde_json::json;

use super::speakers::{Death, Speaks, TEXT};
use super::streams::stream;
use super::{World, broken, question, recovering, speaking, text, ways, whole};
use crate::harness::Ask;

/// Along a tree with a model that was never asked for, so that no earlier death counts against it.
fn along(client: Endpoint, model: &str) -> Ask {
    let target = |provider: &str| json!({"provider": provider, "model": model});
    let targets = [target("one"), target("two")];
    let tree = Node::parse(&json!({"strategy": {"mode": "fallback"}, "targets": targets}));
    let mut ask = Ask::body(client, question(client).to_string());
    ask.directions.tree = Some(Arc::new(tree.unwrap()));
    ask
}

/// Cuts the first upstream's stream behind each of its bytes, or where its events meet; the second one goes on.
async fn sweep(way: (Endpoint, Endpoint, Endpoint), continues: Continues, every_byte: bool) {
    let (client, first, on) = way;
    let rows = [
        speaking(0, first, Continues::Never),
        speaking(1, on, continues),
    ];
    let world = World::new(recovering(), &rows, []);
    let (mut recovered, mut errors) = (0, 0);
    let stream = stream(first, TEXT);
    for cut in (0..=stream.len()).filter(|cut| every_byte || is_edge(&stream, *cut)) {
        let goes_on = match continues {
            Continues::PrefixRepeated => Speaks::Repeating,
            _ => Speaks::WHOLE,
        };
        world
            .speakers
            .set([Speaks::cut(cut, Death::Break), goes_on]);
        let (got, asked) = world.send(along(client, &format!("m{cut}"))).await;
        let told = format!("{client} from {first} to {on}, {continues:?}, after {cut} bytes");
        if got.record.ending == Ending::Completed {
            whole(client, &got, &told);
        } else {
            // The text is whole and its end is lost: nobody can go on with that.
            broken(client, &got, &told);
            assert_eq!(text(client, &got), TEXT, "{told}");
            assert_eq!(got.record.ending, Ending::Interrupted, "{told}");
            errors += 1;
        }
        for mark in &got.record.recovered {
            let told_so_far: String = TEXT.chars().take(mark.characters).collect();
            assert_eq!(asked[1].told(), told_so_far.trim_end(), "{told}");
            let comment = format!(
                ": orchestra recovered from=one to=two at={}\n\n",
                mark.characters
            );
            assert!(got.text().contains(&comment), "{told}: {}", got.text());
            recovered += 1;
        }
    }
    assert!(recovered > 10, "{client} from {first} to {on}: {recovered}");
    assert!(
        errors < recovered,
        "{client} from {first} to {on}: {errors} errors"
    );
}

/// Whether an event ends there, or has just begun, or is almost over.
fn is_edge(stream: &str, cut: usize) -> bool {
    let ends = |at: usize| stream.as_bytes()[..at.min(stream.len())].ends_with(b"\n\n");
    ends(cut) || ends(cut + 1) || cut > 30 && ends(cut - 30)
}

#[tokio::test(start_paused = true)]
async fn in_every_dialect() {
    for way in ways() {
        sweep(way, Continues::Assistant, false).await;
    }
}

const CHAT: Endpoint = Endpoint::ChatCompletions;

#[tokio::test(start_paused = true)]
async fn behind_every_byte_of_chat() {
    sweep((CHAT, CHAT, Endpoint::Messages), Continues::Assistant, true).await;
}

#[tokio::test(start_paused = true)]
async fn behind_every_byte_of_messages() {
    let messages = Endpoint::Messages;
    sweep((messages, messages, CHAT), Continues::Assistant, true).await;
}

#[tokio::test(start_paused = true)]
async fn behind_every_byte_of_responses() {
    let responses = Endpoint::Responses;
    sweep((responses, responses, CHAT), Continues::Assistant, true).await;
}

#[tokio::test(start_paused = true)]
async fn in_every_way_of_asking() {
    for continues in [
        Continues::Prefix,
        Continues::PrefixRepeated,
        Continues::FinalMessage,
    ] {
        sweep((CHAT, CHAT, CHAT), continues, false).await;
    }
}
