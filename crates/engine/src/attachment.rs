//! Files of a chat (docs/protocol/participant-service.md §8).
//!
//! A file is started, uploaded, and completed. What it says it is and what it is are compared when it
//! is completed; a scanner may have the last word. The state of the chat knows each file by name,
//! size and stage; its bytes are elsewhere, under their [`BlobId`].

use std::{fmt, str::FromStr};

use chatloom_wire::{
    AttachmentId, ContactId, ErrorKind, ItemId, ParticipantId, ParticipantRole, Timestamp,
    item::AttachmentItem, participant::StartAttachmentUploadRequest,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Answer, Audience, Chat, Decision, Draft, DraftBody, EntryKind, Participant, PastChat, Refusal,
    compose::sender_of, limits,
};

/// A file of a chat.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What participants call it by.
    pub id: AttachmentId,
    /// Who sends it.
    pub owner: ParticipantId,
    /// Its name, 1 to 256 characters. Personal: not in `Debug`.
    pub name: String,
    /// Its MIME type, as its owner says.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// When its upload was started.
    pub started_at: Timestamp,
    /// Until when its upload may begin.
    pub upload_by: Timestamp,
    /// The request that started it.
    pub request: RequestKey,
    /// The contact it was sent in, once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_in: Option<ContactId>,
    /// How far it is.
    pub stage: Stage,
}

/// Without the name: it is personal.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("size", &self.size)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// How far a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Its owner knows where to upload it.
    Started,
    /// It is here, and has not been completed.
    Uploaded {
        /// Its bytes.
        blob: BlobId,
        /// Whether they look like what the owner says they are.
        genuine: bool,
    },
    /// It is sent, and a scanner has it.
    Scanning {
        /// Its bytes.
        blob: BlobId,
        /// When it was sent: its item is the first one of it at or after this.
        sent_at: Timestamp,
        /// Hash of the `ClientToken` that completed it.
        token: u64,
    },
    /// It is sent, and may be fetched.
    Approved {
        /// Its bytes.
        blob: BlobId,
        /// Hash of the `ClientToken` that completed it.
        token: u64,
    },
    /// It was sent, and nobody may have it.
    Rejected {
        /// Hash of the `ClientToken` that completed it.
        token: u64,
    },
}

/// Hashes by which a repeat of a request is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestKey {
    /// Of participant, operation and `ClientToken`.
    pub token: u64,
    /// Of everything else.
    pub body: u64,
}

/// The name of bytes: their SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

/// A text that is no [`BlobId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no 64 hexadecimal digits in lower case")]
pub struct NoBlobId;

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BlobId {
    type Err = NoBlobId;

    fn from_str(text: &str) -> Result<Self, NoBlobId> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NoBlobId),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NoBlobId)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Something that somebody wants of a file. Names, types and sizes have been checked.
#[derive(Clone, Debug)]
pub enum AttachmentCommand {
    /// A participant wants to send a file: StartAttachmentUpload. A repeat finds the file of the
    /// first one; its upload may begin until the new `upload_by`.
    Start {
        /// Who.
        participant: ParticipantId,
        /// What the file is called if it is a new one.
        id: AttachmentId,
        /// What.
        request: StartAttachmentUploadRequest,
        /// By which a repeat is known.
        key: RequestKey,
        /// Until when its upload may begin.
        upload_by: Timestamp,
    },
    /// The file is here whole, with the size that it was started with.
    Uploaded {
        /// Which.
        attachment: AttachmentId,
        /// Its bytes, which are durable.
        blob: BlobId,
        /// Whether they look like what the owner says they are.
        genuine: bool,
    },
    /// Its owner sends it: CompleteAttachmentUpload.
    Complete {
        /// Who.
        participant: ParticipantId,
        /// Which.
        attachment: AttachmentId,
        /// Hash by which a repeat is known.
        token: u64,
        /// The largest file that is taken, in bytes.
        largest: u64,
        /// Whether a scanner has the last word.
        scan: bool,
    },
    /// The scanner has judged it.
    Judge {
        /// Which.
        attachment: AttachmentId,
        /// The item that tells of it.
        item: ItemId,
        /// Whether participants may have it.
        approve: bool,
    },
}

impl Attachment {
    /// Its bytes, if the chat needs them.
    pub fn blob(&self) -> Option<BlobId> {
        match self.stage {
            Stage::Started | Stage::Rejected { .. } => None,
            Stage::Uploaded { blob, .. }
            | Stage::Scanning { blob, .. }
            | Stage::Approved { blob, .. } => Some(blob),
        }
    }

    /// Whether a scanner has it.
    pub fn is_scanning(&self) -> bool {
        matches!(self.stage, Stage::Scanning { .. })
    }

