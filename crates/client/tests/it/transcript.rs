//! The transcript that an application shows.

use chatloom::{Chat, Client, EntryContent, Error, Event, Item, MessageState, Transcript, Watch};

use super::{client, online, run, service_and_client, until};
use crate::service::{CUSTOMER_NAME, Fault, MESSAGE, Service, TRANSCRIPT};

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
async fn watched(client: &Client) -> (Chat, Watch<Transcript>) {
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
        let (chat, mut transcript) = watched(&client(&service.url())).await;
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
        let (chat, mut transcript) = watched(&client(&service.url())).await;
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
        let (_chat, mut transcript) = watched(&client(&service.url())).await;
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
        let (chat, mut first) = watched(&client(&service.url())).await;
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
        let (chat, mut transcript) = watched(&client(&service.url())).await;
        service.say("one");
        service.end();
        while transcript.changed().await.is_some() {}
        assert_eq!(texts(&transcript.get()), ["one", ""]);
        assert_eq!(texts(&chat.transcript().get()), ["one", ""]);
    });
}

#[test]
fn one_that_is_asked_for_in_the_middle_of_a_chat_begins_with_the_newest() {
    run(async {
        let (service, client) = service_and_client().await;
        for n in 0..150 {
            service.say(&n.to_string());
        }
        let (chat, _events) = online(&client).await;
        let mut transcript = chat.transcript();
        let now = transcript.wait_for(|now| now.len() >= 100).await.unwrap();
        assert_eq!(texts(&now).last().map(String::as_str), Some("149"));
        service.say("after");
        let is_last = |now: &Transcript| texts(now).last().is_some_and(|text| text == "after");
        transcript.wait_for(is_last).await.unwrap();
    });
}

#[test]
fn the_oldest_entries_leave_and_come_back_when_they_are_asked_for() {
    run(async {
        let service = Service::start().await;
        for n in 0..350 {
            service.say(&n.to_string());
        }
        let client = Client::builder().endpoint(service.url()).most_entries(100).build().unwrap();
        let (chat, mut transcript) = watched(&client).await;
        let now = transcript.get();
        assert!(now.len() <= 101, "{now:?}");
        let EntryContent::Gap(front) = now.get(0).unwrap().content else { panic!("no gap") };
        let held = now.len() as u32 - 1;

        let loaded = chat.load_older(60).await.unwrap();
        assert_eq!((loaded.count, loaded.at_beginning), (60, false));
        let now = transcript.newest();
        assert_eq!(now.len() as u32, 1 + 60 + held);
        assert_eq!(texts(&now)[1..], (290 - held..350).map(|n| n.to_string()).collect::<Vec<_>>());

        // The gap at the front can be asked for like any other.
        let loaded = chat.fill_gap(front).await.unwrap();
        assert!(loaded.count > 0 && !loaded.at_beginning, "{loaded:?}");
        while !chat.load_older(1_000).await.unwrap().at_beginning {}
        let all: Vec<_> = (0..350).map(|n| n.to_string()).collect();
        assert_eq!(texts(&transcript.newest()), all);

        for count in [0, 1_001] {
            let error = chat.load_older(count).await.unwrap_err();
            assert!(matches!(error, Error::Invalid { member: "count", .. }), "{error}");
        }
        let error = chat.fill_gap(front).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "gap", .. }), "{error}");
    });
}

#[test]
fn older_entries_need_a_transcript() {
    run(async {
        let (_service, client) = service_and_client().await;
        let (chat, _events) = online(&client).await;
        let error = chat.load_older(10).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { member: "transcript", .. }), "{error}");
    });
}

#[test]
fn a_gap_is_said_and_can_be_filled() {
    run(async {
        let service = Service::start().await;
        let (chat, mut transcript) = watched(&client(&service.url())).await;
        let mut events = chat.events();
        service.say("before");
        shows(&mut transcript, &["before"]).await;
        // The transcript cannot be read, for a reason that does not pass by itself.
        service.fail(TRANSCRIPT, &[Fault::Status(400)]);
        service.cut_sockets();
        service.say("missed");
        let (_, gap) = until(&mut events, |event| matches!(event, Event::Gap { .. })).await;
        let Event::Gap { gap } = gap else { panic!() };
        service.say("after");
        shows(&mut transcript, &["before", "---", "after"]).await;

        let loaded = chat.fill_gap(gap).await.unwrap();
        assert_eq!(loaded.count, 1);
        let is_closed =
            |event: &Event| matches!(event, Event::GapClosed { gap: closed } if *closed == gap);
        let (before, _) = until(&mut events, is_closed).await;
        let contents: Vec<_> =
            before.iter().filter_map(Event::item).filter_map(Item::content).collect();
        assert_eq!(contents, ["after", "missed"]);
        shows(&mut transcript, &["before", "missed", "after"]).await;
    });
}
