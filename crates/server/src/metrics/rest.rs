//! Calls to Portkey's own REST interface, which are about the gateway and reach no provider.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use super::text::{Kind, Text};

/// By what was asked for, and the class of the status. They are rare, so a lock will do.
#[derive(Debug, Default)]
pub(super) struct RestCalls(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl RestCalls {
    pub(super) fn count(&self, operation: &'static str, status: StatusCode) {
        let class = match status.as_u16() / 100 {
            2 => "2xx",
            4 => "4xx",
            _ => "5xx",
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((operation, class)).or_default() += 1;
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "orchestra_rest_calls_total";
        let help = "Calls to the paths of Portkey's own REST interface, by what was asked for.";
        text.family(name, Kind::Counter, help);
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((operation, status), count) in counts.iter() {
            let labels = [("operation", *operation), ("status", *status)];
            text.sample(name, &labels, count);
        }
    }
}
