//! Named timers with one deadline.

use crate::SocketId;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Ask for a connection again.
    Reconnect,
    /// The connection token grows old.
    Token,
    /// The host should have brought a connection token by now.
    HostToken,
    /// Tell the service again that the agent is there.
    Acknowledge,
    /// Compat: say that the deep heartbeat fails while there is no socket.
    Silence,
    /// The socket should be open by now.
    Opening(SocketId),
    /// The subscription should be confirmed by now, or is to be repeated.
    Subscribe(SocketId),
    /// The next heartbeat is due and the last one should be answered.
    Beat(SocketId),
    /// The probe should be answered by now.
    Probe(SocketId),
    /// The socket is to be handed over.
    Age(SocketId),
    /// Make a request again.
    Retry(u64),
    /// A live item has been held back for too long.
    Held,
    /// The transcript of an earlier chat has been attached and can be read.
    Rehydrated,
    /// A delivered has waited for a read.
    ReceiptStage,
    /// Receipts have been gathered.
    ReceiptWindow,
    /// Somebody has stopped typing.
    Typing,
}

impl Timer {
    /// The socket it belongs to.
    pub(crate) fn socket(self) -> Option<SocketId> {
        match self {
            Self::Opening(id)
            | Self::Subscribe(id)
            | Self::Beat(id)
            | Self::Probe(id)
            | Self::Age(id) => Some(id),
            _ => None,
        }
    }
}

/// The timers of one session. There are few at a time, so a list beats a tree.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    armed: Vec<(Timer, u64)>,
}

impl Timers {
    /// Arms a timer, anew if it was armed.
    pub(crate) fn set(&mut self, timer: Timer, at_ms: u64) {
        self.clear(timer);
        self.armed.push((timer, at_ms));
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.take(&|armed| armed == timer);
    }

    /// Disarms what belongs to a socket.
    pub(crate) fn clear_socket(&mut self, socket: SocketId) {
        self.take(&|timer| timer.socket() == Some(socket));
    }

    /// Disarms those of a kind and returns them with their times.
    pub(crate) fn take(&mut self, is_wanted: &dyn Fn(Timer) -> bool) -> Vec<(Timer, u64)> {
        let mut taken = Vec::new();
        while let Some(at) = self.armed.iter().position(|(timer, _)| is_wanted(*timer)) {
            taken.push(self.armed.remove(at));
        }
        taken
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.armed.iter().any(|(armed, _)| *armed == timer)
    }

