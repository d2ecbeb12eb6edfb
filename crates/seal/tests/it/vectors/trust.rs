//! What readers know before a document comes in.

use std::collections::BTreeMap;

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::id::{DeviceId, Digest, ServerId};
use carnet_core::time::Time;
use carnet_seal::keys::{KeySet, Purpose, RootPin};
use carnet_seal::{Kind, Signer, sign};
use data_encoding::HEXLOWER;

use super::file::{Device, Trust};
use crate::samples::{
    ACME, NOW, UMBRA, acme_key, device_key, entry, image_key, issue, key_set, pin, registered,
    report_secrets, root, server_key, tpm_device, tpm_key, umbra_key,
};

/// For key sets: who is pinned, and which version was seen.
pub fn of_pins() -> BTreeMap<String, Trust> {
    let bare = |pin: RootPin, lowest_version: u64| Trust {
        key_set: None,
        device: None,
        lowest_version,
        ..trust(pin, &key_set(), NOW)
    };
    named([
        ("usual", bare(pin(), 7)),
        ("another root is pinned", bare(RootPin { root: Digest([9; 32]), ..pin() }, 0)),
        ("another server is pinned", bare(RootPin { server: ServerId([9; 16]), ..pin() }, 0)),
        ("version 8 was seen", bare(pin(), 8)),
    ])
}

/// For what servers sign.
pub fn of_servers(kind: Kind) -> BTreeMap<String, Trust> {
    let with = |set: KeySet| Trust { device: None, ..trust(pin(), &set, NOW) };
    let keys = |purpose: Purpose| vec![entry(Purpose::Server, &server_key()), entry(purpose, &acme_key())];
    let image = Purpose::Image { supplier: ACME, name: "acme".parse().unwrap() };
    let (mut revoked, mut outdated) = (key_set(), key_set());
    revoked.revoked.insert(acme_key().key_id());
    outdated.formats = BTreeMap::from([(kind.number(), Kind::FORMAT + 1)]);
    named([
        ("usual", with(key_set())),
        ("the key set is over", Trust { device: None, ..trust(pin(), &key_set(), key_set().expires) }),
        ("the key is revoked", with(revoked)),
        ("a newer format is asked for", with(outdated)),
        ("the key is there for images", with(KeySet { keys: keys(image), ..key_set() })),
    ])
}

/// For images: the key set names keys of acme and of umbra for them.
pub fn of_images() -> BTreeMap<String, Trust> {
    let with = |set: KeySet| Trust { device: None, ..trust(pin(), &set, NOW) };
    let image = |supplier, name: &str| Purpose::Image { supplier, name: name.parse().unwrap() };
    let usual = KeySet {
        keys: vec![entry(image(ACME, "acme"), &image_key()), entry(image(UMBRA, "umbra"), &umbra_key())],
        ..key_set()
    };
    let passes = KeySet { keys: vec![entry(issue(ACME, "acme"), &image_key())], ..key_set() };
    let (mut revoked, mut outdated) = (usual.clone(), usual.clone());
    revoked.revoked.insert(image_key().key_id());
    outdated.formats = BTreeMap::from([(Kind::ImageManifest.number(), Kind::FORMAT + 1)]);
    named([
        ("usual", with(usual.clone())),
        ("the key set is over", Trust { device: None, ..trust(pin(), &usual, usual.expires) }),
        ("the key is revoked", with(revoked)),
        ("a newer format is asked for", with(outdated)),
        ("the key is there for passes", with(passes)),
    ])
}

/// The trust in which the device has a key in a TPM.
pub const HAS_TPM: &str = "the device has a TPM";

/// For what devices sign.
pub fn of_devices() -> BTreeMap<String, Trust> {
    let usual = trust(pin(), &key_set(), NOW);
    let device = |id: DeviceId, key: String| Trust {
        device: Some(Device { id: id.to_string(), key }),
        ..usual.clone()
    };
    named([
        ("usual", usual.clone()),
        ("another device has this key", device(DeviceId([9; 16]), hex(&device_key().public().0))),
        ("the device has another key", device(registered().device, hex(&acme_key().public().0))),
        (HAS_TPM, device(tpm_device(), tpm_digits())),
    ])
}

/// Both coordinates.
fn tpm_digits() -> String {
    let DeviceSigningKey::P256 { x, y } = tpm_key().public() else { panic!("a key of P-256") };
    hex(&[x, y].concat())
}

/// For what a supplier's own machine signs: the key that was agreed to.
pub fn of_askers() -> BTreeMap<String, Trust> {
    let usual = trust(pin(), &key_set(), NOW);
    let asked = |key: String| Trust {
        device: Some(Device { id: registered().device.to_string(), key }),
        key_set: None,
        ..usual.clone()
    };
    named([
        ("usual", asked(hex(&report_secrets().public().asks.0))),
        ("another key was agreed to", asked(hex(&acme_key().public().0))),
    ])
}

/// For what brings its own key.
pub fn of_nobody() -> BTreeMap<String, Trust> {
    named([("usual", Trust { device: None, key_set: None, ..trust(pin(), &key_set(), NOW) })])
}

fn named<const N: usize>(trusts: [(&str, Trust); N]) -> BTreeMap<String, Trust> {
    trusts.into_iter().map(|(name, trust)| (name.to_owned(), trust)).collect()
}

fn trust(pin: RootPin, set: &KeySet, now: Time) -> Trust {
    let device = Device { id: registered().device.to_string(), key: hex(&device_key().public().0) };
    Trust {
        server: pin.server.to_string(),
        root: pin.root.to_string(),
        lowest_version: 0,
        now: now.to_string(),
        key_set: Some(hex(sign(set.clone(), &root()).unwrap().bytes())),
        device: Some(device),
    }
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
