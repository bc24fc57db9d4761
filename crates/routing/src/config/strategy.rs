//! How one is chosen among several.

use serde_json::{Map, Value};

use super::breaker;
use super::settings::only;
use super::{ConfigError, Place, present};
use crate::node::{Failures, Node, Sticky, Strategy};
use crate::query;

const MODES: &str =
    "single, fallback, loadbalance, conditional, least_latency, least_cost, experiment";

pub(super) fn read(
    value: &Value,
    place: &Place<'_>,
    _node: &Map<String, Value>,
    children: &[Node],
) -> Result<Strategy, ConfigError> {
    let members = place.object(value)?;
    let mode = place.member("mode");
    let Some(value) = present(members, "mode") else {
        return Err(mode.error(format!("a mode is needed: {MODES}")));
    };
    breaker::check(members, place)?;
    match mode.text(value)? {
        "single" => {
            only(members, &["mode", "cb_config"], place)?;
            Ok(Strategy::Single)
        }
        "fallback" => fallback(members, place),
        "loadbalance" => {
            only(members, &["mode", "sticky", "cb_config"], place)?;
            weighted(children, place)?;
            let sticky = sticky(members, place)?;
            if sticky.is_some() {
                distinct(children)?;
            }
            Ok(Strategy::LoadBalance { sticky })
        }
        "conditional" => conditional(members, place, children),
        "least_latency" => {
            only(members, &["mode"], place)?;
            Ok(Strategy::LeastLatency)
        }
        "least_cost" => {
            only(members, &["mode"], place)?;
            Ok(Strategy::LeastCost)
        }
        "experiment" => experiment(members, place, children),
        other => Err(mode.error(format!("there is no strategy `{other}`; there are {MODES}"))),
    }
}

fn fallback(members: &Map<String, Value>, place: &Place<'_>) -> Result<Strategy, ConfigError> {
    only(members, &["mode", "on_status_codes", "cb_config"], place)?;
    let on = match present(members, "on_status_codes") {
        Some(value) => Failures::Statuses(place.member("on_status_codes").statuses(value)?),
        None => Failures::Usual,
    };
    Ok(Strategy::Fallback { on })
}

/// Somebody must get the calls.
fn weighted(children: &[Node], place: &Place<'_>) -> Result<(), ConfigError> {
    if children.iter().any(|child| child.weight > 0.0) {
        return Ok(());
    }
    Err(place.error("all weights are 0, so no target would get a call"))
}

/// Where a name decides who gets a call, it is one child's.
fn distinct(children: &[Node]) -> Result<(), ConfigError> {
    for (index, child) in children.iter().enumerate() {
        let Some(name) = &child.name else {
            continue;
        };
        let before = children[..index].iter();
        if before
            .filter_map(|other| other.name.as_ref())
            .any(|other| other == name)
        {
            return Err(ConfigError {
                path: format!("{}.name", child.path),
                message: format!(
                    "another target beside it is named `{name}`: calls would never get here"
                ),
            });
        }
    }
    Ok(())
}

fn sticky(members: &Map<String, Value>, place: &Place<'_>) -> Result<Option<Sticky>, ConfigError> {
    let Some(value) = present(members, "sticky") else {
        return Ok(None);
    };
    let place = place.member("sticky");
    let members = place.object(value)?;
    only(members, &["enabled", "hash_fields", "ttl"], &place)?;
    let enabled = present(members, "enabled").map(|value| place.member("enabled").flag(value));
    let fields = match present(members, "hash_fields") {
        Some(value) => hash_fields(value, &place.member("hash_fields"))?,
        None => Vec::new(),
    };
    Ok(enabled
        .transpose()?
        .unwrap_or(true)
        .then_some(Sticky { fields }))
}

fn hash_fields(value: &Value, place: &Place<'_>) -> Result<Vec<String>, ConfigError> {
    let fields = place.texts(value)?;
    let known = |field: &String| {
        let group = field
            .split_once('.')
            .map(|(group, name)| (group, name.is_empty()));
        let is_named = matches!(group, Some(("metadata" | "params" | "headers", false)));
        is_named || field == Sticky::CONVERSATION
    };
    match fields.iter().position(|field| !known(field)) {
        Some(index) => Err(place
            .item(index)
            .error("a field is metadata.NAME, params.NAME, headers.NAME or conversation")),
        None => Ok(fields),
    }
}

fn conditional(
    members: &Map<String, Value>,
    place: &Place<'_>,
    children: &[Node],
) -> Result<Strategy, ConfigError> {
    only(
        members,
        &["mode", "conditions", "default", "cb_config"],
        place,
    )?;
    distinct(children)?;
    let list = place.member("conditions");
    let Some(value) = present(members, "conditions") else {
        return Err(list.error("conditions are needed: [{\"query\": {…}, \"then\": \"NAME\"}]"));
    };
    let items = list.array(value)?.iter().enumerate();
    let conditions = items.map(|(index, item)| {
        let place = list.item(index);
        let members = place.object(item)?;
        only(members, &["query", "then"], &place)?;
        let Some(query) = present(members, "query") else {
            return Err(place.member("query").error("a query is needed"));
        };
        let query = query::parse(query, &place.member("query"))?;
        let then = place.member("then");
        let name = place.optional_text(members, "then")?;
        let name = name.ok_or_else(|| then.error("the name of a target is needed"))?;
        Ok((query, named(&name, children, &then)?))
    });
    let default = place.optional_text(members, "default")?;
    let default = default.map(|name| named(&name, children, &place.member("default")));
    Ok(Strategy::Conditional {
        conditions: conditions.collect::<Result<_, _>>()?,
        default: default.transpose()?,
    })
}

fn named(name: &str, children: &[Node], place: &Place<'_>) -> Result<usize, ConfigError> {
    let found = |child: &Node| child.name.as_deref() == Some(name);
    children.iter().position(found).ok_or_else(|| {
        let names: Vec<&str> = children
            .iter()
            .filter_map(|child| child.name.as_deref())
            .collect();
        place.error(format!(
            "no target is named `{name}`; there are {}",
            names.join(", ")
        ))
    })
}

fn experiment(
    members: &Map<String, Value>,
    place: &Place<'_>,
    children: &[Node],
) -> Result<Strategy, ConfigError> {
    only(members, &["mode", "name", "hash_fields"], place)?;
    weighted(children, place)?;
    let name = place.optional_text(members, "name")?;
    let name = name.ok_or_else(|| place.member("name").error("an experiment needs a name"))?;
    if let Some(index) = children.iter().position(|child| child.name.is_none()) {
        return Err(ConfigError {
            path: format!("{}.name", children[index].path),
            message: "a variant needs a name, which its results are told apart by".to_owned(),
        });
    }
    distinct(children)?;
    let fields = match present(members, "hash_fields") {
        Some(value) => hash_fields(value, &place.member("hash_fields"))?,
        None => Vec::new(),
    };
    Ok(Strategy::Experiment {
        name,
        sticky: Sticky { fields },
    })
}
