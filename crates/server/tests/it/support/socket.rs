//! A chat socket.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use super::{PATIENCE, event, soon, text};

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a socket; the HTTP status when the handshake is refused.
    pub(crate) async fn open(url: &str) -> Result<Self, u16> {
        Self::open_with_buffer(url, None).await
    }

    /// Opens a socket as a proxy does for a client at this address.
    pub(crate) async fn open_for(url: &str, client: &str) -> Result<Self, u16> {
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        Box::pin(Self::handshake(url, request, TcpSocket::new_v4().unwrap())).await
    }

    /// Opens a socket that takes in little before it is read.
    pub(crate) async fn open_with_buffer(url: &str, buffer: Option<u32>) -> Result<Self, u16> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer).unwrap();
        }
        Box::pin(Self::handshake(url, url, socket)).await
    }

    async fn handshake(
        url: &str,
        request: impl IntoClientRequest + Unpin,
        socket: TcpSocket,
    ) -> Result<Self, u16> {
        let address = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        match soon("a socket", tokio_tungstenite::client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("no socket at {url}: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: impl Into<Message>) {
        soon("a frame to be sent", self.0.send(frame.into())).await.unwrap();
    }

    /// Sends a frame to a server that may have closed already.
    pub(crate) async fn try_send(&mut self, frame: impl Into<Message>) -> bool {
        soon("a frame to be sent", self.0.send(frame.into())).await.is_ok()
    }

    /// The next frame; the close code when the server closed, 1006 when the connection broke.
    pub(crate) async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            match soon("a frame", self.0.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Err(1006),
            }
        }
    }

    /// Subscribes to the chat and waits for the answer.
    pub(crate) async fn subscribe(&mut self) {
        let answer = self.subscribe_to(&["aws/chat"]).await;
        assert_eq!(
            answer,
            json!({"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}})
        );
    }

    pub(crate) async fn subscribe_to(&mut self, topics: &[&str]) -> Value {
        let frame = json!({ "topic": "aws/subscribe", "content": { "topics": topics } });
        self.send(frame.to_string()).await;
        self.frame().await.unwrap()
    }

    /// The next chat item.
    pub(crate) async fn item(&mut self) -> Value {
        let frame = self.frame().await.unwrap();
        assert_eq!(frame["topic"], "aws/chat", "{frame}");
        serde_json::from_str(frame["content"].as_str().unwrap()).unwrap()
    }

    /// The content of the next message; other items are passed over.
    pub(crate) async fn message(&mut self) -> String {
        loop {
            let item = self.item().await;
            if item["Type"] == "MESSAGE" {
                return text(&item["Content"]);
            }
        }
    }

    /// Passes over items up to an event.
    pub(crate) async fn until_event(&mut self, name: &str) -> Value {
        loop {
            let item = self.item().await;
            if item["Type"] == "EVENT" && event(&item) == name {
                return item;
            }
        }
    }

    /// The chat items that the server has sent by now, which is when it answers a heartbeat; its close
    /// code if it closed.
    pub(crate) async fn so_far(&mut self) -> Result<Vec<Value>, u16> {
        self.try_send(json!({ "topic": "aws/heartbeat" }).to_string()).await;
        let mut items = Vec::new();
        loop {
            let frame = self.frame().await?;
            match frame["topic"].as_str() {
                Some("aws/heartbeat") => return Ok(items),
                Some("aws/chat") => {
                    let content = frame["content"].as_str().unwrap();
                    items.push(serde_json::from_str(content).unwrap());
                }
                _ => panic!("neither an item nor a heartbeat: {frame}"),
            }
        }
    }

    /// Closes, and waits until the server has done so too.
    pub(crate) async fn close(mut self) {
        if self.try_send(Message::Close(None)).await {
            while let Ok(Some(Ok(_))) = tokio::time::timeout(PATIENCE, self.0.next()).await {}
        }
    }

    /// Passes over everything up to the server's close: the code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.frame().await {
                return code;
            }
        }
    }
}
