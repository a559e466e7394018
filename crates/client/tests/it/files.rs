//! Files, views and sign-in.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chatloom::{
    Attachment, Chat, ClientBuilder, Error, ErrorKind, Event, Events, Fault as Whose, Item,
    RetryPolicy,
};
use futures_util::stream;

use super::{online, run, service_and_client, until};
use crate::service::{
    Fault, Service,
    files::{COMPLETE, START, STORAGE, STORAGE_SECRET},
};

fn is_attachment(event: &Event) -> bool {
    matches!(event, Event::Attachment(_))
}

/// A megabyte that is not the same everywhere.
fn megabyte() -> Vec<u8> {
    (0..1024 * 1024_u32).map(|n| (n / 3) as u8).collect()
}

async fn chat_with(service: &Service, builder: ClientBuilder) -> (Chat, Events) {
    online(&builder.endpoint(service.url()).build().unwrap()).await
}

#[test]
fn a_file_goes_up_and_comes_down() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        let bytes = megabyte();
        let uploading =
            chat.send_attachment(Attachment::bytes("big.png", "image/png", bytes.clone()));
        let mut progress = uploading.progress();
        assert_eq!((progress.get().sent, progress.get().total), (0, bytes.len() as u64));
        let watching = async {
            let mut seen = Vec::new();
            while let Some(now) = progress.changed().await {
                seen.push(now.sent);
            }
            seen
        };
        let (sent, seen) = tokio::join!(uploading, watching);
        sent.unwrap();
        assert!(seen.is_sorted() && seen.last() == Some(&(bytes.len() as u64)), "{seen:?}");
        assert_eq!(service.file(0).unwrap(), bytes);

        let (_, event) = until(&mut events, is_attachment).await;
        let file = &event.item().map(Item::attachments).unwrap()[0];
        assert_eq!(file.attachment_name.as_deref(), Some("big.png"));
        let id = file.attachment_id.clone().unwrap();

        let mut download = chat.download_attachment(id.clone()).await.unwrap();
        assert_eq!(download.size(), Some(bytes.len() as u64));
        assert_eq!(download.content_type(), Some("image/png"));
        let mut read = Vec::new();
        while let Some(piece) = download.next().await {
            read.extend_from_slice(&piece.unwrap());
        }
        assert!(read == bytes);

        let again = chat.download_attachment(id.clone()).await.unwrap();
        assert_eq!(again.bytes(bytes.len()).await.unwrap(), bytes);
        let again = chat.download_attachment(id.clone()).await.unwrap();
        let error = again.bytes(bytes.len() - 1).await.unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");

        let url = chat.attachment_url(id).await.unwrap();
        assert!(url.url.contains(STORAGE_SECRET) && !format!("{url:?}").contains(STORAGE_SECRET));
        assert_eq!(url.expiry.as_deref(), Some("2100-01-01T00:00:00.000Z"));
    });
}

#[test]
fn a_stream_and_a_file_on_the_disk_go_up_piece_by_piece() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let bytes = megabyte();
        let pieces: Vec<_> = bytes.chunks(10_000).map(|piece| Ok(piece.to_vec().into())).collect();
        let size = bytes.len() as u64;
        let file = Attachment::stream("s.txt", "text/plain", size, stream::iter(pieces));
        chat.send_attachment(file).await.unwrap();
        assert_eq!(service.file(0).unwrap(), bytes);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("on disk.PDF");
        std::fs::write(&path, &bytes).unwrap();
        let file = Attachment::file(&path).await.unwrap();
        assert_eq!((file.name(), file.content_type()), ("on disk.PDF", "application/pdf"));
        chat.send_attachment(file).await.unwrap();
        assert_eq!(service.file(1).unwrap(), bytes);

        let path = folder.path().join("no type");
        std::fs::write(&path, "x").unwrap();
        for refused in [
            Attachment::file(&path).await,
            Attachment::file(folder.path().join("absent.pdf")).await,
            Attachment::file_of_type(folder.path(), "text/plain").await,
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{error}");
            assert_eq!((error.fault(), error.can_retry()), (Whose::Caller, false));
        }
        let file = Attachment::file_of_type(&path, "text/plain").await.unwrap();
        chat.send_attachment(file).await.unwrap();
        assert_eq!(service.file(2).unwrap(), "x");
    });
}

#[test]
fn a_file_that_fails_ends_the_call_and_is_not_tried_again() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let broken = || io::Error::other("the disk is gone");
        for (pieces, why) in [
            (vec![Ok("abc".into())], "fewer bytes"),
            (vec![Ok("abc".into()), Err(broken())], "the disk is gone"),
            (vec![Ok("abcd".into()), Ok("efgh".into())], "more bytes"),
        ] {
            let file = Attachment::stream("a.txt", "text/plain", 5, stream::iter(pieces));
            let error = chat.send_attachment(file).await.unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
        assert_eq!((service.calls(START), service.calls(COMPLETE)), (3, 0));
    });
}

