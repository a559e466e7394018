//! Whose token a request carries.

use chatloom_engine::{
    AgentUser, limits,
    token::{AgentUse, Seat, SeatUse, TokenError},
};
use chatloom_wire::{ServiceError, participant::BEARER_HEADER};
use http::header;
use tracing::Span;

use super::{App, Call, error};

/// Who a socket belongs to.
pub(super) enum SocketOwner {
    /// A participant: items of the chat.
    Participant(Seat),
    /// An agent, by user id: the queue.
    Agent(String),
}

impl App {
    /// The participant whose token is in the bearer header. Signatures beside it are ignored: the SDKs
    /// sign with empty keys (docs/protocol/participant-service.md §1.3).
    pub(super) fn seat(&self, of_use: SeatUse, call: &Call) -> Result<Seat, ServiceError> {
        if let Some((verified, seat)) = &call.seat
            && *verified == of_use
        {
            remember(seat);
            return Ok(seat.clone());
        }
        let token = call.header(BEARER_HEADER).ok_or_else(error::access_denied)?;
        let seat = self.seat_of(of_use, token).inspect_err(|error| log(*error))?;
        remember(&seat);
        Ok(seat)
    }

    /// The participant whose token this is.
    pub(super) fn seat_of(&self, of_use: SeatUse, token: &str) -> Result<Seat, TokenError> {
        let (seat, end) = self.tokens.seat_until(of_use, token, self.now())?;
        let life = match of_use {
            // Good for as long as the chat.
            SeatUse::Participant => return Ok(seat),
            SeatUse::Connection => limits::CONNECTION_TOKEN_MS,
            SeatUse::Socket => limits::SOCKET_URL_MS,
        };
        match &self.gates.chaos {
            Some(chaos) if chaos.is_expired(&seat.chat, end.plus_millis(-life)) => {
                Err(TokenError::Expired)
            }
            _ => Ok(seat),
        }
    }

    /// Whose token is in a socket's URL.
    pub(super) fn socket_owner(&self, token: &str) -> Result<SocketOwner, ServiceError> {
        match self.seat_of(SeatUse::Socket, token) {
            Ok(seat) => {
                remember(&seat);
                Ok(SocketOwner::Participant(seat))
            }
            Err(TokenError::OtherUse) => {
                Ok(SocketOwner::Agent(self.agent_of(AgentUse::Socket, token)?.id))
            }
            Err(error) => {
                log(error);
                Err(error.into())
            }
        }
    }

    /// The agent whose token is in the `Authorization` header, as configured now.
    pub(super) fn agent(&self, call: &Call) -> Result<AgentUser, ServiceError> {
        let token = call
            .header(header::AUTHORIZATION.as_str())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(error::access_denied)?;
        let agent = self.agent_of(AgentUse::Calls, token)?;
        self.gates.agents.seen.see(&agent.id, self.now());
        Ok(agent)
    }

    fn agent_of(&self, of_use: AgentUse, token: &str) -> Result<AgentUser, ServiceError> {
        let user = self.tokens.agent(of_use, token, self.now()).inspect_err(|error| log(*error))?;
        let agent = self.config.agents.users.iter().find(|agent| agent.id == user);
        agent
            .map(|agent| AgentUser { id: agent.id.clone(), name: agent.name.clone() })
            .ok_or_else(error::access_denied)
    }
}

/// The log says which chat a request is about.
fn remember(seat: &Seat) {
    Span::current().record("chat", tracing::field::display(&seat.chat));
}

fn log(error: TokenError) {
    tracing::debug!(%error, "a token was refused");
}
