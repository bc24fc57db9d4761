//! From a row to a provider: every check happens here, once.

use std::collections::BTreeMap;

use http::{HeaderName, Uri};
use orchestra_dialects::{Endpoint, Family};
use orchestra_types::ProviderId;

use crate::address::Address;
use crate::facts::Facts;
use crate::headers::{self, AllowList, Direction};
use crate::pattern::Pattern;
use crate::profile::Profiles;
use crate::provider::{RequestHeaders, Route};
use crate::{AuthRow, AuthScheme, ByFamily, PathError, Provider, RateLimits, Row};

/// The endpoints that hold conversations, in the order in which they serve clients of others where a row has
/// no favourites. Nearly every server knows Chat; what compatible servers call Responses is the youngest.
const CONVERSATIONS: [Endpoint; 4] = [
    Endpoint::ChatCompletions,
    Endpoint::Messages,
    Endpoint::Responses,
    Endpoint::GenerateContent,
];

/// Why a row is no provider yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// There is no address.
    #[error("base_url is missing: write where the API lives, such as \"http://127.0.0.1:8080/v1\"")]
    NoBaseUrl,
    /// An address that cannot be used.
    #[error("{field} {url:?} {problem}")]
    Url {
        /// `base_url` or `passthrough_url`
        field: &'static str,
        /// As it was written.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Raw calls would take the key to another host.
    #[error("passthrough_url {url:?} is not on the origin of base_url")]
    ForeignOrigin {
        /// As it was written.
        url: String,
    },
    /// It speaks nothing.
    #[error("endpoints is missing or empty: name at least one, such as \"chat_completions\"")]
    NoEndpoints,
    /// An endpoint that does not exist, or whose path is given although it is not spoken.
    #[error("{field} names the endpoint {name:?}, which is not among {allowed}")]
    UnknownEndpoint {
        /// `endpoints`, `paths`, `translate_to` or `auth_for`
        field: &'static str,
        /// As it was written.
        name: String,
        /// The names that are possible there.
        allowed: String,
    },
    /// A path that cannot be joined to `base_url`.
    #[error("the path {path:?} cannot be used")]
    Path {
        /// As it was written.
        path: String,
        /// What is wrong with it.
        source: PathError,
    },
    /// A header that does not exist, or that a row may not touch.
    #[error("{field} holds {text:?}, which is no header that a provider may have there")]
    Header {
        /// `auth`, `headers`, `forwards`, `relays` or `rate_limits`
        field: &'static str,
        /// As it was written.
        text: String,
    },
    /// A model pattern with a `*` that is not at its end, or an empty one.
    #[error("patterns holds {text:?}: write a model's name, or its beginning and one '*'")]
    Pattern {
        /// As it was written.
        text: String,
    },
    /// A model's name in `profiles` that is empty or holds a blank.
    #[error("profiles holds {text:?}: write models' names, with '*' for any characters")]
    ProfilePattern {
        /// As it was written.
        text: String,
    },
    /// A model's name in `facts` that is empty or holds a blank.
    #[error("facts holds {text:?}: write models' names, with '*' for any characters")]
    FactsPattern {
        /// As it was written.
        text: String,
    },
    /// A context window that no model has.
    #[error(
        "the context of {models} in facts is {tokens}: write a number of tokens, such as 128000"
    )]
    Context {
        /// Whose.
        models: String,
        /// As it was written.
        tokens: u64,
    },
    /// A name in `models` or `key_names` that is empty.
    #[error("{field} holds an empty name")]
    EmptyName {
        /// `models` or `key_names`
        field: &'static str,
    },
    /// A rule that would match every error.
    #[error("rule {position} of errors has no condition: give it a status, code, type or message")]
    UnconditionalRule {
        /// Counted from 1.
        position: usize,
    },
}

