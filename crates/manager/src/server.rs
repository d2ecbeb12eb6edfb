//! Which server is meant, and how a new one comes to be trusted.
//!
//! A server is known by the hash of its root key, never by its address. What a program's product string says
//! comes from its supplier and is believed; an address alone is not: whoever answers there first could be
//! anybody. So a server that is named only by its address is [`Chosen::Untried`] until somebody has compared
//! the root hash; from then on the hash is pinned in the passbook.

use carnet_api::server::ServerInfo;
use carnet_core::id::Digest;
use carnet_device::passbook::KnownServer;
use carnet_seal::keys::RootPin;
use carnet_seal::{KeyRing, ProductString, ServerUrl};

use crate::error::ManagerError;
use crate::way::Way;

/// What is said about the server that is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its address.
    pub url: Option<ServerUrl>,
    /// The hash of its root key.
    pub root: Option<Digest>,
}

impl From<&ProductString> for Wanted {
    fn from(product: &ProductString) -> Self {
        Self { url: Some(product.url.clone()), root: Some(product.root) }
    }
}

/// A server that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// Its root key is pinned.
    Pinned(KnownServer),
    /// There is an address, but nothing to know the server by.
    Untried(ServerUrl),
}

/// It is not clear which server is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhichServer {
    /// None is named and none is known here.
    #[error("no server is named, and none is known on this device yet")]
    None,
    /// Several are known and fit.
    #[error("several servers are known on this device: {}", listed(.0))]
    Several(Vec<KnownServer>),
    /// A root hash without an address.
    #[error("the server with root hash {0} is not known on this device, and its address is not named")]
    NoAddress(Digest),
}

impl WhichServer {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::None => "name it with --server URL, or give the product string of the program",
            Self::Several(_) => {
                "choose one with --server URL (and --root HASH where the addresses are the same)"
            }
            Self::NoAddress(_) => "name its address with --server URL",
        }
    }

    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::None | Self::NoAddress(_) => "no-server",
            Self::Several(_) => "several-servers",
        }
    }
}

fn listed(servers: &[KnownServer]) -> String {
    let one = |server: &KnownServer| format!("{} (root {}…)", server.url, &server.pin.root.to_string()[..8]);
    servers.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The one server that fits what is said, among those known here and those that are named in full.
///
/// # Errors
/// [`WhichServer`] when none or several do.
pub fn choose(known: &[KnownServer], wanted: &Wanted) -> Result<Chosen, WhichServer> {
    if let (Some(url), Some(root)) = (&wanted.url, wanted.root) {
        return Ok(Chosen::Pinned(KnownServer { url: url.clone(), pin: RootPin::of_first_root(root) }));
    }
    let fits = |server: &&KnownServer| {
        wanted.url.as_ref().is_none_or(|url| *url == server.url)
            && wanted.root.is_none_or(|root| root == server.pin.root)
    };
    let fitting: Vec<&KnownServer> = known.iter().filter(fits).collect();
    match (fitting.as_slice(), &wanted.url, wanted.root) {
        ([only], _, _) => Ok(Chosen::Pinned((*only).clone())),
        ([], Some(url), _) => Ok(Chosen::Untried(url.clone())),
        ([], None, Some(root)) => Err(WhichServer::NoAddress(root)),
        ([], None, None) => Err(WhichServer::None),
        (several, _, _) => Err(WhichServer::Several(several.iter().map(|one| (*one).clone()).collect())),
    }
}

impl Way {
    /// What the server says is the hash of its root key. Nobody has confirmed it.
    pub fn claimed_root(&self) -> Result<Digest, ManagerError> {
        let info: ServerInfo = self.get(carnet_api::path::SERVER)?;
        Ok(info.root)
    }

    /// The key set, signed by the root key that is pinned. Asked for before anything is written down, so that
    /// a wrong root leaves no passbook behind.
    pub fn key_set(&self, pin: &RootPin) -> Result<Vec<u8>, ManagerError> {
        let bytes = self.document(carnet_api::path::KEY_SET)?;
        match KeyRing::open(&bytes, pin, 0) {
            Ok(_) => Ok(bytes),
            Err(wrong) => Err(ManagerError::Untrusted { url: self.url().clone(), wrong }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, root: u8) -> KnownServer {
        KnownServer { url: url.parse().unwrap(), pin: RootPin::of_first_root(Digest([root; 32])) }
    }

    fn wanted(url: Option<&str>, root: Option<u8>) -> Wanted {
        Wanted { url: url.map(|url| url.parse().unwrap()), root: root.map(|root| Digest([root; 32])) }
    }

    #[test]
    fn a22_the_only_known_server_is_meant_where_none_is_named_and_of_several_one_must_be() {
        let (a, b) = (server("https://a.example", 1), server("https://b.example", 2));
        assert_eq!(choose(&[], &wanted(None, None)), Err(WhichServer::None));
        assert_eq!(choose(std::slice::from_ref(&a), &wanted(None, None)), Ok(Chosen::Pinned(a.clone())));
        let both = [a.clone(), b.clone()];
        let several = choose(&both, &wanted(None, None)).unwrap_err();
        assert!(
            several.to_string().contains("a.example") && several.to_string().contains("b.example"),
            "{several}"
        );
        assert_eq!(choose(&both, &wanted(Some("https://b.example"), None)), Ok(Chosen::Pinned(b.clone())));
        assert_eq!(choose(&both, &wanted(None, Some(1))), Ok(Chosen::Pinned(a)));
        assert_eq!(choose(&both, &wanted(None, Some(3))), Err(WhichServer::NoAddress(Digest([3; 32]))));
    }

    #[test]
    fn an_address_alone_is_not_trusted_and_a_new_root_at_a_known_address_is_another_server() {
        let (a, other) = (server("https://a.example", 1), server("https://a.example", 2));
        let untried = Ok(Chosen::Untried("https://b.example".parse().unwrap()));
        assert_eq!(choose(std::slice::from_ref(&a), &wanted(Some("https://b.example"), None)), untried);
        assert_eq!(
            choose(std::slice::from_ref(&a), &wanted(Some("https://a.example"), Some(2))),
            Ok(Chosen::Pinned(other.clone()))
        );
        let both = [a, other];
        assert!(matches!(
            choose(&both, &wanted(Some("https://a.example"), None)),
            Err(WhichServer::Several(_))
        ));
    }
}
