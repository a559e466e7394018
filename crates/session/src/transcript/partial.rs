//! Streamed bot messages: chunks in, the text so far out (docs/protocol/websocket.md S129 to S137,
//! docs/protocol/defects.md D11).
//!
//! Chunks are joined by their number, however they come. What is shown is the longest unbroken
//! beginning, and it only grows until the completed item, which has the whole text, replaces it. The
//! transcript fills what a late comer missed. Chunks that are held for too long or are too large are
//! forgotten, which delays text and never loses it: the completed item still brings all of it.

use std::sync::Arc;

use chatloom_wire::{Item, ItemHead, ItemId};

use crate::{
    CHATLOOM, LogLevel, classify,
    core::Cx,
    json::{self, Writer},
    parsed::content,
    read,
    session::{Incoming, Session, release},
};

/// So many streams are remembered. With more, the oldest that holds no chunks is forgotten, or the
/// oldest of all; then what still comes of it is taken for a new one.
const MOST_STREAMS: usize = 32;
/// So many chunks of one stream wait for an earlier one; further ones are dropped.
const MOST_AHEAD: usize = 256;
/// So many bytes of one stream are held; a chunk that does not fit is dropped.
const MOST_BYTES: usize = 131_072;

/// The streams of a session, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Partials(Vec<Stream>);

#[derive(Debug)]
struct Stream {
    id: ItemId,
    /// The chunks before `next`, joined.
    text: String,
    next: u64,
    /// The time of the first chunk.
    time: Option<Box<str>>,
    /// Chunks that wait for `next`, by their number.
    ahead: Vec<(u64, Arc<Item>)>,
    ahead_bytes: usize,
    /// What has been shown, or read from the transcript, and how long its content is.
    shown: Option<Arc<Item>>,
    shown_bytes: usize,
    /// That is the completed item.
    whole: bool,
    /// The completed item came over a socket.
    completed: bool,
    /// How long a content the transcript gave without saying whether it is everything.
    doubtful_bytes: Option<usize>,
    /// The completed item has more than the transcript gave.
    cut: bool,
}

/// The item with another content and time.
fn rewritten(item: &Item, content: &str, time: Option<&str>) -> Option<Item> {
    if !CHATLOOM {
        // The host puts them in their places.
        return Some(item.with_content(content.into(), time.map(Into::into)));
    }
    let mut out = Writer::new();
    let (mut has_content, mut has_time) = (false, time.is_none());
    let read = json::object(item.text(), &mut |name, value| match (name, time) {
        ("Content", _) => {
            out.text(name, content);
            has_content = true;
        }
        ("AbsoluteTime", Some(time)) => {
            out.text(name, time);
            has_time = true;
        }
        _ => out.json(name, value.json()),
    });
    read.ok()?;
    if !has_content {
        out.text("Content", content);
    }
    if !has_time {
        out.some_text("AbsoluteTime", time);
    }
    read::item(&out.finish())
}

impl Stream {
    fn new(id: ItemId) -> Self {
        Self {
            id,
            text: String::new(),
            next: 1,
            time: None,
            ahead: Vec::new(),
            ahead_bytes: 0,
            shown: None,
            shown_bytes: 0,
            whole: false,
            completed: false,
            doubtful_bytes: None,
            cut: false,
        }
    }

    fn holds_chunks(&self) -> bool {
        self.next > 1 || !self.ahead.is_empty()
    }

    fn shown_time(&self) -> Option<&str> {
        self.shown.as_ref()?.absolute_time()
    }

    /// Takes an item as the best that is known. Chunks that bring less are not shown any more.
    fn show(&mut self, item: &Arc<Item>, bytes: usize) {
        self.shown = Some(Arc::clone(item));
        self.shown_bytes = bytes;
    }

