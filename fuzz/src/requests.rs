//! Requests, read and written in every dialect.

use orchestra_dialects::canonical::Request;
use orchestra_dialects::{
    Dialect, Profile, RawJson, Target, decode_request, encode_request, estimate_tokens,
};

use super::contexts::DIALECTS;

/// What can be read can be written in every dialect, or refused with a reason; what is written is JSON.
pub(crate) fn read(from: Dialect, data: &[u8]) {
    let Ok(body) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(mut request) = decode_request(from, body) else {
        return;
    };
    // Gemini's stands in the path.
    if request.model.is_empty() {
        request.model = "m".into();
    }
    let _ = estimate_tokens(&request);
    for to in DIALECTS {
        for profile in [
            Profile::default(),
            Profile::compatible(),
            Profile::deepseek(),
        ] {
            write(&request, to, &profile);
        }
    }
}

fn write(request: &Request, to: Dialect, profile: &Profile) {
    let target = Target {
        model: "target-model",
        profile,
    };
    match encode_request(request, to, &target) {
        Ok((body, _)) => {
            assert!(RawJson::parse(&body).is_ok(), "{to:?} is written {body}");
            // What was carried along unread may be wrong there, and an empty conversation is nobody's; the
            // rest is checked over the fixtures.
            let _ = decode_request(to, &body);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
