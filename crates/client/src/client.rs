//! The client: settings, the driver's task, and the start of a chat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use chatloom_session::{SessionId, recorder::Limits as FlightLimits};
use chatloom_wire::contact::{ParticipantDetails, StartChatAnswer, StartChatRequest};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{
    chat::{Chat, ChatDetails},
    driver::{Command, Create, Driver},
    error::Error,
    feed::Feed,
    http,
    options::{ChatOptions, RetryPolicy},
    snapshot::Snapshot,
    socket, tls,
};

/// A client of one service. Cheap to clone; one is enough for all chats of a program.
///
/// It runs one task on the tokio runtime that it was built in. The task ends when the last clone and
/// the last [`Chat`] are gone.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What the client and its chats have in common.
pub(crate) struct Shared {
    /// To the driver. Unbounded, so that `drop` can use it: only the application fills it, with at
    /// most a command for each of its calls, and the driver never waits while it empties it.
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) calls: AtomicU64,
    pub(crate) endpoint: String,
    pub(crate) http: reqwest::Client,
    pub(crate) sockets: socket::Settings,
    sessions: AtomicU32,
    start_chat_url: String,
    user_agent: String,
    options: ChatOptions,
}

impl Shared {
    pub(crate) fn tell(&self, command: Command) {
        // Fails only when the runtime is shutting down. A call's answer channel closes with it.
        let _ = self.commands.send(command);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.shared.endpoint).finish_non_exhaustive()
    }
}

impl Client {
    /// Starts to set up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Starts a chat as a customer of this name, and gives what [`chat`](Self::chat) needs.
    ///
    /// This posts to `{endpoint}/start-chat`, which a Chatloom server offers; with Amazon Connect,
    /// set [`ClientBuilder::start_chat_url`] to your own back end, for instance the one of the
    /// official start-chat sample. A back end that answers in another form is no hindrance: make
    /// [`ChatDetails`] from its answer yourself.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] when the back end refuses; [`Error::Unreachable`] when it does not answer;
    /// [`Error::BadAnswer`] when its answer has another form. A failed start is not repeated by the
    /// client: the request has no idempotency token, so a repeat might start two chats.
    pub async fn start_chat(&self, display_name: impl Into<String>) -> Result<ChatDetails, Error> {
        self.start_chat_with(&StartChatRequest {
            instance_id: None,
            contact_flow_id: None,
            participant_details: ParticipantDetails { display_name: display_name.into() },
            supported_messaging_content_types: None,
            chat_duration_in_minutes: None,
        })
        .await
    }

    /// Starts a chat with a request of your own making; see [`start_chat`](Self::start_chat).
    pub async fn start_chat_with(&self, request: &StartChatRequest) -> Result<ChatDetails, Error> {
        let post = self.shared.http.post(&self.shared.start_chat_url).json(request);
        let expected = r#"{"data":{"startChatResult":{...}}}"#;
        let answer: StartChatAnswer = http::call(post, expected).await?;
        Ok(answer.data.start_chat_result.into())
    }

    /// A chat to take part in. Sends nothing yet: take the [`events`](Chat::events), then
    /// [`connect`](Chat::connect).
    pub fn chat(&self, details: impl Into<ChatDetails>) -> Chat {
        self.open(details.into(), &self.shared.options, None)
    }

    /// The options of this client's chats, to change some for one of them.
    pub fn options(&self) -> ChatOptions {
        self.shared.options.clone()
    }

    /// A chat with options of its own; see [`chat`](Self::chat).
    ///
    /// ```no_run
    /// # fn example(client: chatloom::Client, details: chatloom::ChatDetails) {
    /// let silent = client.chat_with(details, &client.options().receipts(false));
    /// # }
    /// ```
    pub fn chat_with(&self, details: impl Into<ChatDetails>, options: &ChatOptions) -> Chat {
        self.open(details.into(), options, None)
    }

