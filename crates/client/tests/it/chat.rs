//! A chat when all goes well, and what calls answer when it does not.

use std::time::Duration;

use chatloom::{
    ChatDetails, Connection, ContentType, Error, Event, Fault as Whose, GetTranscriptRequest, Item,
    Message, SortOrder,
};
use futures_util::future::join_all;

use super::{client, is_online, next_messages, online, run, service_and_client, until};
use crate::service::{
    AGENT, CONNECTION, CUSTOMER, CUSTOMER_NAME, Fault, MESSAGE, PARTICIPANT_TOKEN, Service,
    TRANSCRIPT,
};

#[test]
fn a_chat_from_its_start_to_its_end() {
    run(async {
        let (service, client) = service_and_client().await;
        let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
        let mut events = chat.events();
        assert_eq!(chat.connection().get(), Connection::New);
        chat.connect().await.unwrap();
        until(&mut events, |event| matches!(event, Event::CaughtUp)).await;
        assert_eq!(chat.connection().get(), Connection::Online);

        let sent = chat.send_message("Hello").await.unwrap();
        let (_, echo) = until(&mut events, |event| matches!(event, Event::Message(_))).await;
        let echo = echo.item().unwrap();
        assert_eq!(echo.head().id.as_ref(), Some(&sent.id));
        assert!(chat.is_own(echo));

        service.say("Hello Jane");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["Hello Jane"]);

        chat.typing().await.unwrap();
        chat.typing().await.unwrap();
        let read = r#"{"messageId":"item-1"}"#.to_owned();
        chat.send_event(ContentType::MessageRead, Some(read)).await.unwrap();
        let seen: Vec<_> =
            service.events().into_iter().map(|e| (e.content_type, e.content)).collect();
        assert_eq!(
            seen,
            [
                // The second one came too soon to be sent.
                (ContentType::Typing, None),
                (ContentType::MessageRead, Some(r#"{"messageId":"item-1"}"#.to_owned())),
            ]
        );

        let page = chat.get_transcript(GetTranscriptRequest::default()).await.unwrap();
        let contents: Vec<_> = page.items.iter().filter_map(Item::content).collect();
        assert_eq!(contents, ["Hello", "Hello Jane"]);
        assert_eq!(page.next_token, None);

        chat.disconnect().await.unwrap();
        until(&mut events, |event| matches!(event, Event::Ended)).await;
        assert!(events.next().await.is_none(), "nothing follows the end");
        assert_eq!(chat.connection().get(), Connection::Ended);
        service.until(|service| service.open_sockets() == 0).await;
        let error = chat.send_message("Too late").await.unwrap_err();
        assert_eq!(error, Error::NotConnected { operation: "SendMessage" });
    });
}

#[test]
fn messages_are_stored_in_the_order_of_the_calls() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        service.fail(MESSAGE, &[Fault::Status(500), Fault::RetryAfter(429, 3), Fault::Unanswered]);
        let replies: Vec<_> = (0..30).map(|n| chat.send_message(n.to_string())).collect();
        for reply in join_all(replies).await {
            reply.unwrap();
        }
        let expected: Vec<_> = (0..30).map(|n| (CUSTOMER.to_owned(), n.to_string())).collect();
        assert_eq!(service.said(), expected);
        // The one that was stored without an answer was sent again, and not stored again.
        assert_eq!(service.calls(MESSAGE), 33);
    });
}

#[test]
fn messages_wait_until_the_service_takes_them() {
    run(async {
        let (service, client) = service_and_client().await;
        let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
        // Before the connection, and before the socket has subscribed: the service refuses both.
        let connecting = chat.connect();
        let early = chat.send_message("early");
        connecting.await.unwrap();
        chat.send_message("soon after").await.unwrap();
        early.await.unwrap();
        let said: Vec<_> = service.said().into_iter().map(|(_, content)| content).collect();
        assert_eq!(said, ["early", "soon after"]);
        assert_eq!(service.calls(MESSAGE), 2);
    });
}

#[test]
fn a_refused_message_does_not_hold_up_the_next() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        service.fail(MESSAGE, &[Fault::Status(400)]);
        let (first, second) = (chat.send_message("first"), chat.send_message("second"));
        let error = first.await.unwrap_err();
        assert_eq!((error.fault(), error.can_retry()), (Whose::Caller, false));
        second.await.unwrap();
        assert_eq!(service.said(), [(CUSTOMER.to_owned(), "second".to_owned())]);
    });
}

#[test]
fn the_same_client_token_is_stored_once() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let message = Message::text("once").with_client_token("attempt-1");
        let first = chat.send_message(message.clone()).await.unwrap();
        let again = chat.send_message(message).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(service.said().len(), 1);
    });
}

#[test]
fn a_message_whose_reply_is_dropped_is_sent_all_the_same() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        drop(chat.send_message("first"));
        drop(chat.send_message("second"));
        chat.send_message("third").await.unwrap();
        let said: Vec<_> = service.said().into_iter().map(|(_, content)| content).collect();
        assert_eq!(said, ["first", "second", "third"]);
    });
}

#[test]
fn reading_a_transcript_is_broken_off_when_nobody_waits() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let before = service.calls(TRANSCRIPT);
        // With the first answer a failure, a second attempt would follow if anybody waited.
        service.fail(TRANSCRIPT, &[Fault::RetryAfter(500, 60)]);
        let reply = chat.get_transcript(GetTranscriptRequest::default());
        service.until(|service| service.calls(TRANSCRIPT) == before + 1).await;
        drop(reply);
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(service.calls(TRANSCRIPT), before + 1);
    });
}

