//! The local addresses a connection binds.

use rtc::shared::ifaces::ifaces;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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

/// The addresses to bind, with port 0. Never empty.
pub(crate) fn bind_addresses(loopback: Loopback) -> Vec<SocketAddr> {
    let real = match loopback {
        Loopback::Only => BTreeSet::new(),
        Loopback::WhenAlone | Loopback::Also => interface_addresses(),
    };
    choose(real, loopback).into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

fn interface_addresses() -> BTreeSet<IpAddr> {
    let interfaces = ifaces().unwrap_or_default();
    interfaces.into_iter().filter_map(|interface| interface.addr).map(|addr| addr.ip()).filter(is_usable).collect()
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