    /// Whether it was started and has not been sent.
    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Started | Stage::Uploaded { .. })
    }

    /// Whether nobody waits for it to be completed any more.
    fn is_given_up(&self, now: Timestamp) -> bool {
        self.is_open() && self.started_at.plus_millis(limits::UPLOAD_KEPT_MS) <= now
    }

    fn draft(
        &self,
        status: &str,
        about: Option<ItemId>,
        contact: &ContactId,
        of: &Participant,
    ) -> Draft {
        Draft {
            kind: if about.is_some() { EntryKind::AttachmentStatus } else { EntryKind::Item },
            audience: Audience::All,
            contact_id: contact.clone(),
            about,
            sender: Some(sender_of(of)),
            body: DraftBody::Attachment(AttachmentItem {
                content_type: Some(self.content_type.as_str().into()),
                attachment_id: Some(self.id.clone()),
                attachment_name: Some(self.name.as_str().into()),
                status: Some(status.into()),
            }),
        }
    }
}

const APPROVED: &str = "APPROVED";
const REJECTED: &str = "REJECTED";
const IN_PROGRESS: &str = "IN_PROGRESS";

impl Chat {
    /// A file of this chat.
    pub fn attachment(&self, id: &AttachmentId) -> Option<&Attachment> {
        self.attachments.iter().find(|attachment| attachment.id == *id)
    }

    /// The file that a request of this participant started.
    pub fn attachment_started_by(
        &self,
        participant: &ParticipantId,
        token: u64,
    ) -> Option<&Attachment> {
        self.attachments
            .iter()
            .find(|file| file.owner == *participant && file.request.token == token)
    }

    /// How many files a scanner has.
    pub fn scanning(&self) -> usize {
        self.attachments.iter().filter(|attachment| attachment.is_scanning()).count()
    }

    fn with_stage(&self, now: Timestamp, id: &AttachmentId, stage: Stage) -> Self {
        let mut after = self.clone();
        after.updated_at = now;
        if let Some(file) = after.attachments.iter_mut().find(|file| file.id == *id) {
            file.stage = stage;
        }
        after
    }
}

/// Refuses who may not send or have files (docs/protocol/participant-service.md §2.1).
pub fn admit<'a>(
    now: Timestamp,
    chat: &'a Chat,
    id: &ParticipantId,
) -> Result<&'a Participant, Refusal> {
    let participant = chat.admit_joined(now, id)?;
    if participant.role == ParticipantRole::CustomBot {
        return Err(Refusal::new(
            ErrorKind::AccessDenied,
            "Access denied: custom participants have no attachments",
        ));
    }
    Ok(participant)
}

/// What GetAttachment is told: a file that the participant may have.
///
/// Refused with `AccessDeniedException` as every call is, and for custom participants; with
/// `ValidationException` when there is no such file in this chat or it is not approved.
pub fn find<'a>(
    now: Timestamp,
    chat: &'a Chat,
    participant: &ParticipantId,
    id: &AttachmentId,
) -> Result<&'a Attachment, Refusal> {
    admit(now, chat, participant)?;
    let file = chat.attachment(id).filter(|file| !file.is_open()).ok_or_else(unknown)?;
    match file.stage {
        Stage::Approved { .. } => Ok(file),
        Stage::Scanning { .. } => Err(Refusal::new(
            ErrorKind::Validation,
            "AttachmentId: the attachment is still being checked; its status is IN_PROGRESS",
        )),
        _ => Err(Refusal::new(
            ErrorKind::Validation,
            "AttachmentId: the attachment was refused; its status is REJECTED",
        )),
    }
}

/// A file of a chat that another one continues, if the other one shows the part that it was sent in
/// and it is approved.
pub fn find_past<'a>(past: &PastChat, chat: &'a Chat, id: &AttachmentId) -> Option<&'a Attachment> {
    let file = chat.attachment(id)?;
    let shown = chat.contacts.get(..past.contacts as usize).unwrap_or(&chat.contacts);
    let is_shown = shown.iter().any(|contact| Some(&contact.id) == file.sent_in.as_ref());
    (is_shown && matches!(file.stage, Stage::Approved { .. })).then_some(file)
}

pub(crate) fn decide(
    now: Timestamp,
    chat: &Chat,
    command: &AttachmentCommand,
) -> Result<Decision, Refusal> {
    match command {
        AttachmentCommand::Start { participant, id, request, key, upload_by } => {
            let owner = admit(now, chat, participant)?;
            let file = Attachment {
                id: id.clone(),
                owner: owner.id.clone(),
                name: request.attachment_name.clone(),
                content_type: request.content_type.clone(),
                size: request.attachment_size_in_bytes.max(0) as u64,
                started_at: now,
                upload_by: *upload_by,
                request: *key,
                sent_in: None,
                stage: Stage::Started,
            };
            start(now, chat, file)
        }
        AttachmentCommand::Uploaded { attachment, blob, genuine } => {
            uploaded(now, chat, attachment, *blob, *genuine)
        }
        AttachmentCommand::Complete { participant, attachment, token, largest, scan } => {
            let owner = admit(now, chat, participant)?;
            let file = chat
                .attachment(attachment)
                .filter(|file| file.owner == owner.id)
                .ok_or_else(unknown)?;
            complete(now, chat, owner, file, *token, *largest, *scan)
        }
        AttachmentCommand::Judge { attachment, item, approve } => {
            Ok(judge(now, chat, attachment, item, *approve))
        }
    }
}

