//! Keys on their way to one device: a license key, and under it the content keys of the features that the license grants.
//!
//! The key service seals them, the device opens them, and nobody in between can (B7, D1). Server, device, app, license,
//! image and transaction are bound in: keys that were delivered to somebody else, or for something else, do not open.

use std::collections::BTreeMap;

use carnet_core::app::{AppId, Feature};
use carnet_core::document::PublicKey;
use carnet_core::id::{DeviceId, ImageId, LicenseId, ServerId, TransactionId};
use carnet_core::provision::KeyDelivery;
use carnet_seal::{cbor, record};
use carnet_seam::Random;
use zeroize::Zeroizing;

use crate::hpke;
use crate::keys::ContentKeys;
use crate::license_key::LicenseKey;
use crate::sealed_keys::SealedKeysError;

/// For whom and for what keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// At which server.
    pub server: ServerId,
    /// Whose: the authentication information that is compared at each start (B8).
    pub device: DeviceId,
    /// Of which app.
    pub app: AppId,
    /// Under which license.
    pub license: LicenseId,
    /// For which image.
    pub image: ImageId,
    /// By which order.
    pub transaction: TransactionId,
}

struct Sealed {
    encapsulated: [u8; 32],
    sealed: Vec<u8>,
}

struct Plain {
    license_key: [u8; 32],
    wrapped: BTreeMap<Feature, Vec<u8>>,
}

record! {
    Recipient { 1 => server, 2 => device, 3 => app, 4 => license, 5 => image, 6 => transaction }
    Sealed { 1 => encapsulated, 2 => sealed }
    Plain { 1 => license_key, 2 => wrapped }
}

impl Recipient {
    /// Of what was delivered to this device for this app.
    #[must_use]
    pub fn of(server: ServerId, device: DeviceId, app: &AppId, delivery: &KeyDelivery) -> Self {
        let KeyDelivery { license, image, transaction, .. } = delivery;
        Self { server, device, app: app.clone(), license: *license, image: *image, transaction: *transaction }
    }

    /// Seals keys to the device's key.
    ///
    /// # Errors
    /// When `to` is no key, or there are no random bytes.
    pub fn seal(
        &self,
        license_key: &LicenseKey,
        keys: &ContentKeys,
        to: PublicKey,
        random: &dyn Random,
    ) -> Result<Vec<u8>, SealedKeysError> {
        let wrap = |(feature, key)| Ok((Clone::clone(feature), license_key.wrap(feature, key)?));
        let wrapped: Result<_, SealedKeysError> = keys.iter().map(wrap).collect();
        let plain = Plain { license_key: *license_key.bytes(), wrapped: wrapped? };
        let plain = Zeroizing::new(cbor::encode(&plain));
        let (encapsulated, sealed) = hpke::seal(to, &self.bound(), &plain, random)?;
        Ok(cbor::encode(&Sealed { encapsulated, sealed }))
    }

    /// Opens keys with the seed of the device's key.
    ///
    /// # Errors
    /// When they are for somebody else or something else, or damaged.
    pub fn open(&self, sealed: &[u8], seed: &[u8; 32]) -> Result<ContentKeys, SealedKeysError> {
        let sealed: Sealed = cbor::decode(sealed).map_err(SealedKeysError::Malformed)?;
        let plain = hpke::open(seed, &self.bound(), &sealed.encapsulated, &sealed.sealed)?;
        let plain: Plain = cbor::decode(&plain).map_err(SealedKeysError::Malformed)?;
        let license_key = LicenseKey::new(plain.license_key);
        let unwrap = |(feature, wrapped): (Feature, Vec<u8>)| {
            license_key.unwrap(&feature, &wrapped).map(|key| (feature, key))
        };
        plain.wrapped.into_iter().map(unwrap).collect()
    }

    fn bound(&self) -> Vec<u8> {
        [b"carnet key delivery".to_vec(), cbor::encode(self)].concat()
    }
}

#[cfg(test)]
mod tests {
    use carnet_seal::keys::AgreementKey;
    use carnet_testkit::SeededRandom;

    use super::*;
    use crate::keys::ContentKey;
    use crate::license_key::Generating;

    const SEED: [u8; 32] = [8; 32];

