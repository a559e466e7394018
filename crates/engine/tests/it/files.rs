//! Files of a chat (docs/protocol/participant-service.md §3.6 to §3.8, §8).

use chatloom_engine::{
    AttachmentCommand, BlobId, Chat, Command, EntryKind, PastChat, attachment,
    attachment::{RequestKey, Stage},
    limits, media, transcript,
};
use chatloom_wire::{
    ItemId, ParticipantRole, participant::GetTranscriptResponse,
    participant::StartAttachmentUploadRequest,
};

use crate::world::{ANA, CUSTOMER, World, disconnect, receipt, rules, say};

const BLOB: BlobId = BlobId([7; 32]);
const LARGEST: u64 = 1_000;

fn start_of(participant: &str, number: u64, size: i64) -> Command {
    Command::Attachment(AttachmentCommand::Start {
        participant: participant.into(),
        id: format!("file-{number}").into(),
        request: StartAttachmentUploadRequest {
            content_type: "text/plain".to_owned(),
            attachment_size_in_bytes: size,
            attachment_name: format!("{number}.txt"),
            client_token: format!("token {number}"),
        },
        key: RequestKey { token: number, body: size as u64 },
        upload_by: crate::world::START.plus_millis(limits::UPLOAD_URL_MS),
    })
}

fn start(number: u64) -> Command {
    start_of(CUSTOMER, number, 10)
}

fn uploaded(number: u64, blob: BlobId, genuine: bool) -> Command {
    let attachment = format!("file-{number}").into();
    Command::Attachment(AttachmentCommand::Uploaded { attachment, blob, genuine })
}

fn complete_of(participant: &str, number: u64, token: u64, scan: bool) -> Command {
    Command::Attachment(AttachmentCommand::Complete {
        participant: participant.into(),
        attachment: format!("file-{number}").into(),
        token,
        largest: LARGEST,
        scan,
    })
}

fn complete(number: u64, scan: bool) -> Command {
    complete_of(CUSTOMER, number, 1_000 + number, scan)
}

fn judge(number: u64, item: &ItemId, approve: bool) -> Command {
    let attachment = format!("file-{number}").into();
    Command::Attachment(AttachmentCommand::Judge { attachment, item: item.clone(), approve })
}

/// Starts and uploads.
fn bring(world: &mut World, number: u64) {
    world.run(&start(number)).unwrap();
    world.run(&uploaded(number, BLOB, true)).unwrap();
}

fn stage(chat: &Chat, number: u64) -> &Stage {
    &chat.attachment(&format!("file-{number}").into()).unwrap().stage
}

fn find(world: &World, participant: &str, number: u64) -> Result<(), String> {
    let id = format!("file-{number}").into();
    attachment::find(world.now, &world.chat, &participant.into(), &id)
        .map(drop)
        .map_err(|refusal| refusal.0.kind.name().to_owned())
}

const REFUSED: Result<Vec<String>, &str> = Err("ValidationException");

fn run(world: &mut World, command: &Command) -> Result<Vec<String>, String> {
    world.run(command)
}

fn name(result: &Result<Vec<String>, String>) -> Result<Vec<String>, &str> {
    result.as_ref().cloned().map_err(String::as_str)
}

#[test]
fn a_file_is_started_uploaded_and_sent() {
    let mut world = World::with_ana("");
    assert_eq!(world.run(&start(1)), Ok(vec![]));
    assert_eq!(name(&run(&mut world, &complete(1, false))), REFUSED, "it is not here yet");
    assert_eq!(find(&world, CUSTOMER, 1), Err("ValidationException".into()));
    assert_eq!(world.run(&uploaded(1, BLOB, true)), Ok(vec![]));
    assert_eq!(find(&world, CUSTOMER, 1), Err("ValidationException".into()), "it is not sent yet");
    assert_eq!(world.run(&complete(1, false)), Ok(vec!["CUSTOMER 1.txt APPROVED".into()]));
    assert_eq!(find(&world, CUSTOMER, 1), Ok(()));
    assert_eq!(find(&world, ANA, 1), Ok(()), "whoever is in the chat may have it");
    assert_eq!(find(&world, ANA, 2), Err("ValidationException".into()));
    assert_eq!(find(&world, "stranger", 1), Err("AccessDeniedException".into()));
}

