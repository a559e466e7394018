//! Files for browsers: the chat bundle, and in a demo its page.

use std::{borrow::Cow, sync::Arc};

use axum::{body::Body, response::Response};
use chatloom_wire::{ErrorKind, ServiceError};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{Answer, App, Call};

/// The files of the demo's page: path, type, text.
const PAGE: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("../../assets/demo/index.html")),
    ("/demo/chat.css", "text/css; charset=utf-8", include_str!("../../assets/demo/chat.css")),
    ("/demo/chat.js", SCRIPT, include_str!("../../assets/demo/chat.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Where the bundle is, here and in the source tree.
pub(super) const BUNDLE_PATH: &str = "/dist/amazon-connect-chat.js";
/// The same for the file beside it, where the bundle looks for it.
pub(super) const CHATLOOM_PATH: &str = "/dist/amazon-connect-chat.chatloom.js";

/// What the page may do: load its own files, start wasm, talk to this server. A page opened as
/// `localhost` has its sockets on 127.0.0.1.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' data:; connect-src 'self' ws://127.0.0.1:*; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The paths of the page's files.
pub(super) fn page_paths() -> impl Iterator<Item = &'static str> {
    PAGE.iter().map(|(path, ..)| *path)
}

/// A file of the demo's page.
pub(super) async fn page(_: Arc<App>, call: Call) -> Answer {
    let asked = call.parts.uri.path();
    let Some((_, content_type, text)) = PAGE.iter().find(|(path, ..)| *path == asked) else {
        return Err(ServiceError::new(ErrorKind::UnknownOperation, "There is no such file here"));
    };
    let mut response = answer(StatusCode::OK, Cow::Borrowed(text.as_bytes()), content_type);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The chat bundle, for pages anywhere, and the file that it loads for Chatloom behaviour.
pub(super) async fn bundle(_: Arc<App>, call: Call) -> Answer {
    let mut response = match bundle_text(call.parts.uri.path() == CHATLOOM_PATH).await {
        Some(text) => answer(StatusCode::OK, text, SCRIPT),
        None => answer(
            StatusCode::NOT_FOUND,
            Cow::Borrowed(
                b"The chat bundle is not built: run `cargo xtask web`, then reload.\n".as_slice(),
            ),
            "text/plain; charset=utf-8",
        ),
    };
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    Ok(response)
}

/// Inside the program.
#[cfg(feature = "bundle")]
#[expect(clippy::unused_async, reason = "without the feature, a file is read")]
async fn bundle_text(chatloom: bool) -> Option<Cow<'static, [u8]>> {
    const BUNDLE: &[u8] = include_bytes!("../../../../web/chatjs/dist/amazon-connect-chat.js");
    const CHATLOOM: &[u8] =
        include_bytes!("../../../../web/chatjs/dist/amazon-connect-chat.chatloom.js");
    Some(Cow::Borrowed(if chatloom { CHATLOOM } else { BUNDLE }))
}

/// From the source tree, if it was built there.
#[cfg(not(feature = "bundle"))]
async fn bundle_text(chatloom: bool) -> Option<Cow<'static, [u8]>> {
    const DIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/chatjs");
    let path = DIST.to_owned() + if chatloom { CHATLOOM_PATH } else { BUNDLE_PATH };
    let read = tokio::task::spawn_blocking(|| std::fs::read(path));
    read.await.ok()?.ok().map(Cow::Owned)
}

fn answer(status: StatusCode, data: Cow<'static, [u8]>, content_type: &'static str) -> Response {
    let mut response = Response::new(match data {
        Cow::Borrowed(data) => Body::from(data),
        Cow::Owned(data) => Body::from(data),
    });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
