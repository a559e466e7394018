//! What one client address may hold.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    Config, ConfigError, Network, Size,
    section::{Check, section},
};

section! {
    /// What one client address may hold of the server. Of an IPv6 address the first half (/64) counts.
    /// Clients of a proxy in `server.trusted_proxies` have the addresses that it names, and the proxy
    /// itself may hold as much as it likes.
    pub struct AddressesSection {
        /// Connections at once, sockets included; further ones are closed as they come. Behind a trusted
        /// proxy, requests under way and sockets; one more answers 429.
        pub connections: usize = 2_000,
        /// TLS handshakes at once. Further connections are closed as they come.
        pub handshakes: usize = 128,
        /// Memory for bodies that are not here whole yet, of `http.max_bodies`; what comes beyond it is
        /// answered 503.
        pub bodies: Size = Size::kib(32 * 1024),
        /// Addresses and networks that may hold as much as they like, such as an office of many agents.
        /// Without this machine here, a proxy on it must be in `server.trusted_proxies`.
        pub exempt: Vec<Network> = vec![
            Network::of(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Network::of(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ],
    }
}

impl Check for AddressesSection {
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        if self.connections == 0 || self.handshakes == 0 {
            return ConfigError::at("addresses", "connections and handshakes must not be 0");
        }
        let http = &config.http;
        if self.bodies < http.max_body.max(http.max_control_body) {
            return ConfigError::at(
                "addresses.bodies",
                "a body of http.max_body and of http.max_control_body must fit",
            );
        }
        Ok(())
    }
}
