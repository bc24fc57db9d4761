//! Requests of other dialects, as Gemini gets them.

use crate::canonical::{
    Effort, Media, MediaSource, Part, PartBody, Place, Reasoning, ReasoningMode, Request, Role,
    ToolInput, ToolResult, ToolUse, Turn,
};
use crate::{Dialect, Inexpressible, Losses, Profile, RawJson, ReasoningControl, Target};

use super::encode;

fn request(turns: Vec<Turn>) -> Request {
    let mut request = Request::new(Dialect::OpenAiChat, "m");
    request.turns = turns;
    for (index, turn) in request.turns.iter_mut().enumerate() {
        turn.at = Place::item("messages", index);
    }
    request
}

fn says(role: Role, text: &str) -> Turn {
    Turn::new(role, vec![Part::text(text)])
}

fn call(id: &str) -> Part {
    let (id, name) = (id.to_owned(), "f".to_owned());
    let input = ToolInput::Json("{}".into());
    PartBody::ToolUse(ToolUse {
        id,
        name,
        input,
        item_id: None,
    })
    .into()
}

fn result(id: &str, parts: Vec<Part>) -> Part {
    PartBody::ToolResult(ToolResult {
        id: id.into(),
        parts,
        is_error: false,
        custom: false,
        object: None,
    })
    .into()
}

fn picture(source: MediaSource) -> Part {
    PartBody::Image(Media {
        source,
        media_type: None,
        name: None,
        detail: None,
    })
    .into()
}

fn sent_to(
    request: &Request,
    model: &str,
    profile: &Profile,
) -> Result<(String, Vec<String>), Inexpressible> {
    let mut losses = Losses::new(request.origin, Dialect::Gemini);
    let body = encode(request, &Target { model, profile }, &mut losses)?;
    let losses = losses.list().iter().map(ToString::to_string).collect();
    Ok((body, losses))
}

fn sent(request: &Request) -> (String, Vec<String>) {
    sent_to(request, "gemini-3-pro", &Profile::default()).expect("expressible")
}

fn budget() -> Profile {
    Profile {
        reasoning: ReasoningControl::Budget,
        ..Profile::default()
    }
}

const STAND_IN: &str = r#""thoughtSignature":"skip_thought_signature_validator""#;

