//! The least of an XMPP client that can log in, send, receive, and know that what it sent was stored.
//!
//! It looks for what it waits for in the text of the stream and parses nothing, so that the load costs
//! as little as it can. It is for servers that are set up for it: without TLS, with registration by
//! anybody, and with an archive of all messages.

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The one domain of the servers.
const DOMAIN: &str = "localhost";
/// All users have this password.
const PASSWORD: &str = "secret";
/// More than a server ever says at once here.
const LARGEST: usize = 1 << 20;

/// A stream of somebody who is logged in.
struct Stream {
    tcp: TcpStream,
    /// What was read and not looked at yet.
    unread: Vec<u8>,
}

impl Stream {
    async fn open(address: &str) -> Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let mut stream = Self { tcp, unread: Vec::with_capacity(4096) };
        stream.begin().await?;
        Ok(stream)
    }

    /// Begins the stream, also anew after the login.
    async fn begin(&mut self) -> Result<()> {
        self.write(&format!(
            "<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' \
             xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        ))
        .await?;
        self.until("</stream:features>").await.map(drop)
    }

    async fn write(&mut self, text: &str) -> Result<()> {
        Ok(self.tcp.write_all(text.as_bytes()).await?)
    }

    async fn read(&mut self) -> Result<()> {
        ensure!(self.unread.len() < LARGEST, "a server that says too much");
        ensure!(self.tcp.read_buf(&mut self.unread).await? > 0, "the server closed the stream");
        Ok(())
    }

    /// Reads to the end of `mark`, and gives all that came up to there.
    async fn until(&mut self, mark: &str) -> Result<String> {
        loop {
            if let Some(at) = find(&self.unread, mark) {
                let rest = self.unread.split_off(at + mark.len());
                let found = std::mem::replace(&mut self.unread, rest);
                return Ok(String::from_utf8(found)?);
            }
            self.read().await?;
        }
    }

    /// Sends a request that is answered under its id.
    async fn ask(&mut self, id: &str, to: &str, kind: &str, payload: &str) -> Result<String> {
        self.write(&format!("<iq id='{id}'{to} type='{kind}'>{payload}</iq>")).await?;
        let mut answer = self.until("<iq ").await?;
        while !answer.ends_with("/>") && !answer.ends_with("</iq>") {
            answer.push_str(&self.until(">").await?);
            let head_ends = answer.matches('>').count() == 1;
            if !head_ends && answer.ends_with("/>") {
                // Of something inside.
                answer.push_str(&self.until("</iq>").await?);
            }
        }
        ensure!(answer.contains("result"), "{payload} was refused: {answer}");
        Ok(answer)
    }
}

fn find(bytes: &[u8], mark: &str) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark.as_bytes())
}

/// Makes an account.
pub(crate) async fn register(address: &str, user: &str) -> Result<()> {
    let mut stream = Stream::open(address).await?;
    let account = format!(
        "<query xmlns='jabber:iq:register'><username>{user}</username>\
         <password>{PASSWORD}</password></query>"
    );
    stream.ask("register", "", "set", &account).await.map(drop)
}

async fn log_in(address: &str, user: &str) -> Result<Stream> {
    let mut stream = Stream::open(address).await?;
    let credentials = STANDARD.encode(format!("\0{user}\0{PASSWORD}"));
    stream
        .write(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{credentials}</auth>"
        ))
        .await?;
    let answer = stream.until(">").await?;
    ensure!(answer.contains("<success"), "the login of {user} was refused: {answer}");
    if !answer.ends_with("/>") {
        stream.until("</success>").await?;
    }
    stream.begin().await?;
    let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>";
    stream.ask("bind", "", "set", bind).await?;
    stream.write("<presence/>").await?;
    Ok(stream)
}

/// Sends messages to one other user.
pub(crate) struct Sender {
    stream: Stream,
    to: String,
    sent: u64,
    /// What the server has sent since it counts.
    received: u64,
}

impl Sender {
    /// Logs in as `user`. The server acknowledges what it has dealt with (XEP-0198), which includes the
    /// archive.
    pub(crate) async fn log_in(address: &str, user: &str, to: &str) -> Result<Self> {
        let mut stream = log_in(address, user).await?;
        // The answer to the presence may still be on its way; it is counted if it comes later.
        stream.write("<enable xmlns='urn:xmpp:sm:3'/>").await?;
        stream.until("<enabled").await?;
        stream.until(">").await?;
        Ok(Self { stream, to: format!("{to}@{DOMAIN}/bench"), sent: 0, received: 0 })
    }

    /// Sends a message, and waits until the server has dealt with it.
    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        self.sent += 1;
        let (to, number) = (&self.to, self.sent);
        self.stream
            .write(&format!(
                "<message to='{to}' type='chat' id='m{number}'><body>{text}</body></message>\
                 <r xmlns='urn:xmpp:sm:3'/>"
            ))
            .await?;
        loop {
            let before = self.stream.until("<").await?;
            ensure!(!before.contains("stream:error"), "the server ended the stream: {before}");
            let element = self.stream.until(">").await?;
            let name = element.split([' ', '/', '>']).next().unwrap_or_default();
            match name {
                "a" => {
                    let handled = attribute(&element, "h").and_then(|count| count.parse().ok());
                    let handled: u64 = handled.context("an acknowledgement without a number")?;
                    if handled >= self.sent {
                        return Ok(());
                    }
                }
                "r" => {
                    let received = self.received;
                    let ack = format!("<a xmlns='urn:xmpp:sm:3' h='{received}'/>");
                    self.stream.write(&ack).await?;
                }
                "message" if element.contains("error") => bail!("a message came back"),
                "message" | "presence" | "iq" => self.received += 1,
                _ => {}
            }
        }
    }

    /// How many messages the archive of this user has, as it says itself (XEP-0313).
    pub(crate) async fn archived(&mut self) -> Result<u64> {
        let query = "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>\
                     <max>1</max></set></query>";
        self.stream.write(&format!("<iq id='archive' type='set'>{query}</iq>")).await?;
        self.stream.until("<count>").await?;
        let count = self.stream.until("</count>").await?;
        Ok(count.trim_end_matches("</count>").parse()?)
    }
}

/// The value of an attribute, in either kind of quotes.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    ['\'', '"'].into_iter().find_map(|quote| {
        let start = element.find(&format!(" {name}={quote}"))? + name.len() + 3;
        element.get(start..)?.split(quote).next()
    })
}

/// Receives messages.
pub(crate) struct Receiver {
    stream: Stream,
}

impl Receiver {
    /// Logs in as `user`.
    pub(crate) async fn log_in(address: &str, user: &str) -> Result<Self> {
        Ok(Self { stream: log_in(address, user).await? })
    }

    /// What `read` finds in the text of the next message; nothing when the stream has ended.
    pub(crate) async fn next<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        loop {
            self.stream.until("<body>").await.ok()?;
            let body = self.stream.until("</body>").await.ok()?;
            if let Some(found) = read(&body) {
                return Some(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_in_either_quotes() {
        assert_eq!(attribute("a xmlns='urn:xmpp:sm:3' h='12'/>", "h"), Some("12"));
        assert_eq!(attribute("a h=\"7\" xmlns=\"urn:xmpp:sm:3\"/>", "h"), Some("7"));
        assert_eq!(attribute("a xmlns='urn:h='/>", "h"), None);
    }
}
