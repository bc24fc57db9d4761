//! A description of a request, so that what a gateway hands on unread can be checked.

use serde::Serialize;

use super::json;
use crate::request::Request;

#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Vec<String>,
    body_bytes: u64,
    checksum: String,
}

/// Describes a request. Of the headers only the names are told: values may be credentials.
pub(crate) fn echo(request: &Request) -> Vec<u8> {
    let names = request
        .head
        .headers()
        .map(|(name, _)| String::from_utf8_lossy(name).to_lowercase());
    json(&Echo {
        method: &request.head.method,
        path: &request.head.path,
        query: &request.head.query,
        headers: names.collect(),
        body_bytes: request.body_bytes,
        checksum: format!("{:016x}", request.checksum.value()),
    })
}
