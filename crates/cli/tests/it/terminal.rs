//! A whole chat between the two terminal clients, as programs drive them (docs/cli-jsonl.md).

use serde_json::{Value, json};

use crate::program::{Program, Server};

const JOINED: &str = "application/vnd.amazonaws.connect.event.participant.joined";
const ENDED: &str = "application/vnd.amazonaws.connect.event.chat.ended";

fn terminal(command: &str, server: &Server, more: &[&str]) -> Program {
    let mut args = vec![command, "--endpoint", server.url(), "--format", "jsonl"];
    args.extend(more);
    Program::start(&args)
}

fn is(object: &Value, kind: &str) -> bool {
    object["type"] == kind
}

/// Waits for a message from somebody in this role.
async fn hears(program: &mut Program, role: &str, content: &str) -> Value {
    let what = format!("{content:?} from {role}");
    let wanted = |object: &Value| {
        is(object, "message") && object["role"] == role && object["content"] == content
    };
    program.until(&what, wanted).await
}

#[tokio::test]
async fn a_customer_and_an_agent_chat_from_two_terminals() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let mut customer = terminal("chat", &server, &["--name", "Jane"]);
    let started = customer.until("its start", |object| is(object, "started")).await;
    let greeting = |object: &Value| is(object, "message") && object["role"] == "SYSTEM";
    customer.until("a greeting", greeting).await;

    // The assistant answers, then hands over.
    customer.say(&json!({ "send": "when are you open?", "ref": 1 })).await;
    customer.until("an answer", greeting).await;
    customer.say(&json!({ "send": "agent", "ref": "two" })).await;
    let sent = |object: &Value| is(object, "sent") && object["ref"] == "two";
    let sent = customer.until("the acknowledgement", sent).await;

    let mut agent = terminal("agent", &server, &["--user", "ana", "--auto-accept"]);
    let accepted = agent.until("a chat", |object| is(object, "accepted")).await;
    assert_eq!(accepted["customerName"], "Jane");
    assert_eq!(accepted["contactId"], started["contactId"]);
    // The agent reads what was said before.
    hears(&mut agent, "CUSTOMER", "when are you open?").await;
    assert_eq!(hears(&mut agent, "CUSTOMER", "agent").await["id"], sent["id"]);
    let joined = |object: &Value| is(object, "joined") && object["role"] == "AGENT";
    assert_eq!(customer.until("the agent", joined).await["contentType"], JOINED);

    agent.say(&json!({ "typing": true })).await;
    let typing = |object: &Value| is(object, "typing") && object["role"] == "AGENT";
    customer.until("typing", typing).await;
    agent.say(&json!({ "send": "Hello Jane \u{1F600}\n\"how are you?\"" })).await;
    let heard = hears(&mut customer, "AGENT", "Hello Jane \u{1F600}\n\"how are you?\"").await;
    assert_eq!(heard["own"], false);
    assert_eq!(heard["participantId"], accepted["participantId"]);
    customer.say(&json!({ "typing": true })).await;
    let typing = |object: &Value| is(object, "typing") && object["role"] == "CUSTOMER";
    agent.until("typing", typing).await;
    customer.say(&json!({ "send": "fine" })).await;
    hears(&mut agent, "CUSTOMER", "fine").await;

    // What is no command changes nothing.
    customer.say(&json!({ "dance": true })).await;
    let error = customer.until("an error", |object| is(object, "error")).await;
    assert_eq!(error["canRetry"], false);

    customer.say(&json!({ "transcript": true, "ref": [3] })).await;
    let of_customer = customer.until("a transcript", |object| is(object, "transcript")).await;
    agent.say(&json!({ "transcript": true })).await;
    let of_agent = agent.until("a transcript", |object| is(object, "transcript")).await;
    assert_eq!(of_customer["ref"], json!([3]));
    assert_eq!(of_customer["complete"], true);
    assert_eq!(ids(&of_customer), ids(&of_agent), "both read the same");
    let texts: Vec<&str> = of_agent["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["role"] != "SYSTEM")
        .filter_map(|item| item["content"].as_str())
        .collect();
    assert_eq!(
        texts,
        ["when are you open?", "agent", "Hello Jane \u{1F600}\n\"how are you?\"", "fine"]
    );

    agent.say(&json!({ "disconnect": true })).await;
    let ended = |object: &Value| is(object, "event") && object["contentType"] == ENDED;
    customer.until("the end", ended).await;
    customer.until("the end", |object| is(object, "ended")).await;
    agent.until("the end", |object| is(object, "ended")).await;
    let (status, _, errors) = customer.end().await;
    assert!(status.success(), "{errors}");
    agent.hang_up();
    let (status, _, errors) = agent.end().await;
    assert!(status.success(), "{errors}");
}

