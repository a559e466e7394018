//! What every store must do, as tests.
//!
//! A store's own tests say where its data are ([`Data`]) and call
//! [`store_conformance!`](crate::store_conformance), which makes a test of each case:
//!
//! ```text
//! mod conformance {
//!     chatloom_server::store_conformance!(super::TemporaryFile::new());
//! }
//! ```
//!
//! A store that several nodes may have open at once gives the cases several of them, see
//! [`Data::nodes`]. The cases wait for nothing but the store's answers, read no clock, and tell the
//! times themselves.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod bounds;
mod deletion;
mod followers;

pub use self::{
    bounds::{concurrent_creations_keep_the_bound, open_chats_have_a_bound},
    deletion::{
        a_deleted_chat_is_gone, a_leaving_chat_is_nobody_elses, all_chats_come_page_by_page,
        finished_chats_come_in_order,
    },
};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chatloom_engine::{
    Attachment, Audience, BlobId, Chat, Contact, Draft, DraftBody, EndReason, Entry, EntryKind,
    Participant, Phase, Presence, Rules, Sender, StartChat,
    attachment::{RequestKey, Stage},
    entry::time_of_item,
};
use chatloom_wire::{
    ContactId, ContentType, ItemId, ItemType, ParticipantId, ParticipantRole, Timestamp,
};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use uuid::Uuid;

pub use self::followers::{
    a_follower_goes_with_the_state, a_follower_is_due_when_something_is_appended,
    a_follower_moves_on_from_where_it_is, a_follower_that_failed_waits,
    followers_go_with_their_chat, followers_survive_reopening, no_endpoint_hides_the_others,
};
use super::{Commit, Committed, Created, ItemQuery, Place, Store, StoreError, TokenKey, Versioned};

/// Data of a store; none at first, and each test has data of its own.
pub trait Data: Send + Sync {
    /// Opens a store on the data: for the first time, or again after the one before was closed.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Store>>;

    /// As many nodes' stores on the data as can be open at once, at most `limit`. One, for a store
    /// that has its data to itself.
    fn nodes(&self, limit: usize) -> BoxFuture<'_, Vec<Arc<dyn Store>>> {
        let _ = limit;
        self.open().map(|store| vec![store]).boxed()
    }
}

/// Makes a test of each case of the [suite](self). The argument is an expression that makes fresh
/// [`Data`]. Needs `tokio` with its test macro.
#[macro_export]
macro_rules! store_conformance {
    ($data:expr) => {
        $crate::store_conformance! { $data;
            places_count_from_one
            times_increase_whatever_the_clock_does
            places_and_times_go_on_after_reopening
            entries_come_back_as_they_were
            acknowledged_entries_are_seen_at_once
            a_commit_needs_the_present_version
            a_commit_may_need_the_present_head
            the_last_words_are_no_events
            concurrent_changes_of_the_state_lose_nothing
            concurrent_appends_leave_no_holes
            a_large_commit_is_whole
            refused_commits_harm_no_others
            a_repeat_answers_the_first
            a_repeat_is_known_after_reopening
            a_repeat_is_known_whatever_became_of_the_chat
            concurrent_repeats_are_stored_once
            a_key_stands_for_the_draft_that_answers
            a_chat_is_created_once_per_key
            concurrent_creations_make_one_chat
            an_id_is_given_once
            a_chat_comes_back_as_it_was
            contacts_lead_to_their_chat
            what_is_unknown_is_empty
            readers_see_what_is_meant_for_them
            only_items_are_in_the_transcript
            the_transcript_is_paged_both_ways
            the_transcript_of_one_contact
            places_of_times
            what_became_of_items
            heads_of_many_chats
            the_queue_is_ordered_by_waiting_time
            due_chats_come_in_order
            chats_with_a_scan_are_found
            a_follower_is_due_when_something_is_appended
            a_follower_moves_on_from_where_it_is
            a_follower_that_failed_waits
            a_follower_goes_with_the_state
            followers_go_with_their_chat
            followers_survive_reopening
            no_endpoint_hides_the_others
            a_lease_has_one_holder
            a_lease_survives_reopening
            closing_finishes_what_waits
            open_chats_have_a_bound
            concurrent_creations_keep_the_bound
            a_deleted_chat_is_gone
            a_leaving_chat_is_nobody_elses
            finished_chats_come_in_order
            all_chats_come_page_by_page
        }
    };
    ($data:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::store::conformance::$case(&$data).await;
            }
        )*
    };
}

const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

fn at(millis: i64) -> Timestamp {
    NOON.plus_millis(millis)
}

fn contact(number: u64) -> ContactId {
    ContactId::from(Uuid::from_u64_pair(0xc0_4000, 0x8000_0000_0000_0000 | number).to_string())
}

fn participant(number: u64) -> ParticipantId {
    ParticipantId::from(Uuid::from_u64_pair(0xa0_4000, 0x8000_0000_0000_0000 | number).to_string())
}

const CUSTOMER: u64 = 1;
const AGENT: u64 = 2;
const OTHER_AGENT: u64 = 3;
const SYSTEM: u64 = 4;
const ASSISTANT: u64 = 5;

/// A chat as the rules start it, for whoever needs one whatever it is.
pub fn sample(id: &ContactId, now: Timestamp) -> Chat {
    let request = serde_json::from_str(
        r#"{"InstanceId":"11111111-1111-4111-8111-111111111111",
            "ContactFlowId":"22222222-2222-4222-8222-222222222222",
            "ParticipantDetails":{"DisplayName":"Zoë \"the\" customer\n"}}"#,
    );
    let start = StartChat {
        contact_id: id.clone(),
        participant_id: participant(CUSTOMER),
        system_id: participant(SYSTEM),
        assistant_id: participant(ASSISTANT),
        request: request.expect("a request as the model has it"),
    };
    Rules::new("default").start(now, start).expect("nothing is wrong with the request")
}

/// A chat with a customer; its id is `contact(number)`.
fn chat(number: u64) -> Chat {
    let id = contact(number);
    let mut chat = Chat {
        content_types: vec![ContentType::TextPlain, ContentType::from("text/x-later")],
        attributes: [("ключ".to_owned(), "värde".to_owned())].into(),
        phase: Phase::Started { connect_by: at(3_600_000) },
        ends_at: at(86_400_000),
        initial_message: Some((ContentType::TextPlain, "first".to_owned())),
        ..sample(&id, NOON)
    };
    chat.participants.truncate(1);
    chat.participants[0].presence = Presence::Joined;
    chat
}