#[test]
fn every_reader_gets_every_event() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut one) = online(&client).await;
        let mut other = chat.events();
        for n in 0..5 {
            service.say(&n.to_string());
        }
        assert_eq!(next_messages(&chat, &mut one, 5).await, ["0", "1", "2", "3", "4"]);
        assert_eq!(next_messages(&chat, &mut other, 5).await, ["0", "1", "2", "3", "4"]);
    });
}

#[test]
fn a_long_transcript_is_read_page_by_page() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        for n in 0..25 {
            service.say(&n.to_string());
        }
        let mut request = GetTranscriptRequest {
            sort_order: Some(SortOrder::Descending),
            ..GetTranscriptRequest::default()
        };
        let mut read = Vec::new();
        loop {
            let page = chat.get_transcript(request.clone()).await.unwrap();
            read.extend(page.items.iter().map(|item| item.content().unwrap().into_owned()));
            request.next_token = page.next_token;
            if request.next_token.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..25).rev().map(|n| n.to_string()).collect();
        assert_eq!(read, expected);
    });
}

#[test]
fn a_wrong_token_is_refused_and_connect_may_be_called_again() {
    run(async {
        let (service, client) = service_and_client().await;
        let wrong = client.chat(ChatDetails::new("contact-1", CUSTOMER, "wrong"));
        let error = wrong.connect().await.unwrap_err();
        let Error::Service(refused) = &error else { panic!("{error:?}") };
        assert_eq!((refused.status, error.fault(), error.can_retry()), (403, Whose::Caller, false));

        let chat = client.chat(ChatDetails::new("contact-1", CUSTOMER, PARTICIPANT_TOKEN));
        service.fail(CONNECTION, &[Fault::Status(400)]);
        chat.connect().await.unwrap_err();
        chat.connect().await.unwrap();
        is_online(&chat).await;
    });
}

#[test]
fn calls_before_connect_say_what_to_do() {
    run(async {
        let (_service, client) = service_and_client().await;
        let chat = client.chat(ChatDetails::new("contact-1", CUSTOMER, PARTICIPANT_TOKEN));
        let error = chat.send_message("Hello").await.unwrap_err();
        assert_eq!(error, Error::NotConnected { operation: "SendMessage" });
        assert!(error.to_string().contains("call `connect` first"), "{error}");
    });
}

#[test]
fn a_service_that_is_not_there_is_unreachable() {
    run(async {
        let address = Service::start().await.address;
        let client = client(&format!("http://{address}"));
        let error = client.start_chat(CUSTOMER_NAME).await.unwrap_err();
        assert_eq!((error.fault(), error.can_retry()), (Whose::Network, true), "{error}");
        let chat = client.chat(ChatDetails::new("contact-1", CUSTOMER, PARTICIPANT_TOKEN));
        let error = chat.connect().await.unwrap_err();
        assert_eq!((error.fault(), error.can_retry()), (Whose::Network, true), "{error}");
    });
}

#[test]
fn start_chat_passes_on_what_the_back_end_says() {
    run(async {
        let (service, client) = service_and_client().await;
        service.fail("start-chat", &[Fault::Status(429)]);
        let error = client.start_chat(CUSTOMER_NAME).await.unwrap_err();
        assert_eq!((error.fault(), error.can_retry()), (Whose::Service, true), "{error}");
    });
}

#[test]
fn the_last_handle_closes_the_connection_and_ends_the_events() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        let clone = chat.clone();
        drop(chat);
        clone.send_message("still here").await.unwrap();
        let waiting = clone.typing();
        drop(clone);
        while events.next().await.is_some() {}
        service.until(|service| service.open_sockets() == 0).await;
        assert!(matches!(waiting.await, Ok(()) | Err(Error::Closed)));
    });
}

#[test]
fn two_chats_of_one_client_do_not_disturb_each_other() {
    run(async {
        let (service, client) = service_and_client().await;
        let (one, mut of_one) = online(&client).await;
        let (other, mut of_other) = online(&client).await;
        service.say("to both");
        assert_eq!(next_messages(&one, &mut of_one, 1).await, ["to both"]);
        assert_eq!(next_messages(&other, &mut of_other, 1).await, ["to both"]);
        drop((one, of_one));
        service.until(|service| service.open_sockets() == 1).await;
        service.say("to one");
        assert_eq!(next_messages(&other, &mut of_other, 1).await, ["to one"]);
        assert!(service.said().iter().all(|(who, _)| who == AGENT));
    });
}

#[test]
fn a_chat_outlives_the_client_it_came_from() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        drop(client);
        service.say("Still there?");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["Still there?"]);
    });
}

#[test]
fn a_connect_that_nobody_waits_for_goes_on() {
    run(async {
        let (service, client) = service_and_client().await;
        let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
        service.fail(CONNECTION, &[Fault::Status(500)]);
        drop(chat.connect());
        is_online(&chat).await;
        // One that is made again ends with the first, or at once.
        chat.connect().await.unwrap();
        assert_eq!(service.calls(CONNECTION), 2);
    });
}

#[test]
fn whoever_stops_waiting_for_an_event_loses_none() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        let mut transcript = chat.transcript();
        for n in 0..20 {
            let short = Duration::from_millis(1);
            let _ = tokio::time::timeout(short, transcript.changed()).await;
            assert!(
                tokio::time::timeout(short, next_messages(&chat, &mut events, 1)).await.is_err()
            );
            service.say(&n.to_string());
            assert_eq!(next_messages(&chat, &mut events, 1).await, [n.to_string()]);
        }
        transcript.wait_for(|now| now.len() == 20).await.unwrap();
    });
}
