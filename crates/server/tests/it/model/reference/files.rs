//! What becomes of files (docs/protocol/participant-service.md §8).

use super::{
    super::story::{Rule, Who},
    Answer, CONFLICT, DAY, DENIED, File, INVALID, Kind, MINUTE, Reference, Refused, Stage,
};

impl Reference {
    /// Custom participants have none.
    pub(super) fn admit_files(&self, chat: usize, me: usize) -> Result<(), Refused> {
        self.admit(chat, me, true)?;
        let is_bot = self.chats[chat].people[me].who == Who::Bot;
        if is_bot && self.holds(Rule::BotsHaveNoFiles) { Err(DENIED) } else { Ok(()) }
    }

    pub(super) fn start_file(
        &mut self,
        chat: usize,
        me: usize,
        genuine: bool,
    ) -> Result<Answer, Refused> {
        self.admit_files(chat, me)?;
        let now = self.now;
        for file in &mut self.chats[chat].files {
            // What was not sent within a day gives way.
            let is_open = matches!(file.stage, Stage::Started | Stage::Uploaded);
            file.forgotten |= is_open && file.started + DAY <= now;
        }
        let stage = Stage::Started;
        let file = File { owner: me, genuine, started: now, stage, forgotten: false };
        self.chats[chat].files.push(file);
        Ok(Answer::Done)
    }

    pub(super) fn has_file(&self, chat: usize, me: usize) -> bool {
        self.chats[chat].files.iter().any(|file| file.owner == me)
    }

    pub(super) fn put(&mut self, chat: usize, me: usize) -> Result<Answer, Refused> {
        let over = self.admit(chat, me, false);
        let now = self.now;
        let Some(file) = self.chats[chat].files.iter_mut().rfind(|file| file.owner == me) else {
            return Ok(Answer::Skipped);
        };
        if now >= file.started + 15 * MINUTE {
            return Err(DENIED);
        }
        over?;
        if let Stage::Sent { .. } = file.stage {
            return Err(CONFLICT);
        }
        file.stage = Stage::Uploaded;
        Ok(Answer::Done)
    }

    pub(super) fn send_file(
        &mut self,
        chat: usize,
        me: usize,
        token: u8,
    ) -> Result<Answer, Refused> {
        self.admit_files(chat, me)?;
        let Some(at) = self.chats[chat].files.iter().rposition(|file| file.owner == me) else {
            return Ok(Answer::Skipped);
        };
        let file = &mut self.chats[chat].files[at];
        match file.stage {
            _ if file.forgotten => Err(INVALID),
            Stage::Started => Err(INVALID),
            Stage::Sent { token: first, .. } if first == token => Ok(Answer::Done),
            Stage::Sent { .. } => Err(CONFLICT),
            Stage::Uploaded => {
                let approved = file.genuine;
                file.stage = Stage::Sent { token, approved };
                self.keep_said(chat, me, Kind::File { file: at, approved });
                Ok(Answer::Done)
            }
        }
    }
}
