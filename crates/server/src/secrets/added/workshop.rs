//! From what is said about a provider to one that can be called.
//!
//! Whoever may say which address is called can have the gateway call what only it reaches, and have keys sent there. So a
//! provider is at its vendor's own address, or at one of the `custom_hosts` that the operator lists.

use orchestra_gateway::{KeyName, Providers};
use orchestra_providers::{Catalogue, Provider, Row, RowError, UnknownKind};
use orchestra_secrets::Origin;
use orchestra_types::ProviderId;

use super::Definition;
use crate::config::is_reserved;
use crate::secrets::wants::{ProviderWants, WantedKey, Wants};

/// Why a provider cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unbuildable {
    #[error(
        "a provider cannot be named {0:?}: the gateway has paths of its own under that name; choose another"
    )]
    Reserved(ProviderId),
    #[error(
        "a provider of the gateway's configuration has the name {0:?}; it is changed there, and nothing takes its place"
    )]
    Configured(ProviderId),
    #[error(
        "{slug:?} is the name of a vendor, and callers who name that one mean it: choose another name for a provider of {kind:?} \
         or at another address"
    )]
    VendorsName { slug: ProviderId, kind: String },
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    #[error(
        "providers of {0:?} have no address of their own: say theirs in `custom_host`, or configure the provider in [[providers]]"
    )]
    NoAddress(String),
    #[error("its address cannot be used: {0}")]
    Row(#[from] RowError),
    #[error(
        "{origin} is not among the `custom_hosts` that the operator lists in [portkey]: {listed}; add it there, or configure the \
         provider in [[providers]]"
    )]
    NotListed { origin: String, listed: String },
    #[error("its key cannot be referred to")]
    Key,
}

impl Unbuildable {
    /// What of a call for it is at fault, by the names that Portkey has for it.
    pub(crate) const fn place(&self) -> &'static str {
        match self {
            Self::Reserved(_) | Self::Configured(_) | Self::VendorsName { .. } | Self::Key => {
                "slug"
            }
            Self::Kind(_) => "provider",
            Self::NoAddress(_) | Self::Row(_) | Self::NotListed { .. } => "custom_host",
        }
    }
}

/// What providers are made of.
#[derive(Debug)]
pub(crate) struct Workshop {
    catalogue: Catalogue,
    custom_hosts: Vec<Origin>,
}

impl Workshop {
    pub(crate) const fn new(catalogue: Catalogue, custom_hosts: Vec<Origin>) -> Self {
        Self {
            catalogue,
            custom_hosts,
        }
    }

    /// The catalogue's name of a vendor, which other gateways may know by another. What nobody knows stays as it is.
    pub(crate) fn kind<'k>(&'k self, named: &'k str) -> &'k str {
        let called = |kind: &&str| {
            let row = self.catalogue.get(kind);
            let also = row.and_then(|row| row.also_called.as_ref());
            also.is_some_and(|also| also.iter().any(|name| name == named))
        };
        match self.catalogue.get(named) {
            Some(_) => named,
            None => self.catalogue.kinds().find(called).unwrap_or(named),
        }
    }

    /// A provider beside these. `base_url` stands in place of the vendor's own address.
    pub(crate) fn build(
        &self,
        slug: &ProviderId,
        kind: &str,
        base_url: Option<&str>,
        beside: &Providers,
    ) -> Result<Provider, Unbuildable> {
        self.check_name(slug, kind, base_url, beside)?;
        let written = Row {
            kind: Some(kind.to_owned()),
            base_url: base_url.map(str::to_owned),
            ..Row::default()
        };
        let row = self.catalogue.complete(slug, &written)?;
        if row.base_url.is_none() {
            return Err(Unbuildable::NoAddress(kind.to_owned()));
        }
        let provider = Provider::build(slug.clone(), &row)?;
        self.check_address(&provider, base_url)?;
        Ok(provider)
    }

    fn check_name(
        &self,
        slug: &ProviderId,
        kind: &str,
        base_url: Option<&str>,
        beside: &Providers,
    ) -> Result<(), Unbuildable> {
        if is_reserved(slug) {
            return Err(Unbuildable::Reserved(slug.clone()));
        }
        let taken = beside.member(slug.as_str());
        if taken.is_some_and(|member| !beside.is_added(member)) {
            return Err(Unbuildable::Configured(slug.clone()));
        }
        let named = self.kind(slug.as_str());
        let is_vendors = self.catalogue.get(named).is_some();
        if is_vendors && (named != kind || base_url.is_some()) {
            let (slug, kind) = (slug.clone(), kind.to_owned());
            return Err(Unbuildable::VendorsName { slug, kind });
        }
        Ok(())
    }

    /// A vendor's address on this machine is one that the operator lists, too.
    fn check_address(
        &self,
        provider: &Provider,
        base_url: Option<&str>,
    ) -> Result<(), Unbuildable> {
        let origin = provider.origin();
        let is_vendors = base_url.is_none() && origin.starts_with("https://");
        let listed = || Origin::of_url(origin).is_ok_and(|o| self.custom_hosts.contains(&o));
        if is_vendors || listed() {
            return Ok(());
        }
        let names: Vec<&str> = self.custom_hosts.iter().map(Origin::as_str).collect();
        Err(Unbuildable::NotListed {
            origin: origin.to_owned(),
            listed: if names.is_empty() {
                "none is".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            },
        })
    }
}

/// Where the key of a provider is that was made here. What goes along with configured keys belongs to other accounts.
pub(crate) fn wants(provider: &Provider) -> Result<ProviderWants, Unbuildable> {
    let slug = provider.id();
    let origin = Origin::of_url(provider.origin()).map_err(|_| Unbuildable::Key)?;
    let reference = Definition::reference(slug).map_err(|_| Unbuildable::Key)?;
    let name = KeyName::new(&reference.to_string()).map_err(|_| Unbuildable::Key)?;
    let key = WantedKey {
        name,
        reference,
        weight: std::num::NonZeroU32::MIN,
    };
    Ok(ProviderWants {
        provider: slug.clone(),
        origin,
        keys: Wants::Written(vec![key]),
        companions: Vec::new(),
    })
}