#[test]
fn the_storage_is_asked_again_and_what_it_refuses_is_said() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        service.fail(STORAGE, &[Fault::Status(500), Fault::Status(429)]);
        chat.send_attachment(Attachment::bytes("a.txt", "text/plain", "abc")).await.unwrap();
        assert_eq!(service.file(0).unwrap(), "abc");
        assert_eq!(service.calls(STORAGE), 3);

        service.fail(STORAGE, &[Fault::Status(400)]);
        let file = Attachment::bytes("a.txt", "text/plain", "abc");
        let error = chat.send_attachment(file).await.unwrap_err();
        assert_eq!(error, Error::Storage { operation: "upload", status: 400 });
        assert_eq!((error.fault(), error.can_retry()), (Whose::Service, false));

        // A stream is gone after the first attempt: its reason is the call's.
        service.fail(STORAGE, &[Fault::Status(503)]);
        let pieces = stream::iter([Ok("abc".into())]);
        let file = Attachment::stream("a.txt", "text/plain", 3, pieces);
        let error = chat.send_attachment(file).await.unwrap_err();
        assert_eq!(error, Error::Storage { operation: "upload", status: 503 });
        assert!(error.can_retry());
    });
}

#[test]
fn what_the_service_does_not_want_is_not_uploaded() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        service.fail(START, &[Fault::Status(400)]);
        let file = Attachment::bytes("a.txt", "text/plain", "abc");
        let error = chat.send_attachment(file).await.unwrap_err();
        let Error::Service(refused) = &error else { panic!("{error:?}") };
        assert_eq!(refused.kind, ErrorKind::Validation);
        let error =
            chat.send_attachment(Attachment::bytes("", "text/plain", "abc")).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "AttachmentName", .. }), "{error}");
        assert_eq!(service.calls(STORAGE), 0);

        let error = chat.download_attachment("7").await.unwrap_err();
        assert!(matches!(error, Error::Service(_)), "{error}");
        let error = chat.attachment_url("").await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "AttachmentId", .. }), "{error}");
    });
}

#[test]
fn dropping_an_upload_breaks_it_off() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let pieces = stream::repeat_with(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(vec![7; 1_000].into())
        });
        let file = Attachment::stream("a.txt", "text/plain", u64::from(u32::MAX), pieces);
        let uploading = chat.send_attachment(file);
        let mut progress = uploading.progress();
        progress.wait_for(|now| now.sent > 0).await.unwrap();
        drop(uploading);
        // The stream goes with the upload, and so does the last that watches it.
        while progress.changed().await.is_some() {}
        while Arc::strong_count(&read) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(service.file(0).is_none());
        assert_eq!(service.calls(COMPLETE), 0);
        chat.send_message("goes on").await.unwrap();
    });
}

#[test]
fn a_download_that_breaks_says_so() {
    run(async {
        let service = Service::start().await;
        let once = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
        let builder = chatloom::Client::builder().retry(once);
        let (chat, _events) = chat_with(&service, builder).await;
        chat.send_attachment(Attachment::bytes("a.txt", "text/plain", megabyte())).await.unwrap();
        service.fail(STORAGE, &[Fault::Status(503)]);
        let error = chat.download_attachment("0").await.unwrap_err();
        assert_eq!(error, Error::Storage { operation: "download", status: 503 });

        service.break_downloads();
        let mut download = chat.download_attachment("0").await.unwrap();
        let mut bytes = 0;
        let error = loop {
            match download.next().await.expect("not the end of the file") {
                Ok(piece) => bytes += piece.len(),
                Err(error) => break error,
            }
        };
        assert!(bytes <= 512 * 1024, "{bytes}");
        assert_eq!((error.fault(), error.can_retry()), (Whose::Network, true), "{error}");
        assert!(download.next().await.is_none());
    });
}

#[test]
fn views_and_sign_in() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let view = chat.describe_view("a/view token").await.unwrap();
        assert_eq!(view.name.as_deref(), Some("Detail"));
        assert_eq!(view.content.unwrap().actions, ["Back"]);
        let error = chat.describe_view("another").await.unwrap_err();
        assert!(matches!(&error, Error::Service(refused) if refused.status == 404), "{error}");
        let error = chat.describe_view("").await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "ViewToken", .. }), "{error}");

        let session = "12345678-1234-1234-1234-123456789012";
        let url = chat.authentication_url("https://shop.example/back", session).await.unwrap();
        assert_eq!(url, "https://login.example/?back=https://shop.example/back");
        let error = chat.authentication_url("https://shop.example", "short").await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "SessionId", .. }), "{error}");
        chat.cancel_authentication(session).await.unwrap();
        let error = chat.cancel_authentication("short").await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "SessionId", .. }), "{error}");
        assert_eq!(service.calls("cancel-authentication"), 1);
    });
}

#[test]
fn how_often_calls_are_repeated_is_an_option() {
    run(async {
        let service = Service::start().await;
        let policy = RetryPolicy {
            attempts: 2,
            base: Duration::from_millis(1),
            throttled_base: Duration::from_millis(1),
            cap: Duration::from_millis(1),
        };
        let (chat, _events) = chat_with(&service, chatloom::Client::builder().retry(policy)).await;
        service.fail("view", &[Fault::Status(500), Fault::Status(429)]);
        let error = chat.describe_view("a/view token").await.unwrap_err();
        assert!(matches!(&error, Error::Service(refused) if refused.status == 429), "{error}");
        assert_eq!(service.calls("view"), 2);
    });
}
