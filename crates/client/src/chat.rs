//! One chat: the handle an application holds.

use std::sync::{Arc, atomic::Ordering};

use chatloom_session::{Call, CallId, EntryKey, GapId, Outgoing, SessionId, Value};
use chatloom_wire::{
    AttachmentId, ContactId, ContentType, Item, ItemId, ParticipantId, ParticipantToken,
    contact::StartChatContactResponse,
    participant::{
        DescribeViewResponse, GetAuthenticationUrlResponse, GetTranscriptRequest,
        GetTranscriptResponse, SentResponse, View,
    },
};
use tokio::sync::{oneshot, watch};

use crate::{
    attachment::{self, Attachment, AttachmentUrl, Download, UploadProgress, Uploading},
    client::Shared,
    driver::{Command, FileToSend, Kind, Pending},
    error::Error,
    event::Connection,
    feed::{Events, Feed},
    message::{Message, MessageStatus, Sending},
    reply::{Outcome, Reply, answer, nothing, unexpected},
    roster::Roster,
    snapshot::Snapshot,
    transcript::Transcript,
    watch::Watch,
};

/// What names a chat and lets a participant in: the answer of StartChatContact, usually by way of
/// your own back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatDetails {
    /// The contact.
    pub contact_id: ContactId,
    /// The chat as a whole; the same as the contact until a transfer.
    pub initial_contact_id: ContactId,
    /// The participant that this program speaks for.
    pub participant_id: ParticipantId,
    /// The participant's token. Secret.
    pub participant_token: ParticipantToken,
}

impl ChatDetails {
    /// The details of a chat that has not been transferred.
    pub fn new(
        contact_id: impl Into<ContactId>,
        participant_id: impl Into<ParticipantId>,
        participant_token: impl Into<ParticipantToken>,
    ) -> Self {
        let contact_id = contact_id.into();
        Self {
            initial_contact_id: contact_id.clone(),
            contact_id,
            participant_id: participant_id.into(),
            participant_token: participant_token.into(),
        }
    }
}

impl From<StartChatContactResponse> for ChatDetails {
    fn from(started: StartChatContactResponse) -> Self {
        Self::new(started.contact_id, started.participant_id, started.participant_token)
    }
}

/// A page of a transcript, from [`Chat::get_transcript`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TranscriptPage {
    /// The items, in the order that was asked for.
    pub items: Vec<Item>,
    /// For the next page, as `next_token` of the same request; `None` at the end.
    pub next_token: Option<String>,
}

/// What [`Chat::load_older`] or [`Chat::fill_gap`] has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// How many entries.
    pub count: u32,
    /// Whether the chat has no older ones.
    pub at_beginning: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "one of the readers of an outcome")]
fn loaded(outcome: Outcome) -> Result<Loaded, Error> {
    match outcome {
        Outcome::Value(Value::Loaded { count, at_beginning }) => Ok(Loaded { count, at_beginning }),
        _ => Err(unexpected()),
    }
}

/// A chat. Cheap to clone; all clones are the same chat.
///
/// Made by [`Client::chat`](crate::Client::chat). When the last clone is dropped the connection is
/// closed, messages still on their way are given up, and the streams of events end; the chat itself
/// goes on at the service. To leave it for good, call [`disconnect`](Self::disconnect).
///
/// # Calls, futures and cancellation
///
/// A call is made when the method is called, not when its future is first polled. So calls take
/// effect in the order in which they are written, whoever awaits them later, and a [`Reply`] may be
/// kept, spawned or joined with others. Dropping one before it is done is always safe: the answer is
/// no longer wanted, but what was asked is still done. In particular a message is not taken back.
/// Only reading a transcript and sending or fetching a file are broken off.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

struct Inner {
    session: SessionId,
    details: ChatDetails,
    feed: Arc<Feed>,
    shared: Arc<Shared>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.tell(Command::Forget { session: self.session });
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").field("details", &self.inner.details).finish_non_exhaustive()
    }
}

impl Chat {
    pub(crate) fn new(
        session: SessionId,
        details: ChatDetails,
        feed: Arc<Feed>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { inner: Arc::new(Inner { session, details, feed, shared }) }
    }

