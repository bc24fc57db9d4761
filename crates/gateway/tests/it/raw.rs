//! Calls that are passed through unread.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use orchestra_gateway::{BoxError, Ending, RawCall, StreamedBody};
use orchestra_testkit::{At, Behaviour, Checksum, How, Outcome, Script, checksum};
use orchestra_types::ProviderId;

use crate::harness::{Got, Stage, patient, short_of_idle, soon, within};

const LARGE_BYTES: usize = 20 << 20;
const CHUNK_BYTES: usize = 64 << 10;

fn call(method: Method, path: &str) -> RawCall {
    RawCall {
        provider: ProviderId::new("one").unwrap(),
        client: None,
        method,
        path_and_query: path.to_owned(),
        headers: HeaderMap::new(),
        body: None,
    }
}

fn stage(behaviour: Behaviour) -> Stage {
    Stage::with(patient(), [Script::new().otherwise(behaviour)])
}

async fn pass(stage: &Stage, call: RawCall) -> Got {
    soon(async {
        let answer = stage.gateway.pass(call).await;
        stage.read(answer).await
    })
    .await
}

/// The `index`th chunk of a large body; no two are alike.
fn chunk(index: usize) -> Bytes {
    let start = index.to_le_bytes();
    Bytes::from_iter(
        (0..CHUNK_BYTES).map(|at| start[at % start.len()] ^ (at >> 3).to_le_bytes()[0]),
    )
}

#[tokio::test]
async fn a_large_upload_arrives_whole() {
    let stage = stage(Behaviour::answer());
    let chunks = (0..LARGE_BYTES / CHUNK_BYTES).map(chunk);
    let mut sent = Checksum::EMPTY;
    chunks.clone().for_each(|chunk| sent.update(&chunk));
    let frames = stream::iter(chunks.map(|chunk| Ok::<_, Infallible>(Frame::data(chunk))));
    let mut upload = call(Method::POST, "/v1/files?purpose=a%20b");
    upload.headers.insert(
        "content-type",
        HeaderValue::from_static("application/x-odd"),
    );
    upload.body = Some(StreamedBody::new(
        StreamBody::new(frames).map_err(BoxError::from),
    ));
    let got = pass(&stage, upload).await;
    let echo = got.json();
    assert_eq!(
        (&echo["method"], &echo["path"], &echo["query"]),
        (&"POST".into(), &"/v1/files".into(), &"purpose=a%20b".into())
    );
    assert_eq!(echo["body_bytes"], LARGE_BYTES);
    assert_eq!(echo["checksum"], format!("{:016x}", sent.value()));
    assert_eq!(
        (got.record.ending, got.faults()),
        (Ending::Completed, vec!["-"])
    );
    assert_eq!(
        stage.upstreams[0].log()[0].header("content-type"),
        Some("application/x-odd")
    );
    assert_eq!(
        stage.upstreams[0].log()[0].header("authorization"),
        Some("Bearer the-key-of-one")
    );
}

#[tokio::test]
async fn a_large_download_arrives_whole_and_as_it_comes() {
    let body: Bytes = (0..LARGE_BYTES / CHUNK_BYTES).flat_map(chunk).collect();
    let reply = Behaviour::raw(200, "application/x-odd", body.clone()).header("etag", "\"e\"");
    let stage = stage(reply);
    let mut answer = soon(stage.gateway.pass(call(Method::GET, "/v1/files/1/content"))).await;
    assert_eq!(answer.headers()["etag"], "\"e\"");
    assert_eq!(answer.headers()["content-length"], LARGE_BYTES.to_string());
    let mut received = Checksum::EMPTY;
    let first = soon(answer.body_mut().frame())
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    received.update(&first);
    assert!(
        first.len() < LARGE_BYTES / 4,
        "{} bytes in one piece",
        first.len()
    );
    // More than any socket holds is still to be sent: nobody has gathered it here.
    assert_eq!(stage.upstreams[0].log()[0].outcome, Outcome::Open);
    let mut length = first.len();
    while let Some(frame) = soon(answer.body_mut().frame()).await {
        let data = frame.unwrap().into_data().unwrap();
        length += data.len();
        received.update(&data);
    }
    assert_eq!((length, received.value()), (LARGE_BYTES, checksum(&body)));
    assert_eq!(stage.record().ending, Ending::Completed);
}

#[tokio::test]
async fn a_path_that_may_lead_elsewhere_is_refused() {
    let stage = stage(Behaviour::answer());
    for path in [
        "",
        "v1/files",
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1/%252e%252e/admin",
        "//elsewhere.example/v1",
        "/v1//files",
        "/v1/a%2fb",
        "/v1/a\\b",
        "/v1/a b",
        "/v1/a\r\nx-evil: 1",
        "/v1/a%0d%0ax-evil:%201",
        "/v1/a#b",
        "http://elsewhere.example/",
        "@elsewhere.example/",
        ":80@elsewhere.example/",
    ] {
        let got = pass(&stage, call(Method::GET, path)).await;
        assert_eq!(got.status, 400, "{path:?}");
        assert_eq!(got.json()["error"]["code"], "invalid_path", "{path:?}");
        assert_eq!(got.record.ending, Ending::Refused, "{path:?}");
    }
    assert_eq!(stage.requests(), [0]);
}