    fn recipient() -> Recipient {
        Recipient {
            server: ServerId([1; 16]),
            device: DeviceId([2; 16]),
            app: "acme/paint".parse().unwrap(),
            license: LicenseId([3; 16]),
            image: ImageId([4; 16]),
            transaction: TransactionId([5; 16]),
        }
    }

    fn license_key(license: u8) -> LicenseKey {
        let Recipient { server, app, image, .. } = recipient();
        let supplier = carnet_core::id::SupplierId([6; 16]);
        let of = Generating { server, supplier, app, license: LicenseId([license; 16]), image };
        LicenseKey::derive(&[7; 32], &of).unwrap()
    }

    fn keys() -> ContentKeys {
        ["core", "more"].map(|name| (name.parse().unwrap(), ContentKey::new([name.as_bytes()[0]; 32]))).into()
    }

    fn sealed() -> Vec<u8> {
        let to = AgreementKey::from_seed(&SEED).public();
        recipient().seal(&license_key(3), &keys(), to, &SeededRandom::new(1)).unwrap()
    }

    #[test]
    fn b9_the_license_key_of_a_license_is_the_same_on_each_device_that_it_goes_to() {
        let to = AgreementKey::from_seed(&SEED).public();
        let inside = |device: u8| {
            let (device, transaction) = (DeviceId([device; 16]), TransactionId([device; 16]));
            let recipient = Recipient { device, transaction, ..recipient() };
            let random = SeededRandom::new(u64::from(transaction.0[0]));
            let sealed = recipient.seal(&license_key(3), &keys(), to, &random).unwrap();
            let found: Sealed = cbor::decode(&sealed).unwrap();
            let plain = hpke::open(&SEED, &recipient.bound(), &found.encapsulated, &found.sealed).unwrap();
            (sealed, cbor::decode::<Plain>(&plain).unwrap().license_key)
        };
        let (first, second) = (inside(2), inside(9));
        assert_eq!(first.1, second.1, "what it is derived from knows of no device");
        assert_ne!(first.0, second.0);
    }

    #[test]
    fn d1_delivered_keys_open_for_their_device_and_for_what_they_were_ordered() {
        assert_eq!(recipient().open(&sealed(), &SEED), Ok(keys()));
        let no = Err(SealedKeysError::DoesNotOpen);
        assert_eq!(recipient().open(&sealed(), &[9; 32]), no, "another device's key");
        for other in [
            Recipient { server: ServerId([9; 16]), ..recipient() },
            Recipient { device: DeviceId([9; 16]), ..recipient() },
            Recipient { app: "acme/other".parse().unwrap(), ..recipient() },
            Recipient { license: LicenseId([9; 16]), ..recipient() },
            Recipient { image: ImageId([9; 16]), ..recipient() },
            Recipient { transaction: TransactionId([9; 16]), ..recipient() },
        ] {
            assert_eq!(other.open(&sealed(), &SEED), no, "{other:?}");
        }
    }

    #[test]
    fn i12_no_changed_byte_of_a_delivery_is_accepted() {
        let sealed = sealed();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(recipient().open(&changed, &SEED).is_err(), "{at}");
        }
    }

    #[test]
    fn b7_a_license_key_is_made_of_its_license_and_wraps_for_one_feature_alone() {
        let (feature, other) = ("core".parse().unwrap(), "more".parse().unwrap());
        let (key, content) = (license_key(3), ContentKey::new([9; 32]));
        assert!(key == license_key(3) && key != license_key(4));
        let wrapped = key.wrap(&feature, &content).unwrap();
        assert_eq!(key.unwrap(&feature, &wrapped), Ok(content));
        assert_eq!(key.unwrap(&other, &wrapped), Err(SealedKeysError::DoesNotOpen));
        assert_eq!(license_key(4).unwrap(&feature, &wrapped), Err(SealedKeysError::DoesNotOpen));
    }

    #[test]
    fn i17_no_key_can_be_read_from_a_delivery() {
        let (sealed, secret) = (sealed(), *license_key(3).bytes());
        assert!(!sealed.windows(8).any(|window| window == [b'c'; 8] || window == &secret[..8]));
        assert_eq!(format!("{:?}", license_key(3)), "LicenseKey(…)");
    }
}
