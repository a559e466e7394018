//! StartAttachmentUpload, CompleteAttachmentUpload and GetAttachment
//! (docs/protocol/participant-service.md §3.6 to §3.8, §8).

use chatloom_server::Config;
use serde_json::{Value, json};

use crate::support::{
    Person, Site,
    files::{Upload, path_of, start_request},
    text,
};

const INVALID: (u16, &str) = (400, "ValidationException");
const DENIED: (u16, &str) = (403, "AccessDeniedException");
const QUOTA: (u16, &str) = (402, "ServiceQuotaExceededException");
const CONFLICT: (u16, &str) = (409, "ConflictException");

const MIB: usize = 1 << 20;

fn small(config: &mut Config) {
    config.set("attachments.max_size", "1MiB", "test").unwrap();
}

fn with(mut request: Value, member: &str, value: Value) -> Value {
    request[member] = value;
    request
}

#[tokio::test]
async fn a_file_goes_from_the_customer_to_the_agent() {
    let site = Site::demo().await;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.say("agent").await;
    let ana = site.accept(&site.agent("ana").await).await;
    let mut at_ana = ana.socket().await;
    at_ana.subscribe().await;

    let before = customer.transcript().await.len();
    let id = customer.send_file("hello.txt", "text/plain", b"hello, file").await;
    let item = loop {
        let item = socket.item().await;
        if item["Type"] == "ATTACHMENT" {
            break item;
        }
    };
    assert_eq!(
        item["Attachments"],
        json!([{
            "ContentType": "text/plain", "AttachmentId": id, "AttachmentName": "hello.txt",
            "Status": "APPROVED",
        }])
    );
    assert_eq!(item["ParticipantRole"], "CUSTOMER");
    assert_eq!(item["DisplayName"], "Jane");
    assert_eq!(item["ParticipantId"], customer.id.as_str());
    assert_eq!(item["InitialContactId"], customer.contact.as_str());
    assert!(item.get("Content").is_none() && item.get("ContentType").is_none());
    assert_eq!(at_ana.item().await, item, "both see the same item");
    let transcript = ana.transcript().await;
    assert_eq!(transcript.len(), before + 1);
    assert_eq!(transcript.last().unwrap()["Attachments"], item["Attachments"]);

    let answer = ana.get_attachment(&id).await.ok();
    assert_eq!(answer["AttachmentSizeInBytes"], 11);
    let file = site.get(path_of(&text(&answer["Url"]))).await;
    assert_eq!((file.status, &*file.body), (200, "hello, file"));
}

#[tokio::test]
async fn start_says_where_the_file_goes() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let request = start_request("a.png", "image/png", 7);
    let answer = customer.call("start-attachment-upload", &request).await.ok();
    let metadata = &answer["UploadMetadata"];
    assert!(text(&metadata["Url"]).starts_with(&format!("http://{}/v1/files/", site.address)));
    assert!(text(&metadata["Url"]).len() <= 2_000);
    // iOS sends only names that it knows (docs/protocol/participant-service.md §8).
    assert_eq!(metadata["HeadersToInclude"], json!({ "Content-Type": "image/png" }));
    assert_eq!(metadata["UrlExpiry"], "2026-06-01T00:15:00.000Z");
    assert_eq!(answer.as_object().unwrap().len(), 2);
    assert_eq!(text(&answer["AttachmentId"]).len(), 36);
}

