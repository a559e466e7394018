//! Deleting chats that somebody still looks at.

use super::*;

/// Its last moment has passed, and no timer has told the chat yet.
#[tokio::test]
async fn whoever_is_there_is_told_even_at_the_last_moment() {
    let node = World::new().node();
    let (customer, _) = node.talking().await;
    node.pass(26 * 60 * MINUTE);
    let whose = Whose::Contacts(vec![customer.chat.clone()]);
    assert_eq!(node.chats.delete_of(&whose).await.unwrap(), [customer.chat]);
    let told = node.published.take();
    assert!(told.iter().any(|line| line.ends_with("chat.ended")), "{told:?}");
}
