//! `orchestra audit export` and `tail`

use std::process::ExitCode;

use orchestra_secrets::{AuditEntry, Store};

use crate::arguments::audit::{Export, Format, Tail};
use crate::commands::secrets::Desk;
use crate::when;

pub(super) async fn run(arguments: &Export, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.unsealed(&arguments.unlock).await?;
    print(&store, arguments.after, arguments.format, desk).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn tail(arguments: &Tail, desk: &Desk<'_>) -> anyhow::Result<ExitCode> {
    let store = desk.unsealed(&arguments.unlock).await?;
    let format = if desk.output.is_json() {
        Format::Jsonl
    } else {
        Format::Text
    };
    let after = last(&store).await?.saturating_sub(arguments.count.into());
    print(&store, after, format, desk).await?;
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Prints what is behind an entry, a page at a time: the log may be larger than the memory.
async fn print(
    store: &Store,
    mut after: u64,
    format: Format,
    desk: &Desk<'_>,
) -> anyhow::Result<()> {
    loop {
        let entries = store.audit_entries(after, Store::MAX_AUDIT_PAGE).await;
        let entries = entries?;
        let Some(latest) = entries.last() else {
            return Ok(());
        };
        after = latest.seq;
        let lines: Vec<String> = entries.iter().map(|entry| line(entry, format)).collect();
        desk.output.piece(&format!("{}\n", lines.join("\n")))?;
    }
}

fn line(entry: &AuditEntry, format: Format) -> String {
    match format {
        Format::Jsonl => entry.to_json_line(),
        Format::Text => for_people(entry),
    }
}

fn for_people(entry: &AuditEntry) -> String {
    let AuditEntry { seq, time_ms, .. } = entry;
    let (time, action) = (when::second(*time_ms), entry.action.as_str());
    let mut line = format!("{seq:>6}  {time}  {action}");
    if let Some(name) = &entry.name {
        line.push_str(&format!("  {name}"));
    }
    if let Some(version) = entry.version {
        line.push_str(&format!(" v{version}"));
    }
    if let Some(number) = entry.number {
        line.push_str(&format!("  ({number})"));
    }
    // Whoever acts chooses its own name: it may not move the cursor.
    let actor: String = entry.actor.chars().filter(|c| !c.is_control()).collect();
    format!("{line}  by {actor}")
}

/// The number of the last entry, found in twice as many steps as it has binary digits.
async fn last(store: &Store) -> anyhow::Result<u64> {
    let is_last = async |seq: u64| {
        let entries = store.audit_entries(seq, 1).await?;
        anyhow::Ok(entries.is_empty())
    };
    let (mut before, mut end) = (0, 1);
    while !is_last(end).await? {
        (before, end) = (end, end.saturating_mul(2));
    }
    while before + 1 < end {
        let middle = before + (end - before) / 2;
        if is_last(middle).await? {
            end = middle;
        } else {
            before = middle;
        }
    }
    Ok(end)
}