fn message(chat: &ContactId, content: &str) -> Draft {
    Draft {
        kind: EntryKind::Item,
        audience: Audience::All,
        contact_id: chat.clone(),
        about: None,
        sender: Some(Sender {
            id: participant(CUSTOMER),
            role: ParticipantRole::Customer,
            name: "Zoë".to_owned(),
        }),
        body: DraftBody::Item {
            item_type: ItemType::Message,
            content_type: ContentType::TextPlain,
            content: Some(content.to_owned()),
        },
    }
}

fn receipt(chat: &ContactId, about: &ItemId, by: u64, read: bool) -> Draft {
    Draft {
        kind: EntryKind::Receipt,
        about: Some(about.clone()),
        sender: Some(Sender {
            id: participant(by),
            role: ParticipantRole::Agent,
            name: "Ana".to_owned(),
        }),
        body: DraftBody::Receipt { read },
        ..message(chat, "")
    }
}

fn append(chat: &ContactId, version: u64, drafts: Vec<Draft>, now: Timestamp) -> Commit {
    Commit {
        chat: chat.clone(),
        version,
        head: None,
        state: None,
        drafts,
        key: None,
        answer: 0,
        now,
    }
}

fn say(chat: &Versioned, content: &str, now: Timestamp) -> Commit {
    append(&chat.chat.id, chat.version, vec![message(&chat.chat.id, content)], now)
}

fn change(chat: &Versioned, now: Timestamp, change: impl FnOnce(&mut Chat)) -> Commit {
    let mut state = (*chat.chat).clone();
    change(&mut state);
    Commit { state: Some(Arc::new(state)), ..append(&chat.chat.id, chat.version, Vec::new(), now) }
}

fn key(key: u128, body: u64) -> TokenKey {
    TokenKey { key, body: u64::MAX - body }
}

/// Creates the chat of a number and reads it back.
async fn created(store: &dyn Store, number: u64) -> Versioned {
    let result = store.create(Arc::new(chat(number)), None, None).await.unwrap();
    assert!(matches!(result, Created::New), "{result:?}");
    load(store, &contact(number)).await
}

async fn load(store: &dyn Store, chat: &ContactId) -> Versioned {
    store.chat(chat).await.unwrap().expect("the chat was created")
}

/// Commits, expecting it to be done: the entries and the version.
async fn done(store: &dyn Store, commit: Commit) -> (Vec<Arc<Entry>>, u64) {
    match store.commit(commit).await.unwrap() {
        Committed::Done { entries, version } => (entries, version),
        other => panic!("it should have been done: {other:?}"),
    }
}

/// All entries of a chat.
async fn log(store: &dyn Store, chat: &ContactId) -> Vec<Arc<Entry>> {
    let mut all: Vec<Arc<Entry>> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.seq);
        let page = store.entries_after(chat, after, 1_000).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn contents(entries: &[Arc<Entry>]) -> Vec<String> {
    let content = |entry: &Arc<Entry>| {
        let item: serde_json::Value = serde_json::from_str(&entry.text).unwrap();
        item["Content"].as_str().unwrap_or_default().to_owned()
    };
    entries.iter().map(content).collect()
}

/// Places 1, 2, 3, ...; times that increase and are those of the ids; ids that differ.
fn assert_in_order(entries: &[Arc<Entry>]) {
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(entry.seq, index as u64 + 1, "a hole or a double in {entries:?}");
        assert_eq!(time_of_item(&entry.id), Some(entry.time), "{entry:?}");
    }
    for pair in entries.windows(2) {
        assert!(pair[0].time < pair[1].time, "time must grow from {:?} to {:?}", pair[0], pair[1]);
    }
    let ids: BTreeSet<_> = entries.iter().map(|entry| &entry.id).collect();
    assert_eq!(ids.len(), entries.len(), "an id came twice");
}

/// In each chat, places are 1, 2, 3, ... in the order of commits, whatever the other chats do.
pub async fn places_count_from_one(data: &dyn Data) {
    let store = data.open().await;
    let (a, b) = (created(&*store, 1).await, created(&*store, 2).await);
    for (index, chat) in [&a, &b, &b, &a, &b].into_iter().enumerate() {
        let drafts = vec![message(&chat.chat.id, "one"), message(&chat.chat.id, "two")];
        let commit = append(&chat.chat.id, chat.version, drafts, at(index as i64));
        let before = log(&*store, &chat.chat.id).await.len() as u64;
        let (entries, version) = done(&*store, commit).await;
        let places: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(places, [before + 1, before + 2]);
        assert_eq!(version, chat.version, "entries alone leave the version as it is");
    }
    for (chat, length) in [(&a, 4), (&b, 6)] {
        let entries = log(&*store, &chat.chat.id).await;
        assert_in_order(&entries);
        assert_eq!(entries.len(), length);
        assert!(entries.iter().all(|entry| entry.chat == chat.chat.id));
    }
}

/// `max(now, last + 1 ms)`: a clock that stands still or goes back changes nothing.
pub async fn times_increase_whatever_the_clock_does(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let three = || vec![message(&contact(1), "x"); 3];
    let mut times = Vec::new();
    for now in [at(1_000), at(1_000), at(-5_000), at(2_000)] {
        let commit = append(&chat.chat.id, chat.version, three(), now);
        times.extend(done(&*store, commit).await.0.iter().map(|entry| entry.time));
    }
    let expected =
        [1_000, 1_001, 1_002, 1_003, 1_004, 1_005, 1_006, 1_007, 1_008, 2_000, 2_001, 2_002];
    assert_eq!(times, expected.map(at));
    assert_in_order(&log(&*store, &chat.chat.id).await);
}

/// A restart, even with a clock that is behind, goes on where the log ends.
pub async fn places_and_times_go_on_after_reopening(data: &dyn Data) {
    let mut version = 0;
    for round in 0..4 {
        let store = data.open().await;
        if round == 0 {
            version = created(&*store, 1).await.version;
        }
        let commit = append(&contact(1), version, vec![message(&contact(1), "x")], at(-round));
        let (entries, _) = done(&*store, commit).await;
        assert_eq!((entries[0].seq, entries[0].time), (round as u64 + 1, at(round)));
        assert_in_order(&log(&*store, &contact(1)).await);
        store.close().await.unwrap();
    }
}

