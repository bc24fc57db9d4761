//! `orchestra route`

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use http::{HeaderMap, HeaderName, HeaderValue};
use orchestra_dialects::Endpoint;
use orchestra_gateway::{Directions, ExplainedTarget, Explanation, Gateway, Incoming, Node};
use orchestra_types::KeyId;
use serde_json::{Map, Value, json};

use super::{block_on, unattended_gateway};
use crate::arguments::route::{Called, Explain, Route};
use crate::output::{Output, table};

/// Says where a call would go.
pub(crate) fn run(
    what: &Route,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let Route::Explain(asked) = what;
    let gateway = block_on(unattended_gateway(config))?;
    let call = call(asked, &gateway)?;
    let explained = gateway.explain(call);
    let explanation = explained.map_err(|refusal| anyhow!("{}", refusal.message))?;
    output.result(&explanation.json(), || text(&explanation))?;
    let reachable = explanation
        .targets
        .iter()
        .any(|target| target.place.is_some());
    Ok(if reachable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The call that is described.
fn call(asked: &Explain, gateway: &Gateway) -> anyhow::Result<Incoming> {
    let tree = asked.tree.as_deref().map(|tree| find(tree, gateway));
    let client = asked.client.as_deref().map(KeyId::new);
    Ok(Incoming {
        endpoint: endpoint(asked.endpoint),
        provider: None,
        client: client.transpose()?,
        headers: headers(&asked.header)?,
        query: None,
        directions: Directions {
            tree: tree.transpose()?,
            metadata: asked.metadata.iter().cloned().collect(),
            ..Directions::default()
        },
        body: body(asked).to_string().into(),
    })
}

fn find(tree: &str, gateway: &Gateway) -> anyhow::Result<Arc<Node>> {
    if tree.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(tree).context("the tree is no JSON")?;
        return Ok(Arc::new(
            Node::parse(&value).context("the tree cannot be followed")?,
        ));
    }
    let routes = gateway.routes();
    let found = routes.configs.get(tree).or_else(|| routes.models.get(tree));
    let found = found.cloned();
    found.with_context(|| format!("no tree is named {tree:?} in [configs] or [models]"))
}

const fn endpoint(called: Called) -> Endpoint {
    match called {
        Called::Chat => Endpoint::ChatCompletions,
        Called::Responses => Endpoint::Responses,
        Called::Messages => Endpoint::Messages,
        Called::Embeddings => Endpoint::Embeddings,
    }
}

fn headers(pairs: &[(String, String)]) -> anyhow::Result<HeaderMap> {
    let header = |(name, value): &(String, String)| {
        let wrong = || format!("{name:?} with {value:?} is no header");
        let name = HeaderName::from_bytes(name.as_bytes()).with_context(wrong)?;
        Ok((name, HeaderValue::from_str(value).with_context(wrong)?))
    };
    pairs.iter().map(header).collect()
}

/// The least that is a call of the endpoint, with the members that were given.
fn body(asked: &Explain) -> Value {
    let said = json!([{ "role": "user", "content": "?" }]);
    let mut body = Map::from_iter([("model".to_owned(), json!(asked.model))]);
    match asked.endpoint {
        Called::Chat | Called::Messages => body.insert("messages".to_owned(), said),
        Called::Responses | Called::Embeddings => body.insert("input".to_owned(), json!("?")),
    };
    if asked.endpoint == Called::Messages {
        body.insert("max_tokens".to_owned(), json!(1));
    }
    body.extend(asked.param.iter().cloned());
    Value::Object(body)
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    for choice in &explanation.choices {
        let place = if choice.path.is_empty() {
            "the tree"
        } else {
            &choice.path
        };
        text.push_str(&format!("{place}: {}, {}\n", choice.mode, choice.reason));
    }
    let row = |(number, target): (usize, &ExplainedTarget)| {
        let place = match (&target.place, &target.problem) {
            (Some((provider, model)), _) => format!("{provider}/{model}"),
            (None, Some(problem)) => problem.clone(),
            (None, None) => String::new(),
        };
        let mut standing = target.standing.to_owned();
        if target.translated {
            standing.push_str(", translated");
        }
        if let Some(fault) = target.only_after {
            standing.push_str(&format!(", after {fault} only"));
        }
        if let Some(hedge) = target.hedge {
            standing.push_str(&format!(", hedged after {}", hedge.after));
        }
        if let Some(rule) = target.hold_back {
            standing.push_str(&format!(", held back for {rule}"));
        }
        if let Some(max_age) = target.cache {
            standing.push_str(&format!(", kept for {}s", max_age.as_secs()));
        }
        let cost = target.estimated_cost;
        vec![
            (number + 1).to_string(),
            place,
            standing,
            target
                .context
                .map_or_else(String::new, |tokens| tokens.to_string()),
            cost.map_or_else(String::new, |cost| format!("${cost}")),
            target.path.clone(),
        ]
    };
    let rows: Vec<_> = explanation.targets.iter().enumerate().map(row).collect();
    text.push_str(&table(
        &["", "TARGET", "STANDING", "CONTEXT", "COST", "PLACE"],
        &rows,
    ));
    text
}
