//! Files, sent and fetched.

use chatloom_session::{Behaviour, Call, CallError, CallId, Event, Input, NewAttachment, Value};

use crate::world::{Reply, Seen, World};

const BOTH: [Behaviour; 2] = [Behaviour::Compat, Behaviour::Chatloom];
const SIZE: u64 = 7;

fn file() -> Call {
    Call::SendAttachment(NewAttachment {
        name: "notes \"new\".txt".to_owned(),
        size: SIZE,
        content_type: "text/plain".to_owned(),
    })
}

fn fetch(id: &str) -> Call {
    Call::DownloadAttachment { attachment_id: id.into() }
}

/// The operations in the order in which they were asked for, without the connection.
fn operations(world: &World) -> Vec<&'static str> {
    world
        .seen
        .iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Http(name)
                if !["CreateParticipantConnection", "GetTranscript"].contains(name) =>
            {
                Some(*name)
            }
            _ => None,
        })
        .collect()
}

fn bodies(world: &World, operation: &str) -> Vec<String> {
    let requests = world.service.requests.iter();
    requests
        .filter(|(_, http)| http.operation == operation)
        .map(|(_, http)| http.body.clone())
        .collect()
}

fn member(body: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

/// What was told of progress: of which call, how many bytes of how many.
fn progress(world: &World) -> Vec<(CallId, u64, u64)> {
    world
        .seen
        .iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Event(Event::AttachmentProgress { call, sent, total }) => {
                Some((*call, *sent, *total))
            }
            _ => None,
        })
        .collect()
}

fn aborts(world: &World) -> usize {
    world.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Abort)).count()
}

const STEPS: [&str; 3] = ["StartAttachmentUpload", "Upload", "CompleteAttachmentUpload"];

#[test]
fn s072_s075_a_file_is_sent_in_three_steps() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(file());
        world.run(100);
        assert_eq!(operations(&world), STEPS, "{behaviour:?}");
        let start = &bodies(&world, "StartAttachmentUpload")[0];
        let token = member(start, "ClientToken");
        assert_eq!(token.len(), 36);
        assert_eq!(
            *start,
            format!(
                r#"{{"AttachmentName":"notes \"new\".txt","AttachmentSizeInBytes":7,"ClientToken":"{token}","ContentType":"text/plain"}}"#
            )
        );
        let upload = &world.uploads[0];
        assert_eq!((upload.call, upload.url.as_str()), (call, "https://storage.test/put?n=0"));
        let headers: Vec<(&str, &str)> =
            upload.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(headers, [("Content-Type", "text/plain"), ("x-amz-acl", "private")]);
        let complete = &bodies(&world, "CompleteAttachmentUpload")[0];
        let again = member(complete, "ClientToken");
        assert_ne!(token, again);
        assert_eq!(*complete, format!(r#"{{"AttachmentIds":["file-0"],"ClientToken":"{again}"}}"#));
        // The answer is that of the last step and holds no id of the file.
        let Some(Ok(Value::Answered(answer))) = world.result(call) else { panic!() };
        assert_eq!((answer.body.as_str(), answer.attempts), ("{}", 1));
        let (_, last) = world.service.requests.last().unwrap();
        assert!(last.keep_body && last.request == answer.request);
    }
}

#[test]
fn a_file_tells_of_its_progress() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(file());
        world.run_until(100, |world| !world.uploads.is_empty());
        let request = world.uploads[0].request;
        for sent in [3, 7, 9] {
            world.input(Input::Progress { request, sent });
        }
        assert_eq!(progress(&world), [(call, 3, SIZE), (call, 7, SIZE), (call, 7, SIZE)]);
        world.run(100);
        assert!(matches!(world.result(call), Some(Ok(_))));
        // Late news of what is over say nothing.
        world.input(Input::Progress { request, sent: 7 });
        assert_eq!(progress(&world).len(), 3, "{behaviour:?}");
    }
}

