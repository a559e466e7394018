//! Files whose server dies: in the middle of an upload, and right after each answer.

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    program::Server,
    service::{Seat, chat_with_agent, http},
};

/// More than fits into the buffers on the way.
const SIZE: usize = 4 << 20;

fn content(round: usize) -> Vec<u8> {
    (0..SIZE).map(|place| b'a' + ((place / 7 + round) % 26) as u8).collect()
}

/// Asks where a file goes: its id and URL.
async fn start(http: &Client, url: &str, seat: &Seat, name: &str) -> (String, String) {
    let request = json!({
        "AttachmentName": name, "ContentType": "text/plain", "AttachmentSizeInBytes": SIZE,
        "ClientToken": name,
    });
    let (status, answer) =
        seat.call(http, url, "/participant/start-attachment-upload", &request).await;
    assert_eq!(status, 200, "{answer}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer["AttachmentId"]), text(&answer["UploadMetadata"]["Url"]))
}

async fn complete(http: &Client, url: &str, seat: &Seat, id: &str) -> u16 {
    let request = json!({ "AttachmentIds": [id], "ClientToken": id });
    seat.call(http, url, "/participant/complete-attachment-upload", &request).await.0
}

/// Uploads the first so many bytes of a file; the connection stays as long as what it gives.
async fn upload_part(url: &str, bytes: &[u8]) -> TcpStream {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "PUT /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\n\
         Content-Length: {SIZE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn no_kill_loses_a_file_or_leaves_half_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let incoming = || std::fs::read_dir(data.join("files/incoming")).unwrap().count();
    let mut server = Server::start(data).await;
    let url = server.url().to_owned();
    let url = url.as_str();
    let (customer, agent) = chat_with_agent(&http(), url, "Jane").await;
    let mut sent = Vec::new();
    for round in 0..4 {
        let name = format!("{round}.txt");
        let bytes = content(round);
        let (id, place) = start(&http(), url, &customer, &name).await;

        // In the middle of the upload: nothing of it is left, and it may be made again.
        let stream = upload_part(&place, &bytes[..=SIZE / 4 * round]).await;
        if round > 0 {
            while incoming() == 0 {
                tokio::task::yield_now().await;
            }
        }
        server.kill().await;
        drop(stream);
        server.restart(data).await;
        assert_eq!(incoming(), 0, "the start clears up");
        assert_eq!(complete(&http(), url, &customer, &id).await, 400, "it is not here");

        // After the answer to the upload: the file is here.
        let put = http().put(&place).header("content-type", "text/plain").body(bytes.clone());
        assert_eq!(put.send().await.unwrap().status(), 200);
        server.kill().await;
        server.restart(data).await;
        assert_eq!(complete(&http(), url, &customer, &id).await, 200);

        // After the answer to the completion: it is sent, and a repeat says so.
        server.kill().await;
        server.restart(data).await;
        assert_eq!(complete(&http(), url, &customer, &id).await, 200);
        sent.push((name, id, bytes));
        for (_, id, bytes) in &sent {
            let request = json!({ "AttachmentId": id });
            let (status, answer) =
                agent.call(&http(), url, "/participant/attachment", &request).await;
            assert_eq!(status, 200, "{answer}");
            let file = http().get(answer["Url"].as_str().unwrap()).send().await.unwrap();
            assert!(file.bytes().await.unwrap() == *bytes, "byte by byte");
        }
    }
    let items = agent.transcript(&http(), url).await;
    let files: Vec<_> = items
        .iter()
        .filter(|item| item["Type"] == "ATTACHMENT")
        .map(|item| {
            let file = &item["Attachments"][0];
            assert_eq!(file["Status"], "APPROVED");
            file["AttachmentName"].as_str().unwrap().to_owned()
        })
        .collect();
    let names: Vec<_> = sent.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(files, names, "each once, in order");
}
