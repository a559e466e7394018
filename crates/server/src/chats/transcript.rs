//! Pages of a transcript.

use std::sync::Arc;

use chatloom_engine::{
    Chat, Entry, limits,
    token::Seat,
    transcript::{self, Start},
};
use chatloom_wire::{ErrorKind, ServiceError, participant::GetTranscriptRequest};

use super::{
    Chats,
    outcome::{failed, internal},
};
use crate::store::{ItemQuery, Place, StoreError};

/// Place beyond every item.
const NEWEST: u64 = u64::MAX;

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
            return page_body(&chat, &[], &[], None);
        };
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
            return page_body(&chat, &[], &[], None);
        };
        let found =
            self.store.items(query(plan.forward, from, plan.look_for())).await.map_err(failed)?;
        let page = plan.page(found);
        let about = if page.items.is_empty() {
            Vec::new()
        } else {
            let ids = page.items.iter().map(|item| item.id.clone()).collect();
            self.store.about(&chat.id, ids).await.map_err(failed)?
        };
        let next = page
            .next
            .map(|place| {
                let end = now.plus_millis(limits::NEXT_TOKEN_MS);
                self.keys.mint_page(&plan.next_page(seat, place), end)
            })
            .transpose()
            .map_err(|error| {
                tracing::error!(%error, "no NextToken could be made");
                internal()
            })?;
        page_body(&chat, &page.items, &about, next.as_deref())
    }
}

fn page_body(
    chat: &Chat,
    items: &[Arc<Entry>],
    about: &[Arc<Entry>],
    next_token: Option<&str>,
) -> Result<String, ServiceError> {
    transcript::body(&chat.id, items, about, next_token).map_err(|error| {
        // Only where, not what: the text is private.
        let (line, column) = (error.line(), error.column());
        tracing::error!(chat = %chat.id, line, column, "a stored item is no JSON object");
        internal()
    })
}
