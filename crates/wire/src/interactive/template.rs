//! What the templates share (docs/protocol/participant-service.md §6.1).

use super::{Members, Unknown, VERSION, silent};
use crate::open_enum::open_enum;

open_enum! {
    /// What a choice does beside being chosen.
    pub enum ActionDetail {
        /// Shows the choices that follow.
        ShowMore = "SHOW_MORE",
        /// Shows the choices before.
        PreviousOptions = "PREVIOUS_OPTIONS",
    }
}

/// The ways to add a member that several types have.
macro_rules! with {
    (subtitle: $($name:ident),*) => {$(
        impl $name {
            /// Adds a subtitle; may be Markdown.
            #[must_use]
            pub fn with_subtitle(mut self, subtitle: impl Into<String>) -> Self {
                self.subtitle = Some(subtitle.into());
                self
            }
        }
    )*};
    (image: $($name:ident),*) => {$(
        impl $name {
            /// Adds a picture.
            #[must_use]
            pub fn with_image(mut self, image: Image) -> Self {
                self.image = Some(image);
                self
            }
        }
    )*};
    (action: $($name:ident),*) => {$(
        impl $name {
            /// Says what choosing it does.
            #[must_use]
            pub fn with_action(mut self, action_detail: ActionDetail) -> Self {
                self.action_detail = Some(action_detail);
                self
            }

            /// Makes it a link instead of a choice, as it may be inside a carousel.
            #[must_use]
            pub fn with_link(mut self, url: impl Into<String>) -> Self {
                self.link = Some(url.into());
                self
            }
        }
    )*};
    (element $element:ty: $($name:ident),*) => {$(
        impl $name {
            /// Adds a choice.
            #[must_use]
            pub fn with_element(mut self, element: $element) -> Self {
                self.elements.push(element);
                self
            }
        }
    )*};
    (reply_message: $($name:ident),*) => {$(
        impl $name {
            /// Says what is shown once something has been chosen.
            #[must_use]
            pub fn with_reply_message(mut self, reply_message: ReplyMessage) -> Self {
                self.reply_message = Some(reply_message);
                self
            }
        }

        impl From<$name> for Interactive {
            fn from(template: $name) -> Self {
                Self::$name(template)
            }
        }
    )*};
}
pub(super) use with;

with! { subtitle: ReplyMessage }
with! { image: ReplyMessage }
silent! { Image, ReplyMessage, }

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// How the picture is given: `URL`.
    pub image_type: Option<String>,
    /// Where it is.
    pub data: String,
    /// What it shows, for those who do not see it.
    pub description: Option<String>,
}

impl Image {
    /// The picture at a URL.
    pub fn url(url: impl Into<String>) -> Self {
        Self { image_type: Some("URL".to_owned()), data: url.into(), description: None }
    }

    /// Says what it shows.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    pub(super) fn take(members: &mut Members) -> Option<Self> {
        let data = members.take_text("imageData")?;
        let image_type = members.take_text("imageType");
        Some(Self { image_type, data, description: members.take_text("imageDescription") })
    }

    pub(super) fn put(image: Option<&Self>, members: &mut Members) {
        if let Some(image) = image {
            members.some_text("imageType", image.image_type.as_deref());
            members.text("imageData", &image.data);
            members.some_text("imageDescription", image.description.as_deref());
        }
    }
}

/// What is shown instead of the choices once one has been chosen.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyMessage {
    /// What it says; may be Markdown.
    pub title: String,
    /// Smaller, below.
    pub subtitle: Option<String>,
    /// A picture.
    pub image: Option<Image>,
    /// Further members.
    pub unknown: Members,
}

impl ReplyMessage {
    /// One with a title alone.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), subtitle: None, image: None, unknown: Members::default() }
    }

    pub(super) fn read(mut members: Members) -> Option<Self> {
        let title = members.take_text("title")?;
        let subtitle = members.take_text("subtitle");
        let image = Image::take(&mut members);
        Some(Self { title, subtitle, image, unknown: members })
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.text("title", &self.title);
        members.some_text("subtitle", self.subtitle.as_deref());
        Image::put(self.image.as_ref(), &mut members);
        members.add(&self.unknown);
        members
    }
}

/// Puts a message together.
pub(super) fn message(
    template_type: &str,
    reply_message: Option<&ReplyMessage>,
    mut content: Members,
    unknown: &Unknown,
) -> Members {
    content.add(&unknown.content);
    let mut data = Members::default();
    data.some_object("replyMessage", reply_message.map(ReplyMessage::members));
    data.some_object("content", Some(content));
    data.add(&unknown.data);
    let mut message = Members::default();
    message.text("templateType", template_type);
    match unknown.message.get("version") {
        Some(other) => message.json("version", other),
        None => message.text("version", VERSION),
    }
    message.some_object("data", Some(data));
    message.add(&unknown.message);
    message
}

/// Takes the URL of a choice that is a link.
pub(super) fn take_link(members: &mut Members) -> Option<String> {
    if members.get("type") != Some("\"hyperlink\"") {
        return None;
    }
    let url = members.take_text("url")?;
    let _is_link = members.take_text("type");
    Some(url)
}

pub(super) fn put_link(link: Option<&str>, members: &mut Members) {
    if let Some(url) = link {
        members.text("type", "hyperlink");
        members.text("url", url);
    }
}
