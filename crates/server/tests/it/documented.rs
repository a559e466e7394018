//! docs/operations.md says what each operation and each of its members does: this asks the server.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chatloom_server::config::{DEMO_CONTACT_FLOW, DEMO_INSTANCE};
use serde_json::{Value, json};

use crate::support::{Person, Site, http::Response, start_request};

const PAGE: &str = include_str!("../../../../docs/operations.md");
/// Members of offered operations.
const MEMBERS: &str = include_str!("members.txt");
/// The errors that they model.
const ERRORS: &str = include_str!("errors.txt");
/// All operations of the control plane.
const OPERATIONS: &str = include_str!("../../src/http/contact/operations.txt");

/// An operation as the page describes it.
#[derive(Debug, Default)]
struct Section {
    /// What becomes of each member.
    members: BTreeMap<String, String>,
    /// Files, and the tests in them that are named.
    tests: Vec<(String, Vec<String>)>,
}

/// What stands between backticks.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

fn sections() -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut present: Option<&mut Section> = None;
    for line in PAGE.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            assert!(!sections.contains_key(name), "{name} is there twice");
            present = Some(sections.entry(name.to_owned()).or_default());
        } else if line.starts_with("## ") {
            present = None;
        } else if let (Some(section), true) = (&mut present, line.starts_with("| `")) {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let member = code(cells[0]).remove(0);
            section.members.insert(member, cells[1].to_owned());
        } else if let (Some(section), Some(tests)) = (&mut present, line.strip_prefix("Tests: ")) {
            for group in tests.split(';') {
                let mut names = code(group);
                let file = names.remove(0);
                section.tests.push((file, names));
            }
        }
    }
    sections
}

fn not_offered() -> BTreeSet<String> {
    let list = PAGE.split("\n## Not offered\n").nth(1).unwrap();
    let list = list.lines().filter(|line| line.starts_with("- "));
    list.flat_map(code).collect()
}

fn is_file(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|extension| extension == "rs")
}

/// The tests that a cell names, `file.rs` before its own; other words between backticks are none.
fn assert_tests_exist(what: &str, cell: &str) {
    let mut text = String::new();
    for word in code(cell) {
        if is_file(&word) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(&word);
            text = std::fs::read_to_string(path)
                .unwrap_or_else(|error| panic!("{what}: {word}: {error}"));
        } else if word.contains('_') {
            assert!(text.contains(&format!("fn {word}()")), "{what}: there is no {word}");
        }
    }
}

/// The page's tables of what holds each operation to it: by operation or error, the cells.
fn proofs() -> BTreeMap<String, Vec<String>> {
    let page = PAGE.split("\n## What holds each to it\n").nth(1).unwrap();
    let page = page.split("\n## ").next().unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let mut cells: Vec<_> = cells.collect();
        (code(&cells.remove(0)).remove(0), cells)
    })
    .collect()
}

#[test]
fn every_operation_is_held_to_it_in_every_way() {
    let (errors, mut operations): (BTreeMap<_, _>, BTreeMap<_, _>) =
        proofs().into_iter().partition(|(_, cells)| cells.len() == 1);
    for (name, cells) in errors.iter().chain(&operations) {
        for cell in cells {
            assert_tests_exist(name, cell);
            let says = cell.starts_with("none") || code(cell).iter().any(|word| is_file(word));
            assert!(says, "{name}: {cell:?} names no test and does not say why");
        }
    }
    let offered: BTreeSet<_> = sections().into_keys().collect();
    for line in ERRORS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        assert!(offered.contains(name), "{name} is not offered");
        let cells = operations.remove(name).unwrap_or_else(|| panic!("{name} has no row"));
        for error in words {
            let own = code(&cells[1]).iter().any(|word| word == error);
            assert!(own || errors.contains_key(error), "{name} models {error}");
        }
    }
    assert!(operations.is_empty(), "in no model: {:?}", operations.keys());
}

/// Names, methods and paths of the control plane.
fn modelled() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let lines = OPERATIONS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            (words[0], (words[1], words[2]))
        })
        .collect()
}

#[test]
fn every_member_of_the_model_has_a_row() {
    let mut sections = sections();
    for line in MEMBERS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let Some(section) = sections.remove(name) else {
            assert!(not_offered().contains(name), "{name} is missing in docs/operations.md");
            continue;
        };
        let members: BTreeSet<_> = words.collect();
        let documented: BTreeSet<_> = section.members.keys().map(String::as_str).collect();
        assert_eq!(documented, members, "{name}");
        for (member, fate) in &section.members {
            let kind = fate.split(' ').next().unwrap();
            assert!(
                ["works", "refused"].contains(&kind) || fate == "no effect",
                "{name}.{member}: {fate}"
            );
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
        assert!(!section.tests.is_empty(), "{name} names no tests");
        for (file, tests) in section.tests {
            let text = std::fs::read_to_string(folder.join(&file))
                .unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
            for test in tests {
                assert!(text.contains(&format!("fn {test}()")), "{name}: no {test} in {file}");
            }
        }
    }
    assert!(sections.is_empty(), "in no model: {:?}", sections.keys());
}