#[tokio::test]
async fn what_does_not_fit_the_model_is_refused() {
    let site = Site::demo_with(small).await;
    let (customer, _socket) = site.customer("Jane").await;
    let good = || start_request("a.txt", "text/plain", 10);
    let long = |count| Value::from("x".repeat(count));
    let without = |member: &str| {
        let mut request = good();
        request.as_object_mut().unwrap().remove(member);
        request
    };
    for request in [
        json!({}),
        without("AttachmentName"),
        without("ContentType"),
        without("AttachmentSizeInBytes"),
        without("ClientToken"),
        with(good(), "AttachmentName", json!("")),
        with(good(), "AttachmentName", long(257)),
        with(good(), "ContentType", json!("")),
        with(good(), "ContentType", long(256)),
        with(good(), "ClientToken", json!("")),
        with(good(), "ClientToken", long(501)),
        with(good(), "AttachmentSizeInBytes", json!(0)),
        with(good(), "AttachmentSizeInBytes", json!(-1)),
        with(good(), "AttachmentSizeInBytes", json!("10")),
        with(good(), "AttachmentSizeInBytes", json!(1.5)),
        with(good(), "AttachmentSizeInBytes", json!(1e30)),
        // No names but names.
        with(good(), "AttachmentName", json!("../../etc/passwd")),
        with(good(), "AttachmentName", json!("a/b.txt")),
        with(good(), "AttachmentName", json!("C:\\a.txt")),
        with(good(), "AttachmentName", json!("..")),
        with(good(), "AttachmentName", json!("a\nb.txt")),
        with(good(), "AttachmentName", json!("a\u{0}.txt")),
        with(good(), "AttachmentName", json!("a\u{202e}txt.exe")),
        // No types but listed ones.
        with(good(), "ContentType", json!("text/html")),
        with(good(), "ContentType", json!("application/x-msdownload")),
        with(good(), "ContentType", json!("text/plain\r\nX: y")),
    ] {
        let answer = customer.call("start-attachment-upload", &request).await;
        assert_eq!(answer.error(), INVALID, "{request}");
    }
    for request in [
        with(good(), "AttachmentName", json!("\u{1f600}".repeat(256))),
        with(good(), "ClientToken", long(500)),
        with(good(), "AttachmentSizeInBytes", json!(1)),
        with(good(), "AttachmentSizeInBytes", json!(MIB)),
        with(good(), "ContentType", json!("Text/Plain; charset=utf-8")),
        with(good(), "Mood", json!("sunny")),
    ] {
        customer.call("start-attachment-upload", &request).await.ok();
    }
    let large = with(good(), "AttachmentSizeInBytes", json!(MIB + 1));
    assert_eq!(customer.call("start-attachment-upload", &large).await.error(), QUOTA);

    for request in [
        json!({}),
        json!({ "AttachmentIds": [], "ClientToken": "t" }),
        json!({ "AttachmentIds": ["a", "b"], "ClientToken": "t" }),
        json!({ "AttachmentIds": [""], "ClientToken": "t" }),
        json!({ "AttachmentIds": ["x".repeat(257)], "ClientToken": "t" }),
        json!({ "AttachmentIds": ["unknown"], "ClientToken": "t" }),
        json!({ "AttachmentIds": ["unknown"], "ClientToken": "" }),
        json!({ "AttachmentIds": ["unknown"] }),
        json!({ "AttachmentIds": "unknown", "ClientToken": "t" }),
    ] {
        let answer = customer.call("complete-attachment-upload", &request).await;
        assert_eq!(answer.error(), INVALID, "{request}");
    }
    let id = customer.send_file("a.txt", "text/plain", b"a").await;
    for request in [
        json!({}),
        json!({ "AttachmentId": "" }),
        json!({ "AttachmentId": "unknown" }),
        json!({ "AttachmentId": id, "UrlExpiryInSeconds": 4 }),
        json!({ "AttachmentId": id, "UrlExpiryInSeconds": 301 }),
        json!({ "AttachmentId": id, "UrlExpiryInSeconds": "60" }),
        json!({ "AttachmentId": id, "UrlContentDisposition": "SIDEWAYS" }),
    ] {
        assert_eq!(customer.call("attachment", &request).await.error(), INVALID, "{request}");
    }
    for seconds in [5, 300] {
        let request = json!({ "AttachmentId": id, "UrlExpiryInSeconds": seconds });
        let answer = customer.call("attachment", &request).await.ok();
        let expected = format!("2026-06-01T00:0{}:0{}.000Z", seconds / 60, seconds % 60);
        assert_eq!(answer["UrlExpiry"], expected.as_str());
    }
}

