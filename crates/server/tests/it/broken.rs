//! A store that dies under a server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use chatloom_server::{
    Config, Server, Stopped,
    blob::disk::DiskBlobs,
    bus::local::Local,
    store::sqlite::{Options, Sqlite},
};
use serde_json::json;

use crate::support::{Site, clock, soon};

/// A demo whose store's writer ends by a panic at the next entry once it is told to.
async fn doomed() -> (Site, Arc<AtomicBool>) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::demo();
    config.server.data = folder.path().to_owned();
    config.server.listen = ([127, 0, 0, 1], 0).into();
    let doom = Arc::new(AtomicBool::new(false));
    let options = Options {
        random: Box::new({
            let (doom, mut count) = (Arc::clone(&doom), 0);
            move || {
                assert!(!doom.load(SeqCst), "the writer is to die");
                count += 1;
                count
            }
        }),
        ..Options::default()
    };
    let store = Arc::new(Sqlite::open(folder.path().join("chatloom.db"), options).unwrap());
    let blobs = Arc::new(DiskBlobs::open(folder.path().join("files")).unwrap());
    let (clock, bus) = (clock(), Arc::new(Local::new()));
    let local = Arc::clone(&bus);
    let listen = move |listener| local.set_listener(listener);
    let running =
        Server::start_with(config.clone(), clock.clone(), store, bus, blobs, listen).await.unwrap();
    (Site::of(running, clock, config, folder), doom)
}

#[tokio::test]
async fn a_server_whose_store_has_died_stops_and_says_so() {
    let (mut site, doom) = doomed().await;
    let address = site.address;
    let (customer, mut socket) = site.customer("Jane").await;
    customer.say("kept").await;
    let running = site.running.as_ref().unwrap();
    {
        let broken = std::pin::pin!(running.broken());
        assert!(futures_util::FutureExt::now_or_never(broken).is_none(), "all is well");
    }
    doom.store(true, SeqCst);
    let body = json!({ "ContentType": "text/plain", "Content": "lost" });
    let answer = customer.call("message", &body).await;
    assert!(answer.status >= 500, "{}: {}", answer.status, answer.body);
    let tokens = (customer.participant_token.clone(), customer.connection_token.clone());

    // It drains by itself, as when it is told to stop.
    soon("the server to break", running.broken()).await;
    assert_eq!(socket.closed().await, 1012);
    assert_eq!(site.stop().await, Stopped::Broken);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());

    // Another start finds what was acknowledged.
    site.restart().await;
    let mut customer = site.start_chat("unused").await;
    (customer.participant_token, customer.connection_token) = tokens;
    let messages = customer.messages().await;
    assert!(messages.contains(&"kept".to_owned()), "{messages:?}");
    assert!(!messages.contains(&"lost".to_owned()), "{messages:?}");
}
