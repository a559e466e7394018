//! Cases about followers: whom outside a chat's entries are told to, and how far they are.

use std::sync::Arc;

use chatloom_engine::{Follower, FollowerId, FollowerKind};
use chatloom_wire::Timestamp;

use super::{Data, NOON, append, at, change, chat, contact, created, done, load, message, say};
use crate::store::{Created, FollowerPlace, FollowerStep, Store, Versioned};

fn follower(number: u64) -> FollowerId {
    FollowerId::from(contact(1_000 + number).as_str())
}

fn stream(number: u64) -> Follower {
    Follower::stream(follower(number), "arn:aws:sns:us-west-2:0:chats")
}

async fn due(store: &dyn Store, now: Timestamp) -> Vec<FollowerPlace> {
    store.followers_due(now, 100).await.unwrap()
}

/// Adds a follower, with as many messages in the same commit.
async fn add(store: &dyn Store, number: u64, chat: &Versioned, messages: usize) -> Versioned {
    let mut commit = change(chat, NOON, |chat| chat.followers.push(stream(number)));
    commit.drafts = vec![message(&chat.chat.id, "with it"); messages];
    done(store, commit).await;
    load(store, &chat.chat.id).await
}

fn place(number: u64, chat: u64, place: u64) -> FollowerPlace {
    let kind = stream(number).kind;
    FollowerPlace { follower: follower(number), chat: contact(chat), kind, place, failures: 0 }
}

fn step(number: u64, from: u64, to: u64) -> FollowerStep {
    FollowerStep { follower: follower(number), from, to, failures: 0, retry: None, now: NOON }
}

/// A follower is due from the entries on that come with it or after it, and not for those before.
pub async fn a_follower_is_due_when_something_is_appended(data: &dyn Data) {
    let store = data.open().await;
    let silent = created(&*store, 1).await;
    done(&*store, say(&silent, "before", at(0))).await;
    let silent = add(&*store, 1, &silent, 0).await;
    let talking = created(&*store, 2).await;
    done(&*store, say(&talking, "before", at(0))).await;
    add(&*store, 2, &talking, 2).await;
    // And one that is there from the start.
    let mut from_start = chat(3);
    from_start.followers.push(stream(3));
    assert!(matches!(store.create(Arc::new(from_start), None, None).await.unwrap(), Created::New));
    assert_eq!(due(&*store, at(10)).await, [place(2, 2, 1)]);

    done(&*store, say(&silent, "after", at(20))).await;
    done(&*store, say(&load(&*store, &contact(3)).await, "first", at(15))).await;
    assert_eq!(due(&*store, at(10)).await, [place(2, 2, 1)], "the time of the append counts");
    let all = [place(2, 2, 1), place(3, 3, 0), place(1, 1, 1)];
    assert_eq!(due(&*store, at(20)).await, all, "longest due first");
    assert_eq!(store.followers_due(at(20), 2).await.unwrap(), all[..2]);
}

/// However many wait for an endpoint, those of the others are found, and in the order of their waiting.
pub async fn no_endpoint_hides_the_others(data: &dyn Data) {
    let store = data.open().await;
    for number in 1..=40 {
        let chat = created(&*store, number).await;
        add(&*store, number, &chat, 1).await;
    }
    let mut others = Vec::new();
    for (number, kind) in [
        (41, FollowerKind::Stream { endpoint: "arn:aws:sns:us-west-2:0:quiet".to_owned() }),
        (42, FollowerKind::Bot { name: "shop".to_owned() }),
        // One whose text begins as another's, and one that looks like another kind's.
        (43, FollowerKind::Bot { name: "shop two".to_owned() }),
        (44, FollowerKind::Stream { endpoint: "shop".to_owned() }),
    ] {
        let chat = created(&*store, number).await;
        let follower = Follower { id: follower(number), kind: kind.clone() };
        let late = at(number as i64);
        let mut commit = change(&chat, late, |chat| chat.followers.push(follower));
        commit.drafts = vec![message(&chat.chat.id, "late")];
        done(&*store, commit).await;
        others.push(FollowerPlace { kind, ..place(number, number, 0) });
    }
    let found = store.followers_due(at(50), 3).await.unwrap();
    let busy = [place(1, 1, 0), place(2, 2, 0), place(3, 3, 0)];
    assert_eq!(found, [busy.as_slice(), &others].concat());
    assert_eq!(store.followers_due(at(42), 1).await.unwrap().len(), 3, "the others are not due");
    assert_eq!(store.followers_due(at(50), 100).await.unwrap().len(), 44);
}

