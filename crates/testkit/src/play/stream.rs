//! Tells a stream event by event, with its pauses and the faults that strike at an event.

use crate::behaviour::{At, Behaviour, How, Spoil};
use crate::http::{Halt, Reply};
use crate::wire::{Endpoint, Events, Narrator};

/// A write is not put off beyond this, however much is to be sent at once.
const COALESCE_LIMIT_BYTES: usize = 64 * 1024;

const HUGE_EVENT_LIMIT_BYTES: usize = 256 * 1024 * 1024;

/// Tells one stream.
pub(super) struct Teller<'a, 'r> {
    behaviour: &'a Behaviour,
    endpoint: Endpoint,
    reply: &'a mut Reply<'r>,
    /// Events told so far.
    count: u32,
    events: Events,
}

impl<'a, 'r> Teller<'a, 'r> {
    pub(super) fn new(
        behaviour: &'a Behaviour,
        endpoint: Endpoint,
        reply: &'a mut Reply<'r>,
    ) -> Self {
        Self {
            behaviour,
            endpoint,
            reply,
            count: 0,
            events: Events::default(),
        }
    }

    pub(super) async fn tell<'p>(
        mut self,
        narrator: &mut (dyn Narrator + Send),
        pieces: impl Iterator<Item = &'p str> + Clone + Send,
    ) -> Result<(), Halt> {
        narrator.open(&mut self.events);
        self.send(narrator).await?;
        if let Some(Spoil::HugeEvent { bytes }) = self.behaviour.spoil {
            let piece = "x".repeat(bytes.min(HUGE_EVENT_LIMIT_BYTES));
            narrator.piece(&piece, &mut self.events);
            self.send(narrator).await?;
        }
        for piece in pieces.clone() {
            narrator.piece(piece, &mut self.events);
            self.send(narrator).await?;
        }
        match self.behaviour.spoil {
            Some(Spoil::Endless) => return self.go_on_forever(narrator, pieces).await,
            Some(Spoil::NoTerminal) => {}
            _ => {
                narrator.close(&mut self.events);
                self.send(narrator).await?;
            }
        }
        self.strike(narrator, 0).await?;
        self.reply.end().await
    }

    async fn go_on_forever<'p>(
        &mut self,
        narrator: &mut (dyn Narrator + Send),
        pieces: impl Iterator<Item = &'p str> + Clone + Send,
    ) -> Result<(), Halt> {
        loop {
            // An answer without pieces still goes on.
            let spare = pieces.clone().next().is_none().then_some(" ");
            for piece in pieces.clone().chain(spare) {
                narrator.piece(piece, &mut self.events);
                self.send(narrator).await?;
            }
        }
    }

    /// Sends the events that were told last, each after the faults that are due before it.
    async fn send(&mut self, narrator: &mut (dyn Narrator + Send)) -> Result<(), Halt> {
        let mut events = std::mem::take(&mut self.events);
        for (event, unsent) in events.iter().zip((1..=events.len()).rev()) {
            self.strike(narrator, unsent).await?;
            self.event(event).await?;
        }
        events.clear();
        // Its memory serves the next events.
        self.events = events;
        Ok(())
    }

    /// Does what the script wants done after this many events, with `unsent` told already.
    async fn strike(
        &mut self,
        narrator: &mut (dyn Narrator + Send),
        unsent: usize,
    ) -> Result<(), Halt> {
        match self.behaviour.spoil {
            Some(Spoil::MalformedJson { after_events }) if after_events == self.count => {
                self.event(&self.broken(b"{\"id\": \"broken")).await?;
            }
            Some(Spoil::InvalidUtf8 { after_events }) if after_events == self.count => {
                self.event(&self.broken(b"{\"id\": \"\xff\xfe\"}")).await?;
            }
            Some(Spoil::ErrorEvent { after_events }) if after_events == self.count => {
                let mut events = Events::default();
                narrator.error(unsent as u64, &mut events);
                for event in events.iter() {
                    self.event(event).await?;
                }
                return Err(Halt::Scripted(How::End));
            }
            _ => {}
        }
        match self.behaviour.interruption {
            Some(interruption) if interruption.at == At::AfterEvents(self.count) => {
                Err(Halt::Scripted(interruption.how))
            }
            _ => Ok(()),
        }
    }

    /// An event of the dialect's commonest kind with these data.
    fn broken(&self, data: &[u8]) -> Vec<u8> {
        let name: &[u8] = match self.endpoint {
            Endpoint::Messages => b"event: content_block_delta\n",
            Endpoint::Responses => b"event: response.output_text.delta\n",
            _ => b"",
        };
        [name, b"data: ", data, b"\n\n"].concat()
    }

    async fn event(&mut self, event: &[u8]) -> Result<(), Halt> {
        let Behaviour { gap, coalesce, .. } = *self.behaviour;
        if self.count > 0 && !gap.is_zero() {
            self.reply.flush().await?;
            self.reply.socket.pause(gap).await?;
        }
        if self.reply.socket.is_gone() {
            return Err(Halt::Gone);
        }
        self.reply.body(event).await?;
        self.count = self.count.saturating_add(1);
        if !coalesce || self.reply.socket.outbox.len() > COALESCE_LIMIT_BYTES {
            self.reply.flush().await?;
        }
        Ok(())
    }
}