#[test]
fn s073_mended_d8_compat_fails_a_file_that_the_storage_refuses() {
    for status in [301, 400, 403, 500, 503] {
        let mut world = World::connected(Behaviour::Compat);
        world.script("Upload", &[Reply::Status(status)]);
        let call = world.call(file());
        world.run(60_000);
        assert_eq!(operations(&world), STEPS[..2], "Complete does not follow");
        assert_eq!(
            world.result(call).unwrap().as_ref().unwrap_err(),
            &CallError::Storage { operation: "upload", status }
        );
    }
}

#[test]
fn d08_chatloom_fails_a_file_that_the_storage_refuses() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("Upload", &[Reply::Status(400)]);
    let call = world.call(file());
    world.run(60_000);
    assert_eq!(operations(&world), STEPS[..2]);
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!(error, &CallError::Storage { operation: "upload", status: 400 });
    assert!(!error.can_retry());
}

#[test]
fn d08_chatloom_uploads_again_after_what_passes() {
    let passing = [Reply::Lost, Reply::Status(500), Reply::Later(429, 9_000), Reply::Status(408)];
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("Upload", &passing);
    let call = world.call(file());
    world.run(50_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
    let at = world.requests("Upload");
    assert_eq!(at.len(), 5);
    assert!(at[3] - at[2] >= 9_000, "the storage's wish is respected: {at:?}");
    assert_eq!(world.requests("StartAttachmentUpload").len(), 1);
    assert!(world.uploads.iter().all(|upload| upload.url == world.uploads[0].url));

    // And not for ever.
    let mut world = World::connected(Behaviour::Chatloom);
    world.always("Upload", Reply::Status(503));
    let call = world.call(file());
    world.run(50_000);
    assert_eq!(world.requests("Upload").len(), 5);
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!(error, &CallError::Storage { operation: "upload", status: 503 });
    assert!(error.can_retry());
}

#[test]
fn d08_chatloom_asks_once_for_another_place() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("Upload", &[Reply::Status(403)]);
    let call = world.call(file());
    world.run(1_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))));
    let starts = bodies(&world, "StartAttachmentUpload");
    assert_eq!(starts.len(), 2);
    assert_ne!(starts[0], starts[1], "the same token would give the same place");
    assert_eq!(world.uploads[1].url, "https://storage.test/put?n=1");
    assert!(bodies(&world, "CompleteAttachmentUpload")[0].contains(r#"["file-1"]"#));

    let mut world = World::connected(Behaviour::Chatloom);
    world.always("Upload", Reply::Status(403));
    let call = world.call(file());
    world.run(60_000);
    assert_eq!(world.requests("Upload").len(), 2);
    assert_eq!(
        world.result(call).unwrap().as_ref().unwrap_err(),
        &CallError::Storage { operation: "upload", status: 403 }
    );
}

#[test]
fn d08_chatloom_asks_for_another_place_when_the_time_of_the_first_is_up() {
    let mut world = World::connected(Behaviour::Chatloom);
    // The URL is good for a minute; the storage asks for more than that.
    world.script("Upload", &[Reply::Later(503, 90_000)]);
    let call = world.call(file());
    world.run(100_000);
    assert!(matches!(world.result(call), Some(Ok(_))));
    let urls: Vec<&str> = world.uploads.iter().map(|upload| &*upload.url).collect();
    assert_eq!(urls, ["https://storage.test/put?n=0", "https://storage.test/put?n=1"]);
}

#[test]
fn s074_compat_rejects_with_the_failure_of_the_upload_itself() {
    let mut world = World::connected(Behaviour::Compat);
    world.script("Upload", &[Reply::Lost]);
    let call = world.call(file());
    world.run(60_000);
    assert_eq!(operations(&world), STEPS[..2]);
    let message = "connection refused".to_owned();
    assert_eq!(
        world.result(call).unwrap().as_ref().unwrap_err(),
        &CallError::Unreachable { message }
    );
}

#[test]
fn the_service_may_refuse_a_file_at_either_end() {
    for behaviour in BOTH {
        for (step, status, steps) in [(0, 402, 1), (0, 400, 1), (2, 402, 3), (2, 409, 3)] {
            let mut world = World::connected(behaviour);
            world.script(STEPS[step], &[Reply::Status(status)]);
            let call = world.call(file());
            world.run(10_000);
            assert_eq!(operations(&world), STEPS[..steps], "{behaviour:?} {step} {status}");
            let result = world.result(call).unwrap();
            assert!(matches!(result, Err(CallError::Service(e)) if e.status == status));
        }
    }
}

#[test]
fn each_step_of_a_file_is_repeated_with_its_own_token() {
    for (behaviour, attempts) in [(Behaviour::Compat, 3), (Behaviour::Chatloom, 5)] {
        for step in [STEPS[0], STEPS[2]] {
            let mut world = World::connected(behaviour);
            world.always(step, Reply::Status(500));
            let call = world.call(file());
            world.run(120_000);
            let sent = bodies(&world, step);
            assert_eq!(sent.len(), attempts, "{behaviour:?}");
            assert!(sent.iter().all(|body| *body == sent[0]));
            assert!(world.result(call).unwrap().is_err());
        }
    }
}

#[test]
fn chatloom_takes_a_file_for_sent_when_the_service_is_completing_it_already() {
    for (behaviour, first, well) in [
        (Behaviour::Chatloom, Reply::AnswerLost, true),
        (Behaviour::Chatloom, Reply::Status(500), true),
        // As the original.
        (Behaviour::Compat, Reply::Status(500), false),
    ] {
        let mut world = World::connected(behaviour);
        world.script("CompleteAttachmentUpload", &[first, Reply::Status(409)]);
        let call = world.call(file());
        world.run(10_000);
        match world.result(call) {
            Some(Ok(Value::Answered(answer))) => {
                assert!(well && answer.body == "{}" && answer.attempts == 2, "{first:?}");
            }
            other => assert!(!well, "{behaviour:?} {first:?}: {other:?}"),
        }
    }
}

#[test]
fn d04_a_file_survives_a_refused_token() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(file());
        world.run_until(100, |world| !world.uploads.is_empty());
        world.revoke_tokens();
        world.run(1_000);
        assert!(matches!(world.result(call), Some(Ok(Value::Answered(_)))), "{behaviour:?}");
    }
}

