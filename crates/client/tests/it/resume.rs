//! A chat that goes on in another process.

use chatloom::{Chat, Client, Error, Event, Events, MessageState, Snapshot};

use super::{next_messages, run, until};
use crate::service::{CUSTOMER_NAME, Fault, MESSAGE, Service};

fn keeping(service: &Service) -> Client {
    Client::builder().endpoint(service.url()).snapshots(true).build().unwrap()
}

async fn begun(client: &Client) -> (Chat, Events) {
    let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
    let mut events = chat.events();
    chat.connect().await.unwrap();
    until(&mut events, |event| matches!(event, Event::CaughtUp)).await;
    (chat, events)
}

/// What is kept at this moment, as another process reads it.
fn kept(chat: &Chat) -> Snapshot {
    Snapshot::from(chat.snapshots().get().unwrap().expose().to_owned())
}

#[test]
fn what_was_heard_is_not_heard_again_and_what_was_missed_is() {
    run(async {
        let service = Service::start().await;
        let (chat, mut events) = begun(&keeping(&service)).await;
        service.say("heard");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["heard"]);
        let snapshot = kept(&chat);
        drop((chat, events));
        for n in 0..150 {
            service.say(&n.to_string());
        }

        let again = keeping(&service).restore(&snapshot).unwrap();
        let mut events = again.events();
        again.connect().await.unwrap();
        let expected: Vec<_> = (0..150).map(|n| n.to_string()).collect();
        assert_eq!(next_messages(&again, &mut events, 150).await, expected);
        service.say("live");
        assert_eq!(next_messages(&again, &mut events, 1).await, ["live"]);
    });
}

#[test]
fn what_waited_is_sent_once_and_what_failed_can_be_sent_again() {
    run(async {
        let service = Service::start().await;
        let client = keeping(&service);
        let (chat, _events) = begun(&client).await;
        // The service stores one and does not say so; one it refuses; one waits behind.
        service.fail(MESSAGE, &[Fault::Status(400), Fault::Unanswered]);
        let refused = chat.send_message("refused");
        let mut status = refused.status();
        refused.await.unwrap_err();
        let unanswered = chat.send_message("unanswered");
        let waiting = chat.send_message("waiting");
        service.until(|service| service.said().len() == 1).await;
        let snapshot = kept(&chat);
        let key = status.newest().key.unwrap();
        drop((chat, unanswered, waiting));

        let again = client.restore(&snapshot).unwrap();
        let transcript = again.transcript();
        let failed = transcript.clone().wait_for(|now| now.entry(key).is_some()).await.unwrap();
        let state = failed.entry(key).unwrap().state.clone().unwrap();
        let MessageState::Failed(Error::Service(error)) = state else { panic!("{state:?}") };
        assert_eq!(error.status, 400);
        again.connect().await.unwrap();
        service.until(|service| service.said().len() == 2).await;
        again.resend(key).await.unwrap();
        let said: Vec<_> = service.said().into_iter().map(|(_, content)| content).collect();
        assert_eq!(said, ["unanswered", "waiting", "refused"]);
    });
}

#[test]
fn a_chat_that_is_over_needs_nothing_kept() {
    run(async {
        let service = Service::start().await;
        let (chat, _events) = begun(&keeping(&service)).await;
        let mut snapshots = chat.snapshots();
        assert!(snapshots.get().is_some());
        service.end();
        assert_eq!(snapshots.wait_for(Option::is_none).await, Ok(None));
        while snapshots.changed().await.is_some() {}
    });
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    run(async {
        let service = Service::start().await;
        let (chat, mut events) = begun(&super::client(&service.url())).await;
        service.say("heard");
        next_messages(&chat, &mut events, 1).await;
        assert_eq!(chat.snapshots().get(), None);
    });
}

#[test]
fn what_is_no_snapshot_is_refused() {
    run(async {
        let service = Service::start().await;
        let client = keeping(&service);
        let (chat, _events) = begun(&client).await;
        let whole = kept(&chat);
        let half = &whole.expose()[..whole.expose().len() / 2];
        for text in ["", "{}", "null", half] {
            let error = client.restore(&Snapshot::from(text)).unwrap_err();
            assert!(matches!(error, Error::Invalid { member: "snapshot", .. }), "{error}");
        }
        assert_eq!(client.restore(&whole).unwrap().details(), chat.details());
        assert_eq!(format!("{whole:?}"), "Snapshot(redacted)");
    });
}