fn start(now: Timestamp, chat: &Chat, file: Attachment) -> Result<Decision, Refusal> {
    if let Some(first) = chat.attachment_started_by(&file.owner, file.request.token) {
        if first.request.body != file.request.body {
            return Err(Refusal::new(
                ErrorKind::Validation,
                "ClientToken: used before for another request; use a new one for each",
            ));
        }
        if first.stage != Stage::Started {
            return Ok(Decision::nothing(Answer::Done));
        }
        let mut after = chat.clone();
        if let Some(known) = after.attachments.iter_mut().find(|known| known.id == first.id) {
            known.upload_by = file.upload_by;
        }
        return Ok(Decision::change(after, Vec::new()));
    }
    let mut after = chat.clone();
    after.updated_at = now;
    let files = &mut after.attachments;
    files.retain(|file| !file.is_given_up(now));
    if files.len() >= limits::ATTACHMENTS_IN_CHAT {
        // Nothing came of this one, and nothing can.
        let unused = |file: &Attachment| file.stage == Stage::Started && file.upload_by <= now;
        let Some(at) = files.iter().position(unused) else {
            return Err(Refusal::new(
                ErrorKind::ServiceQuotaExceeded,
                format!(
                    "There are {} attachments in this chat already",
                    limits::ATTACHMENTS_IN_CHAT
                ),
            ));
        };
        files.remove(at);
    }
    files.push(file);
    Ok(Decision::change(after, Vec::new()))
}

fn uploaded(
    now: Timestamp,
    chat: &Chat,
    id: &AttachmentId,
    blob: BlobId,
    genuine: bool,
) -> Result<Decision, Refusal> {
    let file = chat.attachment(id).ok_or_else(unknown)?;
    chat.admit(now, &file.owner)?;
    match &file.stage {
        Stage::Started => {
            let after = chat.with_stage(now, id, Stage::Uploaded { blob, genuine });
            Ok(Decision::change(after, Vec::new()))
        }
        // The answer to the first upload was lost.
        Stage::Uploaded { blob: first, .. } if *first == blob => {
            Ok(Decision::nothing(Answer::Done))
        }
        _ => Err(Refusal::new(
            ErrorKind::Conflict,
            "The attachment has been uploaded before; start another one",
        )),
    }
}

fn complete(
    now: Timestamp,
    chat: &Chat,
    owner: &Participant,
    file: &Attachment,
    token: u64,
    largest: u64,
    scan: bool,
) -> Result<Decision, Refusal> {
    let (blob, genuine) = match &file.stage {
        Stage::Started => {
            return Err(Refusal::new(
                ErrorKind::Validation,
                "AttachmentIds: the attachment has not been uploaded",
            ));
        }
        Stage::Uploaded { blob, genuine } => (*blob, *genuine),
        Stage::Scanning { token: first, .. }
        | Stage::Approved { token: first, .. }
        | Stage::Rejected { token: first }
            if *first == token =>
        {
            return Ok(Decision::nothing(Answer::Done));
        }
        _ => {
            return Err(Refusal::new(
                ErrorKind::Conflict,
                "AttachmentIds: the attachment is being completed, or has been",
            ));
        }
    };
    if file.size > largest {
        return Err(too_large(largest));
    }
    let contact = chat.current_contact().id.clone();
    let (stage, status) = if !genuine {
        (Stage::Rejected { token }, REJECTED)
    } else if scan {
        (Stage::Scanning { blob, sent_at: now, token }, IN_PROGRESS)
    } else {
        (Stage::Approved { blob, token }, APPROVED)
    };
    let item = file.draft(status, None, &contact, owner);
    let mut after = chat.with_stage(now, &file.id, stage);
    if let Some(file) = after.attachments.iter_mut().find(|known| known.id == file.id) {
        file.sent_in = Some(contact);
    }
    Ok(Decision::change(after, vec![item]))
}

/// Also after the end of the chat: its transcript shall not say for ever that it is being checked.
fn judge(now: Timestamp, chat: &Chat, id: &AttachmentId, item: &ItemId, approve: bool) -> Decision {
    let file = chat.attachment(id);
    let owner = file.and_then(|file| chat.participant(&file.owner));
    let (Some(file), Some(owner)) = (file, owner) else {
        return Decision::nothing(Answer::Done);
    };
    let (Stage::Scanning { blob, token, .. }, Some(contact)) = (&file.stage, &file.sent_in) else {
        return Decision::nothing(Answer::Done);
    };
    let (stage, status) = if approve {
        (Stage::Approved { blob: *blob, token: *token }, APPROVED)
    } else {
        (Stage::Rejected { token: *token }, REJECTED)
    };
    let entry = file.draft(status, Some(item.clone()), contact, owner);
    Decision::change(chat.with_stage(now, id, stage), vec![entry])
}

fn unknown() -> Refusal {
    Refusal::new(ErrorKind::Validation, "There is no such attachment in this chat")
}

/// A file is larger than the contact centre takes (docs/protocol/participant-service.md §11.1).
pub fn too_large(largest: u64) -> Refusal {
    Refusal::new(
        ErrorKind::ServiceQuotaExceeded,
        format!("The attachment is larger than {largest} bytes, the most that is taken"),
    )
}
