//! A gateway that runs elsewhere, asked through its API.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::StatusCode;
use orchestra_dialects::{Endpoint, parse_error};
use serde_json::Value;

use crate::arguments::RunningServer;

/// A gateway is near, or it is not there.
const CONNECT: Duration = Duration::from_secs(5);

/// A running gateway.
pub(crate) struct Remote {
    client: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Remote {
    /// The gateway that the arguments name, if they name one.
    pub(crate) fn named(server: &RunningServer) -> anyhow::Result<Option<Self>> {
        let Some(url) = &server.url else {
            return Ok(None);
        };
        // Another provider may have been installed by a library around us; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .build()
            .context("no HTTP client can be made")?;
        let base = url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        Ok(Some(Self {
            client,
            base,
            key: server.client_key.clone(),
        }))
    }

    fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Posts to an endpoint and returns status and body as it comes.
    pub(crate) async fn post(
        &self,
        endpoint: Endpoint,
        body: &Value,
    ) -> anyhow::Result<(
        StatusCode,
        impl Stream<Item = anyhow::Result<Bytes>> + use<>,
    )> {
        let request = self.request(http::Method::POST, endpoint.path()).json(body);
        let response = request
            .send()
            .await
            .with_context(|| format!("{} cannot be reached", self.base))?;
        Ok((
            response.status(),
            response
                .bytes_stream()
                .map(|chunk| chunk.context("the answer broke off")),
        ))
    }

    /// Fetches a JSON document.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.request(http::Method::GET, path).send().await;
        let response = response.with_context(|| format!("{} cannot be reached", self.base))?;
        let status = response.status();
        let body = response.bytes().await.context("the answer broke off")?;
        if !status.is_success() {
            let said =
                parse_error(&body).map_or_else(String::new, |error| format!(": {}", error.message));
            bail!("the gateway answered with status {}{said}", status.as_u16());
        }
        serde_json::from_slice(&body).context("the gateway's answer is no JSON")
    }
}
