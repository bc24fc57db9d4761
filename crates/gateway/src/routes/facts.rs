//! What a tree may ask of a call.

use std::borrow::Cow;
use std::time::Duration;

use orchestra_routing::Facts;
use orchestra_types::KeyId;
use serde_json::Value;

use super::beginning::beginning;
use crate::call::Call;

/// A call as a tree sees it.
#[derive(Debug)]
pub(crate) struct CallFacts<'c> {
    call: &'c Call,
    client: Option<&'c KeyId>,
    unix: Duration,
    /// The end user that the body names.
    user: Option<String>,
}

impl<'c> CallFacts<'c> {
    pub(crate) fn new(call: &'c Call, client: Option<&'c KeyId>, unix: Duration) -> Self {
        let user = call.member("user");
        Self {
            call,
            client,
            unix,
            user: user.and_then(|json| serde_json::from_str(json).ok()),
        }
    }
}

impl Facts for CallFacts<'_> {
    /// `_user` is the body's `user` where the metadata has none, as Portkey has it.
    fn metadata(&self, name: &str) -> Option<&str> {
        let metadata = &self.call.directions.metadata;
        let user = || self.user.as_deref().filter(|_| name == "_user");
        metadata.get(name).map(String::as_str).or_else(user)
    }

    fn param(&self, name: &str) -> Option<Cow<'_, Value>> {
        let value = serde_json::from_str(self.call.member(name)?).ok()?;
        Some(Cow::Owned(value))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.call.headers.get(name)?.to_str().ok()
    }

    fn path(&self) -> &str {
        let path = &self.call.directions.path;
        if path.is_empty() {
            self.call.endpoint.path()
        } else {
            path
        }
    }

    fn unix(&self) -> Duration {
        self.unix
    }

    fn caller(&self) -> &str {
        self.client.map_or("", KeyId::as_str)
    }

    fn beginning(&self) -> Option<String> {
        beginning(self.call)
    }
}
