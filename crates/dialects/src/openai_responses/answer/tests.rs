//! Answers in one piece.

use super::{Held, decode, encode, read_finish, write_finish};
use crate::canonical::{Answer, Choice, Finish, Part, PartBody, Reasoning, ToolInput, ToolUse};
use crate::codec::AnswerContext;
use crate::json::Raw;
use crate::openai_responses::request;
use crate::{AnswerError, Dialect, Losses};

fn status(text: &str) -> Option<Raw<'_>> {
    Some(Raw::of_validated(text)).filter(|_| !text.is_empty())
}

#[test]
fn the_end_is_read() {
    let nothing = Held::default();
    let call = Held {
        call: true,
        ..nothing
    };
    let refusal = Held {
        refusal: true,
        ..nothing
    };
    let other = |word: &str| Some(Finish::Other(word.into()));
    for (word, details, held, expected) in [
        (r#""completed""#, "", nothing, Some(Finish::Stop)),
        (r#""completed""#, "", call, Some(Finish::ToolUse)),
        (r#""completed""#, "", refusal, Some(Finish::Refusal)),
        ("", "", nothing, Some(Finish::Stop)),
        (
            r#""incomplete""#,
            r#"{"reason":"max_output_tokens"}"#,
            call,
            Some(Finish::Length),
        ),
        (
            r#""incomplete""#,
            r#"{"reason":"content_filter"}"#,
            nothing,
            Some(Finish::ContentFilter),
        ),
        (
            r#""incomplete""#,
            r#"{"reason":"steered"}"#,
            nothing,
            other("steered"),
        ),
        (r#""incomplete""#, "{}", nothing, other("incomplete")),
        (r#""cancelled""#, "", nothing, other("cancelled")),
        (r#""in_progress""#, "", nothing, None),
    ] {
        let found = read_finish(status(word), status(details), held);
        assert_eq!(found, expected, "{word} {details}");
    }
}

#[test]
fn the_end_is_written() {
    let held = Held::default();
    for (finish, expected, lost) in [
        (Some(Finish::Stop), ("completed", None), 0),
        (None, ("completed", None), 0),
        (
            Some(Finish::Length),
            ("incomplete", Some("max_output_tokens")),
            0,
        ),
        (
            Some(Finish::ContextWindow),
            ("incomplete", Some("max_output_tokens")),
            1,
        ),
        (
            Some(Finish::Refusal),
            ("incomplete", Some("content_filter")),
            0,
        ),
        (Some(Finish::Pause), ("completed", None), 1),
        (
            Some(Finish::StopSequence(Some("x".into()))),
            ("completed", None),
            1,
        ),
        (
            Some(Finish::Other("crash".into())),
            ("incomplete", Some("")),
            1,
        ),
    ] {
        let mut losses = Losses::new(Dialect::AnthropicMessages, Dialect::OpenAiResponses);
        let found = write_finish(finish.as_ref(), held, &mut losses);
        assert_eq!((found.status, found.reason), expected, "{finish:?}");
        assert_eq!(losses.list().len(), lost, "{finish:?}");
    }
    let mut losses = Losses::new(Dialect::OpenAiChat, Dialect::OpenAiResponses);
    let in_words = Held {
        refusal: true,
        ..held
    };
    let found = write_finish(Some(&Finish::Refusal), in_words, &mut losses);
    assert_eq!(found.status, "completed");
}

#[test]
fn a_failure_with_a_good_status_is_an_error() {
    for (body, message) in [
        (
            r#"{"status":"failed","error":{"code":"server_error","message":"broke"}}"#,
            "broke",
        ),
        (
            r#"{"status":"failed","error":null,"output":[]}"#,
            "the provider reported that the answer failed, and not why",
        ),
    ] {
        match decode(body) {
            Err(AnswerError::Reported(error)) => assert_eq!(error.message, message),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_of_the_wrong_kind_counts_as_absent() {
    let answer = decode(
        r#"{"id":7,"model":["m"],"created_at":1795000000.25,"status":"completed","usage":"none","output":[
            3, {"type":"message","content":"x"}, {"type":"function_call","id":"fc_1","arguments":{}},
            {"type":"message","content":[{"type":"output_text","text":"ok","annotations":null,"logprobs":7}]}]}"#,
    )
    .expect("an answer");
    assert_eq!((&*answer.id, &*answer.model), ("", ""));
    assert_eq!(answer.created, Some(1_795_000_000));
    assert_eq!(answer.usage, None);
    let parts = &answer.choices[0].parts;
    let call = parts[1].as_tool_use().expect("a call");
    assert_eq!(
        (&*call.id, &*call.name, call.input.as_str()),
        ("fc_1", "", "")
    );
    assert_eq!(parts[2].as_text(), Some("ok"));
}

fn written(answer: &Answer, from: Dialect, body: &str) -> serde_json::Value {
    let request = request::decode(body).expect("a sound request");
    let context = AnswerContext {
        id: "ab12",
        created: 1_795_000_000,
        request: &request,
        body,
    };
    let mut losses = Losses::new(from, Dialect::OpenAiResponses);
    serde_json::from_str(&encode(answer, &context, &mut losses)).expect("JSON")
}

fn with(parts: Vec<Part>) -> Answer {
    Answer {
        choices: vec![Choice {
            parts,
            ..Choice::default()
        }],
        ..Answer::default()
    }
}

#[test]
fn an_answer_repeats_what_strict_clients_look_for() {
    let body = r#"{"model":"claude","input":"x","instructions":"i","tools":[{"type":"function","name":"f"}],
        "tool_choice":"required","conversation":"conv_1","temperature":0.5}"#;
    let found = written(&with(Vec::new()), Dialect::AnthropicMessages, body);
    assert_eq!(found["id"], "resp_ab12");
    assert_eq!(found["object"], "response");
    assert_eq!(found["model"], "claude");
    assert_eq!(found["created_at"], 1_795_000_000);
    assert_eq!(found["instructions"], "i");
    assert_eq!(found["tools"][0]["name"], "f");
    assert_eq!(found["tool_choice"], "required");
    assert_eq!(found["conversation"]["id"], "conv_1");
    assert_eq!(found["temperature"], 0.5);
    assert_eq!(found["parallel_tool_calls"], true);
    assert_eq!(found["text"]["format"]["type"], "text");
    assert!(found["usage"].is_null() && found["error"].is_null() && found["output"].is_array());
}

#[test]
fn a_custom_call_comes_out_of_the_function_that_stood_for_it() {
    let call = |arguments: &str| {
        with(vec![
            PartBody::ToolUse(ToolUse {
                id: "c".into(),
                name: "patch".into(),
                input: ToolInput::Json(arguments.into()),
                item_id: None,
            })
            .into(),
        ])
    };
    let body = r#"{"model":"m","input":"x","tools":[{"type":"custom","name":"patch"}]}"#;
    for (arguments, input) in [
        (r#"{"input":"+a\n"}"#, "+a\n"),
        (r#"{"patch":"+a"}"#, r#"{"patch":"+a"}"#),
        ("+a", "+a"),
    ] {
        let found = written(&call(arguments), Dialect::AnthropicMessages, body);
        let item = &found["output"][0];
        assert_eq!(item["type"], "custom_tool_call");
        assert_eq!(item["input"], input);
    }
}

#[test]
fn thoughts_without_anything_to_tell_make_no_item() {
    let thoughts = |signature: Option<&str>| -> Part {
        PartBody::Reasoning(Reasoning {
            signature: signature.map(Into::into),
            origin: signature.map(|_| Dialect::Gemini),
            ..Reasoning::default()
        })
        .into()
    };
    let body = r#"{"model":"m","input":"x"}"#;
    let answer = with(vec![thoughts(None), thoughts(Some("s")), Part::text("Hi")]);
    let found = written(&answer, Dialect::Gemini, body);
    let output = found["output"].as_array().expect("a list");
    assert_eq!(output.len(), 2);
    assert_eq!(output[0]["id"], "rs_ab12_0");
    let sealed = output[0]["encrypted_content"]
        .as_str()
        .expect("an envelope");
    assert!(sealed.starts_with(crate::ENVELOPE_MARK));
    assert_eq!(output[1]["id"], "msg_ab12_1");
}
