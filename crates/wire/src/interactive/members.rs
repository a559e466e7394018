//! JSON objects whose members stay as they were written.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// An object of more members is not read: each is compared with those before it.
const MOST_MEMBERS: usize = 256;

/// Members of a JSON object, in their order, each value as JSON text.
///
/// Holds what a version does not know: members of another name, and those whose value is not of the
/// documented type. Of members of one name the last counts. Equality takes no notice of the order of
/// members, but of how a value is written.
#[derive(Clone, Default)]
pub struct Members(Vec<(Box<str>, Box<str>)>);

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Members {}

impl Members {
    /// The value of a member, as JSON text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| **other == *name).map(|(_, value)| &**value)
    }

    /// The names and the values, as JSON text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes a member out if it is what `read` wants; leaves it where it is if not.
    fn take<T, U: DeserializeOwned>(
        &mut self,
        name: &str,
        read: impl Fn(U) -> Option<T>,
    ) -> Option<T> {
        let at = self.0.iter().position(|(other, _)| **other == *name)?;
        let value = read(serde_json::from_str(&self.0[at].1).ok()?)?;
        self.0.remove(at);
        Some(value)
    }

    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        self.take(name, Some)
    }

    pub(super) fn take_integer(&mut self, name: &str) -> Option<i64> {
        self.take(name, Some)
    }

    pub(super) fn take_number(&mut self, name: &str) -> Option<f64> {
        self.take(name, Some)
    }

    pub(super) fn take_object<T>(
        &mut self,
        name: &str,
        read: impl Fn(Self) -> Option<T>,
    ) -> Option<T> {
        self.take(name, read)
    }

    /// Takes a list of objects, if every one of them is what `read` wants.
    pub(super) fn take_list<T>(
        &mut self,
        name: &str,
        read: impl Fn(Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        self.take(name, |list: Vec<Self>| list.into_iter().map(&read).collect())
    }

    /// Takes a member out that has exactly this text as its value.
    pub(super) fn take_if_text(&mut self, name: &str, text: &str) -> bool {
        self.take(name, |value: String| (value == text).then_some(())).is_some()
    }

    pub(super) fn json(&mut self, name: &str, json: &str) {
        match self.0.iter_mut().find(|(other, _)| **other == *name) {
            Some((_, value)) => *value = json.into(),
            None => self.0.push((name.into(), json.into())),
        }
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.json(name, &quoted(text));
    }

    pub(super) fn some_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(super) fn some_integer(&mut self, name: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.json(name, &number.to_string());
        }
    }

    /// Writes a number; one without a fraction as an integer, as JavaScript does. One that JSON cannot
    /// say is left out.
    pub(super) fn some_number(&mut self, name: &str, number: Option<f64>) {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            // `Display` writes neither an exponent nor a fraction that is zero.
            self.json(name, &number.to_string());
        }
    }

    pub(super) fn some_object(&mut self, name: &str, object: Option<Self>) {
        if let Some(object) = object {
            self.json(name, &object.to_text());
        }
    }

    pub(super) fn list(&mut self, name: &str, list: impl Iterator<Item = Self>) {
        let mut json = String::from("[");
        for (at, object) in list.enumerate() {
            if at > 0 {
                json.push(',');
            }
            json.push_str(&object.to_text());
        }
        json.push(']');
        self.json(name, &json);
    }

    /// Adds members of other names than those that are there.
    pub(super) fn add(&mut self, unknown: &Self) {
        for (name, value) in unknown.iter() {
            if self.get(name).is_none() {
                self.json(name, value);
            }
        }
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::from("{");
        for (at, (name, value)) in self.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&quoted(name));
            text.push(':');
            text.push_str(value);
        }
        text.push('}');
        text
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Members::default();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.0.len() == MOST_MEMBERS {
                        return Err(M::Error::custom("too many members"));
                    }
                    members.json(&name, value.get());
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// The names alone: the values are content.
impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
