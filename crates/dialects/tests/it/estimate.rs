//! The estimate of tokens against counts that real tokenizers gave.

use orchestra_dialects::canonical::{
    Media, MediaSource, Part, PartBody, Place, Request, Role, Tool, ToolBody, ToolInput,
    ToolResult, ToolUse, Turn,
};
use orchestra_dialects::{Dialect, RawJson, estimate_tokens};

fn request(parts: Vec<Part>) -> Request {
    let mut request = Request::new(Dialect::OpenAiChat, "any");
    request.turns = vec![Turn::new(Role::User, parts)];
    request
}

/// What the text alone takes.
fn of_text(text: &str) -> u64 {
    estimate_tokens(&request(vec![Part::text(text)])) - estimate_tokens(&request(Vec::new()))
}

/// `counted` is what `o200k_base` makes of the text (the npm package gpt-tokenizer).
#[track_caller]
fn check(text: &str, counted: u64) {
    let estimated = of_text(text);
    let (least, most) = (counted * 95 / 100, counted * 125 / 100);
    assert!(
        (least..=most).contains(&estimated),
        "{estimated} where {counted} were counted: {text}"
    );
}

#[test]
fn text_costs_about_what_a_tokenizer_counts() {
    check(
        "The ferry had left before we reached the harbour, so we waited on the quay and counted the gulls. Nobody minded: the sun was warm, the coffee was strong, and there would be another boat at a quarter past four.",
        47,
    );
    check(
        "pub fn median(values: &mut [f64]) -> Option<f64> {\n    if values.is_empty() {\n        return None;\n    }\n    values.sort_by(f64::total_cmp);\n    let middle = values.len() / 2;\n    Some(if values.len() % 2 == 1 {\n        values[middle]\n    } else {\n        (values[middle - 1] + values[middle]) / 2.0\n    })\n}\n",
        96,
    );
    check(
        r#"{"order":{"id":48213,"customer":{"name":"Ada Palmer","country":"NZ"},"lines":[{"sku":"TEA-0042","quantity":3,"unit_price":12.5},{"sku":"CUP-0007","quantity":1,"unit_price":8.95}],"paid":true,"note":null}}"#,
        70,
    );
    check(
        "Die Fähre war schon abgefahren, als wir den Hafen erreichten, also setzten wir uns auf die Mauer und zählten die Möwen. Niemanden störte das: Die Sonne schien, der Kaffee war stark, und um Viertel nach vier sollte das nächste Schiff kommen.",
        59,
    );
    check(
        "我们到达港口时渡轮已经开走了，于是我们坐在码头上数海鸥。谁也不介意：阳光温暖，咖啡很浓，四点一刻还会有下一班船。",
        53,
    );
    check(
        "VGhlIGZlcnJ5IGhhZCBsZWZ0IGJlZm9yZSB3ZSByZWFjaGVkIHRoZSBoYXJib3VyLCBzbyB3ZSB3YWl0ZWQgb24gdGhlIHF1YXkgYW5kIGNvdW50ZWQgdGhlIGd1bGxzLg==",
        85,
    );
}

#[test]
fn text_that_no_one_writes_costs_something_sane() {
    assert_eq!(of_text(""), 0);
    for text in [" ".repeat(10_000), "\n".repeat(10_000), "=".repeat(10_000)] {
        assert!(of_text(&text) <= 2_500, "{}", of_text(&text));
    }
    for text in ["a".repeat(10_000), "é".repeat(10_000), "7".repeat(10_000)] {
        let estimated = of_text(&text);
        assert!((1_000..=10_000).contains(&estimated), "{estimated}");
    }
    // Every character there is, assigned or not, costs at most four tokens (its bytes) and is counted.
    let all: String = (0..=0x10_FFFF).filter_map(char::from_u32).collect();
    let characters = u64::try_from(all.chars().count()).expect("few enough");
    assert!((characters / 3..=characters * 4).contains(&of_text(&all)));
}

fn media(source: MediaSource, detail: Option<&str>) -> Media {
    Media {
        source,
        media_type: None,
        name: None,
        detail: detail.map(str::to_owned),
    }
}

fn of_part(body: PartBody) -> u64 {
    estimate_tokens(&request(vec![body.into()])) - estimate_tokens(&request(Vec::new()))
}

#[test]
fn media_cost_what_is_documented() {
    let here = || MediaSource::Base64("QUJD".repeat(100_000));
    let there = || MediaSource::Url("https://pictures.example/1.png".into());
    assert_eq!(of_part(PartBody::Image(media(here(), None))), 1_100);
    assert_eq!(of_part(PartBody::Image(media(there(), Some("low")))), 85);
    assert_eq!(of_part(PartBody::Document(media(there(), None))), 2_000);
    assert_eq!(of_part(PartBody::Document(media(here(), None))), 7 * 2_000);
    assert_eq!(of_part(PartBody::Audio(media(here(), None))), 589);
    let text = "What a file says.";
    let source = MediaSource::Text(text.into());
    assert_eq!(
        of_part(PartBody::Document(media(source, None))),
        of_text(text)
    );
}

#[test]
fn all_that_a_model_reads_is_counted() {
    let mut whole = request(vec![Part::text("What is the weather in Oslo?")]);
    let mut last = estimate_tokens(&whole);
    let mut grows = |request: &Request, by: std::ops::Range<u64>| {
        let now = estimate_tokens(request);
        assert!(by.contains(&(now - last)), "{}", now - last);
        last = now;
    };
    whole.system = vec![Part::text("Answer in one sentence.")];
    grows(&whole, 8..12);
    let schema = RawJson::parse(
        r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#,
    );
    let body = ToolBody::Function {
        name: "get_weather".into(),
        description: Some("The weather in a city, now.".into()),
        schema: Some(schema.expect("valid JSON")),
        strict: None,
    };
    whole.tools = vec![Tool::new(body, Place::default())];
    grows(&whole, 40..60);
    let call = PartBody::ToolUse(ToolUse {
        id: "call_1".into(),
        name: "get_weather".into(),
        input: ToolInput::Json(r#"{"city":"Oslo"}"#.into()),
        item_id: None,
    });
    whole
        .turns
        .push(Turn::new(Role::Assistant, vec![call.into()]));
    grows(&whole, 18..26);
    let result = PartBody::ToolResult(ToolResult {
        id: "call_1".into(),
        parts: vec![Part::text("4 °C, rain")],
        is_error: false,
        custom: false,
        object: None,
    });
    whole.turns.push(Turn::new(Role::User, vec![result.into()]));
    grows(&whole, 15..22);
}

#[test]
fn what_a_provider_sealed_costs_less_than_it_is_long() {
    let sealed = "Qm9v".repeat(1_000);
    let raw = format!(r#"{{"type":"web_search_tool_result","encrypted_content":"{sealed}"}}"#);
    let estimated = of_part(PartBody::Opaque {
        origin: Dialect::AnthropicMessages,
        kind: "web_search_tool_result".into(),
        raw: RawJson::parse(&raw).expect("valid JSON"),
    });
    assert!((800..850).contains(&estimated), "{estimated}");
}
