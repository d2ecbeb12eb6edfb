//! Content keys on their way to the key service: sealed so that nobody in between can read them, the public server
//! included (D1).
//!
//! HPKE (RFC 9180) in base mode: X25519, HKDF-SHA256, ChaCha20-Poly1305. Image, app and version are bound in. Who has
//! sent them is not: whoever takes them in must know the supplier already.

use carnet_core::app::{AppId, Feature, Version};
use carnet_core::document::PublicKey;
use carnet_core::id::ImageId;
use carnet_seal::cbor::{self, CborError};
use carnet_seal::{ImageManifest, record};
use carnet_seam::{NoRandom, Random};
use zeroize::Zeroizing;

use crate::hpke;
use crate::keys::{ContentKey, ContentKeys};

/// The keys of one image, sealed to a key service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKeys {
    /// Of which image.
    pub image: ImageId,
    /// Of which app.
    pub app: AppId,
    /// Of which version.
    pub version: Version,
    /// To which key of the key service.
    pub to: PublicKey,
    /// What the key service finds the secret with (RFC 9180 §4.1, `enc`).
    encapsulated: [u8; 32],
    sealed: Vec<u8>,
}

record! {
    SealedKeys { 1 => image, 2 => app, 3 => version, 4 => to, 5 => encapsulated, 6 => sealed }
    FeatureKey { 1 => feature, 2 => key }
}

struct FeatureKey {
    feature: Feature,
    key: [u8; 32],
}

/// Why keys cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealedKeysError {
    /// The bytes are no sealed keys.
    #[error("these are no sealed keys: {0}")]
    Malformed(CborError),
    /// They are sealed to somebody else, or damaged.
    #[error("the keys do not open: they are sealed to another key service, or damaged")]
    DoesNotOpen,
    /// Sealing failed: the receiver's key is none.
    #[error("the keys could not be sealed")]
    Failed,
    /// There are no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl SealedKeys {
    /// Seals the keys of an image.
    ///
    /// # Errors
    /// When `to` is no key, or there are no random bytes.
    pub fn seal(
        manifest: &ImageManifest,
        keys: &ContentKeys,
        to: PublicKey,
        random: &dyn Random,
    ) -> Result<Self, SealedKeysError> {
        let rows: Vec<_> = keys
            .iter()
            .map(|(feature, key)| FeatureKey { feature: feature.clone(), key: *key.bytes() })
            .collect();
        let plain = Zeroizing::new(cbor::encode(&rows));
        let (image, app, version) = (manifest.id, manifest.app.clone(), manifest.version);
        let mut sealed = Self { image, app, version, to, encapsulated: [0; 32], sealed: Vec::new() };
        (sealed.encapsulated, sealed.sealed) = hpke::seal(to, &sealed.bound(), &plain, random)?;
        Ok(sealed)
    }

    /// Opens the keys, with the seed of the key service's key.
    ///
    /// # Errors
    /// When they are sealed to another key, or damaged.
    pub fn open(&self, seed: &[u8; 32]) -> Result<ContentKeys, SealedKeysError> {
        let plain = hpke::open(seed, &self.bound(), &self.encapsulated, &self.sealed)?;
        let rows: Vec<FeatureKey> = cbor::decode(&plain).map_err(SealedKeysError::Malformed)?;
        Ok(rows.into_iter().map(|row| (row.feature, ContentKey::new(row.key))).collect())
    }

    /// As they are kept and sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads sealed keys.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealedKeysError> {
        cbor::decode(bytes).map_err(SealedKeysError::Malformed)
    }

    fn bound(&self) -> Vec<u8> {
        let Self { image, app, version, .. } = self;
        let mut bound = b"carnet content keys".to_vec();
        bound.extend(cbor::encode(&(*image, (app.clone(), *version))));
        bound
    }
}

#[cfg(test)]
mod tests {
    use carnet_core::time::Time;
    use carnet_seal::keys::AgreementKey;
    use carnet_testkit::SeededRandom;

    use super::*;

    fn manifest() -> ImageManifest {
        ImageManifest {
            id: ImageId([1; 16]),
            app: "acme/paint".parse().unwrap(),
            version: Version(1, 2, 3),
            platform: "any".parse().unwrap(),
            built: Time(0),
            features: Vec::new(),
        }
    }

    fn keys() -> ContentKeys {
        ["core", "more"].map(|name| (name.parse().unwrap(), ContentKey::new([name.len() as u8; 32]))).into()
    }

    fn sealed() -> SealedKeys {
        let to = AgreementKey::from_seed(&[8; 32]).public();
        SealedKeys::seal(&manifest(), &keys(), to, &SeededRandom::new(1)).unwrap()
    }

    #[test]
    fn d1_content_keys_open_for_the_key_service_alone() {
        let read = SealedKeys::decode(&sealed().encode()).unwrap();
        assert_eq!(read, sealed());
        assert_eq!(read.open(&[8; 32]), Ok(keys()));
        assert_eq!(read.open(&[9; 32]), Err(SealedKeysError::DoesNotOpen));
        let other = SealedKeys { version: Version(9, 9, 9), ..read.clone() };
        assert_eq!(other.open(&[8; 32]), Err(SealedKeysError::DoesNotOpen));
        let mut changed = read;
        changed.sealed[0] ^= 1;
        assert_eq!(changed.open(&[8; 32]), Err(SealedKeysError::DoesNotOpen));
    }

    #[test]
    fn i17_no_key_can_be_read_from_what_is_sent_or_shown() {
        let (bytes, shown) = (sealed().encode(), format!("{:?}", keys()));
        assert!(!bytes.windows(8).any(|window| window == [4; 8]));
        assert_eq!(shown, "{core: ContentKey(…), more: ContentKey(…)}");
    }

    #[test]
    fn without_random_bytes_nothing_is_sealed() {
        #[derive(Debug)]
        struct Dry;
        impl Random for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), NoRandom> {
                Err(NoRandom("dry".into()))
            }
        }
        let to = AgreementKey::from_seed(&[8; 32]).public();
        let refused = SealedKeys::seal(&manifest(), &keys(), to, &Dry);
        assert_eq!(refused, Err(SealedKeysError::Random(NoRandom("dry".into()))));
    }
}
