//! What looks at a file before anybody may have it: a program or a service of the operator's.

use std::{fmt, fs::File, path::Path, process::Stdio, sync::Arc, time::Duration};

use axum::body::Body;
use futures_util::stream;
use http::{Method, Request, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    process::Command,
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use crate::{
    blob::{BlobError, Blobs},
    chats::Pending,
    config::{AttachmentsSection, Secret},
    outgoing,
};

/// Stands for the path of the file in an argument.
const FILE: &str = "{file}";
/// A file is read and posted in pieces of this size.
const PIECE: usize = 64 * 1024;

/// What a scanner says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Participants may have the file.
    Approved,
    /// They may not.
    Rejected,
    /// Nobody knows, and why: they may not.
    Unknown(String),
}

/// What looks at files.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    how: How,
    limit: Duration,
}

#[derive(Clone, Debug)]
enum How {
    Program { program: String, arguments: Vec<String> },
    Service(ScannerUrl, Option<Arc<ClientConfig>>),
}

/// A service that files are posted to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ScannerUrl {
    /// Over TLS, by this name. Plain HTTP is for a service on this machine or beside it.
    secure: Option<ServerName<'static>>,
    /// Host and port.
    authority: String,
    /// Path and query, which may hold a secret.
    path: Uri,
}

impl fmt::Debug for ScannerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScannerUrl(redacted)")
    }
}

impl ScannerUrl {
    /// Reads a URL such as `http://127.0.0.1:8080/scan`; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = Some(authority.host()).filter(|host| !host.is_empty())?;
        let (secure, port) = match uri.scheme_str()? {
            "http" => (None, 80),
            "https" => {
                let name = host.trim_start_matches('[').trim_end_matches(']');
                (Some(ServerName::try_from(name.to_owned()).ok()?), 443)
            }
            _ => return None,
        };
        let port = authority.port_u16().unwrap_or(port);
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).parse().ok()?;
        Some(Self { secure, authority: format!("{host}:{port}"), path })
    }
}

/// A service at `https://` could never be reached.
#[derive(Debug, thiserror::Error)]
#[error(
    "attachments.scanner_url: {0}; a service at https:// needs the certificates that the machine \
     trusts (usually the package ca-certificates, or SSL_CERT_FILE)"
)]
pub struct ScannerError(rustls::Error);

impl Scanner {
    /// The one that is configured, if any.
    pub(super) fn from_config(settings: &AttachmentsSection) -> Result<Option<Self>, ScannerError> {
        let how = if let Some((program, arguments)) = settings.scanner_command.split_first() {
            How::Program { program: program.clone(), arguments: arguments.to_vec() }
        } else {
            // The configuration has been checked: without a URL there is no scanner.
            let url = settings.scanner_url.as_ref().map(Secret::expose);
            let Some(url) = url.and_then(ScannerUrl::parse) else { return Ok(None) };
            let trust = url.secure.is_some().then(outgoing::tls_for_http1).transpose();
            How::Service(url, trust.map_err(ScannerError)?.map(Arc::new))
        };
        Ok(Some(Self { how, limit: settings.scanner_timeout.get() }))
    }

    /// Looks at a file. When this is dropped, what looks at it is ended.
    pub(super) async fn look_at(&self, blobs: &Arc<dyn Blobs>, file: &Pending) -> Verdict {
        let look = async {
            match &self.how {
                How::Program { program, arguments } => {
                    match blobs.local(&file.chat, file.blob).await {
                        Ok(Some(path)) => run(program, arguments, &path).await,
                        Ok(None) => Verdict::Unknown("the file is gone".to_owned()),
                        Err(error) => Verdict::Unknown(error.to_string()),
                    }
                }
                How::Service(url, trust) => {
                    post(url, trust.as_ref(), blobs, file).await.unwrap_or_else(Verdict::Unknown)
                }
            }
        };
        match tokio::time::timeout(self.limit, look).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Unknown(format!("it took longer than {:?}", self.limit)),
        }
    }
}

async fn run(program: &str, arguments: &[String], path: &Path) -> Verdict {
    let Some(path_text) = path.to_str() else {
        return Verdict::Unknown("the path of the data folder is no text".to_owned());
    };
    let is_named = arguments.iter().any(|argument| argument.contains(FILE));
    let input = if is_named {
        Stdio::null()
    } else {
        match File::open(path) {
            Ok(file) => Stdio::from(file),
            Err(error) => return Verdict::Unknown(format!("cannot open the file: {error}")),
        }
    };
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(|argument| argument.replace(FILE, path_text)))
        // The environment of the server may hold its keys.
        .env_clear()
        .envs(
            ["PATH", "HOME", "LANG", "TMPDIR"]
                .into_iter()
                .filter_map(|name| std::env::var_os(name).map(|value| (name, value))),
        )
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match command.status().await {
        Ok(status) => match status.code() {
            Some(0) => Verdict::Approved,
            Some(1) => Verdict::Rejected,
            _ => Verdict::Unknown(format!("it ended with {status}")),
        },
        Err(error) => Verdict::Unknown(format!("cannot run {program}: {error}")),
    }
}

