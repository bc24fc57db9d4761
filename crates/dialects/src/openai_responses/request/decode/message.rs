//! Messages.

use super::part;
use crate::canonical::{Role, Turn};
use crate::json::{Invalid, Locate, Raw};
use crate::openai_responses::members::others;

pub(super) fn read(item: Raw<'_>) -> Result<Turn, Invalid> {
    let role = role(item.want_member("role")?).at("role")?;
    let content = item.want_member("content")?;
    let parts = part::content(content, "content").at("content")?;
    Ok(Turn {
        extras: others(item, &["type", "role", "content"]),
        ..Turn::new(role, parts)
    })
}

fn role(value: Raw<'_>) -> Result<Role, Invalid> {
    match &*value.want_text()? {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        "developer" => Ok(Role::Developer),
        other => Err(Invalid::here(format!(
            "is `{other}`; make it user, assistant, system or developer"
        ))),
    }
}
