//! Files, as the Participant Service tells of them (docs/protocol/participant-service.md §3.6 to
//! §3.8).

use std::{collections::BTreeMap, sync::Arc};

use chatloom_engine::{
    limits, media,
    token::{FilePass, FileUse, SeatUse},
};
use chatloom_wire::{
    ErrorKind, ServiceError,
    participant::{
        CompleteAttachmentUploadRequest, Empty, GetAttachmentRequest, GetAttachmentResponse,
        StartAttachmentUploadRequest, StartAttachmentUploadResponse, UploadMetadata,
        UrlContentDisposition,
    },
};

use super::{Answer, App, Call, error, json, participant::too_long};
use crate::chats::too_large;

pub(super) async fn start(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let mut request: StartAttachmentUploadRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    let settings = app.files.settings();
    media::check_name(&request.attachment_name)?;
    media::check_type(&request.content_type, &settings.types)?;
    if request.attachment_size_in_bytes as u64 > app.files.largest() {
        return Err(too_large(app.files.largest()));
    }
    // As it is listed: it becomes a header.
    request.content_type = media::essence(&request.content_type).to_ascii_lowercase();
    let base = app.public_base(&call)?;
    let until = app.now().plus_millis(limits::UPLOAD_URL_MS);
    let file = app.chats.start_attachment(&seat, request, until).await?;

    let pass = FilePass { chat: seat.chat, attachment: file.id.clone(), inline: false };
    let token = app.tokens.mint_file(FileUse::Upload, &pass, file.upload_by).map_err(too_long)?;
    json(&StartAttachmentUploadResponse {
        attachment_id: file.id,
        upload_metadata: UploadMetadata {
            url: base.file_url(&token),
            url_expiry: Some(file.upload_by.to_string()),
            headers_to_include: BTreeMap::from([("Content-Type".to_owned(), file.content_type)]),
        },
    })
}

pub(super) async fn complete(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: CompleteAttachmentUploadRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    let CompleteAttachmentUploadRequest { attachment_ids, client_token } = request;
    let [id] = <[_; 1]>::try_from(attachment_ids)
        .map_err(|_| error::validation("AttachmentIds: exactly one"))?;
    let (largest, scan) = (app.files.largest(), app.files.has_scanner());
    app.chats.complete_attachment(&seat, id, &client_token, largest, scan).await?;
    app.files.ring();
    json(&Empty {})
}

pub(super) async fn get(app: Arc<App>, mut call: Call) -> Answer {
    let seat = app.seat(SeatUse::Connection, &call)?;
    let request: GetAttachmentRequest = call.json(app.config.http.max_body).await?;
    request.check().map_err(|invalid| error::invalid(&invalid))?;
    let base = app.public_base(&call)?;
    let (chat, file) = app.chats.attachment(&seat, &request.attachment_id).await?;
    let lasts = request.url_expiry_in_seconds.map_or(limits::DOWNLOAD_URL_MS, |s| s * 1_000);
    let end = app.now().plus_millis(lasts);
    let inline = request.url_content_disposition == Some(UrlContentDisposition::Inline);
    let pass = FilePass { chat, attachment: file.id, inline };
    let token = app.tokens.mint_file(FileUse::Download, &pass, end).map_err(too_long)?;
    json(&GetAttachmentResponse {
        url: base.file_url(&token),
        url_expiry: Some(end.to_string()),
        attachment_size_in_bytes: Some(file.size as i64),
    })
}

impl App {
    /// Which file a URL is for.
    pub(super) fn file_pass(&self, of_use: FileUse, call: &Call) -> Result<FilePass, ServiceError> {
        let path = call.parts.uri.path();
        let token = path.strip_prefix(super::files::PREFIX).unwrap_or_default();
        self.tokens.file(of_use, token, self.now()).map_err(|error| {
            tracing::debug!(%error, "the URL of a file was refused");
            ServiceError::new(
                ErrorKind::AccessDenied,
                "Access denied: the URL is wrong or has expired",
            )
        })
    }
}
