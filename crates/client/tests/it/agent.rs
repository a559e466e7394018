//! Agents of a Chatloom server.

use chatloom::{ContactId, ContentType, Error, ErrorKind, Event, agent::TransferTo};

use super::{run, service_and_client, until};
use crate::service::{AGENT, CONTACT, CUSTOMER_NAME, Fault};

fn contacts(queue: &chatloom::agent::Queue) -> Vec<&str> {
    queue.waiting.iter().map(|waiting| waiting.contact_id.as_str()).collect()
}

#[test]
fn an_agent_sees_the_queue_and_accepts() {
    run(async {
        let (service, client) = service_and_client().await;
        let agent = client.log_in("ana", Some("let me in".into())).await.unwrap();
        assert_eq!(agent.user().name, "Ana Agent");
        let mut queue = agent.queue();
        queue.wait_for(|queue| queue.live && queue.total == 0).await.unwrap();

        service.set_waiting(&["contact-7", "contact-8", "contact-9"]);
        let seen = queue.wait_for(|queue| queue.total == 3).await.unwrap().clone();
        assert_eq!(contacts(&seen), ["contact-7", "contact-8", "contact-9"]);
        assert_eq!(seen.waiting[0].customer_name, CUSTOMER_NAME);

        let accepted = agent.accept(Some(&ContactId::from("contact-8"))).await.unwrap();
        assert_eq!(accepted.details.contact_id.as_str(), "contact-8");
        assert_eq!(accepted.customer_name, CUSTOMER_NAME);
        let accepted = agent.accept(None).await.unwrap();
        assert_eq!(accepted.details.contact_id.as_str(), "contact-7");
        let seen = queue.wait_for(|queue| queue.total == 1).await.unwrap().clone();
        assert_eq!(contacts(&seen), ["contact-9"]);

        // What was accepted is a chat like any other.
        let chat = client.chat(accepted.details);
        assert_eq!(chat.details().participant_id.as_str(), AGENT);
        let mut events = chat.events();
        chat.connect().await.unwrap();
        until(&mut events, |event| matches!(event, Event::CaughtUp)).await;

        let error = agent.accept(Some(&ContactId::from("contact-8"))).await.unwrap_err();
        let Error::Service(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind, ErrorKind::ResourceNotFound);
    });
}

#[test]
fn an_agent_hands_a_customer_on() {
    run(async {
        let (service, client) = service_and_client().await;
        let agent = client.log_in("ana", Some("let me in".into())).await.unwrap();
        service.set_waiting(&["contact-7"]);
        let accepted = agent.accept(None).await.unwrap();
        let chat = client.chat_with(accepted.details, &client.options().agent());
        let mut events = chat.events();
        chat.connect().await.unwrap();
        until(&mut events, |event| matches!(event, Event::CaughtUp)).await;

        let contact = ContactId::from("contact-7");
        let away = TransferTo::User("carol".to_owned());
        let error = agent.transfer(&contact, &away).await.unwrap_err();
        let Error::Service(error) = error else { panic!("{error:?}") };
        assert_eq!((error.kind, error.status), (ErrorKind::Conflict, 409));

        // A login that is known no more is renewed.
        service.fail("transfer", &[Fault::Status(403)]);
        for to in [TransferTo::User("ben".to_owned()), TransferTo::Queue("sales".to_owned())] {
            let transferred = agent.transfer(&contact, &to).await.unwrap();
            assert_eq!(transferred.contact_id.as_str(), "the next");
            assert_eq!(transferred.initial_contact_id.as_str(), CONTACT);
        }
        assert_eq!(service.agent_logins(), 2);

        // That is the end of this chat, which asks the service for nothing.
        service.agent_does(&ContentType::TransferSucceeded);
        until(&mut events, |event| matches!(event, Event::Ended)).await;
    });
}

#[test]
fn a_wrong_password_is_refused() {
    run(async {
        let (_service, client) = service_and_client().await;
        for password in [None, Some("guess".into())] {
            let error = client.log_in("ana", password).await.unwrap_err();
            assert!(matches!(&error, Error::Service(refused) if refused.status == 403), "{error}");
        }
    });
}

#[test]
fn the_queue_comes_back_after_an_outage_and_a_lost_login() {
    run(async {
        let (service, client) = service_and_client().await;
        let agent = client.log_in("ana", Some("let me in".into())).await.unwrap();
        let mut queue = agent.queue();
        queue.wait_for(|queue| queue.live).await.unwrap();

        service.fail(
            "agent-socket",
            &[Fault::Status(500), Fault::Status(500), Fault::Status(503), Fault::Status(403)],
        );
        service.cut_sockets();
        queue.wait_for(|queue| !queue.live).await.unwrap();
        service.set_waiting(&["contact-7"]);
        let seen = queue.wait_for(|queue| queue.live).await.unwrap().clone();
        assert_eq!(contacts(&seen), ["contact-7"]);
        assert_eq!(service.agent_logins(), 2);

        service.fail("accept", &[Fault::Status(403)]);
        agent.accept(None).await.unwrap();
        assert_eq!(service.agent_logins(), 3);
    });
}

#[test]
fn the_last_handle_ends_the_watch() {
    run(async {
        let (service, client) = service_and_client().await;
        let agent = client.log_in("ana", Some("let me in".into())).await.unwrap();
        let mut queue = agent.queue();
        queue.wait_for(|queue| queue.live).await.unwrap();
        drop(agent.clone());
        service.set_waiting(&["contact-7"]);
        queue.wait_for(|queue| queue.total == 1).await.unwrap();
        drop(agent);
        service.until(|service| service.open_sockets() == 0).await;
        assert!(queue.wait_for(|queue| queue.total == 7).await.is_err());
    });
}
