//! Which crate may know which: the arrows of the architecture as one table.
//!
//! Looks only at what manifests ask for directly. A crate cannot name what it does not
//! depend on, so that is what it can know.

use cargo_metadata::{Dependency, DependencyKind, Metadata, Package};

/// One crate of ours and its doors.
struct Room {
    name: &'static str,
    /// Crates of ours that it may use.
    may_use: &'static [&'static str],
    /// Crates of others that it must not know.
    must_not_know: &'static [&'static str],
}

const ARENA: &str = "orchestra-arena";
const TYPES: &str = "orchestra-types";
const DIALECTS: &str = "orchestra-dialects";
const SECRETS: &str = "orchestra-secrets";
const PROVIDERS: &str = "orchestra-providers";
const HEALTH: &str = "orchestra-health";
const ROUTING: &str = "orchestra-routing";
const LEDGER: &str = "orchestra-ledger";
const GATEWAY: &str = "orchestra-gateway";
const STORE: &str = "orchestra-store";
const SERVER: &str = "orchestra-server";
const TESTKIT: &str = "orchestra-testkit";
const SIMULATION: &str = "orchestra-simulation";

/// Whatever does or schedules I/O, and the edges of a program.
const IO: &[&str] = &[
    "async-std",
    "axum",
    "clap",
    "futures-util",
    "hyper",
    "hyper-util",
    "reqwest",
    "smol",
    "socket2",
    "tokio",
    "tokio-util",
];
/// The same, and the vocabulary of HTTP.
const IO_AND_HTTP: &[&str] = &[
    "async-std",
    "axum",
    "clap",
    "futures-util",
    "http",
    "http-body",
    "httparse",
    "hyper",
    "hyper-util",
    "reqwest",
    "smol",
    "socket2",
    "tokio",
    "tokio-util",
];
const HTTP: &[&str] = &[
    "axum",
    "clap",
    "http",
    "httparse",
    "hyper",
    "hyper-util",
    "reqwest",
];
const EDGE: &[&str] = &["axum", "clap"];

/// The table. A member of the workspace without a row is refused.
const ROOMS: &[Room] = &[
    Room {
        name: ARENA,
        may_use: &[],
        must_not_know: IO_AND_HTTP,
    },
    Room {
        name: TYPES,
        may_use: &[],
        must_not_know: IO_AND_HTTP,
    },
    Room {
        name: DIALECTS,
        may_use: &[TYPES],
        must_not_know: IO_AND_HTTP,
    },
    Room {
        name: SECRETS,
        may_use: &[ARENA],
        must_not_know: HTTP,
    },
    Room {
        name: PROVIDERS,
        may_use: &[TYPES, DIALECTS],
        must_not_know: IO,
    },
    Room {
        name: HEALTH,
        may_use: &[TYPES],
        must_not_know: IO_AND_HTTP,
    },
    Room {
        name: ROUTING,
        may_use: &[TYPES],
        must_not_know: IO_AND_HTTP,
    },
    Room {
        name: LEDGER,
        may_use: &[TYPES],
        must_not_know: HTTP,
    },
    Room {
        name: GATEWAY,
        may_use: &[TYPES, DIALECTS, SECRETS, PROVIDERS, HEALTH, ROUTING, LEDGER],
        must_not_know: EDGE,
    },
    Room {
        name: STORE,
        may_use: &[TYPES, GATEWAY],
        must_not_know: HTTP,
    },
    Room {
        name: SERVER,
        may_use: &[
            ARENA, TYPES, DIALECTS, SECRETS, PROVIDERS, HEALTH, LEDGER, GATEWAY, STORE,
        ],
        must_not_know: &[],
    },
    Room {
        name: "orchestra-cli",
        may_use: &[
            ARENA, TYPES, DIALECTS, SECRETS, PROVIDERS, HEALTH, LEDGER, GATEWAY, SERVER, TESTKIT,
            SIMULATION,
        ],
        must_not_know: &[],
    },
    Room {
        name: SIMULATION,
        may_use: &[
            TYPES, DIALECTS, SECRETS, PROVIDERS, HEALTH, ROUTING, GATEWAY,
        ],
        must_not_know: EDGE,
    },
    Room {
        name: TESTKIT,
        may_use: &[],
        must_not_know: EDGE,
    },
    Room {
        name: "xtask",
        may_use: &[],
        must_not_know: IO_AND_HTTP,
    },
];

