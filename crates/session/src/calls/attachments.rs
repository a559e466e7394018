//! Files: asking where, moving them, and saying that they are there.
//!
//! Sending takes three steps (docs/protocol/websocket.md S72): the service says where the file goes,
//! the host uploads it there, the service is told. Fetching takes the first two (S77), and asking
//! for a URL only the first (S78). The service is asked by an [`Exchange`], with its attempts and a
//! second try after a refused token; what is here is the way from one step to the next, and the
//! storage, which is no part of the service and knows no tokens.
//!
//! Compat asks the storage once, as the original does, and looks at the status of an upload (D8),
//! but not at that of a download (S77). Chatloom looks at both, makes what failed for a passing
//! reason again, and asks once for a new place when the storage refuses the URL or its time is up.
//!
//! [`Exchange`]: crate::calls::Exchange

use chatloom_wire::{
    AttachmentId, Timestamp,
    participant::{
        CompleteAttachmentUpload, GetAttachment, GetAttachmentRequest, Invalid, Operation,
        StartAttachmentUpload, StartAttachmentUploadRequest,
    },
};

use crate::{
    Answer, CallError, CallId, Event, HttpAnswer, NewAttachment, Output, RequestId, Upload, Value,
    calls::Owner,
    core::Cx,
    json::{self, Writer},
    link::{Phase, is_passing},
    parsed::Place,
    session::Session,
    timers::Timer,
};

/// What is to be done with a file.
#[derive(Debug)]
enum Job {
    Send(NewAttachment),
    Fetch(AttachmentId),
    Locate(AttachmentId),
}

impl Job {
    fn is_send(&self) -> bool {
        matches!(self, Self::Send(_))
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The service is asked where the file goes or is.
    Asking,
    /// The host moves it, or waits to try again.
    Moving,
    /// The service is told that it is there.
    Telling,
}

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// Of its timer; no exchange has the same.
    id: u64,
    call: CallId,
    job: Job,
    step: Step,
    place: Place,
    /// What the host does for it.
    request: Option<RequestId>,
    /// How often the host was asked.
    attempts: u32,
    /// Another place was asked for.
    renewed: bool,
}

/// Checks the limits of a file; the client token is the core's own.
fn check(file: &NewAttachment) -> Result<(), Invalid> {
    StartAttachmentUploadRequest {
        content_type: file.content_type.clone(),
        attachment_size_in_bytes: file.size.try_into().unwrap_or(i64::MAX),
        attachment_name: file.name.clone(),
        client_token: "-".to_owned(),
    }
    .check()
}

impl Session {
    pub(crate) fn send_attachment(&mut self, cx: &mut Cx, call: CallId, file: NewAttachment) {
        let fits = self.limit(|| check(&file));
        if self.admit(cx, call, StartAttachmentUpload::NAME, fits) {
            self.begin_transfer(cx, call, Job::Send(file));
        }
    }

    /// Asks where a file is, and fetches it.
    pub(crate) fn find_attachment(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        attachment_id: AttachmentId,
        fetch: bool,
    ) {
        let request = GetAttachmentRequest {
            attachment_id,
            url_expiry_in_seconds: None,
            url_content_disposition: None,
        };
        let fits = self.limit(|| request.check());
        if self.admit(cx, call, GetAttachment::NAME, fits) {
            let id = request.attachment_id;
            self.begin_transfer(cx, call, if fetch { Job::Fetch(id) } else { Job::Locate(id) });
        }
    }

    fn begin_transfer(&mut self, cx: &mut Cx, call: CallId, job: Job) {
        self.last_exchange += 1;
        self.transfers.push(Transfer {
            id: self.last_exchange,
            call,
            job,
            step: Step::Asking,
            place: Place::default(),
            request: None,
            attempts: 0,
            renewed: false,
        });
        self.ask_for_place(cx, self.transfers.len() - 1);
    }

