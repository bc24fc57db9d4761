//! TLS to PostgreSQL: who is believed, and who is not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orchestra_secrets::Secret;
use orchestra_secrets::backend::{BackendError, Mode, Patience, PostgresBackend};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::databases;
use crate::proxy::Proxy;

/// An authority of a test, with its certificate in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { issuer, file }
    }

    /// The server's side, with a certificate for this name.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

struct Stage {
    _folder: TempDir,
    ours: Authority,
    other: Authority,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            ours: Authority::new(folder.path(), "ours.pem"),
            other: Authority::new(folder.path(), "other.pem"),
            _folder: folder,
        }
    }
}

/// Connects, and uses the connection.
async fn attempt(address: &str, options: &str) -> Result<(), BackendError> {
    let address = Secret::new(format!("{address}?{options}"));
    let backend = PostgresBackend::connect_with(&address, Patience::default()).await?;
    let mut transaction = orchestra_secrets::backend::Backend::begin(&backend, Mode::Read).await?;
    transaction.query("SELECT 1", Vec::new()).await?;
    Ok(())
}

/// Whether the connection comes about, with a server whose certificate our authority gave out for this name.
async fn check(stage: &Stage, name: &str, options: &str, root: Option<&Authority>, expected: bool) {
    let server = databases::server();
    let proxy = Proxy::before(&server, Some(stage.ours.acceptor(name))).await;
    let root = root.map_or_else(String::new, |root| {
        format!("&sslrootcert={}", root.file.display())
    });
    let options = format!("{options}{root}");
    match attempt(proxy.address(), &options).await {
        Ok(()) => assert!(expected, "{name} {options}"),
        Err(BackendError::Tls(cause)) => assert!(!expected, "{name} {options}: {cause}"),
        Err(other) => panic!("{name} {options}: {other:?}"),
    }
}

#[tokio::test]
async fn a_server_is_believed_as_far_as_the_mode_says() {
    let stage = Stage::new();
    let (ours, other) = (Some(&stage.ours), Some(&stage.other));
    let cases = [
        ("127.0.0.1", "sslmode=verify-full", ours, true),
        ("127.0.0.1", "sslmode=verify-full", other, false),
        ("127.0.0.1", "sslmode=verify-full", None, false),
        ("db.example", "sslmode=verify-full", ours, false),
        ("db.example", "sslmode=verify-ca", ours, true),
        ("db.example", "sslmode=verify-ca", other, false),
        ("db.example", "sslmode=require", None, true),
        ("db.example", "sslmode=require", ours, true),
        ("db.example", "sslmode=require", other, false),
        ("db.example", "sslmode=prefer", None, true),
    ];
    for (name, options, root, expected) in cases {
        check(&stage, name, options, root, expected).await;
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let proxy = Proxy::before(&databases::server(), None).await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = attempt(proxy.address(), &format!("sslmode={mode}"))
            .await
            .unwrap_err();
        assert!(matches!(error, BackendError::Tls(_)), "{error:?}");
        assert!(error.to_string().contains("sslmode=disable"));
    }
    attempt(proxy.address(), "sslmode=disable").await.unwrap();
    attempt(proxy.address(), "sslmode=prefer").await.unwrap();
}

#[tokio::test]
async fn a_file_of_certificates_must_be_there() {
    let proxy = Proxy::before(&databases::server(), None).await;
    let options = "sslmode=verify-full&sslrootcert=/no/such/file";
    let error = attempt(proxy.address(), options).await.unwrap_err();
    assert!(matches!(error, BackendError::Address(_)), "{error:?}");
    assert!(error.to_string().contains("sslrootcert"), "{error}");
}
