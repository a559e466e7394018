//! Rounds on one data folder: chats begin, the server is killed, it starts again, and all is looked at.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{
    api::{Api, Fault, text},
    audit::audit,
    backup::Copying,
    broken::{Rule, broken},
    check::{Round, Tally, about, eventually, must},
    clock::Clock,
    contact::{Agent, Contact, Kind, Told, another_socket, next_item},
    data,
    dice::Dice,
    outside::Outside,
    person::Acknowledgements,
    sabotage::Sabotage,
    server::{Program, Server, config},
};

/// Chats that begin in a round, and those before them that go on.
const NEW: usize = 10;
const OLD: usize = 8;
/// The timers of silence, and the time to connect, with some seconds that rounding may cost.
const SILENCE: i64 = 125;
const NOBODY_CAME: i64 = 305;
/// The duration of all chats.
const DURATION: i64 = 3_660;

/// What all rounds of a run have in common.
pub(crate) struct World {
    pub(crate) program: Program,
    pub(crate) clock: Option<Clock>,
    pub(crate) outside: Outside,
    /// Who is told by servers that run on copies.
    pub(crate) elsewhere: Outside,
    pub(crate) patience: Duration,
    pub(crate) tally: Tally,
    pub(crate) counts: Counts,
}

/// What was done, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) contacts: u64,
    pub(crate) transfers: u64,
    pub(crate) acknowledged: u64,
    pub(crate) starts_killed: u64,
    pub(crate) backups: u64,
    pub(crate) jumps: u64,
    pub(crate) deliveries: (u64, u64),
    pub(crate) turns: (u64, u64),
}

/// A data folder and its chats.
pub(crate) struct Life {
    folder: TempDir,
    data: PathBuf,
    config: PathBuf,
    elsewhere: PathBuf,
    server: Option<Server>,
    desk: String,
    contacts: Vec<Contact>,
    acknowledgements: Acknowledgements,
}

/// How time passes around a kill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Jump {
    None,
    /// So many seconds while the server is dead.
    Dead(i64),
    /// While it runs again.
    Live,
}

impl World {
    fn moved_by(&self) -> i64 {
        self.clock.as_ref().map_or(0, Clock::moved_by)
    }

    fn advance(&mut self, seconds: i64) -> Result<()> {
        self.counts.jumps += 1;
        self.clock.as_mut().map_or(Ok(()), |clock| clock.advance(seconds))
    }
}

impl Life {
    /// A new data folder, and a server on it.
    pub(crate) async fn begin(world: &World) -> Result<Self> {
        world.outside.forget();
        let folder = tempfile::Builder::new().prefix("chatloom-crash-").tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let (data, own, elsewhere) = (path("data"), path("chatloom.toml"), path("elsewhere.toml"));
        fs::write(&own, config(&world.outside))?;
        fs::write(&elsewhere, config(&world.elsewhere))?;
        let server = world.program.serve(&own, &data).await?;
        let api = Api::new(server.address, world.moved_by())?;
        let login = serde_json::json!({ "user": "ana" });
        let answer = must(api.call("/v1/agent/login", ("Authorization", ""), login).await)?;
        Ok(Self {
            data,
            config: own,
            elsewhere,
            folder,
            server: Some(server),
            desk: text(&answer["token"]),
            contacts: Vec::new(),
            acknowledgements: Acknowledgements::default(),
        })
    }

    /// Keeps the folder, for somebody to look at it: where it is.
    pub(crate) fn keep(self) -> PathBuf {
        drop(self.server);
        self.folder.keep()
    }

    fn path(&self, name: &str, round: u64) -> PathBuf {
        self.folder.path().join(format!("{name}-{round}"))
    }

