//! What the gateway trusts when it speaks TLS to a provider.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the TLS library refused its own defaults")]
pub struct TlsSetupError {
    /// What the library said.
    #[from]
    source: rustls::Error,
}

/// TLS 1.2 and 1.3 with the machine's trusted roots; with Mozilla's, built in, on a
/// machine that has none (a bare container).
pub(super) fn client_config() -> Result<ClientConfig, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
