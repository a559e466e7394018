//! Interactive messages: what a flow or a bot offers to choose from, and what a customer answers
//! (docs/protocol/participant-service.md §6.1 to §6.3).
//!
//! The content of an item of type [`ContentType::Interactive`] is JSON text. [`Interactive::read`]
//! makes a typed value of it and never fails: what is not one of the known templates, lacks a member
//! that its template requires, or has an object of more than 256 members, is [`Interactive::Other`]
//! with the text as it came. What a known template has beyond the known is kept in its `unknown` members and written again, so a
//! value may be read, changed and passed on.
//!
//! A bot makes an offer:
//!
//! ```
//! use chatloom_wire::interactive::{Image, Interactive, ListElement, ListPicker};
//!
//! let offer = ListPicker::new("What is it about?")
//!     .with_element(ListElement::new("An order").with_subtitle("Track or change it"))
//!     .with_element(ListElement::new("A return").with_image(Image::url("https://example.com/r.png")));
//! let offer = Interactive::from(offer);
//! offer.check().unwrap();
//! assert_eq!(
//!     offer.to_text(),
//!     r#"{"templateType":"ListPicker","version":"1.0","data":{"content":{"title":"What is it about?","elements":[{"title":"An order","subtitle":"Track or change it"},{"title":"A return","imageType":"URL","imageData":"https://example.com/r.png"}]}}}"#
//! );
//! ```
//!
//! A client shows it and answers:
//!
//! ```
//! use chatloom_wire::{ContentType, interactive::Interactive};
//!
//! # let content = r#"{"templateType":"ListPicker","version":"1.0","data":{"content":{"title":"What is it about?","elements":[{"title":"An order"}]}}}"#;
//! match Interactive::read(content) {
//!     Interactive::ListPicker(picker) => {
//!         for element in &picker.elements {
//!             println!("{}", element.title);
//!         }
//!         let choice = picker.choose(0).unwrap();
//!         assert_eq!(choice.content_type, ContentType::TextPlain);
//!         assert_eq!(choice.content, "An order");
//!     }
//!     other => println!("cannot be shown: {}", other.template_type().unwrap_or_default()),
//! }
//! ```

mod answer;
mod members;
mod panel;
mod picker;
mod template;

use crate::{
    ContentType, Item,
    limits::{Invalid, require},
    participant::MAX_CONTENT_BYTES,
};

pub use answer::{CarouselChoice, Choice, InteractiveResponse, PageRequest, ViewResponse};
pub use members::Members;
pub use panel::{
    Carousel, CarouselElement, Panel, PanelElement, QuickReply, QuickReplyElement, ViewData,
    ViewResource,
};
pub use picker::{ListElement, ListPicker, Location, TimePicker, Timeslot};
pub use template::{ActionDetail, Image, ReplyMessage};

