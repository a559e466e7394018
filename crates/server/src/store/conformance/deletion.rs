//! Deleting chats, and finding the ones to delete.

use std::sync::Arc;

use chatloom_engine::{EndReason, Phase};
use chatloom_wire::Timestamp;

use super::{Data, at, change, chat, contact, contents, created, done, items, key, load, log, say};
use crate::store::{Created, Store, StoreError};

async fn sweep_all(store: &dyn Store, limit: u32) -> u64 {
    let mut rows = 0;
    loop {
        match store.sweep_deleted(limit).await.unwrap() {
            0 => return rows,
            some => {
                assert!(some <= u64::from(limit), "{some} rows went at once");
                rows += some;
            }
        }
    }
}

/// Nothing leads to a deleted chat, at once and for good; the others are as they were.
pub async fn a_deleted_chat_is_gone(data: &dyn Data) {
    let store = data.open().await;
    let kept = created(&*store, 1).await;
    let first = store.create(Arc::new(chat(2)), Some(key(7, 1)), None).await.unwrap();
    assert!(matches!(first, Created::New));
    let gone = load(&*store, &contact(2)).await;
    for chat in [&kept, &gone] {
        done(&*store, say(chat, "one", at(1))).await;
        done(&*store, say(chat, "two", at(2))).await;
    }
    let late = say(&gone, "late", at(3));

    assert!(store.delete(&contact(2)).await.unwrap());
    assert!(!store.delete(&contact(2)).await.unwrap());
    assert!(!store.delete(&contact(9)).await.unwrap());
    let mut store = store;
    for time in ["at once", "when its entries have gone", "after reopening"] {
        match time {
            "at once" => {}
            "when its entries have gone" => assert!(sweep_all(&*store, 100).await >= 2),
            _ => {
                store.close().await.unwrap();
                store = data.open().await;
            }
        }
        assert!(store.chat(&contact(2)).await.unwrap().is_none(), "{time}");
        assert_eq!(store.chat_of_contact(&contact(2)).await.unwrap(), None, "{time}");
        assert!(log(&*store, &contact(2)).await.is_empty(), "{time}");
        assert!(store.items(items(&contact(2))).await.unwrap().is_empty(), "{time}");
        assert_eq!(store.heads(vec![contact(2), contact(1)]).await.unwrap(), [0, 2], "{time}");
        let chats = store.chats_from(0, 10).await.unwrap();
        assert_eq!(chats.len(), 1, "{time}");
        assert_eq!(contents(&log(&*store, &contact(1)).await), ["one", "two"], "{time}");
    }
    let refused = store.commit(late).await;
    assert!(matches!(refused, Err(StoreError::NoChat(_))), "{refused:?}");
    // Its key and its id are free, and its places begin anew.
    let again = store.create(Arc::new(chat(2)), Some(key(7, 2)), None).await.unwrap();
    assert!(matches!(again, Created::New), "{again:?}");
    let again = load(&*store, &contact(2)).await;
    assert_eq!(done(&*store, say(&again, "anew", at(4))).await.0[0].seq, 1);
}

/// A chat that is made while another one leaves gets nothing of it.
pub async fn a_leaving_chat_is_nobody_elses(data: &dyn Data) {
    let store = data.open().await;
    let old = created(&*store, 1).await;
    for number in 0..5 {
        done(&*store, say(&old, "old", at(number))).await;
    }
    assert!(store.delete(&contact(1)).await.unwrap());
    let new = created(&*store, 2).await;
    assert_eq!(done(&*store, say(&new, "new", at(9))).await.0[0].seq, 1);
    assert!(sweep_all(&*store, 2).await >= 5);
    assert_eq!(contents(&log(&*store, &contact(2)).await), ["new"]);
    let newer = created(&*store, 3).await;
    assert_eq!(done(&*store, say(&newer, "newer", at(9))).await.0[0].seq, 1);
}

/// Finished chats come in the order of their ends, page by page, each once.
pub async fn finished_chats_come_in_order(data: &dyn Data) {
    let store = data.open().await;
    // The third goes on; the others end in another order than they began, two at the same time.
    for (number, end) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20)), (5, Some(20))] {
        let chat = created(&*store, number).await;
        if let Some(end) = end {
            let phase = Phase::Ended { at: at(end), reason: EndReason::Other };
            done(&*store, change(&chat, at(end), |chat| chat.phase = phase)).await;
        }
    }
    let pages = async |since: Timestamp, before: Timestamp, limit: u32| {
        let (mut found, mut from) = (Vec::new(), (since, 0));
        loop {
            let page = store.finished(from, before, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { return found };
            from = (last.at, last.number + 1);
            found.extend(page.iter().map(|finished| finished.chat.id.clone()));
        }
    };
    let all = pages(at(0), at(99), 10).await;
    assert_eq!(all.len(), 4);
    assert_eq!((&all[0], &all[3]), (&contact(2), &contact(1)));
    for limit in [1, 2, 3] {
        assert_eq!(pages(at(0), at(99), limit).await, all, "{limit}");
    }
    assert_eq!(pages(at(11), at(99), 2).await, all[1..]);
    assert_eq!(pages(at(0), at(30), 2).await, all[..3]);
    assert_eq!(pages(at(20), at(21), 1).await, all[1..3]);
    store.delete(&contact(4)).await.unwrap();
    assert_eq!(pages(at(0), at(99), 1).await, [contact(2), contact(5), contact(1)]);
}

/// All chats come page by page, each once.
pub async fn all_chats_come_page_by_page(data: &dyn Data) {
    let store = data.open().await;
    for number in 0..7 {
        created(&*store, number).await;
    }
    let (mut found, mut from) = (Vec::new(), 0);
    loop {
        let page = store.chats_from(from, 3).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        assert!(page.len() <= 3 && *last >= from);
        from = last + 1;
        found.extend(page.into_iter().map(|(_, versioned)| versioned.chat.id.clone()));
    }
    found.sort();
    let mut expected: Vec<_> = (0..7).map(contact).collect();
    expected.sort();
    assert_eq!(found, expected);
}
