//! `chatloom replay`: read a flight recording, or check that a session still does what was recorded.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{self, ErrorKind, Read as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use chatloom_session::recorder::{self, Difference};
use serde_json::{Map, Value};

/// The status when a check finds a difference.
const DIFFERS: u8 = 3;
/// The version of the format that is read.
const VERSION: i64 = 1;

/// Show a flight recording of a session, or check it.
///
/// Shown are, for each line: the time since the first one in seconds, the session, who did it (the
/// application, the service, the network, the clock, or the core), what, and more about it. Content
/// and names are not in a recording, only how long they were.
///
/// The program ends with status 0, with 1 when the file cannot be read or is no recording, with 2 when
/// the command line is wrong, and with 3 when a check finds a difference.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The recording; `-` is standard input.
    file: PathBuf,
    /// Give what was recorded to a new session core, and say where it does something else.
    #[arg(long)]
    check: bool,
    /// Show also when the clock ticked and when the core wanted to be woken.
    #[arg(long, conflicts_with = "check")]
    all: bool,
}

/// Does what was asked.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let recording = read(&args.file)?;
    let (text, status) = if args.check {
        check(&recording)?
    } else {
        (show(&recording, args.all)?, ExitCode::SUCCESS)
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(status),
        written => written.context("cannot write to standard output").map(|()| status),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn check(recording: &str) -> anyhow::Result<(String, ExitCode)> {
    let replayed = recorder::replay(recording)?;
    let mut text =
        format!("{} inputs gave {} outputs as recorded", replayed.inputs, replayed.outputs);
    let Some(Difference { line, recorded, replayed }) = replayed.difference else {
        text.push('\n');
        return Ok((text, ExitCode::SUCCESS));
    };
    let nothing = || "nothing".to_owned();
    writeln!(text, ", then line {line} differs:")?;
    writeln!(text, "recorded: {}", clean(&recorded.unwrap_or_else(nothing)))?;
    writeln!(text, "replayed: {}", clean(&replayed.unwrap_or_else(nothing)))?;
    Ok((text, ExitCode::from(DIFFERS)))
}

type Object = Map<String, Value>;

/// The recording for people.
fn show(recording: &str, all: bool) -> anyhow::Result<String> {
    let mut lines = recording.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let first = lines.next().and_then(|(line, _)| parse(line));
    let Some(version) = first.as_ref().and_then(|first| first.get("recording")?.as_i64()) else {
        bail!("this is no recording");
    };
    if version != VERSION {
        bail!("the recording has version {version}; this program reads version {VERSION}");
    }
    let mut out = String::new();
    let dropped = first.and_then(|first| first.get("dropped")?.as_i64()).unwrap_or(0);
    if dropped != 0 {
        writeln!(out, "{dropped} earlier lines were dropped")?;
    }
    let mut table = Table::default();
    for (line, number) in lines {
        let object = parse(line).with_context(|| format!("line {number} cannot be read"))?;
        let row = table
            .row(&object)
            .with_context(|| format!("line {number} is no part of a recording"))?;
        if all || !row.quiet {
            writeln!(out, "{}", clean(&row.text).trim_end())?;
        }
    }
    Ok(out)
}

fn parse(line: &str) -> Option<Object> {
    serde_json::from_str(line).ok()
}

/// What makes lines of a recording rows.
#[derive(Default)]
struct Table {
    /// The time of the first input.
    began: Option<i64>,
    /// The time of the last one.
    at: i64,
    /// Which session made which request.
    requests: HashMap<i64, i64>,
}

struct Row {
    text: String,
    /// Nothing but time passed.
    quiet: bool,
}

impl Table {
    fn row(&mut self, object: &Object) -> Option<Row> {
        let number = |name: &str| object.get(name).and_then(Value::as_i64);
        let (who, what) = if let Some(input) = text(object, "in") {
            self.at = number("at")?;
            self.began.get_or_insert(self.at);
            let (who, what) = match input {
                "call" => ("application", text(object, "what")?),
                "create" | "forget" | "restore" | "track" | "cancel" | "token"
                | "handler_failed" | "visibility" => ("application", input),
                "foreign" => ("network", text(object, "event")?),
                "failed" | "socket_opened" | "socket_closed" | "network" | "progress" => {
                    ("network", input)
                }
                "time" => ("clock", input),
                _ => ("service", input),
            };
            (who, what)
        } else {
            let output = text(object, "out")?;
            ("core", if output == "event" { text(object, "event")? } else { output })
        };
        if let (Some(request), Some(session)) = (number("request"), number("session")) {
            self.requests.insert(request, session);
        }
        let of_request = number("request").and_then(|request| self.requests.get(&request).copied());
        let session = number("session").or(of_request).map(|session| session.to_string());
        let since = self.at.saturating_sub(self.began.unwrap_or(self.at));
        let (seconds, thousandths) = (since / 1_000, since.rem_euclid(1_000));
        let row = format!(
            "{seconds:>8}.{thousandths:03}  {:>3}  {who:<11}  {what:<22}  {}",
            session.unwrap_or_default(),
            details(what, object),
        );
        Some(Row { text: row, quiet: matches!(what, "time" | "wake") })
    }
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// What comes first where it is there.
const FIRST: [&str; 7] = ["operation", "socket", "call", "request", "status", "value", "error"];

/// More about a line: what is long in short, and the other members as they are.
fn details(what: &str, object: &Object) -> String {
    let mut out = String::new();
    let add = |out: &mut String, more: &str| {
        if !out.is_empty() && !more.is_empty() {
            out.push_str(", ");
        }
        out.push_str(more);
    };
    let first = FIRST.iter().filter_map(|name| object.get_key_value(*name));
    let others = object.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    for (name, value) in first.chain(others) {
        let words = name.replace('_', " ");
        let more = match (name.as_str(), value) {
            // In a column of its own, or of no interest to people.
            (
                "in" | "out" | "at" | "wall" | "session" | "method" | "headers" | "keep_body"
                | "timeout_ms" | "url" | "retry_delay_ms",
                _,
            ) => String::new(),
            ("what" | "event", _) if value == what => String::new(),
            ("operation" | "reason" | "message" | "rule" | "state" | "kind", Value::String(it)) => {
                it.clone()
            }
            ("text", Value::String(it)) if what == "log" => it.clone(),
            ("text", Value::String(frame)) => said(frame),
            ("body", Value::String(body)) => answer(body),
            ("content", Value::String(content)) => format!("{} bytes", content.len()),
            ("snapshot", Value::String(snapshot)) => {
                format!("snapshot of {} bytes", snapshot.len())
            }
            ("name", Value::String(it)) => format!("name of {} bytes", it.len()),
            ("head", Value::Object(head)) => item(head),
            ("options", Value::Object(options)) => session(options),
            ("steps", Value::Array(steps)) => steps.iter().map(step).collect::<Vec<_>>().join(", "),
            ("people", Value::Array(people)) => {
                people.iter().map(person).collect::<Vec<_>>().join(", ")
            }
            (_, Value::Bool(true)) => words,
            (_, Value::Bool(false)) => format!("not {words}"),
            (_, Value::String(it)) => format!("{words} {it}"),
            (_, Value::Object(inner)) => details(what, inner),
            (_, other) => format!("{words} {other}"),
        };
        add(&mut out, &more);
    }
    out
}

fn session(options: &Object) -> String {
    let of = |name| text(options, name).unwrap_or_default();
    format!(
        "{} {}, contact {}, participant {}, at {}",
        of("behaviour"),
        of("role"),
        of("contact_id"),
        of("participant_id"),
        of("endpoint")
    )
}

/// A frame, or an item that came without one.
fn said(frame: &str) -> String {
    let Some(object) = parse(frame) else { return format!("{} unreadable bytes", frame.len()) };
    match text(&object, "topic") {
        None => item(&object),
        Some(topic) => match object.get("content") {
            Some(Value::String(content)) => {
                parse(content).map_or_else(|| topic.to_owned(), |content| item(&content))
            }
            _ => topic.to_owned(),
        },
    }
}

fn item(item: &Object) -> String {
    let mut out = String::new();
    for name in ["ParticipantRole", "Type", "ContentType", "Id", "AbsoluteTime"] {
        if let Some(value) = text(item, name) {
            let value = value.strip_prefix("application/vnd.amazonaws.connect.").unwrap_or(value);
            out.push_str(value);
            out.push(' ');
        }
    }
    if let Some(content) = text(item, "Content") {
        out.push_str(&bytes(content.len()));
    }
    out.trim_end().to_owned()
}

fn bytes(count: usize) -> String {
    format!("({count} bytes)")
}

/// The body of a request or of an answer.
fn answer(body: &str) -> String {
    let Some(object) = parse(body) else {
        return if body.is_empty() { String::new() } else { format!("{} bytes", body.len()) };
    };
    let mut out: Vec<String> = Vec::new();
    for (name, value) in &object {
        match (name.as_str(), value) {
            ("Transcript", Value::Array(items)) => out.push(format!("{} items", items.len())),
            ("Content", Value::String(content)) => out.push(bytes(content.len())),
            ("Id" | "ScanDirection" | "SortOrder" | "AttachmentId", Value::String(value)) => {
                out.push(format!("{name} {value}"));
            }
            ("MaxResults", value) => out.push(format!("{name} {value}")),
            ("ContentType" | "message" | "Message", Value::String(value)) => {
                out.push(value.clone());
            }
            ("NextToken", Value::String(token)) if !token.is_empty() => {
                out.push(format!("NextToken {token}"));
            }
            _ => {}
        }
    }
    out.join(", ")
}

fn step(step: &Value) -> String {
    let what = step["step"].as_str().unwrap_or_default();
    let mut out = format!("{what} at {}", step["at"]);
    for name in ["id", "gap", "state"] {
        match &step[name] {
            Value::Null => {}
            Value::String(value) => {
                out.push(' ');
                out.push_str(value);
            }
            value => out.extend([" ", name, " ", &value.to_string()]),
        }
    }
    out
}

fn person(person: &Value) -> String {
    let of = |name: &str| person[name].as_str().unwrap_or_default();
    let typing = if person["typing"] == true { " typing" } else { "" };
    format!("{} {} {}{typing}", of("role"), of("participant_id"), of("presence"))
}

/// On one line, and without what would move the cursor of a terminal: a file may have any text.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}
