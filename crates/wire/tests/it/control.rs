//! The limits of the control plane at their edges.

use std::collections::BTreeMap;

use chatloom_wire::{
    ContentType,
    contact::{
        MAX_REFERENCES_BYTES, MAX_SEGMENT_BYTES, ParticipantConfiguration, Reference,
        ReferenceStatus, ReferenceType, References, ResponseMode, SegmentAttributeValue,
        SegmentAttributes, StartChatContactRequest, TagContactRequest,
        UpdateContactAttributesRequest, UpdateContactRequest, check_names, check_references,
        check_segment_attributes, check_tag_keys,
    },
};
use serde_json::json;

use crate::{
    limits::{WIDE, expect, text_edges},
    samples,
};

fn named<T>(name: impl Into<String>, value: T) -> BTreeMap<String, T> {
    BTreeMap::from([(name.into(), value)])
}

#[test]
fn what_a_start_says_of_the_customer() {
    let request = samples::start;
    text_edges("CustomerId", 1, 128, |id| {
        StartChatContactRequest { customer_id: Some(id), ..request() }.check()
    });
    for (mode, holds) in [
        (None, true),
        (Some(ResponseMode::Incremental), true),
        (Some(ResponseMode::Complete), true),
        (Some(ResponseMode::from("incremental")), false),
    ] {
        let what = format!("{mode:?}");
        let participant_configuration = Some(ParticipantConfiguration { response_mode: mode });
        let request = StartChatContactRequest { participant_configuration, ..request() };
        let member = (!holds).then_some("ParticipantConfiguration.ResponseMode");
        expect(request.check(), member, &what);
    }
}

#[test]
fn a_guide_needs_both_interactive_types() {
    use ContentType::{Interactive, InteractiveResponse, TextPlain};
    for (types, holds) in [
        (None, false),
        (Some(vec![TextPlain]), false),
        (Some(vec![TextPlain, Interactive]), false),
        (Some(vec![TextPlain, InteractiveResponse]), false),
        (Some(vec![TextPlain, Interactive, InteractiveResponse]), true),
    ] {
        let what = format!("{types:?}");
        let request = StartChatContactRequest {
            segment_attributes: named(
                "connect:Subtype",
                SegmentAttributeValue::text("connect:Guide"),
            ),
            supported_messaging_content_types: types,
            ..samples::smallest_start()
        };
        expect(request.check(), (!holds).then_some("SegmentAttributes"), &what);
    }
}

fn value(member: &str, value: serde_json::Value) -> SegmentAttributeValue {
    serde_json::from_value([(member, value)].into_iter().collect()).unwrap()
}