    /// Takes the item that has the whole text.
    fn complete(&mut self, item: &Arc<Item>) {
        let bytes = content(item).len();
        self.cut = self.doubtful_bytes.take().is_some_and(|given| given < bytes);
        self.show(item, bytes);
        self.whole = true;
        self.next = 1;
        self.text = String::new();
        self.ahead = Vec::new();
        self.ahead_bytes = 0;
    }

    /// Takes a chunk; the item to show when the beginning grew.
    fn chunk(&mut self, number: u64, item: Arc<Item>) -> Option<Arc<Item>> {
        let bytes = item.text().len();
        let place = self.ahead.binary_search_by_key(&number, |(held, _)| *held);
        let (Err(at), false) = (place, number < self.next) else { return None };
        let fits = self.text.len() + self.ahead_bytes + bytes <= MOST_BYTES;
        // The one that is waited for only passes through.
        if !fits || (self.ahead.len() >= MOST_AHEAD && number > self.next) {
            return None;
        }
        self.ahead.insert(at, (number, item));
        self.ahead_bytes += bytes;
        self.join()
    }

    /// Joins the chunks whose turn it is.
    fn join(&mut self) -> Option<Arc<Item>> {
        let mut last = None;
        while self.ahead.first().is_some_and(|(number, _)| *number == self.next) {
            let (number, item) = self.ahead.remove(0);
            self.ahead_bytes -= item.text().len();
            self.text.push_str(&content(&item));
            self.next = number + 1;
            if number == 1 {
                self.time.clone_from(&item.head().absolute_time);
            }
            last = Some(item);
        }
        // A transcript that knows more is not taken back.
        let last = last.filter(|_| self.text.len() >= self.shown_bytes)?;
        let item = if self.next == 2 {
            last
        } else {
            rewritten(&last, &self.text, self.time.as_deref()).map_or(last, Arc::new)
        };
        self.show(&item, self.text.len());
        Some(item)
    }

    /// An item of the transcript says what the chunks up to this one are.
    fn beginning(&mut self, number: u64, item: &Arc<Item>, text: String) {
        if number < self.next {
            return;
        }
        if text.len() >= self.shown_bytes {
            self.show(item, text.len());
        }
        if text.len() <= MOST_BYTES {
            self.text = text;
            self.next = number + 1;
            if self.time.is_none() {
                self.time.clone_from(&item.head().absolute_time);
            }
            while self.ahead.first().is_some_and(|(held, _)| *held < self.next) {
                self.ahead.remove(0);
            }
            self.ahead_bytes = self.ahead.iter().map(|(_, item)| item.text().len()).sum();
            self.join();
        }
    }
}

