//! All upstreams behind one transport.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use orchestra_gateway::{
    BoxError, OutgoingBody, SendFuture, Transport, TransportError, UpstreamBody,
};
use orchestra_types::Usage;
use tokio::time::sleep;

use crate::answer::{Wire, begun, call_of, counted, model_of};
use crate::dice::Dice;
use crate::event::{Happening, Heard, Over, Sent};
use crate::fate::{Asked, Fate, Luck, trouble};
use crate::ledger::Ledger;
use crate::outage::Outage;
use crate::script::{Head, Order, Script, Step};
use crate::upstream::Upstream;

/// The upstreams, what they do and what they have to do.
#[derive(Debug)]
pub(crate) struct Sky {
    ledger: Arc<Ledger>,
    upstreams: Vec<Upstream>,
    outages: Vec<Outage>,
    dice: Vec<Dice>,
    fate: Option<Fate>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    exchanges: u32,
    /// Answers on which each upstream works.
    busy: Vec<u32>,
    /// How often calls have asked, where their luck depends on it.
    asked: Option<Asked>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request at one upstream, until it is over in one way or another.
#[derive(Debug)]
struct Exchange {
    ledger: Arc<Ledger>,
    state: Arc<Mutex<State>>,
    number: u32,
    target: usize,
    /// Whether it takes a place.
    works: bool,
    wire: Wire,
    tokens: u32,
    /// What it has told of the tokens that it counts.
    counted: Option<Usage>,
    over: bool,
}

impl Sky {
    pub(crate) fn new(
        seed: u64,
        ledger: Arc<Ledger>,
        upstreams: Vec<Upstream>,
        outages: Vec<Outage>,
        fate: Option<Fate>,
    ) -> Self {
        let dice = (0..upstreams.len()).zip(16..);
        let asked = fate.is_some().then(Asked::default);
        Self {
            ledger,
            outages,
            fate,
            dice: dice.map(|(_, purpose)| Dice::new(seed, purpose)).collect(),
            state: Arc::new(Mutex::new(State {
                exchanges: 0,
                busy: vec![0; upstreams.len()],
                asked,
            })),
            upstreams,
        }
    }

    /// The upstream that this request is for: the first label of the host is its provider's name.
    fn find(&self, request: &Request<OutgoingBody>) -> Option<usize> {
        let uri = request.uri();
        let name = uri.host()?.split('.').next()?;
        let model = model_of(uri.path(), bytes_of(request.body()));
        let is = |upstream: &Upstream, model| {
            upstream.name == name && upstream.model.as_deref() == model
        };
        let find = |model| {
            self.upstreams
                .iter()
                .position(|upstream| is(upstream, model))
        };
        model
            .and_then(|model| find(Some(model)))
            .or_else(|| find(None))
    }

