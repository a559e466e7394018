//! Interactive messages: what is written, what is read, and that nothing is lost in between.

use std::fmt::Write as _;

use chatloom_wire::{
    ContentType, Item, NewItem, Timestamp,
    interactive::{
        ActionDetail, Carousel, CarouselChoice, CarouselElement, Choice, Image, Interactive,
        InteractiveResponse, ListElement, ListPicker, Location, PageRequest, Panel, PanelElement,
        QuickReply, QuickReplyElement, ReplyMessage, TimePicker, Timeslot, ViewData, ViewResource,
        ViewResponse,
    },
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::samples::PRIVATE;

fn picture() -> Image {
    Image::url(format!("https://example.com/{PRIVATE}.png")).with_description("A shop")
}

fn reply() -> ReplyMessage {
    ReplyMessage::new(format!("Thanks \"{PRIVATE}\"")).with_subtitle("Noted").with_image(picture())
}

fn list_picker() -> ListPicker {
    ListPicker::new("Which order?")
        .with_subtitle("The latest three")
        .with_image(picture())
        .with_element(ListElement::new("Order 1").with_subtitle("Shoes").with_image(picture()))
        .with_element(ListElement::new("Older").with_action(ActionDetail::ShowMore))
        .with_element(ListElement::new("Newer").with_action(ActionDetail::PreviousOptions))
        .with_page("orders", "message-1", Some(-1), Some(1))
        .with_reply_message(reply())
}

fn time_picker() -> TimePicker {
    TimePicker::new("When?")
        .with_subtitle("In the shop")
        .with_time_zone_offset(-450)
        .with_location(Location { radius: Some(1.0), ..Location::new(47.5, -122.0, "Shop") })
        .with_timeslot(Timeslot::new("2026-10-31T17:00+00:00", 60))
        .with_timeslot(Timeslot::new("2026-10-31T23:30:00.500+02:00", 90))
        .with_timeslot(Timeslot::new("soon", 1))
        .with_reply_message(reply())
}

fn panel() -> Panel {
    Panel::new("What is it about?")
        .with_subtitle("Choose")
        .with_image(picture())
        .with_element(PanelElement::new("Billing"))
        .with_element(PanelElement::new("Help pages").with_link("https://example.com/help"))
        .with_reply_message(reply())
}

fn quick_reply() -> QuickReply {
    QuickReply::new("All good?")
        .with_element(QuickReplyElement::new("Yes"))
        .with_element(QuickReplyElement::new("No"))
}

fn carousel() -> Carousel {
    Carousel::new("Have a look")
        .with_element(CarouselElement::new("id-1", list_picker()))
        .with_element(CarouselElement::new("id-2", panel()))
}

fn view() -> ViewResource {
    ViewResource {
        view_id: Some("form".to_owned()),
        view_token: Some(PRIVATE.to_owned()),
        view_data: Some(ViewData::Object(r#"{"Heading":"Hello","Rows":"[1]"}"#.to_owned())),
        ..ViewResource::default()
    }
}

fn messages() -> Vec<Interactive> {
    vec![
        list_picker().into(),
        ListPicker::new("Little").with_element(ListElement::new("One")).into(),
        time_picker().into(),
        TimePicker::new("Little").with_timeslot(Timeslot::new("2026-10-31T17:00+00:00", 60)).into(),
        panel().into(),
        quick_reply().into(),
        carousel().into(),
        view().into(),
        ViewResource { view_data: Some(ViewData::Text("{}".to_owned())), ..view() }.into(),
        ViewResource::default().into(),
    ]
}

fn responses() -> Vec<InteractiveResponse> {
    vec![
        InteractiveResponse::Page(PageRequest {
            action: ActionDetail::ShowMore,
            pre_index: Some(-1),
            next_index: Some(1),
            list_id: Some("orders".to_owned()),
            reference_id: Some("message-1".to_owned()),
        }),
        InteractiveResponse::View(ViewResponse::new("Back")),
        InteractiveResponse::View(
            ViewResponse::new("Submit").with_data(r#" {"Name":"Ana","Age":7.50} "#).unwrap(),
        ),
        InteractiveResponse::View(ViewResponse::said("one \"moment\"")),
    ]
}

#[test]
fn what_is_written_is_the_form_of_the_wire_and_reads_back() {
    let mut forms = String::new();
    for message in messages() {
        let text = message.to_text();
        writeln!(forms, "{text}\n").unwrap();
        assert_eq!(Interactive::read(&text), message);
        message.check().ok();
    }
    for response in responses() {
        let text = response.to_text();
        writeln!(forms, "{text}\n").unwrap();
        assert_eq!(InteractiveResponse::read(&text), response);
    }
    insta::assert_snapshot!(forms);
}

#[test]
fn choices() {
    let text = |choice: Option<Choice>| {
        let choice = choice.unwrap();
        assert_eq!(choice.content_type, ContentType::TextPlain);
        choice.content
    };
    assert_eq!(text(list_picker().choose(0)), "Order 1");
    assert_eq!(text(panel().choose(0)), "Billing");
    assert_eq!(text(quick_reply().choose(1)), "No");
    for (at, date) in
        [(0, "2026-10-31T09:30:00.00+00:00"), (1, "2026-10-31T14:00:00.50+00:00"), (2, "soon")]
    {
        assert_eq!(text(time_picker().choose(at)), date);
    }
    let plain = TimePicker { time_zone_offset: None, ..time_picker() };
    assert_eq!(text(plain.choose(0)), "2026-10-31T17:00+00:00");

    // A carousel says which of its messages.
    let chosen = text(carousel().choose(1, 0));
    assert_eq!(
        chosen,
        r#"{"templateIdentifier":"id-2","listTitle":"What is it about?","selectionText":"Billing"}"#
    );
    let choice = CarouselChoice::read(&chosen).unwrap();
    assert_eq!(
        [choice.template_identifier, choice.list_title, choice.selection_text],
        ["id-2", "What is it about?", "Billing"]
    );
    assert_eq!(CarouselChoice::read("Billing"), None);
    assert_eq!(CarouselChoice::read(r#"{"selectionText":"Billing"}"#), None);

    // Another page of a list.
    for (at, action) in [(1, ActionDetail::ShowMore), (2, ActionDetail::PreviousOptions)] {
        let choice = list_picker().choose(at).unwrap();
        assert_eq!(choice.content_type, ContentType::InteractiveResponse);
        let InteractiveResponse::Page(page) = InteractiveResponse::read(&choice.content) else {
            panic!("{}", choice.content)
        };
        assert_eq!(page.action, action);
        assert_eq!(page.reference_id.as_deref(), Some("message-1"));
        assert_eq!(carousel().choose(0, at), Some(choice), "in a carousel as outside");
    }

    // What is not there cannot be chosen, and a link is none to choose.
    assert_eq!(list_picker().choose(3), None);
    assert_eq!(panel().choose(1), None);
    assert_eq!(quick_reply().choose(2), None);
    assert_eq!(time_picker().choose(3), None);
    assert_eq!((carousel().choose(2, 0), carousel().choose(1, 1)), (None, None));
}

#[test]
fn what_is_said_beside_a_view() {
    let said = ViewResponse::said("words");
    assert_eq!((said.action.as_str(), said.text().as_deref()), (" ", Some("words")));
    assert_eq!(ViewResponse::new("Submit").text(), None);
    for json in ["", "7", "[]", "{", "{} {}", "{\"a\":}"] {
        assert!(ViewResponse::new("Submit").with_data(json).is_err(), "{json}");
    }
    let choice = Choice::from(InteractiveResponse::View(said));
    assert_eq!(choice.content_type, ContentType::InteractiveResponse);
}

#[test]
fn when_an_appointment_begins() {
    for (date, begins) in [
        ("2026-10-31T17:00+00:00", Some("2026-10-31T17:00:00.000Z")),
        ("2026-10-31T17:00:30.250Z", Some("2026-10-31T17:00:30.250Z")),
        ("2026-10-31T17:00-02:00", Some("2026-10-31T19:00:00.000Z")),
        ("2026-10-31T17:00", None),
        ("31 October, 5 pm, é", None),
        ("", None),
    ] {
        let begins = begins.map(|text| Timestamp::parse(text).unwrap());
        assert_eq!(Timeslot::new(date, 1).begins(), begins, "{date}");
    }
}

#[test]
fn counts_and_sizes() {
    fn check(message: impl Into<Interactive>) -> Option<&'static str> {
        message.into().check().err().map(|invalid| invalid.member)
    }
    let many =
        |count| ListPicker { elements: vec![ListElement::new("x"); count], ..ListPicker::new("?") };
    assert_eq!([0, 1, 6, 7].map(|count| check(many(count)).is_none()), [false, true, true, false]);
    let panel = |count| Panel { elements: vec![PanelElement::new("x"); count], ..Panel::new("?") };
    assert_eq!(
        [0, 1, 10, 11].map(|count| check(panel(count)).is_none()),
        [false, true, true, false]
    );
    let quick = |count| QuickReply {
        elements: vec![QuickReplyElement::new("x"); count],
        ..QuickReply::new("?")
    };
    assert_eq!([1, 2, 20].map(|count| check(quick(count)).is_none()), [false, true, true]);
    let times = |count| TimePicker {
        timeslots: vec![Timeslot::new("2026-10-31T17:00+00:00", 60); count],
        ..TimePicker::new("?")
    };
    assert_eq!(check(times(41)), Some("timeslots"));
    assert_eq!([1, 40].map(|count| check(times(count))), [None, None]);
    let carousel = |count| Carousel {
        elements: vec![CarouselElement::new("id", many(2)); count],
        ..Carousel::new("?")
    };
    assert_eq!(
        [1, 2, 5, 6].map(|count| check(carousel(count)).is_none()),
        [false, true, true, false]
    );
    let nested = carousel(2).with_element(CarouselElement::new("id", quick(2)));
    assert_eq!(check(nested), Some("templateType"));
    let overfull = carousel(2).with_element(CarouselElement::new("id", many(7)));
    assert_eq!(check(overfull), Some("elements"));
    assert_eq!(check(view()), None);
    let long = ListPicker::new("x".repeat(16_384)).with_element(ListElement::new("x"));
    assert_eq!(check(long), Some("Content"));
}

#[test]
fn what_is_no_known_template_stays_as_it_came() {
    for (text, template_type) in [
        ("", None),
        ("not JSON", None),
        ("[]", None),
        ("{}", None),
        (
            r#"{ "templateType" : "WhatsAppInteractiveList", "data": {} }"#,
            Some("WhatsAppInteractiveList"),
        ),
        // Without what the template requires.
        (r#"{"templateType":"ListPicker"}"#, Some("ListPicker")),
        (r#"{"templateType":"ListPicker","data":{"content":{"title":"?"}}}"#, Some("ListPicker")),
        (
            r#"{"templateType":"QuickReply","data":{"content":{"title":"?","elements":[{"title":7}]}}}"#,
            Some("QuickReply"),
        ),
        (
            r#"{"templateType":"TimePicker","data":{"content":{"title":"?","timeslots":["now"]}}}"#,
            Some("TimePicker"),
        ),
        (r#"{"templateType":7,"data":{"content":{}}}"#, None),
    ] {
        let message = Interactive::read(text);
        let Interactive::Other(raw) = &message else { panic!("{text}") };
        assert_eq!(raw.text(), text);
        assert_eq!(message.to_text(), text);
        assert_eq!(message.template_type().as_deref(), template_type);
        assert_eq!((message.title(), message.check()), (None, Ok(())));
    }
    for text in ["", "{}", r#"{"action":"x"}"#, r#"{"data":{},"templateType":"ViewResource"}"#] {
        let response = InteractiveResponse::read(text);
        assert!(matches!(&response, InteractiveResponse::Other(raw) if raw.text() == text));
        assert_eq!(response.to_text(), text);
    }
}

#[test]
fn a_carousel_inside_a_carousel_is_not_followed() {
    let mut text = Interactive::from(carousel()).to_text();
    for depth in 0..500 {
        text = format!(
            r#"{{"templateType":"Carousel","version":"1.0","data":{{"content":{{"title":"?","elements":[{text}]}}}}}}"#
        );
        let message = Interactive::read(&text);
        if let Interactive::Carousel(outer) = &message {
            assert!(matches!(outer.elements[0].message, Interactive::Other(_)));
        } else {
            // Deeper than any reader of JSON goes.
            assert!(depth > 20, "{message:?}");
        }
        assert_eq!(message.to_text(), text);
    }
}

#[test]
fn an_object_of_very_many_members_stays_as_it_came() {
    let with = |count: usize| {
        let members = (0..count).map(|n| format!(r#","m{n}":{n}"#)).collect::<Vec<_>>().concat();
        format!(
            r#"{{"templateType":"ListPicker","version":"1.0","data":{{"content":{{"title":"?","elements":[]}}}}{members}}}"#
        )
    };
    assert!(matches!(Interactive::read(&with(253)), Interactive::ListPicker(_)));
    assert!(matches!(Interactive::read(&with(254)), Interactive::Other(_)));
    assert_eq!(Interactive::read(&with(100_000)).to_text(), with(100_000));
}

#[test]
fn what_is_not_known_is_written_again_and_does_not_hide_what_is_set() {
    let text = r#"{"templateType":"ListPicker","version":"2.0","data":{"content":{"title":"?","subtitle":null,"elements":[{"title":"A","imageData":7,"type":"button","new":[1,2.50]}],"preIndex":"0"},"replyMessage":{"subtitle":"no title"},"x":1},"y":{"z":true}}"#;
    let Interactive::ListPicker(mut picker) = Interactive::read(text) else { panic!() };
    assert_eq!(picker.unknown.message.get("version"), Some("\"2.0\""));
    assert_eq!(picker.unknown.message.get("y"), Some(r#"{"z":true}"#));
    assert_eq!(picker.unknown.data.get("x"), Some("1"));
    assert_eq!(picker.elements[0].unknown.get("new"), Some("[1,2.50]"));
    assert_eq!(picker.unknown.content.iter().count(), 2);
    let again: Value = serde_json::from_str(&Interactive::from(picker.clone()).to_text()).unwrap();
    assert_eq!(again, serde_json::from_str::<Value>(text).unwrap());

    picker.subtitle = Some("mine".to_owned());
    picker.reply_message = Some(ReplyMessage::new("Thanks"));
    let again: Value = serde_json::from_str(&Interactive::from(picker).to_text()).unwrap();
    assert_eq!(again["data"]["content"]["subtitle"], "mine");
    assert_eq!(again["data"]["replyMessage"], json!({"title": "Thanks"}));
}

#[test]
fn an_item_holds_one_or_does_not() {
    let content = Interactive::from(panel()).to_text();
    let item = |content_type: &ContentType, content| {
        let new = NewItem {
            content,
            content_type: Some(content_type),
            id: Some("i"),
            ..NewItem::default()
        };
        Item::from_text(new.to_text()).unwrap()
    };
    let read = Interactive::of(&item(&ContentType::Interactive, Some(&content)));
    assert_eq!(read, Some(panel().into()));
    assert_eq!(Interactive::of(&item(&ContentType::TextPlain, Some(&content))), None);
    assert_eq!(Interactive::of(&item(&ContentType::Interactive, None)), None);
}

#[test]
fn nothing_of_it_is_printed() {
    for printed in [
        format!("{:?}", messages()),
        format!("{:?}", responses()),
        format!("{:?} {:?}", list_picker().choose(0), carousel()),
        format!("{:?}", Interactive::read(PRIVATE)),
        format!("{:?}", [list_picker().reply_message, panel().reply_message]),
    ] {
        for word in [PRIVATE, "Order", "Shop", "Billing", "Ana"] {
            assert!(!printed.contains(word), "{printed}");
        }
    }
}

/// Values that are what a template wants, or not quite.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-100..100_i64).prop_map(Value::from),
        Just(json!(0.25)),
        select(&["ListPicker", "Panel", "URL", "hyperlink", "SHOW_MORE", "1.0", "{}"][..])
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::from), object(inner)]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    const NAMES: &[&str] = &[
        "title",
        "subtitle",
        "imageType",
        "imageData",
        "imageDescription",
        "elements",
        "timeslots",
        "location",
        "latitude",
        "longitude",
        "radius",
        "timeZoneOffset",
        "actionDetail",
        "date",
        "duration",
        "listId",
        "referenceId",
        "preIndex",
        "nextIndex",
        "templateType",
        "version",
        "data",
        "content",
        "replyMessage",
        "templateIdentifier",
        "type",
        "url",
        "viewId",
        "viewToken",
        "viewData",
        "other",
    ];
    proptest::collection::btree_map(select(NAMES), value, 0..6).prop_map(|members| {
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

prop_compose! {
    /// A message with everything it needs, and more.
    fn whole()(
        template in select(&["ListPicker", "TimePicker", "Panel", "QuickReply", "Carousel", "ViewResource"][..]),
        mut content in object(value()),
        mut data in object(value()),
        mut message in object(value()),
        elements in vec(object(value()), 0..3),
        title in any::<String>(),
    ) -> Value {
        let elements: Vec<Value> = elements
            .into_iter()
            .map(|mut element| {
                element["title"] = title.clone().into();
                element["date"] = "2026-10-31T17:00+00:00".into();
                element
            })
            .collect();
        content["title"] = title.into();
        content["elements"] = elements.clone().into();
        content["timeslots"] = elements.into();
        data["content"] = content;
        message["data"] = data;
        message["templateType"] = template.into();
        message
    }
}

proptest! {
    #[test]
    fn nothing_is_lost(mut message in whole()) {
        let read = Interactive::read(&message.to_string());
        prop_assert!(!matches!(read, Interactive::Other(_)), "{}", message);
        let text = read.to_text();
        prop_assert_eq!(Interactive::read(&text), read);
        let again: Value = serde_json::from_str(&text).unwrap();
        let members = message.as_object_mut().unwrap();
        members.entry("version").or_insert_with(|| "1.0".into());
        // So does a message inside a carousel get its version.
        if again["templateType"] != "Carousel" {
            prop_assert_eq!(again, message);
        }
    }

    #[test]
    fn anything_can_be_read(text in prop_oneof![
        value().prop_map(|value| value.to_string()),
        whole().prop_map(|value| value.to_string()),
        any::<String>(),
    ]) {
        let read = Interactive::read(&text);
        let written = read.to_text();
        prop_assert_eq!(Interactive::read(&written), read);
        let read = InteractiveResponse::read(&text);
        let written = read.to_text();
        prop_assert_eq!(InteractiveResponse::read(&written), read);
        let _ = CarouselChoice::read(&text);
    }
}
