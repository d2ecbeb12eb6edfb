//! How often somebody may ask who has not proved yet who it is: so many requests in a minute from one address.
//!
//! What a known device has signed, and what comes with a good token, is never counted: a fleet behind one address
//! does not lock itself out. Wrong codes are counted apart, in [`attempts`](crate::attempts).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use carnet_api::{Problem, ProblemCode};
use carnet_seam::Clock;
use governor::clock::Clock as Ticking;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;

use crate::problem::Failure;

/// Requests that an address may make in a minute, unless the operator says otherwise.
pub const REQUESTS_PER_MINUTE: u32 = 600;
/// Wrong codes in an hour, unless the operator says otherwise.
pub const WRONG_CODES_PER_HOUR: u32 = 30;
/// Work that may wait for the database, unless the operator says otherwise.
pub const LEDGER_QUEUE: u32 = 65_536;
/// Requests that may share a transaction, unless the operator says otherwise.
pub const LEDGER_BATCH: u32 = 128;

/// After so many requests, addresses that have been quiet are forgotten.
const FORGET_AFTER: u32 = 1_024;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Requests in a minute from one address; 0: any number.
    pub requests_per_minute: u32,
    /// Wrong codes in an hour from one address, or from the devices of one user; 0: any number.
    pub wrong_codes_per_hour: u32,
    /// Whose word about the client's address is believed.
    pub trusted_proxies: Vec<Network>,
    /// Work that may wait for the database, a quarter of it of one user.
    pub ledger_queue: u32,
    /// Requests that may share a transaction.
    pub ledger_batch: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            requests_per_minute: REQUESTS_PER_MINUTE,
            wrong_codes_per_hour: WRONG_CODES_PER_HOUR,
            trusted_proxies: Vec::new(),
            ledger_queue: LEDGER_QUEUE,
            ledger_batch: LEDGER_BATCH,
        }
    }
}

/// One address, or all that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// It is neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write an address as 10.0.0.5, or a network as 10.0.0.0/8")]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let text = text.trim();
        let one = text.parse::<IpAddr>().map(IpNet::from);
        one.or_else(|_| text.parse()).map(Self).map_err(|_| NoNetwork)
    }
}

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The address that a client is counted under: of IPv6 the first half, which one customer has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(IpAddr);

impl Client {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

type Tickets = RateLimiter<Client, HashMapStateStore<Client>, Ticks, NoOpMiddleware<Duration>>;

/// Counts requests by address.
pub struct Admission {
    policy: Policy,
    ticks: Ticks,
    tickets: Option<Tickets>,
    since_forgotten: AtomicU32,
}

impl Admission {
    /// With nobody counted yet.
    #[must_use]
    pub fn new(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        let ticks = Ticks(clock);
        let quota = NonZeroU32::new(policy.requests_per_minute).map(Quota::per_minute);
        let tickets = quota.map(|quota| RateLimiter::hashmap_with_clock(quota, ticks.clone()));
        Self { policy, ticks, tickets, since_forgotten: AtomicU32::new(0) }
    }

    /// What the operator allows.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Who asks: the other end of the connection, or whom trusted proxies name. Each of them has added the address
    /// that it saw at the end of the header, so that what a client has written there itself is never reached.
    #[must_use]
    pub fn client(&self, peer: Peer, headers: &HeaderMap) -> Client {
        let trusted = |address: &IpAddr| {
            let address = address.to_canonical();
            self.policy.trusted_proxies.iter().any(|network| network.0.contains(&address))
        };
        let named = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut address = peer.0;
        for name in named.into_iter().rev() {
            if !trusted(&address) {
                break;
            }
            let Ok(further) = name.parse() else { break };
            address = further;
        }
        Client::of(address)
    }

    /// Counts one request of somebody who has not proved who it is.
    ///
    /// # Errors
    /// [`ProblemCode::TooManyRequests`] when there were too many; it says how long to wait.
    pub fn admit(&self, client: Client) -> Result<(), Failure> {
        let Some(tickets) = &self.tickets else { return Ok(()) };
        if self.since_forgotten.fetch_add(1, Ordering::Relaxed) >= FORGET_AFTER {
            self.since_forgotten.store(0, Ordering::Relaxed);
            tickets.retain_recent();
        }
        tickets.check_key(&client).map_err(|until| {
            let wait = until.wait_time_from(self.ticks.now());
            later(ProblemCode::TooManyRequests, "too many requests came from this address", wait)
        })
    }

    /// What to say to somebody whose proof is not good: that, or that it was tried too often.
    #[must_use]
    pub fn instead(&self, client: Client, failure: Failure) -> Failure {
        self.admit(client).err().unwrap_or(failure)
    }
}

/// A failure that is over by itself after a while.
pub fn later(code: ProblemCode, what: &str, wait: Duration) -> Failure {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
    let problem = Problem::new(code).because(format_args!("{what}, wait {seconds} s"));
    Failure::Later(Box::new(problem), seconds)
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admission({:?})", self.policy)
    }
}

/// Our clock as the library wants it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl Ticking for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(self.0.boot_micros())
    }
}

#[cfg(test)]
mod tests {
    use carnet_testkit::FakeClock;

    use super::*;

    fn admission(trusted: &[&str]) -> (Admission, FakeClock) {
        let trusted_proxies = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let policy = Policy { requests_per_minute: 6, trusted_proxies, ..Policy::default() };
        let clock = FakeClock::at(0);
        (Admission::new(policy, Arc::new(clock.clone())), clock)
    }

    fn client(admission: &Admission, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        admission.client(Peer(peer.parse().unwrap()), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_for_what_it_saw_itself() {
        let (nobody, _) = admission(&[]);
        assert_eq!(client(&nobody, "127.0.0.1", &["203.0.113.9"]), "127.0.0.1");

        let (proxies, _) = admission(&["127.0.0.1", "10.0.0.0/8"]);
        for (peer, forwarded, expected) in [
            ("127.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            // Written by the client itself, in front of what the proxy has added.
            ("127.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            ("::ffff:127.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("203.0.113.5", &["1.1.1.1"], "203.0.113.5"),
        ] {
            assert_eq!(client(&proxies, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn an_ipv6_customer_is_one_client_with_all_its_addresses() {
        let (nobody, _) = admission(&[]);
        assert_eq!(client(&nobody, "2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(client(&nobody, "::ffff:203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn an_address_waits_for_its_next_request_and_no_other_one_does() {
        let (admission, clock) = admission(&[]);
        let of = |text: &str| Client::of(text.parse().unwrap());
        for _ in 0..6 {
            assert_eq!(admission.admit(of("203.0.113.9")), Ok(()));
        }
        let Err(Failure::Later(problem, seconds)) = admission.admit(of("203.0.113.9")) else { panic!() };
        assert_eq!((problem.status, seconds), (429, 10));
        assert_eq!(admission.admit(of("203.0.113.8")), Ok(()));
        clock.pass(Duration::from_secs(10));
        assert_eq!(admission.admit(of("203.0.113.9")), Ok(()));
        assert!(admission.admit(of("203.0.113.9")).is_err());
    }

    #[test]
    fn a_network_is_an_address_or_the_beginning_of_one() {
        for good in ["10.0.0.5", "10.0.0.0/8", "::1", "2001:db8::/32"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for wrong in ["", "proxy", "10.0.0.0/33", "10.0.0"] {
            assert_eq!(wrong.parse::<Network>(), Err(NoNetwork), "{wrong}");
        }
    }
}
