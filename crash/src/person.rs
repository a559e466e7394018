//! A participant: what they do, and what they were told became of it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::{
    api::{Api, Body, Fault, text},
    dice::Dice,
};

/// Gives each acknowledgement a number, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledgements(Arc<AtomicU64>);

impl Acknowledgements {
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, SeqCst) + 1
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) content: String,
    pub(crate) token: String,
    pub(crate) answer: Option<Answer>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: String,
    pub(crate) time: String,
    /// The number of the acknowledgement.
    pub(crate) number: u64,
}

/// A file, and how far it got.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) name: String,
    /// What the bytes come from.
    seed: u64,
    size: usize,
    start: String,
    complete: String,
    /// Where its bytes go, once that was answered.
    pub(crate) upload: Option<Upload>,
    /// Whether it was acknowledged that the bytes are there.
    pub(crate) is_uploaded: bool,
    /// The number of the acknowledgement that it was sent.
    pub(crate) completed: Option<u64>,
    /// Whether it was looked at since.
    pub(crate) is_checked: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    path: String,
    headers: HeaderMap,
}

/// A receipt.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) message: String,
    pub(crate) is_read: bool,
    pub(crate) acknowledged: Option<u64>,
}

/// The ids of messages that somebody has sent, for the other to confirm.
pub(crate) type Ids = Arc<Mutex<Vec<String>>>;

/// Whoever panics with a lock ends the run.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A participant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) participant_token: String,
    pub(crate) connection_token: String,
    pub(crate) said: Vec<Said>,
    pub(crate) files: Vec<Sent>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) ids: Ids,
    pub(crate) acknowledgements: Acknowledgements,
}

impl Sent {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut dice = Dice::new(self.seed);
        let mut bytes = Vec::with_capacity(self.size + 8);
        while bytes.len() < self.size {
            // Letters: text is what the server takes it for.
            bytes.extend(dice.next().to_le_bytes().map(|byte| b'a' + byte % 26));
        }
        bytes.truncate(self.size);
        bytes
    }
}

/// The path of a URL of a server's.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

impl Person {
    pub(crate) async fn call(
        &self,
        api: &Api,
        operation: &str,
        body: Value,
    ) -> Result<Value, Fault> {
        let path = format!("/participant/{operation}");
        api.call(&path, ("X-Amz-Bearer", &self.connection_token), body).await
    }

    /// Does one thing after the other until the server goes.
    pub(crate) async fn act(&mut self, api: &Api, dice: &mut Dice, others: &Ids) -> Fault {
        loop {
            let done = match dice.below(100) {
                0..10 => self.send_file(api, dice).await,
                10..30 => self.confirm(api, dice, others).await,
                30..35 => {
                    let typing = "application/vnd.amazonaws.connect.event.typing";
                    let body = json!({ "ContentType": typing });
                    self.call(api, "event", body).await.map(drop)
                }
                _ => self.say(api, dice).await,
            };
            if let Err(fault) = done {
                return fault;
            }
            // People pause, and so the moment of a kill meets many things.
            tokio::time::sleep(std::time::Duration::from_millis(dice.below(30))).await;
        }
    }

    async fn say(&mut self, api: &Api, dice: &mut Dice) -> Result<(), Fault> {
        let name = dice.token();
        let length = if dice.percent(10) { dice.below(12_000) } else { dice.below(80) };
        let content = format!("{name} {}", ".".repeat(length as usize));
        self.said.push(Said { content, token: dice.token(), answer: None });
        self.repeat(api, self.said.len() - 1).await.map(drop)
    }

    /// Sends a message, or sends it again: the answer, which is remembered if there was none before.
    pub(crate) async fn repeat(&mut self, api: &Api, index: usize) -> Result<Answer, Fault> {
        let Said { content, token, .. } = &self.said[index];
        let body = json!({ "ContentType": "text/plain", "Content": content, "ClientToken": token });
        let answer = self.call(api, "message", body).await?;
        let answer = Answer {
            id: text(&answer["Id"]),
            time: text(&answer["AbsoluteTime"]),
            number: self.acknowledgements.next(),
        };
        let said = &mut self.said[index];
        if said.answer.is_none() {
            said.answer = Some(answer.clone());
            locked(&self.ids).push(answer.id.clone());
        }
        Ok(answer)
    }

    async fn confirm(&mut self, api: &Api, dice: &mut Dice, others: &Ids) -> Result<(), Fault> {
        let message = {
            let ids = locked(others);
            match ids.len() as u64 {
                0 => return Ok(()),
                count => ids[dice.below(count) as usize].clone(),
            }
        };
        self.receipts.push(Receipt { message, is_read: dice.percent(50), acknowledged: None });
        self.repeat_receipt(api, self.receipts.len() - 1).await
    }

