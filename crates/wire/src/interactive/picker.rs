//! List pickers and time pickers (docs/protocol/participant-service.md §6.1).

use super::{
    Interactive, Members, Unknown, silent,
    template::{ActionDetail, Image, ReplyMessage, message, put_link, take_link, with},
};

with! { subtitle: ListPicker, ListElement, TimePicker }
with! { image: ListPicker, ListElement }
with! { action: ListElement }
with! { element ListElement: ListPicker }
with! { reply_message: ListPicker, TimePicker }
silent! { ListPicker, ListElement, TimePicker, Location, Timeslot, }

/// Choices with subtitles and pictures.
///
/// A list may be longer than a message: a choice that does [`ActionDetail::ShowMore`] brings the
/// next page of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ListPicker {
    /// What it asks; may be Markdown. Clients show 400 characters.
    pub title: String,
    /// Smaller, below; may be Markdown. Clients show 400 characters.
    pub subtitle: Option<String>,
    /// A picture above.
    pub image: Option<Image>,
    /// The choices, 1 to 6.
    pub elements: Vec<ListElement>,
    /// Which list this is a page of.
    pub list_id: Option<String>,
    /// Which message this is a page of: a later one of the same reference takes its place.
    pub reference_id: Option<String>,
    /// The page before; -1 for none.
    pub pre_index: Option<i64>,
    /// The page that follows.
    pub next_index: Option<i64>,
    /// What is shown once something has been chosen.
    pub reply_message: Option<ReplyMessage>,
    /// Further members.
    pub unknown: Unknown,
}

impl ListPicker {
    /// One without choices.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: None,
            image: None,
            elements: Vec::new(),
            list_id: None,
            reference_id: None,
            pre_index: None,
            next_index: None,
            reply_message: None,
            unknown: Unknown::default(),
        }
    }

    /// Makes it a page of a list: which list, which message, the page before and the one that
    /// follows, where there are any.
    #[must_use]
    pub fn with_page(
        mut self,
        list_id: impl Into<String>,
        reference_id: impl Into<String>,
        pre_index: Option<i64>,
        next_index: Option<i64>,
    ) -> Self {
        self.list_id = Some(list_id.into());
        self.reference_id = Some(reference_id.into());
        (self.pre_index, self.next_index) = (pre_index, next_index);
        self
    }

    pub(super) fn read(reply_message: Option<ReplyMessage>, mut unknown: Unknown) -> Option<Self> {
        let content = &mut unknown.content;
        Some(Self {
            title: content.take_text("title")?,
            subtitle: content.take_text("subtitle"),
            image: Image::take(content),
            elements: content.take_list("elements", ListElement::read)?,
            list_id: content.take_text("listId"),
            reference_id: content.take_text("referenceId"),
            pre_index: content.take_integer("preIndex"),
            next_index: content.take_integer("nextIndex"),
            reply_message,
            unknown,
        })
    }

    pub(super) fn members(&self) -> Members {
        let mut content = Members::default();
        content.text("title", &self.title);
        content.some_text("subtitle", self.subtitle.as_deref());
        Image::put(self.image.as_ref(), &mut content);
        content.list("elements", self.elements.iter().map(ListElement::members));
        content.some_text("listId", self.list_id.as_deref());
        content.some_text("referenceId", self.reference_id.as_deref());
        content.some_integer("preIndex", self.pre_index);
        content.some_integer("nextIndex", self.next_index);
        message("ListPicker", self.reply_message.as_ref(), content, &self.unknown)
    }
}

/// A choice of a [`ListPicker`].
#[derive(Clone, PartialEq, Eq)]
pub struct ListElement {
    /// What it says, and what is answered when it is chosen. Clients show 400 characters.
    pub title: String,
    /// Smaller, below. Clients show 400 characters.
    pub subtitle: Option<String>,
    /// A picture beside it.
    pub image: Option<Image>,
    /// What choosing it does.
    pub action_detail: Option<ActionDetail>,
    /// Where it leads, when it is a link and no choice.
    pub link: Option<String>,
    /// Further members.
    pub unknown: Members,
}

impl ListElement {
    /// One with a title alone.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: None,
            image: None,
            action_detail: None,
            link: None,
            unknown: Members::default(),
        }
    }

    fn read(mut members: Members) -> Option<Self> {
        Some(Self {
            title: members.take_text("title")?,
            subtitle: members.take_text("subtitle"),
            image: Image::take(&mut members),
            action_detail: members.take_text("actionDetail").map(|text| text.as_str().into()),
            link: take_link(&mut members),
            unknown: members,
        })
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.text("title", &self.title);
        members.some_text("subtitle", self.subtitle.as_deref());
        Image::put(self.image.as_ref(), &mut members);
        members.some_text("actionDetail", self.action_detail.as_ref().map(ActionDetail::as_str));
        put_link(self.link.as_deref(), &mut members);
        members.add(&self.unknown);
        members
    }
}

