//! What a tree may ask of a call.

use std::cell::OnceCell;
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
    beginning: OnceCell<Option<String>>,
    params: Params,
}

/// Members of the body that a tree has asked for, each read once: a caller's tree may ask a thousand times for what is as long as
/// a body may be.
#[derive(Debug, Default)]
struct Params(OnceCell<Box<Param>>);

#[derive(Debug)]
struct Param {
    name: String,
    value: Option<Value>,
    next: Params,
}

impl Params {
    /// The member with this name, which stands in the body as `json`.
    fn read(&self, name: &str, json: &str) -> Option<&Value> {
        let mut list = self;
        loop {
            let param = list.0.get_or_init(|| {
                Box::new(Param {
                    name: name.to_owned(),
                    value: serde_json::from_str(json).ok(),
                    next: Self::default(),
                })
            });
            if param.name == name {
                return param.value.as_ref();
            }
            list = &param.next;
        }
    }
}

impl<'c> CallFacts<'c> {
    pub(crate) fn new(call: &'c Call, client: Option<&'c KeyId>, unix: Duration) -> Self {
        let user = call.member("user");
        Self {
            call,
            client,
            unix,
            user: user.and_then(|json| serde_json::from_str(json).ok()),
            beginning: OnceCell::new(),
            params: Params::default(),
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

    fn param(&self, name: &str) -> Option<&Value> {
        self.params.read(name, self.call.member(name)?)
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

    fn beginning(&self) -> Option<&str> {
        let read = || beginning(self.call);
        self.beginning.get_or_init(read).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_once() {
        let params = Params::default();
        assert_eq!(params.read("a", "1"), Some(&1.into()));
        assert_eq!(params.read("b", "{"), None);
        assert_eq!(params.read("a", "2"), Some(&1.into()));
        assert_eq!(params.read("b", "2"), None);
    }
}
