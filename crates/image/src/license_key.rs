//! The license key of an image: what the content keys go under on their way to one device (B7).

use std::fmt;

use carnet_core::app::{AppId, Feature};
use carnet_core::id::{ImageId, LicenseId, ServerId, SupplierId};
use carnet_seal::{cbor, record};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::keys::ContentKey;
use crate::sealed_keys::SealedKeysError;

/// License generating information: what one license key is made for, and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generating {
    /// At which server.
    pub server: ServerId,
    /// Of whose software.
    pub supplier: SupplierId,
    /// Of which app.
    pub app: AppId,
    /// Under which license.
    pub license: LicenseId,
    /// For which build.
    pub image: ImageId,
}

record! { Generating { 1 => server, 2 => supplier, 3 => app, 4 => license, 5 => image } }

/// A license key. The same for the same license and build, on whichever device.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenseKey(Zeroizing<[u8; 32]>);

impl LicenseKey {
    /// Derives the key from the secret of the app, which never leaves the key service (HKDF, RFC 5869).
    ///
    /// # Errors
    /// [`SealedKeysError::Failed`] when the library refuses to work.
    pub fn derive(app_secret: &[u8; 32], of: &Generating) -> Result<Self, SealedKeysError> {
        derived(app_secret, &[b"carnet license key", &cbor::encode(of)]).map(Self)
    }

    /// The key with these bytes, as they were delivered.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for whoever seals them to somebody.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Wraps the content key of a feature.
    ///
    /// # Errors
    /// [`SealedKeysError::Failed`] when the library refuses to work.
    pub fn wrap(&self, feature: &Feature, key: &ContentKey) -> Result<Vec<u8>, SealedKeysError> {
        let mut bytes = key.bytes().to_vec();
        let sealed = self.wrapping(feature)?.seal_in_place_append_tag(
            nonce(),
            Aad::from(feature.as_str()),
            &mut bytes,
        );
        sealed.map(|()| bytes).map_err(|_| SealedKeysError::Failed)
    }

    /// Unwraps it.
    ///
    /// # Errors
    /// [`SealedKeysError::DoesNotOpen`] with another license key, or for another feature.
    pub fn unwrap(&self, feature: &Feature, wrapped: &[u8]) -> Result<ContentKey, SealedKeysError> {
        let mut bytes = Zeroizing::new(wrapped.to_vec());
        let opened = self.wrapping(feature)?.open_in_place(nonce(), Aad::from(feature.as_str()), &mut bytes);
        let opened = opened.map_err(|_| SealedKeysError::DoesNotOpen)?;
        (&*opened).try_into().map(ContentKey::new).map_err(|_| SealedKeysError::DoesNotOpen)
    }

    /// A key for one feature: with it nothing but this feature's content key of this build is ever wrapped.
    fn wrapping(&self, feature: &Feature) -> Result<LessSafeKey, SealedKeysError> {
        let key = derived(&self.0, &[b"carnet wrapping", feature.as_str().as_bytes()])?;
        UnboundKey::new(&AES_256_GCM, &*key).map(LessSafeKey::new).map_err(|_| SealedKeysError::Failed)
    }
}

/// One message under each key, so that the nonce may always be the same.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn derived(secret: &[u8; 32], info: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, SealedKeysError> {
    let mut key = Zeroizing::new([0; 32]);
    let made =
        Salt::new(HKDF_SHA256, &[]).extract(secret).expand(info, Bytes32).map(|made| made.fill(&mut *key));
    match made {
        Ok(Ok(())) => Ok(key),
        _ => Err(SealedKeysError::Failed),
    }
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// Keys are never shown (I17).
impl fmt::Debug for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenseKey(…)")
    }
}