#[test]
fn segment_attributes() {
    let check = |attributes: SegmentAttributes, holds: bool, what: &str| {
        let member = (!holds).then_some("SegmentAttributes");
        expect(check_segment_attributes(&attributes), member, what);
        let segment_attributes = attributes.clone();
        let start = StartChatContactRequest { segment_attributes, ..samples::smallest_start() };
        expect(start.check(), member, what);
        let segment_attributes = Some(attributes);
        let update = UpdateContactRequest { segment_attributes, ..UpdateContactRequest::default() };
        expect(update.check(), member, what);
    };
    check(SegmentAttributes::new(), true, "none");
    text_edges("SegmentAttributes", 1, 128, |name| {
        check_segment_attributes(&named(name, value("ValueInteger", json!(1))))
    });
    for member in ["ValueString", "ValueArn"] {
        text_edges("SegmentAttributes", 0, 1_024, |text| {
            check_segment_attributes(&named("a", value(member, json!(text))))
        });
    }
    check(named("a", SegmentAttributeValue::default()), false, "no value");
    let two = serde_json::from_value(json!({ "ValueString": "a", "ValueInteger": 1 })).unwrap();
    check(named("a", two), false, "two values");
    check(named("a", value("ValueMap", json!({ "": { "ValueInteger": 1 } }))), false, "no name");
    check(named("a", value("ValueMap", json!({ "b": {} }))), false, "no value within");

    // Four deep, and five.
    let mut deep = json!({ "ValueInteger": 1 });
    for depth in 2..=5 {
        deep = if depth % 2 == 0 {
            json!({ "ValueList": [deep] })
        } else {
            json!({ "ValueMap": { "a": deep } })
        };
        let attributes = named("a", serde_json::from_value(deep.clone()).unwrap());
        check(attributes, depth <= 4, &format!("{depth} deep"));
    }
    for (count, holds) in [(198, true), (199, true), (200, false)] {
        let list = json!(vec![json!({ "ValueInteger": 1 }); count]);
        check(named("a", value("ValueList", list)), holds, &format!("a list of {count}"));
    }
    for (bytes, holds) in [(MAX_SEGMENT_BYTES, true), (MAX_SEGMENT_BYTES + 1, false)] {
        let full = SegmentAttributeValue::text("a".repeat(1_023));
        let mut attributes: SegmentAttributes =
            (0..31).map(|n| (char::from(b'A' + n).to_string(), full.clone())).collect();
        let rest = bytes - 31 * 1_024 - 1;
        attributes.insert("z".to_owned(), SegmentAttributeValue::text("a".repeat(rest)));
        check(attributes, holds, &format!("{bytes} bytes"));
    }
}

#[test]
fn references() {
    let plain = || Reference {
        value: None,
        reference_type: ReferenceType::Url,
        status: None,
        arn: None,
        status_reason: None,
    };
    let check = |reference: Reference, holds: bool, what: &str| {
        let references = named("a", reference);
        expect(check_references(&references), (!holds).then_some("References"), what);
        let update = UpdateContactRequest {
            references: Some(references),
            ..UpdateContactRequest::default()
        };
        expect(update.check(), (!holds).then_some("References"), what);
    };
    text_edges("References", 1, 4_096, |name| check_references(&named(name, plain())));
    text_edges("References", 0, 4_096, |value| {
        check_references(&named("a", Reference { value: Some(value), ..plain() }))
    });
    text_edges("References", 0, 100, |reason| {
        check_references(&named("a", Reference { status_reason: Some(reason), ..plain() }))
    });
    for (length, holds) in [(19, false), (20, true), (256, true), (257, false)] {
        let arn = Some("a".repeat(length));
        check(Reference { arn, ..plain() }, holds, &format!("an Arn of {length}"));
    }
    check(Reference { arn: Some("a b".repeat(10)), ..plain() }, false, "an Arn with spaces");
    for kind in ReferenceType::KNOWN {
        check(Reference { reference_type: kind.clone(), ..plain() }, true, kind.as_str());
    }
    check(Reference { reference_type: "url".into(), ..plain() }, false, "an unknown type");
    for status in ReferenceStatus::KNOWN {
        check(Reference { status: Some(status.clone()), ..plain() }, true, status.as_str());
    }
    check(Reference { status: Some("LOST".into()), ..plain() }, false, "an unknown status");
    for (bytes, holds) in [(MAX_REFERENCES_BYTES, true), (MAX_REFERENCES_BYTES + 1, false)] {
        let of = |length| Reference { value: Some("a".repeat(length)), ..plain() };
        let mut all: References =
            (0..7).map(|n| (char::from(b'A' + n).to_string(), of(4_095))).collect();
        all.insert("z".to_owned(), of(bytes - 7 * 4_096 - 1));
        if !holds {
            // One value cannot take the last byte.
            all.insert("z".to_owned(), of(4_095));
            all.insert("y".to_owned(), of(0));
        }
        expect(check_references(&all), (!holds).then_some("References"), &format!("{bytes} bytes"));
    }
}