    /// One round: some chats, a kill, and what is left. Whether the sabotage found something to harm.
    pub(crate) async fn round(
        &mut self,
        world: &mut World,
        number: u64,
        mut dice: Dice,
        sabotage: Option<Sabotage>,
    ) -> Result<bool> {
        let jump = match dice.below(100) {
            _ if world.clock.is_none() => Jump::None,
            _ if sabotage.is_some_and(Sabotage::needs_time) => Jump::Dead(SILENCE),
            _ if sabotage.is_some() => Jump::None,
            0..60 => Jump::None,
            60..75 => Jump::Dead(SILENCE),
            75..83 => Jump::Dead(NOBODY_CAME),
            _ => Jump::Live,
        };
        let mut copying = None;
        let touched = self.load(world, number, &mut dice, &mut copying).await?;

        let server = self.server.take().context("the server was started")?;
        server.kill().await?;
        if let Some(copying) = &mut copying {
            copying.killed().await?;
        }
        let first = self.contacts.len();
        for (contact, fault) in touched.join_all().await {
            self.contacts.push(contact);
            if !fault.is_gone() {
                return broken(Rule::Serves, fault.to_string());
            }
        }
        let mut has_harmed = true;
        if let Some(sabotage) = sabotage {
            has_harmed = sabotage.act(&self.data, &self.contacts[first..], &world.outside)?;
        }

        // Of the files as the kill left them.
        let copy = data::copy_database(&self.data, &self.path("dead", number))?;
        let looked = tokio::task::spawn_blocking(move || data::database_is_sound(&copy));
        if let Jump::Dead(seconds) = jump {
            world.advance(seconds)?;
        }
        while sabotage.is_none() && dice.percent(15) {
            let after = Duration::from_millis(dice.below(150));
            world.program.stumble(&self.config, &self.data, after).await?;
            world.counts.starts_killed += 1;
        }
        let server = world.program.serve(&self.config, &self.data).await;
        looked.await??;
        let server = server?;
        let api = Api::new(server.address, world.moved_by())?;
        self.server = Some(server);
        fs::remove_dir_all(self.path("dead", number))?;

        self.settle(world, &api, first, jump, &mut dice).await?;
        let data = self.data.clone();
        tokio::task::spawn_blocking(move || data::files_are_whole(&data)).await??;
        if let Some(copying) = copying {
            let (program, moved_by) = (&world.program, world.moved_by());
            copying.look(program, &self.elsewhere, moved_by, &self.contacts).await?;
            for name in ["copy", "copy-restored"] {
                // The second is there only if the first was finished.
                let _ = fs::remove_dir_all(self.path(name, number));
            }
            world.counts.backups += 1;
        }
        Ok(has_harmed)
    }

    /// Begins chats, goes on with some, and comes back when it is time to kill.
    async fn load(
        &mut self,
        world: &World,
        number: u64,
        dice: &mut Dice,
        copying: &mut Option<Copying>,
    ) -> Result<JoinSet<(Contact, Fault)>> {
        let server = self.server.as_ref().context("the server was started")?;
        let api = Api::new(server.address, world.moved_by())?;
        let desk: Arc<str> = self.desk.as_str().into();
        let mut chosen = Vec::new();
        while chosen.len() < OLD {
            let may_go_on = self.contacts.iter().enumerate().filter(|(_, one)| one.goes_on());
            let may_go_on: Vec<_> = may_go_on.map(|(index, _)| index).collect();
            if may_go_on.is_empty() {
                break;
            }
            let index = may_go_on[dice.below(may_go_on.len() as u64) as usize];
            chosen.push(self.contacts.swap_remove(index));
        }
        let since = world.moved_by();
        chosen.extend((0..NEW).map(|_| Contact::new(dice, since, &self.acknowledgements)));
        let mut living = JoinSet::new();
        for mut contact in chosen {
            let (api, desk, dice) = (api.clone(), Arc::clone(&desk), dice.split());
            living.spawn(async move {
                let fault = contact.live(&api, &desk, dice).await;
                (contact, fault)
            });
        }
        let time = dice.between(30, 900);
        let copies_at = dice.percent(30).then(|| dice.below(time));
        if let Some(at) = copies_at {
            tokio::time::sleep(Duration::from_millis(at)).await;
            let folder = self.path("copy", number);
            let (program, data) = (&world.program, &self.data);
            let begun = Copying::begin(program, data, folder, &self.acknowledgements, dice);
            *copying = Some(begun?);
        }
        let rest = time - copies_at.unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(rest)).await;
        Ok(living)
    }

    /// Looks at the chats of this round, those from `first` on, and at some of before.
    async fn settle(
        &mut self,
        world: &mut World,
        api: &Api,
        first: usize,
        jump: Jump,
        dice: &mut Dice,
    ) -> Result<()> {
        let (before, of_this) = self.contacts.split_at_mut(first);
        let mut tally = Tally::default();
        let round = Round { api, outside: &world.outside, patience: world.patience };
        if let Jump::Dead(_) = jump {
            let all = before.iter_mut().chain(of_this.iter_mut());
            tally.timers += time_has_passed(round, all, world.moved_by()).await?;
        }
        let some = before.iter_mut().filter(|_| dice.percent(20));
        let mut some: Vec<_> = some.collect();
        some.extend(of_this.iter_mut());
        let settled = some.into_iter().map(|contact| {
            let mut dice = dice.split();
            async move {
                let settled = contact.settle(round, &mut dice).await;
                settled.map_err(|error| about(contact, error))
            }
        });
        for one in try_join_all(settled).await? {
            tally.add(one);
        }
        if jump == Jump::Live {
            tally.timers += self.fall_silent(world, api).await?;
        }
        world.tally.add(tally);
        Ok(())
    }

    /// Two silences while the server runs: whoever is there is told of the first, and the second ends
    /// the chat.
    async fn fall_silent(&mut self, world: &mut World, api: &Api) -> Result<u64> {
        let silent = self.contacts.iter_mut().filter(|contact| {
            matches!(contact.kind, Kind::Silent { .. })
                && contact.timers == Told::Yes
                && has_agent(contact)
                && !contact.is_over
                && !contact.is_unsure
        });
        let mut watched = Vec::new();
        for contact in silent {
            let socket = must(another_socket(api, &mut contact.customer).await)?;
            watched.push((contact, socket));
        }
        world.advance(SILENCE)?;
        let later = api.at(world.moved_by());
        let round = Round { api: &later, outside: &world.outside, patience: world.patience };
        let mut count = 0;
        for (contact, socket) in &mut watched {
            if contact.kind == (Kind::Silent { idle: true }) {
                let idle = async {
                    while let Some(item) = next_item(socket).await {
                        let kind = item["ContentType"].as_str().unwrap_or_default();
                        if kind.ends_with("participant.idle") {
                            return item["ParticipantId"] == contact.customer.id.as_str();
                        }
                    }
                    false
                };
                let told = tokio::time::timeout(round.patience, idle).await;
                if !matches!(told, Ok(true)) {
                    return broken(
                        Rule::Timers,
                        format!("nobody was told that the customer of {} is idle", contact.id),
                    );
                }
                count += 1;
            } else {
                has_ended(round, contact).await?;
                count += 1;
            }
        }
        world.advance(SILENCE)?;
        let later = api.at(world.moved_by());
        let round = Round { api: &later, outside: &world.outside, patience: world.patience };
        for (contact, _) in &mut watched {
            if !contact.is_over {
                has_ended(round, contact).await?;
                count += 1;
            }
        }
        let passed = time_has_passed(round, self.contacts.iter_mut(), world.moved_by()).await?;
        Ok(count + passed)
    }

    /// The last round: the duration of all chats passes, with a kill before or after it, and the logs
    /// are compared with everything that was acknowledged.
    pub(crate) async fn end(mut self, world: &mut World, mut dice: Dice) -> Result<()> {
        world.counts.contacts += self.contacts.len() as u64;
        let transfers = self.contacts.iter().map(|contact| contact.handed_on.len() as u64);
        world.counts.transfers += transfers.sum::<u64>();
        world.counts.acknowledged += self.acknowledgements.count();
        if world.clock.is_some() {
            let is_dead = dice.percent(50);
            if is_dead {
                self.server.take().context("the server was started")?.kill().await?;
            }
            world.advance(DURATION)?;
            if is_dead {
                let server = world.program.serve(&self.config, &self.data).await?;
                self.server = Some(server);
            }
            let address = self.server.as_ref().context("the server was started")?.address;
            let api = Api::new(address, world.moved_by())?;
            let round = Round { api: &api, outside: &world.outside, patience: world.patience };
            for contact in &mut self.contacts {
                has_ended(round, contact).await?;
                world.tally.timers += 1;
            }
            let exported = world.program.export(&self.data).await?;
            if !exported.status.success() {
                let said = String::from_utf8_lossy(&exported.stderr).into_owned();
                return broken(Rule::Serves, format!("the export failed: {said}"));
            }
            audit(round, &exported.stdout, &self.contacts).await?;
        }
        let (deliveries, turns) = (world.outside.deliveries(), world.outside.turns());
        let add = |sum: &mut (u64, u64), more: (u64, u64)| *sum = (sum.0 + more.0, sum.1 + more.1);
        add(&mut world.counts.deliveries, deliveries);
        add(&mut world.counts.turns, turns);
        let log = fs::read_to_string(self.data.with_extension("log"))?;
        match log.lines().find(|line| line.contains("panicked")) {
            Some(line) => broken(Rule::Serves, format!("the server panicked: {line}")),
            None => Ok(()),
        }
    }
}

