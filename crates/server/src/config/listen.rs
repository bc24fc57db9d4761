//! The address to listen on.

use std::net::{Ipv4Addr, SocketAddr};

use serde::de::{Deserialize, Deserializer, Error};

/// An address and a port, such as `127.0.0.1:8000` or `[::1]:8000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl Default for Listen {
    fn default() -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, 8000)))
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let unusable = || {
            format!(
                "{text:?} is no address to listen on: write one as \"127.0.0.1:8000\" or \"0.0.0.0:8000\""
            )
        };
        text.parse()
            .map(Self)
            .map_err(|_| D::Error::custom(unusable()))
    }
}
