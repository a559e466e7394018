//! Lines and keys from standard input, read by a thread: reading cannot be cancelled, and the
//! program must be able to end while it waits.

use std::io::{self, BufRead, Read as _};

use crossterm::event;
use tokio::sync::mpsc;

/// The longest line that is taken. The largest message, every byte of it escaped, fits.
pub(crate) const MAX_LINE_BYTES: usize = 256 * 1024;
/// What waits to be acted on; when it is full, standard input is not read.
const QUEUE: usize = 64;

/// A line of standard input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The line, without its end.
    Text(String),
    /// A line that cannot be taken, and why.
    Bad(&'static str),
}

/// Standard input as lines. The channel closes at its end.
pub(crate) fn lines() -> mpsc::Receiver<Line> {
    let (lines, receiver) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = read_line(&mut input) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Standard input as what is done on a terminal: keys, pasted text, a new size.
pub(crate) fn keys() -> mpsc::Receiver<event::Event> {
    let (keys, receiver) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.blocking_send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line; `None` at the end of the input, also when it cannot be read any more.
fn read_line(input: &mut impl BufRead) -> Option<Line> {
    let mut line = Vec::new();
    let limit = MAX_LINE_BYTES as u64 + 1;
    if input.by_ref().take(limit).read_until(b'\n', &mut line).ok()? == 0 {
        return None;
    }
    if line.last() != Some(&b'\n') && line.len() > MAX_LINE_BYTES {
        skip_line(input)?;
        return Some(Line::Bad("the line is longer than 262,144 bytes"));
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Some(String::from_utf8(line).map_or(Line::Bad("the line is not UTF-8"), Line::Text))
}

fn skip_line(input: &mut impl BufRead) -> Option<()> {
    loop {
        let buffer = input.fill_buf().ok()?;
        if buffer.is_empty() {
            return Some(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let skipped = end.map_or(buffer.len(), |end| end + 1);
        input.consume(skipped);
        if end.is_some() {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_a_bad_one_does_not_spoil_the_next() {
        let mut input = Vec::new();
        input.extend(b"first\r\n\n");
        input.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES));
        input.extend(b"\n");
        input.extend(std::iter::repeat_n(b'y', 3 * MAX_LINE_BYTES));
        input.extend(b"\nbad \xff\nlast");
        let mut input = input.as_slice();
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input) {
            lines.push(line);
        }
        assert_eq!(
            lines,
            [
                Line::Text("first".to_owned()),
                Line::Text(String::new()),
                Line::Text("x".repeat(MAX_LINE_BYTES)),
                Line::Bad("the line is longer than 262,144 bytes"),
                Line::Bad("the line is not UTF-8"),
                Line::Text("last".to_owned()),
            ]
        );
    }
}
