//! What each client holds of the server: connections, handshakes and memory for bodies, by the address
//! it comes from.
//!
//! The bound on all of them together would let one client have everything. This is the bound on one.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use crate::config::{Config, Network};

/// What all clients hold.
pub(crate) struct Clients {
    /// Who may hold as much as it likes.
    exempt: Vec<Network>,
    connections: Arc<Table>,
    handshakes: Arc<Table>,
    bodies: Arc<Table>,
}

/// How much each client holds of one kind. Who holds nothing is not in it.
struct Table {
    most: usize,
    by_network: Mutex<HashMap<u64, usize>>,
}

/// Something that a client holds, until this is dropped.
pub(crate) struct Held {
    /// None of one who may hold as much as it likes.
    of: Option<(Arc<Table>, u64)>,
    amount: usize,
}

/// A client holds as much as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Clients {
    /// As configured.
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let addresses = &config.addresses;
        let proxies = config.server.trusted_proxies.iter();
        let table = |most| Arc::new(Table { most, by_network: Mutex::default() });
        Arc::new(Self {
            exempt: addresses.exempt.iter().chain(proxies).copied().collect(),
            connections: table(addresses.connections),
            handshakes: table(addresses.handshakes),
            bodies: table(addresses.bodies.bytes()),
        })
    }

    /// A connection from there; behind a proxy, a socket or a request.
    pub(crate) fn connect(&self, address: IpAddr) -> Result<Held, Full> {
        self.hold(&self.connections, address)
    }

    /// A TLS handshake with somebody there.
    pub(crate) fn shake_hands(&self, address: IpAddr) -> Result<Held, Full> {
        self.hold(&self.handshakes, address)
    }

    /// A body from there, of which nothing has come yet: it takes bytes.
    pub(crate) fn body(&self, address: IpAddr) -> Held {
        self.nothing_of(&self.bodies, address)
    }

    fn hold(&self, table: &Arc<Table>, address: IpAddr) -> Result<Held, Full> {
        let mut held = self.nothing_of(table, address);
        held.take(1)?;
        Ok(held)
    }

    fn nothing_of(&self, table: &Arc<Table>, address: IpAddr) -> Held {
        let is_exempt = self.exempt.iter().any(|network| network.contains(address));
        let of = (!is_exempt).then(|| (Arc::clone(table), network(address)));
        Held { of, amount: 0 }
    }
}

impl Held {
    /// Takes so much more, if its client may.
    pub(crate) fn take(&mut self, more: usize) -> Result<(), Full> {
        let Some((table, network)) = &self.of else { return Ok(()) };
        let mut by_network = table.by_network.lock();
        let held = by_network.get(network).copied().unwrap_or_default();
        let total = held.checked_add(more).filter(|total| *total <= table.most).ok_or(Full)?;
        by_network.insert(*network, total);
        self.amount += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some((table, network)) = self.of.as_ref().filter(|_| self.amount > 0) else { return };
        let mut by_network = table.by_network.lock();
        if let Some(held) = by_network.get_mut(network) {
            *held -= self.amount;
            if *held == 0 {
                by_network.remove(network);
            }
        }
    }
}

/// What one client has: an IPv4 address, or the first half of an IPv6 one, whose other half anybody
/// may choose.
pub(crate) fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_own_room() {
        let text = "[addresses]\nconnections = 2\nhandshakes = 1\nexempt = ['192.0.2.0/24']\n\
                    [server]\ntrusted_proxies = ['10.0.0.1']\n";
        let clients = Clients::new(&Config::from_toml(text).unwrap());
        let connect = |address: &str| clients.connect(address.parse().unwrap());

        let first = connect("203.0.113.7").unwrap();
        // The same address, as a socket for both kinds of addresses sees it.
        let second = connect("::ffff:203.0.113.7").unwrap();
        assert!(connect("203.0.113.7").is_err());
        let _other = connect("203.0.113.8").unwrap();
        drop(first);
        let _third = connect("203.0.113.7").unwrap();
        assert!(connect("203.0.113.7").is_err());
        drop(second);

        // One subscriber has many addresses.
        let _six = [connect("2001:db8::1"), connect("2001:db8::ffff:2")].map(Result::unwrap);
        assert!(connect("2001:db8::3").is_err());
        assert!(connect("2001:db8:0:1::3").is_ok());

        for exempt in ["192.0.2.1", "10.0.0.1"] {
            let _many = [(); 9].map(|()| connect(exempt).unwrap());
        }
        // Handshakes are counted by themselves.
        let shake = || clients.shake_hands("203.0.113.7".parse().unwrap());
        let shaking = shake().unwrap();
        assert!(shake().is_err());
        drop(shaking);
        assert!(shake().is_ok());
    }

    #[test]
    fn bytes_are_held_together() {
        let text = "[addresses]\nbodies = '1MiB'\n";
        let clients = Clients::new(&Config::from_toml(text).unwrap());
        let body = || clients.body("203.0.113.7".parse().unwrap());
        let (mut first, mut second) = (body(), body());
        first.take(1_000_000).unwrap();
        second.take(48_576).unwrap();
        assert_eq!((first.take(1), second.take(usize::MAX)), (Err(Full), Err(Full)));
        drop(first);
        second.take(1_000_000).unwrap();
        clients.body("203.0.113.8".parse().unwrap()).take(1 << 20).unwrap();
        clients.body(IpAddr::from([127, 0, 0, 1])).take(1 << 30).unwrap();
        drop(second);
        assert_eq!(clients.bodies.by_network.lock().len(), 0);
    }

    #[test]
    fn who_holds_nothing_is_not_remembered() {
        let clients = Clients::new(&Config::default());
        for address in 0..1_000_u32 {
            drop(clients.connect(IpAddr::V4(address.into())).unwrap());
        }
        assert_eq!(clients.connections.by_network.lock().len(), 0);
    }
}