    /// What the chat was made from.
    pub fn details(&self) -> &ChatDetails {
        &self.inner.details
    }

    /// Whether an item was sent by the participant of this chat.
    pub fn is_own(&self, item: &Item) -> bool {
        item.head().participant_id.as_ref() == Some(&self.inner.details.participant_id)
    }

    /// The events from now on. Take the stream before [`connect`](Self::connect) to miss none; any
    /// number may be taken, each gets every event.
    pub fn events(&self) -> Events {
        self.inner.feed.subscribe()
    }

    /// The transcript as an application shows it, now and at each change: merged, in order, with the
    /// messages that are still on their way and what has become of each.
    ///
    /// The client keeps it from the first call of this on. Taken before [`connect`](Self::connect),
    /// it has all that the chat holds, up to the bound
    /// ([`ChatOptions::most_entries`](crate::ChatOptions::most_entries)); taken later, it begins with
    /// the newest entries. [`load_older`](Self::load_older) brings more.
    pub fn transcript(&self) -> Watch<Transcript> {
        self.inner.shared.tell(Command::Track { session: self.inner.session });
        self.inner.feed.transcript.watch()
    }

    /// Who is or was there, and whether they are typing, idle or gone, now and at each change.
    pub fn roster(&self) -> Watch<Roster> {
        self.inner.feed.roster.watch()
    }

    /// What is needed to go on after a restart ([`Client::restore`](crate::Client::restore)), at
    /// each change; `None` before there is anything, and when nothing needs to be kept any more.
    /// Needs [`ChatOptions::snapshots`](crate::ChatOptions::snapshots).
    ///
    /// Only the newest is kept, so whoever writes it down may take long and holds up nobody.
    ///
    /// ```no_run
    /// # async fn example(chat: chatloom::Chat, path: &std::path::Path) -> std::io::Result<()> {
    /// let mut snapshots = chat.snapshots();
    /// while let Some(snapshot) = snapshots.changed().await {
    ///     match snapshot {
    ///         Some(snapshot) => std::fs::write(path, snapshot.expose())?,
    ///         None => std::fs::remove_file(path)?,
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn snapshots(&self) -> Watch<Option<Snapshot>> {
        self.inner.feed.snapshots.watch()
    }

    /// What the connection is doing, now and at each change.
    ///
    /// ```no_run
    /// # use chatloom::{Chat, Connection};
    /// # async fn example(chat: Chat) -> Result<(), Box<dyn std::error::Error>> {
    /// // Wait until items arrive as they happen.
    /// chat.connection().wait_for(|connection| *connection == Connection::Online).await?;
    /// # Ok(()) }
    /// ```
    pub fn connection(&self) -> Watch<Connection> {
        self.inner.feed.connection.watch()
    }

    /// Connects. Done when the service has let this participant in; the socket opens after that, and
    /// from then on the client keeps the chat connected by itself until it ends. May be called again,
    /// also after a failure.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] with status 403 when the token is wrong or the chat is over;
    /// [`Error::Unreachable`] when several attempts got no answer.
    pub fn connect(&self) -> Reply<()> {
        self.call(Call::Connect, nothing)
    }

    /// Sends a message. Done when the service has stored it. Messages of one chat are stored in the
    /// order of these calls. One that was taken is sent until the service takes or refuses it, or the
    /// chat ends, through any outage.
    ///
    /// # Errors
    ///
    /// [`Error::NotConnected`] before `connect` and after the end; [`Error::Service`] when the
    /// service refuses the message; [`Error::OutboxFull`] when too many wait already;
    /// [`Error::Closed`] when the chat ended before the message was sent.
    pub fn send_message(&self, message: impl Into<Message>) -> Sending {
        let (watchers, status) = watch::channel(MessageStatus::new());
        let message = Call::SendMessage(message.into().into());
        let reply = self.call_with(message, Kind::Message(watchers), answer);
        Sending { reply, status: status.into() }
    }

