//! Vectors in the form that the client asked for, whatever the provider sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orchestra_dialects::{AnswerError, VectorForm, reencode_embeddings};
use proptest::prelude::*;

/// An answer as OpenAI writes it, with odd spacing and unknown members.
fn answer(vectors: &[&str]) -> String {
    let items: Vec<String> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            format!(
                r#"{{ "object":"embedding","embedding" : {vector} ,"index":{index},"x":[1.0] }}"#
            )
        })
        .collect();
    format!(
        "{{\"object\": \"list\",\n\"data\":[ {} ],\"model\":\"m\",\"usage\":{{\"prompt_tokens\":8,\"total_tokens\":8}}}}\n",
        items.join(" , ")
    )
}

#[track_caller]
fn check(given: &[&str], wanted: VectorForm, expected: &[&str]) {
    let written = reencode_embeddings(&answer(given), wanted).expect("sound");
    assert_eq!(written, Some(answer(expected)), "{given:?}");
    let again = reencode_embeddings(&answer(expected), wanted).expect("sound");
    assert_eq!(again, None, "it has the form now");
}

/// The bytes of the floats 1, -2, 0.5 in memory: 00 00 80 3f, 00 00 00 c0, 00 00 00 3f.
const BASE64: &str = r#""AACAPwAAAMAAAAA/""#;

#[test]
fn lists_become_base64_and_base64_lists() {
    check(&["[1,-2.0,5e-1]"], VectorForm::Base64, &[BASE64]);
    check(
        &["[ 1 , -2 ,\n0.5 ]", BASE64],
        VectorForm::Base64,
        &[BASE64, BASE64],
    );
    check(&[BASE64], VectorForm::Float, &["[1.0,-2.0,0.5]"]);
    check(
        &[BASE64, "[1]", BASE64],
        VectorForm::Float,
        &["[1.0,-2.0,0.5]", "[1]", "[1.0,-2.0,0.5]"],
    );
    check(&["[]"], VectorForm::Base64, &[r#""""#]);
    check(&[r#""""#], VectorForm::Float, &["[]"]);
    // Escapes and missing padding are read too.
    check(
        &[r#""AACAPwAAAMAAAAA\/""#],
        VectorForm::Float,
        &["[1.0,-2.0,0.5]"],
    );
    check(&[r#""AACAPw""#], VectorForm::Float, &["[1.0]"]);
}

#[test]
fn what_has_its_form_stays_byte_for_byte() {
    for (body, wanted) in [
        (answer(&["[0.1,-2e-7]"]), VectorForm::Float),
        (answer(&[BASE64]), VectorForm::Base64),
        (answer(&["[[1],[2]]", "null", "{}"]), VectorForm::Float),
        (answer(&["null", "7"]), VectorForm::Base64),
        (answer(&[]), VectorForm::Base64),
        (r#"{"data":null}"#.into(), VectorForm::Base64),
        (r#"{"data":[[1],2,{"index":0}]}"#.into(), VectorForm::Base64),
        (r#"{"embedding":[1]}"#.into(), VectorForm::Base64),
        ("[1]".into(), VectorForm::Base64),
    ] {
        assert_eq!(reencode_embeddings(&body, wanted), Ok(None), "{body}");
    }
}

#[test]
fn vectors_that_cannot_be_written_otherwise_are_named() {
    let problem = |vector: &str, wanted| {
        let error = reencode_embeddings(&answer(&["null", vector]), wanted).unwrap_err();
        error.to_string()
    };
    for (vector, wanted, expected) in [
        (r#""AACA""#, VectorForm::Float, "half a 32-bit float"),
        (r#""AAC?Pw==""#, VectorForm::Float, "valid base64"),
        (r#""AADAfw==""#, VectorForm::Float, "JSON cannot write"),
        ("[[1],[2]]", VectorForm::Base64, "other things than numbers"),
        ("[1,null]", VectorForm::Base64, "other things than numbers"),
        ("[1e39]", VectorForm::Base64, "no 32-bit float can hold"),
    ] {
        let message = problem(vector, wanted);
        assert!(
            message.contains("`data[1].embedding`") && message.contains(expected),
            "{message}"
        );
    }
    let cut = reencode_embeddings(r#"{"data":[{"embedding":[1"#, VectorForm::Base64);
    assert!(matches!(cut, Err(AnswerError::Malformed { .. })));
}

fn floats() -> impl Strategy<Value = Vec<f32>> {
    let finite = any::<f32>().prop_filter("JSON has no other", |float| float.is_finite());
    prop::collection::vec(finite, 0..50)
}

proptest! {
    #[test]
    fn no_float_changes_on_the_way(floats in floats()) {
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        let base64 = format!("\"{}\"", STANDARD.encode(bytes));
        let list = reencode_embeddings(&answer(&[&base64]), VectorForm::Float)
            .expect("sound")
            .expect("it was base64");
        let value: serde_json::Value = serde_json::from_str(&list).expect("JSON");
        prop_assert_eq!(value["data"][0]["embedding"].as_array().map(Vec::len), Some(floats.len()));
        let back = reencode_embeddings(&list, VectorForm::Base64).expect("sound");
        prop_assert_eq!(back, Some(answer(&[&base64])));
    }

    #[test]
    fn nothing_panics(body in "\\PC{0,200}", vector in "\\PC{0,40}") {
        for wanted in [VectorForm::Float, VectorForm::Base64] {
            let _ = reencode_embeddings(&body, wanted);
            let _ = reencode_embeddings(&answer(&[&vector]), wanted);
        }
    }
}
