//! Copies of the data: what has to be in them.

use std::fs;

use chatloom_server::{
    backup::{self, BackupError},
    chats::Clock as _,
};
use tempfile::TempDir;

use crate::support::Site;

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

/// A copy without a file that a chat needs is put in place only if that is wanted.
#[tokio::test]
async fn a_copy_has_every_file_that_chats_need() {
    let site = Site::demo().await;
    let (customer, _socket) = site.customer("Jane").await;
    for name in ["a.txt", "b.txt"] {
        customer.send_file(name, "text/plain", name.as_bytes()).await;
    }
    let folder = TempDir::new().unwrap();
    let [copy, whole, partly] = ["copy", "whole", "partly"].map(|name| folder.path().join(name));
    let data = &site.config.server.data;
    let copied = backup::backup(data, &copy, 1 << 30, site.clock.now()).unwrap();
    let restored = backup::restore(&copy, &whole, false).unwrap();
    assert_eq!((restored.contents, restored.missing), (copied, 0));

    let [gone, kept] = <[_; 2]>::try_from(files(&copy.join("files"))).unwrap();
    fs::remove_file(&gone).unwrap();
    let refused = backup::restore(&copy, &partly, false).unwrap_err();
    let BackupError::Missing { count: 1, first, .. } = &refused else { panic!("{refused}") };
    let name = gone.file_name().unwrap().to_str().unwrap();
    assert_eq!(*first, format!("{}/{name}", customer.contact));
    assert!(refused.to_string().contains("--accept-missing"), "{refused}");
    assert!(!partly.exists());
    let restored = backup::restore(&copy, &partly, true).unwrap();
    assert_eq!((restored.contents, restored.missing), (copied, 1));
    let [left] = <[_; 1]>::try_from(files(&partly.join("files"))).unwrap();
    assert_eq!(left.file_name(), kept.file_name());
}
