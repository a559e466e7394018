//! What becomes of a message, and what an application can do about it.

use chatloom::{Error, Event, Message, MessageState, MessageStatus};

use super::{online, run, service_and_client, until};
use crate::service::{CUSTOMER_NAME, Fault, MESSAGE};

fn state(event: &Event) -> Option<&MessageStatus> {
    match event {
        Event::MessageState(status) => Some(status),
        _ => None,
    }
}

#[test]
fn the_states_of_a_message_are_told_in_order() {
    run(async {
        let (service, client) = service_and_client().await;
        let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
        let mut events = chat.events();
        let connecting = chat.connect();
        let sending = chat.send_message("Hello");
        let mut status = sending.status();
        assert_eq!(status.get().state, MessageState::Queued);
        connecting.await.unwrap();
        let sent = sending.await.unwrap();
        let now = status.wait_for(|message| message.state == MessageState::Sent).await.unwrap();
        assert_eq!(now.id.as_ref(), Some(&sent.id));

        let is_sent = |event: &Event| state(event).is_some_and(|s| s.state == MessageState::Sent);
        let (before, last) = until(&mut events, is_sent).await;
        let told: Vec<_> = before.iter().chain([&last]).filter_map(state).collect();
        let order: Vec<_> = told.iter().map(|status| status.state.clone()).collect();
        assert_eq!(order, [MessageState::Queued, MessageState::Sending, MessageState::Sent]);
        assert!(told.iter().all(|status| status.key == now.key && status.key.is_some()));
        drop(service);
    });
}

#[test]
fn a_message_that_failed_can_be_sent_again_or_dropped() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let transcript = chat.transcript();
        service.fail(MESSAGE, &[Fault::Status(400), Fault::Status(400)]);
        let (first, second) = (chat.send_message("first"), chat.send_message("second"));
        let (mut of_first, mut of_second) = (first.status(), second.status());
        let error = first.await.unwrap_err();
        second.await.unwrap_err();
        let failed = of_first.wait_for(|m| m.state == MessageState::Failed(error.clone())).await;
        let key = failed.unwrap().key.unwrap();
        assert!(transcript.get().entry(key).is_some());

        let sent = chat.resend(key).await.unwrap();
        let again = of_first.wait_for(|m| m.state == MessageState::Sent).await.unwrap();
        assert_eq!((again.id, again.key), (Some(sent.id), Some(key)));
        assert_eq!(service.said().len(), 1);

        let key = of_second.newest().key.unwrap();
        chat.discard(key).await.unwrap();
        assert!(transcript.get().entry(key).is_none());
        for result in [chat.discard(key).await, chat.resend(key).await.map(|_| ())] {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::Invalid { member: "key", .. }), "{error}");
        }
    });
}

#[test]
fn what_is_sent_again_without_an_answer_is_stored_once() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        service.fail(MESSAGE, &[Fault::Unanswered]);
        chat.send_message(Message::markdown("*once*")).await.unwrap();
        assert_eq!((service.calls(MESSAGE), service.said().len()), (2, 1));
    });
}

#[test]
fn the_watch_on_a_message_ends_with_its_chat() {
    run(async {
        let (_service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let sending = chat.send_message("Hello");
        let mut status = sending.status();
        sending.await.unwrap();
        drop(chat);
        while status.changed().await.is_some() {}
        assert_eq!(status.get().state, MessageState::Sent);
    });
}

#[test]
fn messages_without_content_and_beyond_the_limit_are_refused_here() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        for content in [String::new(), "x".repeat(16_385)] {
            let error = chat.send_message(content).await.unwrap_err();
            assert!(matches!(error, Error::Invalid { member: "Content", .. }), "{error}");
        }
        assert_eq!(service.calls(MESSAGE), 0);
        chat.send_message("x".repeat(16_384)).await.unwrap();
    });
}
