//! Whose token a request carries.

use chatloom_engine::{
    AgentUser,
    token::{AgentUse, Seat, SeatUse},
};
use chatloom_wire::{ServiceError, participant::BEARER_HEADER};
use http::header;
use tracing::Span;

use super::{App, Call, error};

impl App {
    /// The participant whose token is in the bearer header. Signatures beside it are ignored: the SDKs
    /// sign with empty keys (docs/protocol/participant-service.md §1.3).
    pub(super) fn seat(&self, of_use: SeatUse, call: &Call) -> Result<Seat, ServiceError> {
        let token = call.header(BEARER_HEADER).ok_or_else(error::access_denied)?;
        self.seat_of(of_use, token)
    }

    /// The participant whose token it is.
    pub(super) fn seat_of(&self, of_use: SeatUse, token: &str) -> Result<Seat, ServiceError> {
        let seat = self.tokens.seat(of_use, token, self.now()).inspect_err(|error| {
            tracing::debug!(%error, "a token was refused");
        })?;
        Span::current().record("chat", tracing::field::display(&seat.chat));
        Ok(seat)
    }

    /// The agent whose token is in the `Authorization` header, as configured now.
    pub(super) fn agent(&self, call: &Call) -> Result<AgentUser, ServiceError> {
        let token = call
            .header(header::AUTHORIZATION.as_str())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(error::access_denied)?;
        self.agent_of(AgentUse::Calls, token)
    }

    /// The agent whose token it is, as configured now.
    pub(super) fn agent_of(
        &self,
        of_use: AgentUse,
        token: &str,
    ) -> Result<AgentUser, ServiceError> {
        let user = self.tokens.agent(of_use, token, self.now()).map_err(|error| {
            tracing::debug!(%error, "an agent's token was refused");
            error::access_denied()
        })?;
        let agent = self.config.agents.users.iter().find(|agent| agent.id == user);
        agent
            .map(|agent| AgentUser { id: agent.id.clone(), name: agent.name.clone() })
            .ok_or_else(error::access_denied)
    }
}
