//! Deciding a command on a chat's state, committing the decision, publishing what became of it.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
};

use chatloom_engine::{
    Answer, AttachmentCommand, Chat, Command, Draft, Entry, Transfer, entry::item_id, guide::Guide,
    limits,
};
use chatloom_wire::{ContactId, ErrorKind, ServiceError, Timestamp, participant::SentResponse};
use futures_util::future::BoxFuture;

use super::{
    Cached, Chats,
    outcome::{failed, token_reused},
};
use crate::{
    bus::Notice,
    random,
    store::{Commit, Committed, StoreError, TokenKey},
};

/// How often a command is decided on a state that turns out to be old. Then its caller is told to
/// try again later.
pub(super) const TRIES: usize = 16;

/// What became of a command, and the state after it.
pub(super) struct Settled {
    pub(super) told: Told,
    pub(super) chat: Arc<Chat>,
}

pub(super) enum Told {
    Done,
    Sent(SentResponse),
}

impl Chats {
    /// Does a command. It is done to its end even if the caller goes away meanwhile: what was stored
    /// must still be published.
    pub(super) fn settle(
        self: &Arc<Self>,
        chat: &ContactId,
        command: Command,
        key: Option<TokenKey>,
    ) -> Finishing<Result<Settled, ServiceError>> {
        let (chats, chat) = (Arc::clone(self), chat.clone());
        Finishing::new(async move { chats.decide_and_commit(chat, command, key).await })
    }

    async fn decide_and_commit(
        &self,
        id: ContactId,
        mut command: Command,
        key: Option<TokenKey>,
    ) -> Result<Settled, ServiceError> {
        let failed = |error: StoreError| failed(&error);
        let (mut known, mut may_be_old) = self.load(&id).await.map_err(failed)?;
        for _ in 0..TRIES {
            let now = self.clock.now();
            let head = match &mut command {
                Command::TimePassed { heard } => {
                    self.listen(now, &known.chat, heard).await.map_err(failed)?
                }
                _ => None,
            };
            let decided = room_for(&command, known.head)
                .and_then(|()| Ok(self.rules.decide(now, &known.chat, &command)?));
            let decision = match decided {
                Ok(decision) => decision,
                // Another server may have changed the chat: nobody is refused on hearsay.
                Err(_) if may_be_old => {
                    known = self.reload(&id).await.map_err(failed)?;
                    may_be_old = false;
                    continue;
                }
                Err(refusal) => {
                    self.counts.refused.fetch_add(1, Relaxed);
                    return Err(refusal);
                }
            };
            if decision.chat.is_none() && decision.entries.is_empty() {
                let transient = self.publish_transient(&id, now, &decision.transient);
                let told = match decision.answer {
                    Answer::Transient(index) => Told::Sent(sent(&transient[index])),
                    Answer::Accepted => Told::Sent(SentResponse {
                        id: item_id(now, random::uuid().as_u128()),
                        absolute_time: now,
                    }),
                    Answer::Done | Answer::Entry(_) => Told::Done,
                };
                return Ok(Settled { told, chat: known.chat });
            }
            let state = decision.chat.map(Arc::new);
            let answer = match decision.answer {
                Answer::Entry(index) => index,
                _ => 0,
            };
            let commit = Commit {
                chat: id.clone(),
                version: known.version,
                head,
                state: state.clone(),
                drafts: decision.entries,
                key,
                answer,
                now,
            };
            match self.store.commit(commit).await.map_err(failed)? {
                Committed::Done { entries, version } => {
                    let told = match decision.answer {
                        Answer::Entry(index) => Told::Sent(sent(&entries[index])),
                        _ => Told::Done,
                    };
                    let queues = state.as_ref().map(|after| changed_queues(&known.chat, after));
                    let chat = state.unwrap_or(known.chat);
                    let head = entries.last().map(|entry| entry.seq);
                    self.remember(&id, Cached { chat: Arc::clone(&chat), version, head });
                    self.counts.stored.fetch_add(entries.len() as u64, Relaxed);
                    self.publish_transient(&id, now, &decision.transient);
                    if !entries.is_empty() {
                        if !chat.followers.is_empty() {
                            self.followed.notify_one();
                        }
                        self.bus.publish(Notice::Stored(entries));
                    }
                    for queue in queues.into_iter().flatten().flatten() {
                        self.bus.publish(Notice::QueueChanged(queue));
                    }
                    return Ok(Settled { told, chat });
                }
                Committed::Repeated { id, time } => {
                    self.counts.repeated.fetch_add(1, Relaxed);
                    let told = Told::Sent(SentResponse { id, absolute_time: time });
                    return Ok(Settled { told, chat: known.chat });
                }
                Committed::TokenReused => return Err(token_reused()),
                Committed::Conflict => {
                    self.counts.conflicts.fetch_add(1, Relaxed);
                    known = self.reload(&id).await.map_err(failed)?;
                    may_be_old = false;
                }
            }
        }
        Err(ServiceError::new(
            ErrorKind::Throttling,
            "The chat changes too fast for this request; try again",
        ))
    }

