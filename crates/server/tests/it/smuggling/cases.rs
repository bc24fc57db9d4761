//! The corpus: framing, chunks, heads and targets that two readers could understand differently.

use super::Case;
use super::Want::{self, Either, Refused, RefusedLate, Served};
use crate::stage::CLIENT_KEY;

/// What an attacker wants to have served behind somebody else's request.
const HIDDEN: &str = "GET /openai/v1/hidden HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n";

/// A case from its request, where `KEY` stands for the key and `HIDDEN` for the second request.
fn case(name: &'static str, text: &str, want: Want) -> Case {
    Case {
        name,
        bytes: filled_in(text),
        want,
    }
}

pub(super) fn filled_in(text: &str) -> Vec<u8> {
    let hidden = HIDDEN.replace("KEY", CLIENT_KEY);
    text.replace("HIDDEN", &hidden)
        .replace("LENGTH", &hidden.len().to_string())
        .replace("KEY", CLIENT_KEY)
        .into_bytes()
}

/// A raw upload with these lines of framing, and what follows the head.
pub(super) fn upload(name: &'static str, framing: &str, rest: &str, want: Want) -> Case {
    let head = "POST /openai/v1/up HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n";
    case(name, &format!("{head}{framing}\r\n{rest}"), want)
}

/// A request for this target.
fn target(name: &'static str, target: &str, want: Want) -> Case {
    let rest = "HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n";
    case(name, &format!("GET {target} {rest}"), want)
}

/// A request with these bytes among its headers.
fn header(name: &'static str, line: &str, want: Want) -> Case {
    let head = "GET /openai/v1/x HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n";
    case(name, &format!("{head}{line}\r\n\r\n"), want)
}

const UP: &[&str] = &["/openai-api/v1/up"];
const X: &[&str] = &["/openai-api/v1/x"];
const CHUNKED: &str = "transfer-encoding: chunked\r\n";

pub(super) fn framing() -> Vec<Case> {
    vec![
        upload("length and chunks", "content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\nHIDDEN", Either(&[200], UP)),
        upload("chunks and length", "transfer-encoding: chunked\r\ncontent-length: 500\r\n", "0\r\n\r\nHIDDEN", Either(&[200], UP)),
        upload("two lengths", "content-length: 0\r\ncontent-length: 90\r\n", "HIDDEN", Refused),
        upload("two lengths, the larger first", "content-length: 90\r\ncontent-length: 0\r\n", "HIDDEN", Refused),
        upload("a list of lengths", "content-length: 0, 90\r\n", "HIDDEN", Refused),
        upload("a length with a sign", "content-length: +4\r\n", "abcd", Refused),
        upload("a negative length", "content-length: -1\r\n", "HIDDEN", Refused),
        upload("a hexadecimal length", "content-length: 0x4\r\n", "abcd", Refused),
        upload("a length that overflows", "content-length: 18446744073709551617\r\n", "a", Refused),
        upload("an empty length", "content-length:\r\n", "HIDDEN", Refused),
        upload("a length with a blank before the colon", "content-length : 4\r\n", "abcd", Refused),
        upload("chunks with a blank before the colon", "transfer-encoding : chunked\r\n", "0\r\n\r\nHIDDEN", Refused),
        upload("another coding", "transfer-encoding: gzip\r\n", "HIDDEN", Refused),
        upload("chunks not last", "transfer-encoding: chunked, identity\r\n", "0\r\n\r\nHIDDEN", Refused),
        upload("a coding that looks like chunks", "transfer-encoding: xchunked\r\n", "0\r\n\r\nHIDDEN", Refused),
        upload("a coding with a quote", "transfer-encoding: \"chunked\"\r\n", "0\r\n\r\nHIDDEN", Refused),
        upload("a folded coding", "transfer-encoding:\r\n chunked\r\n", "0\r\n\r\nHIDDEN", Refused),
        upload("chunked in HTTP/1.0", "", "", Refused).with("POST /openai/v1/up HTTP/1.0\r\nx-api-key: KEY\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN"),
    ]
}

pub(super) fn chunks() -> Vec<Case> {
    vec![
        upload(
            "a size that is no number",
            CHUNKED,
            "zz\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "a size with a sign",
            CHUNKED,
            "+2\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "a size with a prefix",
            CHUNKED,
            "0x2\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "a size that overflows",
            CHUNKED,
            "ffffffffffffffff1\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "a size that is negative",
            CHUNKED,
            "-1\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "no size",
            CHUNKED,
            "\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "a chunk longer than its size",
            CHUNKED,
            "2\r\nabcd\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "a line feed in place of a line end",
            CHUNKED,
            "2\nab\n0\n\nHIDDEN",
            RefusedLate(UP),
        ),
        upload(
            "an extension with a line feed",
            CHUNKED,
            "2;a\nb\r\nab\r\n0\r\n\r\nHIDDEN",
            RefusedLate(UP),
        ),
    ]
}

