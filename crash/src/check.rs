//! What has to hold of a chat after a kill, as its participants and its back end see it.

use std::{collections::HashSet, future::Future, time::Duration};

use anyhow::Result;
use chatloom_server::config::DEMO_INSTANCE;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    api::{Api, Fault, text},
    broken::{Broken, Rule, broken, hold},
    contact::{Agent, Contact, Kind, Told},
    dice::Dice,
    outside::{Outside, WELCOME, echo},
    person::{Person, locked},
};

/// What was found, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) files: u64,
    pub(crate) receipts: u64,
    /// What was under way when the server was killed: messages, and whether they had been kept.
    pub(crate) in_flight_kept: u64,
    pub(crate) in_flight_lost: u64,
    pub(crate) uploads_cut: u64,
    pub(crate) transfers_in_flight: u64,
    pub(crate) shown: u64,
    pub(crate) timers: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.files += other.files;
        self.receipts += other.receipts;
        self.in_flight_kept += other.in_flight_kept;
        self.in_flight_lost += other.in_flight_lost;
        self.uploads_cut += other.uploads_cut;
        self.transfers_in_flight += other.transfers_in_flight;
        self.shown += other.shown;
        self.timers += other.timers;
    }
}

/// What the checks of a round have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round<'a> {
    pub(crate) api: &'a Api,
    pub(crate) outside: &'a Outside,
    /// How long what has to come may take.
    pub(crate) patience: Duration,
}

/// A refusal, and a server that has gone again, where neither may be.
pub(crate) fn must<T>(answer: Result<T, Fault>) -> Result<T> {
    answer.or_else(|fault| broken(Rule::Serves, fault.to_string()))
}

