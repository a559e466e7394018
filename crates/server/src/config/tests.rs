use std::path::Path;

use super::{keys::DEMO_SIGNING_KEY, *};

#[test]
fn an_empty_configuration_works() {
    let config = Config::from_toml("").unwrap();
    assert_eq!(config, Config::default());
    config.check().unwrap();
}

#[test]
fn the_demo_is_valid_and_stays_on_loopback() {
    let mut config = Config::demo();
    config.server.data = "data".into();
    config.check().unwrap();
    config.set("server.listen", "0.0.0.0:8090", "--listen").unwrap();
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("loopback"), "{error}");
}

#[test]
fn what_is_printed_is_read_again() {
    let mut config = Config::default();
    config.set("http.answer_timeout", "7s", "test").unwrap();
    config.set("cors.origins", "https://a.example, https://b.example", "test").unwrap();
    let text = config.to_toml();
    assert_eq!(Config::from_toml(&text).unwrap(), config, "{text}");
}

#[test]
fn every_key_is_printed_with_its_meaning() {
    insta::assert_snapshot!(Config::default().to_toml());
}

#[test]
fn secrets_are_not_printed() {
    let mut config = Config::demo();
    config.set("metrics.token", "hunter2", "test").unwrap();
    let file = "[[bots.endpoints]]\nname = 'a'\nurl = 'https://a.example/hunter2'\n\
                secret = 'hunter2'\n\
                [[streaming.endpoints]]\narn = 'arn:a'\nurl = 'https://a.example/hunter2'\n\
                secret = 'hunter2'\n\
                [attachments]\nscanner_url = 'http://127.0.0.1/hunter2'\n\
                [sign_in]\nclient_secret = 'hunter2'\n";
    let config = config.with_toml(file).unwrap();
    let text = format!("{}{config:?}", config.to_toml());
    for secret in ["hunter2", DEMO_SECRET, DEMO_SIGNING_KEY] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    for (text, line, key) in [
        ("[server]\n\nlisen = 1\n", "line 3", "lisen"),
        ("[sever]\n", "line 1", "sever"),
        ("[keys]\n[[keys.access]]\nid = 'a'\nsecret = 'b'\nmore = 1\n", "line 5", "more"),
        ("[http]\nmax_body = '1'\n", "line 2", "amount of memory"),
        ("demo = true\n", "line 1", "demo"),
    ] {
        let error = Config::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(line) && error.contains(key), "{error}");
    }
}

#[test]
fn errors_quote_no_secrets() {
    for text in [
        "[keys]\nsinging = 'hunter2'",
        "[keys]\naccess = 'hunter2'",
        "[keys]\nsigning = 'hunter2",
        "[metrics]\ntoken = ['hunter2']",
    ] {
        let error = Config::from_toml(text).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn later_sources_win() {
    let text = "[server]\nlisten = '127.0.0.1:1'\ndata = 'file'\n[socket]\nqueue_frames = 5\n";
    let mut config = Config::demo().with_toml(text).unwrap();
    assert!(config.demo && config.keys.access[0].id == DEMO_ACCESS_KEY);
    let variables = [
        ("CHATLOOM_SERVER_LISTEN", "127.0.0.1:2"),
        ("CHATLOOM_HTTP_MAX_BODY", "1KiB"),
        ("CHATLOOM_START_CHAT_PER_SECOND", "2.5"),
        ("CHATLOOM_PORT", "tcp://10.0.0.1:80"),
        ("PATH", "/bin"),
    ];
    let unknown = config
        .set_from_env(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
        .unwrap();
    assert_eq!(unknown, ["CHATLOOM_PORT"]);
    config.set("server.listen", "127.0.0.1:3", "--listen").unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.data, Path::new("file"));
    assert_eq!((config.socket.queue_frames, config.http.max_body.bytes()), (5, 1024));
    assert!((config.start_chat.per_second - 2.5).abs() < 1e-9);
    assert!(config.set("server.nothing", "", "x").is_err());
    assert!(config.set("nothing", "", "x").is_err());
}

#[test]
fn contradictions_are_found() {
    for (text, key) in [
        ("[keys]\nsigning = 'short'", "keys.signing"),
        ("[cors]\norigins = ['www.example.org']", "cors.origins"),
        ("[start_chat]\norigins = ['*']", "start_chat.origins"),
        ("[[agents.users]]\nid = 'a'\nname = 'A'", "hash-password"),
        ("[server]\npublic_url = 'chat.example.org'", "server.public_url"),
        ("[connection]\nper_second = 0", "connection.per_second"),
        ("[attachments]\nmax_size = '1023KiB'", "attachments.max_size"),
        ("[attachments]\nmax_size = '101MiB'", "attachments.max_size"),
        ("[attachments]\ntypes = ['gif']", "attachments.types"),
        ("[attachments]\nscanner_url = 'ftp://a/'", "attachments.scanner_url"),
        (
            "[attachments]\nscanner_url = 'http://a/'\nscanner_command = ['a']",
            "attachments.scanner_url",
        ),
        (
            "[[instance.flows]]\nid = 'a'\nwait_for_participant = '1m'\nscript = {}",
            "a custom participant",
        ),
        ("[[instance.flows]]\nid = 'a'\nwait_for_participant = '0s'", "must not be 0"),
        ("[[instance.flows]]\nid = 'a'\ndisconnect = 'b'", "is none of instance.flows"),
        ("[[instance.flows]]\nid = 'a'\ndisconnect_within = '1m'", "without disconnect"),
        (
            "[[instance.flows]]\nid = 'a'\ndisconnect = 'b'\n\
             [[instance.flows]]\nid = 'b'\nwait_for_participant = '1m'",
            "waits for a participant",
        ),
        ("[attachments]\nscanner_timeout = '61s'", "attachments.scanner_timeout"),
        ("[attachments]\nscans_at_once = 0", "attachments.scans_at_once"),
    ] {
        let error = Config::from_toml(text).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

/// A disconnect flow hands over to its own queue, or to that of the flow it follows.
#[test]
fn a_disconnect_flow_has_a_queue() {
    for (own, queue) in [("", "sales"), ("queue = 'again'", "again")] {
        let text = format!(
            "[[instance.flows]]\nid = 'a'\nqueue = 'sales'\ndisconnect = 'b'\n\
             [[instance.flows]]\nid = 'b'\n{own}\n"
        );
        let rules = Config::from_toml(&text).unwrap().rules();
        let disconnect = rules.flow(&"a".into()).disconnect.as_ref().unwrap();
        assert_eq!((disconnect.flow.as_str(), &*disconnect.queue), ("b", queue));
        assert!(rules.queues().contains(&queue));
    }
}
