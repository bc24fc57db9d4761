//! PostgreSQL's programs: where they may be, and whether they will do.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::output_if_installed;

/// The oldest version that will do.
pub(super) const OLDEST: u32 = 14;

/// All that the server and the tests need.
const NEEDED: [&str; 5] = ["initdb", "postgres", "pg_isready", "pg_dump", "psql"];

/// Where systems keep what is not in the search path: Debian, SUSE, Red Hat, Gentoo, PostgreSQL's own default,
/// Homebrew on both kinds of Mac, Postgres.app. The `*` stands for a version.
const USUAL: [&str; 8] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib64/postgresql-*/bin",
    "/usr/local/pgsql*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// A folder of programs that has all that is needed.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) folder: PathBuf,
    /// What the server says of itself.
    pub(super) version: String,
    /// A folder around them that works in any place, if there is one.
    pub(super) movable: Option<PathBuf>,
}

impl Programs {
    /// The programs in this folder.
    ///
    /// # Errors
    /// If one is missing, does not start, or is too old.
    pub(super) fn at(folder: &Path) -> anyhow::Result<Self> {
        for name in NEEDED {
            if !folder.join(name).is_file() {
                bail!("there is no `{name}` in {}", folder.display());
            }
        }
        let mut server = Command::new(folder.join("postgres"));
        let version = output_if_installed(server.arg("--version"))?.context("cannot be started")?;
        let major = major(&version).with_context(|| format!("{version:?} names no version"))?;
        if major < OLDEST {
            bail!(
                "{} has {version}, which is older than {OLDEST}",
                folder.display()
            );
        }
        Ok(Self {
            folder: folder.to_owned(),
            version,
            movable: None,
        })
    }
}

/// The 15 of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, of `... 15beta1`, of `... 15devel`.
fn major(version: &str) -> Option<u32> {
    let (_, number) = version.split_once("(PostgreSQL) ")?;
    leading_number(number)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

/// The folders with a server, those of the search path first, then the newest first. None comes twice.
pub(super) fn folders(search_path: &OsStr) -> Vec<PathBuf> {
    let searched = std::env::split_paths(search_path).flat_map(|folder| {
        // A link may lead to a folder that has more than what the search path was given.
        let behind = fs::canonicalize(folder.join("postgres")).ok();
        let behind = behind.and_then(|program| Some(program.parent()?.to_owned()));
        behind.into_iter().chain([folder])
    });
    let usual = USUAL.into_iter().flat_map(versions);
    let mut found = Vec::new();
    for folder in searched.chain(usual) {
        if folder.join("postgres").is_file() && !found.contains(&folder) {
            found.push(folder);
        }
    }
    found
}

/// What a pattern with one `*` stands for, the newest version first.
fn versions(pattern: &str) -> Vec<PathBuf> {
    let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let names = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = names
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches(['@', '-']);
            let folder = format!("{parent}/{name}{after}");
            Some((leading_number(version).unwrap_or(0), folder.into()))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder of programs, of which all say that they are this version.
    fn installation(folder: &Path, version: &str, names: &[&str]) {
        fs::create_dir_all(folder).unwrap();
        for name in names {
            let program = folder.join(name);
            fs::write(&program, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn reads_the_version_of_releases_and_of_those_to_come() {
        for (version, expected) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                Some(15),
            ),
            ("postgres (PostgreSQL) 19beta2", Some(19)),
            ("postgres (PostgreSQL) 20devel", Some(20)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("postgres (PostgreSQL) ", None),
            ("some other program 15", None),
        ] {
            assert_eq!(major(version), expected, "{version}");
        }
    }

    #[test]
    fn takes_an_installation_that_is_whole_and_new_enough() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name);
        installation(&folder("whole"), "postgres (PostgreSQL) 14.1", &NEEDED);
        installation(&folder("old"), "postgres (PostgreSQL) 13.22", &NEEDED);
        installation(&folder("part"), "postgres (PostgreSQL) 17.2", &NEEDED[..4]);
        let programs = Programs::at(&folder("whole")).unwrap();
        assert_eq!(programs.version, "postgres (PostgreSQL) 14.1");
        assert_eq!(programs.folder, folder("whole"));
        let refused = |name: &str| Programs::at(&folder(name)).unwrap_err().to_string();
        assert!(refused("old").contains("older than 14"));
        assert!(refused("part").contains("there is no `psql`"));
        assert!(refused("absent").contains("there is no `initdb`"));
    }

    #[test]
    fn looks_behind_links_and_takes_no_folder_twice() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        installation(&root.join("real"), "", &NEEDED);
        fs::create_dir(root.join("links")).unwrap();
        std::os::unix::fs::symlink(root.join("real/postgres"), root.join("links/postgres"))
            .unwrap();
        let path = [root.join("empty"), root.join("links"), root.join("real")];
        let found = folders(&std::env::join_paths(path).unwrap());
        assert_eq!(found[..2], [root.join("real"), root.join("links")]);
        let real = found.iter().filter(|folder| **folder == root.join("real"));
        assert_eq!(real.count(), 1);
    }

    #[test]
    fn the_newest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["postgresql@9", "postgresql@16", "postgresql", "mysql@99"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let pattern = format!("{}/postgresql*/bin", root.path().display());
        let names: Vec<String> = versions(&pattern)
            .iter()
            .filter_map(|folder| Some(folder.parent()?.file_name()?.to_string_lossy().into_owned()))
            .collect();
        assert_eq!(names, ["postgresql@16", "postgresql@9", "postgresql"]);
    }
}
