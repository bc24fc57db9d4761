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
        self.strike(narrator).await?;
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
        for event in events.iter() {
            self.strike(narrator).await?;
            self.event(event).await?;
        }
        events.clear();
        // Its memory serves the next events.
        self.events = events;
        Ok(())
    }

    /// Does what the script wants done after this many events.
    async fn strike(&mut self, narrator: &mut (dyn Narrator + Send)) -> Result<(), Halt> {
        if let Some(spoil) = self.behaviour.spoil {
            self.spoil(spoil, narrator).await?;
        }
        match self.behaviour.interruption {
            Some(interruption) if interruption.at == At::AfterEvents(self.count) => {
                Err(Halt::Scripted(interruption.how))
            }
            _ => Ok(()),
        }
    }

    async fn spoil(
        &mut self,
        spoil: Spoil,
        narrator: &mut (dyn Narrator + Send),
    ) -> Result<(), Halt> {
        let mut events = Events::default();
        let ends = match spoil {
            Spoil::MalformedJson { after_events } if after_events == self.count => {
                return self.event(&self.broken(b"{\"id\": \"broken")).await;
            }
            Spoil::InvalidUtf8 { after_events } if after_events == self.count => {
                return self.event(&self.broken(b"{\"id\": \"\xff\xfe\"}")).await;
            }
            Spoil::HugeEvent {
                after_events,
                bytes,
            } if after_events == self.count => {
                narrator.piece(&"x".repeat(bytes.min(HUGE_EVENT_LIMIT_BYTES)), &mut events);
                false
            }
            Spoil::ErrorEvent { after_events } if after_events == self.count => {
                narrator.error(&mut events);
                true
            }
            _ => return Ok(()),
        };
        for event in events.iter() {
            self.event(event).await?;
        }
        if ends {
            Err(Halt::Scripted(How::End))
        } else {
            Ok(())
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