#[test]
fn an_answer_without_a_place_ends_a_file() {
    for behaviour in BOTH {
        for what in [file(), fetch("file-7")] {
            let mut world = World::connected(behaviour);
            world.always("StartAttachmentUpload", Reply::Garbage);
            world.always("GetAttachment", Reply::Garbage);
            let call = world.call(what);
            world.run(1_000);
            let result = world.result(call);
            assert!(matches!(result, Some(Err(CallError::BadAnswer { .. }))), "{result:?}");
            assert_eq!(operations(&world).len(), 1);
        }
    }
}

#[test]
fn a_file_can_be_cancelled_at_every_step() {
    for behaviour in BOTH {
        for (count, step) in STEPS.iter().enumerate() {
            let mut world = World::connected(behaviour);
            let call = world.call(file());
            world.run_until(100, |world| operations(world).len() == count + 1);
            world.input(Input::Cancel { call });
            assert_eq!(world.result(call).unwrap().as_ref().unwrap_err(), &CallError::Cancelled);
            assert_eq!(aborts(&world), 1, "{behaviour:?} {step}");
            world.run(60_000);
            assert_eq!(operations(&world), STEPS[..=count], "nothing follows");
        }
    }
}

#[test]
fn a_file_can_be_cancelled_while_it_waits() {
    for step in STEPS {
        let mut world = World::connected(Behaviour::Chatloom);
        world.always(step, Reply::Later(503, 5_000));
        let call = world.call(file());
        world.run_until(1_000, |world| world.requests(step).len() == 1);
        world.run(100);
        world.input(Input::Cancel { call });
        let before = operations(&world).len();
        world.run(60_000);
        assert_eq!(operations(&world).len(), before, "{step}");
        assert_eq!(aborts(&world), 0);
    }
}

