//! `orchestra route`

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(crate) enum Route {
    /// Show which targets a call would be brought to, in which order, and the rules that decide; nothing is sent
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The model that the call asks for
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// The endpoint that is called
    #[arg(long, value_enum, default_value_t = Called::Chat)]
    pub(crate) endpoint: Called,
    /// A tree of strategies: its JSON, or the name of one in the configuration
    #[arg(long, value_name = "JSON|NAME")]
    pub(crate) tree: Option<String>,
    /// Metadata of the call; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) metadata: Vec<(String, String)>,
    /// A header of the call; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) header: Vec<(String, String)>,
    /// A further member of the body, as JSON or plain text; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = member)]
    pub(crate) param: Vec<(String, Value)>,
    /// The client key that the call comes with, by its name
    #[arg(long, value_name = "NAME")]
    pub(crate) client: Option<String>,
}

/// An endpoint, by a short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Called {
    Chat,
    Responses,
    Messages,
    Embeddings,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let (name, value) = pair.ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn member(text: &str) -> Result<(String, Value), String> {
    let (name, value) = pair(text)?;
    let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
    Ok((name, value))
}
