//! `orchestra chat`

use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyDataStream;
use orchestra_dialects::{Endpoint, Frame, SseReader, parse_error};
use orchestra_gateway::{Directions, Gateway, Incoming};
use serde_json::{Value, json};

use super::{block_on, local_gateway};
use crate::arguments::Chat;
use crate::output::Output;
use crate::remote::Remote;
use crate::text;

/// The dialects that a chat can be had in, the most common first.
const CHATTY: [Endpoint; 3] = [
    Endpoint::ChatCompletions,
    Endpoint::Messages,
    Endpoint::Responses,
];
/// The largest event of a stream that is read.
const MAX_EVENT_BYTES: usize = 8 << 20;

type Chunks = Pin<Box<dyn Stream<Item = anyhow::Result<Bytes>>>>;

/// Whom to ask.
enum Gate {
    Here(Box<Gateway>),
    There(Remote),
}

/// Asks a model and prints what it says.
pub(crate) fn run(
    arguments: &Chat,
    config: Option<&Path>,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let remote = Remote::named(&arguments.server)?;
    block_on(async {
        let gate = match remote {
            Some(remote) => Gate::There(remote),
            None => Gate::Here(Box::new(local_gateway(config).await?)),
        };
        chat(&gate, arguments, output).await
    })
}

async fn chat(gate: &Gate, arguments: &Chat, output: &Output) -> anyhow::Result<ExitCode> {
    let model = gate.model(arguments).await?;
    if arguments.model.is_none() {
        output.aside(&format!("asking {model}"));
    }
    let mut refused = None;
    for endpoint in CHATTY {
        let body = text::request(
            endpoint,
            &model,
            &arguments.text,
            arguments.stream,
            arguments.max_tokens,
        );
        let (status, chunks) = gate.post(endpoint, &body).await?;
        if status.is_success() {
            show(endpoint, arguments.stream, chunks, output).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let answer = collect(chunks).await?;
        let error = parse_error(&answer).unwrap_or_default();
        let code = error.code.unwrap_or_default();
        refused = Some(anyhow!("status {}: {}", status.as_u16(), error.message));
        // The provider speaks another dialect; anything else would be the same in all of them.
        if code != "endpoint_not_supported" {
            break;
        }
    }
    Err(refused.unwrap_or_else(|| anyhow!("no dialect was tried")))
}

impl Gate {
    /// The model that was asked for, else the first of the provider that was, else the first of all.
    async fn model(&self, arguments: &Chat) -> anyhow::Result<String> {
        match (&arguments.model, &arguments.provider) {
            (Some(model), None) => return Ok(model.clone()),
            (Some(model), Some(provider)) => return Ok(format!("@{provider}/{model}")),
            (None, _) => {}
        }
        let wanted = arguments.provider.as_deref();
        match self {
            Self::Here(gateway) => known_model(gateway, wanted),
            Self::There(remote) => {
                let list = remote.get("/v1/models").await?;
                let mut models = list["data"].as_array().into_iter().flatten();
                let first =
                    models.find(|model| wanted.is_none_or(|name| model["owned_by"] == name));
                first
                    .and_then(|model| model["id"].as_str())
                    .map(str::to_owned)
                    .context("it has no such models; name one with --model")
            }
        }
    }

    async fn post(&self, endpoint: Endpoint, body: &Value) -> anyhow::Result<(StatusCode, Chunks)> {
        match self {
            Self::There(remote) => {
                let (status, chunks) = remote.post(endpoint, body).await?;
                Ok((status, Box::pin(chunks)))
            }
            Self::Here(gateway) => {
                let body = Bytes::from(body.to_string());
                let headers = HeaderMap::new();
                let call = Incoming {
                    endpoint,
                    provider: None,
                    client: None,
                    headers,
                    query: None,
                    directions: Directions::default(),
                    body,
                };
                let (head, body) = gateway.call(call).await.into_parts();
                let chunks = BodyDataStream::new(body)
                    .map(|chunk| chunk.map_err(|error| anyhow!("{error}")));
                Ok((head.status, Box::pin(chunks)))
            }
        }
    }
}

fn known_model(gateway: &Gateway, wanted: Option<&str>) -> anyhow::Result<String> {
    let providers = gateway.providers();
    let mut members = providers.members();
    let member = members
        .find(|member| wanted.is_none_or(|name| member.provider.id().as_str() == name))
        .with_context(|| match wanted {
            Some(name) => {
                format!("provider `{name}` is not in use (see `orchestra providers list`)")
            }
            None => "no provider is in use: set a key such as OPENAI_API_KEY".to_owned(),
        })?;
    let provider = &member.provider;
    let model = provider.known_models().first();
    let model =
        model.with_context(|| format!("name a model of `{}` with --model", provider.id()))?;
    Ok(format!("@{}/{model}", provider.id()))
}

async fn show(
    endpoint: Endpoint,
    stream: bool,
    chunks: Chunks,
    output: &Output,
) -> anyhow::Result<()> {
    let said = if stream {
        follow(endpoint, chunks, output).await?
    } else {
        let answer: Value =
            serde_json::from_slice(&collect(chunks).await?).context("the answer is no JSON")?;
        if output.is_json() {
            return Ok(output.result(&answer, String::new)?);
        }
        text::of_answer(endpoint, &answer)
    };
    match (stream, output.is_json()) {
        (true, false) => output.piece("\n")?,
        (_, json) => output.result(&json!({ "text": said }), || {
            if json { String::new() } else { said.clone() }
        })?,
    }
    Ok(())
}

/// Prints a stream as it comes, and returns its whole text.
async fn follow(endpoint: Endpoint, mut chunks: Chunks, output: &Output) -> anyhow::Result<String> {
    let mut reader = SseReader::new(MAX_EVENT_BYTES);
    let mut said = String::new();
    while let Some(chunk) = chunks.next().await {
        let mut pieces = Vec::new();
        reader.feed(&chunk?, &mut |frame: Frame<'_>| {
            pieces.push(text::of_event(endpoint, &frame))
        })?;
        for piece in pieces {
            match piece {
                Ok(Some(piece)) => {
                    if !output.is_json() {
                        output.piece(&piece)?;
                    }
                    said.push_str(&piece);
                }
                Ok(None) => {}
                Err(message) => bail!("the stream ended early: {message}"),
            }
        }
    }
    Ok(said)
}

async fn collect(mut chunks: Chunks) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}
