//! Which addresses the server may call.
//!
//! A URL in the configuration, or a name that resolves to something else later, must not lead the
//! server to machines that only it can reach: the host's own services, the metadata service of a cloud,
//! the private network. Names are looked up here, and what is not public is left out, so that the
//! address that was checked is the one that is connected to.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::Network;

/// What may be called: public addresses, and these networks.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(Arc<[Network]>);

impl Addresses {
    pub(crate) fn new(allowed: &[Network]) -> Self {
        Self(allowed.into())
    }

    pub(crate) fn may_call(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_allowed(address)
    }

    /// Whether the operator named a network with this address.
    pub(crate) fn is_allowed(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may: Vec<SocketAddr> =
                found.filter(|address| addresses.may_call(address.ip())).collect();
            if may.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name leads to no address that may be called; outgoing.allow_networks names \
                     private networks that may",
                )
                .into());
            }
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public Internet. Prefixes that carry an IPv4 address inside are as
/// public as that.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // "This network", shared space of providers, protocol assignments, tests, reserved.
        || a == 0
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18)
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let inside =
        |at: usize| Ipv4Addr::from((u32::from(segments[at]) << 16) | u32::from(segments[at + 1]));
    match (segments[0], segments[1]) {
        // Translation from IPv6 to IPv4, and 6to4.
        (0x64, 0xff9b) => is_public_v4(inside(6)),
        (0x2002, _) => is_public_v4(inside(1)),
        // Teredo and other assignments, documentation.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // All that is given out to the public begins with 001.
        (first, _) => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Setting as _;

    #[test]
    fn only_public_addresses_may_be_called() {
        let addresses = Addresses::new(&[]);
        for (text, may) in [
            ("93.184.216.34", true),
            ("8.8.8.8", true),
            ("100.128.0.1", true),
            ("2606:4700:4700::1111", true),
            ("64:ff9b::808:808", true),
            ("127.0.0.1", false),
            ("127.8.9.10", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("192.0.0.192", false),
            ("198.19.0.1", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:8.8.8.8", true),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("2002:a9fe:a9fe::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(addresses.may_call(text.parse().unwrap()), may, "{text}");
        }
    }

    #[test]
    fn networks_that_the_operator_names_may_be_called() {
        let networks = ["10.1.0.0/16", "fd00::/8"].map(|text| Network::from_text(text).unwrap());
        let addresses = Addresses::new(&networks);
        for (text, may) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.2.3", false),
            ("fd12::1", true),
            ("169.254.169.254", false),
        ] {
            assert_eq!(addresses.may_call(text.parse().unwrap()), may, "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_resolved() {
        let name = || "localhost".parse::<Name>().unwrap();
        let error = Addresses::new(&[]).resolve(name()).await.err().unwrap().to_string();
        assert!(error.contains("allow_networks"), "{error}");
        let networks = ["127.0.0.0/8", "::1"].map(|text| Network::from_text(text).unwrap());
        assert!(Addresses::new(&networks).resolve(name()).await.is_ok());
    }
}
