//! What a customer answers (docs/protocol/participant-service.md §6.2).

use super::{
    ActionDetail, Carousel, Interactive, ListPicker, Members, Panel, QuickReply, Raw, TimePicker,
    Timeslot, VERSION, members::quoted, silent,
};
use crate::{
    ContentType,
    json::{self, JsonError},
    time::Timestamp,
};

silent! { Choice, CarouselChoice, InteractiveResponse, PageRequest, ViewResponse, }

/// What to send for a choice.
#[derive(Clone, PartialEq, Eq)]
pub struct Choice {
    /// Either `text/plain` or an interactive response. The latter is not shown in the transcript,
    /// and has to be among the contact's supported content types.
    pub content_type: ContentType,
    /// The content.
    pub content: String,
}

impl Choice {
    fn text(content: impl Into<String>) -> Self {
        Self { content_type: ContentType::TextPlain, content: content.into() }
    }
}

impl ListPicker {
    /// What to send for the choice at this index, from 0: its title, or the wish for another page of
    /// the list. `None` for a link, and where there is no such choice.
    pub fn choose(&self, at: usize) -> Option<Choice> {
        let element = self.elements.get(at).filter(|element| element.link.is_none())?;
        Some(match &element.action_detail {
            Some(action @ (ActionDetail::ShowMore | ActionDetail::PreviousOptions)) => {
                InteractiveResponse::Page(PageRequest {
                    action: action.clone(),
                    pre_index: self.pre_index,
                    next_index: self.next_index,
                    list_id: self.list_id.clone(),
                    reference_id: self.reference_id.clone(),
                })
                .into()
            }
            _ => Choice::text(&*element.title),
        })
    }
}

impl Panel {
    /// What to send for the choice at this index, from 0. `None` for a link, and where there is no
    /// such choice.
    pub fn choose(&self, at: usize) -> Option<Choice> {
        let element = self.elements.get(at).filter(|element| element.link.is_none())?;
        Some(Choice::text(&*element.title))
    }
}

impl QuickReply {
    /// What to send for the choice at this index, from 0. `None` where there is no such choice.
    pub fn choose(&self, at: usize) -> Option<Choice> {
        self.elements.get(at).map(|element| Choice::text(&*element.title))
    }
}

impl TimePicker {
    /// What to send for the appointment at this index, from 0: its date, in the time zone of the
    /// place where that is given. `None` where there is no such appointment.
    ///
    /// ```
    /// use chatloom_wire::interactive::{TimePicker, Timeslot};
    ///
    /// let picker = TimePicker::new("When?").with_timeslot(Timeslot::new("2026-10-31T17:00+00:00", 60));
    /// assert_eq!(picker.choose(0).unwrap().content, "2026-10-31T17:00+00:00");
    /// // The widget shifts the date and says UTC all the same; bots have come to expect it.
    /// let picker = picker.with_time_zone_offset(-450);
    /// assert_eq!(picker.choose(0).unwrap().content, "2026-10-31T09:30:00.00+00:00");
    /// ```
    pub fn choose(&self, at: usize) -> Option<Choice> {
        let slot = self.timeslots.get(at)?;
        let shifted = self.time_zone_offset.and_then(|minutes| slot.shifted(minutes));
        Some(Choice::text(shifted.unwrap_or_else(|| slot.date.clone())))
    }
}

impl Timeslot {
    /// When the appointment begins.
    pub fn begins(&self) -> Option<Timestamp> {
        Timestamp::parse(&self.date).ok().or_else(|| {
            // The documentation's samples have no seconds.
            let (minutes, zone) = self.date.split_at_checked(16)?;
            Timestamp::parse(&[minutes, ":00", zone].concat()).ok()
        })
    }

    fn shifted(&self, minutes: i64) -> Option<String> {
        let shifted = self.begins()?.plus_millis(minutes.saturating_mul(60_000)).to_string();
        // Milliseconds without their last digit.
        Some(shifted.strip_suffix('Z')?.get(..22)?.to_owned() + "+00:00")
    }
}

impl Carousel {
    /// What to send for a choice of the message at this index, both from 0. `None` for a link, and
    /// where there is no such choice.
    pub fn choose(&self, message: usize, at: usize) -> Option<Choice> {
        let element = self.elements.get(message)?;
        let chosen = match &element.message {
            Interactive::ListPicker(picker) => picker.choose(at),
            Interactive::Panel(panel) => panel.choose(at),
            _ => None,
        }?;
        if chosen.content_type != ContentType::TextPlain {
            return Some(chosen);
        }
        let choice = CarouselChoice {
            template_identifier: element.template_identifier.clone().unwrap_or_default(),
            list_title: element.message.title().unwrap_or_default().to_owned(),
            selection_text: chosen.content,
        };
        Some(Choice::text(choice.to_text()))
    }
}

/// A choice inside a carousel, as a bot gets it: the content of a plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct CarouselChoice {
    /// Which message of the carousel.
    pub template_identifier: String,
    /// Its title.
    pub list_title: String,
    /// The title of what was chosen.
    pub selection_text: String,
}

