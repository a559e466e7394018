//! What an application may choose, and what it can tell the client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chatloom::{
    ChatDetails, ChatOptions, Client, ClientBuilder, Connection, ConnectionToken, Error, Event,
    Fault as Whose, FlightLimits, GetTranscriptRequest, HostToken,
};

use super::{is_online, next_messages, online, run, until};
use crate::{
    proxy::{Fault as NetworkFault, Plan, Proxy},
    service::{
        CONNECTION, CONNECTION_TOKEN, CONTACT, CUSTOMER, CUSTOMER_NAME, Fault, PARTICIPANT_TOKEN,
        Service,
    },
};

fn of(service: &Service, builder: ClientBuilder) -> Client {
    builder.endpoint(service.url()).build().unwrap()
}

#[test]
fn clients_that_cannot_work_are_not_built() {
    run(async {
        for builder in [
            Client::builder(),
            Client::builder().endpoint("ftp://example.com"),
            Client::builder().endpoint("http://127.0.0.1:1").start_chat_url("nonsense"),
            Client::builder().endpoint("http://127.0.0.1:1").user_agent_suffix("a\nb"),
        ] {
            let error = builder.build().unwrap_err();
            assert!(matches!(error, Error::Setup { .. }), "{error}");
            assert_eq!((error.fault(), error.can_retry()), (Whose::Caller, false));
        }
    });
}

#[test]
fn the_program_is_named_to_the_service() {
    run(async {
        let service = Service::start().await;
        let client = of(&service, Client::builder().user_agent_suffix("acme-bot/1.2"));
        let (chat, _events) = online(&client).await;
        chat.send_message("Hello").await.unwrap();
        let own = format!("chatloom/{} acme-bot/1.2", env!("CARGO_PKG_VERSION"));
        assert_eq!(service.user_agents(), [own]);
    });
}

#[test]
fn typing_goes_out_once_in_the_time_that_was_chosen() {
    run(async {
        let service = Service::start().await;
        let options = ChatOptions::default().typing_throttle(Duration::from_mins(2));
        let (chat, _events) = online(&of(&service, Client::builder().options(options))).await;
        for _ in 0..3 {
            chat.typing().await.unwrap();
            tokio::time::sleep(Duration::from_secs(50)).await;
        }
        assert_eq!(service.events().len(), 1);
        chat.typing().await.unwrap();
        assert_eq!(service.events().len(), 2);
    });
}

#[test]
fn one_chat_may_have_options_of_its_own() {
    run(async {
        let service = Service::start().await;
        let client = of(&service, Client::builder().typing_throttle(Duration::ZERO));
        let details = client.start_chat(CUSTOMER_NAME).await.unwrap();
        let slow = client.options().typing_throttle(Duration::from_hours(1));
        let chat = client.chat_with(details.clone(), &slow);
        chat.connect().await.unwrap();
        chat.typing().await.unwrap();
        chat.typing().await.unwrap();
        assert_eq!(service.events().len(), 1);
        let chat = client.chat(details);
        chat.connect().await.unwrap();
        chat.typing().await.unwrap();
        chat.typing().await.unwrap();
        assert_eq!(service.events().len(), 3);
    });
}

#[test]
fn a_reader_that_is_too_slow_hears_how_much_it_missed() {
    run(async {
        let service = Service::start().await;
        let client = of(&service, Client::builder().event_buffer(5, 1_000_000));
        let (chat, mut events) = online(&client).await;
        // So that nothing changes in the roster later.
        service.say("hello");
        until(&mut events, |event| matches!(event, Event::Roster(_))).await;
        let mut quick = chat.events();
        for n in 0..30 {
            service.say(&n.to_string());
            assert_eq!(next_messages(&chat, &mut quick, 1).await, [n.to_string()]);
        }
        let (before, lagged) =
            until(&mut events, |event| matches!(event, Event::Lagged { .. })).await;
        let Event::Lagged { missed } = lagged else { panic!() };
        assert_eq!((before.len(), missed), (5, 25));
        service.say("after");
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["after"]);
    });
}

#[test]
fn nothing_is_tried_without_a_network() {
    run(async {
        let service = Service::start().await;
        let client = of(&service, Client::builder());
        let (chat, mut events) = online(&client).await;
        client.set_online(false);
        service.cut_sockets();
        let offline = |state: &Connection| *state == Connection::Offline;
        chat.connection().wait_for(offline).await.unwrap();
        let calls = service.calls(CONNECTION);
        service.say("meanwhile");
        let sending = chat.send_message("waits");
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(service.calls(CONNECTION), calls);
        client.set_online(true);
        sending.await.unwrap();
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["meanwhile"]);
    });
}