/// Appointments to choose from.
#[derive(Clone, PartialEq)]
pub struct TimePicker {
    /// What it asks; may be Markdown. Clients show 400 characters.
    pub title: String,
    /// Smaller, below; may be Markdown. Clients show 400 characters.
    pub subtitle: Option<String>,
    /// The time zone of the place, in minutes ahead of UTC; without one, that of the client.
    pub time_zone_offset: Option<i64>,
    /// Where the appointment is.
    pub location: Option<Location>,
    /// The appointments, 1 to 40.
    pub timeslots: Vec<Timeslot>,
    /// What is shown once something has been chosen.
    pub reply_message: Option<ReplyMessage>,
    /// Further members.
    pub unknown: Unknown,
}

impl TimePicker {
    /// One without appointments.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: None,
            time_zone_offset: None,
            location: None,
            timeslots: Vec::new(),
            reply_message: None,
            unknown: Unknown::default(),
        }
    }

    /// Gives the time zone of the place, in minutes ahead of UTC.
    #[must_use]
    pub fn with_time_zone_offset(mut self, minutes: i64) -> Self {
        self.time_zone_offset = Some(minutes);
        self
    }

    /// Says where the appointment is.
    #[must_use]
    pub fn with_location(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Adds an appointment.
    #[must_use]
    pub fn with_timeslot(mut self, timeslot: Timeslot) -> Self {
        self.timeslots.push(timeslot);
        self
    }

    pub(super) fn read(reply_message: Option<ReplyMessage>, mut unknown: Unknown) -> Option<Self> {
        let content = &mut unknown.content;
        Some(Self {
            title: content.take_text("title")?,
            subtitle: content.take_text("subtitle"),
            time_zone_offset: content.take_integer("timeZoneOffset"),
            location: content.take_object("location", Location::read),
            timeslots: content.take_list("timeslots", Timeslot::read)?,
            reply_message,
            unknown,
        })
    }

    pub(super) fn members(&self) -> Members {
        let mut content = Members::default();
        content.text("title", &self.title);
        content.some_text("subtitle", self.subtitle.as_deref());
        content.some_integer("timeZoneOffset", self.time_zone_offset);
        content.some_object("location", self.location.as_ref().map(Location::members));
        content.list("timeslots", self.timeslots.iter().map(Timeslot::members));
        message("TimePicker", self.reply_message.as_ref(), content, &self.unknown)
    }
}

/// A place.
#[derive(Clone, PartialEq)]
pub struct Location {
    /// Degrees north of the equator.
    pub latitude: f64,
    /// Degrees east of Greenwich.
    pub longitude: f64,
    /// What it is called.
    pub title: String,
    /// How large it is; the protocol names no unit.
    pub radius: Option<f64>,
    /// Further members.
    pub unknown: Members,
}

impl Location {
    /// A place of no size.
    pub fn new(latitude: f64, longitude: f64, title: impl Into<String>) -> Self {
        let (title, radius) = (title.into(), None);
        Self { latitude, longitude, title, radius, unknown: Members::default() }
    }

    fn read(mut members: Members) -> Option<Self> {
        Some(Self {
            latitude: members.take_number("latitude")?,
            longitude: members.take_number("longitude")?,
            title: members.take_text("title")?,
            radius: members.take_number("radius"),
            unknown: members,
        })
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.some_number("latitude", Some(self.latitude));
        members.some_number("longitude", Some(self.longitude));
        members.text("title", &self.title);
        members.some_number("radius", self.radius);
        members.add(&self.unknown);
        members
    }
}

/// An appointment.
#[derive(Clone, PartialEq)]
pub struct Timeslot {
    /// When it begins, for instance `2026-10-31T17:00+00:00`.
    pub date: String,
    /// How long it is; the protocol names no unit.
    pub duration: Option<f64>,
    /// Further members.
    pub unknown: Members,
}

impl Timeslot {
    /// One that begins and is as long.
    pub fn new(date: impl Into<String>, duration: u32) -> Self {
        let duration = Some(f64::from(duration));
        Self { date: date.into(), duration, unknown: Members::default() }
    }

    fn read(mut members: Members) -> Option<Self> {
        let date = members.take_text("date")?;
        Some(Self { date, duration: members.take_number("duration"), unknown: members })
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        members.text("date", &self.date);
        members.some_number("duration", self.duration);
        members.add(&self.unknown);
        members
    }
}
