//! A flight recorder: what went into a core and what came out of it, for somebody who was not there.
//!
//! A [`Recorder`] stands beside a core; the core knows nothing of it. The host shows it each input
//! before it gives it to the core, and each output that it polls. What is kept is bounded, the oldest
//! entries go first, and may be shown to others: content, names of people and of files become filler
//! of the same length in bytes, each token and each signed URL becomes a placeholder, always the same
//! one for the same secret. Ids, client tokens, content types, times and sizes stay, and so does what
//! errors say, except for what they quote.
//!
//! [`Recorder::export`] gives JSON lines. [`replay`] gives the recorded inputs to a new core and
//! compares what it says: when nothing has been dropped, the outputs are the same, so a recording of
//! an accident is a test of it. Its limits: an application's content that is JSON and decides
//! something is filler in the replay, and two texts that differ may have become the same.
//!
//! ```
//! use chatloom_session::{
//!     Behaviour, Call, CallId, Core, Input, Now, Output, SessionId, SessionOptions,
//!     recorder::{Limits, Recorder, replay},
//! };
//!
//! let seed = 42;
//! let mut core = Core::new(seed);
//! let mut recorder = Recorder::new(seed, Limits::default());
//!
//! let session = SessionId(1);
//! let options = SessionOptions::new(
//!     Behaviour::Chatloom,
//!     "https://participant.connect.us-west-2.amazonaws.com",
//!     "contact".into(),
//!     "participant".into(),
//!     "a secret".into(),
//! );
//! let inputs = [
//!     Input::Create { session, options: Box::new(options) },
//!     Input::Call { session, call: CallId(1), what: Call::Connect },
//! ];
//! for input in inputs {
//!     let now = Now { mono_ms: 0, wall_ms: 1_767_225_600_000 };
//!     recorder.input(now, &input);
//!     core.handle(now, input);
//!     loop {
//!         let output = core.poll();
//!         recorder.output(&output);
//!         if let Output::Wake(_) = output {
//!             break;
//!         }
//!     }
//! }
//!
//! let recording = recorder.export();
//! assert!(!recording.contains("a secret"));
//! let replayed = replay(&recording)?;
//! assert_eq!((replayed.inputs, replayed.difference), (2, None));
//! # Ok::<(), chatloom_session::recorder::ReplayError>(())
//! ```
//!
//! # The format
//!
//! One JSON object on a line. The first line has the `recording` version, 1, the core's `seed` as
//! text, and how many lines were `dropped` before the next. Each other line is an input, with its name
//! as `in`, its monotonic time as `at` and its wall time as `wall`, both in milliseconds; or an output
//! of the input before it, with its name as `out`. The other members are those of [`Input`] and
//! [`Output`], names in small letters with underscores. Texts that are JSON stay texts. Numbers are
//! signed; one that does not fit has 2⁶⁴ taken from it.

mod read;
mod redact;
mod write;

use std::{collections::VecDeque, mem::size_of};

use self::{read::Line, redact::Redactor};
use crate::{Core, Input, Now, Output, json::Writer};

/// Of the format.
const VERSION: i64 = 1;

/// How much a [`Recorder`] keeps. Whichever is reached first, the oldest lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines, one for each input and output.
    pub lines: usize,
    /// Bytes of all lines together, and what it takes to hold them. A line that is larger than that
    /// is dropped at once, with all before it.
    pub bytes: usize,
}

/// 20,000 lines and 4 MiB: some hours of a chat.
impl Default for Limits {
    fn default() -> Self {
        Self { lines: 20_000, bytes: 4 << 20 }
    }
}

/// A bounded, redacted recording of a core's inputs and outputs. See the [module](self).
#[derive(Debug)]
pub struct Recorder {
    seed: u64,
    limits: Limits,
    lines: VecDeque<Box<str>>,
    bytes: usize,
    dropped: u64,
    redactor: Redactor,
}

impl Recorder {
    /// A recorder for the core that was made with this seed and has been given nothing yet.
    pub fn new(seed: u64, limits: Limits) -> Self {
        Self {
            seed,
            limits,
            lines: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            redactor: Redactor::default(),
        }
    }

    /// Notes an input. Before the core gets it.
    pub fn input(&mut self, now: Now, input: &Input) {
        let line = write::input(&mut self.redactor, now, input);
        self.keep(line);
    }

    /// Notes an output: each that is polled, [`Output::Wake`] too.
    pub fn output(&mut self, output: &Output) {
        let line = write::output(&mut self.redactor, output);
        self.keep(line);
    }

