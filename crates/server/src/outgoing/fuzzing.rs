//! A fuzz target for what bots send.

use super::sse::Events;

/// A stream of server-sent events: however it is cut, the events are those that a slow reading of the
/// whole finds. The input is the number of bytes that say where it is cut, they themselves, and the
/// stream.
pub fn events(data: &[u8]) {
    let Some((&count, rest)) = data.split_first() else { return };
    let (cuts, stream) = rest.split_at(usize::from(count).min(rest.len()));
    let mut events = Events::default();
    let mut found = Vec::new();
    let mut rest = stream;
    for cut in cuts {
        let (piece, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        found.extend(events.push(piece));
        rest = after;
    }
    found.extend(events.push(rest));
    let found: Vec<_> = found.into_iter().map(|event| (event.name, event.data)).collect();
    assert_eq!(found, slowly(stream));
}

/// As the standard says it: the whole as text, then lines, then blocks.
fn slowly(stream: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // What no line feed ends is no line yet.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let (mut events, mut name, mut data) = (Vec::new(), String::new(), Vec::new());
    for line in whole.split('\n') {
        if line.is_empty() {
            let name = std::mem::take(&mut name);
            if !data.is_empty() {
                let name = if name.is_empty() { "message".to_owned() } else { name };
                events.push((name, data.join("\n")));
            }
            data.clear();
        } else if let Some(value) = value(line, "event") {
            value.clone_into(&mut name);
        } else if let Some(value) = value(line, "data") {
            data.push(value.to_owned());
        }
    }
    events
}

fn value<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    match line.strip_prefix(field)?.strip_prefix(':') {
        Some(value) => Some(value.strip_prefix(' ').unwrap_or(value)),
        None => (line == field).then_some(""),
    }
}
