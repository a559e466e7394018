//! JSON, read and written by hand.
//!
//! For code that a browser downloads: a general parser and a derived reader for each type would be
//! larger than everything else in it. A text is checked as a whole, once, while its members are
//! handed out one after another as [`Raw`] pieces of it; nothing is copied that nobody asks for.
//! A caller that takes a member again when its name comes again lets the last one count, as
//! JavaScript does.

use std::borrow::Cow;

/// How deep values may be nested, so that a peer cannot exhaust the stack.
const MOST_DEPTH: u32 = 128;

/// A JSON value as it stands in a text, known to be well formed.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(&'a str);

/// A text that is not one JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object")]
pub struct NotAnObject;

/// Hands out each member of a JSON object, in order, with its name. Members that were handed out
/// before an error say nothing.
pub fn object<'a>(text: &'a str, each: &mut dyn FnMut(&str, Raw<'a>)) -> Result<(), NotAnObject> {
    let mut scan = Scan::new(text);
    scan.whole_object(each).ok_or(NotAnObject)?;
    if scan.is_over() { Ok(()) } else { Err(NotAnObject) }
}

/// As [`object`], but ignores what follows the object.
pub fn first_object<'a>(
    text: &'a str,
    each: &mut dyn FnMut(&str, Raw<'a>),
) -> Result<(), NotAnObject> {
    Scan::new(text).whole_object(each).ok_or(NotAnObject)
}

/// The members of these names of a JSON object, the last of each.
pub fn pick<'a, const N: usize>(text: &'a str, names: &[&str; N]) -> Option<[Option<Raw<'a>>; N]> {
    let mut picked = [None; N];
    let mut scan = Scan::new(text);
    (scan.pick(names, &mut picked) && scan.is_over()).then_some(picked)
}

/// As [`pick`], but ignores what follows the object.
pub fn pick_first<'a, const N: usize>(
    text: &'a str,
    names: &[&str; N],
) -> Option<[Option<Raw<'a>>; N]> {
    let mut picked = [None; N];
    Scan::new(text).pick(names, &mut picked).then_some(picked)
}

/// Whether a text is JSON: one value of any kind.
pub fn is_json(text: &str) -> bool {
    let mut scan = Scan::new(text);
    scan.space();
    scan.value(MOST_DEPTH).is_some() && scan.is_over()
}

