//! Who is there, what they do, and how far they have read.

use std::time::Duration;

use chatloom::{Client, ContentType, Error, Event, MessageState, ParticipantId, Presence, Roster};

use super::{next_messages, online, run, service_and_client, until};
use crate::service::{AGENT, CUSTOMER_NAME, Fault, Service};

fn agent(roster: &Roster) -> Option<(Presence, bool)> {
    let person = roster.person(&ParticipantId::from(AGENT))?;
    Some((person.presence, person.typing))
}

/// What the service was told has been received and read.
fn receipts(service: &Service) -> Vec<(ContentType, String)> {
    let events = service.events().into_iter();
    let receipts = events.filter(|event| event.content_type.is_receipt());
    receipts
        .map(|event| (event.content_type.clone(), event.receipt_message_id().unwrap().to_string()))
        .collect()
}

#[test]
fn the_roster_tells_who_is_there_and_what_they_do() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        let mut roster = chat.roster();
        service.agent_does(&ContentType::ParticipantJoined);
        let now = roster.wait_for(|now| agent(now).is_some()).await.unwrap();
        assert_eq!(agent(&now), Some((Presence::Here, false)));
        assert_eq!(now.person(&AGENT.into()).unwrap().name.as_deref(), Some(CUSTOMER_NAME));
        assert!(now.person(&"nobody".into()).is_none());

        service.agent_signals(&ContentType::Typing);
        let now = roster.wait_for(|now| now.typing().next().is_some()).await.unwrap();
        assert_eq!(now.typing().next().unwrap().participant_id.as_str(), AGENT);
        // There is no word when they stop.
        roster.wait_for(|now| now.typing().next().is_none()).await.unwrap();

        service.agent_signals(&ContentType::Typing);
        roster.wait_for(|now| now.typing().next().is_some()).await.unwrap();
        service.say("what was typed");
        roster.wait_for(|now| now.typing().next().is_none()).await.unwrap();

        service.agent_signals(&ContentType::ParticipantIdle);
        roster.wait_for(|now| agent(now) == Some((Presence::Idle, false))).await.unwrap();
        service.agent_signals(&ContentType::ParticipantReturned);
        roster.wait_for(|now| agent(now) == Some((Presence::Here, false))).await.unwrap();
        service.agent_does(&ContentType::ParticipantLeft);
        roster.wait_for(|now| agent(now) == Some((Presence::Gone, false))).await.unwrap();

        // The same at its place between the events.
        let is_gone = |event: &Event| matches!(event, Event::Roster(now) if agent(now) == Some((Presence::Gone, false)));
        let (before, _) = until(&mut events, is_gone).await;
        assert!(before.iter().any(|event| matches!(event, Event::Joined(_))));
        assert!(before.iter().any(|event| matches!(event, Event::Typing(_))));
        assert!(before.iter().any(|event| matches!(event, Event::Presence(_))));
        assert!(!format!("{:?}", roster.get()).contains(CUSTOMER_NAME));
    });
}

#[test]
fn messages_are_delivered_and_read_with_all_before_them() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let (first, second) = (chat.send_message("first"), chat.send_message("second"));
        let (mut of_first, mut of_second) = (first.status(), second.status());
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        service.agent_receipt(&first.id, false);
        of_first.wait_for(|message| message.state == MessageState::Delivered).await.unwrap();
        assert_eq!(of_second.get().state, MessageState::Sent);
        service.agent_receipt(&second.id, true);
        of_second.wait_for(|message| message.state == MessageState::Read).await.unwrap();
        of_first.wait_for(|message| message.state == MessageState::Read).await.unwrap();
        // Nothing follows.
        assert_eq!((of_first.changed().await, of_second.changed().await), (None, None));
    });
}

#[test]
fn one_receipt_says_what_many_items_would() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        for n in 0..5 {
            service.say(&n.to_string());
        }
        next_messages(&chat, &mut events, 5).await;
        for n in 0..4 {
            drop(chat.mark_read(&format!("item-{n}").as_str().into()));
        }
        drop(chat.mark_delivered(&"item-2".into()));
        chat.mark_read(&"item-4".into()).await.unwrap();
        let read = (ContentType::MessageRead, "item-4".to_owned());
        assert_eq!(receipts(&service), [read]);
        // It is known already.
        chat.mark_read(&"item-3".into()).await.unwrap();
        chat.mark_delivered(&"item-4".into()).await.unwrap();
        assert_eq!(receipts(&service).len(), 1);
        service.say("another");
        next_messages(&chat, &mut events, 1).await;
        chat.mark_delivered(&"item-5".into()).await.unwrap();
        let delivered = (ContentType::MessageDelivered, "item-5".to_owned());
        assert_eq!(receipts(&service)[1..], [delivered]);
    });
}

#[test]
fn receipts_are_gathered_for_the_time_that_was_chosen() {
    run(async {
        let service = Service::start().await;
        let client = Client::builder()
            .endpoint(service.url())
            .receipt_throttle(Duration::from_mins(1))
            .build()
            .unwrap();
        let (chat, mut events) = online(&client).await;
        service.say("0");
        next_messages(&chat, &mut events, 1).await;
        let marked_at = tokio::time::Instant::now();
        chat.mark_read(&"item-0".into()).await.unwrap();
        assert!(marked_at.elapsed() >= Duration::from_mins(1), "{:?}", marked_at.elapsed());
    });
}

#[test]
fn receipts_can_be_switched_off_and_refused() {
    run(async {
        let (service, client) = service_and_client().await;
        let details = client.start_chat(CUSTOMER_NAME).await.unwrap();
        let chat = client.chat_with(details, &client.options().receipts(false));
        chat.connect().await.unwrap();
        let item = "item-0".into();
        for marked in [chat.mark_read(&item).await, chat.mark_delivered(&item).await] {
            let error = marked.unwrap_err();
            assert_eq!((&error, error.can_retry()), (&Error::ReceiptsOff, false));
        }
        let (chat, _events) = online(&client).await;
        service.fail("event", &[Fault::Status(400)]);
        let error = chat.mark_read(&item).await.unwrap_err();
        assert!(matches!(&error, Error::Service(refused) if refused.status == 400), "{error}");
        assert_eq!(receipts(&service), []);
    });
}
