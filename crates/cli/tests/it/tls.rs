//! The program with TLS of its own, and the native client.

use std::{fs, path::Path};

use chatloom::{Client, Connection, Error, Event};

use crate::{
    authority::{Authority, Issued},
    program::Program,
};

fn write(folder: &Path, issued: &Issued) {
    fs::write(folder.join("certificate.pem"), &issued.certificate).unwrap();
    fs::write(folder.join("key.pem"), &issued.key).unwrap();
}

fn client(url: &str, trusted: &Authority) -> Client {
    Client::builder().endpoint(url).trust_pem(trusted.pem()).build().unwrap()
}

#[tokio::test]
async fn a_chat_outlives_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Authority::new(), Authority::new());
    write(folder.path(), &first.issue("first.example"));
    let data = folder.path().join("data");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        format!("tls.certificate={}", file("certificate.pem")),
        format!("tls.key={}", file("key.pem")),
        "server.watch=1d".to_owned(),
    ];
    let mut args = vec!["serve", "--demo", "--listen", "127.0.0.1:0", "--data"];
    args.push(data.to_str().unwrap());
    for setting in &settings {
        args.extend(["--set", setting]);
    }
    let mut server = Program::start(&args);
    let line = server.line().await.unwrap();
    let url = line.strip_prefix("listening on ").unwrap();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");

    // Nobody else than the two authorities vouches for it.
    let stranger = client(url, &second).start_chat("Jane").await;
    assert!(matches!(stranger, Err(Error::Unreachable { .. })), "{stranger:?}");
    let customer = client(url, &first);
    let details = customer.start_chat("Jane").await.unwrap();
    let chat = customer.chat(details);
    let mut events = chat.events();
    chat.connect().await.unwrap();
    chat.send_message("over TLS").await.unwrap();

    write(folder.path(), &second.issue("second.example"));
    server.signal("HUP").await;
    // From here on, new connections get the other certificate.
    let newcomer = client(url, &second);
    while newcomer.start_chat("Joe").await.is_err() {
        tokio::task::yield_now().await;
    }
    chat.send_message("and still").await.unwrap();
    loop {
        match events.next().await.unwrap() {
            Event::Message(item) if item.content().as_deref() == Some("and still") => break,
            Event::Connection(Connection::Waiting { reason, .. }) => panic!("cut: {reason}"),
            _ => {}
        }
    }
    server.terminate().await;
    let (status, _, errors) = server.end().await;
    assert!(status.success(), "{errors}");
    assert!(errors.contains("another certificate"), "{errors}");
}
