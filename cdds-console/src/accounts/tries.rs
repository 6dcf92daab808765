//! How often somebody may try to sign in.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::secret::Digest;

/// Tries are counted from the first one on, for this long.
const WINDOW: Duration = Duration::from_secs(60);

/// The most tries in a window for a name, wherever they come from.
const BY_NAME_MAX: u32 = 5;

/// The most tries in a window from an address, whatever the names are: several people may share one.
const BY_ADDRESS_MAX: u32 = 20;

/// The most names, and the most addresses, that are counted at a time.
const COUNTED_MAX: usize = 10_000;

/// Tries of the last minute. Times are those of a monotonic clock.
#[derive(Default)]
pub(super) struct Tries {
    names: Counts<Digest>,
    addresses: Counts<IpAddr>,
}

impl Tries {
    /// Counts a try before it is made, so that many at once are not more than many one after the other. Returns after
    /// how many seconds the next one is possible if it is one too many.
    pub(super) fn begin(&mut self, name: &str, from: Option<IpAddr>, now: Duration) -> Result<(), u64> {
        let name = Digest::of(name);
        self.names.check(&name, BY_NAME_MAX, now)?;
        if let Some(from) = from.map(network) {
            self.addresses.check(&from, BY_ADDRESS_MAX, now)?;
            self.addresses.count(from, now);
        }
        self.names.count(name, now);
        Ok(())
    }

    /// Takes back a try that was none: the password was right.
    pub(super) fn succeeded(&mut self, name: &str, from: Option<IpAddr>) {
        self.names.take_back(&Digest::of(name));
        if let Some(from) = from.map(network) {
            self.addresses.take_back(&from);
        }
    }
}

/// Whoever has one address of IPv6 usually has the 64 bits behind it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// Counts that begin anew when their window is over.
struct Counts<K>(HashMap<K, (Duration, u32)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Copy> Counts<K> {
    fn check(&self, key: &K, most: u32, now: Duration) -> Result<(), u64> {
        match self.0.get(key) {
            Some((began, count)) if *count >= most && now < *began + WINDOW => {
                Err((*began + WINDOW - now).as_secs().max(1))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, key: K, now: Duration) {
        if self.0.len() >= COUNTED_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, (began, _)| now < *began + WINDOW);
            // Beyond that, the one that would be forgotten first.
            if self.0.len() >= COUNTED_MAX {
                let oldest = self.0.iter().min_by_key(|(_, (began, _))| *began).map(|(key, _)| *key);
                oldest.and_then(|key| self.0.remove(&key));
            }
        }
        let (began, count) = self.0.entry(key).or_insert((now, 0));
        if now >= *began + WINDOW {
            (*began, *count) = (now, 0);
        }
        *count += 1;
    }

    fn take_back(&mut self, key: &K) {
        if let Some((_, count)) = self.0.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_name_is_tried_five_times_a_minute_wherever_it_comes_from() {
        let mut tries = Tries::default();
        let from = |n: u8| Some(IpAddr::from([10, 0, 0, n]));
        for n in 0..5 {
            assert_eq!(tries.begin("ada", from(n), at(u64::from(n))), Ok(()));
        }
        assert_eq!(tries.begin("ada", from(9), at(10)), Err(50));
        assert_eq!(tries.begin("olga", from(9), at(10)), Ok(()));
        assert_eq!(tries.begin("ada", from(9), at(60)), Ok(()));
    }

    #[test]
    fn an_address_tries_twenty_names_a_minute_and_so_does_a_network_of_ipv6() {
        for (last, other) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8:0:1::1")] {
            let mut tries = Tries::default();
            let last = Some(last.parse().unwrap());
            for n in 0..20 {
                assert_eq!(tries.begin(&n.to_string(), last, at(0)), Ok(()));
            }
            assert_eq!(tries.begin("x", last, at(59)), Err(1));
            assert_eq!(tries.begin("x", Some(other.parse().unwrap()), at(59)), Ok(()));
        }
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::2".parse().unwrap()));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn what_succeeded_was_no_try() {
        let mut tries = Tries::default();
        for _ in 0..50 {
            assert_eq!(tries.begin("ada", None, at(0)), Ok(()));
            tries.succeeded("ada", None);
        }
    }

    #[test]
    fn no_more_is_remembered_than_fits() {
        let mut counts = Counts::default();
        for n in 0..COUNTED_MAX + 100 {
            counts.count(n, Duration::from_millis(n as u64));
        }
        assert_eq!(counts.0.len(), COUNTED_MAX);
        assert!(counts.0.contains_key(&(COUNTED_MAX + 99)) && !counts.0.contains_key(&0));
    }
}
