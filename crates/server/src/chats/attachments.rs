//! Files of chats.

use std::sync::Arc;

use chatloom_engine::{
    Attachment, AttachmentCommand, BlobId, Command, EntryKind, Refusal, attachment,
    attachment::{RequestKey, Stage},
    token::Seat,
};
use chatloom_wire::{
    AttachmentId, ContactId, ErrorKind, ItemId, ServiceError, Timestamp,
    participant::StartAttachmentUploadRequest,
};

use super::{
    Chats, new_id,
    outcome::{failed, internal},
    repeats::token_key,
};
use crate::store::{Place, StoreError, TokenKey};

/// How many entries are read at once in search of an item.
const PAGE: u32 = 100;

/// A file that a scanner has to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The chat.
    pub chat: ContactId,
    /// The file.
    pub attachment: AttachmentId,
    /// Its bytes.
    pub blob: BlobId,
    /// Its MIME type, as its owner says.
    pub content_type: String,
    /// When it was sent.
    sent_at: Timestamp,
}

impl Chats {
    /// A participant wants to send a file: StartAttachmentUpload. The request has been checked, name
    /// and type too. A repeat answers the file of the first one.
    ///
    /// `ServiceQuotaExceededException` when the chat has all the files that a chat may have.
    pub async fn start_attachment(
        self: &Arc<Self>,
        seat: &Seat,
        request: StartAttachmentUploadRequest,
        upload_by: Timestamp,
    ) -> Result<Attachment, ServiceError> {
        self.wait_for(seat).await.map_err(|error| failed(&error))?;
        let size = request.attachment_size_in_bytes.to_string();
        let TokenKey { key, body } = token_key(
            &[seat.participant.as_str(), "StartAttachmentUpload", &request.client_token],
            &[&request.content_type, &request.attachment_name, &size],
        );
        let token = key as u64;
        let command = Command::Attachment(AttachmentCommand::Start {
            participant: seat.participant.clone(),
            id: new_id().into(),
            request,
            key: RequestKey { token, body },
            upload_by,
        });
        let chat = self.settle(&seat.chat, command, None).await?.chat;
        chat.attachment_started_by(&seat.participant, token).cloned().ok_or_else(internal)
    }

    /// A file that may be uploaded now.
    ///
    /// `AccessDeniedException` when the chat is over or the owner has left, `ValidationException`
    /// when there is no such file any more, `ConflictException` when it was sent before.
    pub async fn file_to_upload(
        &self,
        chat: &ContactId,
        id: &AttachmentId,
    ) -> Result<Attachment, ServiceError> {
        let chat = self.reload(chat).await.map_err(|error| failed(&error))?.chat;
        let file = chat.attachment(id).ok_or_else(no_file)?;
        chat.admit(self.clock.now(), &file.owner)?;
        match file.stage {
            Stage::Started | Stage::Uploaded { .. } => Ok(file.clone()),
            _ => Err(ServiceError::new(
                ErrorKind::Conflict,
                "The attachment has been sent already; start another one",
            )),
        }
    }

    /// The bytes of a file are here, whole and durable.
    pub async fn uploaded(
        self: &Arc<Self>,
        chat: &ContactId,
        id: &AttachmentId,
        blob: BlobId,
        genuine: bool,
    ) -> Result<(), ServiceError> {
        let attachment = id.clone();
        let command = AttachmentCommand::Uploaded { attachment, blob, genuine };
        self.settle(chat, Command::Attachment(command), None).await.map(drop)
    }

    /// A participant sends a file that is here: CompleteAttachmentUpload. `scan` says whether a scanner
    /// has the last word.
    pub async fn complete_attachment(
        self: &Arc<Self>,
        seat: &Seat,
        attachment: AttachmentId,
        client_token: &str,
        largest: u64,
        scan: bool,
    ) -> Result<(), ServiceError> {
        let participant = seat.participant.clone();
        let key = [participant.as_str(), "CompleteAttachmentUpload", client_token];
        let token = token_key(&key, &[]).key as u64;
        let command = AttachmentCommand::Complete { participant, attachment, token, largest, scan };
        self.settle(&seat.chat, Command::Attachment(command), None).await.map(drop)
    }

