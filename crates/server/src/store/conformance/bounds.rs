//! How many chats may be open at once.

use std::sync::Arc;

use chatloom_engine::{EndReason, Phase};
use futures_util::future::join_all;

use super::{Data, at, change, chat, contact, created, done, key, load};
use crate::store::Created;

/// A chat beyond the bound is not kept, unless it is the repeat of one that is; the end of one makes room.
pub async fn open_chats_have_a_bound(data: &dyn Data) {
    let store = data.open().await;
    created(&*store, 1).await;
    let second = store.create(Arc::new(chat(2)), Some(key(1, 1)), Some(2)).await.unwrap();
    assert!(matches!(second, Created::New), "{second:?}");
    let third = || store.create(Arc::new(chat(3)), Some(key(2, 1)), Some(2));
    let full = third().await.unwrap();
    assert!(matches!(full, Created::Full), "{full:?}");
    assert!(store.chat(&contact(3)).await.unwrap().is_none());
    let nobody = store.create(Arc::new(chat(4)), None, Some(0)).await.unwrap();
    assert!(matches!(nobody, Created::Full), "{nobody:?}");

    let again = store.create(Arc::new(chat(5)), Some(key(1, 1)), Some(2)).await.unwrap();
    assert!(matches!(&again, Created::Repeated(first) if first.id == contact(2)), "{again:?}");

    let first = load(&*store, &contact(1)).await;
    let end = Phase::Ended { at: at(1), reason: EndReason::Other };
    done(&*store, change(&first, at(1), |chat| chat.phase = end)).await;
    let third = third().await.unwrap();
    assert!(matches!(third, Created::New), "{third:?}");
}

/// Starts that overtake each other do not go beyond the bound together.
pub async fn concurrent_creations_keep_the_bound(data: &dyn Data) {
    let nodes = data.nodes(3).await;
    let creations = (0..30).map(|number| {
        let store = &nodes[number as usize % nodes.len()];
        async move { store.create(Arc::new(chat(number)), None, Some(7)).await.unwrap() }
    });
    let told = join_all(creations).await;
    let new = told.iter().filter(|told| matches!(told, Created::New)).count();
    assert_eq!(new, 7, "{told:?}");
}
