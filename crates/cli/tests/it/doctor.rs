//! `chatloom doctor` at servers that work, and at each kind that does not.

use std::{fs, path::Path};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{authority::Authority, program::Program};

/// What it says, and whether it ended well.
async fn examine(endpoint: &str, more: &[&str]) -> (bool, String) {
    let mut args = vec!["doctor", "--endpoint", endpoint];
    args.extend(more);
    let (status, output, errors) = Program::start(&args).end().await;
    assert!(errors.is_empty(), "{errors}");
    assert_eq!(status.success(), output.contains("\n0 wrong, "), "{output}");
    (status.success(), output)
}

/// The verdict on something; several lines of one thing are the last one's.
fn verdict<'o>(output: &'o str, what: &str) -> Option<&'o str> {
    let mut lines = output.lines().rev();
    lines.find_map(|line| {
        let mut words = line.split_whitespace();
        let verdict = words.next()?;
        (words.next()? == what).then_some(verdict)
    })
}

/// `chatloom serve` with its data in a folder, and where it listens.
async fn serve(folder: &Path, more: &[&str]) -> (Program, String) {
    let data = folder.join("data").display().to_string();
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--data", &data];
    args.extend(more);
    let mut server = Program::start(&args);
    let line = server.line().await.unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    (server, url)
}

/// Answers every request with the same text.
async fn answers(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = vec![0; 4096];
                let _ = stream.read(&mut bytes).await;
                let _ = stream.write_all(text.as_bytes()).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_server_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, url) = serve(folder.path(), &["--demo"]).await;
    let (ok, output) = examine(&url, &["--origin", "http://127.0.0.1:3000"]).await;
    assert!(ok, "{output}");
    for what in ["name", "network", "server", "clock", "cors", "start", "tokens", "socket", "end"] {
        assert_eq!(verdict(&output, what), Some("ok"), "{what}: {output}");
    }
}

#[tokio::test]
async fn pages_and_back_ends_that_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, url) = serve(folder.path(), &[]).await;
    // Not a demo: pages may not start chats, which may be as it is meant.
    let (ok, output) = examine(&url, &[]).await;
    assert!(ok && verdict(&output, "start") == Some("warn"), "{output}");
    let (ok, output) = examine(&url, &["--origin", "https://www.example.org"]).await;
    assert!(!ok && output.contains("add the origin to cors.origins"), "{output}");

    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_chatloom"));
    command.args(["doctor", "--endpoint", &url, "--access-key", "nobody"]);
    let ended = command.env("CHATLOOM_DOCTOR_SECRET", "secret").output().await.unwrap();
    let output = String::from_utf8(ended.stdout).unwrap();
    assert!(!ended.status.success() && output.contains("look at the access key"), "{output}");

    let data = folder.path().join("data").display().to_string();
    let (_, keys, _) = Program::start(&["config", "keys", "--data", &data]).end().await;
    let value = |name: &str| {
        let line = keys.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        line.unwrap().to_owned()
    };
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_chatloom"));
    let id = value("aws_access_key_id");
    command.args(["doctor", "--endpoint", &url, "--access-key", &id]);
    command.env("CHATLOOM_DOCTOR_SECRET", value("aws_secret_access_key"));
    let ended = command.output().await.unwrap();
    let output = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{output}");
    for what in ["start", "tokens", "socket", "end"] {
        assert_eq!(verdict(&output, what), Some("ok"), "{what}: {output}");
    }
}

#[tokio::test]
async fn a_public_url_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing listens at port 9 of this machine.
    let (server, url) =
        serve(folder.path(), &["--demo", "--public-url", "http://127.0.0.1:9"]).await;
    let (ok, output) = examine(&url, &[]).await;
    assert!(!ok && output.contains("look at server.public_url"), "{output}");
    drop(server);
    let folder = tempfile::tempdir().unwrap();
    let (_server, url) =
        serve(folder.path(), &["--demo", "--public-url", "https://127.0.0.1:9"]).await;
    let (ok, output) = examine(&url, &[]).await;
    assert!(!ok && output.contains("does not know what clients reach it by"), "{output}");
}

#[tokio::test]
async fn certificates_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let ca = file("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let settings = [
        format!("tls.certificate={}", file("certificate.pem")),
        format!("tls.key={}", file("key.pem")),
        "server.watch=5ms".to_owned(),
    ];
    let place = |issued: &crate::authority::Issued| {
        // The key first: a certificate without its key is not taken over.
        fs::write(file("key.pem"), &issued.key).unwrap();
        fs::write(file("certificate.pem"), &issued.certificate).unwrap();
    };
    place(&authority.issue("good.example"));
    let mut args = vec!["--demo"];
    for setting in &settings {
        args.extend(["--set", setting]);
    }
    let (_server, url) = serve(folder.path(), &args).await;
    let (ok, output) = examine(&url, &["--ca", &ca]).await;
    assert!(ok && verdict(&output, "tls") == Some("ok"), "{output}");
    assert_eq!(verdict(&output, "socket"), Some("ok"), "{output}");
    let (ok, output) = examine(&url, &[]).await;
    assert!(!ok && output.contains("nobody who is trusted here issued it"), "{output}");
    let plain = url.replace("https:", "http:");
    let (ok, _) = examine(&plain, &["--ca", &ca]).await;
    assert!(!ok);

    for (issued, why) in [
        (authority.issue_for(&["localhost"], None), "for another name"),
        (authority.issue_for(&["127.0.0.1"], Some((2020, 2021))), "has expired"),
    ] {
        place(&issued);
        // Until the server has taken it over.
        loop {
            let (ok, output) = examine(&url, &["--ca", &ca]).await;
            if !ok && output.contains(why) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_server() {
    for (endpoint, why) in [
        ("http://name.invalid:8090".to_owned(), "look at the spelling"),
        ("http://127.0.0.1:9".to_owned(), "listens beyond loopback"),
        ("ftp://127.0.0.1".to_owned(), "name the URL that clients use"),
        (
            answers("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await,
            "no Chatloom server",
        ),
        (
            answers("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await,
            "does not reach the server",
        ),
        (answers("SSH-2.0-Other\r\n").await, "no answer"),
        (
            answers(
                "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n",
            )
            .await,
            "set both by NTP",
        ),
    ] {
        let (ok, output) = examine(&endpoint, &[]).await;
        assert!(!ok && output.contains(why), "{endpoint}: {output}");
    }
    let secure = answers("HTTP/1.1 400 Bad Request\r\n\r\n").await.replace("http:", "https:");
    let (ok, output) = examine(&secure, &[]).await;
    assert!(!ok && output.contains("speaks no TLS"), "{output}");
}
