//! Files, views and sign-in.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use chatloom::{
    Item, Timestamp,
    wire::participant::{
        CompleteAttachmentUploadRequest, GetAttachmentRequest, StartAttachmentUploadRequest,
    },
};
use serde_json::{Value, json};

use super::{
    CONNECTION_TOKEN, CONTACT, CUSTOMER, Context, FIRST_MS, Service, Shared, bearer, faulty, refuse,
};

/// A text that may appear in no log.
pub(crate) const STORAGE_SECRET: &str = "STORAGE-URL-SECRET";
/// What the storage wants to be told.
const STORAGE_HEADER: (&str, &str) = ("x-storage-purpose", "attachment");

pub(crate) const START: &str = "start-attachment-upload";
pub(crate) const STORAGE: &str = "storage";
pub(crate) const COMPLETE: &str = "complete-attachment-upload";

/// The storage.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<File>,
    /// Gives half a file and then breaks the connection.
    breaks: bool,
}

#[derive(Clone)]
struct File {
    head: StartAttachmentUploadRequest,
    bytes: Option<Bytes>,
}

impl Service {
    /// What a file has, if it is there.
    pub(crate) fn file(&self, place: usize) -> Option<Bytes> {
        self.state().files.files.get(place)?.bytes.clone()
    }

    /// Downloads break in the middle from now on.
    pub(crate) fn break_downloads(&self) {
        self.state().files.breaks = true;
    }
}

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/participant/start-attachment-upload", post(start))
        .route("/participant/complete-attachment-upload", post(complete))
        .route("/participant/attachment", post(locate))
        .route("/participant/views/{token}", get(view))
        .route("/participant/authentication-url", post(authentication_url))
        .route("/participant/cancel-authentication", post(cancel_authentication))
        .route("/storage/{secret}/{file}", put(store).get(give))
}

/// What every call of the service checks.
fn refused(shared: &Shared, headers: &HeaderMap, operation: &'static str) -> Option<Response> {
    faulty(shared.enter(operation).as_ref())
        .or_else(|| (bearer(headers) != CONNECTION_TOKEN).then(|| refuse(403)))
}

fn storage_url(headers: &HeaderMap, file: usize) -> String {
    let host = headers.get(header::HOST).unwrap().to_str().unwrap();
    format!("http://{host}/storage/{STORAGE_SECRET}/{file}")
}

async fn start(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<StartAttachmentUploadRequest>,
) -> Response {
    if let Some(refused) = refused(&shared, &headers, START) {
        return refused;
    }
    let file = {
        let files = &mut shared.state.lock().unwrap().files.files;
        files.push(File { head: request, bytes: None });
        files.len() - 1
    };
    Json(json!({
        "AttachmentId": file.to_string(),
        "UploadMetadata": {
            "Url": storage_url(&headers, file), "UrlExpiry": "2100-01-01T00:00:00.000Z",
            "HeadersToInclude": { STORAGE_HEADER.0: STORAGE_HEADER.1 },
        },
    }))
    .into_response()
}

async fn store(
    State(shared): Context,
    Path((secret, file)): Path<(String, usize)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    if let Some(refused) = faulty(shared.enter(STORAGE).as_ref()) {
        return refused;
    }
    assert_eq!((secret.as_str(), bearer(&headers)), (STORAGE_SECRET, ""));
    assert_eq!(headers.get(STORAGE_HEADER.0).unwrap(), STORAGE_HEADER.1);
    {
        let file = &mut shared.state.lock().unwrap().files.files[file];
        assert_eq!(file.head.attachment_size_in_bytes, bytes.len() as i64);
        assert_eq!(headers.get(header::CONTENT_LENGTH).unwrap(), &bytes.len().to_string());
        file.bytes = Some(bytes);
    }
    shared.happened();
    StatusCode::OK.into_response()
}

async fn complete(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<CompleteAttachmentUploadRequest>,
) -> Response {
    if let Some(refused) = refused(&shared, &headers, COMPLETE) {
        return refused;
    }
    let id = &request.attachment_ids[0];
    let item = {
        let mut state = shared.state.lock().unwrap();
        let file = state.files.files[id.as_str().parse::<usize>().unwrap()].head.clone();
        let n = state.transcript.len();
        let item = json!({
            "Id": format!("item-{n}"), "Type": "ATTACHMENT", "ParticipantId": CUSTOMER,
            "AbsoluteTime": Timestamp::from_millis(FIRST_MS + n as i64),
            "ContactId": CONTACT, "InitialContactId": CONTACT,
            "Attachments": [{
                "AttachmentId": id, "AttachmentName": file.attachment_name,
                "ContentType": file.content_type, "Status": "APPROVED",
            }],
        });
        let item = Item::from_text(item.to_string()).unwrap();
        state.transcript.push(item.clone());
        item
    };
    shared.publish(&item);
    Json(json!({})).into_response()
}

async fn locate(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<GetAttachmentRequest>,
) -> Response {
    if let Some(refused) = refused(&shared, &headers, "attachment") {
        return refused;
    }
    let file = request.attachment_id.as_str().parse::<usize>().ok();
    let bytes = |file: usize| shared.state.lock().unwrap().files.files.get(file)?.bytes.clone();
    match file.and_then(|file| Some((file, bytes(file)?.len()))) {
        None => refuse(400),
        Some((file, size)) => Json(json!({
            "Url": storage_url(&headers, file), "UrlExpiry": "2100-01-01T00:00:00.000Z",
            "AttachmentSizeInBytes": size,
        }))
        .into_response(),
    }
}

async fn give(
    State(shared): Context,
    Path((secret, file)): Path<(String, usize)>,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = faulty(shared.enter(STORAGE).as_ref()) {
        return refused;
    }
    assert_eq!((secret.as_str(), bearer(&headers)), (STORAGE_SECRET, ""));
    let (file, breaks) = {
        let files = &shared.state.lock().unwrap().files;
        (files.files[file].clone(), files.breaks)
    };
    let bytes = file.bytes.unwrap();
    let mut response = if breaks {
        let half = bytes.slice(..bytes.len() / 2);
        let broken = Err(std::io::Error::other("as the test said"));
        Body::from_stream(futures_util::stream::iter([Ok(half), broken])).into_response()
    } else {
        bytes.into_response()
    };
    let kind = file.head.content_type.parse().unwrap();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn view(State(shared): Context, headers: HeaderMap, Path(token): Path<String>) -> Response {
    if let Some(refused) = refused(&shared, &headers, "view") {
        return refused;
    }
    if token != "a/view token" {
        let body = Json(json!({ "Message": "no such view" }));
        return (StatusCode::NOT_FOUND, [("x-amzn-errortype", "ResourceNotFoundException")], body)
            .into_response();
    }
    Json(json!({ "View": {
        "Id": "view-1", "Name": "Detail", "Version": 1,
        "Content": { "InputSchema": "{}", "Template": "{\"Head\":{}}", "Actions": ["Back"] },
    } }))
    .into_response()
}

async fn authentication_url(
    State(shared): Context,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if let Some(refused) = refused(&shared, &headers, "authentication-url") {
        return refused;
    }
    let back = request["RedirectUri"].as_str().unwrap();
    let url = format!("https://login.example/?back={back}");
    Json(json!({ "AuthenticationUrl": url })).into_response()
}

async fn cancel_authentication(State(shared): Context, headers: HeaderMap) -> Response {
    refused(&shared, &headers, "cancel-authentication")
        .unwrap_or_else(|| Json(json!({})).into_response())
}