/// One hands on to the other, in vain at first.
#[tokio::test]
async fn a_customer_is_handed_on_from_one_terminal_to_another() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    let mut customer = terminal("chat", &server, &["--name", "Jane"]);
    customer.say(&json!({ "send": "agent" })).await;
    let mut ana = terminal("agent", &server, &["--user", "ana"]);
    ana.say(&json!({ "transfer": { "user": "ben" }, "ref": 0 })).await;
    let refused = ana.until("a refusal", |object| is(object, "error")).await;
    assert_eq!(refused["ref"], 0, "there is no chat yet");
    let waits = |object: &Value| is(object, "queue") && object["total"] == 1;
    ana.until("somebody who waits", waits).await;
    ana.say(&json!({ "accept": true })).await;
    let first = ana.until("a chat", |object| is(object, "accepted")).await;
    hears(&mut ana, "CUSTOMER", "agent").await;

    // Ben is not there.
    ana.say(&json!({ "transfer": { "user": "ben" }, "ref": 1 })).await;
    let failed = ana.until("a failure", |object| is(object, "error")).await;
    assert_eq!(failed["ref"], 1);
    let outcome = |name: &'static str| {
        move |object: &Value| {
            let kind = object["contentType"].as_str().unwrap_or_default();
            is(object, "event") && kind.ends_with(name)
        }
    };
    customer.until("the failure", outcome("transfer.failed")).await;
    let mut ben = terminal("agent", &server, &["--user", "ben", "--auto-accept"]);
    ben.until("the queue", |object| is(object, "queue") && object["live"] == true).await;

    // What was said before is said before.
    ana.say(&json!({ "send": "Ben knows" })).await;
    ana.say(&json!({ "transfer": { "user": "ben" }, "ref": 2 })).await;
    let mut seen = Vec::new();
    let both = |object: &Value| {
        if is(object, "transferred") || is(object, "ended") {
            seen.push(object.clone());
        }
        seen.len() == 2
    };
    ana.until("the end of her part", both).await;
    let transferred = seen.iter().find(|object| is(object, "transferred")).unwrap();
    assert_eq!(transferred["ref"], 2);
    assert_eq!(transferred["initialContactId"], first["contactId"]);
    assert_ne!(transferred["contactId"], first["contactId"]);

    let second = ben.until("a chat", |object| is(object, "accepted")).await;
    assert_eq!(second["contactId"], transferred["contactId"]);
    // The transfer is in what Ben reads, and ends nothing of his.
    hears(&mut ben, "AGENT", "Ben knows").await;
    ben.until("the transfer", outcome("transfer.succeeded")).await;
    hears(&mut customer, "AGENT", "Ben knows").await;
    ben.say(&json!({ "send": "Ben here" })).await;
    hears(&mut customer, "AGENT", "Ben here").await;
    customer.say(&json!({ "send": "at last" })).await;
    hears(&mut ben, "CUSTOMER", "at last").await;
    ben.say(&json!({ "disconnect": true })).await;
    customer.until("the end", |object| is(object, "ended")).await;
    for mut agent in [ana, ben] {
        agent.hang_up();
        let (status, _, errors) = agent.end().await;
        assert!(status.success(), "{errors}");
    }
}

fn ids(transcript: &Value) -> Vec<&str> {
    transcript["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn both_go_on_when_the_server_is_killed_between_two_messages() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path()).await;
    let mut customer = terminal("chat", &server, &[]);
    customer.say(&json!({ "send": "agent" })).await;
    let mut agent = terminal("agent", &server, &["--user", "ben", "--auto-accept"]);
    hears(&mut agent, "CUSTOMER", "agent").await;
    agent.say(&json!({ "send": "before" })).await;
    hears(&mut customer, "AGENT", "before").await;

    server.kill().await;
    server.restart(data.path()).await;
    customer.say(&json!({ "send": "are you still there?" })).await;
    hears(&mut agent, "CUSTOMER", "are you still there?").await;
    agent.say(&json!({ "send": "of course" })).await;
    hears(&mut customer, "AGENT", "of course").await;

    // At the end of its input the customer leaves, and with that the chat is over.
    customer.hang_up();
    let (status, output, errors) = customer.end().await;
    assert!(status.success(), "{errors}");
    assert!(output.lines().last().unwrap().contains("\"ended\""), "{output}");
    agent.until("the end", |object| is(object, "ended")).await;
    agent.hang_up();
    assert!(agent.end().await.0.success());
}