    fn begin(&self, target: usize, request: &Request<OutgoingBody>) -> (Exchange, Script) {
        let (upstream, dice) = (&self.upstreams[target], &self.dice[target]);
        let (path, bytes) = (request.uri().path(), bytes_of(request.body()));
        let call = call_of(bytes);
        let mut state = lock(&self.state);
        let exchange = state.exchanges;
        state.exchanges += 1;
        let busy = state.busy[target];
        let asked = match (&mut state.asked, call) {
            (Some(asked), Some(call)) => asked.again(call, target),
            _ => 0,
        };
        let order = Order {
            upstream,
            wire: Wire::of(path),
            exchange,
            streamed: contains(bytes, br#""stream":true"#)
                || path.ends_with(":streamGenerateContent"),
            tokens: upstream.draw_tokens(dice),
            wait: upstream.draw_wait(dice),
            begun: begun(bytes),
        };
        let heard = self.hear(target, busy, order.tokens, Luck { call, asked });
        let works = matches!(heard, Heard::Served { .. } | Heard::Troubled(_));
        state.busy[target] += u32::from(works);
        drop(state);
        let sent = Sent {
            exchange,
            call,
            target,
            busy,
            heard,
        };
        self.ledger.note(Happening::Sent(sent));
        let script = order.script(heard, dice);
        let exchange = Exchange {
            ledger: Arc::clone(&self.ledger),
            state: Arc::clone(&self.state),
            number: exchange,
            target,
            works,
            wire: order.wire,
            tokens: 0,
            counted: None,
            over: false,
        };
        (exchange, script)
    }

    /// What the upstream makes of a request that comes now.
    fn hear(&self, target: usize, busy: u32, tokens: u32, luck: Luck) -> Heard {
        let (upstream, now) = (&self.upstreams[target], self.ledger.now());
        let fated = self.fate.as_ref().and_then(|fate| fate.dice(target, luck));
        let dice = fated.as_ref().unwrap_or(&self.dice[target]);
        if let Some(trouble) = trouble(&self.outages, target, now, dice) {
            return Heard::Troubled(trouble);
        }
        // Who has no room does not get as far as to fail.
        let stumbles = || dice.chance(upstream.stumbles);
        if busy >= upstream.capacity {
            Heard::Full
        } else if stumbles() {
            Heard::Stumbled
        } else {
            Heard::Served { tokens }
        }
    }
}

fn bytes_of(body: &OutgoingBody) -> &[u8] {
    match body {
        OutgoingBody::Whole(Some(bytes)) => bytes.as_ref(),
        OutgoingBody::Whole(None) | OutgoingBody::Streamed(_) => &[],
    }
}

impl Transport for Sky {
    fn send(&self, request: Request<OutgoingBody>) -> SendFuture {
        let Some(target) = self.find(&request) else {
            let source: BoxError = "there is no such upstream".into();
            return Box::pin(async { Err(TransportError::Connect { source }) });
        };
        let (exchange, script) = self.begin(target, &request);
        Box::pin(play(exchange, script))
    }
}

/// Everything up to the head of the answer; the rest is its body.
async fn play(
    mut exchange: Exchange,
    mut script: Script,
) -> Result<Response<UpstreamBody>, TransportError> {
    loop {
        match script.pop_front() {
            Some(Step::Wait(time)) => sleep(time).await,
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Head(head)) => return Ok(answer(&head, exchange, script)),
            Some(Step::Refuse) => {
                exchange.end(Over::Failed);
                let source = "connection refused".into();
                return Err(TransportError::Connect { source });
            }
            Some(Step::Break | Step::Opening(_) | Step::Bytes(..) | Step::Last(..)) | None => {
                exchange.end(Over::Failed);
                let source = "connection reset".into();
                return Err(TransportError::Broken { source });
            }
        }
    }
}

fn answer(head: &Head, exchange: Exchange, script: Script) -> Response<UpstreamBody> {
    let frames = stream::unfold((exchange, script), |(mut exchange, mut script)| async {
        let bytes = next(&mut exchange, &mut script).await?;
        Some((bytes.map(Frame::data), (exchange, script)))
    });
    let body: UpstreamBody = Box::pin(StreamBody::new(frames));
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(head.kind));
    if let Some(rest) = head.retry_after {
        // Whole seconds, as most write it; upwards, so that nobody comes too early.
        let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The next bytes of an answer; `None` at its end.
async fn next(
    exchange: &mut Exchange,
    script: &mut Script,
) -> Option<Result<bytes::Bytes, BoxError>> {
    loop {
        match script.pop_front() {
            Some(Step::Wait(time)) => sleep(time).await,
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Opening(bytes)) => {
                exchange.counted = exchange.wire.counted_at_first();
                return Some(Ok(bytes));
            }
            Some(Step::Bytes(bytes, tokens)) => {
                exchange.tokens += tokens;
                return Some(Ok(bytes));
            }
            Some(Step::Last(bytes, tokens)) => {
                exchange.tokens += tokens;
                exchange.counted = Some(counted(exchange.tokens));
                exchange.end(Over::Whole);
                return Some(Ok(bytes));
            }
            Some(Step::Break | Step::Refuse) => {
                exchange.end(Over::Failed);
                return Some(Err("the line went dead".into()));
            }
            Some(Step::Head(_)) | None => {
                exchange.end(Over::Failed);
                return None;
            }
        }
    }
}

impl Exchange {
    fn end(&mut self, how: Over) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        if self.works {
            lock(&self.state).busy[self.target] -= 1;
        }
        self.ledger.note(Happening::Over {
            exchange: self.number,
            how,
            tokens: self.tokens,
            counted: self.counted,
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(Over::Dropped);
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
