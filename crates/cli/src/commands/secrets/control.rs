//! A running server, reached by its control socket.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::private_file::folder;

/// A server that stretches a passphrase on a slow machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than any answer has.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A server that listens. Each request is a conversation of its own.
#[derive(Debug)]
pub(super) struct Server<'p> {
    path: &'p Path,
}

/// A refusal of the server's, with its code.
#[derive(Debug, thiserror::Error)]
#[error("the running server refused: {message}")]
pub(super) struct Refused {
    pub(super) code: String,
    message: String,
}

impl<'p> Server<'p> {
    /// The server at this socket; `None` if nobody listens.
    pub(super) async fn find(path: &'p Path) -> anyhow::Result<Option<Self>> {
        Ok(connect(path).await?.map(|_| Self { path }))
    }

    /// Asks for something.
    ///
    /// # Errors
    /// [`Refused`] if the server will not, or whatever is wrong with the conversation.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, Zeroizing::default()).await
    }

    /// Has something done. The body is wiped once it is sent; what the connection buffers of it is not.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub(super) async fn post(&self, path: &str, body: Zeroizing<String>) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, body).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Zeroizing<String>,
    ) -> anyhow::Result<Value> {
        let shown = self.path.display();
        let stream = connect(self.path).await?;
        let stream = stream.with_context(|| format!("the server at {shown} is gone"))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "orchestra")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_owner(Body(body))))?;
        let answer = timeout(PATIENCE, converse(stream, request)).await;
        let (status, value) = answer
            .with_context(|| format!("the server at {shown} does not answer"))?
            .with_context(|| format!("the conversation with the server at {shown} broke off"))?;
        if status.is_success() {
            return Ok(value);
        }
        let text = |field: &str| {
            value["error"][field]
                .as_str()
                .unwrap_or("unknown")
                .to_owned()
        };
        let (code, message) = (text("code"), text("message"));
        Err(Refused { code, message }.into())
    }
}

/// Bytes that are wiped when the request is.
struct Body(Zeroizing<String>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

async fn converse(
    stream: UnixStream,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Value)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let talking = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|_| anyhow::anyhow!("the answer did not come whole"))?;
    talking.abort();
    let value = serde_json::from_slice(&body.to_bytes()).context("the answer is no JSON")?;
    Ok((head.status, value))
}

/// A connection, if somebody listens who may be told a passphrase.
async fn connect(path: &Path) -> anyhow::Result<Option<UnixStream>> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => bail!(
            "the control socket {} is for the server's user and root: run this as one of them, such as with sudo",
            path.display()
        ),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be used", path.display()));
        }
    };
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::geteuid().as_raw();
    ensure!(
        peer == 0 || peer == own || !others_may_write(path),
        "user {peer} listens at {}, in a folder where everybody may put a socket: nothing was sent. Name a private place \
         as `control` in [secrets]",
        path.display()
    );
    Ok(Some(stream))
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// Whether somebody else than the folder's owner could have put the socket there.
fn others_may_write(path: &Path) -> bool {
    fs::metadata(folder(path)).is_ok_and(|folder| folder.mode() & 0o022 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_may_write_is_told_from_one_that_they_may_not() {
        let place = tempfile::tempdir().unwrap();
        for (mode, writable) in [
            (0o700, false),
            (0o755, false),
            (0o770, true),
            (0o1777, true),
        ] {
            fs::set_permissions(place.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                others_may_write(&place.path().join("a.sock")),
                writable,
                "{mode:o}"
            );
        }
    }
}
