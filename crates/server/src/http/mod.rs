//! HTTP: which path does what, and what all requests have in common.

pub(crate) mod agent;
mod assets;
mod attachments;
mod auth;
mod body;
mod chaos;
mod contact;
mod cors;
mod delete;
pub(crate) mod error;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod guide;
mod health;
pub(crate) mod limits;
mod openapi;
mod participant;
pub(crate) mod password;
mod range;
mod router;
mod sigv4;
mod socket;
mod start_chat;
pub(crate) mod throttle;
mod transfer;
pub(crate) mod url;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{body::Body, extract::Request, response::Response, routing::MethodFilter};
use chatloom_engine::token::{self, Seat, SeatUse};
use chatloom_wire::{
    ErrorKind, ServiceError, Timestamp, contact as wire,
    participant::{self as service, Operation as _},
};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use tokio::time::Instant;
use tracing::Instrument as _;

use self::{
    agent::Agents,
    body::{Room, Unread},
    chaos::Chaos,
    cors::Cors,
    limits::{Limits, Plane, RetryAfter},
    router::EachRoute,
    url::{PublicBase, is_loopback_host},
};
use crate::{
    audit::{Audit, Note, Watched},
    chats::{Chats, Clock},
    clients::{Clients, Held},
    config::{AccessKey, Config},
    files::Files,
    hub::Hub,
    metrics::Metrics,
    random,
    sign_in::{Provider, demo::Demo},
    store::Store,
    views::Views,
};

pub(crate) use self::{body::parse, router::router};

/// What all handlers share.
pub(crate) struct App {
    pub(crate) config: Config,
    /// Who may call the control plane.
    pub(crate) access: RwLock<Arc<[AccessKey]>>,
    pub(crate) tokens: Arc<token::Keys>,
    pub(crate) chats: Arc<Chats>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) files: Arc<Files>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) audit: Audit,
    pub(crate) views: Arc<Views>,
    pub(crate) sign_in: Option<Arc<Provider>>,
    pub(crate) demo_provider: Option<Demo>,
    pub(crate) gates: Gates,
}

/// What decides whether a request is let in, made of the configuration.
pub(crate) struct Gates {
    /// The server stops: it takes no new sockets and is not ready.
    draining: AtomicBool,
    public: Option<PublicBase>,
    cors: Cors,
    agents: Agents,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clients: Arc<Clients>,
    room: Arc<Room>,
    chaos: Option<Arc<Chaos>>,
    request_ids: RequestIds,
}

impl Gates {
    pub(crate) fn new(config: &Config, limits: Arc<Limits>, metrics: &Arc<Metrics>) -> Self {
        let clients = Clients::new(config);
        Self {
            draining: AtomicBool::new(false),
            public: config.server.public_url.as_deref().and_then(PublicBase::from_config),
            cors: Cors::new(config),
            agents: Agents::new(config),
            limits,
            room: Room::new(config.http.max_bodies, &clients),
            clients,
            chaos: Chaos::new(config, metrics),
            request_ids: RequestIds::new(),
        }
    }