    /// A file that a participant may have: GetAttachment. It is one of this chat, or of one that this
    /// chat continues; with the chat that it is of.
    pub async fn attachment(
        &self,
        seat: &Seat,
        id: &AttachmentId,
    ) -> Result<(ContactId, Attachment), ServiceError> {
        let chat = self.admit(seat).await?;
        let now = self.clock.now();
        let found = attachment::find(now, &chat, &seat.participant, id);
        let past = chat.past.as_ref().filter(|_| chat.attachment(id).is_none());
        if let Some(past) = past {
            attachment::admit(now, &chat, &seat.participant)?;
            for past in &past.chats {
                // One that was deleted has no files either.
                let stored = self.store.chat(&past.chat).await.map_err(|error| failed(&error))?;
                let file = stored.as_ref().and_then(|of| attachment::find_past(past, &of.chat, id));
                if let Some(file) = file {
                    return Ok((past.chat.clone(), file.clone()));
                }
            }
        }
        Ok((seat.chat.clone(), found?.clone()))
    }

    /// A file that may be downloaded, with its bytes.
    pub async fn file_to_download(
        &self,
        chat: &ContactId,
        id: &AttachmentId,
    ) -> Result<(Attachment, BlobId), ServiceError> {
        let chat = self.load(chat).await.map_err(|error| failed(&error))?.0.chat;
        let file = chat.attachment(id).ok_or_else(no_file)?;
        match file.stage {
            Stage::Approved { blob, .. } => Ok((file.clone(), blob)),
            _ => Err(no_file()),
        }
    }

    /// Files that wait for the word of a scanner, of at most so many chats.
    pub async fn pending_scans(&self, chats: u32) -> Result<Vec<Pending>, StoreError> {
        let mut pending = Vec::new();
        for id in self.store.scanning(chats).await? {
            let chat = self.reload(&id).await?.chat;
            pending.extend(chat.attachments.iter().filter_map(|file| match file.stage {
                Stage::Scanning { blob, sent_at, .. } => {
                    let (chat, attachment) = (id.clone(), file.id.clone());
                    let content_type = file.content_type.clone();
                    Some(Pending { chat, attachment, blob, content_type, sent_at })
                }
                _ => None,
            }));
        }
        Ok(pending)
    }

    /// The scanner's word on a file.
    pub async fn judge(self: &Arc<Self>, of: &Pending, approve: bool) -> Result<(), ServiceError> {
        let item = self.item_of(of).await.map_err(|error| failed(&error))?;
        let item = item.ok_or_else(|| {
            tracing::error!(chat = %of.chat, "the item of an attachment is not in its transcript");
            internal()
        })?;
        let attachment = of.attachment.clone();
        let command = AttachmentCommand::Judge { attachment, item, approve };
        self.settle(&of.chat, Command::Attachment(command), None).await.map(drop)
    }

    /// The item that tells of a file: the first one since it was sent that names it.
    async fn item_of(&self, of: &Pending) -> Result<Option<ItemId>, StoreError> {
        let Some(first) = self.store.place(&of.chat, Place::AtOrAfter(of.sent_at)).await? else {
            return Ok(None);
        };
        // Its own quotes cannot stand in a text of somebody's: there they are written with a backslash.
        let name = format!("\"AttachmentId\":\"{}\"", of.attachment);
        let mut after = first.saturating_sub(1);
        loop {
            let entries = self.store.entries_after(&of.chat, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(None) };
            let found = entries
                .iter()
                .find(|entry| entry.kind == EntryKind::Item && entry.text.contains(&name));
            if let Some(found) = found {
                return Ok(Some(found.id.clone()));
            }
            after = last.seq;
        }
    }

    /// The bytes that a chat needs; none when there is no such chat.
    pub async fn blobs_of(&self, chat: &ContactId) -> Result<Vec<BlobId>, StoreError> {
        match self.store.chat(chat).await? {
            Some(held) => Ok(held.chat.attachments.iter().filter_map(Attachment::blob).collect()),
            None => Ok(Vec::new()),
        }
    }
}

/// A file that is larger than is taken.
pub(crate) fn too_large(largest: u64) -> ServiceError {
    Refusal::into(attachment::too_large(largest))
}

fn no_file() -> ServiceError {
    ServiceError::new(ErrorKind::Validation, "There is no such attachment in this chat")
}
