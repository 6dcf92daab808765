//! Which addresses a destination or an endpoint may have: whoever names one could otherwise reach the service's own
//! network through it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that may be used. By default all public ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressPolicy {
    allows_private: bool,
}

/// An address may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    address: IpAddr,
    range: &'static str,
}

impl AddressPolicy {
    /// Allows every address that is one host's: also those of this machine and of private networks.
    pub fn any() -> Self {
        Self { allows_private: true }
    }

    /// Checks an address.
    ///
    /// # Errors
    /// [`Forbidden`] with the range that it belongs to.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let embedded = match address {
            IpAddr::V4(v4) => v4.into(),
            IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        };
        let (range, is_private) = match embedded {
            IpAddr::V4(v4) => range_v4(v4),
            IpAddr::V6(v6) => range_v6(v6),
        }
        .unwrap_or(("", false));
        if range.is_empty() || (is_private && self.allows_private) {
            return Ok(());
        }
        Err(Forbidden { address, range })
    }
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, range } = self;
        write!(f, "{address} is {range}, which this service does not allow: use a public address, ")?;
        f.write_str("or allow private ones in the service's configuration")
    }
}

/// Returns the IPv4 address that an IPv6 address leads to: mapped, compatible, NAT64, 6to4.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let low = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, last] => Some(low(high, last)),
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, high, last] => Some(low(high, last)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, last] => Some(low(high, last)),
        [0x2002, high, last, ..] => Some(low(high, last)),
        _ => None,
    }
}

/// Returns the range of an address that is not public, and whether it is one that a service may allow.
fn range_v4(v4: Ipv4Addr) -> Option<(&'static str, bool)> {
    let [a, b, c, _] = v4.octets();
    match (a, b, c) {
        (127, ..) => Some(("an address of this machine", true)),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some(("an address of a private network", true)),
        (100, 64..=127, _) => Some(("an address of a provider's network", true)),
        (169, 254, _) => Some(("a link-local address", true)),
        (0, ..) => Some(("no address of a host", false)),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Some(("a reserved address", false)),
        (198, 18 | 19, _) => Some(("an address for measurements", false)),
        (224..=239, ..) => Some(("an address of a group", false)),
        (240..=255, ..) => Some(("a reserved address", false)),
        _ => None,
    }
}

fn range_v6(v6: Ipv6Addr) -> Option<(&'static str, bool)> {
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(("an address of this machine", true)),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(("no address of a host", false)),
        [first, ..] if first & 0xfe00 == 0xfc00 => Some(("an address of a private network", true)),
        [first, ..] if first & 0xffc0 == 0xfe80 => Some(("a link-local address", true)),
        [first, ..] if first & 0xff00 == 0xff00 => Some(("an address of a group", false)),
        [0x2001, 0, ..] => Some(("an address behind a tunnel", false)),
        [0x2001, 0xdb8, ..] => Some(("a reserved address", false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(policy: &AddressPolicy, address: &str) -> bool {
        policy.check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn n9_private_addresses_are_refused_unless_they_are_allowed() {
        let (public, any) = (AddressPolicy::default(), AddressPolicy::any());
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(allowed(&public, address) && allowed(&any, address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(!allowed(&public, address), "{address}");
            assert!(allowed(&any, address), "{address}");
        }
        for address in
            ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "2001::1", "::ffff:0.0.0.0"]
        {
            assert!(!allowed(&any, address), "{address}");
        }
    }
}
