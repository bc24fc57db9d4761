//! `orchestra secrets import`

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use orchestra_providers::Catalogue;
use orchestra_secrets::{Name, NewSecret, Secret};
use serde_json::json;

use super::desk::Desk;
use super::needs::{Known, Need, known, needs};
use super::value::{self, Given, Shape};
use crate::arguments::secrets::Import;

/// A line of the file that is taken over.
struct Taken {
    new: NewSecret,
    given: Given,
}

/// A line that is not, and why.
struct Skipped {
    name: String,
    why: String,
}

pub(super) async fn run(arguments: &Import, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let needs = needs(&desk.config, &Catalogue::embedded());
    let mut taken = Vec::new();
    let mut skipped = Vec::new();
    for (name, value) in pairs(&arguments.file)? {
        match take(&name, &value, arguments.all, &needs) {
            Ok(line) => taken.push(line),
            Err(why) => skipped.push(Skipped { name, why }),
        }
    }
    if !arguments.dry_run && !taken.is_empty() {
        let store = desk.unsealed(&arguments.unlock).await?;
        for Taken { new, given } in &taken {
            let entry = store.set(new.clone(), &given.secret).await;
            entry.with_context(|| format!("at {}", new.name))?;
        }
        store.close().await;
    }
    report(arguments, &taken, &skipped, desk)?;
    Ok(if taken.is_empty() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// The names and values of a `.env` file, the last of each name.
fn pairs(path: &Path) -> anyhow::Result<Vec<(String, Secret)>> {
    let shown = path.display();
    let file = fs::File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let text = value::text(file).with_context(|| format!("{shown} is no .env file"))?;
    let mut pairs: Vec<(String, Secret)> = Vec::new();
    for (index, entry) in dotenvy::from_read_iter(text.as_bytes()).enumerate() {
        // The parser's error quotes the line, which may hold a key.
        let Ok((name, value)) = entry else {
            bail!(
                "entry {} of {shown} is not of the form NAME=value; nothing was changed",
                index + 1
            )
        };
        pairs.retain(|(known, _)| *known != name);
        pairs.push((name, Secret::new(value)));
    }
    Ok(pairs)
}

fn take(text: &str, value: &Secret, all: bool, needs: &[Need]) -> Result<Taken, String> {
    let name: Name = text
        .parse()
        .map_err(|_| "no name that a secret can have".to_owned())?;
    let (service, origin, shape) = match known(&name, needs) {
        Known::Place { service, origin } => (Some(service), Some(origin), Shape::Key),
        Known::Client => (None, None, Shape::Key),
        Known::Nothing if all => (None, None, Shape::Text),
        Known::Nothing => return Err("no provider uses it (--all takes it over)".to_owned()),
        Known::Places(_) => {
            return Err(
                "providers at several places use it: `orchestra secrets set` it with --origin"
                    .to_owned(),
            );
        }
    };
    if value.expose().trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let given = value::check(value.expose(), &name, shape).map_err(|error| error.to_string())?;
    let new = NewSecret {
        service,
        origin,
        ..NewSecret::new(name)
    };
    Ok(Taken { new, given })
}

fn report(
    arguments: &Import,
    taken: &[Taken],
    skipped: &[Skipped],
    desk: &Desk<'_>,
) -> anyhow::Result<()> {
    let told = json!({
        "imported": taken.iter().map(|line| line.new.name.to_string()).collect::<Vec<_>>(),
        "skipped": skipped.iter().map(|line| json!({ "name": line.name, "why": line.why })).collect::<Vec<_>>(),
        "dry_run": arguments.dry_run,
    });
    for line in taken {
        for warning in &line.given.warnings {
            desk.output
                .aside(&format!("warning: {}: {warning}", line.new.name));
        }
    }
    desk.output
        .result(&told, || text(arguments, taken, skipped))?;
    Ok(())
}

fn text(arguments: &Import, taken: &[Taken], skipped: &[Skipped]) -> String {
    let mut text = String::new();
    let (did, file) = match arguments.dry_run {
        true => ("Would be kept", arguments.file.display()),
        false => ("Kept", arguments.file.display()),
    };
    for Taken { new, .. } in taken {
        let origin = new.origin.as_ref();
        let place = origin.map_or("anywhere", orchestra_secrets::Origin::as_str);
        text.push_str(&format!("{did}: {}, may be sent to {place}\n", new.name));
    }
    for Skipped { name, why } in skipped {
        text.push_str(&format!("Skipped: {name}: {why}\n"));
    }
    if taken.is_empty() {
        text.push_str(&format!("Nothing of {file} was taken over.\n"));
    } else if !arguments.dry_run {
        text.push_str(&format!(
            "\nThe values are still in {file}, for everybody who can read it: delete it (`shred -u {file}`), also in \
             backups and repositories. Then: orchestra secrets check\n"
        ));
    }
    text
}
