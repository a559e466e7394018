//! TLS of the server's own.

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc};

use chatloom_server::{Config, Server, StartError, Stopped, chats::SystemClock};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    Site,
    authority::{Authority, Issued},
    eventually,
    http::{Request, Response},
    soon, text,
};

const ALL: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;

/// A handshake with a server that fails unless this authority vouches for it.
async fn connect(
    authority: &Authority,
    address: SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::from(address.ip());
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// A demo with TLS, and the files of its certificate.
struct Secured {
    site: Site,
    authority: Authority,
    files: TempDir,
}

impl Secured {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let (authority, files) = (Authority::new(), tempfile::tempdir().unwrap());
        write(&files, &authority.issue("first.example"));
        let site = Site::demo_with(|config| {
            (config.tls.certificate, config.tls.key) = paths(&files);
            // Only when asked to, and in one test by itself.
            config.set("server.watch", "1h", "test").unwrap();
            change(config);
        })
        .await;
        Self { site, authority, files }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        soon("a handshake", connect(&self.authority, self.site.address, ALL)).await.unwrap()
    }

    async fn send(&self, request: Request) -> Response {
        let mut stream = self.connect().await;
        stream.write_all(&request.to_bytes(self.site.address)).await.unwrap();
        Response::read(stream).await
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Request::get(path)).await
    }

    /// The certificate that a new connection is shown.
    async fn shown(&self) -> Vec<u8> {
        let stream = self.connect().await;
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }

    async fn figure(&self, name: &str) -> f64 {
        let response = self.get("/metrics").await;
        let value =
            response.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    }

    async fn until_figure(&self, name: &str, value: f64) {
        eventually(name, || async { (self.figure(name).await >= value).then_some(()) }).await;
    }

    fn reload(&self) {
        self.site.running.as_ref().unwrap().reload(self.site.config.clone());
    }
}

fn paths(files: &TempDir) -> (Option<PathBuf>, Option<PathBuf>) {
    (Some(files.path().join("certificate.pem")), Some(files.path().join("key.pem")))
}

fn write(files: &TempDir, issued: &Issued) {
    fs::write(files.path().join("certificate.pem"), &issued.certificate).unwrap();
    fs::write(files.path().join("key.pem"), &issued.key).unwrap();
}

/// Whether the server closes a connection without a word.
async fn is_cut(mut stream: impl AsyncRead + Unpin) -> bool {
    let mut bytes = Vec::new();
    // What was not read at the other end makes it a reset.
    soon("the end of a connection", stream.read_to_end(&mut bytes)).await.is_err()
        || bytes.is_empty()
}

#[tokio::test]
async fn a_chat_goes_over_tls() {
    let secured = Secured::start(|_| {}).await;
    let (address, running) = (secured.site.address, secured.site.running.as_ref().unwrap());
    assert!(running.has_tls());
    assert_eq!(running.endpoint(), format!("https://{address}"));

    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = connect(&secured.authority, address, &[version]).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        // Sockets need it.
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    }

    let start = json!({ "ParticipantDetails": { "DisplayName": "Jane" } });
    let started = secured.send(Request::post("/start-chat").json(&start)).await.ok();
    let token = text(&started["data"]["startChatResult"]["ParticipantToken"]);
    let create = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
    let request = Request::post("/participant/connection").json(&create).bearer(&token);
    let connection = secured.send(request).await.ok();
    let url = text(&connection["Websocket"]["Url"]);
    assert!(url.starts_with(&format!("wss://{address}/socket?token=")));

    let stream = secured.connect().await;
    let upgrade = Box::pin(tokio_tungstenite::client_async(&url, stream));
    let (mut socket, _) = soon("a socket", upgrade).await.unwrap();
    let subscribe = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/chat"] } });
    futures_util::SinkExt::send(&mut socket, Message::text(subscribe.to_string())).await.unwrap();
    let frame = soon("a frame", futures_util::StreamExt::next(&mut socket)).await.unwrap().unwrap();
    let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
    assert_eq!(frame["content"]["status"], "success");

    // A stranger's authority does not vouch for it, and somebody without TLS is not understood.
    assert!(connect(&Authority::new(), address, ALL).await.is_err());
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end", plain.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn a_new_certificate_is_taken_over_and_connections_live_on() {
    let secured = Secured::start(|_| {}).await;
    let first = secured.shown().await;
    let mut old = secured.connect().await;
    // Not yet asked to look.
    write(&secured.files, &secured.authority.issue("second.example"));
    assert_eq!(secured.shown().await, first);
    secured.reload();
    secured.until_figure("chatloom_tls_certificates_taken_total", 1.0).await;
    let second = secured.shown().await;
    assert_ne!(second, first);

    // Broken in each way: the certificate stays, and the figures say so.
    let third = secured.authority.issue("third.example");
    let key = secured.files.path().join("key.pem");
    let certificate = secured.files.path().join("certificate.pem");
    let mut refused = 0.0;
    for break_it in [
        &(|| fs::write(&certificate, "no certificate").unwrap()) as &dyn Fn(),
        &|| fs::write(&certificate, &third.certificate).unwrap(),
        &|| fs::remove_file(&certificate).unwrap(),
        &|| {
            let only_keys = Issued { certificate: third.key.clone(), key: third.key.clone() };
            write(&secured.files, &only_keys);
        },
        &|| fs::write(&key, third.key.replace('A', "!")).unwrap(),
    ] {
        break_it();
        secured.reload();
        refused += 1.0;
        secured.until_figure("chatloom_tls_certificates_refused_total", refused).await;
        assert_eq!(secured.shown().await, second);
    }
    write(&secured.files, &third);
    secured.reload();
    secured.until_figure("chatloom_tls_certificates_taken_total", 2.0).await;
    assert_ne!(secured.shown().await, second);

    let request = Request::get("/healthz").to_bytes(secured.site.address);
    old.write_all(&request).await.unwrap();
    assert_eq!(Response::read(old).await.status, 200);
    let end = secured.figure("chatloom_tls_certificate_end_seconds").await;
    assert!(end > 1.8e9, "{end}");
}

