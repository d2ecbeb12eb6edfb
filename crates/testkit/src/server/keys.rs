//! The server's keys, and what it signs.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::app::SupplierName;
use carnet_core::document::{Answer, Body};
use carnet_core::id::{ServerId, SupplierId};
use carnet_core::time::{Length, Seconds, Time};
use carnet_seal::keys::{KeyEntry, KeySet, Purpose, RootPin};
use carnet_seal::{KeyRing, Signed, SigningKey, sign};

/// The supplier of all menus.
pub(super) const ACME: SupplierId = SupplierId([0xac; 16]);

#[derive(Debug)]
pub(super) struct Keys {
    root: SigningKey,
    own: SigningKey,
    acme: SigningKey,
    name: SupplierName,
}

impl Keys {
    pub fn new(name: SupplierName) -> Self {
        let key = |seed| SigningKey::from_seed(&[seed; 32]);
        Self { root: key(1), own: key(2), acme: key(3), name }
    }

    pub fn pin(&self) -> RootPin {
        RootPin::of_first_root(self.root.verifying_key().thumbprint())
    }

    pub fn server(&self) -> ServerId {
        self.pin().server
    }

    #[expect(clippy::expect_used, reason = "a key set of two keys can be signed")]
    fn signed_set(&self, now: Time) -> Signed<KeySet> {
        let entry = |purpose, key: &SigningKey| KeyEntry { purpose, key: key.verifying_key().cose() };
        let issue = Purpose::Issue { supplier: ACME, name: self.name.clone() };
        let set = KeySet {
            server: self.server(),
            version: 1,
            root: self.root.verifying_key().cose(),
            issued: now.minus(Seconds(3_600)),
            expires: now.plus_length(Length::days(400)),
            keys: vec![entry(Purpose::Server, &self.own), entry(issue, &self.acme)],
            revoked: BTreeSet::new(),
            formats: BTreeMap::new(),
        };
        sign(set, &self.root).expect("a small document")
    }

    pub fn key_set(&self, now: Time) -> Vec<u8> {
        self.signed_set(now).bytes().to_vec()
    }

    #[expect(clippy::expect_used, reason = "the key set was signed a line before")]
    pub fn ring(&self, now: Time) -> KeyRing {
        KeyRing::open(&self.key_set(now), &self.pin(), 0).expect("our own key set")
    }

    /// What grants something is signed with the supplier's key, the rest with the server's own.
    #[expect(clippy::expect_used, reason = "answers of tests are small")]
    pub fn sign(&self, answer: Answer) -> Signed<Answer> {
        let grants = matches!(answer.body, Body::Pass(_) | Body::Portable(_) | Body::Keys(_));
        sign(answer, if grants { &self.acme } else { &self.own }).expect("a small document")
    }
}
