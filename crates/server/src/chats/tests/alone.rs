//! A server that has its store to itself.

use super::*;
use crate::chats::Whose;

impl World {
    fn node_alone(&self) -> Node {
        let node = self.node();
        let chats = Arc::into_inner(node.chats).expect("nobody else has it yet");
        Node { chats: Arc::new(chats.alone()), ..node }
    }
}

#[tokio::test]
async fn whoever_comes_is_known_without_asking_the_store() {
    let world = World::new();
    let node = world.node_alone();
    let customer = node.start().await;
    assert_eq!(node.chats.head(&customer.chat), Some(0));
    node.chats.admit(&customer).await.unwrap();
    node.chats.connect(&customer).await.unwrap();
    let head = node.store.heads(vec![customer.chat.clone()]).await.unwrap()[0];
    assert!(head > 0);
    assert_eq!(node.chats.head(&customer.chat), Some(head));
    node.say(&customer, "one").await.unwrap();
    assert_eq!(node.chats.head(&customer.chat), Some(head + 1));
    assert_eq!(node.chats.counts().loaded.load(Relaxed), 0);

    // After a start nothing is in memory.
    let restarted = world.node_alone();
    assert_eq!(restarted.chats.head(&customer.chat), None);
    restarted.chats.admit(&customer).await.unwrap();
    restarted.chats.admit(&customer).await.unwrap();
    assert_eq!(restarted.chats.counts().loaded.load(Relaxed), 1);
    assert_eq!(restarted.chats.head(&customer.chat), None, "nothing was stored by this one");
    restarted.say(&customer, "two").await.unwrap();
    assert_eq!(restarted.chats.head(&customer.chat), Some(head + 2));
}

#[tokio::test]
async fn whoever_may_not_is_refused() {
    let node = World::new().node_alone();
    let (customer, ana) = node.talking().await;
    node.chats.admit(&ana).await.unwrap();
    node.chats.disconnect(&ana, DisconnectParticipantRequest::default()).await.unwrap();
    // With the agent the chat has gone.
    for seat in [&ana, &customer] {
        assert_eq!(kind(node.chats.admit(seat).await), "AccessDeniedException");
    }
}

#[tokio::test]
async fn one_that_is_not_alone_takes_no_place_for_certain() {
    let node = World::new().node();
    let customer = node.waiting().await;
    assert_eq!(node.chats.head(&customer.chat), None);
}

/// What was read or stored before may be on its way still when the chat is deleted.
#[tokio::test]
async fn a_deleted_chat_does_not_come_back_to_memory() {
    let node = World::new().node_alone();
    let (customer, _ana) = node.talking().await;
    let (held, _) = node.chats.load(&customer.chat).await.unwrap();
    let whose = Whose::Contacts(vec![customer.chat.clone()]);
    let deleted = node.chats.delete_of(&whose).await.unwrap();
    assert_eq!(deleted.len(), 1);
    node.chats.remember(&customer.chat, held);
    assert_eq!(kind(node.chats.admit(&customer).await), "AccessDeniedException");
    assert_eq!(node.chats.head(&customer.chat), None);
}
