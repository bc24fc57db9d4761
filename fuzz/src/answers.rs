//! Answers in one piece, read and written in every dialect.

use orchestra_dialects::{Dialect, RawJson, encode_answer};

use super::contexts::{DIALECTS, context};

/// What can be read can be written for every client, and read by it.
pub(crate) fn read(from: Dialect, data: &[u8]) {
    let codec = from.codec().expect("a dialect with conversations");
    let Ok(body) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(answer) = codec.decode_answer(body) else {
        return;
    };
    for to in DIALECTS {
        let (written, losses) = encode_answer(&answer, from, &context(to));
        assert!(
            RawJson::parse(&written).is_ok(),
            "{to:?} is written {written}"
        );
        assert!(
            losses.iter().all(|loss| loss.path.starts_with("answer")),
            "{losses:?}"
        );
        let client = to.codec().expect("a dialect with conversations");
        if let Err(error) = client.decode_answer(&written) {
            panic!("{to:?} cannot read what it wrote: {error}\n{written}");
        }
    }
}