#[tokio::test]
async fn an_operator_may_take_more_types() {
    let site = Site::demo_with(|config| {
        config.set("attachments.types", "image/gif", "test").unwrap();
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    customer.send_file("a.gif", "image/gif", b"GIF89a...").await;
    customer.send_file("b.gif", "image/gif", b"<html>").await;
    let told = [("a.gif", "APPROVED"), ("b.gif", "REJECTED")];
    assert_eq!(customer.files().await, told.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[tokio::test]
async fn repeats_are_answered_like_the_first() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let request = start_request("a.txt", "text/plain", 5);
    let first = customer.call("start-attachment-upload", &request).await.ok();
    site.clock.advance(60_000);
    let again = customer.call("start-attachment-upload", &request).await.ok();
    assert_eq!(first["AttachmentId"], again["AttachmentId"]);
    assert_ne!(first["UploadMetadata"]["UrlExpiry"], again["UploadMetadata"]["UrlExpiry"]);
    let other = with(request.clone(), "AttachmentName", json!("b.txt"));
    assert_eq!(customer.call("start-attachment-upload", &other).await.error(), INVALID);

    let upload = Upload::of(&again);
    for _ in 0..2 {
        assert_eq!(site.send(upload.put("hello")).await.status, 200);
    }
    assert_eq!(site.send(upload.put("HELLO")).await.error(), CONFLICT, "other bytes");
    let complete = json!({ "AttachmentIds": [upload.id], "ClientToken": "once" });
    for _ in 0..3 {
        let answer = customer.call("complete-attachment-upload", &complete).await;
        assert_eq!(answer.ok(), json!({}));
    }
    assert_eq!(customer.complete(&upload.id).await.error(), CONFLICT, "another token");
    assert_eq!(site.send(upload.put("hello")).await.error(), CONFLICT, "it is sent");
    assert_eq!(customer.files().await.len(), 1, "one item, however often it was said");
    let late = customer.call("start-attachment-upload", &request).await.ok();
    assert_eq!(first["AttachmentId"], late["AttachmentId"]);
}

#[tokio::test]
async fn many_who_complete_at_once_make_one_item() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let upload = customer.start("a.txt", "text/plain", 5).await;
    assert_eq!(site.send(upload.put("hello")).await.status, 200);
    let answers = futures_util::future::join_all((0..8).map(|_| customer.complete(&upload.id)));
    let mut statuses: Vec<u16> = answers.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(customer.files().await.len(), 1);
}

#[tokio::test]
async fn nothing_is_completed_that_is_not_here() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let upload = customer.start("a.txt", "text/plain", 5).await;
    // As ChatJS does when the storage has refused the file (docs/protocol/defects.md D8).
    assert_eq!(customer.complete(&upload.id).await.error(), INVALID);
    assert_eq!(customer.get_attachment(&upload.id).await.error(), INVALID);
    assert_eq!(site.send(upload.put("hello")).await.status, 200);
    assert_eq!(customer.get_attachment(&upload.id).await.error(), INVALID, "it is not sent");
    customer.complete(&upload.id).await.ok();
    customer.get_attachment(&upload.id).await.ok();
}

#[tokio::test]
async fn a_chat_has_room_for_thirty_five_files() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    for number in 0..34 {
        customer.start(&format!("{number}.txt"), "text/plain", 1).await;
    }
    let last = customer.send_file("last.txt", "text/plain", b"x").await;
    let one_more = start_request("more.txt", "text/plain", 1);
    assert_eq!(customer.call("start-attachment-upload", &one_more).await.error(), QUOTA);
    let (other, _other_socket) = site.customer("John").await;
    other.send_file("other.txt", "text/plain", b"x").await;
    customer.get_attachment(&last).await.ok();
    // Uploads that never came give way when their URLs are no good any more.
    site.clock.advance(15 * 60_000);
    customer.call("start-attachment-upload", &one_more).await.ok();
}