impl Provider {
    /// Checks a row and works out everything that a call will need.
    ///
    /// # Errors
    /// [`RowError`] for the first thing that is missing or wrong.
    pub fn build(id: ProviderId, row: &Row) -> Result<Self, RowError> {
        let base = base_address(row)?;
        let root = passthrough_root(row, &base)?;
        let routes = routes(row, &base, &root)?;
        let auth = auth(row.auth.as_ref())?;
        let auths = routes
            .iter()
            .flatten()
            .filter_map(|route| route.auth.as_ref());
        let key_headers: Vec<HeaderName> = auths
            .chain([&auth])
            .filter_map(AuthScheme::header)
            .collect();
        let speaks = |family: Family| {
            let spoken = |endpoint: &Endpoint| routes[*endpoint as usize].is_some();
            Endpoint::ALL
                .iter()
                .filter(|e| e.dialect().family() == family)
                .any(spoken)
        };
        let (openai, anthropic) = (speaks(Family::OpenAi), speaks(Family::Anthropic));
        Ok(Self {
            label: row.label.clone().unwrap_or_else(|| id.to_string()),
            also_called: names("also_called", row.also_called.as_deref())?
                .into_iter()
                .chain(row.kind.clone())
                .collect(),
            continuation_uri: row
                .continue_path
                .as_deref()
                .map(|path| join(&base, path))
                .transpose()?,
            models_uri: join(&base, row.models_path.as_deref().unwrap_or("/models"))?,
            translates_to: translates_to(row, &routes)?,
            profiles: Profiles::parse(row.profile.as_ref(), row.profiles.as_deref())
                .map_err(|text| RowError::ProfilePattern { text })?,
            facts: Facts::parse(row.facts.as_deref().unwrap_or_default())?,
            key_required: row.key_required.unwrap_or(auth != AuthScheme::None),
            key_names: names("key_names", row.key_names.as_deref())?,
            companions: companions(row)?,
            retries_itself: row.retries_itself.unwrap_or(false),
            call_id_header: row
                .call_id_header
                .as_deref()
                .map(|name| header_name("call_id_header", name))
                .transpose()?,
            openai: request_headers(row, &key_headers, true, false)?,
            anthropic: request_headers(row, &key_headers, false, true)?,
            raw: request_headers(row, &key_headers, openai, anthropic)?,
            relays: AllowList::parse(Direction::Down, row.relays.iter().flatten()).map_err(
                |text| RowError::Header {
                    field: "relays",
                    text,
                },
            )?,
            patterns: patterns(row.patterns.as_deref())?,
            models: names("models", row.models.as_deref())?,
            stream_end: row.stream_end.unwrap_or_default(),
            errors: error_rules(row)?,
            rate_limits: rate_limits(row)?,
            id,
            base,
            root,
            routes,
            auth,
        })
    }
}

fn companions(row: &Row) -> Result<Vec<(HeaderName, Vec<String>)>, RowError> {
    let companion = |(header, kept): (&String, &Vec<String>)| {
        let header = header_name("companions", header)?;
        Ok((header, names("companions", Some(kept))?))
    };
    row.companions.iter().flatten().map(companion).collect()
}

fn header_name(field: &'static str, name: &str) -> Result<HeaderName, RowError> {
    name.parse().map_err(|_| RowError::Header {
        field,
        text: name.to_owned(),
    })
}

fn base_address(row: &Row) -> Result<Address, RowError> {
    let url = row.base_url.as_deref().ok_or(RowError::NoBaseUrl)?;
    address("base_url", url)
}

fn passthrough_root(row: &Row, base: &Address) -> Result<Address, RowError> {
    let Some(url) = row.passthrough_url.as_deref() else {
        return Ok(base.without_version());
    };
    let root = address("passthrough_url", url)?;
    if root.origin() == base.origin() {
        Ok(root)
    } else {
        Err(RowError::ForeignOrigin {
            url: url.to_owned(),
        })
    }
}

pub(crate) fn address(field: &'static str, url: &str) -> Result<Address, RowError> {
    Address::parse(url).map_err(|problem| RowError::Url {
        field,
        url: url.to_owned(),
        problem,
    })
}

fn routes(
    row: &Row,
    base: &Address,
    root: &Address,
) -> Result<[Option<Route>; Endpoint::ALL.len()], RowError> {
    let spoken = row.endpoints.as_deref().unwrap_or_default();
    if spoken.is_empty() {
        return Err(RowError::NoEndpoints);
    }
    let nothing = BTreeMap::new();
    let paths = row.paths.as_ref().unwrap_or(&nothing);
    let known = Endpoint::ALL.map(Endpoint::name);
    check_names("endpoints", spoken, &known)?;
    check_names("paths", paths.keys(), spoken)?;
    let auths = row.auth_for.as_ref();
    check_names(
        "auth_for",
        auths.into_iter().flat_map(BTreeMap::keys),
        &known,
    )?;

    let mut routes = [const { None }; Endpoint::ALL.len()];
    for endpoint in Endpoint::ALL {
        if spoken.iter().any(|name| name == endpoint.name()) {
            let path = paths
                .get(endpoint.name())
                .map_or_else(|| usual_path(endpoint), String::as_str);
            let own = auths.and_then(|auths| auths.get(endpoint.name()));
            routes[endpoint as usize] = Some(Route {
                auth: own.map(|own| auth(Some(own))).transpose()?,
                ..route(base, root, path)?
            });
        }
    }
    Ok(routes)
}

/// The row's favourites among the endpoints it speaks, then the others in the usual order.
fn translates_to(
    row: &Row,
    routes: &[Option<Route>; Endpoint::ALL.len()],
) -> Result<Vec<Endpoint>, RowError> {
    let favourites = row.translate_to.as_deref().unwrap_or_default();
    check_names(
        "translate_to",
        favourites,
        &CONVERSATIONS.map(Endpoint::name),
    )?;
    let place = |endpoint: &Endpoint| {
        let mut names = favourites.iter();
        names
            .position(|name| name == endpoint.name())
            .unwrap_or(favourites.len())
    };
    let mut spoken = CONVERSATIONS.to_vec();
    spoken.retain(|endpoint| routes[*endpoint as usize].is_some());
    spoken.sort_by_key(place);
    Ok(spoken)
}

