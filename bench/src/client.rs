//! The cheapest clients that speak the protocols: the load must not be what is measured.

use anyhow::{Context, Result, bail};
use chatloom_wire::{
    contact::StartChatAnswer, frame, participant::CreateParticipantConnectionResponse,
};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// One keep-alive connection that makes one request at a time.
pub(crate) struct Http {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

impl Http {
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: address.to_owned(), buffer: Vec::with_capacity(4096) })
    }

    /// Posts JSON and answers the body of a 200.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        header: (&str, &str),
        body: &str,
    ) -> Result<&str> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{}: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            header.0,
            header.1,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                let length = head
                    .lines()
                    .find_map(|line| {
                        let (name, value) = line.split_once(':')?;
                        name.eq_ignore_ascii_case("content-length")
                            .then(|| value.trim().parse().ok())?
                    })
                    .unwrap_or(0_usize);
                break (end + 4, length);
            }
        };
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        let text = std::str::from_utf8(&self.buffer)?;
        if !text.starts_with("HTTP/1.1 200") {
            bail!("{path}: {text}");
        }
        Ok(&text[head..head + length])
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a socket.
pub(crate) async fn open(url: &str) -> Result<Socket> {
    let config = WebSocketConfig::default().read_buffer_size(4096);
    Ok(tokio_tungstenite::connect_async_with_config(url, Some(config), true).await?.0)
}

/// Opens a socket and subscribes to the chat; answers when the server confirmed.
pub(crate) async fn subscribe(url: &str) -> Result<Socket> {
    let mut socket = open(url).await?;
    subscribe_on(&mut socket).await?;
    Ok(socket)
}

/// Subscribes to the chat; answers when the server confirmed.
pub(crate) async fn subscribe_on(socket: &mut Socket) -> Result<()> {
    socket
        .send(Message::text(r#"{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}"#))
        .await?;
    while let Some(message) = socket.next().await {
        if message?.to_text()?.contains(frame::SUBSCRIBE_TOPIC) {
            return Ok(());
        }
    }
    bail!("the socket closed before the subscription was confirmed")
}

/// Comes into a chat as its first: subscribes, and is greeted.
pub(crate) async fn enter(url: &str) -> Result<Socket> {
    let mut socket = subscribe(url).await?;
    while let Some(message) = socket.next().await {
        // In the item, which is text within the frame; before it comes the event of joining.
        if message?.to_text()?.contains(r#"\"MESSAGE\""#) {
            return Ok(socket);
        }
    }
    bail!("the socket closed before the greeting")
}

/// A participant with a connection.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) token: String,
    pub(crate) socket_url: String,
}

/// A chat of a customer and an agent.
pub(crate) struct Chat {
    pub(crate) customer: Connected,
    pub(crate) agent: Connected,
}

/// Starts chats on a Chatloom server and has the demo agent accept them.
pub(crate) struct Starter {
    http: Http,
    agent_token: String,
}

impl Starter {
    pub(crate) async fn new(address: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Login {
            token: String,
        }
        let mut http = Http::connect(address).await?;
        let answer = http.post("/v1/agent/login", ("Accept", "*/*"), r#"{"user":"ana"}"#).await?;
        let Login { token } = serde_json::from_str(answer)?;
        Ok(Self { http, agent_token: format!("Bearer {token}") })
    }

    /// A customer who has a connection but no socket yet.
    pub(crate) async fn customer(&mut self) -> Result<Connected> {
        let token = self.started().await?;
        self.connect(&token).await
    }

    /// A customer who has nothing yet but a participant token.
    pub(crate) async fn started(&mut self) -> Result<String> {
        let answer = self
            .http
            .post(
                "/start-chat",
                ("Accept", "*/*"),
                r#"{"ParticipantDetails":{"DisplayName":"Load"}}"#,
            )
            .await?;
        let answer: StartChatAnswer = serde_json::from_str(answer)?;
        Ok(answer.data.start_chat_result.participant_token.expose().to_owned())
    }

    /// CreateParticipantConnection.
    pub(crate) async fn connect(&mut self, participant_token: &str) -> Result<Connected> {
        connect(&mut self.http, participant_token).await
    }

    /// CreateParticipantConnection that is the joining, too.
    pub(crate) async fn join(&mut self, participant_token: &str) -> Result<()> {
        let body = r#"{"Type":["CONNECTION_CREDENTIALS"],"ConnectParticipant":true}"#;
        let bearer = ("X-Amz-Bearer", participant_token);
        self.http.post("/participant/connection", bearer, body).await.map(drop)
    }

    /// A customer and an agent, the customer's socket subscribed, past the assistant.
    pub(crate) async fn chat(&mut self) -> Result<(Chat, Socket)> {
        let customer = self.customer().await?;
        let socket = subscribe(&customer.socket_url).await?;
        let agent = self.agent_for(&customer).await?;
        Ok((Chat { customer, agent }, socket))
    }

    /// The same with a customer who makes calls and has no socket.
    pub(crate) async fn chat_of_calls(&mut self) -> Result<Chat> {
        let token = self.started().await?;
        self.join(&token).await?;
        let customer = self.connect(&token).await?;
        let agent = self.agent_for(&customer).await?;
        Ok(Chat { customer, agent })
    }

    /// The agent whom the assistant passes a customer on to.
    async fn agent_for(&mut self, customer: &Connected) -> Result<Connected> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Accepted {
            participant_token: String,
        }
        let body = r#"{"Content":"agent","ContentType":"text/plain"}"#;
        self.http.post("/participant/message", ("X-Amz-Bearer", &customer.token), body).await?;
        let bearer = self.agent_token.clone();
        let answer = self.http.post("/v1/agent/accept", ("Authorization", &bearer), "{}").await?;
        let Accepted { participant_token } = serde_json::from_str(answer)?;
        self.connect(&participant_token).await
    }
}

/// CreateParticipantConnection.
pub(crate) async fn connect(http: &mut Http, participant_token: &str) -> Result<Connected> {
    let answer = http
        .post(
            "/participant/connection",
            ("X-Amz-Bearer", participant_token),
            r#"{"Type":["WEBSOCKET","CONNECTION_CREDENTIALS"]}"#,
        )
        .await?;
    let answer: CreateParticipantConnectionResponse = serde_json::from_str(answer)?;
    let token = answer
        .connection_credentials
        .and_then(|credentials| credentials.connection_token)
        .context("no connection token")?;
    let socket_url =
        answer.websocket.and_then(|websocket| websocket.url).context("no socket URL")?;
    Ok(Connected { token: token.expose().to_owned(), socket_url })
}
