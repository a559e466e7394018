//! Nothing private is printed, neither by `Debug` nor by an error.

use std::fmt::Debug;

use chatloom_wire::{
    ConnectionToken, Item, ParticipantToken, Timestamp,
    contact::{ReferenceType, StartChatContactRequest},
    frame::{ClientFrame, ServerFrame},
    json,
    participant::{GetTranscriptResponse, SendMessageRequest},
};

use crate::samples::{self, PRIVATE};

fn silent(value: &dyn Debug) {
    for printed in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!printed.contains(PRIVATE), "{printed}");
    }
}

#[test]
fn debug_is_silent() {
    silent(&ParticipantToken::from(PRIVATE));
    silent(&ConnectionToken::from(PRIVATE));
    silent(&samples::credentials());
    silent(&samples::websocket());
    silent(&samples::connection());
    silent(&samples::message());
    silent(&samples::receipt());
    silent(&samples::page_request());
    silent(&samples::page());
    silent(&samples::start());
    silent(&samples::started());
    silent(&samples::create_participant());
    silent(&samples::participant_created());
    silent(&samples::described());
    silent(&samples::started_by_page());
    silent(&samples::attributes());
    silent(&samples::attributes_change());
    silent(&samples::contact_change());
    silent(&samples::reference(ReferenceType::Url));
    silent(&samples::references());
    silent(&samples::tags());
    silent(&samples::segment_attributes());
    silent(&samples::attachment());
    silent(&samples::upload());
    silent(&samples::upload_started());
    silent(&samples::attachment_answer());
    silent(&samples::view());
    silent(&samples::sign_in());
    silent(&samples::sign_in_answer());
    silent(&samples::no_sign_in());
    for text in [samples::text_item(false), samples::attachment_item(), samples::receipt_item()] {
        let item = Item::from_text(text).unwrap();
        silent(&item);
        silent(item.head());
        silent(&ServerFrame::Chat { content: item.text().into() });
    }
    silent(&ServerFrame::Ping { status_code: Some(500), status_content: Some(PRIVATE.into()) });
}

/// What a peer wrote may be content in a wrong place.
#[test]
fn errors_are_silent() {
    for text in [
        format!(r#""{PRIVATE}""#),
        PRIVATE.to_owned(),
        format!(r#"{{"Content":"a","ContentType":"{PRIVATE}""#),
        format!(r#"{{"{PRIVATE}":}}"#),
        format!(r#"{{"Content":{{"{PRIVATE}":"{PRIVATE}"}},"ContentType":"text/plain"}}"#),
        format!(r#"{{"Transcript":"{PRIVATE}","Attributes":"{PRIVATE}"}}"#),
        format!(r#"{{"Transcript":["{PRIVATE}"],"Attributes":["{PRIVATE}"]}}"#),
        format!(r#"{{"topic":"aws/subscribe","content":"{PRIVATE}"}}"#),
        format!(r#"{{"topic":"aws/subscribe","content":{{"topics":"{PRIVATE}"}}}}"#),
    ] {
        let errors = [
            json::read::<SendMessageRequest>(&text).err().map(boxed),
            json::read::<StartChatContactRequest>(&text).err().map(boxed),
            json::read::<GetTranscriptResponse>(&text).err().map(boxed),
            Item::from_text(text.as_str()).err().map(boxed),
            ClientFrame::parse(&text).err().map(boxed),
            ServerFrame::parse(&text).err().map(boxed),
        ];
        assert!(errors.iter().any(Option::is_some), "{text}");
        for error in errors.iter().flatten() {
            silent(error);
            let mut cause: Option<&dyn std::error::Error> = Some(error.as_ref());
            while let Some(error) = cause {
                assert!(!error.to_string().contains(PRIVATE), "{error}");
                silent(&error);
                cause = error.source();
            }
        }
    }
}

fn boxed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}

/// Of a time that cannot be read the error shows the beginning only.
#[test]
fn a_long_time_is_cut() {
    let error = Timestamp::parse(&"9".repeat(5_000)).unwrap_err();
    assert!(error.to_string().len() < 120, "{error}");
}
