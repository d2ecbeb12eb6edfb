//! HPKE (RFC 9180) in the one form that is used here: a single piece in base mode, X25519, HKDF-SHA256,
//! ChaCha20-Poly1305. Random bytes come in from outside.

use std::convert::Infallible;

use carnet_core::document::PublicKey;
use carnet_seam::{NoRandom, Random};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use crate::sealed_keys::SealedKeysError;

/// What the receiver begins with (RFC 9180 §4.1, `enc`).
pub(crate) type Encapsulated = [u8; 32];

/// Seals bytes to `to`; `bound` must be known to whoever opens them.
pub(crate) fn seal(
    to: PublicKey,
    bound: &[u8],
    plain: &[u8],
    random: &dyn Random,
) -> Result<(Encapsulated, Vec<u8>), SealedKeysError> {
    let recipient = Deserializable::from_bytes(&to.0).map_err(|_| SealedKeysError::BadKey)?;
    let mut source = Source { random, failed: None };
    let made = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        bound,
        plain,
        &[],
        &mut source,
    );
    if let Some(failed) = source.failed {
        return Err(failed.into());
    }
    let (encapsulated, bytes) = made.map_err(|_| SealedKeysError::Failed)?;
    let mut begins = [0; 32];
    encapsulated.write_exact(&mut begins);
    Ok((begins, bytes))
}

/// Opens them with the seed of the receiver's key.
pub(crate) fn open(
    seed: &[u8; 32],
    bound: &[u8],
    encapsulated: &Encapsulated,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealedKeysError> {
    let failed = |_| SealedKeysError::DoesNotOpen;
    let secret: <X25519HkdfSha256 as Kem>::PrivateKey = Deserializable::from_bytes(seed).map_err(failed)?;
    let encapsulated = Deserializable::from_bytes(encapsulated).map_err(failed)?;
    let plain = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        bound,
        sealed,
        &[],
    );
    plain.map(Zeroizing::new).map_err(failed)
}

/// Random bytes that come in from outside, for a library that cannot be told that there are none: this remembers it.
struct Source<'r> {
    random: &'r dyn Random,
    failed: Option<NoRandom>,
}

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if let Err(failed) = self.random.fill(bytes) {
            self.failed = Some(failed);
        }
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}
