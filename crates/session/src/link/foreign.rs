//! Socket managers of the host's that serve many sessions (docs/protocol/websocket.md §8).
//!
//! The manager keeps its connection alive by itself; a session only needs a token besides. In
//! Chatloom behaviour each connection of the manager's counts as a socket that has subscribed: what
//! it brings is trusted once the transcript has been read.

use crate::{
    Connection, ConnectionStatus, ForeignEvent, ForeignId, Output, SessionId, Source, core::Cx,
    link::Phase, link::sockets::Socket, session::Session,
};

/// A socket manager and who listens to it.
#[derive(Debug)]
pub(crate) struct Foreign {
    id: ForeignId,
    pub(crate) members: Vec<SessionId>,
    /// Those of them that behave as the original.
    compat: Vec<SessionId>,
    status: ConnectionStatus,
    /// It is lost, and has not come back.
    is_away: bool,
}

impl Foreign {
    /// Remembers what has become of the connection, for sessions that join later.
    pub(crate) fn note(&mut self, signal: Signal) {
        self.is_away =
            matches!(signal, Signal::Lost) || self.is_away && !matches!(signal, Signal::Gained);
        self.status = match signal {
            Signal::Gained => ConnectionStatus::Connected,
            Signal::Lost => ConnectionStatus::ConnectionLost,
            Signal::DeepHeartbeat(true) => ConnectionStatus::DeepHeartbeatSuccess,
            Signal::DeepHeartbeat(false) => ConnectionStatus::DeepHeartbeatFailure,
            _ => return,
        };
    }
}

/// What a session hears about a connection that it does not keep alive itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Gained,
    Lost,
    /// It does not come back.
    Broken,
    DeepHeartbeat(bool),
    /// The service says that the chat ended while nobody listened.
    EndedAway,
    /// The session that kept the shared socket alive has gone; this one does it now.
    Lead,
    /// So it has, and that one does it now.
    Follow(SessionId),
}

impl Signal {
    /// What an event that is no item means.
    pub(crate) fn of(event: &ForeignEvent) -> Option<Self> {
        Some(match event {
            ForeignEvent::Gained => Self::Gained,
            ForeignEvent::Lost => Self::Lost,
            ForeignEvent::Broken => Self::Broken,
            ForeignEvent::DeepHeartbeat { success } => Self::DeepHeartbeat(*success),
            ForeignEvent::Text(_) | ForeignEvent::Item { .. } => return None,
        })
    }
}

/// Takes a session out of a list in which it may stand.
pub(crate) fn strike_out(list: &mut Vec<SessionId>, session: SessionId) {
    list.retain(|listed| *listed != session);
}

impl Cx {
    pub(crate) fn foreign(&mut self, id: ForeignId) -> Option<&mut Foreign> {
        self.foreigns.iter_mut().find(|foreign| foreign.id == id)
    }

    /// A session listens to a manager from now on; says what is known of its connection, and whether
    /// it is lost.
    fn join_foreign(
        &mut self,
        id: ForeignId,
        session: SessionId,
        is_compat: bool,
    ) -> (ConnectionStatus, bool) {
        if is_compat {
            // The original has one at a time; who is at another one hears nothing more (S184).
            for foreign in self.foreigns.iter_mut().filter(|foreign| foreign.id != id) {
                for cut_off in std::mem::take(&mut foreign.compat) {
                    strike_out(&mut foreign.members, cut_off);
                }
            }
            self.leave_unused(Some(id));
        }
        if self.foreign(id).is_none() {
            self.foreigns.push(Foreign {
                id,
                members: Vec::new(),
                compat: Vec::new(),
                status: ConnectionStatus::Starting,
                is_away: false,
            });
            self.push(Output::JoinForeign { foreign: id });
        }
        let Some(foreign) = self.foreign(id) else { return (ConnectionStatus::Starting, false) };
        foreign.members.push(session);
        if is_compat {
            foreign.compat.push(session);
        }
        (foreign.status, foreign.is_away)
    }

    fn leave_foreign(&mut self, session: SessionId, is_compat: bool) {
        for foreign in &mut self.foreigns {
            strike_out(&mut foreign.members, session);
            strike_out(&mut foreign.compat, session);
        }
        // The original goes on listening, for chats that come later (S184, S188).
        if !is_compat {
            self.leave_unused(None);
        }
    }

    fn leave_unused(&mut self, but: Option<ForeignId>) {
        let is_unused = |foreign: &Foreign| foreign.members.is_empty() && Some(foreign.id) != but;
        while let Some(at) = self.foreigns.iter().position(is_unused) {
            let foreign = self.foreigns.remove(at).id;
            self.push(Output::LeaveForeign { foreign });
        }
    }
}

impl Session {
    /// The socket manager that brings this session's items, if it is one of the host's.
    pub(crate) fn foreign(&self) -> Option<ForeignId> {
        match self.options.source {
            Source::Service => None,
            Source::Host { foreign } => foreign,
            Source::Foreign(foreign) => Some(foreign),
        }
    }

    pub(crate) fn join_foreign(&mut self, cx: &mut Cx, foreign: ForeignId) -> ConnectionStatus {
        let (status, is_away) = cx.join_foreign(foreign, self.id, self.is_compat());
        self.link.lost = is_away;
        status
    }

    /// Chatloom behaviour: a manager that is joined may have been connected for long, and then says
    /// nothing of it; only one that said otherwise is waited for.
    pub(crate) fn greet_foreign(&mut self, cx: &mut Cx) {
        if !self.is_compat() && !self.link.lost {
            self.foreign_gained(cx);
        }
    }

    pub(crate) fn leave_foreign(&mut self, cx: &mut Cx) {
        if self.foreign().is_some() {
            cx.leave_foreign(self.id, self.is_compat());
        }
    }

    /// Something happened to a connection that this session does not keep alive itself.
    pub(crate) fn hear(&mut self, cx: &mut Cx, signal: Signal) {
        if self.link.phase != Phase::Live {
            return;
        }
        match signal {
            Signal::Gained => self.foreign_gained(cx),
            Signal::Lost => {
                self.foreign_gone(cx);
                // The original tells each loss and each gain (S155, S185).
                self.link.lost &= !self.is_compat();
                self.lose(cx);
                self.show(cx, Connection::Connecting);
            }
            Signal::Broken => self.break_off(cx, "the socket manager has given up"),
            Signal::DeepHeartbeat(success) => self.deep_heartbeat(cx, success),
            Signal::EndedAway => self.ended_while_away(cx),
            Signal::Lead => self.lead(cx),
            Signal::Follow(leader) => self.link.follows = Some(leader),
        }
    }

    fn foreign_gained(&mut self, cx: &mut Cx) {
        if self.is_compat() {
            self.link.gained = false;
            return self.gained(cx);
        }
        self.foreign_gone(cx);
        let mut socket = Socket::new(cx.new_socket());
        socket.open = true;
        socket.subscribed = true;
        self.link.primary = Some(socket);
        self.link.arrived = true;
        self.online(cx);
        self.pump_outbox(cx);
        self.recover_next(cx);
    }

    /// What came over the connection that was there is not followed by what comes next.
    fn foreign_gone(&mut self, cx: &mut Cx) {
        if let Some(gone) = self.link.primary.take() {
            self.stop_recovery(cx, gone.id);
        }
    }
}
