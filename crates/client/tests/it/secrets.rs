//! What the logs show: what happens, and in which chat, but nothing secret or personal.

use std::{
    io,
    sync::{Arc, Mutex},
};

use chatloom::{Attachment, Client, Event};
use tracing_subscriber::fmt::MakeWriter;

use super::{online, run, until};
use crate::service::{
    AGENT_TOKEN, CONNECTION, CONNECTION_TOKEN, CONTACT, CUSTOMER_NAME, Fault, PARTICIPANT_TOKEN,
    SOCKET_SECRET, Service, files::STORAGE_SECRET,
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn logs_at_the_finest_level_hold_no_secrets_and_nothing_personal() {
    run(async {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        // Everything of this test runs on its own thread.
        let _guard = tracing::subscriber::set_default(subscriber);

        let service = Service::start().await;
        let client = Client::builder().endpoint(service.url()).snapshots(true).build().unwrap();
        let agent = client.log_in("ana", Some("let me in".into())).await.unwrap();
        let (chat, mut events) = online(&client).await;
        let (transcript, roster) = (chat.transcript(), chat.roster());
        let sending = chat.send_message("MY-CARD-NUMBER");
        let status = sending.status();
        sending.await.unwrap();
        let file = Attachment::bytes("MY-FILE-NAME", "text/plain", "MY-FILE-CONTENT");
        let file_shown = format!("{file:?}");
        chat.send_attachment(file).await.unwrap();
        let download = chat.download_attachment("0").await.unwrap();
        let url = chat.attachment_url("0").await.unwrap();
        service.say("AGENT-SAYS");
        service.fail(CONNECTION, &[Fault::Status(500), Fault::Status(403)]);
        service.cut_sockets();
        service.say("WHILE-AWAY");
        service.until(|service| service.opened_sockets() >= 3).await;
        service.end();
        until(&mut events, |event| matches!(event, Event::Ended)).await;
        let entries: Vec<_> = transcript.get().iter().cloned().collect();
        let shown = format!(
            "{client:?} {chat:?} {agent:?} {:?} {:?} {transcript:?} {entries:?} {roster:?} \
             {status:?} {file_shown} {download:?} {url:?}",
            chat.details(),
            chat.snapshots(),
        );
        io::Write::write_all(&mut log.clone(), shown.as_bytes()).unwrap();

        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains(CONTACT), "the contact is named: {log}");
        for secret in [
            PARTICIPANT_TOKEN,
            CONNECTION_TOKEN,
            SOCKET_SECRET,
            STORAGE_SECRET,
            AGENT_TOKEN,
            CUSTOMER_NAME,
            "MY-FILE",
            "MY-CARD-NUMBER",
            "AGENT-SAYS",
            "WHILE-AWAY",
            "let me in",
        ] {
            assert!(!log.contains(secret), "{secret} is in the log: {log}");
        }
    });
}