impl<'a> Raw<'a> {
    /// The value as it is written.
    pub fn json(self) -> &'a str {
        self.0
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// The value of a string; half a surrogate pair in it becomes U+FFFD.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.inner()?;
        Some(if plain(inner.as_bytes()) < inner.len() {
            Cow::Owned(unescape(inner))
        } else {
            Cow::Borrowed(inner)
        })
    }

    /// What stands between the quotes of a string.
    fn inner(self) -> Option<&'a str> {
        if self.0.starts_with('"') { self.0.get(1..self.0.len() - 1) } else { None }
    }

    /// The value of an integer that is written as one, from `-i64::MAX` to `i64::MAX`.
    pub fn integer(self) -> Option<i64> {
        let digits = self.0.strip_prefix('-').unwrap_or(self.0);
        let size = digits.bytes().try_fold(0_i64, |sum, byte| {
            let fits = byte.is_ascii_digit() && sum <= i64::MAX / 10;
            fits.then(|| sum * 10)?.checked_add(i64::from(byte - b'0'))
        })?;
        Some(if digits.len() < self.0.len() { -size } else { size })
    }

    /// The value of a boolean.
    pub fn boolean(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The members of these names of an object, the last of each.
    pub fn pick<const N: usize>(self, names: &[&str; N]) -> Option<[Option<Raw<'a>>; N]> {
        pick_first(self.0, names)
    }

    /// Hands out each member of an object, in order; says whether this is one.
    pub fn members(self, each: &mut dyn FnMut(&str, Raw<'a>)) -> bool {
        Scan::new(self.0).object(MOST_DEPTH, each).is_some()
    }

    /// Hands out each element of an array, in order; says whether this is one.
    pub fn elements(self, each: &mut dyn FnMut(Raw<'a>)) -> bool {
        Scan::new(self.0).array(MOST_DEPTH, each).is_some()
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// The last string has an escape in it.
    is_escaped: bool,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, is_escaped: false }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Takes this byte, if it is the next.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn since(&self, begin: usize) -> Option<Raw<'a>> {
        self.text.get(begin..self.at).map(Raw)
    }

    fn whole_object(&mut self, each: &mut dyn FnMut(&str, Raw<'a>)) -> Option<()> {
        self.space();
        self.object(MOST_DEPTH, each)
    }

    /// Whether nothing but space follows.
    fn is_over(&mut self) -> bool {
        self.space();
        self.at == self.text.len()
    }

    /// Puts each member of an object whose name is one of these into the place of its name. One copy
    /// of this serves all that is read.
    fn pick(&mut self, names: &[&str], picked: &mut [Option<Raw<'a>>]) -> bool {
        let put = &mut |name: &str, value| {
            if let Some(at) = names.iter().position(|wanted| *wanted == name) {
                picked[at] = Some(value);
            }
        };
        self.whole_object(put).is_some()
    }

    fn value(&mut self, depth: u32) -> Option<Raw<'a>> {
        let begin = self.at;
        match self.peek()? {
            b'"' => return self.string(),
            b'{' => self.object(depth, &mut |_, _| {})?,
            b'[' => self.array(depth, &mut |_| {})?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        self.since(begin)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn object(&mut self, depth: u32, each: &mut dyn FnMut(&str, Raw<'a>)) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.take(b'{')?;
        self.space();
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.string()?;
            let name = if self.is_escaped { name.text()? } else { Cow::Borrowed(name.inner()?) };
            self.space();
            self.take(b':')?;
            self.space();
            let value = self.value(depth)?;
            each(&name, value);
            self.space();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
            self.space();
        }
    }

    fn array(&mut self, depth: u32, each: &mut dyn FnMut(Raw<'a>)) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.take(b'[')?;
        self.space();
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            each(self.value(depth)?);
            self.space();
            if self.take(b',').is_none() {
                return self.take(b']');
            }
            self.space();
        }
    }

    fn string(&mut self) -> Option<Raw<'a>> {
        let begin = self.at;
        self.take(b'"')?;
        self.is_escaped = false;
        loop {
            self.at += plain(self.text.as_bytes().get(self.at..)?);
            match self.next()? {
                b'"' => return self.since(begin),
                b'\\' => match self.escape()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            if !self.next()?.is_ascii_hexdigit() {
                                return None;
                            }
                        }
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<u8> {
        self.is_escaped = true;
        self.next()
    }

    fn number(&mut self) -> Option<()> {
        let _sign = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }
}

/// What a well-formed string stands for.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    // Whatever is not plain in a well-formed string is a backslash.
    while let Some((plain, escape)) = rest.split_at_checked(plain(rest.as_bytes())) {
        out.push_str(plain);
        let mut chars = escape.chars();
        let (Some(_), Some(escaped)) = (chars.next(), chars.next()) else { break };
        out.push(match escaped {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = hex(&mut chars);
                let mut code = unit;
                if (0xd800..0xdc00).contains(&unit) {
                    let mut ahead = chars.clone();
                    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
                        let low = hex(&mut ahead);
                        if (0xdc00..0xe000).contains(&low) {
                            code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                            chars = ahead;
                        }
                    }
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other,
        });
        rest = chars.as_str();
    }
    out
}

/// How many bytes come before a quote, a backslash or a control character. Eight are looked at in one
/// go: most of what a service says is the inside of strings.
fn plain(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut at = 0;
    for word in bytes.as_chunks::<8>().0 {
        let word = u64::from_le_bytes(*word);
        // The highest bit of each byte that is below `limit`; wrong only above one that is right.
        let below = |word: u64, limit: u64| word.wrapping_sub(limit * EACH) & !word;
        let is = |byte: u8| below(word ^ (u64::from(byte) * EACH), 1);
        let special = (is(b'"') | is(b'\\') | below(word, 0x20)) & (0x80 * EACH);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count()
}

/// Four hexadecimal digits; that they are has been checked.
fn hex(chars: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |sum, _| (sum << 4) | chars.next().and_then(|c| c.to_digit(16)).unwrap_or(0))
}

/// Writes one JSON object.
///
/// ```
/// use chatloom_session::json::Writer;
///
/// let mut object = Writer::new();
/// object.text("Name", "a \"b\"");
/// object.number("Count", -3);
/// assert_eq!(object.finish(), r#"{"Name":"a \"b\"","Count":-3}"#);
/// ```
#[derive(Debug)]
pub struct Writer(String);

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An object without members.
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0 += ",";
        }
        write_text(&mut self.0, name);
        self.0 += ":";
    }

    /// Adds a string.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        write_text(&mut self.0, value);
    }

    /// Adds a string if there is one.
    pub fn some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Adds an integer.
    pub fn number(&mut self, name: &str, value: i64) {
        self.name(name);
        write_number(&mut self.0, value);
    }

    /// Adds a value that is JSON already.
    pub fn json(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    /// The object as text.
    pub fn finish(mut self) -> String {
        self.0 += "}";
        self.0
    }
}

/// Writes text as a JSON string.
pub fn write_text(out: &mut String, text: &str) {
    *out += "\"";
    let mut rest = text;
    // Only ASCII is ever escaped, so every cut is between characters.
    while let Some((plain, escape)) = rest.split_at_checked(plain(rest.as_bytes())) {
        out.push_str(plain);
        let Some(byte) = escape.bytes().next() else { break };
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            _ => {
                out.push_str("\\u00");
                push_digit(out, byte >> 4);
                push_digit(out, byte & 15);
            }
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    *out += "\"";
}

/// Appends a hexadecimal digit.
pub(crate) fn push_digit(out: &mut String, digit: u8) {
    const DIGITS: &str = "0123456789abcdef";
    let at = usize::from(digit);
    out.push_str(DIGITS.get(at..=at).unwrap_or_default());
}

/// Writes an integer.
pub fn write_number(out: &mut String, number: i64) {
    if number < 0 {
        *out += "-";
    }
    write_digits(out, number.unsigned_abs());
}

fn write_digits(out: &mut String, number: u64) {
    if number > 9 {
        write_digits(out, number / 10);
    }
    push_digit(out, (number % 10) as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// What `object` hands out, put together again by `serde_json`.
    fn collect(text: &str) -> Option<Value> {
        let mut map = serde_json::Map::new();
        object(text, &mut |name, value| {
            // Where `serde_json` refuses a lone surrogate, this module replaces it.
            let parsed = serde_json::from_str(value.json())
                .unwrap_or_else(|_| Value::from(value.text().unwrap_or_default()));
            map.insert(name.to_owned(), parsed);
        })
        .ok()?;
        Some(Value::Object(map))
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_every_object(map in prop::collection::btree_map(any::<String>(), json_value(), 0..6), pretty: bool) {
            let value = Value::Object(map.into_iter().collect());
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            prop_assert_eq!(collect(&text), Some(serde_json::from_str(&text).unwrap()));
        }

        #[test]
        fn agrees_with_a_parser_on_what_is_json(text in r#"[ \t{}\[\]:,"\\u0dAnrtfalse1.eE+-]{0,24}"#) {
            let ours = object(&text, &mut |_, _| {}).is_ok();
            let theirs = serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_object());
            // A lone surrogate is no error here, and no number is too large.
            prop_assert!(ours == theirs || ours && (text.contains("\\u") || text.contains(['e', 'E'])), "{}", text);
        }

        #[test]
        fn what_is_plain_is_the_same_eight_at_a_time(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), 0x1c_u8..0x24, 0x5a_u8..0x5f, Just(b'a')],
            0..40,
        )) {
            let one_by_one =
                bytes.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
            prop_assert_eq!(plain(&bytes), one_by_one);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,60}") {
            let _ = object(&text, &mut |_, value| {
                let _ = value.text();
                value.members(&mut |_, _| {});
                value.elements(&mut |_| {});
            });
            let _ = first_object(&text, &mut |_, _| {});
        }

        #[test]
        fn what_is_written_is_read(name: String, text: String, number: i64) {
            let mut object = Writer::new();
            object.text(&name, &text);
            object.number("number", number);
            let parsed: Value = serde_json::from_str(&object.finish()).unwrap();
            if name != "number" {
                prop_assert_eq!(&parsed[&name], &text);
            }
            prop_assert_eq!(&parsed["number"], number);
        }
    }

    #[test]
    fn any_value_is_json() {
        for (text, is) in [
            ("{}", true),
            (" [1] ", true),
            ("\"a\"", true),
            ("-1.5e3", true),
            ("null", true),
            ("", false),
            (" ", false),
            ("typing", false),
            ("{} {}", false),
            ("'a'", false),
        ] {
            assert_eq!(is_json(text), is, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(object(&deep(100), &mut |_, _| {}).is_ok());
        assert_eq!(object(&deep(100_000), &mut |_, _| {}), Err(NotAnObject));
    }

    #[test]
    fn what_follows_the_object_counts_or_does_not() {
        assert!(first_object("{\"a\":1})", &mut |_, _| {}).is_ok());
        assert!(object("{\"a\":1})", &mut |_, _| {}).is_err());
        assert!(object(" {\"a\":1} \n", &mut |_, _| {}).is_ok());
    }
}