#[test]
fn update_contact() {
    let nothing = UpdateContactRequest::default;
    expect(nothing().check(), None, "nothing");
    assert!(nothing().is_empty());
    assert!(!samples::contact_change().is_empty());
    expect(samples::contact_change().check(), None, "everything chats have");
    text_edges("Name", 0, 1_024, |name| {
        UpdateContactRequest { name: Some(name), ..nothing() }.check()
    });
    text_edges("Description", 0, 4_096, |text| {
        UpdateContactRequest { description: Some(text), ..nothing() }.check()
    });
    for member in
        ["QueueInfo", "UserInfo", "CustomerEndpoint", "SystemEndpoint", "AdditionalRecipients"]
    {
        let request: UpdateContactRequest = serde_json::from_value(json!({ member: {} })).unwrap();
        expect(request.check(), Some(member), member);
    }
}

#[test]
fn attributes_of_a_contact() {
    text_edges("InitialContactId", 1, 256, |id| {
        UpdateContactAttributesRequest {
            initial_contact_id: id.into(),
            ..samples::attributes_change()
        }
        .check()
    });
    text_edges("InstanceId", 1, 100, |id| {
        UpdateContactAttributesRequest { instance_id: id.into(), ..samples::attributes_change() }
            .check()
    });
}

#[test]
fn who_comes_back_from_signing_in() {
    use chatloom_wire::contact::UpdateParticipantAuthenticationRequest as Request;
    let request = || Request {
        state: "s".to_owned(),
        instance_id: "in-1".into(),
        code: None,
        error: None,
        error_description: None,
    };
    text_edges("State", 1, 1_000, |state| Request { state, ..request() }.check());
    text_edges("InstanceId", 1, 100, |id| Request { instance_id: id.into(), ..request() }.check());
    text_edges("Code", 1, 2_048, |code| Request { code: Some(code), ..request() }.check());
    for (text, holds) in [
        (String::new(), false),
        (" ~".to_owned(), true),
        ("a".repeat(2_048), true),
        ("a".repeat(2_049), false),
        ("a\"".to_owned(), false),
        ("a\\".to_owned(), false),
        ("a\n".to_owned(), false),
        (WIDE.to_owned(), false),
    ] {
        let error = Request { error: Some(text.clone()), ..request() };
        expect(error.check(), (!holds).then_some("Error"), &text);
        let description = Request { error_description: Some(text.clone()), ..request() };
        expect(description.check(), (!holds).then_some("ErrorDescription"), &text);
    }
}

#[test]
fn names_in_paths() {
    text_edges("InstanceId", 1, 100, |id| check_names(&id.into(), &"c-0".into()));
    text_edges("ContactId", 1, 256, |id| check_names(&"in-1".into(), &id.into()));
}

#[test]
fn tags() {
    let with = |tags: BTreeMap<String, String>| TagContactRequest { tags, ..samples::tags() };
    let count = |count: usize| {
        (0..count).map(|n| (format!("k{n}"), String::new())).collect::<BTreeMap<_, _>>()
    };
    for (number, holds) in [(0, false), (1, true), (5, true), (6, true), (7, false)] {
        let what = format!("{number} tags");
        expect(with(count(number)).check(), (!holds).then_some("Tags"), &what);
        let keys: Vec<String> = count(number).into_keys().collect();
        expect(check_tag_keys(&keys), (!holds).then_some("TagKeys"), &what);
    }
    text_edges("Tags", 0, 256, |value| with(named("a", value)).check());
    for (key, holds) in [
        ("a", true),
        ("+,-./0189:;<=_Az", true),
        (&*"a".repeat(128), true),
        (&*"a".repeat(129), false),
        ("", false),
        ("a b", false),
        ("a>b", false),
        ("a*b", false),
        (WIDE, false),
        ("aws:a", false),
        ("AWS:a", true),
    ] {
        expect(with(named(key, String::new())).check(), (!holds).then_some("Tags"), key);
        expect(check_tag_keys(&[key.to_owned()]), (!holds).then_some("TagKeys"), key);
    }
}