#[test]
fn the_item_is_as_published_samples_are() {
    let mut world = World::with_ana("");
    bring(&mut world, 1);
    world.pass(1_000).run(&complete(1, true)).unwrap();
    let item = world.log.last().unwrap().clone();
    insta::assert_snapshot!(item.text, @r#"{"AbsoluteTime":"2026-09-21T14:13:21.000Z","Id":"01a0c450-6fe8-7000-8000-000000000003","Type":"ATTACHMENT","ParticipantId":"c0000000-0000-4000-8000-000000000001","DisplayName":"Cleo","ParticipantRole":"CUSTOMER","Attachments":[{"ContentType":"text/plain","AttachmentId":"file-1","AttachmentName":"1.txt","Status":"IN_PROGRESS"}],"InitialContactId":"0b2cbb7f-7a4e-4d3a-9a6c-1c7b0a1c2d3e","ContactId":"0b2cbb7f-7a4e-4d3a-9a6c-1c7b0a1c2d3e"}"#);
    world.pass(5_000).run(&judge(1, &item.id, false)).unwrap();
    let status = world.log.last().unwrap();
    assert_eq!((status.kind, status.about.as_ref()), (EntryKind::AttachmentStatus, Some(&item.id)));
    assert_ne!((&status.id, status.time), (&item.id, item.time), "a place of its own");
    assert_eq!(*status.text, item.text.replace("IN_PROGRESS", "REJECTED"), "and the item's Id");
}

#[test]
fn what_is_not_what_it_says_is_rejected_without_a_scan() {
    for scan in [false, true] {
        let mut world = World::with_ana("");
        world.run(&start(1)).unwrap();
        world.run(&uploaded(1, BLOB, false)).unwrap();
        assert_eq!(world.run(&complete(1, scan)), Ok(vec!["CUSTOMER 1.txt REJECTED".into()]));
        assert_eq!(find(&world, ANA, 1), Err("ValidationException".into()));
        assert_eq!(world.chat.attachments[0].blob(), None, "nobody needs its bytes");
    }
}

#[test]
fn a_scanner_has_the_last_word() {
    for (approve, status, found) in
        [(true, "APPROVED", Ok(())), (false, "REJECTED", Err("ValidationException".to_owned()))]
    {
        let mut world = World::with_ana("");
        bring(&mut world, 1);
        assert_eq!(world.run(&complete(1, true)), Ok(vec!["CUSTOMER 1.txt IN_PROGRESS".into()]));
        assert_eq!(world.chat.scanning(), 1);
        assert_eq!(find(&world, ANA, 1), Err("ValidationException".into()));
        let item = world.log.last().unwrap().id.clone();
        let told = Ok(vec![format!("CUSTOMER 1.txt {status}")]);
        assert_eq!(world.run(&judge(1, &item, approve)), told);
        assert_eq!(world.chat.scanning(), 0);
        assert_eq!(find(&world, ANA, 1), found);
        assert_eq!(world.run(&judge(1, &item, !approve)), Ok(vec![]), "the first word is the last");
        assert_eq!(find(&world, ANA, 1), found);
    }
}

#[test]
fn a_judgement_counts_after_the_end_too() {
    let mut world = World::with_ana("");
    bring(&mut world, 1);
    world.run(&complete(1, true)).unwrap();
    let item = world.log.last().unwrap().id.clone();
    world.run(&disconnect(CUSTOMER)).unwrap();
    assert_eq!(world.run(&judge(1, &item, true)), Ok(vec!["CUSTOMER 1.txt APPROVED".into()]));
    assert_eq!(find(&world, ANA, 1), Err("AccessDeniedException".into()), "the chat is over");
}

#[test]
fn repeats_are_harmless_and_other_requests_are_refused() {
    let mut world = World::with_ana("");
    world.run(&start(1)).unwrap();
    let first = world.chat.attachments.clone();
    assert_eq!(world.run(&start(1)), Ok(vec![]));
    assert_eq!(world.chat.attachments, first);
    assert_eq!(name(&run(&mut world, &start_of(CUSTOMER, 1, 11))), REFUSED, "another body");
    assert_eq!(world.run(&start_of(ANA, 1, 11)), Ok(vec![]), "tokens are a participant's own");
    assert_eq!(world.chat.attachments.len(), 2);

    world.run(&uploaded(1, BLOB, true)).unwrap();
    assert_eq!(world.run(&uploaded(1, BLOB, true)), Ok(vec![]), "the same bytes again");
    let other = world.run(&uploaded(1, BlobId([8; 32]), true));
    assert_eq!(other, Err("ConflictException".into()));

    for scan in [true, false] {
        let number = if scan { 1 } else { 2 };
        if !scan {
            bring(&mut world, 2);
        }
        assert_eq!(world.run(&complete(number, scan)).map(|told| told.len()), Ok(1));
        assert_eq!(world.run(&complete(number, scan)), Ok(vec![]), "the same token");
        let other = world.run(&complete_of(CUSTOMER, number, 5, scan));
        assert_eq!(other, Err("ConflictException".into()));
        assert_eq!(world.run(&uploaded(number, BLOB, true)), Err("ConflictException".into()));
        assert_eq!(world.run(&start(number)), Ok(vec![]), "its start still has its answer");
    }
}

#[test]
fn only_who_brings_a_file_sends_it() {
    let mut world = World::with_ana("");
    bring(&mut world, 1);
    assert_eq!(name(&run(&mut world, &complete_of(ANA, 1, 1, false))), REFUSED);
    assert_eq!(name(&run(&mut world, &complete(9, false))), REFUSED);
    assert!(matches!(stage(&world.chat, 1), Stage::Uploaded { .. }));
}

#[test]
fn nobody_sends_files_before_or_after_the_chat() {
    let denied = Err("AccessDeniedException".to_owned());
    let mut world = World::new(rules(None), "");
    assert_eq!(world.run(&start(1)), denied, "the customer has not connected");
    let mut world = World::with_ana("");
    bring(&mut world, 1);
    world.run(&start(2)).unwrap();
    world.run(&disconnect(CUSTOMER)).unwrap();
    for command in [start(3), uploaded(2, BLOB, true), complete(1, false)] {
        assert_eq!(world.run(&command), denied, "{command:?}");
    }
    assert_eq!(find(&world, CUSTOMER, 1), Err("AccessDeniedException".into()));
}

#[test]
fn custom_participants_have_no_attachments() {
    let mut world = World::with_ana("");
    bring(&mut world, 1);
    world.run(&complete(1, false)).unwrap();
    world.chat.participants.last_mut().unwrap().role = ParticipantRole::CustomBot;
    let denied = Err("AccessDeniedException".to_owned());
    assert_eq!(world.run(&start_of(ANA, 5, 5)), denied);
    assert_eq!(world.run(&complete_of(ANA, 1, 5, false)), denied);
    assert_eq!(find(&world, ANA, 1), Err("AccessDeniedException".into()));
}

#[test]
fn a_chat_has_room_for_thirty_five_files() {
    let mut world = World::with_ana("");
    for number in 0..limits::ATTACHMENTS_IN_CHAT as u64 {
        bring(&mut world, number);
    }
    let full = Err("ServiceQuotaExceededException".to_owned());
    assert_eq!(world.run(&start(100)), full);
    world.run(&complete(0, false)).unwrap();
    assert_eq!(world.run(&start(100)), full, "a file that is sent keeps its place");
    assert_eq!(world.run(&start(0)), Ok(vec![]), "a repeat needs no place");

    // What is here and was not sent goes after a day.
    world.pass(limits::UPLOAD_KEPT_MS - 1);
    assert_eq!(world.run(&start(100)), full);
    world.pass(1);
    assert_eq!(world.run(&start(100)), Ok(vec![]));
    assert_eq!(world.chat.attachments.len(), 2);
    assert_eq!(name(&run(&mut world, &complete(1, false))), REFUSED, "it is gone");
}

#[test]
fn an_upload_that_never_came_gives_way() {
    let mut world = World::with_ana("");
    for number in 0..limits::ATTACHMENTS_IN_CHAT as u64 {
        world.run(&start(number)).unwrap();
    }
    world.run(&uploaded(0, BLOB, true)).unwrap();
    let full = Err("ServiceQuotaExceededException".to_owned());
    world.pass(limits::UPLOAD_URL_MS - 1);
    assert_eq!(world.run(&start(100)), full);
    world.pass(1);
    assert_eq!(world.run(&start(100)), Ok(vec![]));
    let ids: Vec<_> = world.chat.attachments.iter().map(|file| file.id.as_str()).collect();
    assert_eq!((ids.len(), ids[0], ids[1]), (35, "file-0", "file-2"), "the oldest without bytes");
}

#[test]
fn what_is_larger_than_is_taken_now_is_not_sent() {
    for (size, expected) in [
        (LARGEST as i64, Ok(vec!["CUSTOMER 1.txt APPROVED".to_owned()])),
        (LARGEST as i64 + 1, Err("ServiceQuotaExceededException".to_owned())),
    ] {
        let mut world = World::with_ana("");
        world.run(&start_of(CUSTOMER, 1, size)).unwrap();
        world.run(&uploaded(1, BLOB, true)).unwrap();
        assert_eq!(world.run(&complete(1, false)), expected);
    }
}

#[test]
fn a_transcript_has_the_newest_status_and_the_receipts() {
    let mut world = World::with_ana("");
    bring(&mut world, 1);
    world.run(&complete(1, true)).unwrap();
    let item = world.log.last().unwrap().clone();
    world.run(&receipt(ANA, true, &item.id)).unwrap();
    world.run(&say(CUSTOMER, "there you are")).unwrap();
    world.run(&judge(1, &item.id, true)).unwrap();
    let (items, about): (Vec<_>, Vec<_>) =
        world.log.iter().cloned().partition(|entry| entry.kind == EntryKind::Item);
    let body = transcript::body(&world.chat.id, &items, &about, None).unwrap();
    let page: GetTranscriptResponse = serde_json::from_str(&body).unwrap();
    let file = &page.transcript[2];
    assert_eq!(file.head().id.as_ref(), Some(&item.id));
    assert_eq!(file.head().absolute_time.as_deref(), Some(&*item.time.to_string()));
    assert_eq!(file.attachments()[0].status.as_deref(), Some("APPROVED"));
    let receipts = file.head().message_metadata.as_ref().unwrap().receipts.as_ref().unwrap();
    assert_eq!(receipts.len(), 1);
    assert_eq!(page.transcript.len(), 4, "a status is no item of its own");
}

#[test]
fn a_chat_of_an_earlier_release_has_no_files() {
    let world = World::with_ana("");
    let text = serde_json::to_string(&world.chat).unwrap();
    assert!(!text.contains("attachments"));
    let read: Chat = serde_json::from_str(&text).unwrap();
    assert_eq!(read, world.chat);
}

#[test]
fn files_survive_in_the_state_and_their_names_do_not_print() {
    let mut world = World::with_ana("");
    for number in 0..4 {
        world.run(&start(number)).unwrap();
    }
    for number in 1..4 {
        world.run(&uploaded(number, BLOB, number != 3)).unwrap();
        if number != 1 {
            world.run(&complete(number, true)).unwrap();
        }
    }
    let text = serde_json::to_string(&world.chat).unwrap();
    let read: Chat = serde_json::from_str(&text).unwrap();
    assert_eq!(read, world.chat);
    let printed = format!("{:?} {:?} {:?}", world.chat.attachments, world.chat, start(1));
    assert!(!printed.contains(".txt") && printed.contains("Scanning"), "{printed}");
}

#[test]
fn only_what_shows_of_a_past_can_be_found() {
    let mut world = World::with_ana("");
    for number in 1..4 {
        bring(&mut world, number);
    }
    world.run(&complete(1, false)).unwrap();
    // The chat goes on with another contact; the second file is sent there, the third never.
    let mut second = world.chat.contacts[0].clone();
    second.id = "second".into();
    world.chat.contacts.push(second);
    world.run(&complete(2, false)).unwrap();
    for (contacts, shown) in [(1, &["file-1"][..]), (2, &["file-1", "file-2"])] {
        let past = PastChat {
            chat: world.chat.id.clone(),
            customer: CUSTOMER.into(),
            contacts,
            last: u64::MAX,
        };
        for id in ["file-1", "file-2", "file-3", "file-4"] {
            let found = attachment::find_past(&past, &world.chat, &id.into());
            assert_eq!(found.is_some(), shown.contains(&id), "{id} of {contacts}");
        }
    }
}

/// docs/protocol/participant-service.md §5.3 itself, row by row.
#[test]
fn every_type_of_the_protocol_is_taken() {
    let page = include_str!("../../../../docs/protocol/participant-service.md");
    let section = page.split("### 5.3").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| .")).collect();
    assert_eq!(rows.len(), 16);
    let types = rows.iter().flat_map(|row| row.split('|').nth(2).unwrap().split('`'));
    let types: Vec<&str> = types.filter(|part| part.contains('/')).collect();
    assert_eq!(types.len(), 21, "{types:?}");
    for content_type in types {
        assert!(media::check_type(content_type, &[]).is_ok(), "{content_type}");
    }
}
