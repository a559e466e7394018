//! Files (docs/protocol/participant-service.md §3.6 to §3.8, §8).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{Empty, Operation};
use crate::{
    id::AttachmentId,
    limits::{self, Invalid, chars_within, require},
    open_enum::open_enum,
};

/// Asks where a file can be uploaded (§3.6).
pub enum StartAttachmentUpload {}

impl Operation for StartAttachmentUpload {
    const NAME: &'static str = "StartAttachmentUpload";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/start-attachment-upload";
    type Request = StartAttachmentUploadRequest;
    type Response = StartAttachmentUploadResponse;
}

/// Request of [`StartAttachmentUpload`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartAttachmentUploadRequest {
    /// MIME type of the file, 1 to 255 characters.
    pub content_type: String,
    /// How many bytes it has, at least 1.
    pub attachment_size_in_bytes: i64,
    /// Its name, 1 to 256 characters. Personal: not in `Debug`.
    pub attachment_name: String,
    /// Makes a repeat harmless (§2.4), 1 to 500 characters.
    pub client_token: String,
}

impl StartAttachmentUploadRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        require(chars_within(&self.content_type, 1, 255), "ContentType", "1 to 255 characters")?;
        require(self.attachment_size_in_bytes >= 1, "AttachmentSizeInBytes", "at least 1")?;
        require(
            chars_within(&self.attachment_name, 1, 256),
            "AttachmentName",
            "1 to 256 characters",
        )?;
        limits::required_client_token(&self.client_token)
    }
}

impl fmt::Debug for StartAttachmentUploadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartAttachmentUploadRequest")
            .field("content_type", &self.content_type)
            .field("attachment_size_in_bytes", &self.attachment_size_in_bytes)
            .finish_non_exhaustive()
    }
}

/// Answer of [`StartAttachmentUpload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartAttachmentUploadResponse {
    /// What the file is called from now on.
    pub attachment_id: AttachmentId,
    /// Where to `PUT` it.
    pub upload_metadata: UploadMetadata,
}

/// Where a file can be uploaded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UploadMetadata {
    /// The URL, 1 to 2000 characters. Secret: whoever has it may write.
    pub url: String,
    /// Until when it is good, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_expiry: Option<String>,
    /// Headers that the upload must have. Native clients know only the names of §8. Secret: some are
    /// signed.
    #[serde(default)]
    pub headers_to_include: BTreeMap<String, String>,
}

impl fmt::Debug for UploadMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadMetadata")
            .field("url_expiry", &self.url_expiry)
            .finish_non_exhaustive()
    }
}

/// Says that a file has been uploaded (§3.7).
pub enum CompleteAttachmentUpload {}

impl Operation for CompleteAttachmentUpload {
    const NAME: &'static str = "CompleteAttachmentUpload";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/complete-attachment-upload";
    type Request = CompleteAttachmentUploadRequest;
    type Response = Empty;
}

/// Request of [`CompleteAttachmentUpload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CompleteAttachmentUploadRequest {
    /// The file; exactly one.
    pub attachment_ids: Vec<AttachmentId>,
    /// Makes a repeat harmless (§2.4), 1 to 500 characters.
    pub client_token: String,
}

impl CompleteAttachmentUploadRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        let fits = match self.attachment_ids.as_slice() {
            [id] => chars_within(id.as_str(), 1, 256),
            _ => false,
        };
        require(fits, "AttachmentIds", "exactly one, of 1 to 256 characters")?;
        limits::required_client_token(&self.client_token)
    }
}

open_enum! {
    /// How a browser shows a file (§3.8).
    pub enum UrlContentDisposition {
        /// In the page.
        Inline = "INLINE",
        /// As a download.
        Attachment = "ATTACHMENT",
    }
}

/// Asks where a file is (§3.8).
pub enum GetAttachment {}

impl Operation for GetAttachment {
    const NAME: &'static str = "GetAttachment";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/participant/attachment";
    type Request = GetAttachmentRequest;
    type Response = GetAttachmentResponse;
}

/// Request of [`GetAttachment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAttachmentRequest {
    /// Which file.
    pub attachment_id: AttachmentId,
    /// How long the URL is to be good, 5 to 300 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_expiry_in_seconds: Option<i64>,
    /// Default: as a download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_content_disposition: Option<UrlContentDisposition>,
}

impl GetAttachmentRequest {
    /// Checks the modelled limits.
    pub fn check(&self) -> Result<(), Invalid> {
        limits::attachment_id(&self.attachment_id)?;
        require(
            self.url_expiry_in_seconds.is_none_or(|seconds| (5..=300).contains(&seconds)),
            "UrlExpiryInSeconds",
            "5 to 300",
        )?;
        require(
            !matches!(self.url_content_disposition, Some(UrlContentDisposition::Other(_))),
            "UrlContentDisposition",
            "INLINE or ATTACHMENT",
        )
    }
}

/// Answer of [`GetAttachment`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAttachmentResponse {
    /// The URL, 1 to 2000 characters. Secret: whoever has it may read the file.
    pub url: String,
    /// Until when it is good, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_expiry: Option<String>,
    /// How many bytes the file has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment_size_in_bytes: Option<i64>,
}

impl fmt::Debug for GetAttachmentResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetAttachmentResponse")
            .field("url_expiry", &self.url_expiry)
            .field("attachment_size_in_bytes", &self.attachment_size_in_bytes)
            .finish_non_exhaustive()
    }
}
