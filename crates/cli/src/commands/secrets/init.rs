//! `orchestra secrets init`

use std::process::ExitCode;

use anyhow::bail;
use orchestra_secrets::{Credential, Store};
use serde_json::{Value, json};

use super::costs::Costs;
use super::desk::Desk;
use super::locks::{self, KeyFile, Lock};
use super::recovery::Way;
use super::slots;
use crate::arguments::secrets::Init;
use crate::output::merge;

pub(super) async fn run(arguments: &Init, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let locks = chosen(arguments, desk)?;
    desk.refuse_second().await?;
    // Whatever can be refused is refused before anything is made.
    let way = Way::choose(desk, &arguments.recovery)?;
    let file = arguments.key_file.as_deref();
    let file = file.map(|path| KeyFile::of(path, arguments.new_key_file));
    let file = file.transpose()?;
    let credentials = locks
        .iter()
        .map(|lock| locks::credential(*lock, file.as_ref(), desk))
        .collect::<anyhow::Result<Vec<Credential>>>()?;
    let stretched = credentials.iter().any(|c| c.kind().stretches());
    let costs = Costs::choose(arguments.light);
    let parts = desk.place.parts(&desk.actor()).await?;
    let created = Store::create(parts, credentials, costs.kdf).await;
    let created = created?;
    if let Some(file) = file {
        file.keep();
    }
    let mut told = json!({
        "store": desk.place.describe(),
        "anchor": desk.place.anchor(),
        "slots": slots::json(&created.store.status().await?.slots),
        "argon2id": stretched.then(|| costs.json()),
    });
    merge(&mut told, way.hand_over(&created.recovery)?);
    desk.output.result(&told, || {
        let costs = stretched.then(|| costs.describe());
        report(arguments, desk, &told, costs)
    })?;
    created.store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What the store is to be locked with: on a terminal a passphrase, unless something else is said.
fn chosen(arguments: &Init, desk: &Desk<'_>) -> anyhow::Result<Vec<Lock>> {
    let file = arguments.key_file.is_some();
    Ok(match (arguments.passphrase, file) {
        (_, true) if arguments.both => vec![Lock::Both],
        (true, true) => vec![Lock::Passphrase, Lock::KeyFile],
        (false, true) => vec![Lock::KeyFile],
        (true, false) => vec![Lock::Passphrase],
        (false, false) if desk.terminal.is_some() => vec![Lock::Passphrase],
        (false, false) => bail!(
            "there is no terminal to ask for a passphrase at: lock the store with a key file (--key-file FILE \
             --new-key-file), or run this on a terminal\nNothing was made."
        ),
    })
}

fn report(arguments: &Init, desk: &Desk<'_>, told: &Value, costs: Option<String>) -> String {
    let mut lines = vec![format!(
        "The secret store is made: {}",
        desk.place.describe()
    )];
    lines.extend(costs.map(|costs| format!("To whoever guesses, {costs}")));
    if let Some(anchor) = desk.place.anchor() {
        lines.push(format!(
            "Its latest state is remembered in {}: keep that file out of backups of the store.",
            anchor.display()
        ));
    }
    if let Some(path) = &arguments.key_file {
        lines.push(format!("It is opened by the key file {}.", path.display()));
        let warning = locks::beside_the_store(path, desk);
        lines.extend(warning.map(|warning| format!("warning: {warning}")));
    }
    if let Some(file) = told["recovery_key_file"].as_str() {
        lines.push(format!(
            "The recovery key is in {file}: move it off this machine, to where its backups are not."
        ));
    }
    lines.push("\nNext: orchestra secrets set OPENAI_API_KEY".to_owned());
    format!("{}\n", lines.join("\n"))
}
