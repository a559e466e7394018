//! Sockets that sessions of one contact share, in the original behaviour
//! (docs/protocol/websocket.md S47, S55, S206).
//!
//! One session, the leader, keeps the socket alive. The others follow it: they get the items that it
//! brings and hear what the leader is told of it ([`Signal`]), and have tokens of their own. When the
//! leader goes its first follower inherits the socket.

use chatloom_wire::ContactId;

use crate::{
    ConnectionStatus, Role, SessionId, Source,
    core::Cx,
    link::foreign::{Signal, strike_out},
    link::sockets::Socket,
    session::Session,
    timers::Timer,
};

/// A socket that can be shared, under the number of its leader.
#[derive(Debug)]
pub(crate) struct Share {
    contact_id: ContactId,
    endpoint: String,
    role: Role,
    pub(crate) followers: Vec<SessionId>,
    /// What the leader has told last.
    status: ConnectionStatus,
    gained: bool,
    lost: bool,
    /// What a leader that has gone leaves to this one.
    estate: Option<Estate>,
}

#[derive(Debug)]
struct Estate {
    primary: Option<Socket>,
    candidate: Option<Socket>,
    timers: Vec<(Timer, u64)>,
    strikes: u32,
}

impl Session {
    /// Finds out who keeps the socket of a session alive that has just been given a connection.
    pub(crate) fn attach(&mut self, cx: &mut Cx) {
        self.link.status = Some(match self.foreign() {
            Some(foreign) => self.join_foreign(cx, foreign),
            None if self.may_share() => self.join_share(cx),
            None => ConnectionStatus::Starting,
        });
    }

    fn may_share(&self) -> bool {
        self.is_compat() && self.options.source == Source::Service
    }

    fn join_share(&mut self, cx: &mut Cx) -> ConnectionStatus {
        let options = &self.options;
        let leader = cx.shares.iter().find(|(_, share)| {
            share.contact_id == options.contact_id
                && share.endpoint == options.endpoint
                && share.role == options.role
        });
        let leader = leader.map(|(leader, _)| SessionId(*leader as u32));
        if let Some(leader) = leader
            && let Some(share) = cx.shares.get_mut(leader)
        {
            share.followers.push(self.id);
            self.link.follows = Some(leader);
            self.link.gained = share.gained;
            self.link.lost = share.lost;
            return share.status;
        }
        self.link.leads = true;
        let share = Share {
            contact_id: options.contact_id.clone(),
            endpoint: options.endpoint.clone(),
            role: options.role,
            followers: Vec::new(),
            status: ConnectionStatus::Starting,
            gained: false,
            lost: false,
            estate: None,
        };
        cx.shares.insert(self.id, Box::new(share));
        ConnectionStatus::Starting
    }

    /// Tells those who share the socket what has become of it.
    pub(crate) fn tell_followers(&self, cx: &mut Cx, signal: Signal) {
        if self.link.leads
            && let Some(share) = cx.shares.get_mut(self.id)
        {
            share.status = self.link.status.unwrap_or(share.status);
            share.gained = self.link.gained;
            share.lost = self.link.lost;
            cx.told.extend(share.followers.iter().map(|follower| (*follower, signal)));
        }
    }

    /// There is nothing to share any more, which the followers hear.
    pub(crate) fn dissolve_share(&mut self, cx: &mut Cx, signal: Signal) {
        self.tell_followers(cx, signal);
        if std::mem::take(&mut self.link.leads) {
            cx.shares.remove(self.id);
        }
    }

    /// This session needs the socket no longer; the others may.
    pub(crate) fn leave_share(&mut self, cx: &mut Cx) {
        if let Some(leader) = self.link.follows.take()
            && let Some(share) = cx.shares.get_mut(leader)
        {
            strike_out(&mut share.followers, self.id);
        }
        if !std::mem::take(&mut self.link.leads) {
            return;
        }
        let Some(mut share) = cx.shares.remove(self.id) else { return };
        if share.followers.is_empty() {
            return;
        }
        let heir = share.followers.remove(0);
        let (primary, candidate) = (self.link.primary.take(), self.link.candidate.take());
        let ids = [&primary, &candidate].map(|socket| socket.as_ref().map(|socket| socket.id));
        share.estate = Some(Estate {
            primary,
            candidate,
            timers: self.timers.take(&|timer| {
                timer == Timer::Silence || timer.socket().is_some_and(|id| ids.contains(&Some(id)))
            }),
            strikes: self.link.strikes,
        });
        cx.told.push((heir, Signal::Lead));
        cx.told.extend(share.followers.iter().map(|follower| (*follower, Signal::Follow(heir))));
        cx.shares.insert(heir, share);
    }

    /// Takes over the socket that this session has followed so far.
    pub(crate) fn lead(&mut self, cx: &mut Cx) {
        self.link.follows = None;
        self.link.leads = true;
        let Some(estate) = cx.shares.get_mut(self.id).and_then(|share| share.estate.take()) else {
            return;
        };
        for socket in estate.primary.iter().chain(&estate.candidate) {
            cx.move_socket(socket.id, self.id);
        }
        for (timer, at_ms) in estate.timers {
            self.timers.set(timer, at_ms);
        }
        self.link.primary = estate.primary;
        self.link.candidate = estate.candidate;
        self.link.strikes = estate.strikes;
        self.pursue(cx);
    }
}