    /// From now on the server stops.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}

macro_rules! operations {
    ($( $(#[$meta:meta])* $name:ident = $text:expr, )*) => {
        /// What a request wants, for figures and logs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operation { $( $(#[$meta])* $name, )* }

        impl Operation {
            /// All of them, in the order of their numbers.
            pub(crate) const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// Its name.
            pub(crate) fn name(self) -> &'static str {
                match self { $( Self::$name => $text, )* }
            }
        }
    };
}

operations! {
    CreateParticipantConnection = service::CreateParticipantConnection::NAME,
    SendMessage = service::SendMessage::NAME,
    SendEvent = service::SendEvent::NAME,
    GetTranscript = service::GetTranscript::NAME,
    DisconnectParticipant = service::DisconnectParticipant::NAME,
    StartAttachmentUpload = service::StartAttachmentUpload::NAME,
    CompleteAttachmentUpload = service::CompleteAttachmentUpload::NAME,
    GetAttachment = service::GetAttachment::NAME,
    /// `PUT /v1/files/...`
    UploadFile = "UploadFile",
    /// `GET /v1/files/...`
    DownloadFile = "DownloadFile",
    DescribeView = service::DescribeView::NAME,
    GetAuthenticationUrl = service::GetAuthenticationUrl::NAME,
    CancelParticipantAuthentication = service::CancelParticipantAuthentication::NAME,
    StartChatContact = wire::StartChatContact::NAME,
    StopContact = wire::StopContact::NAME,
    DescribeContact = wire::DescribeContact::NAME,
    CreatePersistentContactAssociation = wire::CreatePersistentContactAssociation::NAME,
    UpdateParticipantRoleConfig = wire::UpdateParticipantRoleConfig::NAME,
    GetContactAttributes = wire::GetContactAttributes::NAME,
    UpdateContactAttributes = wire::UpdateContactAttributes::NAME,
    UpdateContact = wire::UpdateContact::NAME,
    ListContactReferences = wire::ListContactReferences::NAME,
    TagContact = wire::TagContact::NAME,
    UntagContact = wire::UntagContact::NAME,
    CreateParticipant = wire::CreateParticipant::NAME,
    StartContactStreaming = wire::StartContactStreaming::NAME,
    StopContactStreaming = wire::StopContactStreaming::NAME,
    UpdateParticipantAuthentication = wire::UpdateParticipantAuthentication::NAME,
    /// `POST /v1/contacts/{ContactId}/view`
    ShowView = "ShowView",
    /// `POST /v1/contacts/{ContactId}/sign-in`
    AskToSignIn = "AskToSignIn",
    /// The provider of a demo.
    DemoProvider = "DemoProvider",
    /// `POST /start-chat`
    StartChat = "StartChat",
    /// `GET /socket`
    Socket = "Socket",
    AgentLogin = "AgentLogin",
    AgentQueue = "AgentQueue",
    AgentAccept = "AgentAccept",
    AgentTransfer = "AgentTransfer",
    AgentSocket = "AgentSocket",
    /// `GET /v1/openapi.json`
    OpenApi = "OpenApi",
    /// `POST /v1/admin/chaos/...`
    Chaos = "Chaos",
    /// `POST /v1/chats/delete`
    DeleteChats = "DeleteChats",
    /// Files of pages.
    Asset = "Asset",
    /// `/healthz`, `/readyz` and `/metrics`
    Health = "Health",
    /// Preflights of browsers.
    Preflight = "Preflight",
    /// No such path or method.
    Unknown = "Unknown",
}

impl Operation {
    /// How large a body of it may be, in bytes, and how long its answer may take.
    fn bounds(self, config: &Config) -> (usize, Duration) {
        let files = &config.attachments;
        match self {
            // A file is as long on its way as it is allowed to; then it is written.
            Self::UploadFile => (
                files.max_size.bytes(),
                files.transfer_timeout.get() + config.http.answer_timeout.get(),
            ),
            _ => (config.http.max_body.bytes(), config.http.answer_timeout.get()),
        }
    }
}

/// Tells of each route, but for the files of a demo's page.
fn each_route(router: &mut impl EachRoute) {
    use MethodFilter as On;
    use Operation as Op;

    macro_rules! routes {
        ($( $method:ident $path:expr, $operation:ident => $handler:path; )*) => {
            $( router.route(
                (stringify!($method), On::$method),
                $path,
                Op::$operation,
                $handler,
            ); )*
        };
    }
    routes! {
        POST service::CreateParticipantConnection::PATH,
            CreateParticipantConnection => participant::create_connection;
        POST service::SendMessage::PATH, SendMessage => participant::send_message;
        POST service::SendEvent::PATH, SendEvent => participant::send_event;
        POST service::GetTranscript::PATH, GetTranscript => participant::get_transcript;
        POST service::DisconnectParticipant::PATH,
            DisconnectParticipant => participant::disconnect;
        POST service::StartAttachmentUpload::PATH, StartAttachmentUpload => attachments::start;
        POST service::CompleteAttachmentUpload::PATH,
            CompleteAttachmentUpload => attachments::complete;
        POST service::GetAttachment::PATH, GetAttachment => attachments::get;
        PUT files::PATH, UploadFile => files::upload;
        GET files::PATH, DownloadFile => files::download;
        GET service::DescribeView::PATH, DescribeView => guide::describe_view;
        POST service::GetAuthenticationUrl::PATH,
            GetAuthenticationUrl => guide::authentication_url;
        POST service::CancelParticipantAuthentication::PATH,
            CancelParticipantAuthentication => guide::cancel_authentication;
        PUT wire::StartChatContact::PATH, StartChatContact => contact::start_chat;
        POST wire::StopContact::PATH, StopContact => contact::stop;
        POST wire::CreateParticipant::PATH, CreateParticipant => contact::create_participant;
        POST wire::StartContactStreaming::PATH, StartContactStreaming => contact::start_streaming;
        POST wire::StopContactStreaming::PATH, StopContactStreaming => contact::stop_streaming;
        GET wire::DescribeContact::PATH, DescribeContact => contact::describe;
        POST wire::CreatePersistentContactAssociation::PATH,
            CreatePersistentContactAssociation => contact::continue_chat;
        PUT wire::UpdateParticipantRoleConfig::PATH,
            UpdateParticipantRoleConfig => contact::set_timers;
        GET wire::GetContactAttributes::PATH, GetContactAttributes => contact::get_attributes;
        POST wire::UpdateContactAttributes::PATH,
            UpdateContactAttributes => contact::update_attributes;
        POST wire::UpdateContact::PATH, UpdateContact => contact::update;
        GET wire::ListContactReferences::PATH, ListContactReferences => contact::list_references;
        POST wire::TagContact::PATH, TagContact => contact::tag;
        DELETE wire::UntagContact::PATH, UntagContact => contact::untag;
        POST wire::UpdateParticipantAuthentication::PATH,
            UpdateParticipantAuthentication => contact::update_authentication;
        POST "/v1/contacts/{ContactId}/view", ShowView => contact::show_view;
        POST "/v1/contacts/{ContactId}/sign-in", AskToSignIn => contact::ask_to_sign_in;
        GET "/v1/demo-provider/.well-known/openid-configuration",
            DemoProvider => guide::demo_configuration;
        GET "/v1/demo-provider/keys", DemoProvider => guide::demo_keys;
        GET "/v1/demo-provider/authorize", DemoProvider => guide::demo_authorize;
        POST "/v1/demo-provider/token", DemoProvider => guide::demo_token;
        POST "/start-chat", StartChat => start_chat::start_chat;
        GET "/socket", Socket => socket::open;
        POST "/v1/agent/login", AgentLogin => agent::login;
        GET "/v1/agent/queue", AgentQueue => agent::queue;
        POST "/v1/agent/accept", AgentAccept => agent::accept;
        POST "/v1/agent/transfer", AgentTransfer => transfer::transfer;
        POST "/v1/agent/socket", AgentSocket => agent::socket;
        POST "/v1/chats/delete", DeleteChats => delete::delete;
        POST "/v1/admin/chaos/cut", Chaos => chaos::cut;
        POST "/v1/admin/chaos/stall", Chaos => chaos::stall;
        POST "/v1/admin/chaos/expire", Chaos => chaos::expire;
        GET "/v1/openapi.json", OpenApi => openapi::document;
        GET assets::BUNDLE_PATH, Asset => assets::bundle;
        GET assets::CHATLOOM_PATH, Asset => assets::bundle;
        GET "/healthz", Health => health::alive;
        GET "/readyz", Health => health::ready;
        GET "/metrics", Health => health::metrics;
    }
}

/// What handlers answer.
pub(crate) type Answer = Result<Response, ServiceError>;

/// What all requests have in common: an id, a time limit, figures, a log line, errors in their wire
/// form, and headers for pages of other origins.
async fn serve<F: Future<Output = Answer>>(
    app: Arc<App>,
    plane: Plane,
    operation: Operation,
    request: Request,
    handler: impl FnOnce(Arc<App>, Call) -> F,
) -> Response {
    let started = Instant::now();
    let id = app.gates.request_ids.next();
    // Never the path with its query: a socket's has a token.
    let span = tracing::debug_span!(
        "request",
        operation = operation.name(),
        %id,
        chat = tracing::field::Empty
    );
    let mut call = Call::new((plane, operation), request, &app.config, &app.gates.room, started);
    let origin = call.parts.headers.get(header::ORIGIN).cloned();
    let watched = Watched {
        audit: app.audit.clone(),
        clock: Arc::clone(&app.clock),
        note: Arc::clone(&call.note),
        operation: operation.name(),
        address: call.client(),
        request: id.clone(),
        has_ended: false,
    };
    let unread = Unread::of(&call);
    let retry_after = Arc::clone(&call.retry_after);
    let (largest, answer_timeout) = operation.bounds(&app.config);
    let chaos = app.gates.chaos.as_ref();
    let fate = chaos.map(|chaos| chaos.request(operation)).unwrap_or_default();
    let answer = async {
        if app.config.demo && !call.is_addressed_to_loopback() {
            // A page whose name was made to point at this machine must not act for its user.
            return Err(ServiceError::new(
                ErrorKind::AccessDenied,
                "This is a demo: it answers requests to 127.0.0.1 or localhost only",
            ));
        }
        app.charge(&mut call).await?;
        if let Some(error) = fate.before(plane) {
            return Err(error);
        }
        match tokio::time::timeout_at(started + answer_timeout, handler(Arc::clone(&app), call))
            .await
        {
            Ok(answer) => answer,
            Err(_) => Err(ServiceError::new(
                ErrorKind::InternalServer,
                "The answer took too long; it is not known whether the request was done. Try again",
            )),
        }
    };
    let mut answer = answer.instrument(span.clone()).await;
    if answer.is_ok()
        && let Some(error) = fate.after(plane)
    {
        answer = Err(error);
    }
    if !fate.delay.is_zero() {
        tokio::time::sleep(fate.delay).await;
    }
    unread.skip(largest).await;

    let took = started.elapsed();
    app.metrics.request(operation, took, answer.as_ref().err());
    if let Err(error) = watched.end(answer.as_ref().err()).instrument(span.clone()).await {
        app.metrics.audit_failures.inc();
        tracing::error!(%error, "a line of the audit log could not be written");
    }
    let _entered = span.enter();
    let mut response = match answer {
        Ok(response) => response,
        Err(error) => {
            if error.status >= 500 {
                tracing::error!(operation = operation.name(), %id, error = error.kind.name(), "a request failed");
            }
            match operation {
                Operation::StartChat => start_chat::failure(&error),
                _ => error::response(&error),
            }
        }
    };
    if let Some(seconds) = retry_after.header() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    tracing::debug!(
        status = response.status().as_u16(),
        took_us = took.as_micros() as u64,
        "answered"
    );
    app.gates.cors.decorate(origin.as_ref(), response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// Preflights of browsers, for every path; operations that are not offered; and what has no path here.
async fn unknown(app: Arc<App>, call: Call) -> Answer {
    if call.parts.method == Method::OPTIONS {
        let is_file = call.parts.uri.path().starts_with(files::PREFIX);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if is_file {
            Cors::preflight_of_file(&call.parts.headers, response.headers_mut());
        } else {
            Cors::preflight(response.headers_mut());
        }
        return Ok(response);
    }
    if let Some(operation) = contact::modelled(&call.parts.method, call.parts.uri.path()) {
        return contact::refuse(app, call, operation).await;
    }
    Err(ServiceError::new(
        ErrorKind::UnknownOperation,
        "There is no such operation here: look at path and method",
    ))
}

/// Ids of requests: unlike any other server's, and cheap.
struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        Self { start: u64::from_le_bytes(random::bytes()), count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        uuid::Uuid::from_u64_pair(self.start, self.count.fetch_add(1, Relaxed)).to_string()
    }
}

/// Where a connection comes from; each request carries it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Whether it has TLS, up to this server.
    pub(crate) is_secure: bool,
}

/// A request, as handlers take it.
pub(crate) struct Call {
    pub(crate) parts: Parts,
    plane: Plane,
    operation: Operation,
    /// The participant whose token it carries, once that has been verified.
    seat: Option<(SeatUse, Seat)>,
    retry_after: Arc<RetryAfter>,
    body: Arc<Mutex<Body>>,
    body_until: Instant,
    /// For bodies that come in slowly.
    room: Arc<Room>,
    /// What the client's address holds by it, if it came through a proxy.
    place: Option<Held>,
    peer: IpAddr,
    is_secure: bool,
    is_from_proxy: bool,
    /// What the audit log says of it.
    note: Arc<Note>,
}

impl Call {
    fn new(
        (plane, operation): (Plane, Operation),
        request: Request,
        config: &Config,
        room: &Arc<Room>,
        started: Instant,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<Peer>();
        let is_secure = peer.is_some_and(|peer| peer.is_secure);
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.address.ip());
        let is_from_proxy =
            config.server.trusted_proxies.iter().any(|network| network.contains(peer));
        let body_until = started + config.http.body_timeout.get();
        Self {
            parts,
            plane,
            operation,
            seat: None,
            retry_after: Arc::default(),
            body: Arc::new(Mutex::new(body)),
            body_until,
            room: Arc::clone(room),
            place: None,
            peer,
            is_secure,
            is_from_proxy,
            note: Arc::default(),
        }
    }

    /// The client's address: the one a trusted proxy names, else the connection's.
    fn client(&self) -> IpAddr {
        // The last address of the last line is what the proxy itself saw; those before it, anybody may
        // have written.
        let lines = self.parts.headers.get_all("x-forwarded-for");
        let forwarded = lines.iter().next_back().filter(|_| self.is_from_proxy);
        forwarded
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next()?.trim().parse().ok())
            .unwrap_or(self.peer)
    }

