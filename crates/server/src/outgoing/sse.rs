//! Server-sent events, as much of them as a bot's answer needs.

/// An event.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name; `message` if it was given none.
    pub(crate) name: String,
    /// Its data, lines joined by `\n`.
    pub(crate) data: String,
}

/// Makes events of the bytes of a stream, wherever they are cut. What it holds is part of what has
/// come: whoever bounds that bounds this.
#[derive(Default)]
pub(crate) struct Events {
    /// What has come and is no whole line yet.
    rest: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    /// The last byte was a carriage return: a line feed after it is part of the same end of line.
    after_return: bool,
    is_begun: bool,
}

impl Events {
    /// Takes more of the stream. Gives the events that are whole by then.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.rest);
                    events.extend(self.line(&line));
                }
                _ => self.rest.push(byte),
            }
        }
        events
    }

    fn line(&mut self, line: &[u8]) -> Option<Event> {
        let mut line = String::from_utf8_lossy(line);
        if !std::mem::replace(&mut self.is_begun, true)
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            line = rest.to_owned().into();
        }
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            let has_data = std::mem::take(&mut self.has_data);
            let name = if name.is_empty() { "message".to_owned() } else { name };
            return has_data.then_some(Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // Comments, ids and times to come back: a turn is asked for again as a whole.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, step: usize) -> Vec<(String, String)> {
        let mut events = Events::default();
        let pieces = text.as_bytes().chunks(step);
        let all = pieces.flat_map(|piece| events.push(piece));
        all.map(|event| (event.name, event.data)).collect()
    }

    #[test]
    fn events_are_read_wherever_the_stream_is_cut() {
        let text = "\u{feff}: hello\nevent: chunk\ndata: {\"content\":\"caf\u{e9}\"}\n\n\
                    data: a\r\ndata:b\r\ndata\r\nid: 7\r\n\r\nevent: none\n\ndata: last\r\rdata: cut";
        let expected =
            [("chunk", "{\"content\":\"caf\u{e9}\"}"), ("message", "a\nb\n"), ("message", "last")]
                .map(|(name, data)| (name.to_owned(), data.to_owned()));
        for step in 1..text.len() {
            assert_eq!(read(text, step), expected, "{step}");
        }
    }
}
