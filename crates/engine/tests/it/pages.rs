//! Pages of a transcript (docs/protocol/participant-service.md §7, docs/protocol/README.md).

use std::sync::Arc;

use chatloom_engine::{
    Audience, Chat, Draft, DraftBody, Entry, EntryKind, Sender,
    entry::item_id,
    token::{NextPage, Seat},
    transcript::{self, Start},
};
use chatloom_wire::{
    ContentType, ItemType, ParticipantRole, Timestamp,
    participant::{GetTranscriptRequest, GetTranscriptResponse},
};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::world::{ANA, CHAT, CUSTOMER, START, World, place, receipt, say};

/// A log of items; receipts stand between them, so that places and items do not count alike.
struct Log {
    chat: Chat,
    entries: Vec<Arc<Entry>>,
}

impl Log {
    fn with_items(count: usize) -> Self {
        let mut world = World::with_ana("");
        let mut items = 2;
        while items < count {
            world.pass(1_000);
            world.run(&say(CUSTOMER, &format!("item {items}"))).unwrap();
            items += 1;
            let message = world.log.last().unwrap().id.clone();
            world.run(&receipt(ANA, true, &message)).unwrap();
        }
        Self { chat: world.chat, entries: world.log }
    }

    fn items(&self) -> Vec<Arc<Entry>> {
        self.entries.iter().filter(|entry| entry.kind == EntryKind::Item).cloned().collect()
    }

    /// Reads as the server does, with a vector for a database.
    fn read(&self, request: &GetTranscriptRequest, next: Option<NextPage>) -> Read {
        let Some(plan) = transcript::plan(&self.chat, request, next) else {
            return Read::default();
        };
        let mut scanned = self.items();
        scanned.retain(|item| plan.contact.as_ref().is_none_or(|id| *id == item.contact_id));
        let from = match &plan.start {
            Start::Newest => Some(u64::MAX),
            Start::Place(place) => Some(*place),
            Start::MostRecent(n) => {
                scanned.iter().rev().take(*n as usize).next_back().map(|item| item.seq)
            }
            Start::Item(_, time) => self.place(*time, true),
            Start::Time(time) => self.place(*time, plan.forward),
        };
        let Some(from) = from else { return Read::default() };
        if plan.forward {
            scanned.retain(|item| item.seq >= from);
        } else {
            scanned.retain(|item| item.seq <= from);
            scanned.reverse();
        }
        scanned.truncate(plan.look_for() as usize);
        let page = plan.page(scanned);
        Read {
            next: plan.after(&self.chat, &page, &seat()),
            seqs: page.items.iter().map(|item| item.seq).collect(),
        }
    }

    fn place(&self, time: Timestamp, after: bool) -> Option<u64> {
        let mut places = self.entries.iter();
        let found = if after {
            places.find(|entry| entry.time >= time)
        } else {
            places.rfind(|entry| entry.time <= time)
        };
        found.map(|entry| entry.seq)
    }
}

#[derive(Debug, Default, PartialEq)]
struct Read {
    seqs: Vec<u64>,
    next: Option<NextPage>,
}

fn seat() -> Seat {
    Seat { chat: CHAT.into(), participant: CUSTOMER.into(), role: ParticipantRole::Customer }
}

fn request(json: &str) -> GetTranscriptRequest {
    let request: GetTranscriptRequest = serde_json::from_str(json).unwrap();
    request.check().unwrap();
    request
}