#[tokio::test]
async fn a_body_that_breaks_off_upstream_breaks_off_here() {
    for how in [How::Close, How::Reset] {
        let cut = Behaviour::raw(200, "text/plain", "0123456789").interrupt(At::AfterBytes(4), how);
        let stage = stage(cut);
        let answer = soon(stage.gateway.pass(call(Method::GET, "/v1/files/1/content"))).await;
        assert!(soon(answer.into_body().collect()).await.is_err(), "{how:?}");
        assert_eq!(stage.record().ending, Ending::Interrupted, "{how:?}");
    }
}

#[tokio::test]
async fn a_body_that_falls_silent_breaks_off_here() {
    let hang =
        Behaviour::raw(200, "text/plain", "0123456789").interrupt(At::AfterBytes(4), How::Hang);
    let stage = Stage::with(short_of_idle(), [Script::new().otherwise(hang)]);
    let answer = soon(stage.gateway.pass(call(Method::GET, "/v1/files/1/content"))).await;
    assert!(soon(answer.into_body().collect()).await.is_err());
    assert_eq!(stage.record().ending, Ending::Interrupted);
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_upstream_along() {
    let large = Bytes::from(vec![b'x'; LARGE_BYTES]);
    let stage = stage(Behaviour::raw(200, "text/plain", large));
    let answer = soon(stage.gateway.pass(call(Method::GET, "/v1/files/1/content"))).await;
    drop(answer);
    assert_eq!(stage.record().ending, Ending::ClientGone);
    within(Duration::from_secs(1), stage.upstreams[0].wait_for_gone()).await;
}

#[tokio::test]
async fn a_refused_key_is_told_without_the_upstreams_words() {
    let said = "Incorrect key: the-key-of-one";
    let stage = stage(Behaviour::error_with(401, "invalid_api_key", said));
    let got = pass(&stage, call(Method::GET, "/v1/files")).await;
    assert_eq!(
        (got.status.as_u16(), &got.json()["error"]["code"]),
        (401, &"provider_key_rejected".into())
    );
    assert!(
        !got.text().contains("Incorrect") && !got.text().contains("key-of"),
        "{}",
        got.text()
    );
    assert_eq!(got.record.ending, Ending::Failed);
}

#[tokio::test]
async fn any_other_error_goes_through_as_it_is() {
    let stage =
        stage(Behaviour::raw(418, "text/odd", "short \u{1f375}").header("set-cookie", "a=b"));
    let got = pass(&stage, call(Method::DELETE, "/v1/files/1")).await;
    assert_eq!((got.status.as_u16(), got.text()), (418, "short \u{1f375}"));
    assert_eq!(
        (got.header("content-type"), got.header("set-cookie")),
        ("text/odd", "")
    );
    assert_eq!(stage.upstreams[0].log()[0].method, "DELETE");
}

#[tokio::test]
async fn nothing_private_goes_up() {
    let stage = stage(Behaviour::answer());
    let mut private = call(Method::GET, "/v1/files");
    for name in [
        "authorization",
        "x-api-key",
        "cookie",
        "x-portkey-api-key",
        "connection",
        "x-forwarded-for",
        "x-else",
    ] {
        private
            .headers
            .insert(name, HeaderValue::from_static("the-clients-own"));
    }
    private
        .headers
        .insert("accept", HeaderValue::from_static("text/odd"));
    assert_eq!(pass(&stage, private).await.status, 200);
    let request = stage.upstreams[0].log().remove(0);
    assert_eq!(
        request.header("authorization"),
        Some("Bearer the-key-of-one")
    );
    assert_eq!(request.header("accept"), Some("text/odd"));
    assert!(
        request
            .headers
            .iter()
            .all(|(_, value)| !value.contains("the-clients-own")),
        "{:?}",
        request.headers
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = orchestra_testkit::Upstream::start(Script::new()).unwrap();
    let stage = stage(Behaviour::redirect(elsewhere.base_url()));
    let got = pass(&stage, call(Method::GET, "/v1/files")).await;
    assert_eq!((got.status.as_u16(), elsewhere.connections()), (302, 0));
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_the_clients_fault() {
    let stage = stage(Behaviour::answer());
    let frames = [
        Ok(Frame::data(chunk(1))),
        Err(BoxError::from("the client left")),
    ];
    let mut upload = call(Method::POST, "/v1/files");
    upload.body = Some(StreamedBody::new(StreamBody::new(stream::iter(frames))));
    let got = pass(&stage, upload).await;
    assert_eq!(got.status, 400, "{}", got.text());
    assert_eq!(got.json()["error"]["code"], "incomplete_body");
    assert_eq!(got.record.ending, Ending::Refused);
}
