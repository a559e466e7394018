//! Decoding and encoding an item, beside a general JSON value doing the same.

use std::{hint::black_box, time::Instant};

use chatloom_wire::{
    ContactId, ContentType, Item, ItemType, NewItem, ParticipantId, ParticipantRole, Timestamp,
};
use serde_json::Value;

use crate::report::Report;

const ROUNDS: usize = 9;

pub(crate) fn run(report: &mut Report, scale: f64) {
    let turns = (200_000.0 * scale) as u32;
    let contact = ContactId::from("11111111-1111-4111-8111-111111111111");
    let participant = ParticipantId::from("22222222-2222-4222-8222-222222222222");
    let content = "A message of ordinary length, as people write them in a chat. ".repeat(2);
    let item = NewItem {
        absolute_time: Some(Timestamp::from_millis(1_700_000_000_000)),
        content: Some(&content),
        content_type: Some(&ContentType::TextPlain),
        id: Some("33333333-3333-4333-8333-333333333333"),
        item_type: Some(&ItemType::Message),
        participant_id: Some(&participant),
        display_name: Some("Customer"),
        participant_role: Some(&ParticipantRole::Customer),
        initial_contact_id: Some(&contact),
        contact_id: Some(&contact),
        ..NewItem::default()
    };
    let text = item.to_text();
    let value: Value = serde_json::from_str(&text).expect("an item is JSON");

    let decode = alternate(
        turns,
        || Item::from_text(text.as_str()).expect("an item"),
        || serde_json::from_str::<Value>(&text).expect("an item is JSON"),
    );
    let size = text.len();
    report.pair("item", format!("decode {size} B, baseline a JSON value"), "ns", &decode, "");
    let encode = alternate(turns, || item.to_text(), || value.to_string());
    report.pair("item", format!("encode {size} B, baseline a JSON value"), "ns", &encode, "");
}

/// Nanoseconds for each turn of both, in turn.
fn alternate<A, B>(turns: u32, ours: impl Fn() -> A, baseline: impl Fn() -> B) -> Vec<(f64, f64)> {
    (0..ROUNDS).map(|_| (time(turns, &ours), time(turns, &baseline))).collect()
}

fn time<T>(turns: u32, work: &impl Fn() -> T) -> f64 {
    let started = Instant::now();
    for _ in 0..turns {
        black_box(work());
    }
    started.elapsed().as_nanos() as f64 / f64::from(turns)
}