#[test]
fn pages_start_and_turn_as_asked() {
    let log = Log::with_items(6);
    let items = log.items();
    // Places of the items: two people joined, then a message and its receipt by turns.
    assert_eq!(items.iter().map(|item| item.seq).collect::<Vec<_>>(), [1, 2, 3, 5, 7, 9]);
    let id = |at: usize| items[at].id.as_str();
    let time = |at: usize, plus: i64| items[at].time.plus_millis(plus).to_string();
    let stranger = item_id(START.plus_millis(1), 99);
    let cases: &[(String, &[u64])] = &[
        // Defaults: backward from the newest, newest first.
        ("{}".into(), &[9, 7, 5, 3, 2, 1]),
        (r#"{"StartPosition":{}}"#.into(), &[9, 7, 5, 3, 2, 1]),
        (r#"{"StartPosition":{"MostRecent":0}}"#.into(), &[9, 7, 5, 3, 2, 1]),
        (r#"{"SortOrder":"ASCENDING"}"#.into(), &[1, 2, 3, 5, 7, 9]),
        (r#"{"MaxResults":2}"#.into(), &[9, 7]),
        // The order is that of the page alone.
        (r#"{"MaxResults":2,"SortOrder":"ASCENDING"}"#.into(), &[7, 9]),
        (r#"{"MaxResults":0}"#.into(), &[]),
        // Nothing is newer than now.
        (r#"{"ScanDirection":"FORWARD"}"#.into(), &[]),
        (r#"{"ScanDirection":"FORWARD","StartPosition":{}}"#.into(), &[]),
        // A start position turns the default direction; the item there belongs to the page.
        (format!(r#"{{"StartPosition":{{"Id":"{}"}}}}"#, id(3)), &[9, 7, 5]),
        (
            format!(r#"{{"ScanDirection":"BACKWARD","StartPosition":{{"Id":"{}"}}}}"#, id(3)),
            &[5, 3, 2, 1],
        ),
        (format!(r#"{{"StartPosition":{{"Id":"{stranger}"}}}}"#), &[]),
        (r#"{"StartPosition":{"Id":"unknown"}}"#.into(), &[]),
        // A receipt is no item.
        (format!(r#"{{"StartPosition":{{"Id":"{}"}}}}"#, log.entries[3].id), &[]),
        (format!(r#"{{"StartPosition":{{"AbsoluteTime":"{}"}}}}"#, time(3, 0)), &[9, 7, 5]),
        (format!(r#"{{"StartPosition":{{"AbsoluteTime":"{}"}}}}"#, time(3, -1)), &[9, 7, 5]),
        (format!(r#"{{"StartPosition":{{"AbsoluteTime":"{}"}}}}"#, time(3, 1)), &[9, 7]),
        (
            format!(
                r#"{{"ScanDirection":"BACKWARD","StartPosition":{{"AbsoluteTime":"{}"}}}}"#,
                time(3, -1)
            ),
            &[3, 2, 1],
        ),
        (r#"{"StartPosition":{"AbsoluteTime":"2999-01-01T00:00:00Z"}}"#.into(), &[]),
        (
            r#"{"ScanDirection":"BACKWARD","StartPosition":{"AbsoluteTime":"1999-01-01T00:00:00Z"}}"#
                .into(),
            &[],
        ),
        (r#"{"StartPosition":{"MostRecent":1}}"#.into(), &[9]),
        (r#"{"StartPosition":{"MostRecent":2}}"#.into(), &[9, 7]),
        (r#"{"StartPosition":{"MostRecent":2},"ScanDirection":"BACKWARD"}"#.into(), &[7, 5, 3, 2, 1]),
        (r#"{"StartPosition":{"MostRecent":100}}"#.into(), &[9, 7, 5, 3, 2, 1]),
        // The most exact member wins.
        (
            format!(
                r#"{{"StartPosition":{{"Id":"{}","AbsoluteTime":"{}","MostRecent":1}}}}"#,
                id(4),
                time(0, 0)
            ),
            &[9, 7],
        ),
        (
            format!(r#"{{"StartPosition":{{"AbsoluteTime":"{}","MostRecent":1}}}}"#, time(4, 0)),
            &[9, 7],
        ),
        (format!(r#"{{"ContactId":"{CHAT}","MaxResults":1}}"#), &[9]),
        (r#"{"ContactId":"another"}"#.into(), &[]),
    ];
    for (json, expected) in cases {
        assert_eq!(log.read(&request(json), None).seqs, *expected, "{json}");
    }
}

#[test]
fn ten_items_unless_told_and_a_hundred_at_most() {
    let log = Log::with_items(120);
    assert_eq!(log.read(&request("{}"), None).seqs.len(), 10);
    assert_eq!(log.read(&request(r#"{"MaxResults":100}"#), None).seqs.len(), 100);
}

#[test]
fn a_page_ends_with_a_token_only_if_there_is_more() {
    let log = Log::with_items(4);
    for (count, has_more) in [(3, true), (4, false), (5, false)] {
        let read = log.read(&request(&format!(r#"{{"MaxResults":{count}}}"#)), None);
        assert_eq!(read.next.is_some(), has_more, "{count}");
    }
}

#[test]
fn the_token_keeps_direction_order_and_contact() {
    let log = Log::with_items(6);
    let first =
        request(&format!(r#"{{"MaxResults":2,"SortOrder":"ASCENDING","ContactId":"{CHAT}"}}"#));
    let next = log.read(&first, None).next.unwrap();
    assert_eq!(
        next,
        NextPage {
            chat: CHAT.into(),
            participant: CUSTOMER.into(),
            contact: Some(CHAT.into()),
            forward: false,
            descending: false,
            place: 5,
            past: None,
        }
    );
    // Whatever else the second request says.
    let second = request(
        r#"{"MaxResults":2,"ScanDirection":"FORWARD","StartPosition":{"MostRecent":1},"ContactId":"x"}"#,
    );
    assert_eq!(log.read(&second, Some(next)).seqs, [3, 5]);
}

/// Who, whether read, after how many seconds.
type Given<'a> = &'a [(&'a str, bool, i64)];
/// Who, delivered and read after how many seconds.
type Shown<'a> = &'a [(&'a str, i64, Option<i64>)];

#[test]
fn receipts_are_folded_for_each_reader() {
    let message = {
        let item = item_id(START, 1);
        let draft = Draft {
            kind: EntryKind::Item,
            audience: Audience::All,
            contact_id: CHAT.into(),
            about: None,
            sender: None,
            body: DraftBody::Item {
                item_type: ItemType::Message,
                content_type: ContentType::TextPlain,
                content: Some("x".into()),
            },
        };
        let mut entry = place(&CHAT.into(), &draft, START, None);
        // A later version may have stored more than this one knows.
        entry.text = format!(
            r#"{{"InitialContactId":"{CHAT}","Type":"MESSAGE","Mood":{{"a":[1.50]}},"MessageMetadata":{{"MessageId":"old","Receipts":[],"MessageProcessingStatus":"PROCESSING"}},"Id":"{item}"}}"#
        )
        .into();
        entry.id = item;
        Arc::new(entry)
    };
    let at = |seconds: i64| START.plus_millis(seconds * 1_000);
    let receipt = |who: &str, read: bool, seconds: i64| {
        let draft = Draft {
            kind: EntryKind::Receipt,
            audience: Audience::All,
            contact_id: CHAT.into(),
            about: Some(message.id.clone()),
            sender: Some(Sender { id: who.into(), role: ParticipantRole::Agent, name: "A".into() }),
            body: DraftBody::Receipt { read },
        };
        Arc::new(place(&CHAT.into(), &draft, at(seconds), None))
    };
    let cases: &[(Given<'_>, Shown<'_>)] = &[
        (&[], &[]),
        (&[(ANA, false, 1)], &[(ANA, 1, None)]),
        (&[(ANA, false, 1), (ANA, true, 2)], &[(ANA, 1, Some(2))]),
        // Read implies delivered.
        (&[(ANA, true, 2)], &[(ANA, 2, Some(2))]),
        // What comes late was true before.
        (&[(ANA, true, 2), (ANA, false, 3)], &[(ANA, 2, Some(2))]),
        // The first of each kind counts.
        (&[(ANA, false, 1), (ANA, true, 2), (ANA, true, 3)], &[(ANA, 1, Some(2))]),
        (&[(ANA, false, 1), (CUSTOMER, true, 2)], &[(ANA, 1, None), (CUSTOMER, 2, Some(2))]),
    ];
    for (given, shown) in cases {
        let receipts: Vec<_> =
            given.iter().map(|(who, read, seconds)| receipt(who, *read, *seconds)).collect();
        let shown: Vec<String> = shown
            .iter()
            .map(|(who, delivered, read)| {
                let read = read
                    .map(|read| format!(r#""ReadTimestamp":"{}","#, at(read)))
                    .unwrap_or_default();
                format!(
                    r#"{{"DeliveredTimestamp":"{}",{read}"RecipientParticipantId":"{who}"}}"#,
                    at(*delivered)
                )
            })
            .collect();
        let body =
            transcript::body(&CHAT.into(), &[Arc::clone(&message)], &receipts, None).unwrap();
        let id = &message.id;
        assert_eq!(
            body,
            format!(
                r#"{{"InitialContactId":"{CHAT}","Transcript":[{{"Type":"MESSAGE","Mood":{{"a":[1.50]}},"Id":"{id}","MessageMetadata":{{"MessageId":"{id}","Receipts":[{}],"MessageProcessingStatus":"PROCESSING"}}}}]}}"#,
                shown.join(",")
            )
        );
    }
}

#[test]
fn a_body_is_what_clients_read() {
    let log = Log::with_items(5);
    let receipts: Vec<_> =
        log.entries.iter().filter(|entry| entry.kind == EntryKind::Receipt).cloned().collect();
    let body = transcript::body(&log.chat.id, &log.items(), &receipts, Some("t")).unwrap();
    let answer: GetTranscriptResponse = serde_json::from_str(&body).unwrap();
    assert_eq!(answer.initial_contact_id, Some(CHAT.into()));
    assert_eq!(answer.next_token.as_deref(), Some("t"));
    assert_eq!(answer.transcript.len(), 5);
    for item in &answer.transcript {
        let head = item.head();
        assert_eq!(head.initial_contact_id, None);
        let metadata = head.message_metadata.as_ref();
        assert_eq!(metadata.is_some(), head.item_type == Some(ItemType::Message));
        if let Some(metadata) = metadata {
            assert_eq!(metadata.message_id, head.id);
            assert_eq!(metadata.receipts.as_ref().map(Vec::len), Some(1));
        }
    }
}

#[test]
fn a_broken_text_is_an_error_and_no_page() {
    let mut log = Log::with_items(3);
    Arc::make_mut(&mut log.entries[0]).text = "[1".into();
    assert!(transcript::body(&log.chat.id, &log.items(), &[], None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn turning_pages_shows_every_item_once(
        count in 2_usize..40,
        page in 1_i64..12,
        start in proptest::option::of(0_usize..40),
        forward: bool,
        ascending: bool,
    ) {
        let log = Log::with_items(count);
        let items: Vec<u64> = log.items().iter().map(|item| item.seq).collect();
        let start = start.map(|at| at.min(items.len() - 1));
        let forward = forward && start.is_some();
        let mut expected = match (start, forward) {
            (None, _) => items.clone(),
            (Some(at), true) => items[at..].to_vec(),
            (Some(at), false) => items[..=at].to_vec(),
        };
        if !forward {
            expected.reverse();
        }
        let mut request = GetTranscriptRequest {
            max_results: Some(page),
            ..request(&format!(
                r#"{{"ScanDirection":"{}","SortOrder":"{}"}}"#,
                if forward { "FORWARD" } else { "BACKWARD" },
                if ascending { "ASCENDING" } else { "DESCENDING" },
            ))
        };
        request.start_position = start.map(|at| chatloom_wire::participant::StartPosition {
            id: Some(log.items()[at].id.clone()),
            ..Default::default()
        });
        let mut read = log.read(&request, None);
        let mut seen = Vec::new();
        loop {
            let sorted = read.seqs.is_sorted_by(|a, b| if ascending { a < b } else { a > b });
            prop_assert!(sorted, "{:?}", read.seqs);
            prop_assert!(read.seqs.len() <= page as usize);
            if forward != ascending {
                read.seqs.reverse();
            }
            seen.extend(read.seqs);
            let Some(next) = read.next else { break };
            read = log.read(&request, Some(next));
            prop_assert!(!read.seqs.is_empty(), "a token promises more");
        }
        prop_assert_eq!(seen, expected);
    }
}
