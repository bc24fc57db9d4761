//! The readers below the codecs: events, heads, sniffers, errors, vectors.

use orchestra_dialects::{
    EmbeddingsAsk, EndRule, Endpoint, ErrorKind, ErrorView, Family, Head, HeadLimits, RawJson,
    Splice, SseReader, StreamSniffer, VectorForm, json_string, parse_error, reencode_embeddings,
    render_error, sniff_answer,
};

use super::streams::chunks;

/// Chunks do not matter, and complete bytes end between frames.
pub(crate) fn sse_reader(data: &[u8]) {
    const LIMIT: usize = 256;
    let read = |chunks: &[&[u8]]| {
        let mut frames = Vec::new();
        let mut reader = SseReader::new(LIMIT);
        for chunk in chunks {
            let fed = reader.feed(chunk, |frame| {
                frames.push((frame.event.map(<[u8]>::to_vec), frame.data.to_vec()));
            });
            match fed {
                Ok(complete) => assert!(complete <= chunk.len()),
                Err(_) => {
                    assert!(reader.feed(b"x", |_| {}).is_err(), "an error is for good");
                    return (frames, true);
                }
            }
        }
        (frames, false)
    };
    assert_eq!(read(&[data]), read(&chunks(data)));
}

/// What is accepted is JSON, and what is spliced stays so.
pub(crate) fn head_scan(data: &[u8]) {
    let limits = HeadLimits {
        depth: 16,
        members: 16,
    };
    for endpoint in Endpoint::ALL {
        let Ok(head) = Head::scan(endpoint, data, &limits) else {
            continue;
        };
        for (_, member) in head.members() {
            assert!(
                data.get(member.value.clone())
                    .is_some_and(|value| !value.is_empty())
            );
        }
        let spliced = Splice::new(data, &head)
            .set("model", json_string("another \"model\""))
            .set("x_new", "[1]")
            .remove("stream")
            .finish();
        let head = Head::scan(endpoint, &spliced, &HeadLimits::default()).expect("still sound");
        assert_eq!(head.model(), "another \"model\"");
        assert!(head.member("stream").is_none() && head.member("x_new").is_some());
        if endpoint == Endpoint::Embeddings {
            let _ = EmbeddingsAsk::of(&spliced, &head).check(false);
        }
    }
}

/// Chunks do not matter.
pub(crate) fn sniffers(data: &[u8]) {
    for endpoint in Endpoint::ALL {
        let _ = sniff_answer(endpoint, data);
        let sniff = |chunks: &[&[u8]]| {
            let mut sniffer = StreamSniffer::new(endpoint, 4096);
            for chunk in chunks {
                if sniffer.feed(chunk).is_err() {
                    break;
                }
            }
            let ends = [EndRule::Marker, EndRule::FinishReason].map(|rule| sniffer.end(rule));
            let told = format!(
                "{:?} {:?} {:?}",
                sniffer.usage(),
                sniffer.finish(),
                sniffer.error()
            );
            (ends, told, sniffer.content(), sniffer.events())
        };
        assert_eq!(sniff(&[data]), sniff(&chunks(data)), "{endpoint}");
    }
}

/// What is read of an error can be written in every family.
pub(crate) fn errors(data: &[u8]) {
    let Some(error) = parse_error(data) else {
        return;
    };
    let view = ErrorView {
        status: 500,
        kind: ErrorKind::Server,
        message: &error.message,
        param: error.kind.as_deref(),
        code: error.code.as_deref(),
        request_id: None,
    };
    for family in [Family::OpenAi, Family::Anthropic, Family::Google] {
        let body = render_error(family, &view);
        assert!(
            orchestra_dialects::is_native_error(family, body.as_bytes()),
            "{body}"
        );
    }
}

/// What is written in the other form has it then, and is JSON.
pub(crate) fn embeddings(data: &[u8]) {
    let Ok(body) = std::str::from_utf8(data) else {
        return;
    };
    for wanted in [VectorForm::Float, VectorForm::Base64] {
        if let Ok(Some(written)) = reencode_embeddings(body, wanted) {
            assert!(RawJson::parse(&written).is_ok(), "{written}");
            assert_eq!(reencode_embeddings(&written, wanted), Ok(None));
        }
    }
}