/// Every member of an entry survives, whatever it is.
pub async fn entries_come_back_as_they_were(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let plain = message(&contact(1), "hello");
    let drafts = vec![
        plain.clone(),
        message(&contact(1), "\u{0}\t\"\\ 你好 🧶 \u{2028}"),
        message(&contact(1), &"ß".repeat(8_192)),
        Draft { audience: Audience::Agents, kind: EntryKind::Note, ..plain.clone() },
        Draft { audience: Audience::One(participant(AGENT)), ..plain.clone() },
        Draft { audience: Audience::One("not a uuid".into()), ..plain.clone() },
        Draft { contact_id: "AN-OTHER-CONTACT".into(), sender: None, ..plain.clone() },
        Draft { about: Some("".into()), kind: EntryKind::ProcessingStatus, ..plain.clone() },
        Draft {
            about: Some("0190163D-8694-739B-AEA5-966C26F8AD91".into()),
            kind: EntryKind::AttachmentStatus,
            ..plain.clone()
        },
        receipt(&contact(1), &"0190163d-8694-739b-aea5-966c26f8ad91".into(), AGENT, true),
        Draft {
            body: DraftBody::Item {
                item_type: ItemType::Event,
                content_type: ContentType::ChatEnded,
                content: None,
            },
            ..plain
        },
    ];
    let commit = append(&chat.chat.id, chat.version, drafts.clone(), at(0));
    let (answered, _) = done(&*store, commit).await;
    for (draft, entry) in drafts.iter().zip(&answered) {
        assert_eq!((&entry.chat, entry.kind), (&chat.chat.id, draft.kind));
        assert_eq!(entry.audience, draft.audience);
        assert_eq!(entry.contact_id, draft.contact_id);
        assert_eq!(entry.about, draft.about);
        assert_eq!(entry.sender, draft.sender.as_ref().map(|sender| sender.id.clone()));
        assert_eq!(*entry.text, draft.item_text(&chat.chat.id, &entry.id, entry.time));
    }
    assert_eq!(log(&*store, &chat.chat.id).await, answered);
    store.close().await.unwrap();
    assert_eq!(log(&*data.open().await, &chat.chat.id).await, answered);
}

/// An answered commit is seen by every read that begins after it, on every node.
pub async fn acknowledged_entries_are_seen_at_once(data: &dyn Data) {
    let nodes = data.nodes(3).await;
    let chat = created(&*nodes[0], 1).await;
    for round in 0..50 {
        let writer = &nodes[round % nodes.len()];
        let (entries, _) = done(&**writer, say(&chat, "x", at(round as i64))).await;
        for reader in &nodes {
            let seen = reader.entries_after(&chat.chat.id, round as u64, 10).await.unwrap();
            assert_eq!(seen, entries);
            let heads = reader.heads(vec![chat.chat.id.clone()]).await.unwrap();
            assert_eq!(heads, [round as u64 + 1]);
        }
    }
}

/// A commit that was decided on another version changes nothing.
pub async fn a_commit_needs_the_present_version(data: &dyn Data) {
    let store = data.open().await;
    let old = created(&*store, 1).await;
    let (_, version) = done(&*store, change(&old, at(1), |chat| chat.updated_at = at(1))).await;
    assert!(version > old.version, "a change of the state has a new version");

    let mut stale = vec![say(&old, "stale", at(2)), change(&old, at(2), |_| {})];
    stale.push(append(&old.chat.id, version + 1, vec![message(&old.chat.id, "early")], at(2)));
    for commit in stale {
        let result = store.commit(commit).await.unwrap();
        assert!(matches!(result, Committed::Conflict), "{result:?}");
    }
    let now = load(&*store, &old.chat.id).await;
    assert_eq!((now.version, now.chat.updated_at), (version, at(1)));
    assert!(log(&*store, &old.chat.id).await.is_empty());

    let (entries, after) = done(&*store, say(&now, "fresh", at(3))).await;
    assert_eq!((entries[0].seq, after), (1, version));
}

/// A decision on what the log holds is stored only while the log holds no more.
pub async fn a_commit_may_need_the_present_head(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let after =
        |head| Commit { head: Some(head), ..change(&chat, at(2), |chat| chat.updated_at = at(2)) };
    done(&*store, say(&chat, "more", at(1))).await;
    for head in [0, 2] {
        let result = store.commit(after(head)).await.unwrap();
        assert!(matches!(result, Committed::Conflict), "{result:?}");
    }
    assert_eq!(load(&*store, &contact(1)).await.version, chat.version);
    done(&*store, after(1)).await;
    assert_eq!(load(&*store, &contact(1)).await.chat.updated_at, at(2));
}

/// Messages and attachments count, each sender for itself.
pub async fn the_last_words_are_no_events(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let id = &chat.chat.id;
    let by = |number, draft: Draft| Draft {
        sender: Some(Sender {
            id: participant(number),
            role: ParticipantRole::Agent,
            name: "Ana".to_owned(),
        }),
        ..draft
    };
    let event = || Draft {
        body: DraftBody::Item {
            item_type: ItemType::Event,
            content_type: ContentType::ParticipantJoined,
            content: None,
        },
        ..message(id, "")
    };
    let text = r#"says "Type":"EVENT""#;
    let (first, _) = done(&*store, say(&chat, text, at(10))).await;
    let later = vec![by(AGENT, event()), by(AGENT, message(id, "hello")), event()];
    let (later, _) = done(&*store, append(id, chat.version, later, at(20))).await;
    let receipt = receipt(id, &later[1].id, CUSTOMER, true);
    done(&*store, append(id, chat.version, vec![receipt], at(30))).await;
    for (who, after, expected) in [
        (CUSTOMER, at(0), Some(first[0].time)),
        (CUSTOMER, first[0].time.plus_millis(-1), Some(first[0].time)),
        (CUSTOMER, first[0].time, None),
        (AGENT, at(0), Some(later[1].time)),
        (AGENT, at(100), None),
        (OTHER_AGENT, at(0), None),
    ] {
        let found = store.last_said(id, &participant(who), after).await.unwrap();
        assert_eq!(found, expected, "{who} after {after}");
    }
    let unknown = store.last_said(&contact(2), &participant(CUSTOMER), at(0)).await.unwrap();
    assert_eq!(unknown, None);
}

/// Many that read, decide and commit, and again on a conflict: each change counts.
pub async fn concurrent_changes_of_the_state_lose_nothing(data: &dyn Data) {
    const CHANGES: usize = 40;
    let nodes = data.nodes(3).await;
    created(&*nodes[0], 1).await;
    let changes = (0..CHANGES).map(|number| {
        let store = Arc::clone(&nodes[number % nodes.len()]);
        async move {
            let mut conflicts = 0;
            loop {
                let old = load(&*store, &contact(1)).await;
                let mut commit = change(&old, at(0), |chat| {
                    chat.attributes.push((format!("change-{number}"), String::new()));
                });
                commit.drafts = vec![message(&contact(1), &number.to_string())];
                match store.commit(commit).await.unwrap() {
                    Committed::Done { .. } => return conflicts,
                    Committed::Conflict => conflicts += 1,
                    other => panic!("{other:?}"),
                }
                assert!(conflicts <= CHANGES, "each conflict is somebody else's success");
            }
        }
    });
    join_all(changes).await;
    let chat = load(&*nodes[0], &contact(1)).await.chat;
    assert_eq!(chat.attributes.len(), CHANGES + 1, "and the one it was started with");
    let entries = log(&*nodes[0], &contact(1)).await;
    assert_in_order(&entries);
    assert_eq!(entries.len(), CHANGES);
}