fn has_agent(contact: &Contact) -> bool {
    matches!(&contact.agent, Agent::Here(agent) if !agent.connection_token.is_empty())
}

/// The chats whose time has come have ended, or will.
async fn time_has_passed(
    round: Round<'_>,
    contacts: impl Iterator<Item = &mut Contact>,
    moved_by: i64,
) -> Result<u64> {
    let mut count = 0;
    for contact in contacts {
        let seconds = (moved_by - contact.since) / 1_000;
        let has_come = match contact.kind {
            _ if contact.is_over || contact.id.is_empty() => false,
            Kind::Nobody => seconds >= NOBODY_CAME,
            Kind::Silent { idle: false } => {
                seconds >= SILENCE && contact.timers == Told::Yes && has_agent(contact)
            }
            _ => false,
        };
        if has_come {
            has_ended(round, contact).await?;
            count += 1;
        }
        contact.look_at_time(moved_by);
    }
    Ok(count)
}

async fn has_ended(round: Round<'_>, contact: &mut Contact) -> Result<()> {
    let id = contact.id.clone();
    let what = || format!("the time of contact {id} is over, and it goes on");
    eventually(Rule::Timers, round.patience, what, || async {
        must(contact.has_ended(round.api).await)
    })
    .await
    .map_err(|error| about(contact, error))?;
    contact.is_over = true;
    Ok(())
}

/// Where the program is that is killed, if nobody says so: beside this one.
pub(crate) fn beside(own: &Path) -> PathBuf {
    own.with_file_name("chatloom")
}
