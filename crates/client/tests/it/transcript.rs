//! The transcript that an application shows.

use chatloom::{Chat, EntryContent, Event, MessageState, Transcript, Watch};

use super::{client, online, run, service_and_client, until};
use crate::service::{CUSTOMER_NAME, Fault, MESSAGE, Service};

/// What a person would read.
fn texts(transcript: &Transcript) -> Vec<String> {
    let text = |content: &EntryContent| match content {
        EntryContent::Item(item) => item.content().unwrap_or_default().into_owned(),
        EntryContent::Outgoing(message) => format!("{}…", message.content()),
        _ => "---".to_owned(),
    };
    transcript.iter().map(|entry| text(&entry.content)).collect()
}

async fn shows(watch: &mut Watch<Transcript>, expected: &[&str]) -> Transcript {
    watch.wait_for(|transcript| texts(transcript) == expected).await.unwrap()
}

/// A chat whose transcript is watched from the beginning.
async fn watched(service: &Service) -> (Chat, Watch<Transcript>) {
    let client = client(&service.url());
    let chat = client.chat(client.start_chat(CUSTOMER_NAME).await.unwrap());
    let transcript = chat.transcript();
    let mut events = chat.events();
    chat.connect().await.unwrap();
    until(&mut events, |event| matches!(event, Event::CaughtUp)).await;
    (chat, transcript)
}

#[test]
fn it_has_what_was_there_before_and_what_comes() {
    run(async {
        let service = Service::start().await;
        for n in 0..120 {
            service.say(&n.to_string());
        }
        let (chat, mut transcript) = watched(&service).await;
        let before: Vec<String> = (0..120).map(|n| n.to_string()).collect();
        assert_eq!(texts(&transcript.get()), before);

        service.say("live");
        chat.send_message("mine").await.unwrap();
        let now = transcript.wait_for(|now| now.len() == 122).await.unwrap();
        assert_eq!(texts(&now)[120..], ["live", "mine"]);
        let last = now.last().unwrap();
        assert_eq!(now.get(121).map(|entry| entry.key), Some(last.key));
        assert_eq!(
            (last.state.as_ref(), now.get(122).is_none()),
            (Some(&MessageState::Sent), true)
        );
        assert_eq!(now.entry_of(last.id.as_ref().unwrap()).map(|entry| entry.key), Some(last.key));
        // An earlier moment stays what it was.
        let earlier = now.clone();
        service.say("later");
        let now = transcript.wait_for(|now| now.len() == 123).await.unwrap();
        assert_eq!((earlier.len(), now.version() > earlier.version()), (122, true));
    });
}

#[test]
fn an_own_message_keeps_its_entry_from_the_first_moment_on() {
    run(async {
        let service = Service::start().await;
        let (chat, mut transcript) = watched(&service).await;
        service.fail(MESSAGE, &[Fault::RetryAfter(429, 30)]);
        let sending = chat.send_message("mine");
        let before = shows(&mut transcript, &["mine…"]).await;
        service.say("theirs, meanwhile");
        // What is not stored yet stands last.
        shows(&mut transcript, &["theirs, meanwhile", "mine…"]).await;
        sending.await.unwrap();
        let after = shows(&mut transcript, &["theirs, meanwhile", "mine"]).await;
        assert_eq!(before.last().unwrap().key, after.last().unwrap().key);
    });
}

#[test]
fn it_is_whole_after_an_outage() {
    run(async {
        let service = Service::start().await;
        let (_chat, mut transcript) = watched(&service).await;
        service.say("0");
        shows(&mut transcript, &["0"]).await;
        service.cut_sockets();
        for n in 1..=250 {
            service.say(&n.to_string());
        }
        let now = transcript.wait_for(|now| now.len() == 251).await.unwrap();
        assert_eq!(texts(&now), (0..=250).map(|n| n.to_string()).collect::<Vec<_>>());
    });
}

#[test]
fn whoever_watches_later_shares_what_is_there() {
    run(async {
        let service = Service::start().await;
        let (chat, mut first) = watched(&service).await;
        service.say("one");
        shows(&mut first, &["one"]).await;
        let mut second = chat.transcript();
        assert_eq!(texts(&second.get()), ["one"]);
        service.say("two");
        shows(&mut second, &["one", "two"]).await;
    });
}

#[test]
fn it_can_still_be_read_when_the_chat_is_over() {
    run(async {
        let service = Service::start().await;
        let (chat, mut transcript) = watched(&service).await;
        service.say("one");
        service.end();
        while transcript.changed().await.is_some() {}
        assert_eq!(texts(&transcript.get()), ["one", ""]);
        assert_eq!(texts(&chat.transcript().get()), ["one", ""]);
    });
}

#[test]
fn without_a_watch_no_transcript_is_kept() {
    run(async {
        let (service, client) = service_and_client().await;
        let (chat, mut events) = online(&client).await;
        service.say("before");
        until(&mut events, |event| matches!(event, Event::Message(_))).await;
        let mut transcript = chat.transcript();
        assert!(transcript.get().is_empty());
        service.say("after");
        shows(&mut transcript, &["after"]).await;
    });
}
