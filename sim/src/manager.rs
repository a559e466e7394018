//! The socket manager of a host: one socket for all chats of an agent, which keeps itself alive.

use chatloom_engine::token::Seat;
use chatloom_session::{ForeignEvent, ForeignId, Input, SocketId};

use crate::{
    network::{Pipe, Wire},
    plan::From,
    world::{Coming, World},
};

/// The number of its socket, which no core gives.
pub(crate) const MANAGER: SocketId = SocketId(u64::MAX);
/// The number of the manager.
pub(crate) const FOREIGN: ForeignId = ForeignId(1);
/// How often it looks after itself.
const LOOK_MS: u64 = 10_000;

impl World<'_> {
    fn manager_of(&self, host: usize) -> Wire {
        self.wire(host, MANAGER)
    }

    /// Whom it listens for.
    fn seats_of_manager(&self, host: usize) -> Vec<Seat> {
        let now = self.server_time();
        let of_manager = self.hosts[host].views.iter().filter(|of| of.plan.from != From::Service);
        let mut seats: Vec<Seat> = of_manager.filter_map(|view| view.seat.clone()).collect();
        seats.retain(|seat| self.service.admits(now, seat));
        seats
    }

    /// It connects, unless something is in the way, and looks again later.
    pub(crate) fn manager_looks(&mut self, host: usize, epoch: u32) {
        if !self.hosts[host].runs(epoch) {
            return;
        }
        self.after(LOOK_MS, Coming::ManagerLooks { host, epoch });
        let wire = self.manager_of(host);
        let dead = self.pipes.get(&wire).is_some_and(|pipe| pipe.half_open);
        if dead {
            self.pipes.remove(&wire);
            self.manager_says(host, ForeignEvent::Lost);
        }
        let is_there = self.pipes.contains_key(&wire);
        if is_there || self.faults.down || self.faults.refuse_sockets || self.hosts[host].down {
            return;
        }
        self.pipes.insert(wire, Pipe::default());
        let late = self.latency(host);
        // In order with what is said from now on.
        self.in_order(wire, late, |_| Coming::ToHost {
            host,
            epoch,
            input: Input::Foreign { foreign: FOREIGN, event: ForeignEvent::Gained },
        });
        self.manager_listens(host);
    }

    /// A chat has come to the agent: the manager hears it from now on.
    pub(crate) fn manager_listens(&mut self, host: usize) {
        let wire = self.manager_of(host);
        let seats = self.seats_of_manager(host);
        for seat in &seats {
            self.open_room(&seat.chat);
        }
        if let Some(pipe) = self.pipes.get_mut(&wire) {
            pipe.subscribed = true;
            pipe.owners.clone_from(&seats);
        }
        for seat in seats {
            // Whom the manager listens for is there.
            let connected = self.service.connect(self.server_time(), &seat);
            self.check("the service does its part", connected.is_ok(), || format!("{connected:?}"));
        }
        self.publish();
    }

    /// A session begins to listen.
    pub(crate) fn manager_joined(&mut self, host: usize) {
        self.hosts[host].listens = true;
        let is_there = self.pipes.get(&self.manager_of(host)).is_some_and(|pipe| !pipe.half_open);
        // One that is there need not say so.
        if !is_there {
            let epoch = self.hosts[host].epoch;
            let input = Input::Foreign { foreign: FOREIGN, event: ForeignEvent::Lost };
            self.after(1, Coming::ToHost { host, epoch, input });
        }
    }

    pub(crate) fn manager_says(&mut self, host: usize, event: ForeignEvent) {
        self.note(|| format!("host {host}   manager says {}", name(&event)));
        if self.hosts[host].listens {
            self.give(host, Input::Foreign { foreign: FOREIGN, event });
        }
    }
}

fn name(event: &ForeignEvent) -> &'static str {
    match event {
        ForeignEvent::Gained => "gained",
        ForeignEvent::Lost => "lost",
        ForeignEvent::Broken => "broken",
        ForeignEvent::DeepHeartbeat { .. } => "deep heartbeat",
        ForeignEvent::Text(_) | ForeignEvent::Item { .. } => "item",
    }
}