    fn keep(&mut self, line: String) {
        let line = line.into_boxed_str();
        self.bytes += cost(&line);
        self.lines.push_back(line);
        while self.lines.len() > self.limits.lines || self.bytes > self.limits.bytes {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= cost(&oldest);
            self.dropped += 1;
        }
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many lines have gone for lack of room. With none, the recording can be replayed.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The recording so far, each line with its end.
    pub fn export(&self) -> String {
        let mut first = Writer::new();
        first.number("recording", VERSION);
        let mut seed = String::new();
        crate::json::write_number(&mut seed, self.seed.cast_signed());
        first.text("seed", &seed);
        first.number("dropped", self.dropped.cast_signed());
        let mut out = first.finish();
        out.reserve(self.bytes);
        out.push('\n');
        for line in &self.lines {
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

/// What it takes to hold a line.
fn cost(line: &str) -> usize {
    line.len() + size_of::<Box<str>>()
}

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many inputs the core was given.
    pub inputs: usize,
    /// How many outputs were the same.
    pub outputs: usize,
    /// The first that was not; after it nothing is compared.
    pub difference: Option<Difference>,
}

/// Where a core does something else than was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the recording, from 1; one behind the last when the recording says less.
    pub line: usize,
    /// The output that was recorded; `None` when it ended there.
    pub recorded: Option<String>,
    /// The output of the core now, redacted; `None` when it says less.
    pub replayed: Option<String>,
}

/// Why a recording cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The first line is not that of a recording.
    #[error("this is no recording")]
    NotARecording,
    /// It was made by a later version.
    #[error("the recording has version {version}; this program reads version 1")]
    Version {
        /// Of the recording.
        version: i64,
    },
    /// Its beginning is missing.
    #[error("{dropped} lines at the beginning are missing: it can be shown, but not replayed")]
    Incomplete {
        /// How many.
        dropped: i64,
    },
    /// A line cannot be read.
    #[error("line {line} of the recording cannot be read")]
    Line {
        /// Which, from 1.
        line: usize,
    },
}

/// Gives the inputs of a recording to a new core and compares what it says with what was recorded.
///
/// A recording may end before all outputs of its last input were polled. Empty lines are ignored.
pub fn replay(recording: &str) -> Result<Replayed, ReplayError> {
    let mut lines = recording
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .peekable();
    let mut core = Core::new(seed(lines.next().map(|(_, line)| line))?);
    let mut redactor = Redactor::again();
    let mut replayed = Replayed { inputs: 0, outputs: 0, difference: None };
    while let Some((line, text)) = lines.next() {
        let input = Line::parse(text).and_then(|line| line.input());
        let (now, input) = input.ok_or(ReplayError::Line { line })?;
        replayed.inputs += 1;
        core.handle(now, input);
        let mut after = line + 1;
        loop {
            let output = core.poll();
            let said = write::output(&mut redactor, &output);
            let recorded = lines.next_if(|(_, text)| is_output(text));
            match recorded {
                Some((_, text)) if text == said => replayed.outputs += 1,
                // The recording ends in the middle of a drain.
                None if lines.peek().is_none() => break,
                recorded => {
                    replayed.difference = Some(Difference {
                        line: recorded.map_or(after, |(line, _)| line),
                        recorded: recorded.map(|(_, text)| text.to_owned()),
                        replayed: Some(said),
                    });
                    return Ok(replayed);
                }
            }
            after += 1;
            if let Output::Wake(_) = output {
                break;
            }
        }
        if let Some((line, text)) = lines.next_if(|(_, text)| is_output(text)) {
            let recorded = Some(text.to_owned());
            replayed.difference = Some(Difference { line, recorded, replayed: None });
            return Ok(replayed);
        }
    }
    Ok(replayed)
}

fn is_output(text: &str) -> bool {
    Line::parse(text).is_some_and(|line| line.get("out").is_some())
}

/// The seed in the first line.
fn seed(first: Option<&str>) -> Result<u64, ReplayError> {
    let first = first.and_then(Line::parse).ok_or(ReplayError::NotARecording)?;
    let version = first.number("recording").ok_or(ReplayError::NotARecording)?;
    if version != VERSION {
        return Err(ReplayError::Version { version });
    }
    match first.number("dropped") {
        Some(0) => {}
        Some(dropped) => return Err(ReplayError::Incomplete { dropped }),
        None => return Err(ReplayError::NotARecording),
    }
    let seed = first.text("seed").and_then(|seed| seed.parse::<i64>().ok());
    seed.map(i64::cast_unsigned).ok_or(ReplayError::NotARecording)
}