#[test]
fn whoever_comes_back_does_not_wait_for_a_heartbeat() {
    run(async {
        let service = Service::start().await;
        let proxy = Proxy::start(service.address, Plan::clear()).await.unwrap();
        let client = Client::builder().endpoint(proxy.url()).build().unwrap();
        let (chat, mut events) = online(&client).await;
        proxy.inflict(NetworkFault::HalfOpen);
        service.say("into the void");
        let asleep_at = tokio::time::Instant::now();
        client.wake();
        chat.connection().wait_for(|state| *state != Connection::Online).await.unwrap();
        // The next heartbeat would have been up to ten seconds away, and its answer ten more.
        assert!(asleep_at.elapsed() < Duration::from_secs(8), "{:?}", asleep_at.elapsed());
        assert_eq!(next_messages(&chat, &mut events, 1).await, ["into the void"]);
    });
}

#[test]
fn a_flight_is_recorded_without_what_was_said() {
    run(async {
        let service = Service::start().await;
        let client = of(&service, Client::builder().flight_recorder(FlightLimits::default()));
        let (chat, _events) = online(&client).await;
        chat.send_message("MY-CARD-NUMBER").await.unwrap();
        let record = client.flight_record().await.unwrap();
        assert!(record.lines().count() > 10 && record.contains(CONTACT), "{record}");
        for secret in ["MY-CARD-NUMBER", PARTICIPANT_TOKEN, CONNECTION_TOKEN, CUSTOMER_NAME] {
            assert!(!record.contains(secret), "{secret} is in {record}");
        }
        assert_eq!(of(&service, Client::builder()).flight_record().await, None);
    });
}

#[test]
fn the_program_may_give_the_connection_token() {
    run(async {
        let service = Service::start().await;
        let arrived = of(&service, Client::builder());
        let (_customer, _events) = online(&arrived).await;
        service.say("said before");
        let connections = service.calls(CONNECTION);

        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let source = move || {
            let attempt = count.fetch_add(1, Ordering::Relaxed);
            async move {
                // The first one is no longer good.
                let token = if attempt == 0 { "old" } else { CONNECTION_TOKEN };
                Ok::<_, String>(HostToken { token: ConnectionToken::from(token), expiry: None })
            }
        };
        let options = ChatOptions::default().agent().token_source(source);
        let client = of(&service, Client::builder());
        let details = ChatDetails::new(CONTACT, CUSTOMER, PARTICIPANT_TOKEN);
        let chat = client.chat_with(details, &options);
        chat.connect().await.unwrap();
        let page = chat.get_transcript(GetTranscriptRequest::default()).await.unwrap();
        assert_eq!(page.items.len(), 1);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        // The service is told once that the participant is there, and asked for nothing.
        service.until(|service| service.calls(CONNECTION) > connections).await;
        assert_eq!(service.calls(CONNECTION), connections + 1);
    });
}

#[test]
fn a_program_without_a_connection_token_cannot_connect() {
    run(async {
        let service = Service::start().await;
        let source = || async { Err::<HostToken, _>("the workspace is closed") };
        let options = ChatOptions::default().agent().token_source(source);
        let client = of(&service, Client::builder().options(options));
        let chat = client.chat(ChatDetails::new(CONTACT, CUSTOMER, PARTICIPANT_TOKEN));
        service.fail(CONNECTION, &vec![Fault::Status(500); 9]);
        let error = chat.connect().await.unwrap_err();
        assert!(error.can_retry(), "{error}");
    });
}

#[test]
fn broken_chats_say_why_and_may_be_connected_again() {
    run(async {
        let service = Service::start().await;
        let client = of(&service, Client::builder());
        let (chat, _events) = online(&client).await;
        // One refusal may be a mistake; five in a row are meant.
        service.fail(CONNECTION, &[const { Fault::Status(404) }; 5]);
        service.cut_sockets();
        let is_broken = |state: &Connection| matches!(state, Connection::Broken { .. });
        let broken = chat.connection().wait_for(is_broken).await.unwrap();
        let Connection::Broken { reason } = broken else { panic!() };
        assert!(!reason.is_empty());
        let error = chat.send_message("now?").await.unwrap_err();
        assert_eq!(error, Error::NotConnected { operation: "SendMessage" });
        chat.connect().await.unwrap();
        is_online(&chat).await;
        chat.send_message("now!").await.unwrap();
    });
}
