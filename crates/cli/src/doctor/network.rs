//! Names, connections and TLS.

use std::{io, sync::Arc};

use chatloom_server::{
    chats::{Clock as _, SystemClock},
    tls::validity,
};
use reqwest::Url;
use rustls::{
    CertificateError, ClientConfig,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{PATIENCE, report::Report};

/// A certificate that ends so soon is told of, in milliseconds.
const SOON_MS: i64 = 14 * 24 * 3_600 * 1_000;

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_secure: bool,
}

impl Place {
    /// Of a URL with `http`, `https`, `ws` or `wss`.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let is_secure = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return None,
        };
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { host, port: url.port_or_known_default()?, is_secure })
    }
}

/// How the network is used.
pub(super) struct Network {
    pub(super) http: reqwest::Client,
    tls: Arc<ClientConfig>,
}

/// A connection, with TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Network {
    /// Trusts what the operating system trusts, and these (PEM).
    pub(super) fn new(trusted: &[u8]) -> anyhow::Result<Self> {
        let more: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(trusted).collect::<Result<_, _>>()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(more, Arc::clone(&provider));
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = match verifier {
            Ok(verifier) => builder
                .dangerous()
                // The platform's own; "dangerous" are those that somebody wrote.
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth(),
            // A machine that trusts nobody can still look at a server without TLS.
            Err(_) => {
                builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
            }
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, tls: Arc::new(tls) })
    }

    /// Name, connection and TLS, each with what was found.
    pub(super) async fn reach(&self, place: &Place, report: &mut Report) -> anyhow::Result<bool> {
        let Place { host, port, is_secure } = place;
        let found = timeout(PATIENCE, tokio::net::lookup_host((host.as_str(), *port))).await;
        let addresses: Vec<_> = match found {
            Ok(Ok(found)) => found.collect(),
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            report.bad(
                "name",
                &format!("{host} has no address"),
                "look at the spelling, and at the DNS records of the name",
            )?;
            return Ok(false);
        }
        let listed: Vec<String> = addresses.iter().map(|one| one.ip().to_string()).collect();
        report.good("name", &format!("{host} is {}", listed.join(", ")))?;

        let mut reached = 0;
        for address in &addresses {
            match timeout(PATIENCE, TcpStream::connect(address)).await {
                Ok(Ok(_)) => reached += 1,
                Ok(Err(error)) => report.warn(
                    "network",
                    &format!("{address}: {error}"),
                    "clients try it too: take the record out or let something listen there",
                )?,
                Err(_) => report.warn(
                    "network",
                    &format!("{address}: no answer in {} s", PATIENCE.as_secs()),
                    "look at firewalls and routes: what drops packets makes clients wait",
                )?,
            }
        }
        if reached == 0 {
            report.bad(
                "network",
                &format!("nothing can be reached at port {port}"),
                "look whether the server or its proxy runs and listens beyond loopback, and at \
                 firewalls",
            )?;
            return Ok(false);
        }
        report.good("network", &format!("port {port} is open"))?;
        if !is_secure {
            let is_here = addresses.iter().all(|address| address.ip().is_loopback());
            if is_here {
                return Ok(true);
            }
            report.warn(
                "tls",
                "there is none: tokens and messages can be read on the way",
                "set tls.certificate and tls.key, or put a proxy with TLS in front",
            )?;
            return Ok(true);
        }
        self.handshake(place, report).await
    }

    async fn handshake(&self, place: &Place, report: &mut Report) -> anyhow::Result<bool> {
        let stream = match self.open(place).await {
            Ok(Stream::Tls(stream)) => stream,
            Ok(Stream::Plain(_)) => return Ok(true),
            Err(error) => {
                let (found, fix) = tls_problem(&error);
                report.bad("tls", &found, fix)?;
                return Ok(false);
            }
        };
        let session = stream.get_ref().1;
        let chain = session.peer_certificates().unwrap_or_default();
        let version = session.protocol_version().and_then(|version| version.as_str());
        let until = chain.first().and_then(|own| validity(own)).map(|(_, until)| until);
        let found = format!(
            "{}, {} certificates, good until {}",
            version.unwrap_or("TLS"),
            chain.len(),
            until.map_or_else(|| "nobody knows".to_owned(), |until| until.to_string())
        );
        let left = until.map(|until| until.as_millis() - SystemClock.now().as_millis());
        if left.is_some_and(|left| left < SOON_MS) {
            report.warn(
                "tls",
                &found,
                "the certificate ends soon: renew it; the server takes the new files over by itself",
            )?;
        } else {
            report.good("tls", &found)?;
        }
        Ok(true)
    }

    /// Opens a connection.
    pub(super) async fn open(&self, place: &Place) -> io::Result<Stream> {
        let opening = async {
            let stream = TcpStream::connect((place.host.as_str(), place.port)).await?;
            if !place.is_secure {
                return Ok(Stream::Plain(stream));
            }
            let name = ServerName::try_from(place.host.clone()).map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            Ok(Stream::Tls(Box::new(connector.connect(name, stream).await?)))
        };
        timeout(PATIENCE, opening).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// What is wrong with TLS, and what to do.
fn tls_problem(error: &io::Error) -> (String, &'static str) {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let fix = match inner {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired: renew it, and look whether this machine's clock is right"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not good yet: look at the clocks of both machines"
            }
            CertificateError::UnknownIssuer => {
                "nobody who is trusted here issued it: serve the whole chain (fullchain.pem), or name \
                 your own authority with --ca"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for another name: get one for the name in the endpoint"
            }
            _ => "the certificate cannot be used: get another one",
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            "what listens there speaks no TLS: use http://, or set tls.certificate and tls.key"
        }
        _ => "look at what listens there: TLS 1.2 or 1.3 is needed",
    };
    (error.to_string(), fix)
}

/// Why a request failed, with its causes and without its URL.
pub(super) fn why(error: &reqwest::Error) -> String {
    let mut text = "the request failed".to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
