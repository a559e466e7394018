//! A chat, from its start to its end.

use anyhow::Context as _;
use chatloom::wire::{
    contact::{StartChatContact, StopContact},
    participant::Operation as _,
};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{
    Args, PATIENCE,
    network::{Network, Place, Stream, why},
    report::Report,
};
use crate::signed::Signer;

/// What people in the chat see of this.
const NAME: &str = "Doctor";

/// Who asks.
struct Caller<'a> {
    args: &'a Args,
    base: &'a str,
    network: &'a Network,
}

/// A refusal, or no answer.
struct Refused {
    status: Option<u16>,
    said: String,
}

impl Caller<'_> {
    async fn post(&self, path: &str, bearer: Option<&str>, body: &Value) -> Result<Value, Refused> {
        let mut request = self.network.http.post(format!("{}{path}", self.base)).json(body);
        if let Some(token) = bearer {
            request = request.header("X-Amz-Bearer", token);
        }
        if let Some(origin) = &self.args.origin {
            request = request.header("Origin", origin);
        }
        answer(request).await
    }

    /// As a back end.
    async fn signed(
        &self,
        signer: &Signer,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Refused> {
        let url: Url = format!("{}{path}", self.base)
            .parse()
            .map_err(|_| Refused { status: None, said: "no URL".to_owned() })?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        };
        let body = body.to_string();
        let (stamp, authorization) = signer.sign(method.as_str(), &host, url.path(), &body);
        let request = self
            .network
            .http
            .request(method, url)
            .header("Content-Type", "application/json")
            .header("X-Amz-Date", stamp)
            .header("Authorization", authorization)
            .body(body);
        answer(request).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value, Refused> {
    let lost = |error: reqwest::Error| Refused { status: None, said: why(&error) };
    let answer = request.send().await.map_err(lost)?;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("x-amzn-errortype").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("an answer that is not the server's").to_owned();
    let body: Value =
        serde_json::from_str(&answer.text().await.map_err(lost)?).unwrap_or(Value::Null);
    if status == 200 {
        return Ok(body);
    }
    let message = body["Message"].as_str().unwrap_or_default();
    Err(Refused { status: Some(status), said: format!("status {status}, {kind} {message}") })
}

/// Starts a chat, looks at its tokens and its socket, and ends it.
pub(super) async fn examine(
    args: &Args,
    base: &str,
    place: &Place,
    signer: Option<Signer>,
    network: &Network,
    report: &mut Report,
) -> anyhow::Result<()> {
    let caller = Caller { args, base, network };
    let Some(started) = start(&caller, signer.as_ref(), report).await? else { return Ok(()) };
    let contact = started["ContactId"].as_str().unwrap_or_default().to_owned();
    let token = started["ParticipantToken"].as_str().unwrap_or_default().to_owned();
    let connection = connect(&caller, &token, report).await?;
    if let Some((connection_token, socket_url)) = &connection {
        socket(&caller, place, connection_token, socket_url, report).await?;
    }
    let ended = match (&signer, &connection) {
        (Some(signer), _) => {
            let stop = json!({ "InstanceId": args.instance, "ContactId": contact });
            let method = reqwest::Method::POST;
            caller.signed(signer, method, StopContact::PATH, &stop).await
        }
        (None, Some((token, _))) => {
            caller.post("/participant/disconnect", Some(token), &json!({})).await
        }
        // The customer has not connected: the chat ends by itself after five minutes.
        (None, None) => return Ok(()),
    };
    match ended {
        Ok(_) => report.good("end", "the chat is over"),
        Err(Refused { said, .. }) => report.bad(
            "end",
            &said,
            "look at the server's log; an agent may see the chat until it ends",
        ),
    }
}

async fn start(
    caller: &Caller<'_>,
    signer: Option<&Signer>,
    report: &mut Report,
) -> anyhow::Result<Option<Value>> {
    let mut body = json!({
        "InstanceId": caller.args.instance,
        "ContactFlowId": caller.args.flow,
        "ParticipantDetails": { "DisplayName": NAME },
    });
    let started = if let Some(signer) = signer {
        caller.signed(signer, reqwest::Method::PUT, StartChatContact::PATH, &body).await
    } else {
        body["SupportedMessagingContentTypes"] = json!(["text/plain"]);
        let started = caller.post("/start-chat", None, &body).await;
        started.map(|mut answer| answer["data"]["startChatResult"].take())
    };
    match started {
        Ok(started) if started["ParticipantToken"].is_string() => {
            report.good("start", "a chat was started")?;
            Ok(Some(started))
        }
        Ok(_) => {
            report.bad(
                "start",
                "the answer has no participant token",
                "look at what stands before the server: it changes answers",
            )?;
            Ok(None)
        }
        Err(Refused { status: Some(403 | 404), said }) if signer.is_none() => {
            report.warn(
                "start",
                &format!("tokens and socket were not looked at: {said}"),
                "pages may not start chats here, or not this origin: name an access key with \
                 --access-key, or set start_chat.origins and start_chat.per_second, and --origin",
            )?;
            Ok(None)
        }
        Err(Refused { status, said }) => {
            let fix = match status {
                Some(403) => {
                    "look at the access key, its secret, --region, and whether a proxy changes the \
                     Host header, which is signed"
                }
                Some(400 | 404) => "look at --instance and --flow",
                Some(429) => "the server is throttled: try again later, or raise its limits",
                _ => "look at the server's log",
            };
            report.bad("start", &said, fix)?;
            Ok(None)
        }
    }
}

/// The connection token and the URL of the socket.
async fn connect(
    caller: &Caller<'_>,
    token: &str,
    report: &mut Report,
) -> anyhow::Result<Option<(String, String)>> {
    let body =
        json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"], "ConnectParticipant": true });
    let path = "/participant/connection";
    let answer = match caller.post(path, Some(token), &body).await {
        Ok(answer) => answer,
        Err(Refused { said, .. }) => {
            let fix = "look whether the proxy passes the header X-Amz-Bearer on, and whether all nodes \
                       have the same signing key";
            report.bad("tokens", &said, fix)?;
            return Ok(None);
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let connection = text(&answer["ConnectionCredentials"]["ConnectionToken"]);
    let socket = text(&answer["Websocket"]["Url"]);
    // A token is good for its own use alone.
    for (what, path, token) in [
        ("a participant token", "/participant/transcript", token),
        ("a connection token", path, &*connection),
        ("no token of the server's", "/participant/transcript", "doctor"),
    ] {
        let body = if path == "/participant/connection" { body.clone() } else { json!({}) };
        let refused = caller.post(path, Some(token), &body).await;
        if !matches!(refused, Err(Refused { status: Some(400..=499), .. })) {
            report.bad(
                "tokens",
                &format!("{what} is taken at {path}"),
                "this is not the server's answer: look at what stands before it",
            )?;
            return Ok(None);
        }
    }
    report.good("tokens", "each is good for its own use")?;
    Ok(Some((connection, socket)))
}

async fn socket(
    caller: &Caller<'_>,
    place: &Place,
    token: &str,
    url: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    // Never the URL itself: its query is a token.
    let Some(there) = url.parse::<Url>().ok().as_ref().and_then(Place::of) else {
        return report.bad(
            "socket",
            "the server gives no URL for it",
            "set server.public_url to what clients reach the server by",
        );
    };
    let Place { host, port, is_secure } = &there;
    if *is_secure != place.is_secure {
        return report.bad(
            "socket",
            &format!("the server says {}://{host}:{port}", if *is_secure { "wss" } else { "ws" }),
            "the server does not know what clients reach it by: set server.public_url, or name the \
             proxy in server.trusted_proxies and let it send X-Forwarded-Proto",
        );
    }
    let elsewhere = (host, port) != (&place.host, &place.port);
    let hint = if elsewhere {
        "the socket is at another place than the endpoint: look at server.public_url"
    } else {
        "let the proxy upgrade connections: HTTP/1.1 to the server, with the headers Upgrade and \
         Connection"
    };
    let stream = match caller.network.open(&there).await {
        Ok(stream) => stream,
        Err(error) => return report.bad("socket", &format!("{host}:{port}: {error}"), hint),
    };
    let talked = match stream {
        Stream::Plain(stream) => talk(caller, stream, token, url).await,
        Stream::Tls(stream) => talk(caller, *stream, token, url).await,
    };
    match talked {
        Ok(()) => report.good(
            "socket",
            &format!("{host}:{port} upgrades, answers heartbeats and carries messages"),
        ),
        Err(Trouble::Upgrade(said)) => report.bad("socket", &said, hint),
        Err(Trouble::Talk(what)) => report.bad(
            "socket",
            &what,
            "look for what stands between: something buffers or cuts connections that stay open",
        ),
    }
}

enum Trouble {
    Upgrade(String),
    Talk(String),
}

/// Subscribes, sends a heartbeat and a message, and waits for all three to come back.
async fn talk(
    caller: &Caller<'_>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    token: &str,
    url: &str,
) -> Result<(), Trouble> {
    let opening = Box::pin(timeout(PATIENCE, tokio_tungstenite::client_async(url, stream)));
    let mut socket = match opening.await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(tungstenite::Error::Http(answer))) => {
            let status = answer.status().as_u16();
            return Err(Trouble::Upgrade(format!("status {status} instead of an upgrade")));
        }
        Ok(Err(_)) => return Err(Trouble::Upgrade("the upgrade failed".to_owned())),
        Err(_) => return Err(Trouble::Upgrade("no answer to the upgrade".to_owned())),
    };
    let talk = |what: &str| Trouble::Talk(what.to_owned());
    let subscribe = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/chat"] } });
    for (frame, answer, what) in [
        (subscribe, "aws/subscribe", "no answer to a subscription"),
        (json!({ "topic": "aws/heartbeat" }), "aws/heartbeat", "no answer to a heartbeat"),
    ] {
        let frame = Message::text(frame.to_string());
        socket.send(frame).await.map_err(|_| talk(what))?;
        until(&mut socket, |frame| frame["topic"] == answer).await.ok_or_else(|| talk(what))?;
    }
    let message = json!({ "ContentType": "text/plain", "Content": "chatloom doctor looks around" });
    let sent = caller.post("/participant/message", Some(token), &message).await;
    let sent = sent.map_err(|Refused { said, .. }| Trouble::Talk(format!("a message: {said}")))?;
    let id = sent["Id"].as_str().context("no id").map_err(|_| talk("a message got no id"))?;
    let arrived = until(&mut socket, |frame| {
        frame["content"].as_str().is_some_and(|content| content.contains(id))
    });
    arrived.await.ok_or_else(|| talk("a message was stored and did not arrive"))?;
    // The chat is over in a moment; the server closes then.
    let _ = socket.close(None).await;
    Ok(())
}

/// Reads frames until one is wanted; `None` when there is none in time.
async fn until(
    socket: &mut tokio_tungstenite::WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>,
    wanted: impl Fn(&Value) -> bool,
) -> Option<()> {
    let reading = async {
        loop {
            if let Message::Text(text) = socket.next().await?.ok()?
                && serde_json::from_str(&text).is_ok_and(|frame| wanted(&frame))
            {
                return Some(());
            }
        }
    };
    timeout(PATIENCE, reading).await.ok().flatten()
}
