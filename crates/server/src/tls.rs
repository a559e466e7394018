//! TLS: the certificate and its key, which are exchanged while connections live on.

mod validity;

use std::{
    fmt,
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chatloom_wire::Timestamp;
use parking_lot::{Mutex, RwLock};
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{net::TcpStream, sync::Semaphore};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub use self::validity::validity;
use crate::config::TlsSection;

/// The most of a file that is read: chains have some kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {problem}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Certificate and key cannot be used.
    #[error("certificate {certificate} and key {key}: {problem}")]
    Pair {
        /// File of the certificate.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// TLS itself cannot be set up.
    #[error("TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// What a look at the files found.
#[derive(Debug)]
pub(crate) enum Look {
    /// What was found there the last time.
    Same,
    /// Another certificate, good until then.
    Taken(Option<Timestamp>),
    /// Something that cannot be used; the certificate stays the one before.
    Kept(TlsError),
}

/// Accepts TLS connections with the newest certificate.
pub(crate) struct Tls {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
    handshakes: Arc<Semaphore>,
    handshake_timeout: Duration,
    hasher: RandomState,
    /// Hash of what was last found in the files.
    seen: Mutex<u64>,
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("too many handshakes at once")]
    TooMany,
    #[error("the client took too long")]
    TimedOut,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// The certificate of new connections.
struct Current(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current(redacted)")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

impl Tls {
    /// As configured; `None` when the server is to speak plain HTTP.
    pub(crate) fn open(config: &TlsSection) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (&config.certificate, &config.key) else {
            return Ok(None);
        };
        let files = Files { certificate: certificate.clone(), key: key.clone() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let hasher = RandomState::new();
        let (chain, key) = files.read()?;
        let seen = hasher.hash_one((&chain, &key));
        let current = Arc::new(Current(RwLock::new(files.identity(&chain, &key, &provider)?)));
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        // Sockets need HTTP/1.1, and a client's other requests are few.
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Resumption without a table: the ticket holds the session, under a key that changes itself.
        server.ticketer = rustls::crypto::ring::Ticketer::new()?;
        Ok(Some(Self {
            files,
            provider,
            current,
            acceptor: TlsAcceptor::from(Arc::new(server)),
            handshakes: Arc::new(Semaphore::new(config.max_handshakes.min(Semaphore::MAX_PERMITS))),
            handshake_timeout: config.handshake_timeout.get(),
            hasher,
            seen: Mutex::new(seen),
        }))
    }

    /// Looks at the files, and takes over what is new in them. Blocks while it reads.
    pub(crate) fn look(&self) -> Look {
        let (chain, key) = match self.files.read() {
            Ok(read) => read,
            Err(error) => {
                // Said once, until the file is there again.
                let absent = self.hasher.hash_one(error.to_string());
                return if std::mem::replace(&mut *self.seen.lock(), absent) == absent {
                    Look::Same
                } else {
                    Look::Kept(error)
                };
            }
        };
        let found = self.hasher.hash_one((&chain, &key));
        if std::mem::replace(&mut *self.seen.lock(), found) == found {
            return Look::Same;
        }
        match self.files.identity(&chain, &key, &self.provider) {
            Ok(identity) => {
                *self.current.0.write() = identity;
                Look::Taken(self.good_until())
            }
            Err(error) => Look::Kept(error),
        }
    }

    /// Until when the present certificate is good, if that can be read.
    pub(crate) fn good_until(&self) -> Option<Timestamp> {
        validity(self.current.0.read().end_entity_cert().ok()?).map(|(_, until)| until)
    }

    /// The server's part of a handshake.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let _place = Arc::clone(&self.handshakes)
            .try_acquire_owned()
            .map_err(|_| HandshakeError::TooMany)?;
        match tokio::time::timeout(self.handshake_timeout, self.acceptor.accept(stream)).await {
            Ok(accepted) => Ok(accepted?),
            Err(_) => Err(HandshakeError::TimedOut),
        }
    }
}

impl Files {
    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
        let read = |path: &Path| -> Result<Vec<u8>, TlsError> {
            let mut bytes = Vec::new();
            File::open(path)
                .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
                .map_err(|error| TlsError::Read { path: path.to_owned(), error })?;
            Ok(bytes)
        };
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    /// A certificate with its key, from what the files hold. That they belong together is checked.
    fn identity(
        &self,
        chain: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, TlsError> {
        // Never with a part of the file: that may be the key.
        let wrong = |path: &Path, what: &str, error: Option<pem::Error>| TlsError::Content {
            path: path.to_owned(),
            problem: match error {
                None | Some(pem::Error::NoItemsFound) => format!("there is no {what} (PEM) in it"),
                Some(_) => format!("the {what} in it is damaged"),
            },
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&self.certificate, "certificate", Some(error)))?;
        if chain.is_empty() {
            return Err(wrong(&self.certificate, "certificate", None));
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| wrong(&self.key, "private key", Some(error)))?;
        let identity =
            CertifiedKey::from_der(chain, key, provider).map_err(|error| TlsError::Pair {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
                problem: error.to_string(),
            })?;
        Ok(Arc::new(identity))
    }
}