    /// Goes on with a chat where another process left it. As with [`chat`](Self::chat), nothing is
    /// sent before [`connect`](Chat::connect); then what was missed is delivered, and the messages
    /// that waited are sent, each once.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the text is no snapshot.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<Chat, Error> {
        self.restore_with(snapshot, &self.shared.options)
    }

    /// Goes on with a chat, with options of its own; see [`restore`](Self::restore).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the text is no snapshot.
    pub fn restore_with(&self, snapshot: &Snapshot, options: &ChatOptions) -> Result<Chat, Error> {
        Ok(self.open(snapshot.details()?, options, Some(snapshot.expose().to_owned())))
    }

    /// What has been recorded of all chats of this client, as JSON lines, without content, names and
    /// tokens: to be looked at with `chatloom replay`. `None` without
    /// [`ClientBuilder::flight_recorder`].
    pub async fn flight_record(&self) -> Option<String> {
        let (reply, record) = oneshot::channel();
        self.shared.tell(Command::Record { reply });
        record.await.ok().flatten()
    }

    fn open(&self, details: ChatDetails, options: &ChatOptions, snapshot: Option<String>) -> Chat {
        let shared = Arc::clone(&self.shared);
        let session = SessionId(shared.sessions.fetch_add(1, Ordering::Relaxed));
        let feed = Arc::new(Feed::new(options.bounds));
        shared.tell(Command::Create(Box::new(Create {
            session,
            options: options.session(&shared.endpoint, &shared.user_agent, &details),
            feed: Arc::clone(&feed),
            token_source: options.token(),
            snapshot,
        })));
        Chat::new(session, details, feed, shared)
    }

    /// Tells the client that the network is gone or back, where a program can know: without one,
    /// nothing is tried; when it is back, everything is tried at once. Default: there is one.
    pub fn set_online(&self, online: bool) {
        self.shared.tell(Command::Network { online });
    }

    /// Tells the client that its program came to the foreground, or the machine out of sleep: open
    /// sockets have to prove that they are alive, and nothing waits to be tried again.
    pub fn wake(&self) {
        self.shared.tell(Command::Visibility { visible: false });
        self.shared.tell(Command::Visibility { visible: true });
    }
}

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    endpoint: Option<String>,
    start_chat_url: Option<String>,
    user_agent_suffix: Option<String>,
    connect_timeout: Duration,
    trusted: Vec<Vec<u8>>,
    flight_recorder: Option<FlightLimits>,
    options: ChatOptions,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: None,
            start_chat_url: None,
            user_agent_suffix: None,
            connect_timeout: Duration::from_secs(10),
            trusted: Vec::new(),
            flight_recorder: None,
            options: ChatOptions::default(),
        }
    }
}

impl ClientBuilder {
    /// Where the Participant Service is: `http://` or `https://`, a host, and a path if need be. A
    /// Chatloom server prints its own when it starts.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Amazon Connect in this region, for instance `us-west-2`: the endpoint
    /// `https://participant.connect.{region}.amazonaws.com`.
    pub fn region(self, region: impl AsRef<str>) -> Self {
        let region = region.as_ref();
        self.endpoint(format!("https://participant.connect.{region}.amazonaws.com"))
    }

    /// Where [`Client::start_chat`] posts to. Default: `{endpoint}/start-chat`.
    pub fn start_chat_url(mut self, url: impl Into<String>) -> Self {
        self.start_chat_url = Some(url.into());
        self
    }