/// Many that append at once, on many chats: whatever is acknowledged has the place that was told.
pub async fn concurrent_appends_leave_no_holes(data: &dyn Data) {
    let nodes = data.nodes(3).await;
    let mut chats = Vec::new();
    for number in 0..20 {
        chats.push(created(&*nodes[0], number).await);
    }
    let commits = (0..3_000_usize).map(|number| {
        let chat = &chats[number * 7 % chats.len()];
        let content = number.to_string();
        // Clocks of nodes differ.
        let now = at(number as i64 * 31 % 500);
        let store = &nodes[number % nodes.len()];
        async move { done(&**store, say(chat, &content, now)).await.0 }
    });
    let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for entry in join_all(commits).await.into_iter().flatten() {
        told.entry(entry.chat.clone()).or_default().push(entry);
    }
    for chat in &chats {
        let mut told = told.remove(&chat.chat.id).unwrap();
        told.sort_by_key(|entry| entry.seq);
        assert_in_order(&told);
        assert_eq!(told.len(), 150);
        for store in &nodes {
            assert_eq!(log(&**store, &chat.chat.id).await, told);
        }
    }
}

/// A commit of many entries has consecutive places, also among others.
pub async fn a_large_commit_is_whole(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let large = vec![message(&contact(1), "large"); 1_500];
    let large = append(&contact(1), chat.version, large, at(0));
    let small = (0..50).map(|_| store.commit(say(&chat, "small", at(0))));
    let others = async {
        for result in join_all(small).await {
            assert!(matches!(result, Ok(Committed::Done { .. })));
        }
    };
    let ((entries, _), ()) = tokio::join!(done(&*store, large), others);
    assert_eq!(entries.len(), 1_500);
    let first = entries[0].seq;
    assert!(entries.iter().zip(first..).all(|(entry, place)| entry.seq == place));
    let all = log(&*store, &contact(1)).await;
    assert_in_order(&all);
    assert_eq!(all.len(), 1_550);
}

/// Commits that come together are done or refused one by one.
pub async fn refused_commits_harm_no_others(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let known = Commit { key: Some(key(1, 1)), ..say(&chat, "known", at(0)) };
    done(&*store, known.clone()).await;
    let mut commits = Vec::new();
    for round in 0..20 {
        commits.push(say(&chat, &format!("good {round}"), at(1)));
        commits.push(append(&contact(1), chat.version + 9, vec![], at(1)));
        commits.push(Commit { key: Some(key(1, 2)), ..known.clone() });
        commits.push(append(&contact(404), 1, vec![message(&contact(404), "lost")], at(1)));
        commits.push(known.clone());
    }
    let results = join_all(commits.into_iter().map(|commit| store.commit(commit))).await;
    for group in results.chunks(5) {
        assert!(matches!(group[0], Ok(Committed::Done { .. })), "{:?}", group[0]);
        assert!(matches!(group[1], Ok(Committed::Conflict)), "{:?}", group[1]);
        assert!(matches!(group[2], Ok(Committed::TokenReused)), "{:?}", group[2]);
        assert!(matches!(group[3], Err(StoreError::NoChat(_))), "{:?}", group[3]);
        assert!(matches!(group[4], Ok(Committed::Repeated { .. })), "{:?}", group[4]);
    }
    let entries = log(&*store, &contact(1)).await;
    assert_in_order(&entries);
    assert_eq!(entries.len(), 21);
}

/// The same key and body: id and time of the first, and nothing stored. Another body: refused.
pub async fn a_repeat_answers_the_first(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let first = Commit { key: Some(key(7, 1)), ..say(&chat, "hello", at(0)) };
    let (entries, _) = done(&*store, first.clone()).await;
    done(&*store, Commit { key: Some(key(8, 1)), ..say(&chat, "other", at(1)) }).await;

    for now in [at(2), at(3)] {
        match store.commit(Commit { now, ..first.clone() }).await.unwrap() {
            Committed::Repeated { id, time } => {
                assert_eq!((&id, time), (&entries[0].id, entries[0].time));
            }
            other => panic!("{other:?}"),
        }
    }
    let reused = Commit { key: Some(key(7, 2)), ..say(&chat, "bye", at(4)) };
    let result = store.commit(reused).await.unwrap();
    assert!(matches!(result, Committed::TokenReused), "{result:?}");
    assert_eq!(contents(&log(&*store, &contact(1)).await), ["hello", "other"]);
}

