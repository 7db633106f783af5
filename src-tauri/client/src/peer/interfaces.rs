//! The local addresses a connection binds, read anew for every bind: an ICE restart follows the machine's network.

use super::network::TestNetwork;
use crate::network_watch;
use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// More interfaces than this make candidates that nobody can check in time.
const MAX_ADDRESSES: usize = 12;

/// Whether candidates of 127.0.0.1 are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loopback {
    /// Only on a machine without any other address.
    #[default]
    WhenAlone,
    /// Beside the real addresses, for tests and local development.
    Also,
    /// Nothing but loopback: tests that must not depend on the machine's network.
    Only,
}

/// Where a connection finds its addresses. The stack resolves it at each bind, the first one and those of restarts.
#[derive(Debug, Clone)]
pub(crate) struct LocalAddresses {
    loopback: Loopback,
    network: Option<TestNetwork>,
}

impl LocalAddresses {
    pub(crate) fn new(loopback: Loopback, network: Option<TestNetwork>) -> Self {
        Self { loopback, network }
    }

    /// What can be bound at present. Never empty.
    pub(crate) fn current(&self) -> Vec<IpAddr> {
        if let Some(addresses) = self.network.as_ref().and_then(TestNetwork::addresses) {
            return addresses;
        }
        let real = match self.loopback {
            Loopback::Only => BTreeSet::new(),
            Loopback::WhenAlone | Loopback::Also => machine_addresses(),
        };
        choose(real, self.loopback)
    }
}

impl ToSocketAddrs for LocalAddresses {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let addresses: Vec<_> = self.current().into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
        Ok(addresses.into_iter())
    }
}

fn machine_addresses() -> BTreeSet<IpAddr> {
    network_watch::addresses().into_iter().filter(is_usable).collect()
}

fn choose(real: BTreeSet<IpAddr>, loopback: Loopback) -> Vec<IpAddr> {
    let with_loopback = real.is_empty() || loopback != Loopback::WhenAlone;
    let localhost = with_loopback.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    // IPv4 sorts first, so a machine with many temporary IPv6 addresses keeps its IPv4 ones.
    localhost.into_iter().chain(real).take(MAX_ADDRESSES).collect()
}

/// A link-local IPv6 address means nothing without its scope, which a candidate cannot carry.
fn is_usable(ip: &IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !is_link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> BTreeSet<IpAddr> {
        list.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn loopback_is_used_when_there_is_nothing_else_or_when_asked_for() {
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(choose(BTreeSet::new(), Loopback::WhenAlone), [localhost]);
        assert!(!choose(addresses(&["192.0.2.1"]), Loopback::WhenAlone).contains(&localhost));
        assert_eq!(choose(addresses(&["192.0.2.1"]), Loopback::Also)[0], localhost);
    }

    #[test]
    fn addresses_without_a_route_are_left_out() {
        for ip in ["127.0.0.1", "169.254.3.4", "fe80::1", "0.0.0.0", "224.0.0.1"] {
            assert!(!is_usable(&ip.parse().unwrap()), "{ip}");
        }
        for ip in ["10.0.0.1", "2001:db8::1"] {
            assert!(is_usable(&ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let many: BTreeSet<IpAddr> = (0..100).map(|n| IpAddr::V4(Ipv4Addr::new(10, 0, 0, n))).collect();
        assert_eq!(choose(many, Loopback::WhenAlone).len(), MAX_ADDRESSES);
    }
}
