//! The storage of files in a folder.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use bytes::Bytes;
use chatloom_server::blob::{Blobs as _, conformance, disk::DiskBlobs};
use chatloom_wire::{ContactId, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn chat() -> ContactId {
    "0b2cbb7f-7a4e-4d3a-9a6c-1c7b0a1c2d3e".into()
}

#[tokio::test]
async fn a_folder_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("made/when/needed");
    conformance::run(Arc::new(DiskBlobs::open(&files).unwrap())).await;
}

#[tokio::test]
async fn files_survive_and_halves_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let incoming = folder.path().join("incoming");
    let blobs = DiskBlobs::open(folder.path()).unwrap();
    let mut whole = blobs.begin(&chat()).await.unwrap();
    whole.write(Bytes::from_static(b"whole")).await.unwrap();
    let blob = whole.finish(NOW).await.unwrap();
    let mut half = blobs.begin(&chat()).await.unwrap();
    half.write(Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 1);
    // As when the process is killed: nothing is tidied up.
    std::mem::forget(half);
    drop(blobs);

    let blobs = DiskBlobs::open(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
    let mut file = blobs.open(&chat(), blob, 0).await.unwrap().unwrap();
    assert_eq!(file.read(100).await.unwrap(), b"whole"[..]);
}

#[tokio::test]
async fn nobody_else_sees_into_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let blobs = DiskBlobs::open(&files).unwrap();
    let file = blobs.begin(&chat()).await.unwrap();
    let blob = file.finish(NOW).await.unwrap();
    let path = blobs.local(&chat(), blob).await.unwrap().unwrap();
    assert!(path.starts_with(&files));
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files), mode(&path)), (0o700, 0o600));
}
