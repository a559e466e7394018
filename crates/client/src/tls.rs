//! One TLS configuration for HTTP and sockets: rustls with the ring provider, and the trust of the
//! operating system.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Makes the configuration. `required` says whether the endpoint needs it: a machine without any
/// trusted certificates can still talk to a server on the same machine in plain text.
pub(crate) fn config(required: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    match trusting_the_system(Arc::clone(&provider)) {
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

fn trusting_the_system(provider: Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
    Ok(builder(provider)?.with_platform_verifier()?.with_no_client_auth())
}

fn builder(
    provider: Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    // Named rather than taken from the process: a library must not depend on what others installed.
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}