/// Asks until the answer is yes, not for ever.
pub(crate) async fn eventually<F: Future<Output = Result<bool>>>(
    rule: Rule,
    patience: Duration,
    what: impl FnOnce() -> String,
    mut is_so: impl FnMut() -> F,
) -> Result<()> {
    let until = Instant::now() + patience;
    loop {
        if is_so().await? {
            return Ok(());
        }
        if Instant::now() > until {
            return broken(rule, what());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An item, in short.
fn brief(item: &Value) -> String {
    format!("{} {} {}", item["Id"], item["AbsoluteTime"], item["ContentType"])
}

/// What of an item never changes.
fn same(one: &Value, other: &Value) -> bool {
    ["Id", "AbsoluteTime", "Type", "ContentType", "Content", "ParticipantId", "ContactId"]
        .iter()
        .all(|member| one[member] == other[member])
}

/// Fails unless everything in `kept` stands at the beginning of `now`.
fn goes_on(kept: &[Value], now: &[Value]) -> Result<()> {
    for (index, item) in kept.iter().enumerate() {
        let found = now.get(index);
        hold(Rule::Kept, found.is_some_and(|found| same(found, item)), || {
            format!("item {index} was {}, and is {:?}", brief(item), found.map(brief))
        })?;
    }
    Ok(())
}

/// Fails unless the items stand in the order that clients sort by, without a repeat.
fn ordered(items: &[Value]) -> Result<()> {
    for pair in items.windows(2) {
        let key = |item: &Value| (text(&item["AbsoluteTime"]), text(&item["Id"]));
        hold(Rule::Order, key(&pair[0]) < key(&pair[1]), || {
            format!("{} stands before {}", brief(&pair[0]), brief(&pair[1]))
        })?;
    }
    Ok(())
}

/// Where each of somebody's messages stands: once, as it was acknowledged, and in order; one without an
/// acknowledgement may be missing.
pub(crate) fn said_is_kept(person: &Person, items: &[Value]) -> Result<Vec<Option<usize>>> {
    let mut last = None;
    let mut places = Vec::with_capacity(person.said.len());
    for said in &person.said {
        let mut found = items.iter().enumerate().filter(|(_, item)| {
            item["Content"] == said.content.as_str() && item["ParticipantId"] == person.id.as_str()
        });
        let first = found.next();
        let name = said.content.get(..32).unwrap_or_default();
        hold(Rule::Kept, found.next().is_none(), || format!("message {name} is there twice"))?;
        if let Some(answer) = &said.answer {
            let is_kept = first.is_some_and(|(_, item)| {
                item["Id"] == answer.id.as_str() && item["AbsoluteTime"] == answer.time.as_str()
            });
            hold(Rule::Kept, is_kept, || {
                let found = first.map(|(_, item)| brief(item));
                format!("message {name} was acknowledged as {answer:?}, and there is {found:?}")
            })?;
        }
        if let Some((place, _)) = first {
            hold(Rule::Order, last.is_none_or(|last| last < place), || {
                format!("message {name} stands before one that was sent earlier")
            })?;
            last = Some(place);
        }
        places.push(first.map(|(place, _)| place));
    }
    Ok(places)
}

/// The items of files of this name.
fn named<'a>(items: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    items.iter().filter(move |item| item["Attachments"][0]["AttachmentName"] == name)
}

/// Whether the first messages and files, up to an acknowledgement, are in a transcript: for a copy that
/// was begun after it.
pub(crate) fn has_up_to(person: &Person, number: u64, items: &[Value]) -> Result<()> {
    let mut earlier = person.clone();
    earlier.said.retain(|said| said.answer.as_ref().is_some_and(|answer| answer.number <= number));
    said_is_kept(&earlier, items)?;
    for file in person.files.iter().filter(|file| file.completed.is_some_and(|n| n <= number)) {
        hold(Rule::Files, named(items, &file.name).count() == 1, || {
            format!("file {} was acknowledged", file.name)
        })?;
    }
    Ok(())
}

impl Contact {
    /// Looks at the chat after a kill, sends again what was under way, and looks once more.
    pub(crate) async fn settle(&mut self, round: Round<'_>, dice: &mut Dice) -> Result<Tally> {
        let api = round.api;
        let mut tally = Tally::default();
        self.look_at_time(api.moved_by());
        self.settle_start(api).await?;
        if self.is_over || self.is_unsure || self.kind == Kind::Nobody {
            return Ok(tally);
        }
        if self.stopped != Told::No {
            self.settle_stop(api).await?;
            return Ok(tally);
        }
        if self.customer.connection_token.is_empty() {
            return Ok(tally);
        }
        self.settle_agent(api).await?;
        self.settle_attribute(api).await?;

        let before = must(self.customer.transcript(api).await)?;
        goes_on(&self.kept, &before)?;
        ordered(&before)?;
        self.transfers_are_whole(&before)?;
        if let Some(desk) = self.handing_on.clone() {
            must(self.hand_on(api, &desk).await)?;
            tally.transfers_in_flight += 1;
            self.transfers_are_whole(&must(self.customer.transcript(api).await)?)?;
        }
        self.settle_contacts(api).await?;
        let mut people = vec![&mut self.customer];
        if let Agent::Here(agent) = &mut self.agent
            && !agent.connection_token.is_empty()
        {
            people.push(agent);
        }
        for person in &people {
            said_is_kept(person, &before)?;
        }
        let shown: Vec<Value> = locked(&self.shown).drain(..).collect();
        tally.shown += shown_is_kept(&shown, &before)?;
        for person in &mut people {
            let places = said_is_kept(person, &before)?;
            repeat_messages(person, api, &places, &before, dice, &mut tally).await?;
            for index in 0..person.receipts.len() {
                if person.receipts[index].acknowledged.is_none() {
                    must(person.repeat_receipt(api, index).await)?;
                }
            }
            for index in 0..person.files.len() {
                if !person.files[index].is_checked {
                    settle_file(person, api, index, &before, &mut tally).await?;
                }
            }
        }

        let after = must(people[0].transcript(api).await)?;
        goes_on(&before, &after)?;
        ordered(&after)?;
        for person in &people {
            let places = said_is_kept(person, &after)?;
            tally.messages += places.len() as u64;
            hold(Rule::Kept, places.iter().all(Option::is_some), || {
                "a message that was sent again is missing".to_owned()
            })?;
            tally.receipts += receipts_are_kept(person, &after)?;
        }
        if let [_, agent] = &people[..] {
            let seen = must(agent.transcript(api).await)?;
            // Nothing but what somebody outside does may come between the two.
            let is_same = after.len() <= seen.len()
                && after.iter().zip(&seen).all(|(one, other)| same(one, other));
            hold(Rule::Order, is_same, || {
                "customer and agent see different transcripts".to_owned()
            })?;
        }
        for person in people {
            for index in 0..person.files.len() {
                if !person.files[index].is_checked {
                    file_is_whole(person, api, index, &after).await?;
                    tally.files += 1;
                }
            }
        }
        if self.kind == Kind::Bot {
            self.bot_has_answered(round).await?;
        }
        self.kept = must(self.customer.transcript(api).await)?;
        goes_on(&after, &self.kept)?;
        if let Some(stream) = &self.stream {
            is_told(round, stream, &self.kept).await?;
        }
        Ok(tally)
    }

    async fn settle_start(&mut self, api: &Api) -> Result<()> {
        let known = self.id.clone();
        let again = must(self.start(api).await)?;
        hold(Rule::Repeat, known.is_empty() || known == again, || {
            format!("the start of {known} was repeated, and started {again}")
        })?;
        Ok(())
    }

    /// Each transfer is there with all that belongs to it, those that were acknowledged and perhaps the
    /// one that was under way.
    fn transfers_are_whole(&self, items: &[Value]) -> Result<()> {
        let is = |item: &Value, name: &str| {
            item["ContentType"].as_str().is_some_and(|kind| kind.ends_with(name))
        };
        let mut contact = self.id.as_str();
        let mut found = 0;
        for (index, item) in items.iter().enumerate() {
            if !is(item, "transfer.succeeded") {
                continue;
            }
            let left = items.get(index + 1).is_some_and(|next| {
                is(next, "participant.left")
                    && next["ParticipantId"] == item["ParticipantId"]
                    && next["ContactId"] == item["ContactId"]
            });
            hold(Rule::Kept, left, || format!("{} without who left by it", brief(item)))?;
            hold(Rule::Kept, item["ContactId"] == contact, || {
                format!("{} is of another contact than {contact}", brief(item))
            })?;
            contact = self.handed_on.get(found).map_or("", String::as_str);
            found += 1;
        }
        let known = self.handed_on.len();
        let most = known + usize::from(self.handing_on.is_some());
        hold(Rule::Kept, (known..=most).contains(&found), || {
            format!("{} was handed on {known} times, and shows {found}", self.id)
        })
    }

    /// Each contact is described, with the one before it.
    async fn settle_contacts(&self, api: &Api) -> Result<()> {
        let mut previous = &self.id;
        for contact in &self.handed_on {
            let path = format!("/contacts/{DEMO_INSTANCE}/{contact}");
            let answer = must(api.signed(Method::GET, &path, Value::Null).await)?;
            let before = &answer["Contact"]["PreviousContactId"];
            hold(Rule::Control, before == previous.as_str(), || {
                format!("contact {contact} follows {previous}, and is said to follow {before}")
            })?;
            previous = contact;
        }
        Ok(())
    }

    /// An agent whose connection was under way makes it.
    async fn settle_agent(&mut self, api: &Api) -> Result<()> {
        if let Agent::Here(agent) = &mut self.agent
            && agent.connection_token.is_empty()
        {
            let body = json!({ "Type": ["CONNECTION_CREDENTIALS"] });
            let token = ("X-Amz-Bearer", agent.participant_token.as_str());
            let answer = must(api.call("/participant/connection", token, body).await)?;
            agent.connection_token = text(&answer["ConnectionCredentials"]["ConnectionToken"]);
        }
        Ok(())
    }

    async fn settle_stop(&mut self, api: &Api) -> Result<()> {
        let mut ended = must(self.has_ended(api).await)?;
        hold(Rule::Control, ended || self.stopped != Told::Yes, || {
            format!("contact {} was stopped, and goes on", self.id)
        })?;
        if !ended {
            let body = json!({ "ContactId": self.id, "InstanceId": DEMO_INSTANCE });
            must(api.signed(Method::POST, "/contact/stop", body).await)?;
            ended = must(self.has_ended(api).await)?;
        }
        self.stopped = Told::Yes;
        self.is_over = ended;
        hold(Rule::Control, ended, || format!("contact {} cannot be stopped", self.id))
    }

    async fn settle_attribute(&mut self, api: &Api) -> Result<()> {
        let path = format!("/contact/attributes/{DEMO_INSTANCE}/{}", self.id);
        let answer = must(api.signed(Method::GET, &path, Value::Null).await)?;
        let step = answer["Attributes"]["step"].as_str().and_then(|step| step.parse().ok());
        let step: u64 = step.unwrap_or(0);
        let (acknowledged, sent) = self.attribute;
        hold(Rule::Control, (acknowledged..=sent).contains(&step), || {
            format!("attribute step {acknowledged} was acknowledged, and it is {step}")
        })?;
        self.attribute = (step, step);
        Ok(())
    }

    /// Each message of the customer has one answer, after it, in order; and one word of welcome.
    async fn bot_has_answered(&self, round: Round<'_>) -> Result<()> {
        let expected: Vec<String> =
            self.customer.said.iter().map(|said| echo(&said.content)).collect();
        let spoken = |items: &[Value]| -> Vec<String> {
            let messages = items.iter().filter(|item| {
                item["Type"] == "MESSAGE" && item["ParticipantId"] != self.customer.id.as_str()
            });
            messages.map(|item| text(&item["Content"])).filter(|said| said != WELCOME).collect()
        };
        let id = &self.id;
        // Whoever says nothing is welcomed: by coming, and by each file.
        let files = self.customer.files.iter().filter(|file| file.completed.is_some()).count();
        eventually(
            Rule::Bots,
            round.patience,
            || format!("the bot of {id} has not answered {} messages", expected.len()),
            || async {
                let items = must(self.customer.transcript(round.api).await)?;
                let said = spoken(&items);
                hold(Rule::Bots, expected.starts_with(&said), || {
                    format!(
                        "the bot of {id} has said {} things, and others or more than {}",
                        said.len(),
                        expected.len()
                    )
                })?;
                let has_come = items.iter().any(|item| {
                    item["ParticipantId"] == self.customer.id.as_str()
                        && item["ContentType"].as_str().is_some_and(|kind| kind.ends_with("joined"))
                });
                let welcomes = files + usize::from(has_come);
                let count = items.iter().filter(|item| item["Content"] == WELCOME).count();
                hold(Rule::Bots, count <= welcomes, || {
                    format!("the bot of {id} has said welcome {count} times, not {welcomes}")
                })?;
                Ok(said.len() == expected.len() && count == welcomes)
            },
        )
        .await
    }
}

/// What a socket showed, and is stored, is there.
fn shown_is_kept(shown: &[Value], items: &[Value]) -> Result<u64> {
    let kept: HashSet<_> = items.iter().map(|item| text(&item["Id"])).collect();
    let mut count = 0;
    for item in shown {
        let is_stored = match item["Type"].as_str() {
            // Parts of a bot's message come before it is stored.
            Some("MESSAGE") => !item.to_string().contains("ChunkNumber"),
            Some("ATTACHMENT") => true,
            Some("EVENT") => item["ContentType"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("joined") || kind.ends_with("left")),
            _ => false,
        };
        if is_stored {
            count += 1;
            hold(Rule::Shown, kept.contains(&text(&item["Id"])), || {
                format!("{} was shown and is not there", brief(item))
            })?;
        }
    }
    Ok(count)
}

/// Sends again what had no answer, and one thing that had.
async fn repeat_messages(
    person: &mut Person,
    api: &Api,
    places: &[Option<usize>],
    before: &[Value],
    dice: &mut Dice,
    tally: &mut Tally,
) -> Result<()> {
    let count = person.said.len() as u64;
    let one = if count == 0 { 0 } else { dice.below(count) as usize };
    for (index, place) in places.iter().enumerate() {
        let known = person.said[index].answer.clone();
        if known.is_some() && index != one {
            continue;
        }
        let again = must(person.repeat(api, index).await)?;
        if known.is_none() {
            let lost = place.is_none();
            *(if lost { &mut tally.in_flight_lost } else { &mut tally.in_flight_kept }) += 1;
        }
        // What was not answered may have been kept: then that is what the repeat has to name.
        let first = known.map(|known| (known.id, known.time)).or_else(|| {
            let item = before.get((*place)?)?;
            Some((text(&item["Id"]), text(&item["AbsoluteTime"])))
        });
        let is_first =
            first.as_ref().is_none_or(|(id, time)| *id == again.id && *time == again.time);
        hold(Rule::Repeat, is_first, || format!("{first:?} was repeated and answered {again:?}"))?;
    }
    Ok(())
}

/// Takes a file that was under way to its end.
async fn settle_file(
    person: &mut Person,
    api: &Api,
    index: usize,
    before: &[Value],
    tally: &mut Tally,
) -> Result<()> {
    let known = person.files[index].upload.as_ref().map(|upload| upload.id.clone());
    let again = must(person.start_file(api, index).await)?;
    hold(Rule::Repeat, known.as_ref().is_none_or(|known| *known == again), || {
        format!("the upload {known:?} was repeated and is {again}")
    })?;
    let (name, completed) = (person.files[index].name.clone(), person.files[index].completed);
    let items = named(before, &name).count();
    hold(Rule::Files, completed.is_none() || items == 1, || {
        format!("file {name} was acknowledged, and is there {items} times")
    })?;
    if completed.is_some() {
        return Ok(());
    }
    match person.complete_file(api, index).await {
        Ok(()) => return Ok(()),
        // Its bytes were not all there, and nobody had said that they were.
        Err(Fault::Refused { status: 400..500, .. }) if !person.files[index].is_uploaded => {}
        Err(fault) => {
            return broken(Rule::Files, format!("file {name} was uploaded, and: {fault}"));
        }
    }
    tally.uploads_cut += 1;
    must(person.put_file(api, index).await)?;
    must(person.complete_file(api, index).await)
}

/// One item, approved, with the bytes that were sent.
async fn file_is_whole(
    person: &mut Person,
    api: &Api,
    index: usize,
    items: &[Value],
) -> Result<()> {
    let file = &person.files[index];
    let found: Vec<_> = named(items, &file.name).collect();
    let is_there = matches!(found[..], [item] if item["Attachments"][0]["Status"] == "APPROVED");
    hold(Rule::Files, is_there, || format!("file {} is there as {found:?}", file.name))?;
    let id = file.upload.as_ref().map(|upload| upload.id.clone()).unwrap_or_default();
    let bytes = must(person.fetch(api, &id).await)?;
    hold(Rule::Files, bytes == file.bytes(), || {
        format!("file {} has {} bytes, which are not those that were sent", file.name, bytes.len())
    })?;
    person.files[index].is_checked = true;
    Ok(())
}

/// What somebody has confirmed stands at the messages.
fn receipts_are_kept(person: &Person, items: &[Value]) -> Result<u64> {
    let mut count = 0;
    for receipt in person.receipts.iter().filter(|receipt| receipt.acknowledged.is_some()) {
        let item = items.iter().find(|item| item["Id"] == receipt.message.as_str());
        let receipts = item.map(|item| &item["MessageMetadata"]["Receipts"]);
        let own = receipts.and_then(Value::as_array).into_iter().flatten();
        let mut own = own.filter(|one| one["RecipientParticipantId"] == person.id.as_str());
        // Who has read it has received it: that is not said twice.
        let is_kept = own.any(|one| {
            !one["ReadTimestamp"].is_null()
                || (!receipt.is_read && !one["DeliveredTimestamp"].is_null())
        });
        hold(Rule::Receipts, is_kept, || {
            format!("of {receipt:?} there is {:?}", receipts.map(ToString::to_string))
        })?;
        count += 1;
    }
    Ok(count)
}

/// A webhook was told what the transcript has, in its order; what it was told again was the same, and
/// not ahead of its turn.
pub(crate) async fn is_told(round: Round<'_>, stream: &str, items: &[Value]) -> Result<()> {
    let expected: Vec<_> = items.iter().map(|item| text(&item["Id"])).collect();
    let told = || -> Result<Vec<String>> {
        let mut first: Vec<(u64, String)> = Vec::new();
        for delivery in round.outside.told(stream) {
            let number = delivery.number;
            if let Some((_, item)) = first.iter().find(|(known, _)| *known == number) {
                hold(Rule::Streams, *item == delivery.item, || {
                    format!("{stream}-{number} was told twice, and not the same")
                })?;
                continue;
            }
            let is_next = first.last().is_none_or(|(last, _)| *last < number);
            hold(Rule::Streams, is_next, || {
                format!("{stream}-{number} came after what stands after it")
            })?;
            first.push((number, delivery.item));
        }
        let item = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        Ok(first.iter().map(|(_, told)| text(&item(told)["Id"])).collect())
    };
    eventually(
        Rule::Streams,
        round.patience,
        || format!("{stream} was not told all of {} items", expected.len()),
        || async {
            let told = told()?;
            // What comes after the transcript was read is told as well.
            let common = told.len().min(expected.len());
            hold(Rule::Streams, told[..common] == expected[..common], || {
                format!("{stream} was told {told:?} of {expected:?}")
            })?;
            Ok(told.len() >= expected.len())
        },
    )
    .await
}

/// Names a contact in what went wrong with it.
pub(crate) fn about(contact: &Contact, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Broken>() {
        Ok(Broken { rule, what }) => {
            let what = format!("contact {} ({:?}): {what}", contact.id, contact.kind);
            Broken { rule, what }.into()
        }
        Err(error) => error,
    }
}