pub(super) fn heads() -> Vec<Case> {
    let many: String = (0..10_000).map(|i| format!("x-{i}: 1\r\n")).collect();
    let wide = |bytes: usize| format!("x-wide: {}", "a".repeat(bytes));
    vec![
        header("a folded header", "x-fold: a\r\n b", Refused),
        header("a header that begins with a fold", " x-fold: a", Refused),
        header("a NUL in a value", "x-nul: a\0b", Refused),
        header("a carriage return in a value", "x-cr: a\rb", Refused),
        header("a blank in a name", "x blank: a", Refused),
        header("a blank behind a name", "x-blank : a", Refused),
        header("a NUL in a name", "x-n\0l: a", Refused),
        header("no name", ": a", Refused),
        header("no colon", "nothing", Refused),
        header("a control character in a value", "x-c: a\u{1}b", Refused),
        header("256 KiB of one header", &wide(256 << 10), Refused),
        header("70 KiB of one header", &wide(70 << 10), Either(&[200], X)),
        header("33 KiB of one header", &wide(33 << 10), Either(&[200], X)),
        header("10,000 headers", &format!("{many}x-end: 1"), Refused),
        header(
            "an upgrade",
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
            Either(&[200], X),
        ),
        header(
            "an upgrade to HTTP/2",
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA",
            Either(&[200], X),
        ),
        header(
            "a connection header that names the key",
            "connection: x-api-key",
            Either(&[200], X),
        ),
        header("another host", "host: 169.254.169.254", Either(&[200], X)),
        header(
            "a host override",
            "x-forwarded-host: 169.254.169.254\r\nx-original-url: /admin\r\nx-http-method-override: DELETE",
            Served(&[200], X),
        ),
        case(
            "bare line feeds",
            "GET /openai/v1/x HTTP/1.1\nhost: gateway\nx-api-key: KEY\n\n",
            Either(&[200], X),
        ),
        case(
            "a version that does not exist",
            "GET /openai/v1/x HTTP/1.2\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "no version",
            "GET /openai/v1/x\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "HTTP/2 without a word",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            Refused,
        ),
        case(
            "TLS on a plain port",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}",
            Refused,
        ),
        case(
            "a method with a NUL",
            "G\0T /openai/v1/x HTTP/1.1\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "an empty line and a request",
            "\r\nGET /openai/v1/x HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n",
            Either(&[200], X),
        ),
        case(
            "HTTP/1.0",
            "GET /openai/v1/x HTTP/1.0\r\nx-api-key: KEY\r\n\r\n",
            Served(&[200], X),
        ),
        case(
            "CONNECT",
            "CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: 169.254.169.254:80\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "CONNECT to a route",
            "CONNECT /openai/v1/x HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "TRACE, whose answer repeats the gateway's key",
            "TRACE /openai/v1/x HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "OPTIONS *",
            "OPTIONS * HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n",
            Refused,
        ),
        case(
            "HEAD with a hidden body",
            "HEAD /openai/v1/x HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\n\r\n",
            Served(&[], X),
        ),
        case(
            "a body on a GET is one request",
            "GET /openai/v1/x HTTP/1.1\r\nhost: gateway\r\nx-api-key: KEY\r\ncontent-length: LENGTH\r\n\r\nHIDDEN",
            Served(&[200], X),
        ),
    ]
}

pub(super) fn targets() -> Vec<Case> {
    vec![
        target("dots", "/openai/../anthropic/v1/x", Refused),
        target("encoded dots", "/openai/%2e%2e/anthropic/v1/x", Refused),
        target("mixed dots", "/openai/.%2E/anthropic/v1/x", Refused),
        target("twice encoded dots", "/openai/%252e%252e/x", Refused),
        target("dots at the end", "/openai/v1/..", Refused),
        target("one dot", "/openai/./v1/x", Refused),
        target("dots with parameters", "/openai/..;/x", Refused),
        target("dots behind a parameter", "/openai/;../x", Refused),
        target("an encoded slash", "/openai/v1%2fx", Refused),
        target("dots and an encoded slash", "/openai/..%2f..%2fx", Refused),
        target("a backslash", "/openai/v1\\..\\x", Refused),
        target("an encoded backslash", "/openai/v1%5c..%5cx", Refused),
        target("an empty segment", "/openai//v1/x", Refused),
        target(
            "an empty segment that looks like a host",
            "/openai//169.254.169.254/x",
            Refused,
        ),
        target("two slashes first", "//openai/v1/x", Refused),
        target(
            "a host behind two slashes",
            "//169.254.169.254/openai/v1/x",
            Refused,
        ),
        target("an encoded provider", "/%6fpenai/v1/x", Refused),
        target("dots before the provider", "/../openai/v1/x", Refused),
        target(
            "an encoded line end",
            "/openai/v1/x%0d%0ahost:%20evil",
            Refused,
        ),
        target("an encoded NUL", "/openai/v1/x%00", Refused),
        target("half an escape", "/openai/v1/%2", Refused),
        target(
            "a user before the path",
            "/openai@169.254.169.254/v1/x",
            Refused,
        ),
        target("a fragment", "/openai/v1/x#/../y", Either(&[200], X)),
        target(
            "a whole address of another host",
            "http://169.254.169.254/openai/v1/x",
            Either(&[200], X),
        ),
        target(
            "a whole address with a user",
            "http://u:p@169.254.169.254/openai/v1/x",
            Either(&[200], X),
        ),
        target(
            "a whole address with dots",
            "http://gateway/openai/../anthropic/v1/x",
            Refused,
        ),
        target("another scheme", "file:///etc/passwd", Refused),
        target("a host alone", "169.254.169.254:80", Refused),
        target(
            "9 KiB of path",
            &format!("/openai/v1/{}", "a".repeat(9 << 10)),
            Refused,
        ),
        target(
            "dots in a query",
            "/openai/v1/x?next=/../y",
            Served(&[200], X),
        ),
    ]
}
