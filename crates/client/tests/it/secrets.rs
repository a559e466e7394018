//! What the logs show: what happens, and in which chat, but nothing secret or personal.

use std::{
    io,
    sync::{Arc, Mutex},
};

use chatloom::Event;
use tracing_subscriber::fmt::MakeWriter;

use super::{online, run, service_and_client, until};
use crate::service::{
    AGENT_TOKEN, CONNECTION, CONNECTION_TOKEN, CONTACT, CUSTOMER_NAME, Fault, PARTICIPANT_TOKEN,
    SOCKET_SECRET,
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

        let (service, client) = service_and_client().await;
        let agent = client.log_in("ana", Some("let me in".into())).await.unwrap();
        let (chat, mut events) = online(&client).await;
        chat.send_message("MY-CARD-NUMBER").await.unwrap();
        service.say("AGENT-SAYS");
        service.fail(CONNECTION, &[Fault::Status(500), Fault::Status(403)]);
        service.cut_sockets();
        service.say("WHILE-AWAY");
        service.until(|service| service.opened_sockets() >= 3).await;
        service.end();
        until(&mut events, |event| matches!(event, Event::Ended)).await;
        format!("{client:?} {chat:?} {agent:?} {:?}", chat.details())
            .parse::<String>()
            .map(|text| io::Write::write_all(&mut log.clone(), text.as_bytes()))
            .unwrap()
            .unwrap();

        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains(CONTACT), "the contact is named: {log}");
        for secret in [
            PARTICIPANT_TOKEN,
            CONNECTION_TOKEN,
            SOCKET_SECRET,
            AGENT_TOKEN,
            CUSTOMER_NAME,
            "MY-CARD-NUMBER",
            "AGENT-SAYS",
            "WHILE-AWAY",
            "let me in",
        ] {
            assert!(!log.contains(secret), "{secret} is in the log: {log}");
        }
    });
}
