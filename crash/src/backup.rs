//! Copies that are made while the server works, and is killed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use tokio::{process::Child, time::timeout};

use crate::{
    api::Api,
    broken::{Rule, broken, hold},
    check::{has_up_to, must},
    contact::{Agent, Contact, Told},
    data,
    dice::Dice,
    person::Acknowledgements,
    server::Program,
};

/// The longest that a copy may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A copy that is being made.
#[derive(Debug)]
pub(crate) struct Copying {
    child: Child,
    folder: PathBuf,
    /// How many acknowledgements there were before it was begun.
    after: u64,
    /// Whether it is to be killed with the server.
    is_cut: bool,
}

impl Copying {
    /// Begins one.
    pub(crate) fn begin(
        program: &Program,
        data: &Path,
        folder: PathBuf,
        acknowledgements: &Acknowledgements,
        dice: &mut Dice,
    ) -> Result<Self> {
        let after = acknowledgements.count();
        let child = program.backup(data, &folder)?;
        Ok(Self { child, folder, after, is_cut: dice.percent(25) })
    }

    /// The server was killed, and perhaps the copy with it.
    pub(crate) async fn killed(&mut self) -> Result<()> {
        if self.is_cut {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Looks at what came of it; `config` is that of a server that tells nobody who is asked later.
    pub(crate) async fn look(
        self,
        program: &Program,
        config: &Path,
        moved_by: i64,
        contacts: &[Contact],
    ) -> Result<()> {
        let Self { child, folder, after, is_cut } = self;
        let Ok(output) = timeout(PATIENCE, child.wait_with_output()).await else {
            return broken(Rule::Backups, "the copy was not finished in time");
        };
        let output = output?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        hold(Rule::Backups, is_cut || output.status.success(), || {
            format!("the copy failed: {said}")
        })?;
        let restored = folder.with_extension("restored");
        let restore = program.restore(&folder, &restored).await?;
        let was_finished = folder.join("backup.json").exists();
        hold(Rule::Backups, restore.status.success() == was_finished, || {
            let said = String::from_utf8_lossy(&restore.stderr).into_owned();
            format!("a copy that was{} finished: {said}", if was_finished { "" } else { " not" })
        })?;
        if !was_finished {
            return Ok(());
        }
        data::database_is_sound(&restored.join(data::DATABASE))?;
        data::files_are_whole(&restored)?;
        let server = program.serve(config, &restored).await?;
        let api = Api::new(server.address, moved_by)?;
        for contact in contacts {
            has(&api, contact, after).await?;
        }
        server.kill().await
    }
}

/// Whether what was acknowledged in a chat before the copy was begun is in it.
async fn has(api: &Api, contact: &Contact, after: u64) -> Result<()> {
    let is_open = !contact.is_over && !contact.is_unsure && contact.stopped == Told::No;
    let was_started = contact.started.is_some_and(|number| number <= after);
    let said = contact.customer.said.first().and_then(|said| said.answer.as_ref());
    // Whoever had said something was in the chat, and so are the tokens good.
    if !is_open || !was_started || said.is_none_or(|answer| answer.number > after) {
        return Ok(());
    }
    let items = must(contact.customer.transcript(api).await)?;
    has_up_to(&contact.customer, after, &items)?;
    if let Agent::Here(agent) = &contact.agent {
        has_up_to(agent, after, &items)?;
    }
    for file in &contact.customer.files {
        if file.completed.is_some_and(|number| number <= after) {
            let id = file.upload.as_ref().map(|upload| upload.id.as_str());
            let bytes = must(contact.customer.fetch(api, id.unwrap_or_default()).await)?;
            hold(Rule::Backups, bytes == file.bytes(), || {
                format!("file {} of the copy has other bytes", file.name)
            })?;
        }
    }
    Ok(())
}