#[test]
fn the_end_of_the_chat_ends_an_upload_and_no_download() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let sent = world.call(file());
        let fetched = world.call(fetch("file-7"));
        world.run_until(100, |world| operations(world).len() == 4);
        // The end arrives before either answer of the storage.
        world.end_chat();
        world.run_until(100, |world| world.story().contains(&"ended"));
        assert_eq!(world.result(sent).unwrap().as_ref().unwrap_err(), &CallError::Closed);
        assert_eq!(aborts(&world), 1);
        assert!(world.result(fetched).is_none());
        world.run(1_000);
        assert!(matches!(world.result(fetched), Some(Ok(Value::Downloaded { .. }))));
        assert_eq!(world.requests("CompleteAttachmentUpload").len(), 0, "{behaviour:?}");
    }
}

#[test]
fn a_forgotten_session_breaks_its_files_off() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let calls = [world.call(file()), world.call(fetch("file-7"))];
        world.run_until(100, |world| operations(world).len() == 4);
        world.input(Input::Forget { session: crate::world::SESSION });
        assert_eq!(aborts(&world), 2);
        for call in calls {
            assert_eq!(world.result(call).unwrap().as_ref().unwrap_err(), &CallError::Closed);
        }
        world.run(60_000);
        assert_eq!(operations(&world).len(), 4, "{behaviour:?}");
    }
}

#[test]
fn s077_s079_a_file_is_fetched_in_two_steps() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(fetch("file-7"));
        world.run(100);
        assert_eq!(operations(&world), ["GetAttachment", "Download"]);
        assert_eq!(bodies(&world, "GetAttachment"), [r#"{"AttachmentId":"file-7"}"#]);
        let (_, download) = world.service.requests.last().unwrap();
        assert_eq!(download.url, "https://storage.test/get?file-7");
        let Some(Ok(Value::Downloaded { request, status: 200 })) = world.result(call) else {
            panic!("{:?}", world.result(call))
        };
        assert_eq!(*request, download.request);
    }
}

#[test]
fn s077_compat_takes_whatever_the_storage_gives() {
    for status in [403, 404, 500] {
        let mut world = World::connected(Behaviour::Compat);
        world.script("Download", &[Reply::Status(status)]);
        let call = world.call(fetch("file-7"));
        world.run(10_000);
        let result = world.result(call);
        assert!(matches!(result, Some(Ok(Value::Downloaded { status: s, .. })) if *s == status));
        assert_eq!(world.requests("Download").len(), 1);
    }
    let mut world = World::connected(Behaviour::Compat);
    world.script("Download", &[Reply::Lost]);
    let call = world.call(fetch("file-7"));
    world.run(10_000);
    assert!(matches!(world.result(call), Some(Err(CallError::Unreachable { .. }))));
    assert_eq!(world.requests("Download").len(), 1);
}

#[test]
fn s077_chatloom_looks_at_what_the_storage_says() {
    // A file that is not there.
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("Download", &[Reply::Status(404)]);
    let call = world.call(fetch("file-7"));
    world.run(10_000);
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!(error, &CallError::Storage { operation: "download", status: 404 });

    // What passes, and a URL that is no longer good.
    let mut world = World::connected(Behaviour::Chatloom);
    world.script("Download", &[Reply::Status(500), Reply::Lost, Reply::Status(403)]);
    let call = world.call(fetch("file-7"));
    world.run(10_000);
    assert!(matches!(world.result(call), Some(Ok(Value::Downloaded { status: 200, .. }))));
    assert_eq!(world.requests("Download").len(), 4);
    assert_eq!(world.requests("GetAttachment").len(), 2);

    let mut world = World::connected(Behaviour::Chatloom);
    world.always("Download", Reply::Status(403));
    let call = world.call(fetch("file-7"));
    world.run(10_000);
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!(error, &CallError::Storage { operation: "download", status: 403 });
    assert_eq!(world.requests("Download").len(), 2);
}