/// Keeps content out of `Debug`.
macro_rules! silent {
    ($( $name:ident, )*) => {$(
        /// Without the members: they are content.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
use silent;

/// The version of all templates.
const VERSION: &str = "1.0";

/// An interactive message.
///
/// Newer versions may know more templates: what is `Other` now may be one of them then.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Interactive {
    /// Choices with subtitles and pictures.
    ListPicker(ListPicker),
    /// Appointments.
    TimePicker(TimePicker),
    /// Choices under one picture.
    Panel(Panel),
    /// Short choices, for instance yes and no.
    QuickReply(QuickReply),
    /// List pickers or panels side by side.
    Carousel(Carousel),
    /// A view of a step-by-step guide.
    ViewResource(ViewResource),
    /// Anything else, as it came.
    Other(Raw),
}

/// A content that is no known template, as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Raw(Box<str>);

impl Raw {
    /// The content.
    pub fn text(&self) -> &str {
        &self.0
    }
}

silent! { Raw, }

/// What this version does not know of a message, level by level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Beside `templateType` and `data`; `version` too, when it is another one.
    pub message: Members,
    /// In `data`, beside `replyMessage` and `content`.
    pub data: Members,
    /// In `data.content`.
    pub content: Members,
}

impl Interactive {
    /// Reads the content of an interactive message.
    pub fn read(content: &str) -> Self {
        Members::read(content)
            .and_then(|members| Self::template(members, true))
            .unwrap_or_else(|| Self::other(content))
    }

    /// Reads the content of an item, if it is an interactive message.
    pub fn of(item: &Item) -> Option<Self> {
        let is_interactive = item.head().content_type == Some(ContentType::Interactive);
        is_interactive.then(|| item.content()).flatten().map(|content| Self::read(&content))
    }

    fn other(content: &str) -> Self {
        Self::Other(Raw(content.into()))
    }

    /// A message inside a carousel, where only list pickers and panels are expected.
    fn inner(members: Members) -> Self {
        let text = members.to_text();
        Self::template(members, false).unwrap_or_else(|| Self::other(&text))
    }

    /// A known template with all that it requires.
    fn template(mut message: Members, outermost: bool) -> Option<Self> {
        let template_type = message.take_text("templateType")?;
        let _is_usual = message.take_if_text("version", VERSION);
        let mut data = message.take_object("data", Some)?;
        let content = data.take_object("content", Some)?;
        let reply_message = data.take_object("replyMessage", ReplyMessage::read);
        let unknown = Unknown { message, data, content };
        match template_type.as_str() {
            "ListPicker" => ListPicker::read(reply_message, unknown).map(Self::ListPicker),
            "Panel" => Panel::read(reply_message, unknown).map(Self::Panel),
            _ if !outermost => None,
            "TimePicker" => TimePicker::read(reply_message, unknown).map(Self::TimePicker),
            "QuickReply" => QuickReply::read(reply_message, unknown).map(Self::QuickReply),
            "Carousel" => Carousel::read(reply_message, unknown).map(Self::Carousel),
            "ViewResource" => Some(Self::ViewResource(ViewResource::read(reply_message, unknown))),
            _ => None,
        }
    }

    /// The content of the message, as it is on the wire.
    pub fn to_text(&self) -> String {
        match self {
            Self::Other(raw) => raw.text().to_owned(),
            _ => self.members().to_text(),
        }
    }

    fn members(&self) -> Members {
        match self {
            Self::ListPicker(template) => template.members(),
            Self::TimePicker(template) => template.members(),
            Self::Panel(template) => template.members(),
            Self::QuickReply(template) => template.members(),
            Self::Carousel(template) => template.members(),
            Self::ViewResource(template) => template.members(),
            Self::Other(raw) => Members::read(raw.text()).unwrap_or_default(),
        }
    }

    /// The name of the template; of one that is not known, what the message says, if it says
    /// something.
    pub fn template_type(&self) -> Option<String> {
        self.members().take_text("templateType")
    }

    /// What the message asks.
    pub fn title(&self) -> Option<&str> {
        match self {
            Self::ListPicker(template) => Some(&template.title),
            Self::TimePicker(template) => Some(&template.title),
            Self::Panel(template) => Some(&template.title),
            Self::QuickReply(template) => Some(&template.title),
            Self::Carousel(template) => Some(&template.title),
            Self::ViewResource(_) | Self::Other(_) => None,
        }
    }

    /// Checks what flows and SendMessage check: how many choices there are, and the size of the
    /// whole. How long a title may be is left to clients, which cut it.
    ///
    /// # Errors
    ///
    /// The member that does not fit, by its wire name, and what it must be.
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::ListPicker(ListPicker { elements, .. }) => {
                require((1..=6).contains(&elements.len()), "elements", "1 to 6")?;
            }
            Self::TimePicker(TimePicker { timeslots, .. }) => {
                require((1..=40).contains(&timeslots.len()), "timeslots", "1 to 40")?;
            }
            Self::Panel(Panel { elements, .. }) => {
                require((1..=10).contains(&elements.len()), "elements", "1 to 10")?;
            }
            Self::QuickReply(QuickReply { elements, .. }) => {
                require(elements.len() >= 2, "elements", "at least 2")?;
            }
            Self::Carousel(Carousel { elements, .. }) => {
                require((2..=5).contains(&elements.len()), "elements", "2 to 5")?;
                for element in elements {
                    let fits = matches!(element.message, Self::ListPicker(_) | Self::Panel(_));
                    require(fits, "templateType", "ListPicker or Panel inside a carousel")?;
                    element.message.check()?;
                }
            }
            Self::ViewResource(_) | Self::Other(_) => {}
        }
        require(self.to_text().len() <= MAX_CONTENT_BYTES, "Content", "at most 16,384 bytes")
    }
}
