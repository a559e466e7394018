//! Reading JSON objects from a peer.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Visitor},
};
use serde_json::{error::Category, value::RawValue};

/// Why a text is not the JSON object that was expected.
///
/// Says where and in what way, never what stood there: that may be content or a secret, and errors
/// end up in logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line} column {column}")]
pub struct JsonError {
    problem: Cow<'static, str>,
    line: usize,
    column: usize,
}

impl JsonError {
    fn not_an_object() -> Self {
        Self { problem: "not a JSON object".into(), line: 1, column: 1 }
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let problem = match error.classify() {
            Category::Syntax | Category::Io => Cow::Borrowed("not JSON"),
            Category::Eof => Cow::Borrowed("the JSON text is cut off"),
            // These two name a member of ours; the others quote what the peer wrote.
            Category::Data
                if text.starts_with("missing field `") || text.starts_with("duplicate field `") =>
            {
                Cow::Owned(text.split(" at line ").next().unwrap_or_default().to_owned())
            }
            Category::Data => Cow::Borrowed("a member has another type than documented"),
        };
        Self { problem, line: error.line(), column: error.column() }
    }
}

/// Reads a JSON object, for instance the body of a request or an answer. Members that the type does
/// not know are ignored; anything but an object is an error, and so is text after it.
///
/// ```
/// use chatloom_wire::{json, participant::SendMessageRequest};
///
/// let error = json::read::<SendMessageRequest>(r#"{"Content":"my card number"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "missing field `ContentType` at line 1 column 28");
/// ```
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    // Serde also reads a struct from an array, which no peer means.
    require_object(text)?;
    Ok(serde_json::from_str(text)?)
}

/// As [`read`], but text after the object is ignored.
pub(crate) fn read_first<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    require_object(text)?;
    serde_json::Deserializer::from_str(text)
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(serde_json::Error::custom("no value")))
        .map_err(JsonError::from)
}

fn require_object(text: &str) -> Result<(), JsonError> {
    let begin = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if begin.starts_with('{') { Ok(()) } else { Err(JsonError::not_an_object()) }
}

/// A member that counts as absent when it is not as documented.
pub(crate) fn lenient<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// As [`lenient`], for a string.
pub(crate) fn lenient_text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    lenient::<Text<'_>>(raw).map(|Text(text)| text)
}

/// A JSON string, borrowed where it holds no escapes. (`Option<Cow<str>>` alone always copies.)
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Makes a value of a JSON string without copying the string first.
pub(crate) fn from_text<'de, D, T, E>(
    deserializer: D,
    expected: &'static str,
    make: fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    struct FromText<T, E> {
        expected: &'static str,
        make: fn(&str) -> Result<T, E>,
        made: PhantomData<T>,
    }

    impl<T, E: fmt::Display> Visitor<'_> for FromText<T, E> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_str<F: serde::de::Error>(self, text: &str) -> Result<T, F> {
            (self.make)(text).map_err(F::custom)
        }
    }

    deserializer.deserialize_str(FromText { expected, make, made: PhantomData })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Pair {
        #[serde(rename = "A")]
        _a: u32,
        #[serde(rename = "B")]
        _b: u32,
    }

    #[test]
    fn errors_say_where_but_not_what() {
        for (text, problem) in [
            ("", "not a JSON object at line 1 column 1"),
            ("[1,2]", "not a JSON object at line 1 column 1"),
            (r#""secret""#, "not a JSON object at line 1 column 1"),
            (r#"{"A":1"#, "the JSON text is cut off at line 1 column 6"),
            (r#"{"A":secret}"#, "not JSON at line 1 column 6"),
            (r#"{"A":1}"#, "missing field `B` at line 1 column 7"),
            (r#"{"A":1,"A":1}"#, "duplicate field `A` at line 1 column 10"),
            (r#"{"A":"secret"}"#, "a member has another type than documented at line 1 column 13"),
            ("{\"A\":1,\n\"B\":2} secret", "not JSON at line 2 column 8"),
        ] {
            let error = read::<Pair>(text).unwrap_err();
            assert_eq!(error.to_string(), problem, "{text}");
            assert!(!format!("{error:?}").contains("secret"));
        }
    }
}