/// Programs that look at the system from outside; they may use whatever they need.
const OUTSIDE: &[&str] = &["orchestra-bench", "orchestra-tests"];

/// Every arrow that points the wrong way, one line each.
pub(crate) fn problems(workspace: &Metadata) -> Vec<String> {
    let members = workspace.workspace_packages();
    let ours: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    members
        .iter()
        .filter(|member| !OUTSIDE.contains(&member.name.as_str()))
        .flat_map(|member| member_problems(member, &ours))
        .collect()
}

fn member_problems(member: &Package, ours: &[&str]) -> Vec<String> {
    let Some(room) = ROOMS.iter().find(|room| room.name == member.name.as_str()) else {
        return vec![format!(
            "{} has no row in the table of xtask/src/arrows.rs",
            member.name
        )];
    };
    let dependencies = member.dependencies.iter();
    dependencies
        .filter_map(|dependency| arrow_problem(room, dependency, ours))
        .collect()
}

fn arrow_problem(room: &Room, dependency: &Dependency, ours: &[&str]) -> Option<String> {
    let other = dependency.name.as_str();
    // A path dependency that is not a member yet is ours all the same.
    let is_ours = dependency.path.is_some() || ours.contains(&other);
    if is_ours && !may_use(room, other, dependency.kind) {
        return Some(format!("{} must not use {other}", room.name));
    }
    room.must_not_know
        .contains(&other)
        .then(|| format!("{} must not know {other}", room.name))
}

/// The testkit knows none of us, so tests of any crate may use it without closing a circle.
fn may_use(room: &Room, other: &str, kind: DependencyKind) -> bool {
    room.may_use.contains(&other) || (other == TESTKIT && kind == DependencyKind::Development)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_PROBLEM: Vec<String> = Vec::new();

    /// A workspace of the named crate alone, as `cargo metadata` would describe it.
    fn check(member: &str, dependency: &str, kind: &str) -> Vec<String> {
        let id = format!("path+file:///w/{member}#0.1.0");
        let path = dependency
            .starts_with("orchestra")
            .then(|| format!("/w/{dependency}"));
        let package = serde_json::json!({
            "name": member, "version": "0.1.0", "id": id, "source": null,
            "dependencies": [{
                "name": dependency, "source": null, "req": "*", "kind": kind, "optional": false,
                "uses_default_features": true, "features": [], "path": path
            }],
            "targets": [], "features": {}, "manifest_path": "/w/Cargo.toml",
        });
        let metadata = serde_json::json!({
            "packages": [package], "workspace_members": [id], "resolve": null,
            "target_directory": "/w/target", "workspace_root": "/w", "version": 1,
        });
        problems(&serde_json::from_value(metadata).unwrap())
    }

    #[test]
    fn the_arrows_of_this_workspace_point_one_way() {
        assert_eq!(problems(&crate::check::workspace().unwrap()), NO_PROBLEM);
    }

    #[test]
    fn a_turned_arrow_is_named() {
        let found = check(DIALECTS, PROVIDERS, "normal");
        assert_eq!(
            found,
            ["orchestra-dialects must not use orchestra-providers"]
        );
        assert_eq!(check(PROVIDERS, DIALECTS, "normal"), NO_PROBLEM);
    }

    #[test]
    fn leaves_never_meet() {
        assert_ne!(check(HEALTH, LEDGER, "normal"), NO_PROBLEM);
        assert_ne!(check(SECRETS, TYPES, "normal"), NO_PROBLEM);
    }

    #[test]
    fn forbidden_knowledge_is_named() {
        let found = check(GATEWAY, "axum", "normal");
        assert_eq!(found, ["orchestra-gateway must not know axum"]);
        assert_ne!(check(DIALECTS, "tokio", "dev"), NO_PROBLEM);
        assert_eq!(check(GATEWAY, "tokio", "normal"), NO_PROBLEM);
    }

    #[test]
    fn tests_may_use_the_testkit_and_the_product_may_not() {
        assert_eq!(check(GATEWAY, TESTKIT, "dev"), NO_PROBLEM);
        assert_ne!(check(GATEWAY, TESTKIT, "normal"), NO_PROBLEM);
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        assert_ne!(check("orchestra-annex", "anyhow", "normal"), NO_PROBLEM);
        assert_eq!(check("orchestra-bench", SERVER, "normal"), NO_PROBLEM);
    }
}
