//! The answer to a call, on its way.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use chatloom_session::{Answer, CallId, Value};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use crate::{driver::Command, error::Error};

/// How a call ended well: what the core says, and what the driver has for it.
pub(crate) enum Outcome {
    Value(Value),
    /// The file that was asked for.
    Download(Box<reqwest::Response>),
}

/// The answer to a call of [`Chat`](crate::Chat), on its way. The call is under way already; see
/// there for what dropping this means.
#[must_use = "the call is under way, but only awaiting this tells how it ends"]
pub struct Reply<T> {
    call: CallId,
    result: oneshot::Receiver<Result<Outcome, Error>>,
    read: fn(Outcome) -> Result<T, Error>,
    /// Whom to tell when this is dropped before the result came.
    cancel: Option<mpsc::UnboundedSender<Command>>,
}

impl<T> Reply<T> {
    pub(crate) fn new(
        call: CallId,
        result: oneshot::Receiver<Result<Outcome, Error>>,
        read: fn(Outcome) -> Result<T, Error>,
    ) -> Self {
        Self { call, result, read, cancel: None }
    }

    /// Dropping it breaks the call off.
    pub(crate) fn cancelled_by_drop(mut self, commands: &mpsc::UnboundedSender<Command>) -> Self {
        self.cancel = Some(commands.clone());
        self
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.result).poll(context));
        self.cancel = None;
        Poll::Ready(match result {
            Ok(result) => result.and_then(self.read),
            // The driver is gone, with its runtime.
            Err(_) => Err(Error::Closed),
        })
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(commands) = &self.cancel {
            // When the driver is gone there is nothing to cancel.
            let _ = commands.send(Command::Cancel { call: self.call });
        }
    }
}

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("call", &self.call.0).finish_non_exhaustive()
    }
}

/// Reads the answer of the service.
pub(crate) fn answer<T: DeserializeOwned>(outcome: Outcome) -> Result<T, Error> {
    match outcome {
        Outcome::Value(Value::Answered(Answer { body, .. })) => {
            serde_json::from_str(&body).map_err(|error| {
                // The position, not the text: that may be content.
                let (line, column) = (error.line(), error.column());
                let message =
                    format!("its body is not as documented, at line {line} column {column}");
                Error::BadAnswer { message }
            })
        }
        _ => Err(unexpected()),
    }
}

/// The call is done; there is nothing more to say.
#[expect(clippy::unnecessary_wraps, reason = "one of the readers of an outcome")]
pub(crate) fn nothing(_: Outcome) -> Result<(), Error> {
    Ok(())
}

/// The outcome is none of those that this call can have.
pub(crate) fn unexpected() -> Error {
    Error::BadAnswer { message: "it answers something else".to_owned() }
}