/// Posts a file piece by piece; the status of the answer is the verdict.
async fn post(
    url: &ScannerUrl,
    trust: Option<&Arc<ClientConfig>>,
    blobs: &Arc<dyn Blobs>,
    file: &Pending,
) -> Result<Verdict, String> {
    let open = blobs.open(&file.chat, file.blob, 0).await.map_err(|error| error.to_string())?;
    let open = open.ok_or("the file is gone")?;
    let size = open.size();
    let pieces = stream::try_unfold(open, async |mut open| {
        let bytes = open.read(PIECE).await?;
        Ok::<_, BlobError>((!bytes.is_empty()).then_some((bytes, open)))
    });
    let request = Request::builder()
        .method(Method::POST)
        .uri(url.path.clone())
        .header(header::HOST, &url.authority)
        .header(header::CONTENT_TYPE, &file.content_type)
        .header(header::CONTENT_LENGTH, size)
        .body(Body::from_stream(pieces))
        .map_err(|error| error.to_string())?;
    let status = send(url, trust, request)
        .await
        .map_err(|error| format!("it cannot be reached: {error}"))?;
    Ok(match status.as_u16() {
        200..=299 => Verdict::Approved,
        400..=499 => Verdict::Rejected,
        status => Verdict::Unknown(format!("it answered {status}")),
    })
}

/// Sends a request on a connection of its own; the status of the answer.
async fn send(
    url: &ScannerUrl,
    trust: Option<&Arc<ClientConfig>>,
    request: Request<Body>,
) -> Result<StatusCode, String> {
    let stream = TcpStream::connect(&url.authority).await.map_err(|error| error.to_string())?;
    match &url.secure {
        None => exchange(stream, request).await.map_err(|error| error.to_string()),
        Some(name) => {
            let trust = trust.ok_or("no trusted certificates")?;
            let connector = TlsConnector::from(Arc::clone(trust));
            let stream = connector.connect(name.clone(), stream).await;
            let stream = stream.map_err(|error| error.to_string())?;
            exchange(stream, request).await.map_err(|error| error.to_string())
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Body>,
) -> hyper::Result<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ended with this call.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    Ok(sender.send_request(request).await?.status())
}

#[cfg(test)]
mod tests {
    use rustls::{RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use super::*;

    #[test]
    fn services_are_named_by_urls() {
        for (text, authority, path, secure) in [
            ("http://127.0.0.1:8080/scan?key=x", "127.0.0.1:8080", "/scan?key=x", false),
            ("http://scanner", "scanner:80", "/", false),
            ("http://[::1]:9/", "[::1]:9", "/", false),
            ("https://scanner.example/x", "scanner.example:443", "/x", true),
            ("https://[::1]:9/", "[::1]:9", "/", true),
        ] {
            let url = ScannerUrl::parse(text).unwrap();
            assert_eq!((&*url.authority, url.path.to_string().as_str()), (authority, path));
            assert_eq!(url.secure.is_some(), secure, "{text}");
        }
        for text in ["", "scanner", "ftp://a/", "http://", "https://", "https://u:p@a/"] {
            assert_eq!(ScannerUrl::parse(text), None, "{text}");
        }
    }

    /// A service over TLS that answers 204, and what trusts it.
    async fn service() -> (u16, ClientConfig) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certified.cert.der().clone()).unwrap();
        let trust = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(server));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Who does not trust us goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"a file") {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            }
        });
        (port, trust)
    }

    #[tokio::test]
    async fn a_service_over_tls_has_to_be_trusted() {
        let (port, trust) = service().await;
        let (_, stranger) = service().await;
        let request = || {
            let request = Request::builder().method(Method::POST).uri("/scan");
            request.header(header::CONTENT_LENGTH, 6).body(Body::from("a file")).unwrap()
        };
        let url = |host: &str| ScannerUrl::parse(&format!("https://{host}:{port}/scan")).unwrap();
        let (trust, stranger) = (Arc::new(trust), Arc::new(stranger));
        let answer = send(&url("localhost"), Some(&trust), request()).await;
        assert_eq!(answer, Ok(StatusCode::NO_CONTENT));
        // Of somebody else, under another name, and without any trust.
        for (host, trust) in
            [("localhost", Some(&stranger)), ("127.0.0.1", Some(&trust)), ("localhost", None)]
        {
            let refused = send(&url(host), trust, request()).await;
            assert!(refused.is_err(), "{host}: {refused:?}");
        }
        // A machine without certificates fails the start instead; the program's tests look at that.
        if let Ok(config) = outgoing::tls_for_http1() {
            assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
        }
    }
}