    /// The name of your program and its version, for instance `acme-bot/1.2`; it follows the
    /// client's own in the `User-Agent` and `x-amz-user-agent` headers.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.user_agent_suffix = Some(suffix.into());
        self
    }

    /// How long opening a connection or a socket may take. Default: 10 s. How long an answer may
    /// take is the session's rule.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Trusts the certificates in this text (PEM) beside those that the operating system trusts, for
    /// instance of a company's own authority. May be called several times.
    pub fn trust_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trusted.push(pem.into());
        self
    }

    /// Records what goes into the session core and what comes out of it, up to these limits, for
    /// [`Client::flight_record`]. Default: nothing is recorded.
    pub fn flight_recorder(mut self, limits: FlightLimits) -> Self {
        self.flight_recorder = Some(limits);
        self
    }

    /// How the chats behave. The methods below change one of these each; a chat may also have its own
    /// ([`Client::chat_with`]).
    pub fn options(mut self, options: ChatOptions) -> Self {
        self.options = options;
        self
    }

    /// See [`ChatOptions::retry`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options = self.options.retry(policy);
        self
    }

    /// See [`ChatOptions::typing_throttle`].
    pub fn typing_throttle(mut self, time: Duration) -> Self {
        self.options = self.options.typing_throttle(time);
        self
    }

    /// See [`ChatOptions::receipts`].
    pub fn receipts(mut self, sent: bool) -> Self {
        self.options = self.options.receipts(sent);
        self
    }

    /// See [`ChatOptions::receipt_throttle`].
    pub fn receipt_throttle(mut self, time: Duration) -> Self {
        self.options = self.options.receipt_throttle(time);
        self
    }

    /// See [`ChatOptions::most_entries`].
    pub fn most_entries(mut self, count: usize) -> Self {
        self.options = self.options.most_entries(count);
        self
    }

    /// See [`ChatOptions::event_buffer`].
    pub fn event_buffer(mut self, events: usize, bytes: usize) -> Self {
        self.options = self.options.event_buffer(events, bytes);
        self
    }

    /// See [`ChatOptions::snapshots`].
    pub fn snapshots(mut self, wanted: bool) -> Self {
        self.options = self.options.snapshots(wanted);
        self
    }

    /// Builds the client and starts its task.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] without an endpoint, with one that is no HTTP URL, outside of a tokio
    /// runtime, when what [`trust_pem`](Self::trust_pem) was given is no certificate, or when the
    /// endpoint is `https://` and no certificate is trusted.
    pub fn build(self) -> Result<Client, Error> {
        let setup = |message: String| Error::Setup { message };
        let endpoint = self
            .endpoint
            .ok_or_else(|| setup("no endpoint is set; call `endpoint` or `region`".to_owned()))?;
        let endpoint = http_url(&endpoint).map_err(setup)?;
        let start_chat_url = match self.start_chat_url {
            Some(url) => http_url(&url).map_err(setup)?,
            None => format!("{endpoint}/start-chat"),
        };
        let runtime = Handle::try_current()
            .map_err(|_| setup("there is no tokio runtime here; call `build` in one".to_owned()))?;

        let mut user_agent = concat!("chatloom/", env!("CARGO_PKG_VERSION")).to_owned();
        if let Some(suffix) = &self.user_agent_suffix {
            if !suffix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return Err(setup("the user agent suffix must be visible ASCII".to_owned()));
            }
            user_agent.push(' ');
            user_agent.push_str(suffix);
        }

        let mut trusted = Vec::new();
        for pem in &self.trusted {
            trusted.extend(tls::certificates(pem).ok_or_else(|| {
                setup("what shall be trusted is no certificate in PEM form".to_owned())
            })?);
        }
        let needs_tls = [&endpoint, &start_chat_url].iter().any(|url| url.starts_with("https:"));
        let tls =
            tls::config(needs_tls, trusted).map_err(|error| setup(format!("TLS: {error}")))?;
        let http = http::client(tls.clone(), &user_agent, self.connect_timeout)
            .map_err(|error| setup(format!("HTTP: {error}")))?;
        let sockets =
            socket::Settings { tls: Arc::new(tls), connect_timeout: self.connect_timeout };
        #[expect(clippy::disallowed_methods, reason = "see `Shared::commands`")]
        let (commands, queue) = mpsc::unbounded_channel();
        runtime
            .spawn(Driver::new(http.clone(), sockets.clone(), queue, self.flight_recorder).run());
        Ok(Client {
            shared: Arc::new(Shared {
                commands,
                calls: AtomicU64::new(0),
                endpoint,
                http,
                sockets,
                sessions: AtomicU32::new(0),
                start_chat_url,
                user_agent,
                options: self.options,
            }),
        })
    }
}

/// The URL without slashes at its end, if it is one for HTTP.
fn http_url(text: &str) -> Result<String, String> {
    let url: reqwest::Url =
        text.parse().map_err(|error| format!("{text:?} is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("{text:?} does not begin with http:// or https:// and a host"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text:?} has a query or a fragment, which cannot be kept"));
    }
    Ok(text.trim().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_http_urls_without_a_slash_at_the_end() {
        assert_eq!(http_url("http://127.0.0.1:8090/").as_deref(), Ok("http://127.0.0.1:8090"));
        assert_eq!(http_url("https://x.example/a//").as_deref(), Ok("https://x.example/a"));
        for text in ["", "x", "ftp://x", "127.0.0.1:8090", "http://x/?a=b", "http://x/#f"] {
            assert!(http_url(text).is_err(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_region_names_the_endpoint_of_amazon() {
        let client = Client::builder().region("eu-west-2").build().unwrap();
        assert_eq!(client.shared.endpoint, "https://participant.connect.eu-west-2.amazonaws.com");
    }

    #[test]
    fn building_outside_of_a_runtime_says_so() {
        let error = Client::builder().endpoint("http://127.0.0.1:1").build().unwrap_err();
        assert!(error.to_string().contains("tokio runtime"), "{error}");
    }
}
