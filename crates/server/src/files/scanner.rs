//! What looks at a file before anybody may have it: a program or a service of the operator's.

use std::{fs::File, path::Path, process::Stdio, sync::Arc, time::Duration};

use axum::body::Body;
use futures_util::stream;
use http::{Method, Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, process::Command, task::JoinSet};

use crate::{
    blob::{BlobError, Blobs},
    chats::Pending,
    config::AttachmentsSection,
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
    Service(ScannerUrl),
}

/// A service that files are posted to: plain HTTP, since it is on this machine or beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScannerUrl {
    /// Host and port.
    authority: String,
    /// Path and query, which may hold a secret.
    path: Uri,
}

impl ScannerUrl {
    /// Reads a URL such as `http://127.0.0.1:8080/scan`; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        if uri.scheme_str() != Some("http") || authority.host().is_empty() {
            return None;
        }
        let port = authority.port_u16().unwrap_or(80);
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).parse().ok()?;
        Some(Self { authority: format!("{}:{port}", authority.host()), path })
    }
}

impl Scanner {
    pub(super) fn from_config(settings: &AttachmentsSection) -> Option<Self> {
        let how = match settings.scanner_command.split_first() {
            Some((program, arguments)) => {
                How::Program { program: program.clone(), arguments: arguments.to_vec() }
            }
            // The configuration has been checked: without a URL there is no scanner.
            None => How::Service(ScannerUrl::parse(settings.scanner_url.as_ref()?.expose())?),
        };
        Some(Self { how, limit: settings.scanner_timeout.get() })
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
                How::Service(url) => post(url, blobs, file).await.unwrap_or_else(Verdict::Unknown),
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
async fn post(url: &ScannerUrl, blobs: &Arc<dyn Blobs>, file: &Pending) -> Result<Verdict, String> {
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
    let failed = |error: &dyn std::fmt::Display| format!("it cannot be reached: {error}");
    let stream = TcpStream::connect(&url.authority).await.map_err(|error| failed(&error))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    // Ended with this call.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
    Ok(match answer.status().as_u16() {
        200..=299 => Verdict::Approved,
        400..=499 => Verdict::Rejected,
        status => Verdict::Unknown(format!("it answered {status}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_on_plain_http() {
        for (text, authority, path) in [
            ("http://127.0.0.1:8080/scan?key=x", "127.0.0.1:8080", "/scan?key=x"),
            ("http://scanner", "scanner:80", "/"),
            ("http://[::1]:9/", "[::1]:9", "/"),
        ] {
            let url = ScannerUrl::parse(text).unwrap();
            assert_eq!((&*url.authority, url.path.to_string().as_str()), (authority, path));
        }
        for text in ["", "scanner", "https://scanner/", "ftp://a/", "http://", "http://u:p@a/"] {
            assert_eq!(ScannerUrl::parse(text), None, "{text}");
        }
    }
}
