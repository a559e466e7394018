//! The URLs of files: who may use them, and what goes through them.

use std::sync::Arc;

use chatloom_server::{
    Config, Server,
    blob::disk::DiskBlobs,
    bus::local::Local,
    store::sqlite::{Options, Sqlite},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    Site, clock, eventually,
    files::{Faults, Faulty, Upload, folder_of, kept, path_of},
    http::{Request, Response, exchange},
    soon,
};

const DENIED: (u16, &str) = (403, "AccessDeniedException");
const INVALID: (u16, &str) = (400, "ValidationException");

/// How many files are on their way in or were left there.
fn incoming(site: &Site) -> usize {
    std::fs::read_dir(site.config.server.data.join("files/incoming")).unwrap().count()
}

/// Waits until nothing is left of what was cut.
async fn nothing_is_left(site: &Site) {
    eventually("the end of the upload", || async { (incoming(site) == 0).then_some(()) }).await;
}

/// Begins to upload `hello`, and leaves its last byte to whoever gets the connection.
async fn begin(site: &Site, upload: &Upload) -> TcpStream {
    let bytes = upload.put("hello").to_bytes(site.address);
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
    eventually("the upload to begin", || async { (incoming(site) == 1).then_some(()) }).await;
    stream
}

#[tokio::test]
async fn only_its_own_url_opens_a_file() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let id = customer.send_file("a.txt", "text/plain", b"hello").await;
    let download = customer.file_path(&id).await;
    let upload = customer.start("b.txt", "text/plain", 5).await;
    let token = |path: &str| path.rsplit_once('/').unwrap().1.to_owned();
    let socket_token = customer.socket_url.rsplit_once('=').unwrap().1;

    // An upload's URL reads nothing, a download's writes nothing.
    assert_eq!(site.get(path_of(&upload.url)).await.error(), DENIED);
    let put = Request::new("PUT", &download).header("Content-Type", "text/plain").body("other");
    assert_eq!(site.send(put).await.error(), DENIED);
    let mut changed = token(&download);
    let first = changed.remove(20);
    changed.insert(20, if first == 'A' { 'B' } else { 'A' });
    for token in [
        "x",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%2fincoming",
        &changed,
        &customer.participant_token,
        &customer.connection_token,
        socket_token,
        &format!("{}A", token(&download)),
        &"A".repeat(1_500),
    ] {
        for method in ["GET", "HEAD", "PUT"] {
            let answer = site.send(Request::new(method, &format!("/v1/files/{token}"))).await;
            assert_eq!(answer.status, 403, "{method} {token}");
            assert!(!answer.body.contains("root:"));
        }
    }
    for path in ["/v1/files/", "/v1/files", "/v1/files/../../etc/passwd", "/v1/files/a/b"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    assert_eq!(site.get(&download).await.body, "hello", "the file is as it was");
}

#[tokio::test]
async fn urls_end_at_their_millisecond() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let upload = customer.start("b.txt", "text/plain", 5).await;
    site.clock.advance(15 * 60_000 - 1);
    assert_eq!(site.send(upload.put("hello")).await.status, 200);
    site.clock.advance(1);
    assert_eq!(site.send(upload.put("hello")).await.error(), DENIED);
    customer.complete(&upload.id).await.ok();
    let download = customer.file_path(&upload.id).await;
    site.clock.advance(5 * 60_000 - 1);
    assert_eq!(site.get(&download).await.status, 200);
    site.clock.advance(1);
    assert_eq!(site.get(&download).await.error(), DENIED);
}

#[tokio::test]
async fn type_and_size_are_those_that_were_announced() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let upload = customer.start("a.txt", "text/plain", 5).await;
    for body in ["", "four", "sixsix"] {
        assert_eq!(site.send(upload.put(body)).await.error(), INVALID, "{body:?}");
    }
    for content_type in ["", "text/html", "text/plainer", "application/x-www-form-urlencoded"] {
        let put = Request::new("PUT", path_of(&upload.url)).body("hello");
        let put =
            if content_type.is_empty() { put } else { put.header("Content-Type", content_type) };
        assert_eq!(site.send(put).await.error(), INVALID, "{content_type:?}");
    }
    // Without a length that is said before.
    let chunked = |chunks: &[&str]| {
        let chunks = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len()));
        let chunks: Vec<_> = chunks.collect();
        upload.put(chunks.concat() + "0\r\n\r\n").header("Transfer-Encoding", "chunked")
    };
    assert_eq!(site.send(chunked(&["he", "l"])).await.error(), INVALID);
    assert_eq!(site.send(chunked(&["hel", "lo", "!"])).await.error(), INVALID);
    nothing_is_left(&site).await;
    assert_eq!(site.send(chunked(&["he", "llo"])).await.status, 200);
    let put = Request::new("PUT", path_of(&upload.url)).body("hello");
    let put = put.header("Content-Type", "TEXT/plain;charset=UTF-8");
    assert_eq!(site.send(put).await.status, 200, "parameters do not matter");
}

