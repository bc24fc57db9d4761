//! A gateway on a port of its own, with a scripted upstream behind it.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use orchestra_providers::Catalogue;
use orchestra_secrets::Variables;
use orchestra_server::secrets::Vault;
use orchestra_server::{Config, LogSink, Server};
use orchestra_testkit::{Script, Upstream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The key of the application that calls.
pub(crate) const CLIENT_KEY: &str = "client-canary-0123456789-abcdef";
/// The key of another application.
pub(crate) const OTHER_KEY: &str = "other-client-0123456789-abcdef";
/// The gateway's own key for both providers.
pub(crate) const PROVIDER_KEY: &str = "provider-canary-0123456789-abcdef";

/// How precise the server's limits are: its sweeper looks once a second, the rest is slack
/// for a busy machine.
pub(crate) const PRECISION: Duration = Duration::from_millis(1_500);

/// Longer than anything in these tests may take. A test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the upstream serves each provider: a path that only the configuration knows.
const PREFIXES: [&str; 2] = ["/openai-api/", "/anthropic-api/"];

/// Waits for something that must happen, and fails the test with `what` if it does not.
pub(crate) async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, happening).await {
        Ok(happened) => happened,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// A running gateway and its upstream.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) upstream: Upstream,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<usize>,
}

impl Stage {
    /// A gateway with its usual limits.
    pub(crate) async fn open(script: Script) -> Self {
        Self::with("", "", script).await
    }

    /// `server` are lines for `[server]`; `rest` stands behind all other tables.
    pub(crate) async fn with(server: &str, rest: &str, script: Script) -> Self {
        let upstream = Upstream::start(script).expect("loopback has a free port");
        let config = configuration(server, rest, &upstream.base_url());
        let config = Config::parse(&config, Path::new("orchestra.toml")).expect("it is valid");
        let variables = Variables::from_pairs([
            ("APP_KEY", CLIENT_KEY),
            ("OTHER_KEY", OTHER_KEY),
            ("OPENAI_API_KEY", PROVIDER_KEY),
            ("ANTHROPIC_API_KEY", PROVIDER_KEY),
        ]);
        Self::serve(&config, Vault::without_store(variables), upstream).await
    }

    /// A gateway with this configuration and these keys, in front of this upstream.
    pub(crate) async fn serve(config: &Config, vault: Vault, upstream: Upstream) -> Self {
        let built = config.build(&Catalogue::embedded(), vault).await;
        let built = built.expect("everything it refers to is there");
        let bound = Server::bind(config, built, Arc::new(LogSink)).await;
        let server = bound.expect("loopback has a free port");
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.run(async move {
            // A stage that is dropped stops too.
            let _ = stopped.await;
        }));
        Self {
            address,
            upstream,
            stop,
            serving,
        }
    }

    /// Begins to stop. The handle gives the number of connections that were cut.
    pub(crate) fn stop(self) -> (JoinHandle<usize>, Upstream) {
        self.stop.send(()).expect("the server still runs");
        (self.serving, self.upstream)
    }

    /// The requests that went anywhere but below the configured addresses.
    pub(crate) fn upstream_faults(&self) -> Vec<String> {
        const TRICKS: [&str; 6] = ["..", "%2e", "%2f", "%5c", "\\", "//"];
        let host = self.upstream.address().to_string();
        let astray = self.upstream.log().into_iter().filter(|entry| {
            let path = entry.path.to_lowercase();
            !PREFIXES.iter().any(|prefix| path.starts_with(prefix))
                || TRICKS.iter().any(|trick| path.contains(trick))
                || entry.header("host") != Some(host.as_str())
        });
        astray
            .map(|entry| format!("{} {}", entry.method, entry.path))
            .collect()
    }
}

fn configuration(server: &str, rest: &str, upstream: &str) -> String {
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
client_keys = [{{ name = "app", key = "env:APP_KEY" }}, {{ name = "other", key = "env:OTHER_KEY" }}]
{server}

[[providers]]
kind = "openai"
base_url = "{upstream}/openai-api/v1"

[[providers]]
kind = "anthropic"
base_url = "{upstream}/anthropic-api/v1"

{rest}
"#
    )
}
