//! TLS.

use std::path::PathBuf;

use super::{
    Config, ConfigError, Period,
    section::{Check, section},
};

section! {
    /// TLS, when the server has it itself rather than a proxy in front. Without `certificate` and
    /// `key`, the server speaks plain HTTP.
    pub struct TlsSection {
        /// File of the certificate and those it was issued by, as PEM, its own first. A new file is
        /// taken over while the server runs; one that cannot be used is not, and the log says why.
        pub certificate: Option<PathBuf> = None,
        /// File of the certificate's private key, as PEM.
        pub key: Option<PathBuf> = None,
        /// How long a client may take for the handshake; then its connection is closed.
        pub handshake_timeout: Period = Period::seconds(10),
        /// Handshakes at once. Further connections are closed as they come.
        pub max_handshakes: usize = 1_024,
    }
}

impl Check for TlsSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.certificate.is_some() != self.key.is_some() {
            return ConfigError::at("tls", "certificate and key are needed both, or none of them");
        }
        if self.max_handshakes == 0 || self.handshake_timeout.as_millis() == 0 {
            return ConfigError::at("tls", "max_handshakes and handshake_timeout must not be 0");
        }
        Ok(())
    }
}