#[tokio::test]
async fn what_is_cut_leaves_nothing() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let body = "x".repeat(100_000);
    let upload = customer.start("a.txt", "text/plain", body.len()).await;
    let bytes = upload.put(body.clone()).to_bytes(site.address);
    for cut in [bytes.len() - 1, bytes.len() / 2, bytes.len() - body.len()] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(&bytes[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = soon("the end", stream.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    nothing_is_left(&site).await;
    assert_eq!(customer.complete(&upload.id).await.error(), INVALID);
    assert_eq!(site.send(upload.put(body)).await.status, 200, "it may be tried again");
}

#[tokio::test]
async fn a_slow_upload_is_cut() {
    for (key, value) in
        [("attachments.stall_timeout", "50ms"), ("attachments.transfer_timeout", "200ms")]
    {
        let site = Site::demo_with(|config| config.set(key, value, "test").unwrap()).await;
        let (customer, _socket) = site.customer("Jane").await;
        let upload = customer.start("a.txt", "text/plain", 5).await;
        let bytes = upload.put("hello").to_bytes(site.address);
        let stream = TcpStream::connect(site.address).await.unwrap();
        let answer = exchange(stream, &bytes[..bytes.len() - 1]).await;
        assert_eq!(answer.error(), (408, "RequestTimeoutException"), "{key}");
        nothing_is_left(&site).await;
    }
}

#[tokio::test]
async fn uploads_may_take_longer_than_other_answers() {
    let mut site = Site::demo().await;
    let upload = site.customer("Jane").await.0.start("a.txt", "text/plain", 6).await;
    // The others that were needed had all the time; from here on there is none but this one.
    site.stop().await;
    site.config.set("http.answer_timeout", "100ms", "test").unwrap();
    site.config.set("http.body_timeout", "50ms", "test").unwrap();
    site.restart().await;
    let bytes = upload.put("slowly").to_bytes(site.address);
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let (head, body) = bytes.split_at(bytes.len() - 6);
    stream.write_all(head).await.unwrap();
    // The time of a body passes with each byte, and that of an answer with every two.
    for byte in body {
        stream.write_all(&[*byte]).await.unwrap();
        let mut other = TcpStream::connect(site.address).await.unwrap();
        let head = b"POST /start-chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                     Content-Length: 10\r\n\r\n";
        other.write_all(head).await.unwrap();
        assert_eq!(Response::read(other).await.status, 408);
    }
    let answer = Response::read(stream).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn uploads_at_once_are_bounded() {
    let site =
        Site::demo_with(|config| config.set("attachments.uploads_at_once", "1", "test").unwrap())
            .await;
    let (customer, _socket) = site.customer("Jane").await;
    let slow = customer.start("a.txt", "text/plain", 5).await;
    let mut stream = begin(&site, &slow).await;
    let other = customer.start("b.txt", "text/plain", 5).await;
    let refused = site.send(other.put("hello")).await;
    assert_eq!(refused.error(), (429, "ThrottlingException"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    stream.write_all(b"o").await.unwrap();
    assert_eq!(Response::read(stream).await.status, 200);
    assert_eq!(site.send(other.put("hello")).await.status, 200);
}

#[tokio::test]
async fn a_file_has_one_content_and_keeps_no_other() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let upload = customer.start("a.txt", "text/plain", 5).await;
    assert_eq!(site.send(upload.put("first")).await.status, 200);
    for _ in 0..2 {
        let other = site.send(upload.put("other")).await;
        assert_eq!(other.error(), (409, "ConflictException"));
    }
    assert_eq!(site.send(upload.put("first")).await.status, 200, "the answer was lost");
    assert_eq!((kept(&site, &customer.contact), incoming(&site)), (1, 0));

    let upload = customer.start("b.txt", "text/plain", 5).await;
    let bodies: Vec<String> = (0..8).map(|number| format!("body{number}")).collect();
    let puts = bodies.iter().map(|body| site.send(upload.put(body.as_str())));
    let answers = futures_util::future::join_all(puts).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!((kept(&site, &customer.contact), incoming(&site)), (2, 0));
    let first = answers.iter().position(|answer| answer.status == 200).unwrap();
    customer.complete(&upload.id).await.ok();
    assert_eq!(site.get(&customer.file_path(&upload.id).await).await.body, bodies[first]);
}

#[tokio::test]
async fn one_chat_leaves_uploads_to_the_others() {
    let site =
        Site::demo_with(|config| config.set("attachments.uploads_at_once", "4", "test").unwrap())
            .await;
    let (customer, _socket) = site.customer("Jane").await;
    let slow = customer.start("a.txt", "text/plain", 5).await;
    let _under_way = begin(&site, &slow).await;
    assert_eq!(site.send(slow.put("hello")).await.error(), (429, "ThrottlingException"));
    let (other, _socket) = site.customer("John").await;
    other.send_file("b.txt", "text/plain", b"hello").await;
}

/// A download with these headers.
async fn fetch(site: &Site, path: &str, headers: &[(&str, &str)]) -> Response {
    let get = Request::get(path);
    let get = headers.iter().fold(get, |get, (name, value)| get.header(name, value));
    site.send(get).await
}

#[tokio::test]
async fn a_file_comes_whole_or_in_parts() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    // Longer than what is read at once.
    let numbers: Vec<_> = (0..30_000).map(|n| format!("{n:05};")).collect();
    let body = numbers.concat();
    let id = customer.send_file("big.txt", "text/plain", body.as_bytes()).await;
    let path = customer.file_path(&id).await;
    let whole = site.get(&path).await;
    assert_eq!((whole.status, whole.body.len()), (200, body.len()));
    assert_eq!(whole.body, body);
    assert_eq!(whole.header("content-length"), Some("180000"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let tag = whole.header("etag").unwrap().to_owned();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=6-11", 6, 11),
        ("bytes=179994-", 179_994, 179_999),
        ("bytes=-6", 179_994, 179_999),
        ("bytes=60000-160000", 60_000, 160_000),
        ("bytes=179999-999999", 179_999, 179_999),
    ] {
        let part = fetch(&site, &path, &[("Range", range)]).await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.body, body[first..=last], "{range}");
        let expected = format!("bytes {first}-{last}/180000");
        assert_eq!(part.header("content-range"), Some(&*expected));
        assert_eq!(part.header("content-length"), Some(&*(last - first + 1).to_string()));
    }
    for range in ["bytes=0-1,4-5", "lines=1-2", "bytes=9-1", "nonsense"] {
        let answer = fetch(&site, &path, &[("Range", range)]).await;
        assert_eq!((answer.status, answer.body.len()), (200, body.len()), "{range}");
    }
    for range in ["bytes=180000-", "bytes=-0"] {
        let answer = fetch(&site, &path, &[("Range", range)]).await;
        assert_eq!((answer.status, &*answer.body), (416, ""), "{range}");
        assert_eq!(answer.header("content-range"), Some("bytes */180000"));
    }
    let range = ("Range", "bytes=0-9");
    assert_eq!(fetch(&site, &path, &[range, ("If-Range", &tag)]).await.status, 206);
    assert_eq!(fetch(&site, &path, &[range, ("If-Range", "\"other\"")]).await.status, 200);
    let head = site.send(Request::new("HEAD", &path)).await;
    assert_eq!((head.status, &*head.body), (200, ""));
    assert_eq!(head.header("content-length"), Some("180000"));
}

#[tokio::test]
async fn a_file_never_becomes_a_page() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let name = "\u{fc}ber \"x\".txt";
    let id = customer.send_file(name, "text/plain", b"<script>alert(1)</script>").await;
    let path = customer.file_path(&id).await;
    let answer = site.get(&path).await;
    for (header, value) in [
        ("content-type", "text/plain"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, no-store"),
        (
            "content-disposition",
            "attachment; filename=\"_ber _x_.txt\"; filename*=UTF-8''%C3%BCber%20%22x%22.txt",
        ),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}");
    }
    let request = serde_json::json!({ "AttachmentId": id, "UrlContentDisposition": "INLINE" });
    let url = customer.call("attachment", &request).await.ok();
    let inline = site.get(path_of(url["Url"].as_str().unwrap())).await;
    assert!(inline.header("content-disposition").unwrap().starts_with("inline; "));
    assert_eq!(inline.header("content-security-policy"), Some("sandbox; default-src 'none'"));
}

#[tokio::test]
async fn pages_of_allowed_origins_may_upload_and_download() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let upload = customer.start("a.txt", "text/plain", 5).await;
    let origin = "http://localhost:3000";
    let preflight = Request::new("OPTIONS", path_of(&upload.url))
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "PUT")
        .header("Access-Control-Request-Headers", "content-type,x-amz-acl");
    let answer = site.send(preflight).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type,x-amz-acl"));
    let methods = answer.header("access-control-allow-methods").unwrap();
    assert!(["GET", "HEAD", "PUT"].iter().all(|method| methods.contains(method)), "{methods}");
    for odd in ["x\"y", &"a,".repeat(600)] {
        let preflight = Request::new("OPTIONS", path_of(&upload.url))
            .header("Origin", origin)
            .header("Access-Control-Request-Headers", odd);
        let allowed = site.send(preflight).await;
        assert!(!allowed.header("access-control-allow-headers").unwrap().contains(odd));
    }
    let put = upload.put("hello").header("Origin", origin);
    let answer = site.send(put).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    customer.complete(&upload.id).await.ok();
    let path = customer.file_path(&upload.id).await;
    for (origin, allowed) in [(origin, Some(origin)), ("https://evil.example", None)] {
        let answer = fetch(&site, &path, &[("Origin", origin)]).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert!(answer.header("vary").unwrap().contains("Origin"));
    }
    let exposed = fetch(&site, &path, &[("Origin", origin)]).await;
    let exposed = exposed.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("Content-Disposition") && exposed.contains("Content-Range"));
}