impl CarouselChoice {
    /// Reads a plain text; `None` when it is no choice.
    pub fn read(content: &str) -> Option<Self> {
        let mut members = Members::read(content)?;
        Some(Self {
            template_identifier: members.take_text("templateIdentifier")?,
            list_title: members.take_text("listTitle")?,
            selection_text: members.take_text("selectionText")?,
        })
    }

    fn to_text(&self) -> String {
        let mut members = Members::default();
        members.text("templateIdentifier", &self.template_identifier);
        members.text("listTitle", &self.list_title);
        members.text("selectionText", &self.selection_text);
        members.to_text()
    }
}

/// The content of an item of type [`ContentType::InteractiveResponse`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InteractiveResponse {
    /// The wish for another page of a list.
    Page(PageRequest),
    /// Something was done in a view, or said while one was shown.
    View(ViewResponse),
    /// Anything else, as it came.
    Other(Raw),
}

/// The wish for another page of a list.
#[derive(Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Which way.
    pub action: ActionDetail,
    /// The page before the one that is shown; -1 for none.
    pub pre_index: Option<i64>,
    /// The page that follows it.
    pub next_index: Option<i64>,
    /// Of which list.
    pub list_id: Option<String>,
    /// Of which message: the one that is sent next has to have the same reference.
    pub reference_id: Option<String>,
}

/// Something was done in a view, or said while one was shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ViewResponse {
    /// What was done: one of the view's actions. One space when something was said instead: an empty
    /// one is refused.
    pub action: String,
    data: String,
}

impl ViewResponse {
    /// An action without data.
    pub fn new(action: impl Into<String>) -> Self {
        Self { action: action.into(), data: "{}".to_owned() }
    }

    /// Adds what was filled in: a JSON object.
    ///
    /// # Errors
    ///
    /// When the text is no JSON object.
    pub fn with_data(mut self, json: &str) -> Result<Self, JsonError> {
        let _any: serde::de::IgnoredAny = json::read(json)?;
        json.trim().clone_into(&mut self.data);
        Ok(self)
    }

    /// A text that was written while a view was shown.
    pub fn said(text: &str) -> Self {
        Self { action: " ".to_owned(), data: ["{\"content\":", &quoted(text), "}"].concat() }
    }

    /// What was filled in: a JSON object.
    pub fn data(&self) -> &str {
        &self.data
    }

    /// The text, if it was said and not done.
    pub fn text(&self) -> Option<String> {
        let said = self.action.trim().is_empty();
        said.then(|| Members::read(&self.data)?.take_text("content")).flatten()
    }
}

impl InteractiveResponse {
    /// Reads the content of an interactive response. Never fails.
    ///
    /// ```
    /// use chatloom_wire::interactive::InteractiveResponse;
    ///
    /// let content = r#"{"action":"Submit","data":{"Name":"Ana"},"templateType":"ViewResource","version":"1.0"}"#;
    /// let InteractiveResponse::View(response) = InteractiveResponse::read(content) else { panic!() };
    /// assert_eq!((response.action.as_str(), response.data()), ("Submit", r#"{"Name":"Ana"}"#));
    /// ```
    pub fn read(content: &str) -> Self {
        Self::known(content).unwrap_or_else(|| Self::Other(Raw(content.into())))
    }

    fn known(content: &str) -> Option<Self> {
        let mut members = Members::read(content)?;
        let mut data = members.take_object("data", Some)?;
        let template = members.take_text("templateType").or_else(|| data.take_text("templateType"));
        match template?.as_str() {
            "ViewResource" => {
                let action = members.take_text("action")?;
                Some(Self::View(ViewResponse { action, data: data.to_text() }))
            }
            "ListPicker" => Some(Self::Page(PageRequest {
                action: data.take_text("actionName")?.as_str().into(),
                pre_index: data.take_integer("preIndex"),
                next_index: data.take_integer("nextIndex"),
                list_id: data.take_text("listId"),
                reference_id: data.take_text("referenceId"),
            })),
            _ => None,
        }
    }

    /// The content, as it is on the wire.
    pub fn to_text(&self) -> String {
        let mut members = Members::default();
        match self {
            Self::Page(page) => {
                let mut data = Members::default();
                data.text("actionName", page.action.as_str());
                data.some_integer("preIndex", page.pre_index);
                data.some_integer("nextIndex", page.next_index);
                data.some_text("listId", page.list_id.as_deref());
                data.text("templateType", "ListPicker");
                data.some_text("referenceId", page.reference_id.as_deref());
                members.text("version", VERSION);
                members.some_object("data", Some(data));
                members.text("action", page.action.as_str());
            }
            Self::View(view) => {
                members.text("action", &view.action);
                members.json("data", &view.data);
                members.text("templateType", "ViewResource");
                members.text("version", VERSION);
            }
            Self::Other(raw) => return raw.text().to_owned(),
        }
        members.to_text()
    }
}

impl From<InteractiveResponse> for Choice {
    fn from(response: InteractiveResponse) -> Self {
        let content_type = ContentType::InteractiveResponse;
        Self { content_type, content: response.to_text() }
    }
}
