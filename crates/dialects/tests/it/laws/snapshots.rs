//! Every translation of every fixture as it is now, so that each change of it is seen in review.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use orchestra_dialects::{Dialect, Loss, Profile, StreamEnd, encode_request};
use serde_json::Value;

use super::DIALECTS;
use super::fixture::{Asked, Failures, Fixture, crate_folder, target};
use super::streams::translated;

fn folder(from: Dialect, to: Dialect) -> PathBuf {
    let name = format!("{}__{}", from.name(), to.name());
    crate_folder().join("snapshots").join(name)
}

fn blessing() -> bool {
    std::env::var_os("ORCHESTRA_BLESS").is_some_and(|value| value == "1")
}

pub(super) fn as_recorded(fixture: &Fixture, failures: &mut Failures) {
    for to in DIALECTS.into_iter().filter(|to| *to != fixture.dialect) {
        let folder = folder(fixture.dialect, to);
        let path = folder.join(format!("{}.txt", fixture.name));
        let now = snapshot(fixture, to);
        if blessing() {
            fs::create_dir_all(&folder).expect("a writable folder");
            fs::write(&path, &now).expect("a writable file");
            continue;
        }
        match fs::read_to_string(&path) {
            Ok(recorded) if recorded == now => {}
            Ok(recorded) => failures.add(format!(
                "{} differs from its snapshot (ORCHESTRA_BLESS=1 writes it anew):\n{}",
                path.display(),
                first_difference(&recorded, &now)
            )),
            Err(_) => failures.add(format!("{} is missing", path.display())),
        }
    }
}

/// Snapshots of fixtures that are gone.
pub(super) fn none_is_left_over(dialect: Dialect) {
    let names: BTreeSet<String> = Fixture::all(dialect)
        .into_iter()
        .map(|fixture| format!("{}.txt", fixture.name))
        .collect();
    for to in DIALECTS.into_iter().filter(|to| *to != dialect) {
        let Ok(entries) = fs::read_dir(folder(dialect, to)) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if names.contains(&name) {
                continue;
            }
            assert!(blessing(), "{} belongs to no fixture", path.display());
            fs::remove_file(&path).expect("a removable file");
        }
    }
}

fn snapshot(fixture: &Fixture, to: Dialect) -> String {
    let mut text = format!("# {}\n\n", fixture.about.about.trim());
    text.push_str("## The request, as it is sent\n");
    text.push_str(&request(fixture, to));
    if let Some(answer) = fixture.answer() {
        text.push_str("\n## The answer, for a client that asked in the other dialect\n");
        text.push_str(&match answer {
            Ok(answer) => {
                let asked = Asked::plain(to);
                let context = asked.context();
                let (body, losses) =
                    orchestra_dialects::encode_answer(&answer, fixture.dialect, &context);
                shown(&body, &losses)
            }
            Err(error) => format!("error: {error}\n"),
        });
    }
    if let Some(stream) = &fixture.stream {
        let asked = Asked::plain(to);
        let (out, end, translator) = translated(fixture.dialect, stream.as_bytes(), &asked);
        text.push_str(&format!("\n## The stream: {}\n", ending(end)));
        text.push_str(&out);
        text.push_str(&lost(translator.losses().list()));
    }
    text
}

const fn ending(end: StreamEnd) -> &'static str {
    match end {
        StreamEnd::Complete => "complete",
        StreamEnd::Failed => "failed",
        StreamEnd::Truncated => "truncated",
    }
}

fn request(fixture: &Fixture, to: Dialect) -> String {
    let profile = Profile::default();
    let sent = orchestra_dialects::decode_request(fixture.dialect, &fixture.request)
        .and_then(|request| encode_request(&request, to, &target("target-model", &profile)));
    match sent {
        Ok((body, losses)) => shown(&body, &losses),
        Err(error) => format!("refused: {error}\n"),
    }
}

fn shown(body: &str, losses: &[Loss]) -> String {
    let value: Value = serde_json::from_str(body).expect("a codec writes JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("it was JSON");
    format!("{pretty}\n{}", lost(losses))
}

fn lost(losses: &[Loss]) -> String {
    losses
        .iter()
        .map(|loss| format!("lost: {loss}\n"))
        .collect()
}

fn first_difference(recorded: &str, now: &str) -> String {
    let line = recorded
        .lines()
        .zip(now.lines())
        .position(|(a, b)| a != b)
        .unwrap_or_else(|| recorded.lines().count().min(now.lines().count()));
    let side = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    format!(
        "line {}: was {}\n now {}",
        line + 1,
        side(recorded),
        side(now)
    )
}