/// A demo on a storage that fails when it is told to.
async fn faulty() -> (Site, Faults) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::demo();
    config.server.data = folder.path().to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let store = Sqlite::open(folder.path().join("chatloom.db"), Options::default()).unwrap();
    let (blobs, faults) = Faulty::new(DiskBlobs::open(folder.path().join("files")).unwrap());
    let (clock, bus) = (clock(), Arc::new(Local::new()));
    let local = Arc::clone(&bus);
    let listen = move |listener| local.set_listener(listener);
    let (store, blobs) = (Arc::new(store), Arc::new(blobs));
    let running = Server::start_with(config.clone(), clock.clone(), store, bus, blobs, listen);
    (Site::of(running.await.unwrap(), clock, config, folder), faults)
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let (site, faults) = faulty().await;
    let (customer, _socket) = site.customer("Jane").await;
    let first = customer.send_file("first.txt", "text/plain", b"first").await;
    let upload = customer.start("a.txt", "text/plain", 100_000).await;
    let body = "x".repeat(100_000);
    let failed = (500, "InternalServerException");
    for room in [0, 1, 50_000, 99_999] {
        faults.leave_room_for(room);
        assert_eq!(site.send(upload.put(body.clone())).await.error(), failed, "room for {room}");
        nothing_is_left(&site).await;
    }
    faults.leave_room_for(i64::MAX);
    faults.fail_to_sync(true);
    assert_eq!(site.send(upload.put(body.clone())).await.error(), failed, "not durable");
    assert_eq!(customer.complete(&upload.id).await.error(), INVALID, "it is not here");
    faults.fail_to_sync(false);

    // Chats go on, and what was there is there.
    customer.say("still here").await;
    let path = customer.file_path(&first).await;
    assert_eq!(site.get(&path).await.body, "first");
    assert_eq!(site.send(upload.put(body)).await.status, 200);
    customer.complete(&upload.id).await.ok();
    assert_eq!(customer.files().await.len(), 2);
}

#[tokio::test]
async fn a_file_that_is_gone_is_said() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let id = customer.send_file("a.txt", "text/plain", b"hello").await;
    let path = customer.file_path(&id).await;
    std::fs::remove_dir_all(folder_of(&site, &customer.contact)).unwrap();
    assert_eq!(site.get(&path).await.error(), (500, "InternalServerException"));
}

#[tokio::test]
async fn urls_stay_out_of_figures_and_answers() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    let id = customer.send_file("secret-name.txt", "text/plain", b"hello").await;
    site.get(&customer.file_path(&id).await).await;
    let figures = site.get("/metrics").await.body;
    assert!(figures.contains("operation=\"UploadFile\""), "{figures}");
    assert!(figures.contains("operation=\"DownloadFile\""));
    assert!(!figures.contains("secret-name") && !figures.contains("/v1/files/"));
    for (name, value) in [("file_bytes_uploaded_total", 5.0), ("file_bytes_downloaded_total", 5.0)]
    {
        assert!((site.figure(&format!("chatloom_{name}")).await - value).abs() < 0.1, "{name}");
    }
}
