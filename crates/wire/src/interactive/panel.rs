//! Panels, quick replies, carousels and views (docs/protocol/participant-service.md §6.1, §6.3).

use super::{
    Interactive, Members, Unknown, silent,
    template::{ActionDetail, Image, ReplyMessage, message, put_link, take_link, with},
};

with! { subtitle: Panel, QuickReply }
with! { image: Panel }
with! { action: PanelElement }
with! { element PanelElement: Panel }
with! { element QuickReplyElement: QuickReply }
with! { element CarouselElement: Carousel }
with! { reply_message: Panel, QuickReply, Carousel, ViewResource }
silent! {
    Panel, PanelElement, QuickReply, QuickReplyElement, Carousel, CarouselElement, ViewResource,
    ViewData,
}

/// Choices under one picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Panel {
    /// What it asks; may be Markdown. Clients show 400 characters.
    pub title: String,
    /// Smaller, below; may be Markdown. Clients show 400 characters.
    pub subtitle: Option<String>,
    /// A picture above.
    pub image: Option<Image>,
    /// The choices, 1 to 10.
    pub elements: Vec<PanelElement>,
    /// What is shown once something has been chosen.
    pub reply_message: Option<ReplyMessage>,
    /// Further members.
    pub unknown: Unknown,
}

impl Panel {
    /// One without choices.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: None,
            image: None,
            elements: Vec::new(),
            reply_message: None,
            unknown: Unknown::default(),
        }
    }

    pub(super) fn read(reply_message: Option<ReplyMessage>, mut unknown: Unknown) -> Option<Self> {
        let content = &mut unknown.content;
        Some(Self {
            title: content.take_text("title")?,
            subtitle: content.take_text("subtitle"),
            image: Image::take(content),
            elements: content.take_list("elements", PanelElement::read)?,
            reply_message,
            unknown,
        })
    }

    pub(super) fn members(&self) -> Members {
        let mut content = Members::default();
        content.text("title", &self.title);
        content.some_text("subtitle", self.subtitle.as_deref());
        Image::put(self.image.as_ref(), &mut content);
        content.list("elements", self.elements.iter().map(PanelElement::members));
        message("Panel", self.reply_message.as_ref(), content, &self.unknown)
    }
}

/// A choice of a [`Panel`].
#[derive(Clone, PartialEq, Eq)]
pub struct PanelElement {
    /// What it says, and what is answered when it is chosen. Clients show 400 characters.
    pub title: String,
    /// What choosing it does.
    pub action_detail: Option<ActionDetail>,
    /// Where it leads, when it is a link and no choice.
    pub link: Option<String>,
    /// Further members.
    pub unknown: Members,
}

impl PanelElement {
    /// One with a title alone.
    pub fn new(title: impl Into<String>) -> Self {
        let (action_detail, link) = (None, None);
        Self { title: title.into(), action_detail, link, unknown: Members::default() }
    }

    fn read(mut members: Members) -> Option<Self> {
        Some(Self {
            title: members.take_text("title")?,
            action_detail: members.take_text("actionDetail").map(|text| text.as_str().into()),
            link: take_link(&mut members),
            unknown: members,
        })
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.text("title", &self.title);
        members.some_text("actionDetail", self.action_detail.as_ref().map(ActionDetail::as_str));
        put_link(self.link.as_deref(), &mut members);
        members.add(&self.unknown);
        members
    }
}

/// Short choices, for instance yes and no.
#[derive(Clone, PartialEq, Eq)]
pub struct QuickReply {
    /// What it asks; may be Markdown. Clients show 400 characters.
    pub title: String,
    /// Smaller, below. Only some clients show it.
    pub subtitle: Option<String>,
    /// The choices, at least 2.
    pub elements: Vec<QuickReplyElement>,
    /// What is shown once something has been chosen.
    pub reply_message: Option<ReplyMessage>,
    /// Further members.
    pub unknown: Unknown,
}

impl QuickReply {
    /// One without choices.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: None,
            elements: Vec::new(),
            reply_message: None,
            unknown: Unknown::default(),
        }
    }

    pub(super) fn read(reply_message: Option<ReplyMessage>, mut unknown: Unknown) -> Option<Self> {
        let content = &mut unknown.content;
        Some(Self {
            title: content.take_text("title")?,
            subtitle: content.take_text("subtitle"),
            elements: content.take_list("elements", QuickReplyElement::read)?,
            reply_message,
            unknown,
        })
    }

    pub(super) fn members(&self) -> Members {
        let mut content = Members::default();
        content.text("title", &self.title);
        content.some_text("subtitle", self.subtitle.as_deref());
        content.list("elements", self.elements.iter().map(QuickReplyElement::members));
        message("QuickReply", self.reply_message.as_ref(), content, &self.unknown)
    }
}

