//! What is sealed to a key service, or by it to a device: a single piece, as [`carnet_seal::hpke`] seals it. Random
//! bytes come in from outside.

use carnet_core::document::PublicKey;
use carnet_seal::hpke::{open_once, seal_once};
use carnet_seal::keys::AgreementKey;
use carnet_seam::{Random, random};
use zeroize::Zeroizing;

use crate::sealed_keys::SealedKeysError;

/// What the receiver begins with (RFC 9180 §4.1, `enc`).
pub(crate) type Encapsulated = [u8; 32];

/// Seals bytes to `to`; `bound` must be known to whoever opens them.
pub(crate) fn seal(
    to: PublicKey,
    bound: &[u8],
    plain: &[u8],
    source: &dyn Random,
) -> Result<(Encapsulated, Vec<u8>), SealedKeysError> {
    let sealed = seal_once(to, bound, plain, random::bytes(source)?);
    let (begins, bytes) = sealed.map_err(|_| SealedKeysError::Failed)?;
    Ok((begins.0, bytes))
}

/// Opens them with the seed of the receiver's key.
pub(crate) fn open(
    seed: &[u8; 32],
    bound: &[u8],
    encapsulated: &Encapsulated,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealedKeysError> {
    let key = AgreementKey::from_seed(seed);
    let opened = open_once(&key, PublicKey(*encapsulated), bound, sealed);
    opened.map_err(|_| SealedKeysError::DoesNotOpen)
}
