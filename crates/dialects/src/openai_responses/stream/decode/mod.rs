//! Reads a stream.
//!
//! Servers of this dialect differ in what they leave out: indexes, the beginning of an item, deltas. So each step is
//! told as far as it is new, and what only a later step says (`.done`, the last event) is told then.

mod call;
mod event;
mod item;
mod tell;
#[cfg(test)]
mod tests;
mod text;
mod thoughts;

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::codec::StreamDecode;
use crate::event::StreamEvent;
use crate::json::Raw;
use crate::openai_responses::answer;
use crate::sniff::event_object;
use crate::sse::Frame;
use crate::{Dialect, EndRule, StreamEnd, UpstreamError, parse_error, usage};
use event::Event;
use item::Item;
use tell::{Tell, Told};

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::openai_responses) struct Decoder {
    /// How many frames have come.
    frames: u64,
    started: bool,
    end: Option<StreamEnd>,
    /// By their places in the output.
    items: BTreeMap<u64, Item>,
    /// The places of items by their ids.
    places: HashMap<String, u64>,
    told: Told,
}

impl StreamDecode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, events: &mut Vec<StreamEvent>) {
        self.frames += 1;
        let data = frame.data.trim_ascii();
        if self.end.is_some() || data.is_empty() || data == b"[DONE]" {
            return;
        }
        match event_object(data, self.frames) {
            Ok(raw) => {
                let kind = raw.member("type").and_then(Raw::text);
                let name = frame.event.and_then(|name| std::str::from_utf8(name).ok());
                let kind = kind.as_deref().or(name).unwrap_or_default();
                self.dispatch(kind, raw, events);
            }
            Err(error) => self.fault(error, events),
        }
    }

    fn end(&mut self, _: EndRule, _: &mut Vec<StreamEvent>) -> StreamEnd {
        // Why the model stopped is told by the terminal event alone, so nothing can stand for it.
        self.end.unwrap_or(StreamEnd::Truncated)
    }
}

