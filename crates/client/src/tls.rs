//! One TLS configuration for HTTP and sockets: rustls with the ring provider, and the trust of the
//! operating system.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

/// Makes the configuration. `required` says whether the endpoint needs it: a machine without any
/// trusted certificates can still talk to a server on the same machine in plain text. `more` are
/// trusted as well.
pub(crate) fn config(
    required: bool,
    more: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    match trusting_the_system(Arc::clone(&provider), more) {
        Err(error) if required => Err(error),
        Err(error) => {
            tracing::debug!(%error, "no trusted certificates: only plain connections will work");
            Ok(builder(provider)?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth())
        }
        Ok(config) => Ok(config),
    }
}

/// The certificates in a text (PEM); `None` when one is damaged or there is none.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!found.is_empty()).then_some(found)
}

fn trusting_the_system(
    provider: Arc<CryptoProvider>,
    more: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, rustls::Error> {
    let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider))?;
    Ok(builder(provider)?
        .dangerous()
        // The platform's own; "dangerous" are those that somebody wrote.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn builder(
    provider: Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    // Named rather than taken from the process: a library must not depend on what others installed.
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}
