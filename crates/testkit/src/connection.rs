//! One connection: request after request, each played as the script says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::behaviour::{After, How};
use crate::control;
use crate::http::{Failure, Frame, Halt, Head, Reply, Socket};
use crate::log::Outcome;
use crate::play::{self, Scene};
use crate::request::Request;
use crate::upstream::Shared;
use crate::wire;

/// What becomes of a connection after a request.
#[derive(Clone, Copy, Debug)]
enum Next {
    Request { idle_limit: Option<Duration> },
    Close,
    Reset,
}

/// Serves a connection to its end.
pub(crate) async fn serve(stream: TcpStream, number: u64, shared: Arc<Shared>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut socket = Socket::new(stream);
    let mut next = Next::Request { idle_limit: None };
    loop {
        next = match next {
            Next::Request { idle_limit } => match head(&mut socket, idle_limit).await {
                Ok(Some(head)) => request(head, &mut socket, number, &shared).await,
                Ok(None) => Next::Close,
                Err(Failure::Gone) => return,
                Err(failure) => refuse(&mut socket, &failure).await,
            },
            Next::Close => return socket.close().await,
            Next::Reset => return socket.reset(),
        };
    }
}

/// The next head, or nothing if none comes in time.
async fn head(socket: &mut Socket, idle_limit: Option<Duration>) -> Result<Option<Head>, Failure> {
    match idle_limit {
        None => socket.head().await.map(Some),
        Some(limit) => timeout(limit, socket.head())
            .await
            .map_or(Ok(None), |head| head.map(Some)),
    }
}

async fn request(head: Head, socket: &mut Socket, number: u64, shared: &Shared) -> Next {
    let keep_alive = head.keep_alive;
    let request = Request::read(head, socket).await;
    if shared.control.load(Ordering::Relaxed) && control::is_control(&request.head.path) {
        return control(&request, socket, shared).await;
    }
    let live = shared.live();
    let ticket = shared.log.begin(&request, number, live.logs());
    let end = |outcome| {
        if live.logs() {
            shared.log.end(ticket, outcome);
        }
    };
    if let Some(failure) = &request.failure {
        let next = refuse(socket, failure).await;
        end(if *failure == Failure::Gone {
            Outcome::ClientGone { after_bytes: 0 }
        } else {
            Outcome::Completed
        });
        return next;
    }
    let behaviour = live.behaviour(&request);
    let scene = Scene {
        request: &request,
        behaviour: &behaviour,
        number: ticket.seq,
        id: wire::id("req_", ticket.seq),
        models: live.models(),
    };
    let played = play::play(&scene, socket).await;
    let (outcome, next) = match played.halt {
        None if played.whole && keep_alive => (Outcome::Completed, after(behaviour.after)),
        None => (Outcome::Completed, Next::Close),
        Some(Halt::Gone | Halt::Scripted(How::Hang)) => (
            Outcome::ClientGone {
                after_bytes: played.sent,
            },
            Next::Reset,
        ),
        Some(Halt::Scripted(How::Reset)) => (
            Outcome::Cut {
                after_bytes: played.sent,
            },
            Next::Reset,
        ),
        Some(Halt::Scripted(How::Close | How::End)) => (
            Outcome::Cut {
                after_bytes: played.sent,
            },
            Next::Close,
        ),
    };
    end(outcome);
    next
}

fn after(after: After) -> Next {
    match after {
        After::Keep => Next::Request { idle_limit: None },
        After::Close | After::CloseSilently => Next::Close,
        After::CloseWhenIdle(limit) => Next::Request {
            idle_limit: Some(limit),
        },
    }
}

/// Answers a request that is not one, or too large, and gives the connection up.
async fn refuse(socket: &mut Socket, failure: &Failure) -> Next {
    let (status, reason) = match failure {
        Failure::Gone => return Next::Close,
        Failure::Malformed(reason) => (400, *reason),
        Failure::TooLarge => (413, "body too large"),
    };
    // The client may be gone by now; there is nobody else to tell.
    let _ = plain(
        socket,
        status,
        "text/plain",
        reason.as_bytes(),
        &[("connection", "close")],
    )
    .await;
    Next::Close
}

async fn control(request: &Request, socket: &mut Socket, shared: &Shared) -> Next {
    let (status, body) = control::answer(request, shared);
    match plain(socket, status, "application/json", &body, &[]).await {
        Ok(()) if request.head.keep_alive && request.failure.is_none() => {
            Next::Request { idle_limit: None }
        }
        _ => Next::Close,
    }
}

async fn plain(
    socket: &mut Socket,
    status: u16,
    content_type: &str,
    body: &[u8],
    headers: &[(&str, &str)],
) -> Result<(), Halt> {
    let mut reply = Reply::new(socket, None, Duration::ZERO, false);
    let headers: Vec<_> = [("content-type", content_type)]
        .iter()
        .chain(headers)
        .copied()
        .collect();
    reply.head(status, Frame::Length(body.len() as u64), &headers);
    reply.body(body).await?;
    reply.end().await
}