#[tokio::test]
async fn every_operation_is_offered_or_refused_as_it_is_documented() {
    let site = Site::demo().await;
    let not_offered = not_offered();
    // Both services have a DescribeView.
    let control = PAGE.split("\n## Control plane\n").nth(1).unwrap();
    let offered: BTreeSet<_> =
        control.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    for (name, (method, path)) in modelled() {
        let path: Vec<_> = path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "x" } else { segment })
            .collect();
        let answer = site.signed(method, &path.join("/"), &Value::Null).await;
        let message = answer.json()["Message"].to_string();
        let is_refused = message.contains("this server does not offer this operation");
        assert_eq!(is_refused, not_offered.contains(name), "{name}: {message}");
        assert_eq!(!is_refused, offered.contains(name), "{name} in docs/operations.md");
        if is_refused {
            assert!(message.contains(&format!("\"{name}: ")), "{message}");
            assert_eq!(answer.status, 400, "{name}");
        }
    }
}

/// A request of an operation with members of `more` set. The contact is one that can be changed.
async fn call(site: &Site, customer: &Person<'_>, operation: &str, more: &Value) -> Response {
    let mut body = match operation {
        "StartChatContact" => start_request("Jane"),
        "StopContact" | "TagContact" => {
            json!({ "InstanceId": DEMO_INSTANCE, "ContactId": customer.contact })
        }
        "UpdateContactAttributes" => json!({
            "InstanceId": DEMO_INSTANCE, "InitialContactId": customer.contact, "Attributes": {},
        }),
        "SendMessage" => json!({ "ContentType": "text/plain", "Content": "x" }),
        "SendEvent" => json!({ "ContentType": "application/vnd.amazonaws.connect.event.typing" }),
        _ => json!({}),
    };
    merge(&mut body, more);
    let contact = format!("/contacts/{DEMO_INSTANCE}/{}", customer.contact);
    match operation {
        "StartChatContact" => site.signed("PUT", "/contact/chat", &body).await,
        "StopContact" => site.signed("POST", "/contact/stop", &body).await,
        "TagContact" => site.signed("POST", "/contact/tags", &body).await,
        "UpdateContact" => site.signed("POST", &contact, &body).await,
        "UpdateContactAttributes" => site.signed("POST", "/contact/attributes", &body).await,
        "CreateParticipantConnection" => customer.create_connection(&body).await,
        "SendMessage" => customer.call("message", &body).await,
        "SendEvent" => customer.call("event", &body).await,
        "GetTranscript" => customer.call("transcript", &body).await,
        "DisconnectParticipant" => customer.call("disconnect", &body).await,
        other => panic!("nobody knows how to call {other}"),
    }
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

/// Members in the body, with a request that uses them.
fn samples() -> Vec<(&'static str, &'static str, Value)> {
    let id = json!({ "InstanceId": DEMO_INSTANCE });
    let message = json!({ "ContentType": "text/markdown", "Content": "*x*" });
    let first = json!({
        "InitialMessage": { "ContentType": "text/plain", "Content": "x" },
    });
    let interactive = json!({ "SupportedMessagingContentTypes": ["text/plain", "text/markdown"] });
    let text = |member: &str| json!({ member: "x" });
    let within = |parent: &str, member: &str| json!({ parent: { member: "x" } });
    let mail = json!({ "AdditionalRecipients": { "CcEmailAddresses": [] } });
    let time = "2026-06-01T00:00:00.000Z";
    vec![
        ("CreateParticipantConnection", "Type", json!({ "Type": ["CONNECTION_CREDENTIALS"] })),
        (
            "CreateParticipantConnection",
            "ConnectParticipant",
            json!({ "ConnectParticipant": true }),
        ),
        ("SendMessage", "ContentType", message.clone()),
        ("SendMessage", "Content", message),
        ("SendMessage", "ClientToken", text("ClientToken")),
        ("SendEvent", "ContentType", json!({})),
        ("SendEvent", "Content", json!({ "Content": "" })),
        ("SendEvent", "ClientToken", text("ClientToken")),
        ("GetTranscript", "ContactId", text("ContactId")),
        ("GetTranscript", "MaxResults", json!({ "MaxResults": 0 })),
        ("GetTranscript", "ScanDirection", json!({ "ScanDirection": "FORWARD" })),
        ("GetTranscript", "SortOrder", json!({ "SortOrder": "ASCENDING" })),
        ("GetTranscript", "StartPosition.Id", within("StartPosition", "Id")),
        (
            "GetTranscript",
            "StartPosition.AbsoluteTime",
            json!({ "StartPosition": { "AbsoluteTime": time } }),
        ),
        (
            "GetTranscript",
            "StartPosition.MostRecent",
            json!({ "StartPosition": { "MostRecent": 7 } }),
        ),
        ("DisconnectParticipant", "ClientToken", text("ClientToken")),
        ("StartChatContact", "InstanceId", id.clone()),
        ("StartChatContact", "ContactFlowId", json!({ "ContactFlowId": DEMO_CONTACT_FLOW })),
        ("StartChatContact", "Attributes", json!({ "Attributes": { "a": "b" } })),
        ("StartChatContact", "ParticipantDetails.DisplayName", json!({})),
        (
            "StartChatContact",
            "ParticipantConfiguration.ResponseMode",
            json!({ "ParticipantConfiguration": { "ResponseMode": "COMPLETE" } }),
        ),
        ("StartChatContact", "InitialMessage.ContentType", first.clone()),
        ("StartChatContact", "InitialMessage.Content", first),
        ("StartChatContact", "ClientToken", text("ClientToken")),
        ("StartChatContact", "ChatDurationInMinutes", json!({ "ChatDurationInMinutes": 60 })),
        ("StartChatContact", "SupportedMessagingContentTypes", interactive),
        (
            "StartChatContact",
            "SegmentAttributes",
            json!({ "SegmentAttributes": { "a": { "ValueString": "b" } } }),
        ),
        ("StartChatContact", "CustomerId", text("CustomerId")),
        (
            "StartChatContact",
            "DisconnectOnCustomerExit",
            json!({ "DisconnectOnCustomerExit": ["AGENT"] }),
        ),
        ("StartChatContact", "ConnectionTypes", json!({ "ConnectionTypes": ["WEBSOCKET"] })),
        ("StopContact", "ContactId", json!({})),
        ("StopContact", "InstanceId", id.clone()),
        ("StopContact", "DisconnectReason.Code", within("DisconnectReason", "Code")),
        ("UpdateContactAttributes", "InitialContactId", json!({})),
        ("UpdateContactAttributes", "InstanceId", id.clone()),
        ("UpdateContactAttributes", "Attributes", json!({ "Attributes": { "a": "b" } })),
        ("UpdateContact", "Name", text("Name")),
        ("UpdateContact", "Description", text("Description")),
        ("UpdateContact", "References", json!({ "References": { "a": { "Type": "URL" } } })),
        (
            "UpdateContact",
            "SegmentAttributes",
            json!({ "SegmentAttributes": { "a": { "ValueString": "b" } } }),
        ),
        ("UpdateContact", "QueueInfo.Id", within("QueueInfo", "Id")),
        ("UpdateContact", "UserInfo.UserId", within("UserInfo", "UserId")),
        ("UpdateContact", "CustomerEndpoint.Type", within("CustomerEndpoint", "Type")),
        ("UpdateContact", "CustomerEndpoint.Address", within("CustomerEndpoint", "Address")),
        ("UpdateContact", "SystemEndpoint.Type", within("SystemEndpoint", "Type")),
        ("UpdateContact", "SystemEndpoint.Address", within("SystemEndpoint", "Address")),
        ("UpdateContact", "AdditionalRecipients.CcEmailAddresses", mail),
        ("TagContact", "ContactId", json!({ "Tags": { "a": "b" } })),
        ("TagContact", "InstanceId", json!({ "Tags": { "a": "b" } })),
        ("TagContact", "Tags", json!({ "Tags": { "a": "b" } })),
    ]
}

#[tokio::test]
async fn members_do_as_they_are_documented() {
    let site = Site::demo().await;
    let sections = sections();
    for (operation, member, more) in samples() {
        let fate = &sections[operation].members[member];
        let (customer, _socket) = site.customer("Jane").await;
        let answer = call(&site, &customer, operation, &more).await;
        let what = format!("{operation}.{member}: {}", answer.body);
        match fate.strip_prefix("refused ") {
            None => assert_eq!(answer.status, 200, "{what}"),
            Some(error) => {
                let (status, name) = answer.error();
                assert_eq!(error, format!("`{name}` {status}"), "{what}");
            }
        }
    }
}