#[tokio::test]
async fn the_files_are_looked_at_now_and_then() {
    let secured = Secured::start(|config| config.set("server.watch", "5ms", "test").unwrap()).await;
    let first = secured.shown().await;
    write(&secured.files, &secured.authority.issue("second.example"));
    eventually("another certificate", || async { (secured.shown().await != first).then_some(()) })
        .await;
}

#[tokio::test]
async fn handshakes_have_a_time_limit() {
    let secured = Secured::start(|config| {
        config.set("tls.handshake_timeout", "50ms", "test").unwrap();
    })
    .await;
    let silent = TcpStream::connect(secured.site.address).await.unwrap();
    assert!(is_cut(silent).await);
    secured.until_figure("chatloom_tls_handshakes_failed_total", 1.0).await;
}

#[tokio::test]
async fn handshakes_are_bounded() {
    let secured = Secured::start(|config| {
        config.set("tls.max_handshakes", "1", "test").unwrap();
        config.set("tls.handshake_timeout", "1h", "test").unwrap();
    })
    .await;
    let first = TcpStream::connect(secured.site.address).await.unwrap();
    // Connections are accepted in order: this one is one too many.
    assert!(is_cut(TcpStream::connect(secured.site.address).await.unwrap()).await);
    drop(first);
    eventually("a place", || async {
        connect(&secured.authority, secured.site.address, ALL).await.ok()
    })
    .await;
}

#[tokio::test]
async fn handshakes_of_an_address_are_bounded() {
    let secured = Secured::start(|config| {
        config.set("tls.handshake_timeout", "1h", "test").unwrap();
        config.set("addresses.handshakes", "1", "test").unwrap();
        config.addresses.exempt.clear();
    })
    .await;
    let mut open = secured.connect().await;
    // When it is answered, its handshake is over for the server too.
    open.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert_ne!(soon("an answer", open.read_buf(&mut answer)).await.unwrap(), 0);
    }
    let first = TcpStream::connect(secured.site.address).await.unwrap();
    assert!(is_cut(TcpStream::connect(secured.site.address).await.unwrap()).await);
    // What is open already goes on, and a handshake that is over counts no more.
    let figures = Request::get("/metrics").to_bytes(secured.site.address);
    open.write_all(&figures).await.unwrap();
    let figures = Response::read(open).await;
    assert_eq!(figures.status, 200);
    let refused = "chatloom_connections_refused_total{bound=\"address_handshakes\"} 1\n";
    assert!(figures.body.contains(refused), "{}", figures.body);
    drop(first);
    eventually("a place", || async {
        connect(&secured.authority, secured.site.address, ALL).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_stop_cuts_handshakes_and_answers_the_rest() {
    let mut secured = Secured::start(|config| {
        config.set("tls.handshake_timeout", "1h", "test").unwrap();
    })
    .await;
    let silent = TcpStream::connect(secured.site.address).await.unwrap();
    let idle = secured.connect().await;
    assert_eq!(secured.site.stop().await, Stopped::Drained);
    assert!(is_cut(silent).await);
    assert!(is_cut(idle).await);
}

#[tokio::test]
async fn a_server_without_a_usable_certificate_does_not_start() {
    let (authority, files) = (Authority::new(), tempfile::tempdir().unwrap());
    let data = tempfile::tempdir().unwrap();
    let start = || async {
        let mut config = Config::demo();
        config.server.data = data.path().to_owned();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        (config.tls.certificate, config.tls.key) = paths(&files);
        match Server::start(config, Arc::new(SystemClock)).await {
            Err(StartError::Tls(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(start().await.contains("certificate.pem"));
    let (one, other) = (authority.issue("one.example"), authority.issue("other.example"));
    write(&files, &Issued { certificate: one.certificate.clone(), key: other.key });
    assert!(start().await.contains("key.pem"));
    write(&files, &Issued { certificate: String::new(), key: one.key.clone() });
    assert!(start().await.contains("no certificate"));
    write(&files, &Issued { certificate: one.certificate.clone(), key: one.certificate });
    assert!(start().await.contains("no private key"));
    let damaged: String = one.key.lines().map(|line| line.replace("MIG", "!!!") + "\n").collect();
    let good = authority.issue("good.example").certificate;
    write(&files, &Issued { certificate: good, key: damaged.clone() });
    let error = start().await;
    assert!(error.contains("damaged"), "{error}");
    assert!(!error.contains(damaged.lines().nth(1).unwrap()), "{error}");
}