#[tokio::test]
async fn a_limit_that_is_lowered_counts_when_the_file_is_sent() {
    let mut site = Site::demo().await;
    let upload = {
        let (customer, _socket) = site.customer("Jane").await;
        let upload = customer.start("a.txt", "text/plain", MIB + 1).await;
        assert_eq!(site.send(upload.put(vec![b'x'; MIB + 1])).await.status, 200);
        (customer.connection_token.clone(), upload)
    };
    site.stop().await;
    small(&mut site.config);
    site.restart().await;
    let (connection_token, upload) = upload;
    let customer = Person { connection_token, ..site.start_chat("unused").await };
    assert_eq!(customer.complete(&upload.id).await.error(), QUOTA);
}

#[tokio::test]
async fn files_are_their_chats_alone() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let (stranger, _other) = site.customer("John").await;
    let id = customer.send_file("a.txt", "text/plain", b"private").await;
    let open = customer.start("b.txt", "text/plain", 1).await;
    assert_eq!(site.send(open.put("b")).await.status, 200);
    assert_eq!(stranger.get_attachment(&id).await.error(), INVALID);
    assert_eq!(stranger.complete(&open.id).await.error(), INVALID);
    // The very same words as for one that never was.
    let told = stranger.get_attachment(&id).await.body;
    assert_eq!(told, stranger.get_attachment("3f2504e0-4f89-41d3-9a0c-0305e82c3301").await.body);
}

#[tokio::test]
async fn tokens_of_other_kinds_and_ended_chats_are_denied() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let id = customer.send_file("a.txt", "text/plain", b"a").await;
    let open = customer.start("b.txt", "text/plain", 1).await;
    let calls = |id: &str| {
        [
            ("start-attachment-upload", start_request("c.txt", "text/plain", 1)),
            ("complete-attachment-upload", json!({ "AttachmentIds": [id], "ClientToken": "t" })),
            ("attachment", json!({ "AttachmentId": id })),
        ]
    };
    let file_token = path_of(&open.url).rsplit_once('/').unwrap().1.to_owned();
    for token in ["", "nonsense", &customer.participant_token, &file_token] {
        let other = Person { connection_token: token.to_owned(), ..customer.clone() };
        for (operation, body) in calls(&id) {
            assert_eq!(other.call(operation, &body).await.error(), DENIED, "{operation}");
        }
    }
    let download = customer.file_path(&id).await;
    customer.disconnect().await;
    for (operation, body) in calls(&id) {
        assert_eq!(customer.call(operation, &body).await.error(), DENIED, "{operation}");
    }
    assert_eq!(site.send(open.put("b")).await.error(), DENIED, "nobody would complete it");
    assert_eq!(site.get(&download).await.status, 200, "what was given is good for its time");
}

#[tokio::test]
async fn who_has_not_connected_sends_no_files() {
    let site = Site::demo().await;
    let mut customer = site.start_chat("Jane").await;
    customer.connect().await;
    let request = start_request("a.txt", "text/plain", 1);
    assert_eq!(customer.call("start-attachment-upload", &request).await.error(), DENIED);
}

#[tokio::test]
async fn a_file_that_is_not_what_it_says_is_rejected() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    for (name, content_type, bytes, status) in [
        ("a.png", "image/png", &b"\x89PNG\r\n\x1a\nrest"[..], "APPROVED"),
        ("b.png", "image/png", b"<html><script>", "REJECTED"),
        ("c.txt", "text/plain", b"MZ\x90\0\x03\0", "REJECTED"),
        ("d.txt", "text/plain", b"<html><script>", "APPROVED"),
        ("e.pdf", "application/pdf", b"PK\x03\x04", "REJECTED"),
        ("f.pdf", "application/pdf", b"%PDF-1.7", "APPROVED"),
    ] {
        let id = customer.send_file(name, content_type, bytes).await;
        assert_eq!(customer.files().await.last().unwrap().1, status, "{name}");
        let answer = customer.get_attachment(&id).await;
        if status == "APPROVED" {
            let file = site.get(path_of(&text(&answer.ok()["Url"]))).await;
            assert_eq!((file.status, &*file.bytes), (200, bytes), "{name}");
        } else {
            assert_eq!(answer.error(), INVALID, "{name}");
        }
    }
    assert!((site.figure("chatloom_files_not_genuine_total").await - 3.0).abs() < 0.1);
    assert!((site.figure("chatloom_files_uploaded_total").await - 6.0).abs() < 0.1);
}