/// Moving on is from where the follower is; it stays due while there is more.
pub async fn a_follower_moves_on_from_where_it_is(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let chat = add(&*store, 1, &chat, 3).await;
    assert!(!store.advance(step(1, 1, 2)).await.unwrap(), "it is at 0");
    assert!(!store.advance(step(2, 0, 2)).await.unwrap(), "nobody");
    assert!(store.advance(step(1, 0, 2)).await.unwrap());
    assert_eq!(due(&*store, at(0)).await, [place(1, 1, 2)], "there is more");
    assert!(store.advance(step(1, 2, 3)).await.unwrap());
    assert_eq!(due(&*store, at(1_000_000)).await, [], "it has been told everything");
    done(&*store, say(&chat, "more", at(5))).await;
    assert_eq!(due(&*store, at(5)).await, [place(1, 1, 3)]);
}

/// A failure leaves it where it is until its next try, whatever is appended meanwhile.
pub async fn a_follower_that_failed_waits(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let chat = add(&*store, 1, &chat, 2).await;
    let failed = FollowerStep { failures: 3, retry: Some(at(500)), ..step(1, 0, 1) };
    assert!(store.advance(failed).await.unwrap());
    done(&*store, say(&chat, "more", at(100))).await;
    assert_eq!(due(&*store, at(499)).await, []);
    assert_eq!(due(&*store, at(500)).await, [FollowerPlace { failures: 3, ..place(1, 1, 1) }]);
    // One that fails at the end of what there is has nothing to wait for.
    assert!(store.advance(FollowerStep { retry: Some(at(900)), ..step(1, 1, 3) }).await.unwrap());
    assert_eq!(due(&*store, at(1_000)).await, []);
}

/// With the change of the state that has it no longer, a follower is gone.
pub async fn a_follower_goes_with_the_state(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let chat = add(&*store, 1, &chat, 1).await;
    let chat = add(&*store, 2, &chat, 1).await;
    let mut places = due(&*store, at(0)).await;
    places.sort_by(|a, b| a.follower.cmp(&b.follower));
    assert_eq!(places, [place(1, 1, 0), place(2, 1, 1)]);
    let without = change(&chat, at(1), |chat| chat.followers.retain(|it| it.id != follower(1)));
    done(&*store, without).await;
    assert_eq!(due(&*store, at(1)).await, [place(2, 1, 1)]);
    assert!(!store.advance(step(1, 0, 1)).await.unwrap());
    // One that comes back begins where the log is then.
    let chat = load(&*store, &contact(1)).await;
    add(&*store, 1, &chat, 1).await;
    assert!(due(&*store, at(1)).await.contains(&place(1, 1, 2)));
}

/// A chat that is deleted has nobody who is to be told of it.
pub async fn followers_go_with_their_chat(data: &dyn Data) {
    let store = data.open().await;
    for number in [1, 2] {
        let chat = created(&*store, number).await;
        add(&*store, number, &chat, 1).await;
    }
    assert!(store.delete(&contact(1)).await.unwrap());
    assert_eq!(due(&*store, at(0)).await, [place(2, 2, 0)]);
    assert!(!store.advance(step(1, 0, 1)).await.unwrap());
}

/// Places, waits and what is due are known after reopening.
pub async fn followers_survive_reopening(data: &dyn Data) {
    let store = data.open().await;
    let chat = created(&*store, 1).await;
    let chat = add(&*store, 1, &chat, 2).await;
    let chat = add(&*store, 2, &chat, 1).await;
    assert!(store.advance(step(1, 0, 3)).await.unwrap());
    let failed = FollowerStep { failures: 1, retry: Some(at(700)), ..step(2, 2, 2) };
    assert!(store.advance(failed).await.unwrap());
    store.close().await.unwrap();

    let store = data.open().await;
    assert_eq!(due(&*store, at(699)).await, []);
    let second = FollowerPlace { failures: 1, ..place(2, 1, 2) };
    assert_eq!(due(&*store, at(700)).await, std::slice::from_ref(&second));
    // A store that has only just read the chat knows that it has followers.
    let more = append(&contact(1), chat.version, vec![message(&contact(1), "more")], at(800));
    done(&*store, more).await;
    assert_eq!(due(&*store, at(800)).await, [second, place(1, 1, 3)]);
}