    /// Sends a message that failed once more, under the same client token: should the service have
    /// stored it after all, it is not stored again. The key is that of its [`MessageStatus`] or
    /// [`Entry`](crate::Entry).
    ///
    /// # Errors
    ///
    /// As [`send_message`](Self::send_message); [`Error::Invalid`] when no message with this key has
    /// failed.
    pub fn resend(&self, key: EntryKey) -> Reply<SentResponse> {
        self.call(Call::Resend { key }, answer)
    }

    /// Drops a message that failed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when no message with this key has failed.
    pub fn discard(&self, key: EntryKey) -> Reply<()> {
        self.call(Call::Discard { key }, nothing)
    }

    /// Tells the others that somebody is typing. Call it with every key: the client sends it at most
    /// every ten seconds ([`ChatOptions::typing_throttle`](crate::ChatOptions::typing_throttle)), and
    /// a call that is not sent succeeds with the one that was.
    pub fn typing(&self) -> Reply<()> {
        self.send_event(ContentType::Typing, None)
    }

    /// The application has shown everything up to this item: tells the others so. Call it with every
    /// item: receipts are gathered, and only the newest is sent
    /// ([`ChatOptions::receipt_throttle`](crate::ChatOptions::receipt_throttle)). Done when it, or a
    /// later one that covers it, has been sent.
    ///
    /// # Errors
    ///
    /// [`Error::ReceiptsOff`] when receipts are switched off.
    pub fn mark_read(&self, item: &ItemId) -> Reply<()> {
        self.call(Call::MarkRead { item: item.clone() }, nothing)
    }

    /// Everything up to this item has reached the application: tells the others so, as
    /// [`mark_read`](Self::mark_read) does.
    ///
    /// # Errors
    ///
    /// [`Error::ReceiptsOff`] when receipts are switched off.
    pub fn mark_delivered(&self, item: &ItemId) -> Reply<()> {
        self.call(Call::MarkDelivered { item: item.clone() }, nothing)
    }

    /// Sends an event of any kind that the service takes from participants. Unlike a message, an
    /// event does not wait for the connection and is given up after some attempts: it is of no use
    /// when it is late.
    pub fn send_event(&self, content_type: ContentType, content: Option<String>) -> Reply<()> {
        let outgoing = Outgoing { content_type, content, client_token: None };
        self.call(Call::SendEvent(outgoing), nothing)
    }

    /// Reads a page of the transcript. What the request leaves open: the 15 latest items, the oldest
    /// first, and from a start position backward. Dropping the reply breaks it off.
    pub fn get_transcript(&self, request: GetTranscriptRequest) -> Reply<TranscriptPage> {
        self.call(Call::GetTranscript(Box::new(request)), |outcome| {
            let page: GetTranscriptResponse = answer(outcome)?;
            Ok(TranscriptPage {
                items: page.transcript,
                // The service writes an empty token for none at times.
                next_token: page.next_token.filter(|token| !token.is_empty()),
            })
        })
        .cancelled_by_drop(&self.inner.shared.commands)
    }

    /// Brings at most so many older entries, 1 to 1,000, into the [`transcript`](Self::transcript).
    /// Done when they are in it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the count is another, or when nobody has asked for the transcript.
    pub fn load_older(&self, count: u32) -> Reply<Loaded> {
        self.call(Call::LoadOlder { count }, loaded)
    }

    /// Tries again to read what a gap has swallowed. What is found comes as events, then
    /// [`Event::GapClosed`](crate::Event::GapClosed), and takes the gap's place in the
    /// [`transcript`](Self::transcript).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when there is no such gap.
    pub fn fill_gap(&self, gap: GapId) -> Reply<Loaded> {
        self.call(Call::FillGap { gap }, loaded)
    }

