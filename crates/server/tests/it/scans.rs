//! Files on their way past a scanner, and what is cleared up.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Person, Site, eventually, files::kept, socket::Socket};

/// A demo whose scanner is this shell script; the file is its standard input, and `$1`.
async fn site_with(script: &str) -> Site {
    Site::demo_with(|config| scanned_by(config, script)).await
}

fn scanned_by(config: &mut chatloom_server::Config, script: &str) {
    config.attachments.scanner_command =
        ["/bin/sh", "-c", script, "scanner"].map(str::to_owned).to_vec();
}

async fn attachment(socket: &mut Socket) -> Value {
    loop {
        let item = socket.item().await;
        if item["Type"] == "ATTACHMENT" {
            return item;
        }
    }
}

fn status(item: &Value) -> &str {
    item["Attachments"][0]["Status"].as_str().unwrap()
}

/// Waits until the file has this status in the transcript.
async fn until(customer: &Person<'_>, expected: &str) {
    eventually(expected, || async {
        customer.files().await.iter().any(|(_, status)| status == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_scanner_has_the_last_word() {
    let site = site_with("if grep -q virus; then exit 1; fi").await;
    let (customer, mut socket) = site.customer("Jane").await;
    for (content, expected) in [("all is well", "APPROVED"), ("a virus", "REJECTED")] {
        let before = customer.transcript().await.len();
        let id = customer.send_file("a.txt", "text/plain", content.as_bytes()).await;
        let first = attachment(&mut socket).await;
        assert_eq!(status(&first), "IN_PROGRESS");
        let second = attachment(&mut socket).await;
        assert_eq!(status(&second), expected);
        // The item again, in its place and with nothing else changed.
        let mut restored = second.clone();
        restored["Attachments"][0]["Status"] = json!("IN_PROGRESS");
        assert_eq!(restored, first);
        let transcript = customer.transcript().await;
        assert_eq!(transcript.len(), before + 1, "a status is no item");
        assert_eq!(transcript.last().unwrap()["Attachments"], second["Attachments"]);
        let answer = customer.get_attachment(&id).await;
        assert_eq!(answer.status, if expected == "APPROVED" { 200 } else { 400 });
    }
    let figure = async |name: &str| site.figure(&format!("chatloom_file_scans_{name}_total")).await;
    assert!((figure("approved").await - 1.0).abs() < 0.1);
    assert!((figure("rejected").await - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn a_scanner_may_ask_for_the_path() {
    let site = Site::demo_with(|config| {
        let script = "grep -q fine \"$1\"";
        config.attachments.scanner_command =
            ["/bin/sh", "-c", script, "scanner", "{file}"].map(str::to_owned).to_vec();
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    customer.send_file("a.txt", "text/plain", b"this is fine").await;
    until(&customer, "APPROVED").await;
    customer.send_file("b.txt", "text/plain", b"this is not").await;
    until(&customer, "REJECTED").await;
}

/// A service that approves what does not contain `virus`: its URL. It answers this many requests.
async fn service(answers: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scan?key=k", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for _ in 0..answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let status = loop {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "it breaks off");
                let text = String::from_utf8_lossy(&request);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let head = head.to_ascii_lowercase();
                let length = head.split_once("content-length: ").unwrap().1.lines().next().unwrap();
                if body.len() < length.parse().unwrap() {
                    continue;
                }
                assert!(head.starts_with("post /scan?key=k http/1.1"), "{head}");
                assert!(head.contains("content-type: text/plain"), "{head}");
                break if body.contains("virus") { "406 Not Acceptable" } else { "204 No Content" };
            };
            let answer = format!("HTTP/1.1 {status}\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_scanner_may_be_a_service() {
    let url = service(3).await;
    let site = Site::demo_with(|config| {
        config.set("attachments.scanner_url", &url, "test").unwrap();
        config.set("attachments.scans_at_once", "1", "test").unwrap();
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    let long = "all is well; ".repeat(20_000);
    for (name, content) in [("a.txt", "fine"), ("b.txt", "a virus"), ("c.txt", &*long)] {
        customer.send_file(name, "text/plain", content.as_bytes()).await;
    }
    // Nobody answers this one: the service is gone.
    eventually("three verdicts", || async {
        let files = customer.files().await;
        files.iter().all(|(_, status)| status != "IN_PROGRESS").then_some(())
    })
    .await;
    customer.send_file("d.txt", "text/plain", b"fine").await;
    eventually("the last verdict", || async {
        let files = customer.files().await;
        let statuses: Vec<_> = files.iter().map(|(_, status)| status.as_str()).collect();
        (!statuses.contains(&"IN_PROGRESS")).then(|| {
            assert_eq!(statuses, ["APPROVED", "REJECTED", "APPROVED", "REJECTED"]);
        })
    })
    .await;
}

#[tokio::test]
async fn whatever_goes_wrong_rejects_the_file() {
    for (script, timeout) in [("exit 2", "60s"), ("kill -9 $$", "60s"), ("exec sleep 600", "100ms")]
    {
        let site = Site::demo_with(|config| {
            scanned_by(config, script);
            config.set("attachments.scanner_timeout", timeout, "test").unwrap();
        })
        .await;
        let (customer, _socket) = site.customer("Jane").await;
        let id = customer.send_file("a.txt", "text/plain", b"x").await;
        until(&customer, "REJECTED").await;
        assert_eq!(customer.get_attachment(&id).await.status, 400, "{script}");
        assert!((site.figure("chatloom_file_scans_failed_total").await - 1.0).abs() < 0.1);
    }
    let site = Site::demo_with(|config| {
        config.attachments.scanner_command = vec!["/nowhere/scanner".to_owned()];
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    customer.send_file("a.txt", "text/plain", b"x").await;
    until(&customer, "REJECTED").await;
}

#[tokio::test]
async fn the_scanner_does_not_see_the_keys() {
    // Whoever runs the tests has other variables than these.
    let known = "PATH|HOME|LANG|TMPDIR|PWD|OLDPWD|SHLVL|_";
    let script = format!("! env | grep -vE '^({known})='");
    let site = site_with(&script).await;
    let (customer, _socket) = site.customer("Jane").await;
    customer.send_file("a.txt", "text/plain", b"x").await;
    until(&customer, "APPROVED").await;
}

#[tokio::test]
async fn many_files_wait_for_few_scanners() {
    let folder = tempfile::tempdir().unwrap();
    // Each notes that it runs, and that there were never more than two.
    let script = format!(
        "cd {} && touch run-$$ && [ $(ls | grep -c run-) -le 2 ]; e=$?; rm run-$$; exit $e",
        folder.path().display()
    );
    let site = Site::demo_with(|config| {
        scanned_by(config, &script);
        config.set("attachments.scans_at_once", "2", "test").unwrap();
    })
    .await;
    let (customer, _socket) = site.customer("Jane").await;
    let (other, _other) = site.customer("John").await;
    for number in 0..6 {
        for person in [&customer, &other] {
            person.send_file(&format!("{number}.txt"), "text/plain", b"x").await;
        }
    }
    for person in [&customer, &other] {
        eventually("all verdicts", || async {
            let files = person.files().await;
            let approved = files.iter().filter(|(_, status)| status == "APPROVED").count();
            assert!(files.iter().all(|(_, status)| status != "REJECTED"), "{files:?}");
            (approved == 6).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_scan_that_a_restart_cut_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("open");
    let script = format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display());
    let mut site = site_with(&script).await;
    let (token, id) = {
        let (customer, _socket) = site.customer("Jane").await;
        let id = customer.send_file("a.txt", "text/plain", b"x").await;
        assert_eq!(customer.files().await[0].1, "IN_PROGRESS");
        assert_eq!(customer.get_attachment(&id).await.status, 400);
        (customer.connection_token.clone(), id)
    };
    site.stop().await;
    std::fs::write(gate, "").unwrap();
    site.restart().await;
    let customer = Person { connection_token: token, ..site.start_chat("unused").await };
    until(&customer, "APPROVED").await;
    assert_eq!(customer.get_attachment(&id).await.status, 200);
}

#[tokio::test]
async fn without_its_scanner_a_waiting_file_is_rejected() {
    let mut site = site_with("exec sleep 600").await;
    let token = {
        let (customer, _socket) = site.customer("Jane").await;
        customer.send_file("a.txt", "text/plain", b"x").await;
        customer.connection_token.clone()
    };
    site.stop().await;
    site.config.attachments.scanner_command.clear();
    site.restart().await;
    let customer = Person { connection_token: token, ..site.start_chat("unused").await };
    until(&customer, "REJECTED").await;
}

#[tokio::test]
async fn what_no_chat_needs_goes_after_a_day() {
    let site =
        Site::demo_with(|config| config.set("attachments.sweep", "20ms", "test").unwrap()).await;
    let (customer, _socket) = site.customer("Jane").await;
    let id = customer.send_file("sent.txt", "text/plain", b"sent").await;
    customer.send_file("fake.png", "image/png", b"rejected").await;
    let upload = customer.start("open.txt", "text/plain", 4).await;
    assert_eq!(site.send(upload.put("open")).await.status, 200);
    assert_eq!(kept(&site, &customer.contact), 3);

    site.clock.advance(86_400_000);
    // A day later to the millisecond everything is still there; another upload shows the time passing.
    let mut later = site.start_chat("John").await;
    later.connect().await;
    site.clock.advance(1);
    eventually("the rejected file to go", || async {
        (kept(&site, &customer.contact) == 2).then_some(())
    })
    .await;
    let path = {
        // The chat of the customer lasts 25 hours, and its connection token a day.
        let mut again = customer.clone();
        again.connect().await;
        // The next start forgets what was not completed within a day.
        again.start("next.txt", "text/plain", 1).await;
        assert_eq!(again.complete(&upload.id).await.status, 400);
        eventually("the open file to go", || async {
            (kept(&site, &customer.contact) == 1).then_some(())
        })
        .await;
        again.file_path(&id).await
    };
    assert_eq!(site.get(&path).await.body, "sent", "what is needed stays");
    let swept = eventually("the count", || async {
        let swept = site.figure("chatloom_files_swept_total").await;
        (swept > 1.5).then_some(swept)
    })
    .await;
    assert!((swept - 2.0).abs() < 0.1, "{swept}");
}
