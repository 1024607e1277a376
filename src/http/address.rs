//! Addresses of this machine and its network, which a foreign server may not make us ask (server-side request forgery).
//!
//! Invariant: the check is made on the address that is connected to, after the name was looked up.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether an address is loopback, unspecified, private, link-local (cloud metadata), shared, unique-local, or wraps one of these.
pub fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_internal_v4(v4),
        IpAddr::V6(v6) => is_internal_v6(v6),
    }
}

fn is_internal_v4(a: Ipv4Addr) -> bool {
    let [first, second, ..] = a.octets();
    let shared = first == 100 && (64..128).contains(&second);
    first == 0 || a.is_loopback() || a.is_private() || a.is_link_local() || a.is_broadcast() || a.is_multicast() || shared
}

fn is_internal_v6(a: Ipv6Addr) -> bool {
    let segments = a.segments();
    let [first, ..] = segments;
    let unique_local = first & 0xfe00 == 0xfc00;
    let link_local = first & 0xffc0 == 0xfe80;
    if a.is_loopback() || a.is_unspecified() || a.is_multicast() || unique_local || link_local {
        return true;
    }
    let [.., high, low] = segments;
    let last = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    let wraps = match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(last),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    };
    wraps.is_some_and(is_internal_v4)
}

/// A name that leads to an internal address; travels inside the connection error.
#[derive(Debug)]
pub(super) struct Internal {
    pub(super) address: IpAddr,
}

impl fmt::Display for Internal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "internal address {}", self.address)
    }
}

impl std::error::Error for Internal {}

/// Looks names up with the system's resolver and refuses internal addresses, but for the names that are allowed.
#[derive(Debug)]
pub(super) struct CheckingResolver {
    pub(super) allowed: Vec<String>,
}

impl Resolve for CheckingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_ascii_lowercase();
        let allowed = self.allowed.iter().any(|a| *a == name);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if let Some(bad) = found.iter().find(|a| !allowed && is_internal(a.ip())) {
                return Err(Internal { address: bad.ip() }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_addresses_are_known_in_every_wrapping() {
        for text in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fc00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(is_internal(text.parse().expect(text)), "{text}");
        }
        for text in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2001:db8::1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(!is_internal(text.parse().expect(text)), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_unless_allowed() {
        let ask = |allowed: &[&str]| {
            CheckingResolver { allowed: allowed.iter().map(ToString::to_string).collect() }
                .resolve("localhost".parse().expect("a name"))
        };
        assert!(ask(&[]).await.is_err());
        assert!(ask(&["localhost"]).await.is_ok());
    }
}