    /// Sends a receipt, or sends it again.
    pub(crate) async fn repeat_receipt(&mut self, api: &Api, index: usize) -> Result<(), Fault> {
        let Receipt { message, is_read, .. } = &self.receipts[index];
        let kind = if *is_read { "read" } else { "delivered" };
        let body = json!({
            "ContentType": format!("application/vnd.amazonaws.connect.event.message.{kind}"),
            "Content": json!({ "messageId": message }).to_string(),
        });
        self.call(api, "event", body).await?;
        let number = self.acknowledgements.next();
        self.receipts[index].acknowledged.get_or_insert(number);
        Ok(())
    }

    async fn send_file(&mut self, api: &Api, dice: &mut Dice) -> Result<(), Fault> {
        // A chat takes 35 files, and the other side sends some, too.
        if self.files.len() >= 15 {
            return Ok(());
        }
        let size = if dice.percent(30) { dice.below(400_000) } else { dice.below(5_000) };
        self.files.push(Sent {
            name: format!("{}.txt", dice.token()),
            seed: dice.next(),
            size: size as usize + 1,
            start: dice.token(),
            complete: dice.token(),
            upload: None,
            is_uploaded: false,
            completed: None,
            is_checked: false,
        });
        let index = self.files.len() - 1;
        self.start_file(api, index).await?;
        self.put_file(api, index).await?;
        self.complete_file(api, index).await
    }

    /// StartAttachmentUpload, or its repeat: the attachment's id.
    pub(crate) async fn start_file(&mut self, api: &Api, index: usize) -> Result<String, Fault> {
        let file = &self.files[index];
        let body = json!({
            "AttachmentName": file.name,
            "ContentType": "text/plain",
            "AttachmentSizeInBytes": file.size,
            "ClientToken": file.start,
        });
        let answer = self.call(api, "start-attachment-upload", body).await?;
        let metadata = &answer["UploadMetadata"];
        let headers = metadata["HeadersToInclude"].as_object().into_iter().flatten();
        let headers = headers
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.as_str()?.parse().ok()?)));
        let id = text(&answer["AttachmentId"]);
        let path = path_of(&text(&metadata["Url"])).to_owned();
        let upload = Upload { id: id.clone(), path, headers: headers.collect() };
        self.files[index].upload.get_or_insert(upload);
        Ok(id)
    }

    /// The upload itself.
    pub(crate) async fn put_file(&mut self, api: &Api, index: usize) -> Result<(), Fault> {
        let file = &self.files[index];
        if let Some(upload) = &file.upload {
            let body = Body::Bytes(file.bytes(), upload.headers.clone());
            api.send(Method::PUT, &upload.path, vec![], body).await?;
            self.files[index].is_uploaded = true;
        }
        Ok(())
    }

    /// CompleteAttachmentUpload, or its repeat.
    pub(crate) async fn complete_file(&mut self, api: &Api, index: usize) -> Result<(), Fault> {
        let file = &self.files[index];
        if let Some(upload) = &file.upload {
            let body = json!({ "AttachmentIds": [upload.id], "ClientToken": file.complete });
            self.call(api, "complete-attachment-upload", body).await?;
            let number = self.acknowledgements.next();
            self.files[index].completed.get_or_insert(number);
        }
        Ok(())
    }

    /// The bytes of a file, as everybody in the chat can fetch them.
    pub(crate) async fn fetch(&self, api: &Api, id: &str) -> Result<Vec<u8>, Fault> {
        let answer = self.call(api, "attachment", json!({ "AttachmentId": id })).await?;
        let url = text(&answer["Url"]);
        api.send(Method::GET, path_of(&url), vec![], Body::None).await
    }

    /// The whole transcript, oldest first.
    pub(crate) async fn transcript(&self, api: &Api) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        let mut next = None;
        loop {
            let mut body = json!({ "MaxResults": 100, "ScanDirection": "BACKWARD" });
            if let Some(next) = next {
                body["NextToken"] = next;
            }
            let mut page = self.call(api, "transcript", body).await?;
            if let Some(page) = page["Transcript"].as_array_mut() {
                items.append(page);
            }
            match page["NextToken"].take() {
                Value::String(token) if !token.is_empty() => next = Some(token.into()),
                _ => break,
            }
        }
        items.reverse();
        Ok(items)
    }
}