    /// When this one is due.
    pub(crate) fn at(&self, timer: Timer) -> Option<u64> {
        self.armed.iter().find(|(armed, _)| *armed == timer).map(|(_, at_ms)| *at_ms)
    }

    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.armed.iter().map(|(_, at_ms)| *at_ms).min()
    }

    /// Disarms and returns the earliest timer that is due; of several at one time, the one armed
    /// first.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<Timer> {
        let (at, _) = self
            .armed
            .iter()
            .enumerate()
            .filter(|(_, (_, at_ms))| *at_ms <= now_ms)
            .min_by_key(|(_, (_, at_ms))| *at_ms)?;
        Some(self.armed.remove(at).0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Timers of every kind, few enough that a run meets each of them again.
    fn any_timer() -> impl Strategy<Value = Timer> {
        prop_oneof![
            Just(Timer::Reconnect),
            Just(Timer::Token),
            Just(Timer::HostToken),
            Just(Timer::Silence),
            (1_u64..4).prop_map(|id| Timer::Opening(SocketId(id))),
            (1_u64..4).prop_map(|id| Timer::Beat(SocketId(id))),
            (1_u64..4).prop_map(|id| Timer::Age(SocketId(id))),
            (1_u64..4).prop_map(Timer::Retry),
        ]
    }

    #[derive(Clone, Debug)]
    enum Act {
        Set(Timer, u64),
        Clear(Timer),
        ClearSocket(SocketId),
        TakeSocket(SocketId),
        /// Lets so much time pass and everything come due.
        Pass(u64),
    }

    fn any_act() -> impl Strategy<Value = Act> {
        prop_oneof![
            4 => (any_timer(), 0_u64..50).prop_map(|(timer, wait)| Act::Set(timer, wait)),
            1 => any_timer().prop_map(Act::Clear),
            1 => (1_u64..4).prop_map(|id| Act::ClearSocket(SocketId(id))),
            1 => (1_u64..4).prop_map(|id| Act::TakeSocket(SocketId(id))),
            2 => (0_u64..40).prop_map(Act::Pass),
        ]
    }

    proptest! {
        /// The model keeps what is armed in the order of arming, and scans it for everything.
        #[test]
        fn a_table_of_timers_does_what_a_list_would(
            acts in prop::collection::vec(any_act(), 0..120),
        ) {
            let (mut timers, mut now) = (Timers::default(), 0_u64);
            let mut model: Vec<(Timer, u64)> = Vec::new();
            for act in acts {
                match act {
                    Act::Set(timer, wait) => {
                        timers.set(timer, now + wait);
                        model.retain(|(armed, _)| *armed != timer);
                        model.push((timer, now + wait));
                    }
                    Act::Clear(timer) => {
                        timers.clear(timer);
                        model.retain(|(armed, _)| *armed != timer);
                    }
                    Act::ClearSocket(socket) => {
                        timers.clear_socket(socket);
                        model.retain(|(armed, _)| armed.socket() != Some(socket));
                    }
                    Act::TakeSocket(socket) => {
                        let is_its = |timer: Timer| timer.socket() == Some(socket);
                        let (taken, left) = model.into_iter().partition(|(armed, _)| is_its(*armed));
                        model = left;
                        let taken: Vec<(Timer, u64)> = taken;
                        prop_assert_eq!(timers.take(&is_its), taken);
                    }
                    Act::Pass(wait) => {
                        now += wait;
                        let mut due = Vec::new();
                        while let Some(timer) = timers.pop_due(now) {
                            due.push(timer);
                        }
                        let (mut expected, left): (Vec<_>, Vec<_>) =
                            model.into_iter().partition(|(_, at_ms)| *at_ms <= now);
                        model = left;
                        // A stable sort: of several at one time, the one armed first.
                        expected.sort_by_key(|(_, at_ms)| *at_ms);
                        let expected: Vec<Timer> = expected.into_iter().map(|(timer, _)| timer).collect();
                        prop_assert_eq!(due, expected);
                    }
                }
                prop_assert_eq!(timers.deadline(), model.iter().map(|(_, at_ms)| *at_ms).min());
                prop_assert!(model.iter().all(|(timer, _)| timers.is_set(*timer)));
            }
        }
    }

    #[test]
    fn timers_come_due_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Token, 30);
        timers.set(Timer::Reconnect, 10);
        timers.set(Timer::Beat(SocketId(1)), 10);
        timers.set(Timer::Token, 20);
        assert_eq!(timers.deadline(), Some(10));
        assert_eq!(timers.pop_due(9), None);
        assert_eq!(timers.pop_due(25), Some(Timer::Reconnect));
        assert_eq!(timers.pop_due(25), Some(Timer::Beat(SocketId(1))));
        assert_eq!(timers.pop_due(25), Some(Timer::Token));
        assert_eq!((timers.pop_due(25), timers.deadline()), (None, None));
    }

    #[test]
    fn a_socket_takes_its_timers_with_it() {
        let mut timers = Timers::default();
        let (one, two) = (SocketId(1), SocketId(2));
        for timer in [
            Timer::Opening(one),
            Timer::Subscribe(one),
            Timer::Beat(two),
            Timer::Probe(one),
            Timer::Age(one),
            Timer::Reconnect,
        ] {
            timers.set(timer, 5);
        }
        timers.clear_socket(one);
        assert!(timers.is_set(Timer::Beat(two)) && timers.is_set(Timer::Reconnect));
        assert_eq!(timers.armed.len(), 2);
    }
}
