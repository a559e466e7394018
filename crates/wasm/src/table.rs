//! The host's side of the border, in Rust, for tests: inputs and outputs with their names, by the
//! tables that the browser package writes and reads by.

use chatloom_session::CHATLOOM;
use serde_json::{Map, Value};

/// Where the tables are: those of every page, and what Chatloom behaviour adds.
const FILES: [&str; 2] = [
    include_str!("../../../web/chatjs/src/host/border.ts"),
    include_str!("../../../web/chatjs/src/chatloom/kinds.ts"),
];

/// Marks a value of any kind, which may be absent.
const ANY: &str = "+?";

/// A kind of input or output: its name, and the name and the marks of each of its members.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    members: Vec<(&'static str, &'static str)>,
}

/// The tables as they stand in the files that this core was built with, in the order of their sum.
pub(crate) fn texts() -> Vec<&'static str> {
    let files = FILES.get(..if CHATLOOM { 2 } else { 1 }).unwrap_or_default();
    files.iter().flat_map(|file| ["INPUTS", "OUTPUTS"].map(|name| text(file, name))).collect()
}

/// The table of this name in a file, from the end of the line that it begins in.
fn text(file: &'static str, name: &str) -> &'static str {
    let (_, rest) = file.split_once(&format!("const {name} = `")).expect("a table of this name");
    let (table, _) = rest.split_once('`').expect("an end of the table");
    table
}

/// The table of this name, in the order of the kinds' numbers.
pub(crate) fn table(name: &str) -> Vec<Kind> {
    let lines = |file: &'static str| text(file, name).lines().skip(1);
    let kind = |line: &'static str| {
        let mut words = line.split(' ');
        let name = words.next().expect("a name");
        let parts = |word: &'static str| {
            word.split_at(word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len()))
        };
        Kind { name, members: words.map(parts).collect() }
    };
    FILES.into_iter().flat_map(lines).map(kind).collect()
}

/// What the host writes for an input.
pub(crate) fn values_of(input: &Value) -> (Vec<f64>, String) {
    let table = table("INPUTS");
    let kind = table.iter().position(|kind| input["type"] == kind.name).expect("a known input");
    let mut members: Vec<(&str, &str, &Value)> = Vec::new();
    for (name, mark) in &table[kind].members {
        match (&input[*name], *mark) {
            (Value::Array(list), "*") => {
                members.extend(list.iter().map(|value| (*name, ANY, value)));
            }
            (_, "*") => {}
            (value, mark) => members.push((name, mark, value)),
        }
    }
    let (mut values, texts) = encoded(&members);
    values.insert(0, kind as f64);
    (values, texts)
}

/// The content types in the order in which the package numbers them.
pub(crate) fn content_types() -> Vec<String> {
    let rules = include_str!("../../../web/chatjs/src/api/rules.ts");
    let between = |begin: &str, end: &str| {
        let (_, rest) = rules.split_once(begin).expect("a beginning");
        rest.split_once(end).expect("an end").0.split('"').skip(1).step_by(2).collect::<Vec<_>>()
    };
    let beginnings = between("const BEGINNINGS", "};");
    let types = between("export const CONTENT_TYPES = [", "]").join(" ");
    let full = |name: &str| match name.split_once(':') {
        Some((letter, end)) => {
            let at = "EMO".find(letter).expect("a letter of a beginning");
            format!("{}{end}", beginnings[at])
        }
        None => name.to_owned(),
    };
    types.split(' ').map(full).collect()
}

/// What the host writes for a list of values.
pub(crate) fn list(members: &[Value]) -> (Vec<f64>, String) {
    encoded(&members.iter().map(|value| ("", ANY, value)).collect::<Vec<_>>())
}

fn encoded(members: &[(&str, &str, &Value)]) -> (Vec<f64>, String) {
    let mut values = Vec::new();
    let mut texts = String::new();
    for (name, mark, value) in members {
        values.push(match value {
            Value::Null if mark.ends_with('?') => f64::NAN,
            Value::Number(number) if mark.starts_with(['#', '+']) => number.as_f64().unwrap(),
            Value::Bool(flag) if mark.starts_with(['!', '+']) => f64::from(u8::from(*flag)),
            Value::String(text) if !mark.starts_with(['#', '!']) => {
                texts.extend([text, "\0"]);
                text.len() as f64
            }
            other => panic!("{name}{mark} is {other}"),
        });
    }
    (values, texts)
}

/// What the host reads from what the core has written.
pub(crate) fn outputs_of(values: &[f64], texts: &str) -> Vec<Value> {
    let mut reader = Reader {
        table: table("OUTPUTS"),
        values: values.iter(),
        texts: texts.encode_utf16().collect(),
    };
    let mut outputs = Vec::new();
    while !reader.values.as_slice().is_empty() {
        outputs.push(reader.output());
    }
    assert!(reader.texts.is_empty(), "more text than values");
    outputs
}

struct Reader<'a> {
    table: Vec<Kind>,
    values: std::slice::Iter<'a, f64>,
    texts: Vec<u16>,
}

impl Reader<'_> {
    fn output(&mut self) -> Value {
        let mut members = Map::new();
        self.members(&mut members);
        Value::Object(members)
    }

    fn members(&mut self, into: &mut Map<String, Value>) {
        let kind = self.count();
        let Kind { name: name_of_kind, ref members } = self.table[kind];
        into.entry("type").or_insert_with(|| name_of_kind.into());
        for (name, mark) in members.clone() {
            if mark == "&" {
                self.members(into);
                continue;
            }
            let value = match mark.split_at_checked(1) {
                Some(("=", "")) => name_of_kind.into(),
                Some(("=", constant)) => constant.into(),
                Some(("*", _)) => {
                    let count = self.count();
                    (0..count).map(|_| self.output()).collect()
                }
                Some((":", _)) => {
                    let count = self.count();
                    let pair = |_| (self.value().as_str().unwrap().to_owned(), self.value());
                    Value::Object((0..count).map(pair).collect())
                }
                Some(("<", _)) => {
                    let value = self.value();
                    if !value.is_null() {
                        into["body"][name] = value;
                    }
                    continue;
                }
                Some(("{", _)) => serde_json::from_str(self.value().as_str().unwrap()).unwrap(),
                _ => self.value(),
            };
            if !value.is_null() {
                into.insert(name.to_owned(), value);
            }
        }
    }

    fn count(&mut self) -> usize {
        self.value().as_u64().expect("a number") as usize
    }

    fn value(&mut self) -> Value {
        match *self.values.next().expect("a value") {
            value if value.is_nan() => Value::Null,
            value if value.is_infinite() => (value > 0.0).into(),
            value if value >= 0.0 => (value as u64).into(),
            value => {
                let rest = self.texts.split_off((-1.0 - value) as usize);
                let text = std::mem::replace(&mut self.texts, rest);
                String::from_utf16(&text).expect("whole characters").into()
            }
        }
    }
}