    /// Sends a file. Done when the service has it; everybody, this participant too, is told of it by
    /// an [`Event::Attachment`](crate::Event::Attachment) once it has been checked. Dropping the
    /// future breaks it off.
    ///
    /// ```no_run
    /// # async fn example(chat: chatloom::Chat) -> Result<(), chatloom::Error> {
    /// use chatloom::Attachment;
    ///
    /// let uploading = chat.send_attachment(Attachment::file("invoice.pdf").await?);
    /// let mut progress = uploading.progress();
    /// let watching = async {
    ///     while let Some(now) = progress.changed().await {
    ///         println!("{} of {} bytes", now.sent, now.total);
    ///     }
    /// };
    /// let (sent, ()) = tokio::join!(uploading, watching);
    /// # sent }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Service`] when the service does not want it: too large (400), too many (402), not
    /// allowed (403). [`Error::Storage`] when the storage refuses it, [`Error::File`] when it cannot
    /// be read.
    pub fn send_attachment(&self, file: Attachment) -> Uploading {
        let Attachment { head, body } = file;
        let size = head.size;
        let (watchers, progress) = watch::channel(UploadProgress { sent: 0, total: size });
        let kind = Kind::Upload(Box::new(FileToSend::new(body, size, watchers)));
        let reply = self
            .call_with(Call::SendAttachment(head), kind, nothing)
            .cancelled_by_drop(&self.inner.shared.commands);
        Uploading { reply, progress: progress.into() }
    }

    /// Fetches a file, whose id is in [`Item::attachments`]. Done when its first bytes are here; the
    /// rest comes as the [`Download`] is read. Dropping the reply or the download breaks it off.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] when there is no such file; [`Error::Storage`] when the storage does not
    /// give it.
    pub fn download_attachment(&self, id: impl Into<AttachmentId>) -> Reply<Download> {
        let what = Call::DownloadAttachment { attachment_id: id.into() };
        self.call(what, attachment::downloaded).cancelled_by_drop(&self.inner.shared.commands)
    }

    /// Where a file is, for a short time: for a browser, say.
    pub fn attachment_url(&self, id: impl Into<AttachmentId>) -> Reply<AttachmentUrl> {
        let what = Call::GetAttachmentUrl { attachment_id: id.into() };
        self.call(what, attachment::attachment_url)
    }

    /// Reads a view, which a message of the template `ViewResource` names by its token.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the token is empty or longer than 1,000 characters;
    /// [`Error::Service`] with status 404 when there is no such view.
    pub fn describe_view(&self, view_token: impl Into<String>) -> Reply<View> {
        self.call(Call::DescribeView { view_token: view_token.into() }, |outcome| {
            let described: DescribeViewResponse = answer(outcome)?;
            described.view.ok_or_else(unexpected)
        })
    }

    /// The page where the customer can sign in. Secret. Where it comes back to must be one of the
    /// addresses that are configured; the session id, of 36 characters, is in the content of the
    /// [`Event::Authentication`](crate::Event::Authentication) that asked for it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when an argument has another length; [`Error::Service`] when the service
    /// refuses, as it does a minute after it asked.
    pub fn authentication_url(
        &self,
        redirect_uri: impl Into<String>,
        session_id: impl Into<String>,
    ) -> Reply<String> {
        let (redirect_uri, session_id) = (redirect_uri.into(), session_id.into());
        self.call(Call::GetAuthenticationUrl { redirect_uri, session_id }, |outcome| {
            let answer: GetAuthenticationUrlResponse = answer(outcome)?;
            answer.authentication_url.ok_or_else(unexpected)
        })
    }

    /// The customer does not want to sign in.
    pub fn cancel_authentication(&self, session_id: impl Into<String>) -> Reply<()> {
        let session_id = session_id.into();
        self.call(Call::CancelParticipantAuthentication { session_id }, nothing)
    }

    /// Leaves the chat. When the customer leaves, the chat is over for everybody.
    pub fn disconnect(&self) -> Reply<()> {
        self.call(Call::DisconnectParticipant, nothing)
    }

    fn call<T>(&self, what: Call, read: fn(Outcome) -> Result<T, Error>) -> Reply<T> {
        self.call_with(what, Kind::Plain, read)
    }

    fn call_with<T>(
        &self,
        what: Call,
        kind: Kind,
        read: fn(Outcome) -> Result<T, Error>,
    ) -> Reply<T> {
        let shared = &self.inner.shared;
        let call = CallId(shared.calls.fetch_add(1, Ordering::Relaxed));
        let (done, result) = oneshot::channel();
        let pending = Pending::new(done, kind);
        shared.tell(Command::Call { session: self.inner.session, call, what, pending });
        Reply::new(call, result, read)
    }
}
