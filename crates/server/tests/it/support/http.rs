//! The least HTTP client: one request on a connection, also one that is wrong on purpose.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::soon;

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    #[must_use]
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    #[must_use]
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("X-Amz-Bearer", token)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The request as it goes over the wire.
    pub(crate) fn to_bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = vec![format!("{} {} HTTP/1.1", self.method, self.path)];
        head.push("Connection: close".to_owned());
        if self.find("Host").is_none() {
            head.push(format!("Host: {address}"));
        }
        if self.find("Transfer-Encoding").is_none() && self.find("Content-Length").is_none() {
            head.push(format!("Content-Length: {}", self.body.len()));
        }
        head.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let text = head.join("\r\n") + "\r\n\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(crate) async fn send(&self, address: SocketAddr) -> Response {
        let stream = TcpStream::connect(address).await.unwrap();
        exchange(stream, &self.to_bytes(address)).await
    }
}

/// Writes bytes and reads the answer.
pub(crate) async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Response {
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    Response::read(stream).await
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body as text, if it is text.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Response {
    /// Reads an answer to the end of the connection.
    pub(crate) async fn read(mut stream: impl AsyncRead + Unpin) -> Self {
        let mut bytes = Vec::new();
        // A server that closes before it has read everything resets the connection; what it said
        // counts.
        let _ = soon("an answer", stream.read_to_end(&mut bytes)).await;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            panic!("no answer but {:?}", String::from_utf8_lossy(bytes));
        };
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let bytes = bytes[end + 4..].to_vec();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        Self { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| &**value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer that is no error.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(self.header("x-amzn-requestid").is_some());
        self.json()
    }

    /// Status and name of a modelled error, whose form is checked.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, &str) {
        assert!(self.status >= 400, "{self:?}");
        let name = self.header("x-amzn-errortype").unwrap_or_else(|| panic!("no name: {self:?}"));
        assert_eq!(self.header("content-type"), Some("application/json"));
        let body = self.json();
        assert!(body["Message"].as_str().is_some_and(|text| (1..2000).contains(&text.len())));
        (self.status, name)
    }
}