impl Decoder {
    fn dispatch(&mut self, kind: &str, raw: Raw<'_>, events: &mut Vec<StreamEvent>) {
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                self.start(raw.member("response"), events);
            }
            "response.completed" | "response.incomplete" => self.finish(kind, raw, events),
            "response.failed" | "error" => self.fault(reported(raw), events),
            "keepalive" | "ping" => events.push(StreamEvent::Ping),
            "response.output_item.added" => self.added(raw, events),
            "response.output_item.done" => self.done(raw, events),
            _ => self.progress(kind, raw, events),
        }
    }

    /// The answer begins, unless it has.
    fn start(&mut self, response: Option<Raw<'_>>, events: &mut Vec<StreamEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let [id, model, created] = response.map_or([None; 3], |response| {
            response.pick(["id", "model", "created_at"])
        });
        events.push(StreamEvent::Start {
            id: answer::text(id),
            model: answer::text(model),
            created: created.and_then(answer::seconds),
        });
    }

    fn fault(&mut self, error: UpstreamError, events: &mut Vec<StreamEvent>) {
        self.end = Some(StreamEnd::Failed);
        events.push(StreamEvent::Fault(error));
    }

    fn added(&mut self, raw: Raw<'_>, events: &mut Vec<StreamEvent>) {
        self.start(None, events);
        let Some(content) = raw.member("item") else {
            return;
        };
        let id = answer::text(content.member("id"));
        if self.place_of(&id).is_some() {
            return;
        }
        let told = Event::read(raw).output_index;
        let place = told
            .filter(|place| !self.items.contains_key(place))
            .unwrap_or_else(|| self.behind_all());
        // What is told of an item that is not kept would never be stopped.
        if let Entry::Vacant(free) = self.items.entry(place) {
            let item = free.insert(Item::new(id.clone(), place, content));
            self.places.entry(id).or_insert(place);
            let told = &mut self.told;
            item.begin(content, &mut Tell { events, told });
        }
    }

    fn behind_all(&self) -> u64 {
        let last = self.items.keys().next_back();
        last.map_or(0, |last| last.saturating_add(1))
    }

    fn done(&mut self, raw: Raw<'_>, events: &mut Vec<StreamEvent>) {
        self.start(None, events);
        if let Some(content) = raw.member("item") {
            let place = Event::read(raw).output_index;
            let known = self.known(content, place).or(place);
            self.complete(content, known, events);
        }
    }

    /// The place of an item that has begun: of the same id, or else of the same kind at the place told.
    fn known(&self, content: Raw<'_>, place: Option<u64>) -> Option<u64> {
        let id = answer::text(content.member("id"));
        self.place_of(&id).or_else(|| {
            let may_be = |place: &u64| self.items.get(place).is_some_and(|i| i.may_be(content));
            place.filter(may_be)
        })
    }

    /// Tells what is new of an item that is whole now. Without a place it stands behind all others.
    fn complete(&mut self, content: Raw<'_>, place: Option<u64>, events: &mut Vec<StreamEvent>) {
        let place = place.unwrap_or_else(|| self.behind_all());
        let id = answer::text(content.member("id"));
        let item = self.items.entry(place).or_insert_with(|| {
            self.places.entry(id.clone()).or_insert(place);
            Item::new(id, place, content)
        });
        let mut tell = Tell {
            events,
            told: &mut self.told,
        };
        item.complete(content, &mut tell);
    }

    /// Tells what is new of the whole output. Items that go by other ids and places than before are taken for
    /// those that began and are not found otherwise.
    fn complete_all(&mut self, output: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let known: Vec<_> = (0..)
            .zip(output.items())
            .map(|(place, item)| (item, self.known(item, Some(place))))
            .collect();
        let found: HashSet<u64> = known.iter().filter_map(|(_, place)| *place).collect();
        let mut begun: HashMap<String, VecDeque<u64>> = HashMap::new();
        for (place, item) in self
            .items
            .iter()
            .filter(|(place, _)| !found.contains(place))
        {
            let same_kind = begun.entry(item.kind.clone()).or_default();
            same_kind.push_back(*place);
        }
        for (item, place) in known {
            let kind = answer::text(item.member("type"));
            let place = place.or_else(|| begun.get_mut(&kind)?.pop_front());
            self.complete(item, place, events);
        }
    }

    fn place_of(&self, id: &str) -> Option<u64> {
        self.places.get(id).copied().filter(|_| !id.is_empty())
    }

    /// An event within an item.
    fn progress(&mut self, kind: &str, raw: Raw<'_>, events: &mut Vec<StreamEvent>) {
        if !item::knows(kind) {
            self.unknown(kind, raw, events);
            return;
        }
        self.start(None, events);
        let event = Event::read(raw);
        let Some(place) = self.place(kind, &event) else {
            return;
        };
        if let Some(item) = self.items.get_mut(&place) {
            let mut tell = Tell {
                events,
                told: &mut self.told,
            };
            item.progress(kind, &event, &mut tell);
        }
    }

    /// Which item an event tells of. One that was never announced begins here.
    fn place(&mut self, kind: &str, event: &Event<'_>) -> Option<u64> {
        let id = event.item_id.and_then(Raw::text).unwrap_or_default();
        let known = event
            .output_index
            .filter(|place| self.items.contains_key(place))
            .or_else(|| self.place_of(&id));
        if known.is_some() {
            return known;
        }
        if event.output_index.is_none() && id.is_empty() && !self.items.is_empty() {
            return self.items.keys().next_back().copied();
        }
        let place = event.output_index.unwrap_or_else(|| self.behind_all());
        let id = id.into_owned();
        let item = Item::unannounced(id.clone(), place, kind)?;
        // Behind the last place there is none. What stands there would be forgotten, and never stopped.
        let Entry::Vacant(free) = self.items.entry(place) else {
            return None;
        };
        free.insert(item);
        self.places.entry(id).or_insert(place);
        Some(place)
    }

    /// Progress of tools that run at the provider says nothing: their items come whole. The rest is kept as it is.
    fn unknown(&self, kind: &str, raw: Raw<'_>, events: &mut Vec<StreamEvent>) {
        if self.started && !item::is_progress_of_hosted_tool(kind) {
            events.push(StreamEvent::Opaque {
                origin: Dialect::OpenAiResponses,
                kind: kind.to_owned(),
                raw: raw.into(),
            });
        }
    }

    /// The last event, which holds the whole answer.
    fn finish(&mut self, kind: &str, raw: Raw<'_>, events: &mut Vec<StreamEvent>) {
        let response = raw.member("response");
        self.start(response, events);
        let [output, status, details, counts, tier, error] =
            response.map_or([None; 6], |response| {
                response.pick([
                    "output",
                    "status",
                    "incomplete_details",
                    "usage",
                    "service_tier",
                    "error",
                ])
            });
        if status.and_then(Raw::text).as_deref() == Some("failed") {
            self.fault(answer::failure(error), events);
            return;
        }
        if let Some(output) = output {
            self.complete_all(output, events);
        }
        self.close(events);
        events.extend(counts.and_then(usage::of_openai).map(StreamEvent::Usage));
        let tier = tier.and_then(Raw::text).map(Cow::into_owned);
        events.extend(tier.map(StreamEvent::ServiceTier));
        let status = status.or(match kind {
            "response.incomplete" => Some(Raw::of_validated("\"incomplete\"")),
            _ => None,
        });
        let reason = answer::read_finish(status, details, self.told.held);
        events.extend(reason.map(|reason| StreamEvent::Finish { choice: 0, reason }));
        events.push(StreamEvent::End);
        self.end = Some(StreamEnd::Complete);
    }

    /// Stops whatever is open.
    fn close(&mut self, events: &mut Vec<StreamEvent>) {
        let mut tell = Tell {
            events,
            told: &mut self.told,
        };
        for item in self.items.values_mut() {
            item.close(&mut tell);
        }
    }
}

/// The error of an event that is one.
fn reported(raw: Raw<'_>) -> UpstreamError {
    let nested = raw
        .member("response")
        .and_then(|response| response.member("error"));
    parse_error(raw.json().as_bytes()).unwrap_or_else(|| answer::failure(nested))
}
