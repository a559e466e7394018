//! What can go wrong, whose fault it is, and whether trying again can help.

use chatloom_session::CallError;
use chatloom_wire::ServiceError;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service refused or failed.
    #[error(transparent)]
    Service(ServiceError),
    /// The chat is not connected yet, or it is over.
    #[error(
        "cannot call {operation}: the chat is not connected; call `connect` first, or start a new chat if this one has ended"
    )]
    NotConnected {
        /// What was asked.
        operation: &'static str,
    },
    /// An argument does not fit.
    #[error("{member}: {rule}")]
    Invalid {
        /// Which argument.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The service could not be reached, however often the session's rules allowed to try.
    #[error("the service could not be reached: {message}")]
    Unreachable {
        /// Why, for people.
        message: String,
    },
    /// What answered is not the service, or it answered nonsense.
    #[error("the service's answer cannot be used: {message}")]
    BadAnswer {
        /// Why, for people.
        message: String,
    },
    /// So many messages wait to be sent that no more are taken.
    #[error("{waiting} messages are waiting to be sent already; send again when some are through")]
    OutboxFull {
        /// How many wait.
        waiting: usize,
    },
    /// The chat ended, or its runtime was shut down, before the call could be made.
    #[error("the chat is closed")]
    Closed,
    /// Receipts are switched off for this chat.
    #[error("receipts are switched off for this chat")]
    ReceiptsOff,
    /// The storage of files took or gave none.
    #[error("the storage answered {status} to the {operation} of the file")]
    Storage {
        /// `upload` or `download`.
        operation: &'static str,
        /// Its HTTP status.
        status: u16,
    },
    /// A file of this program cannot be read, is not as it said, or is larger than wanted.
    #[error("the file cannot be used: {message}")]
    File {
        /// Why, for people.
        message: String,
    },
    /// The client cannot be built as asked for.
    #[error("cannot set up the chat client: {message}")]
    Setup {
        /// Why, and what to do.
        message: String,
    },
}

/// Whose fault an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The program's that called: a wrong argument, a wrong token, a chat that is over.
    Caller,
    /// The service's: it failed, is overloaded, or broke the protocol.
    Service,
    /// The network's between the two.
    Network,
}

impl Error {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Service(error) if error.status == 429 || error.status >= 500 => Fault::Service,
            Self::BadAnswer { .. } | Self::Storage { .. } => Fault::Service,
            Self::Unreachable { .. } => Fault::Network,
            Self::Service(_)
            | Self::NotConnected { .. }
            | Self::Invalid { .. }
            | Self::OutboxFull { .. }
            | Self::ReceiptsOff
            | Self::Closed
            | Self::File { .. }
            | Self::Setup { .. } => Fault::Caller,
        }
    }

    /// Whether the same call may succeed later without a change by the caller.
    ///
    /// A message that is sent again should carry the client token of the first attempt
    /// ([`Message::with_client_token`](crate::Message::with_client_token)): then it is stored once,
    /// whatever became of the first.
    pub fn can_retry(&self) -> bool {
        match self {
            Self::Service(error) => error.status == 429 || error.status >= 500,
            Self::Storage { status, .. } => *status == 429 || *status >= 500,
            Self::Unreachable { .. } | Self::OutboxFull { .. } => true,
            Self::NotConnected { .. }
            | Self::Invalid { .. }
            | Self::BadAnswer { .. }
            | Self::ReceiptsOff
            | Self::Closed
            | Self::File { .. }
            | Self::Setup { .. } => false,
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
    pub(crate) fn file(error: std::io::Error) -> Self {
        Self::File { message: error.to_string() }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotConnected { operation } => Self::NotConnected { operation },
            CallError::Invalid { member, rule } => Self::Invalid { member, rule },
            CallError::Service(error) => Self::Service(error),
            CallError::Unreachable { message } => Self::Unreachable { message },
            CallError::BadAnswer { message } => Self::BadAnswer { message },
            CallError::OutboxFull { waiting } => Self::OutboxFull { waiting },
            CallError::ReceiptsOff => Self::ReceiptsOff,
            CallError::Storage { operation, status } => Self::Storage { operation, status },
            // Nobody waits for a cancelled call; whoever asks all the same has no chat any more.
            CallError::Cancelled | CallError::Closed => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use chatloom_wire::ErrorKind;

    use super::*;

    #[test]
    fn fault_and_retry_follow_the_status() {
        for (kind, fault, can_retry) in [
            (ErrorKind::AccessDenied, Fault::Caller, false),
            (ErrorKind::Validation, Fault::Caller, false),
            (ErrorKind::Conflict, Fault::Caller, false),
            (ErrorKind::Throttling, Fault::Service, true),
            (ErrorKind::InternalServer, Fault::Service, true),
        ] {
            let error = Error::Service(ServiceError::new(kind, "m"));
            assert_eq!((error.fault(), error.can_retry()), (fault, can_retry), "{error}");
        }
        let unreachable = Error::Unreachable { message: "connection refused".to_owned() };
        assert_eq!((unreachable.fault(), unreachable.can_retry()), (Fault::Network, true));
    }
}
