//! `orchestra demo`

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use orchestra_providers::Catalogue;
use orchestra_secrets::Variables;
use orchestra_server::secrets::Vault;
use orchestra_server::{Config, LogFormat, LogSink, Server, init_logging};
use orchestra_testkit::{Behaviour, Script, Upstream, When};
use orchestra_types::ProviderId;

use super::block_on;
use crate::arguments::Demo;
use crate::output::Output;

/// Every second call to the flaky provider fails.
const FLAKY_EVERY: u64 = 2;

/// Serves with two scripted providers: `steady` always answers, `flaky` fails every second
/// call. `demo-model` stands for both, the flaky one first, so that fallback can be watched.
pub(crate) fn run(arguments: &Demo, output: &Output) -> anyhow::Result<ExitCode> {
    init_logging(
        "info",
        if output.is_json() {
            LogFormat::Json
        } else {
            LogFormat::Text
        },
    )?;
    block_on(async {
        let answer = Behaviour::answer().gap(Duration::from_millis(30));
        let steady = Upstream::start(
            Script::new()
                .models(["demo-steady"])
                .otherwise(answer.clone()),
        )?;
        let flaky = Script::new()
            .models(["demo-flaky"])
            .on(When::path("/models"), answer.clone())
            .on(When::any().every(FLAKY_EVERY), Behaviour::error(503))
            .otherwise(answer);
        let flaky = Upstream::start(flaky)?;
        let mut config = Config::parse(
            &configuration(&steady, &flaky),
            Path::new("the demo's configuration"),
        )?;
        config.server.set_address(arguments.listen);
        let vault = Vault::without_store(Variables::from_pairs::<&str, &str>([]));
        let built = config.build(&Catalogue::embedded(), vault).await?;
        let server = Server::bind(&config, built, Arc::new(LogSink)).await?;
        tracing::info!("listening on http://{}", server.address());
        output.aside(&greeting(&server));
        let stop = async {
            if let Err(error) = tokio::signal::ctrl_c().await {
                tracing::error!(%error, "Ctrl-C cannot be caught");
            }
        };
        server.run(stop).await;
        Ok(ExitCode::SUCCESS)
    })
}

fn configuration(steady: &Upstream, flaky: &Upstream) -> String {
    let provider = |name: &str, upstream: &Upstream| {
        format!(
            "[[providers]]\nname = \"{name}\"\nkind = \"openai-compatible\"\nbase_url = \"{}/v1\"\n\
             [providers.overrides]\nlabel = \"scripted, {name}\"\nmodels = [\"demo-{name}\"]\n\
             endpoints = [\"chat_completions\", \"completions\", \"responses\", \"embeddings\", \"messages\", \"count_tokens\"]\n",
            upstream.base_url()
        )
    };
    format!(
        "{}{}[models]\n\"demo-model\" = [\"flaky/demo-flaky\", \"steady/demo-steady\"]\n",
        provider("flaky", flaky),
        provider("steady", steady)
    )
}

fn greeting(server: &Server) -> String {
    let address = server.address();
    let providers = server.gateway().providers();
    let members = providers.members();
    let names: Vec<&ProviderId> = members.map(|member| member.provider.id()).collect();
    format!(
        "\nTwo scripted providers are running: {names:?}. Every second call to `flaky` fails;\n\
         `demo-model` goes to `flaky` first and then to `steady`, so you never notice. Try:\n\n  \
         curl http://{address}/v1/chat/completions -H 'content-type: application/json' \\\n    \
         -d '{{\"model\":\"demo-model\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n  \
         orchestra chat --url http://{address} --model demo-model --stream \"Hello\"\n\n\
         Ctrl-C stops.\n"
    )
}
