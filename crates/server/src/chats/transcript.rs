//! Pages of a transcript.

use std::sync::Arc;

use chatloom_engine::{
    Chat, Entry, Participant, limits,
    token::Seat,
    transcript::{self, Page, Plan, Start},
};
use chatloom_wire::{
    ContactId, ErrorKind, ItemId, ParticipantRole, ServiceError, Timestamp,
    participant::GetTranscriptRequest,
};

use super::{
    Chats,
    outcome::{failed, internal},
};
use crate::store::{ItemQuery, Place, StoreError};

/// Place beyond every item.
pub(super) const NEWEST: u64 = u64::MAX;

/// How far after the time in its id an item is looked for whose id was given before it was stored. A
/// bot's answer takes a minute or two: more is not said meanwhile.
const GIVEN_BEFORE: u32 = 256;

impl Chats {
    /// A page of the transcript: the answer to GetTranscript as JSON text. The request has been
    /// checked.
    ///
    /// A `NextToken` that was not given to this participant is refused with `ValidationException`:
    /// `AccessDeniedException` would tell clients that the chat is over.
    pub async fn transcript(
        &self,
        seat: &Seat,
        request: &GetTranscriptRequest,
    ) -> Result<String, ServiceError> {
        let now = self.clock.now();
        let next = request
            .next_token
            .as_deref()
            .map(|token| self.keys.page(token, seat, now))
            .transpose()
            .map_err(|error| {
                tracing::debug!(chat = %seat.chat, %error, "a NextToken was refused");
                ServiceError::new(
                    ErrorKind::Validation,
                    "NextToken: wrong or expired; begin again without one",
                )
            })?;
        let chat = self.admit(seat).await?;
        let reader = chat.participant(&seat.participant).ok_or_else(internal)?;
        let Some(plan) = transcript::plan(&chat, request, next) else {
            return page_body(&chat, &[], &[], None, false);
        };
        if plan.past.is_some() {
            return self.past_page(&chat, reader, plan, now).await;
        }
        let failed = |error: StoreError| failed(&error);
        let query = |forward, from, limit| ItemQuery {
            chat: chat.id.clone(),
            contact: plan.contact.clone(),
            reader: reader.id.clone(),
            agents: reader.sees_agents(),
            forward,
            from,
            limit,
        };
        let from = match plan.start {
            Start::Newest => Some(NEWEST),
            Start::Place(place) => Some(place),
            Start::MostRecent(count) => {
                let newest = self.store.items(query(false, NEWEST, count)).await.map_err(failed)?;
                newest.last().map(|item| item.seq)
            }
            Start::Item(_, time) => {
                self.store.place(&chat.id, Place::AtOrAfter(time)).await.map_err(failed)?
            }
            Start::Time(time) => {
                let place =
                    if plan.forward { Place::AtOrAfter(time) } else { Place::AtOrBefore(time) };
                self.store.place(&chat.id, place).await.map_err(failed)?
            }
        };
        let Some(from) = from else {
            return page_body(&chat, &[], &[], None, false);
        };
        let mut found =
            self.store.items(query(plan.forward, from, plan.look_for())).await.map_err(failed)?;
        if let Start::Item(id, _) = &plan.start
            && found.first().is_none_or(|first| first.id != *id)
            && let Some(place) = self.given_before(&chat.id, from, id).await.map_err(failed)?
        {
            let query = query(plan.forward, place, plan.look_for());
            found = self.store.items(query).await.map_err(failed)?;
        }
        let page = plan.page(found);
        self.answer(&chat, &chat.id, reader, &plan, &page, now).await
    }

    /// A page of what the chat continues. Chats in which this reader sees nothing are passed over.
    async fn past_page(
        &self,
        chat: &Chat,
        reader: &Participant,
        mut plan: Plan,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let chats = chat.past.as_ref().map_or(&[][..], |past| &past.chats);
        while let (Some(index), Start::Place(from)) = (plan.past, &plan.start) {
            let Some(past) = chats.get(index) else { break };
            let is_customer = reader.role == ParticipantRole::Customer;
            let query = ItemQuery {
                chat: past.chat.clone(),
                contact: None,
                // Who is the customer now was another participant then, and the same person.
                reader: if is_customer { &past.customer } else { &reader.id }.clone(),
                agents: reader.sees_agents(),
                forward: false,
                from: past.last.min(*from),
                limit: plan.look_for(),
            };
            let found = self.store.items(query).await.map_err(|error| failed(&error))?;
            if !found.is_empty() {
                let page = plan.page(found);
                return self.answer(chat, &past.chat, reader, &plan, &page, now).await;
            }
            plan.past = Some(index + 1);
            plan.start = Start::Place(NEWEST);
        }
        page_body(chat, &[], &[], None, true)
    }

    /// The answer with a page of items of the chat `from`, which is the reader's or one of its past.
    async fn answer(
        &self,
        chat: &Chat,
        from: &ContactId,
        reader: &Participant,
        plan: &Plan,
        page: &Page,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let about = if page.items.is_empty() {
            Vec::new()
        } else {
            let ids = page.items.iter().map(|item| item.id.clone()).collect();
            self.store.about(from, ids).await.map_err(|error| failed(&error))?
        };
        let seat = Seat {
            chat: chat.id.clone(),
            participant: reader.id.clone(),
            role: reader.role.clone(),
        };
        let next = plan
            .after(chat, page, &seat)
            .map(|next| self.keys.mint_page(&next, now.plus_millis(limits::NEXT_TOKEN_MS)))
            .transpose()
            .map_err(|error| {
                tracing::error!(%error, "no NextToken could be made");
                internal()
            })?;
        page_body(chat, &page.items, &about, next.as_deref(), plan.past.is_some())
    }
}

impl Chats {
    /// The place of an item whose id was given before it had one, because parts of it were shown
    /// before: it is somewhere after the time in its id.
    async fn given_before(
        &self,
        chat: &ContactId,
        from: u64,
        id: &ItemId,
    ) -> Result<Option<u64>, StoreError> {
        let after = from.saturating_sub(1);
        let entries = self.store.entries_after(chat, after, GIVEN_BEFORE).await?;
        Ok(entries.iter().find(|entry| entry.id == *id).map(|entry| entry.seq))
    }
}

fn page_body(
    chat: &Chat,
    items: &[Arc<Entry>],
    about: &[Arc<Entry>],
    next_token: Option<&str>,
    past: bool,
) -> Result<String, ServiceError> {
    let body = if past { transcript::past_body } else { transcript::body };
    body(&chat.id, items, about, next_token).map_err(|error| {
        // Only where, not what: the text is private.
        let (line, column) = (error.line(), error.column());
        tracing::error!(chat = %chat.id, line, column, "a stored item is no JSON object");
        internal()
    })
}