impl Partials {
    /// The stream of this id, a new one if there is none.
    fn stream(&mut self, id: &ItemId) -> &mut Stream {
        let at = self.0.iter().position(|stream| stream.id == *id).unwrap_or_else(|| {
            if self.0.len() >= MOST_STREAMS {
                // A page may bring the newest first.
                let streams = self.0.iter().enumerate();
                let oldest = streams
                    .filter(|(_, stream)| !stream.holds_chunks())
                    .min_by_key(|(_, stream)| stream.shown_time());
                self.0.remove(oldest.map_or(0, |(at, _)| at));
            }
            self.0.push(Stream::new(id.clone()));
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// A chunk or a completed item from a socket; the item to show when there is something new.
    fn live(&mut self, id: &ItemId, item: Arc<Item>) -> Option<Arc<Item>> {
        if is_completed(item.head()) {
            let stream = self.stream(id);
            if std::mem::replace(&mut stream.completed, true) {
                return None;
            }
            stream.complete(&item);
            return Some(item);
        }
        let number = chunk_number(item.head())?;
        let stream = self.stream(id);
        if stream.whole { None } else { stream.chunk(number, item) }
    }

    /// Whether the transcript had given less of this message when its completed item came; says so
    /// once.
    pub(crate) fn take_cut(&mut self, id: &ItemId) -> bool {
        let stream = self.0.iter_mut().find(|stream| stream.id == *id);
        stream.is_some_and(|stream| std::mem::take(&mut stream.cut))
    }

    /// For a bot's message from the transcript the item that knows most: an item without streaming
    /// members costs no text that has been shown (docs/protocol/websocket.md S135). Any other item
    /// as it is.
    pub(crate) fn assemble_page(&mut self, item: Arc<Item>) -> Arc<Item> {
        let head = item.head();
        let Some(id) = known_id(head).filter(|_| classify::is_of_a_bot(head)) else { return item };
        let stream = self.stream(&id);
        if is_completed(head) {
            stream.complete(&item);
        } else if classify::is_streamed(head) {
            if let Some(number) = chunk_number(head).filter(|_| !stream.whole) {
                stream.beginning(number, &item, content(&item));
            }
        } else {
            // It does not say how much it has: it may be a beginning or everything.
            let bytes = content(&item).len();
            if bytes >= stream.shown_bytes {
                stream.show(&item, bytes);
                stream.doubtful_bytes = Some(bytes).filter(|_| !stream.whole);
            }
        }
        stream.shown.clone().unwrap_or(item)
    }
}

fn is_completed(head: &ItemHead) -> bool {
    head.message_metadata.as_ref().and_then(|metadata| metadata.message_completed) == Some(true)
}

/// The number of a chunk, from 1.
fn chunk_number(head: &ItemHead) -> Option<u64> {
    let number = head.message_metadata.as_ref()?.chunk_number?;
    (number > 0).then_some(u64::from(number))
}

impl Session {
    /// For a streamed bot message the item to show, or `None` when it brings nothing new
    /// (docs/protocol/websocket.md S134); any other item as it is.
    ///
    /// A host gives streamed items as text. Of one that it holds only the completed item is shown.
    pub(crate) fn assemble(&mut self, cx: &mut Cx, incoming: Incoming) -> Option<Incoming> {
        let head = incoming.head();
        if !classify::is_streamed(head) {
            return Some(incoming);
        }
        let Some(id) = known_id(head) else { return Some(incoming) };
        match incoming {
            Incoming::Item(item) => self.partials.live(&id, item).map(Incoming::Item),
            other @ Incoming::Held(..) if is_completed(other.head()) => Some(other),
            other @ Incoming::Held(..) => {
                self.log(cx, LogLevel::Warn, "a held chunk cannot be joined");
                release(cx, &other.into_body());
                None
            }
        }
    }
}

/// The id of an item, unless it is empty.
fn known_id(head: &ItemHead) -> Option<ItemId> {
    head.id.clone().filter(|id| !id.as_str().is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(number: u32, completed: Option<bool>, text: &str) -> Arc<Item> {
        let metadata = completed.map_or(String::new(), |completed| {
            format!(
                r#","MessageMetadata":{{"MessageId":"s","ChunkNumber":{number},"MessageCompleted":{completed}}}"#
            )
        });
        let text = format!(
            r#"{{"Id":"s","AbsoluteTime":"t{number}","Type":"MESSAGE","ParticipantRole":"SYSTEM","Content":"{text}"{metadata}}}"#
        );
        Arc::new(read::item(&text).unwrap())
    }

    fn id() -> ItemId {
        "s".into()
    }

    /// Words of different lengths.
    fn word(number: u32) -> String {
        ".".repeat(number as usize % 4) + &number.to_string()
    }

    fn beginning(chunks: u32) -> String {
        (1..=chunks).map(word).collect()
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Chunk(u32),
        /// The transcript, with the text up to a chunk and its number, or without.
        Page(u32, bool),
        Completed,
    }

    fn steps(chunks: u32) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (1..=chunks).prop_map(Step::Chunk),
            1 => (1..=chunks, any::<bool>()).prop_map(|(upto, known)| Step::Page(upto, known)),
        ];
        let completed = prop_oneof![Just(Vec::new()), Just(vec![Step::Completed])];
        // Every chunk at least once, and anything else besides.
        let all = Just((1..=chunks).map(Step::Chunk).collect::<Vec<_>>());
        (all, prop::collection::vec(step, 0..40), completed)
            .prop_map(|(all, more, end)| [all, more, end].concat())
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn d11_any_order_and_duplication_ends_with_the_full_text(
            (chunks, steps) in (1_u32..12).prop_flat_map(|chunks| (Just(chunks), steps(chunks))),
        ) {
            let full = beginning(chunks);
            let mut partials = Partials::default();
            let (mut shown, mut completed) = (String::new(), false);
            for step in steps {
                let item = match step {
                    Step::Chunk(number) =>
                        partials.live(&id(), chunk(number, Some(false), &word(number))),
                    Step::Completed => partials.live(&id(), chunk(99, Some(true), &full)),
                    Step::Page(upto, true) =>
                        Some(partials.assemble_page(chunk(upto, Some(false), &beginning(upto)))),
                    Step::Page(upto, false) =>
                        Some(partials.assemble_page(chunk(0, None, &beginning(upto)))),
                };
                let Some(item) = item else { continue };
                let text = content(&item);
                prop_assert!(full.starts_with(&text), "{text}");
                prop_assert!(text.len() >= shown.len(), "{text} after {shown}");
                prop_assert!(!completed || text == full);
                completed |= is_completed(item.head());
                shown = text;
            }
            prop_assert_eq!(shown, full);
        }
    }

    #[test]
    fn d11_an_unfinished_stream_shows_its_longest_beginning() {
        let mut partials = Partials::default();
        let mut live = |number| {
            let item = partials.live(&id(), chunk(number, Some(false), &word(number)))?;
            Some((content(&item), item.head().absolute_time.clone().unwrap()))
        };
        assert_eq!(live(2), None);
        assert_eq!(live(4), None);
        assert_eq!(live(1), Some((beginning(2), "t1".into())));
        assert_eq!(live(2), None);
        assert_eq!(live(3), Some((beginning(4), "t1".into())));
        assert_eq!(live(0), None);
    }

    #[test]
    fn what_waits_has_a_bound_and_the_completed_item_brings_all_of_it() {
        let mut partials = Partials::default();
        for number in 2..5_000 {
            partials.live(&id(), chunk(number, Some(false), "x"));
        }
        assert_eq!(partials.0[0].ahead.len(), MOST_AHEAD);
        let shown = partials.live(&id(), chunk(1, Some(false), "x")).unwrap();
        assert_eq!(content(&shown).len(), MOST_AHEAD + 1);
        assert!(partials.live(&id(), chunk(5_000, Some(true), "everything")).is_some());
        assert!(!partials.0[0].holds_chunks());

        // One long text after another: what does not fit is dropped, and so is what follows it.
        let mut partials = Partials::default();
        let long = "x".repeat(10_000);
        let shown = (1..100)
            .filter(|number| partials.live(&id(), chunk(*number, Some(false), &long)).is_some());
        assert_eq!(shown.count(), MOST_BYTES / 10_000);
        assert!(partials.0[0].text.len() <= MOST_BYTES);
    }

    #[test]
    fn so_many_streams_are_remembered() {
        let mut partials = Partials::default();
        for number in 0..1_000 {
            let id: ItemId = number.to_string().as_str().into();
            let completed = number > 0;
            partials.live(&id, chunk(1, Some(completed), "x"));
        }
        assert_eq!(partials.0.len(), MOST_STREAMS);
        // The one that is not complete outlives those that are.
        assert_eq!(partials.0[0].id.as_str(), "0");
        for number in 1_000..2_000 {
            let id: ItemId = number.to_string().as_str().into();
            partials.live(&id, chunk(1, Some(false), "x"));
        }
        assert_eq!(partials.0.len(), MOST_STREAMS);
        assert_eq!(partials.0[0].id.as_str(), "1968");
    }
}
