//! Who is in a chat.

use std::{ops::Deref, sync::Arc};

use chatloom_session::Person;
use chatloom_wire::ParticipantId;

/// Who is or was in a chat at one moment, in the order in which they came: a list of [`Person`]s that
/// never changes and costs nothing to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(Arc<[Person]>);

impl Roster {
    /// The person with this id.
    pub fn person(&self, id: &ParticipantId) -> Option<&Person> {
        self.iter().find(|person| person.participant_id == *id)
    }

    /// Those who write something at this moment.
    pub fn typing(&self) -> impl Iterator<Item = &Person> {
        self.iter().filter(|person| person.typing)
    }
}

impl Deref for Roster {
    type Target = [Person];

    fn deref(&self) -> &[Person] {
        &self.0
    }
}

impl From<Vec<Person>> for Roster {
    fn from(people: Vec<Person>) -> Self {
        Self(people.into())
    }
}
