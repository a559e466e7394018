//! What the commands print and refuse.

use std::fs;

use crate::program::Program;

#[tokio::test]
async fn serve_prints_its_address_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let mut server =
        Program::start(&["serve", "--demo", "--listen", "127.0.0.1:0", "--data", folder]);
    let line = server.line().await.unwrap();
    let port = line.strip_prefix("listening on http://127.0.0.1:").unwrap();
    assert!(port.parse::<u16>().is_ok_and(|port| port > 0), "{line}");
    server.terminate().await;
    let (status, rest, errors) = server.end().await;
    assert!(status.success(), "{errors}");
    assert_eq!(rest, "");
    // What a person needs is on standard error.
    for needed in ["chatloom-demo-secret", "us-west-2", "11111111-1111-4111-8111-111111111111"] {
        assert!(errors.contains(needed), "{needed} is missing in: {errors}");
    }
}

#[tokio::test]
async fn a_demo_is_for_this_machine_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let server = Program::start(&["serve", "--demo", "--listen", address]);
        let (status, output, errors) = server.end().await;
        assert_eq!(status.code(), Some(1), "{address}: {errors}");
        assert_eq!(output, "");
        assert!(errors.contains("loopback") || errors.contains("127.0.0.1"), "{errors}");
    }
}

#[tokio::test]
async fn a_first_start_makes_keys_that_only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;

    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("data");
    let folder = folder.to_str().unwrap();
    let mut server = Program::start(&["serve", "--listen", "127.0.0.1:0", "--data", folder]);
    assert!(server.line().await.is_some_and(|line| line.starts_with("listening on ")));
    server.terminate().await;
    let (status, _, errors) = server.end().await;
    assert!(status.success(), "{errors}");
    assert!(errors.contains("chatloom config keys"), "it says where the keys are: {errors}");

    let (status, keys, errors) = Program::start(&["config", "keys", "--data", folder]).end().await;
    assert!(status.success(), "{errors}");
    let secrets: Vec<&str> = keys.split_whitespace().filter(|word| word.len() >= 32).collect();
    assert!(!secrets.is_empty(), "{keys}");
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        if secrets.iter().any(|secret| text.contains(secret)) {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        }
    }
}

#[tokio::test]
async fn a_configuration_is_checked_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chatloom.toml");
    let path = file.to_str().unwrap();
    let check = || Program::start(&["config", "check", "--config", path]).end();

    // What `print` prints can be used.
    let (status, printed, errors) = Program::start(&["config", "print"]).end().await;
    assert!(status.success(), "{errors}");
    fs::write(&file, &printed).unwrap();
    let (status, _, errors) = check().await;
    assert!(status.success(), "{errors}");

    fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\n\n[http]\nmax_bodi = 7\n").unwrap();
    let (status, output, errors) = check().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(errors.contains("max_bodi"), "it names the key: {errors}");
    assert!(errors.contains("line 5"), "and its line: {errors}");
    assert!(errors.contains("chatloom.toml"), "and the file: {errors}");

    fs::write(&file, "[server]\nlisten = 7\n").unwrap();
    let (status, _, errors) = check().await;
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("line 2"), "{errors}");
}

#[tokio::test]
async fn a_wrong_command_line_ends_with_2() {
    for args in [&["serve", "--dmeo"][..], &["chat"], &["agent", "--endpoint", "http://x"], &["x"]]
    {
        let (status, output, errors) = Program::start(args).end().await;
        assert_eq!(status.code(), Some(2), "{args:?}: {errors}");
        assert_eq!(output, "");
        assert!(errors.contains("Usage"), "{errors}");
    }
}

#[tokio::test]
async fn a_scanner_at_https_needs_certificates_that_are_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (data, none) = (folder.path().join("data"), folder.path().join("none"));
    fs::create_dir(&none).unwrap();
    let none = none.to_str().unwrap();
    let serve = |scanner: &str| {
        let args = ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let environment = [
            ("CHATLOOM_ATTACHMENTS_SCANNER_URL", scanner),
            ("SSL_CERT_DIR", none),
            ("SSL_CERT_FILE", "/dev/null"),
        ];
        Program::start_in(&args, &environment)
    };
    let (status, output, errors) = serve("https://scanner.example.org/scan?key=k").end().await;
    assert_eq!((status.code(), &*output), (Some(1), ""), "{errors}");
    for word in ["attachments.scanner_url", "SSL_CERT_FILE"] {
        assert!(errors.contains(word), "{word} is missing in: {errors}");
    }
    assert!(!errors.contains("key=k"), "{errors}");
    // One beside it needs none.
    let mut server = serve("http://127.0.0.1:9/scan");
    assert!(server.line().await.is_some_and(|line| line.starts_with("listening on ")));
    server.terminate().await;
    assert!(server.end().await.0.success());
}

#[tokio::test]
async fn a_server_whose_database_can_be_used_no_more_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let serve = ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data];
    let mut server = Program::start(&serve);
    assert!(server.line().await.is_some_and(|line| line.starts_with("listening on ")));
    server.terminate().await;
    assert!(server.end().await.0.success());
    // The writer cannot begin without it, which only the writer sees.
    let database = rusqlite::Connection::open(folder.path().join("chatloom.db")).unwrap();
    database.execute_batch("DROP TABLE start_keys").unwrap();
    drop(database);
    let (status, _, errors) = Program::start(&serve).end().await;
    assert_eq!(status.code(), Some(1), "{errors}");
    for word in ["no such table", "the store can write no more", "error: the server"] {
        assert!(errors.contains(word), "{word} is missing in: {errors}");
    }
}