    fn ask_for_place(&mut self, cx: &mut Cx, at: usize) {
        let transfer = &mut self.transfers[at];
        transfer.step = Step::Asking;
        let owner = Owner::File(transfer.call);
        let mut body = Writer::new();
        match &transfer.job {
            Job::Send(file) => {
                body.text("AttachmentName", &file.name);
                body.number("AttachmentSizeInBytes", file.size as i64);
                body.text("ClientToken", &cx.rng.uuid());
                body.text("ContentType", &file.content_type);
                let (name, path) = (StartAttachmentUpload::NAME, StartAttachmentUpload::PATH);
                self.start(cx, owner, name, path, body.finish());
            }
            Job::Fetch(id) | Job::Locate(id) => {
                // No other members can be set (docs/protocol/websocket.md S79).
                body.text("AttachmentId", id.as_str());
                self.start(cx, owner, GetAttachment::NAME, GetAttachment::PATH, body.finish());
            }
        }
    }

    /// Whether the answer to the request for a file says where the file is.
    pub(crate) fn asks_for_place(&self, call: CallId) -> bool {
        self.transfers.iter().any(|file| file.call == call && file.step == Step::Asking)
    }

    /// The service answered a step, or refused it.
    pub(crate) fn file_answered(
        &mut self,
        cx: &mut Cx,
        call: CallId,
        result: Result<Answer, CallError>,
    ) {
        let Some(at) = self.transfers.iter().position(|transfer| transfer.call == call) else {
            return;
        };
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => return self.end_transfer(cx, at, Err(error)),
        };
        let is_over = self.link.phase == Phase::Ended;
        let transfer = &mut self.transfers[at];
        if transfer.step == Step::Telling {
            return self.end_transfer(cx, at, Ok(Value::Answered(answer)));
        }
        let place = cx.place(&answer.body);
        if place.url.is_empty() || (transfer.job.is_send() && place.id.is_empty()) {
            let message = "it does not say where the file goes or is".to_owned();
            return self.end_transfer(cx, at, Err(CallError::BadAnswer { message }));
        }
        match transfer.job {
            Job::Locate(_) => {
                let value = Value::Url { url: place.url, expiry: place.expiry };
                self.end_transfer(cx, at, Ok(value));
            }
            // Nobody would take it any more.
            Job::Send(_) if is_over => self.end_transfer(cx, at, Err(CallError::Closed)),
            Job::Send(_) | Job::Fetch(_) => {
                transfer.place = place;
                transfer.step = Step::Moving;
                self.move_file(cx, at);
            }
        }
    }

    /// Has the host upload or download.
    fn move_file(&mut self, cx: &mut Cx, at: usize) {
        let request = cx.new_request(self.id);
        let session = self.id;
        let transfer = &mut self.transfers[at];
        transfer.request = Some(request);
        transfer.attempts = transfer.attempts.saturating_add(1);
        let url = transfer.place.url.clone();
        cx.push(if transfer.job.is_send() {
            let headers = transfer.place.headers.clone();
            Output::Upload(Upload { request, session, call: transfer.call, url, headers })
        } else {
            Output::Download { request, session, url }
        });
    }

    pub(crate) fn upload_progress(&mut self, cx: &mut Cx, request: RequestId, sent: u64) {
        let moving = self.transfers.iter().find(|transfer| transfer.request == Some(request));
        if let Some(Transfer { call, job: Job::Send(file), .. }) = moving {
            let (call, total) = (*call, file.size);
            self.event(cx, Event::AttachmentProgress { call, sent: sent.min(total), total });
        }
    }

    /// The storage answered, or could not be reached. Says whether the request was one for it.
    pub(crate) fn storage_answered(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        answer: &Result<HttpAnswer, String>,
    ) -> bool {
        let moving = |transfer: &Transfer| transfer.request == Some(request);
        let Some(at) = self.transfers.iter().position(moving) else { return false };
        let is_compat = self.is_compat();
        let transfer = &mut self.transfers[at];
        transfer.request = None;
        let is_send = transfer.job.is_send();
        let (status, after_ms, error) = match answer {
            Ok(answer) => {
                let status = answer.status;
                if (200..300).contains(&status) || (is_compat && !is_send) {
                    self.moved(cx, at, request, status);
                    return true;
                }
                let operation = if is_send { "upload" } else { "download" };
                (status, answer.retry_after_ms, CallError::Storage { operation, status })
            }
            Err(message) => (0, None, CallError::Unreachable { message: message.clone() }),
        };
        let again = status == 0 || is_passing(status);
        if is_compat {
            self.end_transfer(cx, at, Err(error));
        } else if status == 403 && self.may_renew(at) {
            self.renew(cx, at);
        } else if again && self.transfers[at].attempts < self.options.retry.attempts {
            let failures = self.transfers[at].attempts - 1;
            let wait_ms = self.wait_ms(cx, failures, status == 429, after_ms);
            self.timers.set(Timer::Retry(self.transfers[at].id), cx.after(wait_ms));
        } else {
            self.end_transfer(cx, at, Err(error));
        }
        true
    }

    /// The file is where it should be.
    fn moved(&mut self, cx: &mut Cx, at: usize, request: RequestId, status: u16) {
        let is_over = self.link.phase == Phase::Ended;
        let transfer = &mut self.transfers[at];
        if !transfer.job.is_send() {
            return self.end_transfer(cx, at, Ok(Value::Downloaded { request, status }));
        }
        if is_over {
            return self.end_transfer(cx, at, Err(CallError::Closed));
        }
        transfer.step = Step::Telling;
        let mut ids = "[".to_owned();
        json::write_text(&mut ids, &transfer.place.id);
        ids += "]";
        let mut body = Writer::new();
        body.json("AttachmentIds", &ids);
        body.text("ClientToken", &cx.rng.uuid());
        let owner = Owner::File(transfer.call);
        let (name, path) = (CompleteAttachmentUpload::NAME, CompleteAttachmentUpload::PATH);
        self.start(cx, owner, name, path, body.finish());
    }

    /// It is time to ask the storage again.
    pub(crate) fn transfer_due(&mut self, cx: &mut Cx, id: u64) {
        let Some(at) = self.transfers.iter().position(|transfer| transfer.id == id) else { return };
        let expiry = self.transfers[at].place.expiry.as_deref();
        let expired = expiry
            .and_then(|text| Timestamp::parse(text).ok())
            .is_some_and(|expiry| expiry.as_millis() <= cx.now.wall_ms);
        if expired && self.may_renew(at) {
            self.renew(cx, at);
        } else {
            self.move_file(cx, at);
        }
    }

    fn may_renew(&self, at: usize) -> bool {
        !self.transfers[at].renewed && self.can_call(GetAttachment::NAME)
    }

    fn renew(&mut self, cx: &mut Cx, at: usize) {
        self.transfers[at].renewed = true;
        self.ask_for_place(cx, at);
    }

    fn end_transfer(&mut self, cx: &mut Cx, at: usize, result: Result<Value, CallError>) {
        let transfer = self.transfers.remove(at);
        self.timers.clear(Timer::Retry(transfer.id));
        if let Some(request) = transfer.request {
            cx.abort(request);
        }
        self.done(cx, transfer.call, result);
    }

    /// The application does not want a file to be moved any more: whatever is under way is broken
    /// off.
    pub(crate) fn cancel_file(&mut self, cx: &mut Cx, call: CallId) {
        if let Some(at) = self.transfers.iter().position(|transfer| transfer.call == call) {
            self.end_transfer(cx, at, Err(CallError::Cancelled));
            self.drop_file_exchange(cx, call);
        }
    }

    /// The chat is over: what is being uploaded has nowhere to go. What is being downloaded has.
    pub(crate) fn end_uploads(&mut self, cx: &mut Cx) {
        while let Some(at) = self
            .transfers
            .iter()
            .position(|transfer| transfer.job.is_send() && transfer.step == Step::Moving)
        {
            self.end_transfer(cx, at, Err(CallError::Closed));
        }
    }

    /// The host has no more use for the session.
    pub(crate) fn forget_transfers(&mut self, cx: &mut Cx) {
        for transfer in std::mem::take(&mut self.transfers) {
            if let Some(request) = transfer.request {
                cx.abort(request);
            }
        }
    }
}
