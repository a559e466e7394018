//! What every storage of files has to pass.
//!
//! Call [`run`] with a storage that holds nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bytes::Bytes;
use chatloom_engine::BlobId;
use chatloom_wire::{ContactId, Timestamp};
use sha2::{Digest, Sha256};

use super::{BlobError, Blobs, PARTS};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const LATER: Timestamp = NOW.plus_millis(1_000);

fn chat(number: u8) -> ContactId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").as_str().into()
}

fn name_of(bytes: &[u8]) -> BlobId {
    BlobId(Sha256::digest(bytes).into())
}

async fn put(blobs: &dyn Blobs, chat: &ContactId, pieces: &[&[u8]], now: Timestamp) -> BlobId {
    let mut incoming = blobs.begin(chat).await.expect("a file begins");
    for piece in pieces {
        incoming.write(Bytes::copy_from_slice(piece)).await.expect("bytes are taken");
    }
    let name = incoming.name();
    let blob = incoming.finish(now).await.expect("a file is finished");
    assert_eq!(name, Some(blob), "the name is known before");
    blob
}

/// The bytes from a place on, in pieces of at most `most`.
async fn get(
    blobs: &dyn Blobs,
    chat: &ContactId,
    blob: BlobId,
    from: u64,
    most: usize,
) -> Option<Vec<u8>> {
    let mut outgoing = blobs.open(chat, blob, from).await.expect("it is looked for")?;
    let mut all = Vec::new();
    loop {
        let piece = outgoing.read(most).await.expect("it is read");
        assert!(piece.len() <= most, "no more than asked for");
        if piece.is_empty() {
            return Some(all);
        }
        all.extend_from_slice(&piece);
    }
}

async fn chats(blobs: &dyn Blobs) -> Vec<ContactId> {
    let mut all = Vec::new();
    for part in 0..PARTS {
        all.extend(blobs.chats(part).await.expect("chats are listed"));
    }
    all.sort();
    all
}

/// Runs the suite.
///
/// # Panics
///
/// When the storage does not pass.
pub async fn run(blobs: Arc<dyn Blobs>) {
    let blobs = &*blobs;
    bytes_come_back_under_the_name_of_their_content(blobs).await;
    what_is_not_finished_is_not_there(blobs).await;
    chats_do_not_see_each_other(blobs).await;
    what_is_not_named_goes_when_it_is_old(blobs).await;
    several_may_bring_the_same(blobs).await;
    a_chat_goes_whole(blobs).await;
    no_id_is_a_way_out(blobs).await;
    assert_eq!(chats(blobs).await, [], "nothing is left behind");
}

async fn bytes_come_back_under_the_name_of_their_content(blobs: &dyn Blobs) {
    let chat = chat(1);
    let long: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    for pieces in [
        &[&b"hello"[..]][..],
        &[&b"hel"[..], b"", b"lo!"],
        &[&long[..1], &long[1..70_000], &long[70_000..]],
        &[],
    ] {
        let whole = pieces.concat();
        let blob = put(blobs, &chat, pieces, NOW).await;
        assert_eq!(blob, name_of(&whole));
        assert_eq!(get(blobs, &chat, blob, 0, 64 * 1024).await.as_ref(), Some(&whole));
        let outgoing = blobs.open(&chat, blob, 0).await.unwrap().unwrap();
        assert_eq!(outgoing.size(), whole.len() as u64);
        let path = blobs.local(&chat, blob).await.unwrap().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), whole);
        for from in [1, 4, whole.len() / 2, whole.len(), whole.len() + 9] {
            let rest = whole.get(from..).unwrap_or_default();
            let found = get(blobs, &chat, blob, from as u64, 1_000).await.unwrap();
            assert_eq!(found, rest, "from {from}");
        }
    }
    assert_eq!(get(blobs, &chat, name_of(b"never"), 0, 10).await, None);
    assert_eq!(blobs.local(&chat, name_of(b"never")).await.unwrap(), None);
    blobs.delete_chat(&chat).await.unwrap();
}