#[tokio::test]
async fn files_survive_a_restart() {
    let mut site = Site::demo().await;
    let (token, id, open) = {
        let (customer, _socket) = site.customer("Jane").await;
        let id = customer.send_file("a.txt", "text/plain", b"kept").await;
        let open = customer.start("b.txt", "text/plain", 6).await;
        assert_eq!(site.send(open.put("b kept")).await.status, 200);
        (customer.connection_token.clone(), id, open)
    };
    site.stop().await;
    site.restart().await;
    let customer = Person { connection_token: token, ..site.start_chat("unused").await };
    let path = customer.file_path(&id).await;
    assert_eq!(site.get(&path).await.body, "kept");
    customer.complete(&open.id).await.ok();
    let path = customer.file_path(&open.id).await;
    assert_eq!(site.get(&path).await.body, "b kept");
}

#[tokio::test]
async fn files_of_a_past_that_shows_can_be_fetched() {
    let site = Site::demo().await;
    let (first, _socket) = site.customer("Jane").await;
    let id = first.send_file("then.txt", "text/plain", b"from then").await;
    let rejected = first.send_file("fake.png", "image/png", b"no picture").await;
    let (other, _other_socket) = site.customer("John").await;
    let foreign = other.send_file("other.txt", "text/plain", b"private").await;
    first.disconnect().await;
    let mut request = crate::support::start_request("Jane");
    request["PersistentChat"] = json!({
        "RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": first.contact,
    });
    let started = site.signed("PUT", "/contact/chat", &request).await.ok();
    let mut customer = Person {
        site: &site,
        contact: text(&started["ContactId"]),
        id: text(&started["ParticipantId"]),
        participant_token: text(&started["ParticipantToken"]),
        connection_token: String::new(),
        socket_url: String::new(),
    };
    customer.connect().await;
    assert_eq!(customer.get_attachment(&id).await.error(), DENIED, "not connected");
    customer.socket().await.subscribe().await;
    let file = site.get(&customer.file_path(&id).await).await;
    assert_eq!((file.status, &*file.body), (200, "from then"));
    for id in [&rejected, &foreign, "unknown"] {
        assert_eq!(customer.get_attachment(id).await.error(), INVALID, "{id}");
    }
    customer.send_file("now.txt", "text/plain", b"from now").await;
    customer.disconnect().await;
    assert_eq!(customer.get_attachment(&id).await.error(), DENIED);
}

#[tokio::test]
async fn custom_participants_have_no_attachments() {
    let site = Site::demo_with(|config| config.instance.flows.clear()).await;
    let (customer, _socket) = site.customer("Jane").await;
    let id = customer.send_file("a.txt", "text/plain", b"a").await;
    let request = json!({
        "InstanceId": chatloom_server::config::DEMO_INSTANCE,
        "ContactId": customer.contact,
        "ClientToken": "once",
        "ParticipantDetails": { "ParticipantRole": "CUSTOM_BOT", "DisplayName": "Robo" },
    });
    let created = site.signed("POST", "/contact/create-participant", &request).await.ok();
    let mut robo = Person {
        id: text(&created["ParticipantId"]),
        participant_token: text(&created["ParticipantCredentials"]["ParticipantToken"]),
        ..customer.clone()
    };
    robo.connect().await;
    for (operation, body) in [
        ("start-attachment-upload", start_request("b.txt", "text/plain", 1)),
        ("complete-attachment-upload", json!({ "AttachmentIds": [id], "ClientToken": "t" })),
        ("attachment", json!({ "AttachmentId": id })),
    ] {
        assert_eq!(robo.call(operation, &body).await.error(), DENIED, "{operation}");
    }
    assert_eq!(
        robo.transcript().await.last().unwrap()["Type"],
        "EVENT",
        "it joined after the file"
    );
    customer.get_attachment(&id).await.ok();
}
