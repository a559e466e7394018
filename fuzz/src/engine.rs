//! Targets for what the server makes of a peer's tokens and transcript requests.

use std::sync::Arc;

use chatloom_engine::{
    Audience, Chat, Draft, DraftBody, Entry, EntryKind, Rules, StartChat,
    entry::item_id,
    token::{AgentUse, FilePass, FileUse, Keys, NextPage, Seat, SeatUse},
    transcript,
};
use chatloom_wire::{
    ContactId, ContentType, ItemId, ItemType, ParticipantRole, Timestamp, json,
    participant::{GetTranscriptRequest, GetTranscriptResponse},
};

/// Every target of this module, by the name of its program and of its corpus.
pub const TARGETS: &[(&str, super::Target)] = &[("token", token), ("transcript", transcript)];

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn keys() -> Keys {
    Keys::new(&[7; 32]).expect("a secret of 32 bytes")
}

/// The lines of a text, as many as asked for; missing ones are empty.
fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut lines = std::str::from_utf8(data).ok()?.split('\n');
    Some(std::array::from_fn(|_| lines.next().unwrap_or_default()))
}

/// Made-up tokens are refused, whatever they are; tokens of any ids stand for these ids. The input is
/// a token and three ids, a line each.
pub fn token(data: &[u8]) {
    let Some([token, chat, participant, contact]) = lines(data) else { return };
    let keys = keys();
    let end = NOW.plus_millis(1_000);
    let seat = Seat { chat: chat.into(), participant: participant.into(), role: chat.into() };
    let page = NextPage {
        chat: chat.into(),
        participant: participant.into(),
        contact: (!contact.is_empty()).then(|| contact.into()),
        forward: token.len() % 2 == 0,
        descending: token.len() % 3 == 0,
        place: token.len() as u64,
        past: (token.len() % 5 == 0).then_some(token.len() as u8),
    };

    for of_use in [SeatUse::Participant, SeatUse::Connection, SeatUse::Socket] {
        assert!(keys.seat(of_use, token, NOW).is_err(), "nobody signed this");
        if let Ok(minted) = keys.mint_seat(of_use, &seat, end) {
            assert_eq!(keys.seat(of_use, &minted, NOW).as_ref(), Ok(&seat));
            assert!(keys.seat(of_use, &minted, end).is_err(), "it has an end");
            assert!(keys.page(&minted, &seat, NOW).is_err(), "it is no page");
            assert!(keys.seat(of_use, &format!("{minted}{token}A"), NOW).is_err());
        }
    }
    for of_use in [AgentUse::Calls, AgentUse::Socket] {
        assert!(keys.agent(of_use, token, NOW).is_err(), "nobody signed this");
        if let Ok(minted) = keys.mint_agent(of_use, participant, end) {
            assert_eq!(keys.agent(of_use, &minted, NOW).as_deref(), Ok(participant));
        }
    }
    assert!(keys.page(token, &seat, NOW).is_err(), "nobody signed this");
    if let Ok(minted) = keys.mint_page(&page, end) {
        assert_eq!(keys.page(&minted, &seat, NOW).as_ref(), Ok(&page));
        let other = Seat { participant: format!("{participant}2").into(), ..seat };
        assert!(keys.page(&minted, &other, NOW).is_err(), "a page of one reader is not another's");
    }
    let (id, other) = (ContactId::from(chat), ContactId::from(format!("{chat}2")));
    for (of_use, other_use) in
        [(FileUse::Upload, FileUse::Download), (FileUse::Download, FileUse::Upload)]
    {
        assert!(keys.file(of_use, token, NOW).is_err(), "nobody signed this");
        let inline = token.len() % 2 == 0;
        let pass = FilePass { chat: id.clone(), attachment: contact.into(), inline };
        if let Ok(minted) = keys.mint_file(of_use, &pass, end) {
            assert_eq!(keys.file(of_use, &minted, NOW).as_ref(), Ok(&pass));
            assert!(keys.file(of_use, &minted, end).is_err(), "it has an end");
            assert!(keys.file(other_use, &minted, NOW).is_err(), "it is for one way");
        }
    }
    assert!(keys.view(token, &id, NOW).is_err(), "nobody signed this");
    if let Ok(minted) = keys.mint_view(&id, contact, end) {
        assert_eq!(keys.view(&minted, &id, NOW).as_deref(), Ok(contact));
        assert!(keys.view(&minted, &other, NOW).is_err(), "it was shown in one chat");
        assert!(keys.sign_in(&minted, NOW).is_err(), "nobody signs in with a view");
    }
    assert!(keys.sign_in(token, NOW).is_err(), "nobody signed this");
    if let Ok(minted) = keys.mint_sign_in(&id, contact, end) {
        assert_eq!(keys.sign_in(&minted, NOW), Ok((id.clone(), contact.to_owned())));
        assert!(keys.view(&minted, &id, NOW).is_err(), "a session is no view");
        changed(&keys, &minted, token);
    }
}

/// With any byte of it changed, a token is no token of ours.
fn changed(keys: &Keys, minted: &str, how: &str) {
    let mut bytes = minted.as_bytes().to_vec();
    let at = how.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % bytes.len();
    bytes[at] ^= how.bytes().next_back().map_or(1, |byte| byte & 0x3f).max(1);
    if let Ok(forged) = String::from_utf8(bytes) {
        assert!(keys.sign_in(&forged, NOW).is_err(), "changed at {at}");
    }
}

