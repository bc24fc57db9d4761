//! Gemini's form of what a script says, for any behaviour but the agent's.

use crate::support::{Client, Reply};
use orchestra_testkit::{Behaviour, Finish, Script, TokenCounts, Upstream, When};
use serde_json::{Value, json};

const WHOLE: &str = "/v1beta/models/gemini-3-pro:generateContent";
const STREAM: &str = "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse";

fn contents() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]})
}

async fn ask(behaviour: Behaviour, path: &str, body: &Value) -> Reply {
    let upstream = Upstream::start(Script::new().otherwise(behaviour)).unwrap();
    Client::new(&upstream).await.post(path, body).await
}

#[tokio::test]
async fn an_answer_comes_whole_and_streamed() {
    let counts = TokenCounts {
        input: 100,
        cached: 40,
        output: 30,
        reasoning: 12,
        ..TokenCounts::default()
    };
    let behaviour = Behaviour::answer().usage(counts);
    let body = ask(behaviour.clone(), WHOLE, &contents()).await.json();
    let said = &body["candidates"][0];
    assert_eq!(
        (&said["finishReason"], &body["modelVersion"]),
        (&json!("STOP"), &json!("gemini-3-pro"))
    );
    let text = said["content"]["parts"][0]["text"].as_str().unwrap();
    let usage = json!({"promptTokenCount": 100, "cachedContentTokenCount": 40,
        "candidatesTokenCount": 18, "thoughtsTokenCount": 12, "totalTokenCount": 130});
    assert_eq!(body["usageMetadata"], usage);

    let events = ask(behaviour, STREAM, &contents()).await.events();
    let texts = events.iter().map(|event| {
        let json = event.json();
        let text = &json["candidates"][0]["content"]["parts"][0]["text"];
        text.as_str().unwrap().to_owned()
    });
    assert_eq!(texts.collect::<String>(), text);
    assert!(events.iter().all(|event| event.name.is_none()));
}

#[tokio::test]
async fn a_declared_function_is_called_in_one_piece() {
    let mut body = contents();
    body["tools"] = json!([{"functionDeclarations": [{"name": "weather", "parameters":
        {"type": "OBJECT", "required": ["city"], "properties": {"city": {"type": "STRING"}}}}]}]);
    let events = ask(Behaviour::answer(), STREAM, &body).await.events();
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    let part = &event.json()["candidates"][0]["content"]["parts"][0];
    let call = json!({"name": "weather", "args": {"city": "Paris"}});
    assert_eq!(part["functionCall"], call);
}

#[tokio::test]
async fn finishes_errors_and_counts_have_googles_names() {
    let filtered = Behaviour::text("x").finish(Finish::Filtered);
    let body = ask(filtered, WHOLE, &contents()).await.json();
    assert_eq!(body["candidates"][0]["finishReason"], "SAFETY");
    let error = ask(Behaviour::error(429), WHOLE, &contents()).await.json();
    let names = (&error["error"]["code"], &error["error"]["status"]);
    assert_eq!(names, (&json!(429), &json!("RESOURCE_EXHAUSTED")));
    let events = ask(Behaviour::answer().error_event(1), STREAM, &contents())
        .await
        .events();
    assert_eq!(events[1].json()["error"]["status"], "UNAVAILABLE");
    let path = WHOLE.replace("generateContent", "countTokens");
    let counted = ask(Behaviour::answer(), &path, &contents()).await.json();
    assert!(counted["totalTokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn the_path_names_the_model() {
    let script = Script::new().on(When::model("gemini-3*"), Behaviour::error(503));
    let upstream = Upstream::start(script).unwrap();
    let mut client = Client::new(&upstream).await;
    assert_eq!(client.post(WHOLE, &contents()).await.status, 503);
    let refused = client.post(&WHOLE.replace("-3-", "-2-"), &json!({})).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("contents"), "{}", refused.text());
}