    /// Whether it was made on this machine, and meant for it. What a proxy passes on was not, wherever
    /// the proxy is; and a page that had its name resolved to this machine names itself.
    fn is_local(&self) -> bool {
        self.peer.to_canonical().is_loopback()
            && !self.is_from_proxy
            && self.is_addressed_to_loopback()
            && !["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"]
                .iter()
                .any(|name| self.parts.headers.contains_key(*name))
    }

    fn is_addressed_to_loopback(&self) -> bool {
        let host = self.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.is_none_or(is_loopback_host)
    }

    /// The one value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }
}

/// An answer with a JSON body.
fn json(body: &impl Serialize) -> Answer {
    let text = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        ServiceError::new(ErrorKind::InternalServer, "The server failed; try again")
    })?;
    Ok(json_text(text))
}

/// An answer with a JSON body that is there as text.
fn json_text(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl App {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What the caller reaches this server by.
    fn public_base(&self, call: &Call) -> Result<PublicBase, ServiceError> {
        if let Some(base) = &self.gates.public {
            return Ok(base.clone());
        }
        let headers = &call.parts.headers;
        PublicBase::from_request(headers, call.is_secure, call.is_from_proxy).ok_or_else(|| {
            error::validation("Host: needed to tell where the socket is, a name and perhaps a port")
        })
    }
}