    fn publish_transient(
        &self,
        chat: &ContactId,
        now: Timestamp,
        drafts: &[Draft],
    ) -> Vec<Arc<Entry>> {
        let entries: Vec<_> = drafts
            .iter()
            .map(|draft| {
                let id = draft
                    .given_id()
                    .cloned()
                    .unwrap_or_else(|| item_id(now, random::uuid().as_u128()));
                Arc::new(Entry {
                    chat: chat.clone(),
                    seq: 0,
                    time: now,
                    kind: draft.kind,
                    audience: draft.audience.clone(),
                    contact_id: draft.contact_id.clone(),
                    about: draft.about.clone(),
                    sender: draft.sender.as_ref().map(|sender| sender.id.clone()),
                    text: draft.item_text(chat, &id, now).into(),
                    id,
                })
            })
            .collect();
        self.counts.transient.fetch_add(entries.len() as u64, Relaxed);
        for entry in &entries {
            self.bus.publish(Notice::Transient(Arc::clone(entry)));
        }
        entries
    }
}

/// A future that is run to its end in the background if whoever waits for it goes away after it
/// has begun. (A client that hangs up makes hyper drop the handler where it stands.)
pub(super) struct Finishing<T: Send + 'static> {
    future: Option<BoxFuture<'static, T>>,
    has_begun: bool,
}

impl<T: Send + 'static> Finishing<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self { future: Some(Box::pin(future)), has_begun: false }
    }
}

impl<T: Send + 'static> Future for Finishing<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.has_begun = true;
        let future = self.future.as_mut().expect("a future that has ended is not polled again");
        let result = std::task::ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(result)
    }
}

impl<T: Send + 'static> Drop for Finishing<T> {
    fn drop(&mut self) {
        if self.has_begun
            && let Some(future) = self.future.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(future);
        }
    }
}

fn sent(entry: &Entry) -> SentResponse {
    SentResponse { id: entry.id.clone(), absolute_time: entry.time }
}

/// The queues that one state waits in and the other does not.
fn changed_queues(before: &Chat, after: &Chat) -> [Option<Arc<str>>; 2] {
    let queue = |chat: &Chat| chat.waiting().map(|(queue, _)| Arc::from(queue));
    let (before, after) = (queue(before), queue(after));
    if before == after { [None, None] } else { [before, after] }
}

/// A chat has room for so many entries; leaving and ending are always possible.
fn room_for(command: &Command, head: Option<u64>) -> Result<(), ServiceError> {
    let adds = matches!(
        command,
        Command::SendMessage { .. }
            | Command::SendEvent { .. }
            | Command::Attachment(AttachmentCommand::Complete { .. })
            | Command::BotAnswered { .. }
            | Command::Guide(Guide::Say { .. } | Guide::AskToSignIn { .. })
            | Command::Transfer(Transfer { is_impossible: true, .. })
    );
    if adds && head.is_some_and(|head| head >= limits::ENTRIES_IN_CHAT) {
        return Err(ServiceError::new(
            ErrorKind::Validation,
            format!(
                "This chat has all the {} entries a chat may have; start another one",
                limits::ENTRIES_IN_CHAT
            ),
        ));
    }
    Ok(())
}