async fn what_is_not_finished_is_not_there(blobs: &dyn Blobs) {
    let chat = chat(2);
    let mut incoming = blobs.begin(&chat).await.unwrap();
    incoming.write(Bytes::from_static(b"half of it")).await.unwrap();
    assert_eq!(get(blobs, &chat, name_of(b"half of it"), 0, 100).await, None);
    drop(incoming);
    assert_eq!(get(blobs, &chat, name_of(b"half of it"), 0, 100).await, None);
    assert_eq!(chats(blobs).await, []);
}

async fn chats_do_not_see_each_other(blobs: &dyn Blobs) {
    let (one, two) = (chat(3), chat(4));
    let blob = put(blobs, &one, &[b"private"], NOW).await;
    assert_eq!(get(blobs, &two, blob, 0, 100).await, None);
    assert_eq!(put(blobs, &two, &[b"private"], NOW).await, blob);
    assert_eq!(chats(blobs).await, [one.clone(), two.clone()]);
    blobs.delete_chat(&one).await.unwrap();
    assert_eq!(get(blobs, &one, blob, 0, 100).await, None);
    assert_eq!(get(blobs, &two, blob, 0, 100).await.as_deref(), Some(&b"private"[..]));
    blobs.delete_chat(&two).await.unwrap();
}

async fn what_is_not_named_goes_when_it_is_old(blobs: &dyn Blobs) {
    let chat = chat(5);
    let kept = put(blobs, &chat, &[b"named"], NOW).await;
    let old = put(blobs, &chat, &[b"old"], NOW).await;
    let new = put(blobs, &chat, &[b"new"], LATER).await;
    assert_eq!(blobs.retain(&chat, vec![kept], LATER).await.unwrap(), 1);
    assert!(get(blobs, &chat, kept, 0, 10).await.is_some());
    assert_eq!(get(blobs, &chat, old, 0, 10).await, None);
    assert!(get(blobs, &chat, new, 0, 10).await.is_some(), "it is not before that time");

    // One that came again is as new as the last time it came.
    put(blobs, &chat, &[b"named"], LATER).await;
    assert_eq!(blobs.retain(&chat, Vec::new(), LATER).await.unwrap(), 0);
    let after = LATER.plus_millis(1);
    assert_eq!(blobs.retain(&chat, Vec::new(), after).await.unwrap(), 2);
    assert_eq!(chats(blobs).await, [], "a chat without files is not listed");
    assert_eq!(blobs.retain(&chat, Vec::new(), after).await.unwrap(), 0);
}

async fn several_may_bring_the_same(blobs: &dyn Blobs) {
    let chat = chat(6);
    let both =
        futures_util::future::join_all((0..8).map(|_| put(blobs, &chat, &[b"the ", b"same"], NOW)));
    for blob in both.await {
        assert_eq!(blob, name_of(b"the same"));
    }
    let blob = name_of(b"the same");
    let mut open = blobs.open(&chat, blob, 0).await.unwrap().unwrap();
    blobs.delete_chat(&chat).await.unwrap();
    // Who reads already may read on, or is told that it is gone; never other bytes.
    if let Ok(bytes) = open.read(100).await {
        assert_eq!(bytes, b"the same"[..]);
    }
}

async fn a_chat_goes_whole(blobs: &dyn Blobs) {
    let chat = chat(7);
    for content in [b"1", b"2", b"3"] {
        put(blobs, &chat, &[content], NOW).await;
    }
    blobs.delete_chat(&chat).await.unwrap();
    for content in [b"1", b"2", b"3"] {
        assert_eq!(get(blobs, &chat, name_of(content), 0, 10).await, None);
    }
    blobs.delete_chat(&chat).await.expect("a chat without files has none to delete");
}

async fn no_id_is_a_way_out(blobs: &dyn Blobs) {
    for id in ["", "..", "../..", "/etc", "a/b", "00000000-0000-4000-8000-00000000000/", "\u{e9}"] {
        let chat = ContactId::from(id);
        let begun = blobs.begin(&chat).await;
        assert!(matches!(begun, Err(BlobError::Failed(_))), "{id:?}");
        assert!(blobs.open(&chat, name_of(b""), 0).await.is_err(), "{id:?}");
        assert!(blobs.delete_chat(&chat).await.is_err(), "{id:?}");
        assert!(blobs.retain(&chat, Vec::new(), LATER).await.is_err(), "{id:?}");
    }
}
