//! The clients, the gateway and a provider double that other people wrote from the vendors'
//! documentation: what three readings of a format agree on is hardly a mistake of ours.

use crate::for_clients;
use crate::harness::{Client, Server, Voice, node};

for_clients!(double);

async fn double(client: Client) {
    let mut other = Voice::start(node("double.mjs"));
    let url = other.hear("url").await;
    let url = url.as_str().expect("it tells a URL");
    let server = Server::start(&format!(
        "[server]\nclient_keys = [{{ name = \"app\", key = \"env:CLIENT_KEY_OF_THE_TESTS\" }}]\n\
         [[providers]]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\n\
         [[providers]]\nkind = \"anthropic\"\nbase_url = \"{url}/v1\"\n"
    ))
    .await;
    client.run(&server, &["double"]).await;
    other.finish().await;
}