#[test]
fn s078_s079_a_url_is_given_as_it_is() {
    for behaviour in BOTH {
        let mut world = World::connected(behaviour);
        let call = world.call(Call::GetAttachmentUrl { attachment_id: "file-7".into() });
        world.run(100);
        assert_eq!(operations(&world), ["GetAttachment"]);
        assert_eq!(bodies(&world, "GetAttachment"), [r#"{"AttachmentId":"file-7"}"#]);
        let Some(Ok(Value::Url { url, expiry: Some(expiry) })) = world.result(call) else {
            panic!("{:?}", world.result(call))
        };
        assert_eq!(url, "https://storage.test/get?file-7");
        assert!(expiry.starts_with("2026-01-01T00:01:"), "{expiry}");
    }
}

#[test]
fn nothing_of_a_file_is_printed() {
    let mut world = World::connected(Behaviour::Chatloom);
    world.call(file());
    world.call(fetch("file-7"));
    world.run_until(100, |world| operations(world).len() == 4);
    let printed = format!("{:?} {:?} {:?}", world.core, world.uploads, file());
    for secret in ["notes", "storage.test", "private"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// Whatever goes wrong, each file ends once, is told of only when the storage has it, and leaves
/// nothing under way.
#[test]
fn d08_through_any_trouble_a_file_is_told_of_only_when_it_is_there() {
    const REPLIES: [Reply; 8] = [
        Reply::Serve,
        Reply::Serve,
        Reply::Status(400),
        Reply::Status(403),
        Reply::Status(503),
        Reply::Later(429, 1_500),
        Reply::Lost,
        Reply::AnswerLost,
    ];
    const OPERATIONS: [&str; 5] = [
        "StartAttachmentUpload",
        "Upload",
        "CompleteAttachmentUpload",
        "GetAttachment",
        "Download",
    ];
    for seed in 0..400_u64 {
        for behaviour in BOTH {
            let mut random = seed;
            let mut pick = |among: u64| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                (random >> 33) % among
            };
            let mut world = World::connected(behaviour);
            let mut at_the_storage = Vec::new();
            for operation in OPERATIONS {
                let script: Vec<Reply> = (0..pick(4)).map(|_| REPLIES[pick(8) as usize]).collect();
                world.script(operation, &script);
                if operation == "Upload" {
                    at_the_storage = script;
                }
            }
            let calls = [world.call(file()), world.call(fetch("file-7")), world.call(file())];
            for _ in 0..3 {
                world.run(pick(600));
                match pick(8) {
                    0 => world.input(Input::Cancel { call: calls[pick(3) as usize] }),
                    1 => world.revoke_tokens(),
                    2 => world.cut(),
                    3 => {
                        world.end_chat();
                    }
                    _ => {}
                }
            }
            world.run(300_000);
            for call in calls {
                assert!(world.result(call).is_some(), "{behaviour:?} {seed}: a call hangs");
            }
            // Each id that is told is that of a URL at which an upload went through.
            let replies = at_the_storage.iter().copied().chain(std::iter::repeat(Reply::Serve));
            let uploads =
                world.service.requests.iter().filter(|(_, http)| http.operation == "Upload");
            let served: Vec<String> = uploads
                .zip(replies)
                .filter(|(_, reply)| *reply == Reply::Serve)
                .filter_map(|((_, http), _)| http.url.rsplit('=').next().map(str::to_owned))
                .collect();
            let told = bodies(&world, "CompleteAttachmentUpload");
            for body in &told {
                let n = served.iter().find(|n| body.contains(&format!(r#"["file-{n}"]"#)));
                assert!(n.is_some(), "{behaviour:?} {seed}: told of a file that is not there");
            }
            let sent = [calls[0], calls[2]];
            let well = sent.iter().filter(|call| matches!(world.result(**call), Some(Ok(_))));
            let ids: std::collections::BTreeSet<String> = told
                .iter()
                .map(|body| serde_json::from_str::<serde_json::Value>(body).unwrap())
                .map(|body| body["AttachmentIds"][0].as_str().unwrap().to_owned())
                .collect();
            assert!(ids.len() <= 2, "{behaviour:?} {seed}: a file was told of twice");
            assert!(well.count() <= ids.len(), "{behaviour:?} {seed}");
        }
    }
}