/// Any request for a transcript, read page by page to its end: the pages are one run of the log,
/// without holes and repeats. The input's first byte is the number of items; in the request behind it
/// `@` stands for the id of the middle one and `#` for its time.
pub fn transcript(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (chat, log) = (chat(), log(usize::from(count % 64)));
    let middle = log.get(log.len() / 2);
    let text = text
        .replace('@', middle.map_or("i", |entry| entry.id.as_str()))
        .replace('#', &middle.map_or(NOW, |entry| entry.time).to_string());
    let Ok(mut request) = json::read::<GetTranscriptRequest>(&text) else { return };
    if request.check().is_err() {
        return;
    }
    request.next_token = None;
    let Some(first) = transcript::plan(&chat, &request, None) else { return };
    let reader = Seat {
        chat: chat.id.clone(),
        participant: "customer".into(),
        role: ParticipantRole::Customer,
    };
    let mut read = Vec::new();
    let mut plan = first.clone();
    loop {
        let page = plan.page(look(&log, &plan));
        assert!(page.items.len() <= plan.limit as usize, "a page holds no more than was asked for");
        let next = plan.after(&chat, &page, &reader);
        let token =
            next.map(|next| keys().mint_page(&next, NOW.plus_millis(1)).expect("short ids"));
        let body = transcript::body(&chat.id, &page.items, &[], token.as_deref());
        let answer: GetTranscriptResponse =
            json::read(&body.expect("stored items are JSON")).expect("an answer as documented");
        let mut places: Vec<u64> = page.items.iter().map(|entry| entry.seq).collect();
        let ids: Vec<&str> = page.items.iter().map(|entry| entry.id.as_str()).collect();
        let answered = answer.transcript.iter().map(|item| item.head().id.as_ref());
        assert!(
            answered.eq(ids.into_iter().map(ItemId::from).collect::<Vec<_>>().iter().map(Some))
        );
        let is_sorted = |places: &[u64]| places.is_sorted_by(|a, b| (a < b) != plan.descending);
        assert!(is_sorted(&places), "a page is in the order that was asked for");
        places.sort_unstable_by_key(|place| if plan.forward { *place } else { u64::MAX - *place });
        read.extend(places);
        let Some(token) = answer.next_token else { break };
        let next = keys().page(&token, &reader, NOW).expect("the reader's own token");
        plan = transcript::plan(&chat, &request, Some(next)).expect("there is more");
    }
    let step =
        |pair: &[u64]| if plan.forward { pair[0] + 1 == pair[1] } else { pair[1] + 1 == pair[0] };
    assert!(read.windows(2).all(step), "one run without holes: {read:?}");
    let end = if plan.forward { log.len() as u64 } else { 1 };
    assert!(read.last().is_none_or(|last| *last == end), "to the end of the log: {read:?}");
    if first.start == transcript::Start::Newest {
        assert_eq!(read.len(), log.len(), "all of it");
    }
}

fn chat() -> Chat {
    let rules = Rules::new("default");
    let request = json::read(
        r#"{"InstanceId":"i","ContactFlowId":"f","ParticipantDetails":{"DisplayName":"Jane"}}"#,
    );
    let start = StartChat {
        contact_id: "chat".into(),
        participant_id: "customer".into(),
        system_id: "system".into(),
        assistant_id: "assistant".into(),
        request: request.expect("a request"),
    };
    rules.start(NOW, start).expect("nothing is wrong with it")
}

fn log(count: usize) -> Vec<Arc<Entry>> {
    let chat = ContactId::from("chat");
    (1..=count as u64)
        .map(|seq| {
            let time = NOW.plus_millis(seq as i64 * 10);
            let id = item_id(time, u128::from(seq));
            let draft = Draft {
                kind: EntryKind::Item,
                audience: Audience::All,
                contact_id: chat.clone(),
                about: None,
                sender: None,
                body: DraftBody::Item {
                    item_type: ItemType::Message,
                    content_type: ContentType::TextPlain,
                    content: Some("hello".to_owned()),
                },
            };
            Arc::new(Entry {
                chat: chat.clone(),
                seq,
                time,
                kind: EntryKind::Item,
                audience: Audience::All,
                contact_id: chat.clone(),
                about: None,
                sender: None,
                text: draft.item_text(&chat, &id, time).into(),
                id,
            })
        })
        .collect()
}

/// What a store finds for a plan.
fn look(log: &[Arc<Entry>], plan: &transcript::Plan) -> Vec<Arc<Entry>> {
    let at = match &plan.start {
        transcript::Start::Newest => log.len().checked_sub(1),
        transcript::Start::Place(place) => log.iter().position(|entry| entry.seq == *place),
        transcript::Start::Item(_, time) => log.iter().position(|entry| entry.time == *time),
        transcript::Start::Time(time) if plan.forward => {
            log.iter().position(|entry| entry.time >= *time)
        }
        transcript::Start::Time(time) => log.iter().rposition(|entry| entry.time <= *time),
        transcript::Start::MostRecent(count) => {
            (!log.is_empty()).then(|| log.len().saturating_sub(*count as usize))
        }
    };
    let Some(at) = at else { return Vec::new() };
    let most = plan.look_for() as usize;
    if plan.forward {
        log[at..].iter().take(most).cloned().collect()
    } else {
        log[..=at].iter().rev().take(most).cloned().collect()
    }
}
