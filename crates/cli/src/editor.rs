//! The line that is being typed on a terminal: what it holds, where the cursor is, and which part of
//! it fits.

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};
use unicode_width::UnicodeWidthChar as _;

/// Bytes that a line may have; more is not taken. The largest message fits.
const MAX_BYTES: usize = 16_384;

/// What came of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to be seen.
    Nothing,
    /// The line or the cursor changed.
    Changed,
    /// The line was finished, and is empty now.
    Line(String),
    /// The program is asked to stop.
    Interrupt,
    /// There will be no more lines.
    End,
}

/// A line that is being typed.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    line: String,
    /// A byte index between two characters.
    cursor: usize,
}

impl Editor {
    /// What has been typed so far.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Takes what happened on the terminal.
    pub(crate) fn take(&mut self, event: &Event) -> Outcome {
        match event {
            // Pasted text becomes one line, without what could command the terminal.
            Event::Paste(text) => {
                let text = text.replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
                self.insert(&text.replace(char::is_control, ""))
            }
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.key(key.code, key.modifiers)
            }
            Event::Resize(..) => Outcome::Changed,
            _ => Outcome::Nothing,
        }
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Outcome {
        if modifiers.contains(KeyModifiers::CONTROL) {
            return match code {
                KeyCode::Char('c') => Outcome::Interrupt,
                KeyCode::Char('d') if self.line.is_empty() => Outcome::End,
                KeyCode::Char('d') => self.key(KeyCode::Delete, KeyModifiers::NONE),
                KeyCode::Char('a') => self.key(KeyCode::Home, KeyModifiers::NONE),
                KeyCode::Char('e') => self.key(KeyCode::End, KeyModifiers::NONE),
                KeyCode::Char('u') => self.remove(0, self.cursor),
                KeyCode::Char('k') => self.remove(self.cursor, self.line.len()),
                KeyCode::Char('w') => self.remove(self.word_start(), self.cursor),
                _ => Outcome::Nothing,
            };
        }
        match code {
            KeyCode::Char(typed) => self.insert(typed.encode_utf8(&mut [0; 4])),
            KeyCode::Enter => {
                self.cursor = 0;
                Outcome::Line(std::mem::take(&mut self.line))
            }
            KeyCode::Backspace => self.remove(self.before(), self.cursor),
            KeyCode::Delete => self.remove(self.cursor, self.after()),
            KeyCode::Left => self.go(self.before()),
            KeyCode::Right => self.go(self.after()),
            KeyCode::Home => self.go(0),
            KeyCode::End => self.go(self.line.len()),
            _ => Outcome::Nothing,
        }
    }

    fn insert(&mut self, text: &str) -> Outcome {
        if self.line.len() + text.len() > MAX_BYTES {
            return Outcome::Nothing;
        }
        self.line.insert_str(self.cursor, text);
        self.cursor += text.len();
        Outcome::Changed
    }

    fn remove(&mut self, from: usize, to: usize) -> Outcome {
        self.line.replace_range(from..to, "");
        self.cursor = from;
        Outcome::Changed
    }

    fn go(&mut self, to: usize) -> Outcome {
        self.cursor = to;
        Outcome::Changed
    }

    fn before(&self) -> usize {
        self.line[..self.cursor].char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.line[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }

    fn word_start(&self) -> usize {
        let before = self.line[..self.cursor].trim_end_matches(' ');
        before.rfind(' ').map_or(0, |space| space + 1)
    }

    /// The part of the line to show in so many columns, and the column of the cursor in it. The
    /// cursor is always inside.
    pub(crate) fn window(&self, columns: usize) -> (&str, usize) {
        let columns = columns.max(2);
        // As much before the cursor as leaves a column for the cursor itself.
        let mut start = self.cursor;
        let mut before = 0;
        for (at, c) in self.line[..self.cursor].char_indices().rev() {
            let width = c.width().unwrap_or(0);
            if before + width > columns - 1 {
                break;
            }
            before += width;
            start = at;
        }
        let mut end = self.cursor;
        let mut total = before;
        for (at, c) in self.line[self.cursor..].char_indices() {
            total += c.width().unwrap_or(0);
            if total > columns {
                break;
            }
            end = self.cursor + at + c.len_utf8();
        }
        (&self.line[start..end], before)
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    fn key(code: KeyCode) -> Event {
        Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn control(c: char) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    fn type_in(editor: &mut Editor, text: &str) {
        for c in text.chars() {
            assert_eq!(editor.take(&key(KeyCode::Char(c))), Outcome::Changed);
        }
    }

    #[test]
    fn a_line_is_typed_mended_and_finished() {
        let mut editor = Editor::default();
        type_in(&mut editor, "Grüß dich wlt");
        for _ in 0..2 {
            editor.take(&key(KeyCode::Left));
        }
        type_in(&mut editor, "e");
        editor.take(&key(KeyCode::Home));
        editor.take(&key(KeyCode::Delete));
        type_in(&mut editor, "g");
        editor.take(&key(KeyCode::End));
        type_in(&mut editor, "?");
        editor.take(&key(KeyCode::Backspace));
        assert_eq!(editor.take(&key(KeyCode::Enter)), Outcome::Line("grüß dich welt".to_owned()));
        assert_eq!(editor.line(), "");
    }

    #[test]
    fn control_keys_work_as_in_a_shell() {
        let mut editor = Editor::default();
        type_in(&mut editor, "one two three");
        editor.take(&control('w'));
        assert_eq!(editor.line(), "one two ");
        editor.take(&control('w'));
        assert_eq!(editor.line(), "one ");
        editor.take(&control('a'));
        editor.take(&control('k'));
        assert_eq!(editor.line(), "");
        type_in(&mut editor, "x");
        assert_eq!(editor.take(&control('d')), Outcome::Changed);
        editor.take(&control('u'));
        assert_eq!(editor.take(&control('d')), Outcome::End);
        assert_eq!(editor.take(&control('c')), Outcome::Interrupt);
    }

    #[test]
    fn pasted_lines_become_one() {
        let mut editor = Editor::default();
        editor.take(&Event::Paste("a\nb\r\n\x1bc".to_owned()));
        assert_eq!(editor.line(), "a b c");
        let too_long = Event::Paste("x".repeat(MAX_BYTES));
        assert_eq!(editor.take(&too_long), Outcome::Nothing);
        assert_eq!(editor.line(), "a b c");
    }

    #[test]
    fn keys_on_the_edge_do_nothing_bad() {
        let mut editor = Editor::default();
        for code in
            [KeyCode::Backspace, KeyCode::Delete, KeyCode::Left, KeyCode::Right, KeyCode::Home]
        {
            editor.take(&key(code));
        }
        for c in "wuk".chars() {
            editor.take(&control(c));
        }
        assert_eq!(editor.line(), "");
    }

    #[test]
    fn the_window_shows_the_cursor_and_fits() {
        let mut editor = Editor::default();
        type_in(&mut editor, "abcdefghij");
        assert_eq!(editor.window(20), ("abcdefghij", 10));
        assert_eq!(editor.window(6), ("fghij", 5));
        editor.take(&key(KeyCode::Home));
        assert_eq!(editor.window(6), ("abcdef", 0));
        // Wide characters take two columns.
        let mut editor = Editor::default();
        type_in(&mut editor, "日本語");
        assert_eq!(editor.window(6), ("本語", 4));
        editor.take(&key(KeyCode::Left));
        assert_eq!(editor.window(6), ("日本語", 4));
        // Nothing is narrower than one wide character.
        assert_eq!(editor.window(0), ("語", 0));
    }
}
