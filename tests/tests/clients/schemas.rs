//! What the codecs write, held against the types of the vendors' own SDKs.

use std::process::Command;

use crate::harness::{Tool, repository};

/// Every snapshot of a translation, and every fixture, is something that the SDKs could have sent or can read.
#[test]
fn every_translation_follows_the_vendors_types() {
    let output = Command::new(Tool::Python.path())
        .arg(repository().join("tests/python/schemas.py"))
        .arg(repository().join("crates/dialects"))
        .output()
        .expect("Python can be started");
    let (out, complaints) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{complaints}");
}
