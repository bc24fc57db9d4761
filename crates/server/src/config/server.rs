//! How clients reach the gateway.

use std::net::SocketAddr;

use orchestra_secrets::Reference;
use serde::Deserialize;

use super::listen::Listen;
use super::{Seconds, reference};

/// `[server]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port, `127.0.0.1:8000` by default. A public address needs client keys.
    pub listen: Listen,
    /// The keys that applications present. Without any, everyone who reaches the address may call.
    pub client_keys: Vec<ClientKeyConfig>,
    /// Threads that serve calls; by default one for each processor.
    pub worker_threads: Option<usize>,
    /// Open connections at one time, 10,000 by default; further ones get a 503.
    pub max_connections: usize,
    /// Open connections from one address, 1,024 by default.
    pub max_connections_per_ip: usize,
    /// Connections beyond `max_connections` for health, metrics and operators alone, 16 by default; 0 for none.
    pub reserve_connections: usize,
    /// Time for a client to send a request's head once it has begun, 10 s by default.
    pub header_seconds: Seconds,
    /// The longest pause while a client sends its body, 30 s by default.
    pub body_seconds: Seconds,
    /// How long an idle connection is kept, 75 s by default.
    pub keep_alive_seconds: Seconds,
    /// How long a client may leave an answer unread, 60 s by default.
    pub write_seconds: Seconds,
    /// How long a shutdown waits for running calls, 30 s by default.
    pub drain_seconds: Seconds,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            client_keys: Vec::new(),
            worker_threads: None,
            max_connections: 10_000,
            max_connections_per_ip: 1024,
            reserve_connections: 16,
            header_seconds: Seconds::of(10),
            body_seconds: Seconds::of(30),
            keep_alive_seconds: Seconds::of(75),
            write_seconds: Seconds::of(60),
            drain_seconds: Seconds::of(30),
        }
    }
}

impl ServerConfig {
    /// Where the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.listen.0
    }

    /// Listens elsewhere than the file says.
    pub const fn set_address(&mut self, address: SocketAddr) {
        self.listen = Listen(address);
    }
}

/// An application's key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientKeyConfig {
    /// Its public name, for logs and records.
    pub name: String,
    /// Where the key is, such as `env:BILLING_APP_KEY`.
    #[serde(deserialize_with = "reference")]
    pub key: Reference,
}
