//! Copies of a server's data, taken while people chat, and put in place of what was lost.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};

use crate::{
    program::{Program, Server},
    service::{Seat, Sent, chat_with_agent, http},
};

const CHATS: usize = 3;
const PATIENCE: Duration = Duration::from_mins(2);

/// Somebody who writes until told to stop.
struct Writer {
    seat: Seat,
    name: usize,
    acknowledged: Vec<(String, Sent)>,
}

impl Writer {
    async fn write(
        mut self,
        url: Arc<str>,
        stop: Arc<AtomicBool>,
        count: Arc<AtomicUsize>,
    ) -> Self {
        let http = http();
        while !stop.load(Ordering::Relaxed) {
            self.say(&http, &url).await;
            count.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    async fn say(&mut self, http: &reqwest::Client, url: &str) {
        let content = format!("{} {}", self.name, self.acknowledged.len());
        let sent = self.seat.send(http, url, &content, &content).await.expect("it is acknowledged");
        self.acknowledged.push((content, sent));
    }
}

async fn run(args: &[&str]) -> (bool, String, String) {
    let (status, output, errors) = Program::start(args).end().await;
    (status.success(), output, errors)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_under_load_has_all_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy, again) =
        (folder.path().join("data"), folder.path().join("copy"), folder.path().join("again"));
    let mut server = Server::start(&data).await;
    let url: Arc<str> = server.url().into();
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // A file that chats need, however deep.
    let file = Path::new("files/ab/cd/file");
    fs::create_dir_all(data.join(file).parent().unwrap()).unwrap();
    fs::write(data.join(file), "bytes").unwrap();

    let mut writers = JoinSet::new();
    let mut before = Vec::new();
    for name in 0..CHATS {
        let (seat, _agent) = chat_with_agent(&http(), &url, &format!("Customer {name}")).await;
        let mut writer = Writer { seat, name, acknowledged: Vec::new() };
        for _ in 0..20 {
            writer.say(&http(), &url).await;
        }
        before.push(writer.acknowledged.clone());
        writers.spawn(writer.write(Arc::clone(&url), Arc::clone(&stop), Arc::clone(&count)));
    }
    let at_start = count.load(Ordering::Relaxed);
    // Slowly, so that much is written meanwhile.
    let args = ["backup", "--to", path(&copy), "--rate", "256KiB", "--data", path(&data)];
    let (ok, output, errors) = run(&args).await;
    assert!(ok, "{errors}");
    assert!(output.starts_with(&format!("copied {CHATS} chats")), "{output}");
    assert!(count.load(Ordering::Relaxed) > at_start, "nobody wrote while it was copied");
    stop.store(true, Ordering::Relaxed);
    let mut writers = timeout(PATIENCE, writers.join_all()).await.unwrap();
    writers.sort_by_key(|writer| writer.name);

    // Whole, secret, and not overwritten.
    for (name, mode) in [("", 0o700), ("chatloom.db", 0o600), ("backup.json", 0o600)] {
        let found = fs::metadata(copy.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found & 0o077, mode & 0o077, "{name}: {found:o}");
    }
    let (ok, _, errors) = run(&["backup", "--to", path(&copy), "--data", path(&data)]).await;
    assert!(!ok && errors.contains("is there already"), "{errors}");

    // Not over data that are there, least of all a running server's.
    let args = ["restore", "--from", path(&copy), "--data", path(&data)];
    let (ok, _, errors) = run(&args).await;
    assert!(!ok && errors.contains("in use"), "{errors}");
    server.kill().await;
    let (ok, _, errors) = run(&args).await;
    assert!(!ok && errors.contains("is there already"), "{errors}");

    let args = ["restore", "--from", path(&copy), "--data", path(&again)];
    let (ok, _, errors) = run(&args).await;
    assert!(ok, "{errors}");
    assert_eq!(fs::read(again.join(file)).unwrap(), b"bytes");
    let server = Server::start(&again).await;
    let http = http();
    for (writer, before) in writers.iter_mut().zip(&before) {
        // With the tokens they had.
        let stored = writer.seat.transcript(&http, server.url()).await;
        let own: Vec<(&str, &str)> = stored
            .iter()
            .filter_map(|item| Some((item["Content"].as_str()?, item["Id"].as_str()?)))
            .filter(|(content, _)| writer.acknowledged.iter().any(|(known, _)| known == content))
            .collect();
        // A beginning of what was acknowledged, and at least what was before the copy began.
        let expected: Vec<(&str, &str)> =
            writer.acknowledged.iter().map(|(text, sent)| (&**text, &*sent.id)).collect();
        assert!(own.len() >= before.len(), "{} of {}", own.len(), before.len());
        assert_eq!(own, expected[..own.len()]);
        writer.say(&http, server.url()).await;
    }
}

#[tokio::test]
async fn what_is_no_copy_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy, again) =
        (folder.path().join("data"), folder.path().join("copy"), folder.path().join("again"));
    let backup = ["backup", "--to", path(&copy), "--data", path(&data)];
    let restore = ["restore", "--from", path(&copy), "--data", path(&again)];
    let (ok, _, errors) = run(&backup).await;
    assert!(!ok && errors.contains("no database"), "{errors}");
    let (ok, _, errors) = run(&restore).await;
    assert!(!ok && errors.contains("no finished backup"), "{errors}");

    let mut server = Server::start(&data).await;
    chat_with_agent(&http(), server.url(), "Jane").await;
    server.kill().await;
    // Without a server too.
    let (ok, _, errors) = run(&backup).await;
    assert!(ok, "{errors}");

    let manifest = copy.join("backup.json");
    let whole = fs::read_to_string(&manifest).unwrap();
    for (wrong, why) in [
        (whole.replace("\"entries\": ", "\"entries\": 1"), "now has"),
        (whole.replace("\"form\": 1", "\"form\": 2"), "newer program"),
        (whole[..whole.len() / 2].to_owned(), "no finished backup"),
    ] {
        fs::write(&manifest, wrong).unwrap();
        let (ok, _, errors) = run(&restore).await;
        assert!(!ok && errors.contains(why), "{errors}");
        assert!(!again.exists());
    }
    fs::write(&manifest, whole).unwrap();
    let database = copy.join("chatloom.db");
    let mut bytes = fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xA5);
    fs::write(&database, bytes).unwrap();
    let (ok, _, errors) = run(&restore).await;
    assert!(!ok, "{errors}");
    assert!(!again.exists() && !folder.path().join("again.restoring").exists());
}