/// A choice of a [`QuickReply`].
#[derive(Clone, PartialEq, Eq)]
pub struct QuickReplyElement {
    /// What it says, and what is answered when it is chosen. Clients show 200 characters.
    pub title: String,
    /// Further members.
    pub unknown: Members,
}

impl QuickReplyElement {
    /// One with a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), unknown: Members::default() }
    }

    fn read(mut members: Members) -> Option<Self> {
        let title = members.take_text("title")?;
        Some(Self { title, unknown: members })
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.text("title", &self.title);
        members.add(&self.unknown);
        members
    }
}

/// List pickers or panels side by side.
#[derive(Clone, PartialEq)]
pub struct Carousel {
    /// What it asks; may be Markdown. Clients show 400 characters.
    pub title: String,
    /// What stands side by side, 2 to 5.
    pub elements: Vec<CarouselElement>,
    /// What is shown once something has been chosen.
    pub reply_message: Option<ReplyMessage>,
    /// Further members.
    pub unknown: Unknown,
}

impl Carousel {
    /// One without anything in it.
    pub fn new(title: impl Into<String>) -> Self {
        let (elements, reply_message) = (Vec::new(), None);
        Self { title: title.into(), elements, reply_message, unknown: Unknown::default() }
    }

    pub(super) fn read(reply_message: Option<ReplyMessage>, mut unknown: Unknown) -> Option<Self> {
        let content = &mut unknown.content;
        let title = content.take_text("title")?;
        let elements =
            content.take_list("elements", |members| Some(CarouselElement::read(members)))?;
        Some(Self { title, elements, reply_message, unknown })
    }

    pub(super) fn members(&self) -> Members {
        let mut content = Members::default();
        content.text("title", &self.title);
        content.list("elements", self.elements.iter().map(CarouselElement::members));
        message("Carousel", self.reply_message.as_ref(), content, &self.unknown)
    }
}

/// One of the messages of a [`Carousel`].
#[derive(Clone, PartialEq)]
pub struct CarouselElement {
    /// Tells it apart from the others: a UUID.
    pub template_identifier: Option<String>,
    /// A list picker or a panel; anything else is [`Interactive::Other`] here.
    pub message: Interactive,
}

impl CarouselElement {
    /// A list picker or a panel, under an identifier that no other one here has.
    pub fn new(template_identifier: impl Into<String>, message: impl Into<Interactive>) -> Self {
        let template_identifier = Some(template_identifier.into());
        Self { template_identifier, message: message.into() }
    }

    fn read(mut members: Members) -> Self {
        let template_identifier = members.take_text("templateIdentifier");
        Self { template_identifier, message: Interactive::inner(members) }
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.some_text("templateIdentifier", self.template_identifier.as_deref());
        members.add(&self.message.members());
        members
    }
}

/// The data of a view.
#[derive(Clone, PartialEq, Eq)]
pub enum ViewData {
    /// An object, as JSON text.
    Object(String),
    /// A string, which is JSON text in its turn.
    Text(String),
}

impl ViewData {
    /// The data as JSON text. Members of it may be strings of JSON text again.
    pub fn json(&self) -> &str {
        match self {
            Self::Object(json) | Self::Text(json) => json,
        }
    }
}

/// A view of a step-by-step guide. Where there is a token,
/// [`DescribeView`](crate::participant::DescribeView) says how it looks. Only the newest view of a
/// chat can be acted on.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ViewResource {
    /// Which view.
    pub view_id: Option<String>,
    /// What shows that one may read it, 1 to 1000 characters. Secret.
    pub view_token: Option<String>,
    /// What it is filled with.
    pub view_data: Option<ViewData>,
    /// What is shown once something has been done in it.
    pub reply_message: Option<ReplyMessage>,
    /// Further members.
    pub unknown: Unknown,
}

impl ViewResource {
    pub(super) fn read(reply_message: Option<ReplyMessage>, mut unknown: Unknown) -> Self {
        let content = &mut unknown.content;
        let view_data = content
            .take_object("viewData", |data| Some(ViewData::Object(data.to_text())))
            .or_else(|| content.take_text("viewData").map(ViewData::Text));
        Self {
            view_id: content.take_text("viewId"),
            view_token: content.take_text("viewToken"),
            view_data,
            reply_message,
            unknown,
        }
    }

    pub(super) fn members(&self) -> Members {
        let mut content = Members::default();
        content.some_text("viewId", self.view_id.as_deref());
        content.some_text("viewToken", self.view_token.as_deref());
        match &self.view_data {
            Some(ViewData::Object(json)) => content.json("viewData", json),
            Some(ViewData::Text(text)) => content.text("viewData", text),
            None => {}
        }
        message("ViewResource", self.reply_message.as_ref(), content, &self.unknown)
    }
}