fn check_names<'a>(
    field: &'static str,
    written: impl IntoIterator<Item = &'a String>,
    allowed: &[impl AsRef<str>],
) -> Result<(), RowError> {
    let allowed = || allowed.iter().map(AsRef::as_ref);
    match written
        .into_iter()
        .find(|name| !allowed().any(|allowed| allowed == name.as_str()))
    {
        None => Ok(()),
        Some(name) => Err(RowError::UnknownEndpoint {
            field,
            name: name.clone(),
            allowed: allowed().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// An endpoint's path below a base URL, which by custom ends in `/v1`.
fn usual_path(endpoint: Endpoint) -> &'static str {
    let path = match endpoint {
        // Where the models are; the rest of the path depends on the call.
        Endpoint::GenerateContent => "/models",
        _ => endpoint.path(),
    };
    path.strip_prefix("/v1").unwrap_or(path)
}

fn route(base: &Address, root: &Address, path: &str) -> Result<Route, RowError> {
    let uri = join(base, path)?;
    let raw_path = uri.path().strip_prefix(root.path()).map(str::to_owned);
    Ok(Route {
        uri,
        raw_path,
        auth: None,
    })
}

pub(crate) fn join(base: &Address, path: &str) -> Result<Uri, RowError> {
    base.join(path).map_err(|source| RowError::Path {
        path: path.to_owned(),
        source,
    })
}

fn auth(row: Option<&AuthRow>) -> Result<AuthScheme, RowError> {
    let header = |text: &String| {
        let name = HeaderName::try_from(text).ok();
        // Such names as `api-key` are barred to clients and right here; framing is neither.
        let fits = |name: &HeaderName| !headers::is_barred(Direction::Down, name.as_str());
        let wrong = || RowError::Header {
            field: "auth",
            text: text.clone(),
        };
        name.filter(fits).ok_or_else(wrong)
    };
    Ok(match row {
        None | Some(AuthRow::Bearer) => AuthScheme::Bearer,
        Some(AuthRow::Header(text)) => AuthScheme::Header(header(text)?),
        Some(AuthRow::None) => AuthScheme::None,
    })
}

/// The values for all calls, and those for the families asked for.
fn chosen<T: Default>(
    values: Option<&ByFamily<T>>,
    openai: bool,
    anthropic: bool,
) -> impl Iterator<Item = &T> {
    let of = move |values| {
        let ByFamily {
            all,
            openai: for_openai,
            anthropic: for_anthropic,
        }: &ByFamily<T> = values;
        let families = [
            (true, all),
            (openai, for_openai),
            (anthropic, for_anthropic),
        ];
        families
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, value)| value)
    };
    values.into_iter().flat_map(of)
}

fn request_headers(
    row: &Row,
    key_headers: &[HeaderName],
    openai: bool,
    anthropic: bool,
) -> Result<RequestHeaders, RowError> {
    let mut written = BTreeMap::new();
    for headers in chosen(row.headers.as_ref(), openai, anthropic) {
        written.extend(headers.clone());
    }
    let set = headers::parse_set(&written, key_headers).map_err(|text| RowError::Header {
        field: "headers",
        text,
    })?;
    let names = chosen(row.forwards.as_ref(), openai, anthropic).flatten();
    let forwards = AllowList::parse(Direction::Up, names).map_err(|text| RowError::Header {
        field: "forwards",
        text,
    })?;
    Ok(RequestHeaders { set, forwards })
}

fn names(field: &'static str, written: Option<&[String]>) -> Result<Vec<String>, RowError> {
    let written = written.unwrap_or_default();
    if written.iter().any(|name| name.trim().is_empty()) {
        return Err(RowError::EmptyName { field });
    }
    Ok(written.to_vec())
}

fn patterns(written: Option<&[String]>) -> Result<Vec<Pattern>, RowError> {
    let read = |text: &String| {
        Pattern::parse(text).ok_or_else(|| RowError::Pattern { text: text.clone() })
    };
    written.unwrap_or_default().iter().map(read).collect()
}

fn error_rules(row: &Row) -> Result<Vec<crate::ErrorRule>, RowError> {
    let rules = row.errors.clone().unwrap_or_default();
    match rules.iter().position(crate::ErrorRule::is_unconditional) {
        None => Ok(rules),
        Some(index) => Err(RowError::UnconditionalRule {
            position: index + 1,
        }),
    }
}

fn rate_limits(row: &Row) -> Result<RateLimits, RowError> {
    RateLimits::from_row(row.rate_limits.as_ref()).map_err(|text| RowError::Header {
        field: "rate_limits",
        text,
    })
}