/// Keys are kept as long as the chat.
pub async fn a_repeat_is_known_after_reopening(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let commits: Vec<_> = (0..100)
        .map(|number| Commit {
            // Some differ in the first half only, some in the last; some have the highest bit.
            key: Some(key((number % 10) << 124 | (number / 10), 1)),
            ..say(&chat, &number.to_string(), at(0))
        })
        .collect();
    let firsts = join_all(commits.iter().map(|commit| done(&*store, commit.clone()))).await;
    store.close().await.unwrap();

    let store = data.open().await;
    for (commit, (entries, _)) in commits.into_iter().zip(firsts) {
        match store.commit(Commit { now: at(100_000), ..commit }).await.unwrap() {
            Committed::Repeated { id, .. } => assert_eq!(id, entries[0].id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(log(&*store, &contact(1)).await.len(), 100);
}

/// The key counts before the version: the first answer may have been lost on its way.
pub async fn a_repeat_is_known_whatever_became_of_the_chat(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let first = Commit { key: Some(key(7, 1)), ..say(&chat, "bye", at(0)) };
    done(&*store, first.clone()).await;
    let ended = Phase::Ended { at: at(1), reason: EndReason::Customer };
    done(&*store, change(&chat, at(1), |chat| chat.phase = ended)).await;
    let result = store.commit(first).await.unwrap();
    assert!(matches!(result, Committed::Repeated { .. }), "{result:?}");
}

/// Repeats that overtake each other: one is stored, all are told the same.
pub async fn concurrent_repeats_are_stored_once(data: &dyn Data) {
    let nodes = data.nodes(3).await;
    let chat = created(&*nodes[0], 1).await;
    let commits = (0..60_usize).map(|number| {
        let commit = Commit { key: Some(key(number as u128 % 3, 1)), ..say(&chat, "once", at(0)) };
        let store = &nodes[number % nodes.len()];
        async move {
            match store.commit(commit).await.unwrap() {
                Committed::Done { entries, .. } => (number % 3, entries[0].id.clone(), true),
                Committed::Repeated { id, .. } => (number % 3, id, false),
                other => panic!("{other:?}"),
            }
        }
    });
    let told = join_all(commits).await;
    assert_eq!(told.iter().filter(|(_, _, stored)| *stored).count(), 3);
    let ids: BTreeSet<_> = told.iter().map(|(key, id, _)| (key, id)).collect();
    assert_eq!(ids.len(), 3, "all repeats of a key are told the same id");
    assert_eq!(log(&*nodes[0], &contact(1)).await.len(), 3);
}

/// Of several entries, the caller is told about one, and so is a repeat.
pub async fn a_key_stands_for_the_draft_that_answers(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let drafts = ["a", "b", "c"].map(|content| message(&contact(1), content)).to_vec();
    let commit = Commit {
        key: Some(key(1, 1)),
        answer: 1,
        ..append(&contact(1), chat.version, drafts, at(0))
    };
    let (entries, _) = done(&*store, commit.clone()).await;
    match store.commit(commit).await.unwrap() {
        Committed::Repeated { id, time } => {
            assert_eq!((&id, time), (&entries[1].id, entries[1].time));
        }
        other => panic!("{other:?}"),
    }
}

/// The same key and body: the first chat, as it is by now. Another body: refused.
pub async fn a_chat_is_created_once_per_key(data: &dyn Data) {
    let store = data.open().await;
    let new = store.create(Arc::new(chat(1)), Some(key(1, 1)), None).await.unwrap();
    assert!(matches!(new, Created::New), "{new:?}");
    let other = store.create(Arc::new(chat(2)), Some(key(2, 1)), None).await.unwrap();
    assert!(matches!(other, Created::New), "{other:?}");
    let first = load(&*store, &contact(1)).await;
    done(&*store, change(&first, at(1), |chat| chat.updated_at = at(1))).await;
    store.close().await.unwrap();

    let store = data.open().await;
    match store.create(Arc::new(chat(3)), Some(key(1, 1)), None).await.unwrap() {
        Created::Repeated(first) => {
            assert_eq!((&first.id, first.updated_at), (&contact(1), at(1)));
        }
        other => panic!("{other:?}"),
    }
    let reused = store.create(Arc::new(chat(3)), Some(key(1, 2)), None).await.unwrap();
    assert!(matches!(reused, Created::TokenReused), "{reused:?}");
    assert!(store.chat(&contact(3)).await.unwrap().is_none());
    assert!(store.chat_of_contact(&contact(3)).await.unwrap().is_none());
}

/// Repeats that overtake each other start one chat.
pub async fn concurrent_creations_make_one_chat(data: &dyn Data) {
    let nodes = data.nodes(3).await;
    let creations = (0..30).map(|number| {
        let store = &nodes[number as usize % nodes.len()];
        async move {
            match store.create(Arc::new(chat(number)), Some(key(1, 1)), None).await.unwrap() {
                Created::New => contact(number),
                Created::Repeated(first) => first.id.clone(),
                Created::TokenReused | Created::Full => panic!("it is the same body"),
            }
        }
    });
    let told: BTreeSet<_> = join_all(creations).await.into_iter().collect();
    assert_eq!(told.len(), 1, "all are told the same chat: {told:?}");
    let mut kept = 0;
    for number in 0..30 {
        kept += usize::from(nodes[0].chat(&contact(number)).await.unwrap().is_some());
    }
    assert_eq!(kept, 1);
}

/// A chat or contact with an id that is kept already is refused, alone.
pub async fn an_id_is_given_once(data: &dyn Data) {
    let store = data.open().await;
    let first = created(&*store, 1).await;
    let second = created(&*store, 2).await;
    let new_contact = |number| Contact {
        id: contact(number),
        started_at: NOON,
        queued: None,
        agent: None,
        handed_on: None,
    };
    let mut thief = chat(3);
    thief.contacts.push(new_contact(2));

    let (again, thief, good) = tokio::join!(
        store.create(Arc::new(chat(1)), None, None),
        store.create(Arc::new(thief), Some(key(1, 1)), None),
        store.create(Arc::new(chat(4)), None, None),
    );
    assert!(matches!(&again, Err(StoreError::Exists(id)) if *id == contact(1)), "{again:?}");
    assert!(matches!(&thief, Err(StoreError::Exists(id)) if *id == contact(2)), "{thief:?}");
    assert!(matches!(good, Ok(Created::New)), "{good:?}");
    assert!(store.chat(&contact(3)).await.unwrap().is_none());

    let steal = change(&first, at(1), |chat| chat.contacts.push(new_contact(2)));
    let (stolen, good) =
        tokio::join!(store.commit(steal), store.commit(say(&second, "good", at(1))));
    assert!(matches!(&stolen, Err(StoreError::Exists(id)) if *id == contact(2)), "{stolen:?}");
    assert!(matches!(good, Ok(Committed::Done { .. })), "{good:?}");
    assert_eq!(store.chat_of_contact(&contact(2)).await.unwrap(), Some(contact(2)));
    assert_eq!(load(&*store, &contact(1)).await.version, first.version);
}

/// The whole state survives.
pub async fn a_chat_comes_back_as_it_was(data: &dyn Data) {
    let store = data.open().await;
    let new = created(&*store, 1).await;
    assert_eq!(*new.chat, chat(1));
    let commit = change(&new, at(5), |chat| {
        chat.phase = Phase::WithAgent;
        chat.initial_message = None;
        chat.participants.push(Participant {
            id: participant(AGENT),
            role: ParticipantRole::Agent,
            name: "Ana".to_owned(),
            user: Some("ana".to_owned()),
            presence: Presence::Left,
        });
        chat.updated_at = at(5);
    });
    let state = commit.state.clone().unwrap();
    let (_, version) = done(&*store, commit).await;
    let read = load(&*store, &contact(1)).await;
    assert_eq!((&read.chat, read.version), (&state, version));
    store.close().await.unwrap();
    let store = data.open().await;
    let read = load(&*store, &contact(1)).await;
    assert_eq!((&read.chat, read.version), (&state, version));
    done(&*store, say(&read, "on it goes", at(6))).await;
}

/// Every contact of a chat leads to it, those that came later as well.
pub async fn contacts_lead_to_their_chat(data: &dyn Data) {
    let store = data.open().await;
    let mut chat = created(&*store, 1).await;
    created(&*store, 2).await;
    for number in [11, 12] {
        let commit = change(&chat, at(1), |chat| {
            let id = contact(number);
            chat.contacts.push(Contact {
                id,
                started_at: at(1),
                queued: None,
                agent: None,
                handed_on: None,
            });
        });
        done(&*store, commit).await;
        chat = load(&*store, &contact(1)).await;
    }
    store.close().await.unwrap();
    let store = data.open().await;
    // The first change after a restart brings another.
    let commit = change(&chat, at(2), |chat| {
        let id = contact(13);
        chat.contacts.push(Contact {
            id,
            started_at: at(2),
            queued: None,
            agent: None,
            handed_on: None,
        });
    });
    done(&*store, commit).await;
    for (number, of) in [(1, 1), (11, 1), (12, 1), (13, 1), (2, 2)] {
        let found = store.chat_of_contact(&contact(number)).await.unwrap();
        assert_eq!(found, Some(contact(of)), "contact {number}");
    }
}

/// Questions about what there is not are answered with nothing.
pub async fn what_is_unknown_is_empty(data: &dyn Data) {
    let store = data.open().await;
    created(&*store, 1).await;
    for id in [contact(404), ContactId::from("'; --"), ContactId::from("")] {
        assert!(store.chat(&id).await.unwrap().is_none());
        assert!(store.chat_of_contact(&id).await.unwrap().is_none());
        assert!(store.entries_after(&id, 0, 10).await.unwrap().is_empty());
        assert!(store.items(items(&id)).await.unwrap().is_empty());
        assert!(store.about(&id, vec!["x".into()]).await.unwrap().is_empty());
        assert_eq!(store.place(&id, Place::AtOrAfter(at(0))).await.unwrap(), None);
        assert_eq!(store.heads(vec![id.clone()]).await.unwrap(), [0]);
        let result = store.commit(append(&id, 1, Vec::new(), at(0))).await;
        assert!(matches!(&result, Err(StoreError::NoChat(chat)) if *chat == id), "{result:?}");
    }
    assert_eq!(store.waiting("nowhere", 10).await.unwrap().total, 0);
    // A chat without entries.
    assert_eq!(store.place(&contact(1), Place::AtOrAfter(at(0))).await.unwrap(), None);
    assert_eq!(store.place(&contact(1), Place::AtOrBefore(at(0))).await.unwrap(), None);
    assert_eq!(store.heads(vec![contact(1)]).await.unwrap(), [0]);
    assert!(store.heads(Vec::new()).await.unwrap().is_empty());
}

/// All items of a chat from the first on, for the customer.
fn items(chat: &ContactId) -> ItemQuery {
    ItemQuery {
        chat: chat.clone(),
        contact: None,
        reader: participant(CUSTOMER),
        agents: false,
        forward: true,
        from: 0,
        limit: 1_000,
    }
}

/// Items for all, for agents, for one.
pub async fn readers_see_what_is_meant_for_them(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let to = |audience, content| Draft { audience, ..message(&contact(1), content) };
    let drafts = vec![
        to(Audience::All, "all"),
        to(Audience::Agents, "agents"),
        to(Audience::One(participant(CUSTOMER)), "customer"),
        to(Audience::One(participant(AGENT)), "agent"),
    ];
    done(&*store, append(&contact(1), chat.version, drafts, at(0))).await;
    for (reader, agents, seen) in [
        (CUSTOMER, false, vec!["all", "customer"]),
        (AGENT, true, vec!["all", "agents", "agent"]),
        (OTHER_AGENT, true, vec!["all", "agents"]),
    ] {
        for forward in [true, false] {
            let query = ItemQuery {
                reader: participant(reader),
                agents,
                forward,
                from: if forward { 0 } else { u64::MAX },
                ..items(&contact(1))
            };
            let mut found = contents(&store.items(query).await.unwrap());
            if !forward {
                found.reverse();
            }
            assert_eq!(found, seen);
        }
    }
    assert_eq!(log(&*store, &contact(1)).await.len(), 4);
}

/// Receipts and the like have places, but are no items.
pub async fn only_items_are_in_the_transcript(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let about = ItemId::from("0190163d-8694-739b-aea5-966c26f8ad91");
    let mut drafts = vec![message(&contact(1), "a"), receipt(&contact(1), &about, AGENT, false)];
    for kind in [EntryKind::AttachmentStatus, EntryKind::ProcessingStatus, EntryKind::Note] {
        drafts.push(Draft { kind, ..message(&contact(1), "no item") });
    }
    drafts.push(message(&contact(1), "b"));
    done(&*store, append(&contact(1), chat.version, drafts, at(0))).await;
    let found = store.items(items(&contact(1))).await.unwrap();
    assert_eq!(contents(&found), ["a", "b"]);
    assert_eq!((found[0].seq, found[1].seq), (1, 6));
    let found = store.items(ItemQuery { limit: 1, from: 2, ..items(&contact(1)) }).await.unwrap();
    assert_eq!(contents(&found), ["b"], "the limit counts items");
}

/// From a place on, towards newer and towards older items, the place included.
pub async fn the_transcript_is_paged_both_ways(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let other = created(&*store, 2).await;
    for number in 1..=10 {
        done(&*store, say(&chat, &number.to_string(), at(number))).await;
        done(&*store, say(&other, "other", at(number))).await;
    }
    for (forward, from, limit, seen) in [
        (true, 0, 3, vec!["1", "2", "3"]),
        (true, 1, 3, vec!["1", "2", "3"]),
        (true, 4, 3, vec!["4", "5", "6"]),
        (true, 9, 5, vec!["9", "10"]),
        (true, 11, 5, vec![]),
        (true, u64::MAX, 5, vec![]),
        (false, u64::MAX, 3, vec!["10", "9", "8"]),
        (false, 10, 3, vec!["10", "9", "8"]),
        (false, 7, 3, vec!["7", "6", "5"]),
        (false, 2, 5, vec!["2", "1"]),
        (false, 0, 5, vec![]),
        (true, 1, 0, vec![]),
    ] {
        let query = ItemQuery { forward, from, limit, ..items(&contact(1)) };
        let found = contents(&store.items(query).await.unwrap());
        assert_eq!(found, seen, "forward {forward}, from {from}, limit {limit}");
    }
}

/// Items of one contact of a chat that has several.
pub async fn the_transcript_of_one_contact(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let of = |contact_id: ContactId, content| Draft { contact_id, ..message(&contact(1), content) };
    let drafts = vec![
        of(contact(1), "a"),
        of(contact(11), "b"),
        of(contact(1), "c"),
        of("AN-OTHER".into(), "d"),
    ];
    done(&*store, append(&contact(1), chat.version, drafts, at(0))).await;
    for (contact_id, seen) in [
        (contact(1), vec!["a", "c"]),
        (contact(11), vec!["b"]),
        ("AN-OTHER".into(), vec!["d"]),
        (contact(12), vec![]),
    ] {
        let query = ItemQuery { contact: Some(contact_id), ..items(&contact(1)) };
        assert_eq!(contents(&store.items(query).await.unwrap()), seen);
    }
}

/// The places of times: exact ones, between, before the first and after the last.
pub async fn places_of_times(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    for time in [10, 20, 30, 40, 50] {
        done(&*store, say(&chat, "x", at(time))).await;
    }
    for (time, after, before) in [
        (0, Some(1), None),
        (10, Some(1), Some(1)),
        (11, Some(2), Some(1)),
        (29, Some(3), Some(2)),
        (30, Some(3), Some(3)),
        (50, Some(5), Some(5)),
        (51, None, Some(5)),
    ] {
        let found = store.place(&contact(1), Place::AtOrAfter(at(time))).await.unwrap();
        assert_eq!(found, after, "at or after {time}");
        let found = store.place(&contact(1), Place::AtOrBefore(at(time))).await.unwrap();
        assert_eq!(found, before, "at or before {time}");
    }
    for (time, after, before) in [
        (Timestamp::from_millis(i64::MIN), Some(1), None),
        (Timestamp::from_millis(i64::MAX), None, Some(5)),
    ] {
        assert_eq!(store.place(&contact(1), Place::AtOrAfter(time)).await.unwrap(), after);
        assert_eq!(store.place(&contact(1), Place::AtOrBefore(time)).await.unwrap(), before);
    }
}

/// The receipts and statuses of the items that are asked for, in the order of the log.
pub async fn what_became_of_items(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let other = created(&*store, 2).await;
    let mut ids = Vec::new();
    for _ in 0..600 {
        let (entries, _) = done(&*store, say(&chat, "x", at(0))).await;
        ids.push(entries[0].id.clone());
    }
    ids.push("no uuid".into());
    // Newest first, so that the order of the log is not that of the items.
    let mut drafts: Vec<_> =
        ids.iter().rev().map(|id| receipt(&contact(1), id, AGENT, false)).collect();
    drafts.push(receipt(&contact(1), &ids[0], AGENT, true));
    drafts.push(receipt(&contact(1), &ids[0], OTHER_AGENT, true));
    for kind in [EntryKind::ProcessingStatus, EntryKind::AttachmentStatus] {
        let about = Some(ids[0].clone());
        drafts.push(Draft { kind, about, ..message(&contact(1), "a status") });
    }
    done(&*store, append(&contact(1), chat.version, drafts, at(0))).await;
    let stray = receipt(&contact(2), &ids[0], AGENT, false);
    done(&*store, append(&contact(2), other.version, vec![stray], at(0))).await;

    let of_two = store.about(&contact(1), vec![ids[0].clone(), ids[600].clone()]).await.unwrap();
    let seen: Vec<_> = of_two.iter().map(|entry| entry.about.clone().unwrap()).collect();
    assert_eq!(seen, [&ids[600], &ids[0], &ids[0], &ids[0], &ids[0]].map(Clone::clone));
    assert!(of_two.is_sorted_by_key(|entry| entry.seq));
    let (status, receipts) = of_two.split_last().unwrap();
    assert_eq!(status.kind, EntryKind::AttachmentStatus);
    assert!(receipts.iter().all(|entry| entry.kind == EntryKind::Receipt));
    let all = store.about(&contact(1), ids).await.unwrap();
    assert_eq!(all.len(), 604);
    assert!(all.is_sorted_by_key(|entry| entry.seq));
    assert!(store.about(&contact(1), Vec::new()).await.unwrap().is_empty());
}

/// One answer for many chats, in the order of the question.
pub async fn heads_of_many_chats(data: &dyn Data) {
    let store = data.open().await;
    let mut chats = Vec::new();
    for number in 0..40 {
        chats.push(created(&*store, number).await);
    }
    for (number, chat) in chats.iter().enumerate() {
        let drafts = vec![message(&chat.chat.id, "x"); number % 4];
        done(&*store, append(&chat.chat.id, chat.version, drafts, at(0))).await;
    }
    let asked: Vec<_> = (0..700).map(|number| contact(number * 13 % 80)).collect();
    let heads = store.heads(asked).await.unwrap();
    let expected: Vec<_> = (0..700)
        .map(|number| number * 13 % 80)
        .map(|number| if number < 40 { number % 4 } else { 0 })
        .collect();
    assert_eq!(heads, expected);
}

/// Those that wait longest come first; those that do not wait any more are gone.
pub async fn the_queue_is_ordered_by_waiting_time(data: &dyn Data) {
    let store = data.open().await;
    for (number, since) in [(1, 30), (2, 10), (3, 20), (4, 20), (5, 5)] {
        let chat = created(&*store, number).await;
        let queue = if number == 5 { "other" } else { "basic" };
        let phase = Phase::Queued { queue: queue.to_owned(), since: at(since) };
        done(&*store, change(&chat, at(40), |chat| chat.phase = phase)).await;
    }
    let numbers = |waiting: &super::Waiting| {
        waiting.chats.iter().map(|chat| chat.chat.id.clone()).collect::<Vec<_>>()
    };
    let waiting = store.waiting("basic", 10).await.unwrap();
    assert_eq!(waiting.total, 4);
    assert_eq!(numbers(&waiting)[0], contact(2));
    assert_eq!(numbers(&waiting)[3], contact(1));
    let first_two = store.waiting("basic", 2).await.unwrap();
    assert_eq!((first_two.total, first_two.chats.len()), (4, 2));
    assert_eq!(numbers(&first_two), numbers(&waiting)[..2]);

    // What was read is what a commit needs.
    done(&*store, change(&first_two.chats[0], at(50), |chat| chat.phase = Phase::WithAgent)).await;
    store.close().await.unwrap();
    let store = data.open().await;
    let waiting = store.waiting("basic", 10).await.unwrap();
    assert_eq!(waiting.total, 3);
    assert!(!numbers(&waiting).contains(&contact(2)));
    assert_eq!(numbers(&store.waiting("other", 10).await.unwrap()), [contact(5)]);
}

/// Timers that ran out, longest ago first; a chat that is over has none.
pub async fn due_chats_come_in_order(data: &dyn Data) {
    let store = data.open().await;
    for (number, due) in [(1, 300), (2, 100), (3, 200), (4, 400)] {
        let mut chat = chat(number);
        chat.phase = Phase::Started { connect_by: at(due) };
        assert_eq!(chat.next_due(), Some(at(due)));
        store.create(Arc::new(chat), None, None).await.unwrap();
    }
    assert!(store.due(at(99), 10).await.unwrap().is_empty());
    assert_eq!(store.due(at(100), 10).await.unwrap(), [contact(2)]);
    let all = store.due(at(300), 10).await.unwrap();
    assert_eq!(all, [contact(2), contact(3), contact(1)]);
    assert_eq!(store.due(at(300), 2).await.unwrap(), [contact(2), contact(3)]);

    let chat = load(&*store, &contact(2)).await;
    let ended = Phase::Ended { at: at(1), reason: EndReason::Other };
    done(&*store, change(&chat, at(1), |chat| chat.phase = ended)).await;
    let chat = load(&*store, &contact(3)).await;
    done(&*store, change(&chat, at(1), |chat| chat.phase = Phase::WithAgent)).await;
    store.close().await.unwrap();
    let store = data.open().await;
    assert_eq!(store.due(at(400), 10).await.unwrap(), [contact(1), contact(4)]);
}

/// Chats with files that a scanner has, after a restart too.
pub async fn chats_with_a_scan_are_found(data: &dyn Data) {
    let file = |stage: Stage| Attachment {
        id: "file".into(),
        owner: participant(CUSTOMER),
        name: "a.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 1,
        started_at: NOON,
        upload_by: NOON,
        request: RequestKey { token: 1, body: 2 },
        sent_in: Some(contact(1)),
        stage,
    };
    let (blob, token) = (BlobId([1; 32]), 3);
    let scanning = || file(Stage::Scanning { blob, sent_at: NOON, token });
    let store = data.open().await;
    assert!(store.scanning(10).await.unwrap().is_empty());
    for number in 1..=4 {
        let chat = created(&*store, number).await;
        let files = match number {
            1 => vec![file(Stage::Started), file(Stage::Approved { blob, token })],
            2 => vec![scanning()],
            _ => vec![file(Stage::Rejected { token }), scanning(), scanning()],
        };
        done(&*store, change(&chat, at(1), |chat| chat.attachments = files)).await;
    }
    assert_eq!(store.scanning(10).await.unwrap(), [contact(2), contact(3), contact(4)]);
    assert_eq!(store.scanning(2).await.unwrap(), [contact(2), contact(3)]);
    let chat = load(&*store, &contact(2)).await;
    let judged = vec![file(Stage::Approved { blob, token })];
    done(&*store, change(&chat, at(1), |chat| chat.attachments = judged)).await;
    store.close().await.unwrap();
    let store = data.open().await;
    assert_eq!(store.scanning(10).await.unwrap(), [contact(3), contact(4)]);
    let ended = Phase::Ended { at: at(1), reason: EndReason::Other };
    let chat = load(&*store, &contact(3)).await;
    done(&*store, change(&chat, at(1), |chat| chat.phase = ended)).await;
    assert_eq!(store.scanning(10).await.unwrap(), [contact(3), contact(4)], "until it is judged");
}

/// One holder at a time, until it ends or is given back.
pub async fn a_lease_has_one_holder(data: &dyn Data) {
    let nodes = data.nodes(2).await;
    let (one, two) = (&nodes[0], &nodes[nodes.len() - 1]);
    for (store, holder, now, until, granted) in [
        (one, "a", 0, 100, true),
        (two, "b", 50, 150, false),
        (one, "a", 60, 160, true), // kept
        (two, "b", 159, 300, false),
        (two, "b", 160, 300, true), // ended
        (one, "a", 200, 400, false),
        (two, "b", 200, 200, true), // given back
        (one, "a", 200, 400, true),
    ] {
        let result = store.lease("timers", holder, at(now), at(until)).await.unwrap();
        assert_eq!(result, granted, "{holder} at {now} until {until}");
    }
    assert!(two.lease("another", "b", at(200), at(400)).await.unwrap(), "leases are independent");
    let tries = (0..30_usize).map(|number| {
        let holder = number.to_string();
        let store = &nodes[number % nodes.len()];
        async move { store.lease("contested", &holder, at(0), at(1)).await.unwrap() }
    });
    let granted = join_all(tries).await.into_iter().filter(|granted| *granted).count();
    assert_eq!(granted, 1);
}

/// A restart frees nothing: the holder may be another node.
pub async fn a_lease_survives_reopening(data: &dyn Data) {
    let store = data.open().await;
    assert!(store.lease("timers", "a", at(0), at(100)).await.unwrap());
    store.close().await.unwrap();
    let store = data.open().await;
    assert!(!store.lease("timers", "b", at(99), at(200)).await.unwrap());
    assert!(store.lease("timers", "b", at(100), at(200)).await.unwrap());
}

/// What was called before closing is done or refused, never forgotten; then nothing is taken.
pub async fn closing_finishes_what_waits(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let commits = join_all((0..200).map(|_| store.commit(say(&chat, "x", at(0)))));
    let (results, closed, closed_again) = tokio::join!(commits, store.close(), store.close());
    closed.unwrap();
    closed_again.unwrap();
    let mut told = Vec::new();
    for result in results {
        match result {
            Ok(Committed::Done { entries, .. }) => told.extend(entries),
            Err(StoreError::Closed) => {}
            other => panic!("{other:?}"),
        }
    }
    let result = store.commit(say(&chat, "late", at(1))).await;
    assert!(matches!(result, Err(StoreError::Closed)), "{result:?}");
    let result = store.chat(&contact(1)).await;
    assert!(matches!(result, Err(StoreError::Closed)), "{result:?}");
    let result = store.lease("timers", "a", at(0), at(1)).await;
    assert!(matches!(result, Err(StoreError::Closed)), "{result:?}");
    store.close().await.unwrap();

    let store = data.open().await;
    told.sort_by_key(|entry| entry.seq);
    assert_eq!(log(&*store, &contact(1)).await, told);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_in_the_list() {
        let source = include_str!("conformance.rs");
        let mut cases: Vec<_> = [
            source,
            include_str!("conformance/bounds.rs"),
            include_str!("conformance/deletion.rs"),
            include_str!("conformance/followers.rs"),
        ]
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
        .collect();
        assert!(cases.len() > 30);
        let list = source.split("$data;\n").nth(1).unwrap().split('}').next().unwrap();
        let mut listed: Vec<_> = list.split_whitespace().collect();
        cases.sort_unstable();
        listed.sort_unstable();
        assert_eq!(cases, listed);
    }
}
