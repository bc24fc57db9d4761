//! The paths, and what may be done at each.

use http::{Method, StatusCode};
use orchestra_dialects::ErrorKind;
use orchestra_gateway::Refusal;

/// What a call wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ListConfigs,
    CreateConfig,
    ReadConfig,
    UpdateConfig,
    DeleteConfig,
    ListVersions,
    ListProviders,
    ReadProvider,
    CreateProvider,
    UpdateProvider,
    DeleteProvider,
    CreateFeedback,
    ListFeedback,
    ReadFeedback,
    UpdateFeedback,
    InsertLogs,
    ListLogs,
    ReadLog,
}

impl Operation {
    /// Whether only administrators may do it.
    pub(super) const fn is_for_admins(self) -> bool {
        match self {
            Self::ListConfigs
            | Self::CreateConfig
            | Self::ReadConfig
            | Self::UpdateConfig
            | Self::DeleteConfig
            | Self::ListVersions
            | Self::ListProviders
            | Self::ReadProvider
            | Self::CreateProvider
            | Self::UpdateProvider
            | Self::DeleteProvider => true,
            Self::CreateFeedback
            | Self::ListFeedback
            | Self::ReadFeedback
            | Self::UpdateFeedback
            | Self::InsertLogs
            | Self::ListLogs
            | Self::ReadLog => false,
        }
    }
}

impl Operation {
    /// The word in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ListConfigs => "list_configs",
            Self::CreateConfig => "create_config",
            Self::ReadConfig => "read_config",
            Self::UpdateConfig => "update_config",
            Self::DeleteConfig => "delete_config",
            Self::ListVersions => "list_versions",
            Self::ListProviders => "list_providers",
            Self::ReadProvider => "read_provider",
            Self::CreateProvider => "create_provider",
            Self::UpdateProvider => "update_provider",
            Self::DeleteProvider => "delete_provider",
            Self::CreateFeedback => "create_feedback",
            Self::ListFeedback => "list_feedback",
            Self::ReadFeedback => "read_feedback",
            Self::UpdateFeedback => "update_feedback",
            Self::InsertLogs => "insert_logs",
            Self::ListLogs => "list_logs",
            Self::ReadLog => "read_log",
        }
    }
}

type Methods = &'static [(Method, Operation)];

const PROVIDERS: Methods = &[
    (Method::GET, Operation::ListProviders),
    (Method::POST, Operation::CreateProvider),
];

const PROVIDER: Methods = &[
    (Method::GET, Operation::ReadProvider),
    (Method::PUT, Operation::UpdateProvider),
    (Method::DELETE, Operation::DeleteProvider),
];

/// Behind `/v1/`. A `{name}` stands for one part, which names the thing.
const PATHS: [(&str, Methods); 11] = [
    (
        "configs",
        &[
            (Method::GET, Operation::ListConfigs),
            (Method::POST, Operation::CreateConfig),
        ],
    ),
    (
        "configs/{name}",
        &[
            (Method::GET, Operation::ReadConfig),
            (Method::PUT, Operation::UpdateConfig),
            (Method::DELETE, Operation::DeleteConfig),
        ],
    ),
    (
        "configs/{name}/versions",
        &[(Method::GET, Operation::ListVersions)],
    ),
    ("providers", PROVIDERS),
    ("providers/{name}", PROVIDER),
    ("virtual-keys", PROVIDERS),
    ("virtual-keys/{name}", PROVIDER),
    (
        "feedback",
        &[
            (Method::POST, Operation::CreateFeedback),
            (Method::GET, Operation::ListFeedback),
        ],
    ),
    (
        "feedback/{name}",
        &[
            (Method::PUT, Operation::UpdateFeedback),
            (Method::GET, Operation::ReadFeedback),
        ],
    ),
    (
        "logs",
        &[
            (Method::POST, Operation::InsertLogs),
            (Method::GET, Operation::ListLogs),
        ],
    ),
    ("logs/{name}", &[(Method::GET, Operation::ReadLog)]),
];

/// The paths, as the router takes them.
pub(crate) fn all() -> impl Iterator<Item = String> {
    PATHS.iter().map(|(path, _)| format!("/v1/{path}"))
}

/// Those at which only operators have something to do.
pub(crate) fn of_operators() -> impl Iterator<Item = String> {
    let is_theirs = |(_, methods): &&(&str, Methods)| {
        methods
            .iter()
            .all(|(_, operation)| operation.is_for_admins())
    };
    let theirs = PATHS.iter().filter(is_theirs);
    theirs.map(|(path, _)| format!("/v1/{path}"))
}

/// What a call wants, and the name in its path, which is empty where there is none.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Result<(Operation, &'p str), Refusal> {
    let own = path.strip_prefix("/v1/").unwrap_or(path);
    let (methods, name) = PATHS
        .iter()
        .find_map(|(pattern, methods)| Some((*methods, fits(pattern, own)?)))
        .ok_or_else(|| nothing_at(path))?;
    let found = methods.iter().find(|(served, _)| served == method);
    let (_, operation) = found.ok_or_else(|| wrong_method(method, path, methods))?;
    Ok((*operation, name))
}

/// The name in a path that a pattern fits.
fn fits<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let mut name = "";
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        let part = parts.next()?;
        if wanted == "{name}" {
            name = part;
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(name)
}

fn nothing_at(path: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        ErrorKind::NotFound,
        "route_not_found",
        format!("there is nothing at {path}"),
    )
    .for_good()
}

fn wrong_method(method: &Method, path: &str, methods: Methods) -> Refusal {
    let right: Vec<&str> = methods.iter().map(|(method, _)| method.as_str()).collect();
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::InvalidRequest,
        "method_not_allowed",
        format!("{path} does not take {method}; use {}", right.join(" or ")),
    )
    .for_good()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_method_say_what_is_wanted() {
        for (method, path, expected) in [
            (Method::GET, "/v1/configs", (Operation::ListConfigs, "")),
            (
                Method::PUT,
                "/v1/configs/pc-a",
                (Operation::UpdateConfig, "pc-a"),
            ),
            (
                Method::GET,
                "/v1/configs/pc-a/versions",
                (Operation::ListVersions, "pc-a"),
            ),
            (
                Method::GET,
                "/v1/virtual-keys/openai",
                (Operation::ReadProvider, "openai"),
            ),
        ] {
            assert_eq!(find(&method, path).ok(), Some(expected), "{method} {path}");
        }
        for (method, path, code) in [
            (Method::DELETE, "/v1/configs", "method_not_allowed"),
            (Method::POST, "/v1/logs/exports", "method_not_allowed"),
            (Method::GET, "/v1/configs/a/b/c", "route_not_found"),
        ] {
            let refusal = find(&method, path).expect_err(path);
            assert_eq!(refusal.code, code);
        }
    }
}
