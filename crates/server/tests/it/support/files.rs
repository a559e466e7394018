//! Files of participants, and a storage that fails when it is told to.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use chatloom_engine::BlobId;
use chatloom_server::blob::{Answer, BlobError, Blobs, Incoming, Outgoing, disk::DiskBlobs};
use chatloom_wire::{ContactId, Timestamp};
use serde_json::{Value, json};

use super::{
    Person, Site,
    http::{Request, Response},
    text,
};

/// A file to send.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
}

pub(crate) fn start_request(name: &str, content_type: &str, size: usize) -> Value {
    json!({
        "AttachmentName": name,
        "ContentType": content_type,
        "AttachmentSizeInBytes": size,
        "ClientToken": uuid::Uuid::new_v4().to_string(),
    })
}

/// The path of a URL of this server's.
pub(crate) fn path_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

/// The folder of the files that are kept for a chat.
pub(crate) fn folder_of(site: &Site, chat: &str) -> PathBuf {
    site.config.server.data.join("files").join(&chat[34..]).join(chat)
}

/// How many files are kept for a chat.
pub(crate) fn kept(site: &Site, chat: &str) -> usize {
    std::fs::read_dir(folder_of(site, chat)).map_or(0, Iterator::count)
}

impl Upload {
    pub(crate) fn of(answer: &Value) -> Self {
        let metadata = &answer["UploadMetadata"];
        let headers = metadata["HeadersToInclude"].as_object().unwrap();
        Self {
            id: text(&answer["AttachmentId"]),
            url: text(&metadata["Url"]),
            headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        }
    }

    /// The `PUT` that clients make.
    pub(crate) fn put(&self, body: impl Into<Vec<u8>>) -> Request {
        let put = Request::new("PUT", path_of(&self.url)).body(body);
        self.headers.iter().fold(put, |put, (name, value)| put.header(name, value))
    }
}

impl Person<'_> {
    /// StartAttachmentUpload.
    pub(crate) async fn start(&self, name: &str, content_type: &str, size: usize) -> Upload {
        let request = start_request(name, content_type, size);
        Upload::of(&self.call("start-attachment-upload", &request).await.ok())
    }

    pub(crate) async fn complete(&self, id: &str) -> Response {
        let token = uuid::Uuid::new_v4().to_string();
        let body = json!({ "AttachmentIds": [id], "ClientToken": token });
        self.call("complete-attachment-upload", &body).await
    }

    /// Sends a file in all three steps: its id.
    pub(crate) async fn send_file(&self, name: &str, content_type: &str, bytes: &[u8]) -> String {
        let upload = self.start(name, content_type, bytes.len()).await;
        let answer = self.site.send(upload.put(bytes)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(self.complete(&upload.id).await.ok(), json!({}));
        upload.id
    }

    pub(crate) async fn get_attachment(&self, id: &str) -> Response {
        self.call("attachment", &json!({ "AttachmentId": id })).await
    }

    /// The path that a file can be fetched at.
    pub(crate) async fn file_path(&self, id: &str) -> String {
        path_of(&text(&self.get_attachment(id).await.ok()["Url"])).to_owned()
    }

    /// The statuses of files in the transcript, by name.
    pub(crate) async fn files(&self) -> Vec<(String, String)> {
        let items = self.transcript().await;
        let files = items.iter().filter(|item| item["Type"] == "ATTACHMENT").map(|item| {
            let file = &item["Attachments"][0];
            (text(&file["AttachmentName"]), text(&file["Status"]))
        });
        files.collect()
    }
}

/// A storage that fails when it is told to.
pub(crate) struct Faulty {
    inner: DiskBlobs,
    /// So many bytes more are taken; then there is no room.
    room: Arc<AtomicI64>,
    /// Whether nothing can be made durable.
    is_broken: Arc<AtomicI64>,
}

/// What breaks a [`Faulty`] storage and mends it.
#[derive(Clone)]
pub(crate) struct Faults {
    room: Arc<AtomicI64>,
    is_broken: Arc<AtomicI64>,
}

impl Faults {
    pub(crate) fn leave_room_for(&self, bytes: i64) {
        self.room.store(bytes, SeqCst);
    }

    pub(crate) fn fail_to_sync(&self, fail: bool) {
        self.is_broken.store(fail.into(), SeqCst);
    }
}

impl Faulty {
    pub(crate) fn new(inner: DiskBlobs) -> (Self, Faults) {
        let (room, is_broken) = (Arc::new(AtomicI64::new(i64::MAX)), Arc::new(AtomicI64::new(0)));
        let faults = Faults { room: Arc::clone(&room), is_broken: Arc::clone(&is_broken) };
        (Self { inner, room, is_broken }, faults)
    }
}

struct FaultyIncoming {
    inner: Box<dyn Incoming>,
    room: Arc<AtomicI64>,
    is_broken: Arc<AtomicI64>,
}

impl Incoming for FaultyIncoming {
    fn write(&mut self, bytes: Bytes) -> Answer<'_, ()> {
        if self.room.fetch_sub(bytes.len() as i64, SeqCst) < bytes.len() as i64 {
            return Box::pin(async { Err(BlobError::Full("no space left on device".to_owned())) });
        }
        self.inner.write(bytes)
    }

    fn name(&self) -> Option<BlobId> {
        self.inner.name()
    }

    fn finish(self: Box<Self>, now: Timestamp) -> Answer<'static, BlobId> {
        if self.is_broken.load(SeqCst) != 0 {
            return Box::pin(async { Err(BlobError::Failed("input/output error".to_owned())) });
        }
        self.inner.finish(now)
    }
}

impl Blobs for Faulty {
    fn begin(&self, chat: &ContactId) -> Answer<'_, Box<dyn Incoming>> {
        let begun = self.inner.begin(chat);
        Box::pin(async move {
            let (room, is_broken) = (Arc::clone(&self.room), Arc::clone(&self.is_broken));
            let inner = begun.await?;
            Ok(Box::new(FaultyIncoming { inner, room, is_broken }) as Box<dyn Incoming>)
        })
    }

    fn open(
        &self,
        chat: &ContactId,
        blob: BlobId,
        from: u64,
    ) -> Answer<'_, Option<Box<dyn Outgoing>>> {
        self.inner.open(chat, blob, from)
    }

    fn local(&self, chat: &ContactId, blob: BlobId) -> Answer<'_, Option<PathBuf>> {
        self.inner.local(chat, blob)
    }

    fn chats(&self, part: u16) -> Answer<'_, Vec<ContactId>> {
        self.inner.chats(part)
    }

    fn retain(&self, chat: &ContactId, named: Vec<BlobId>, before: Timestamp) -> Answer<'_, u64> {
        self.inner.retain(chat, named, before)
    }

    fn delete_chat(&self, chat: &ContactId) -> Answer<'_, ()> {
        self.inner.delete_chat(chat)
    }
}