#[test]
fn foreign_calls_of_the_running_turn_get_a_stand_in_for_their_signature() {
    let loop_of_calls = request(vec![
        says(Role::User, "before"),
        Turn::new(Role::Assistant, vec![call("a")]),
        Turn::new(Role::User, vec![result("a", vec![Part::text("1")])]),
        says(Role::User, "now"),
        Turn::new(Role::Assistant, vec![call("b"), call("c")]),
    ]);
    let (body, losses) = sent(&loop_of_calls);
    // Results and the text behind them are one content, which begins no new turn.
    assert_eq!(body.matches(STAND_IN).count(), 2, "{body}");
    assert!(!body.contains(&format!(r#""name":"f","args":{{}}}},{STAND_IN}}},{{"functionCall":{{"id":"c","name":"f","args":{{}}}},{STAND_IN}"#)));
    assert!(losses.is_empty(), "{losses:?}");

    let (body, _) = sent_to(&loop_of_calls, "gemini-2.5-pro", &budget()).expect("expressible");
    assert!(!body.contains("thoughtSignature"), "{body}");
}

#[test]
fn calls_before_the_last_question_need_no_signature() {
    let (body, _) = sent(&request(vec![
        says(Role::User, "before"),
        Turn::new(Role::Assistant, vec![call("a")]),
        Turn::new(Role::User, vec![result("a", vec![])]),
        says(Role::Assistant, "done"),
        says(Role::User, "now"),
    ]));
    assert!(!body.contains(STAND_IN), "{body}");
    assert!(body.contains(r#""response":{"output":""}"#), "{body}");
}

#[test]
fn geminis_own_signature_stands_on_what_follows_the_thoughts() {
    let thoughts = |origin| {
        Part::from(PartBody::Reasoning(Reasoning {
            texts: vec!["hm".into()],
            signature: Some("c2ln".into()),
            origin: Some(origin),
            ..Reasoning::default()
        }))
    };
    let with = |origin| {
        request(vec![
            says(Role::User, "q"),
            Turn::new(Role::Assistant, vec![thoughts(origin), call("a")]),
        ])
    };
    let (body, losses) = sent(&with(Dialect::Gemini));
    assert!(
        body.contains(r#"[{"text":"hm","thought":true},{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"c2ln"}]"#),
        "{body}"
    );
    assert!(losses.is_empty(), "{losses:?}");
    let (body, losses) = sent(&with(Dialect::AnthropicMessages));
    assert!(body.contains(STAND_IN) && !body.contains("hm"), "{body}");
    assert_eq!(losses, ["messages[1]=dropped"]);
}

#[test]
fn sides_alternate_and_the_user_begins() {
    let opaque = PartBody::Opaque {
        origin: Dialect::OpenAiChat,
        kind: "audio".into(),
        raw: RawJson::string("x"),
    };
    let (body, losses) = sent(&request(vec![
        says(Role::Developer, "rules"),
        says(Role::Assistant, "hello"),
        says(Role::User, "a"),
        Turn::new(Role::Assistant, vec![opaque.into()]),
        says(Role::System, "more rules"),
        Turn::new(Role::User, vec![Part::text(""), Part::text("b")]),
    ]));
    assert_eq!(
        body,
        concat!(
            r#"{"systemInstruction":{"parts":[{"text":"rules"}]},"contents":["#,
            r#"{"role":"user","parts":[{"text":" "}]},{"role":"model","parts":[{"text":"hello"}]},"#,
            r#"{"role":"user","parts":[{"text":"a"},{"text":"<system>more rules</system>"},{"text":"b"}]}]}"#
        )
    );
    assert_eq!(
        losses,
        [
            "messages[3]=dropped",
            "messages[4]=approximated",
            "contents=defaulted"
        ]
    );
}

#[test]
fn pictures_in_results_stand_where_the_model_takes_them() {
    let asked = request(vec![
        says(Role::User, "q"),
        Turn::new(Role::Assistant, vec![call("a")]),
        Turn::new(
            Role::User,
            vec![result(
                "a",
                vec![
                    Part::text("seen"),
                    picture(MediaSource::Base64("AAAA".into())),
                ],
            )],
        ),
    ]);
    let inline = r#"{"inlineData":{"mimeType":"image/jpeg","data":"AAAA"}}"#;
    let (body, losses) = sent(&asked);
    assert!(
        body.contains(&format!(
            r#""response":{{"output":"seen"}},"parts":[{inline}]}}}}"#
        )),
        "{body}"
    );
    assert_eq!(losses, ["mimeType=defaulted"]);
    let (body, losses) = sent_to(&asked, "gemini-2.5-flash", &budget()).expect("expressible");
    assert!(
        body.contains(&format!(r#""response":{{"output":"seen"}}}}}},{inline}]"#)),
        "{body}"
    );
    assert_eq!(losses, ["mimeType=defaulted", "messages[2]=approximated"]);
}

#[test]
fn what_cannot_be_asked_is_refused_by_the_clients_name_for_it() {
    let refusal = |fill: &dyn Fn(&mut Request)| {
        let mut request = request(vec![says(Role::User, "q")]);
        fill(&mut request);
        sent_to(&request, "gemini-3-pro", &Profile::default())
            .expect_err("not expressible")
            .to_string()
    };
    let with = |part: Part| move |request: &mut Request| request.turns[0].parts.push(part.clone());
    let http = picture(MediaSource::Url("http://a.example/x.png".into()));
    assert_eq!(
        refusal(&with(http)),
        "`messages[0]` is an address that Gemini does not fetch; use https, or send the bytes in base64"
    );
    let file = picture(MediaSource::File("file-1".into()));
    assert_eq!(
        refusal(&with(file)),
        "`messages[0]` lies in another provider's file store; send the bytes in base64"
    );
    assert_eq!(
        refusal(&|request| request.sampling.stop = vec!["x".into(); 6]),
        "`stop` has more than the 5 texts that this model's provider takes; remove some"
    );
    assert_eq!(
        refusal(&|request| request.sampling.n = Some(9)),
        "`n` asks for more than the 8 answers that this model's provider gives; ask for fewer"
    );
}

#[test]
fn thought_is_asked_for_by_level_or_by_budget() {
    let check = |fill: &dyn Fn(&mut Request), level: &str, flash: &str, pro: &str| {
        let mut request = request(vec![says(Role::User, "q")]);
        fill(&mut request);
        for (model, profile, expected) in [
            ("gemini-3-pro", Profile::default(), level),
            ("gemini-2.5-flash", budget(), flash),
            ("gemini-2.5-pro", budget(), pro),
        ] {
            let (body, losses) = sent_to(&request, model, &profile).expect("expressible");
            let config = body
                .split(r#""thinkingConfig":"#)
                .nth(1)
                .unwrap_or_default();
            let config = config.split('}').next().unwrap_or_default();
            assert_eq!(format!("{config}}} {losses:?}"), expected, "{model}");
        }
    };
    check(
        &|request| request.reasoning.effort = Some(Effort::High),
        r#"{"includeThoughts":true,"thinkingLevel":"HIGH"} []"#,
        r#"{"includeThoughts":true,"thinkingBudget":24576} []"#,
        r#"{"includeThoughts":true,"thinkingBudget":24576} []"#,
    );
    check(
        &|request| request.reasoning.effort = Some(Effort::Max),
        r#"{"includeThoughts":true,"thinkingLevel":"HIGH"} ["reasoning_effort=approximated"]"#,
        r#"{"includeThoughts":true,"thinkingBudget":24576} ["reasoning_effort=approximated"]"#,
        r#"{"includeThoughts":true,"thinkingBudget":32768} ["reasoning_effort=approximated"]"#,
    );
    check(
        &|request| request.reasoning.effort = Some(Effort::None),
        r#"{"includeThoughts":false,"thinkingLevel":"MINIMAL"} ["reasoning_effort=approximated"]"#,
        r#"{"includeThoughts":false,"thinkingBudget":0} []"#,
        r#"{"includeThoughts":false,"thinkingBudget":128} ["reasoning_effort=approximated"]"#,
    );
    check(
        &|request| request.reasoning.mode = Some(ReasoningMode::Adaptive),
        r#"{"includeThoughts":true} []"#,
        r#"{"includeThoughts":true,"thinkingBudget":-1} []"#,
        r#"{"includeThoughts":true,"thinkingBudget":-1} []"#,
    );
    check(&|_| {}, "} []", "} []", "} []");
}

#[test]
fn labels_take_what_fits_them() {
    let mut asked = request(vec![says(Role::User, "q")]);
    let metadata = r#"{"team":"search","Bad":"x","note":"Hello, world"}"#;
    asked.metadata = Some(RawJson::parse(metadata).expect("JSON"));
    asked.user = Some("user-1".into());
    let (body, losses) = sent(&asked);
    assert!(
        body.contains(r#""labels":{"team":"search","user":"user-1"}"#),
        "{body}"
    );
    assert_eq!(losses, ["metadata.Bad=dropped", "metadata.note=dropped"]);
    asked.user = Some("Someone@example.com".into());
    asked.metadata = None;
    let (body, losses) = sent(&asked);
    assert!(!body.contains("labels"), "{body}");
    assert_eq!(losses, ["safety_identifier=dropped"]);
}
