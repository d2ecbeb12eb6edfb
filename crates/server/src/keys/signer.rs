//! Signing with aws-lc-rs: the same signatures as the devices' library makes, nearly twice as fast.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use carnet_core::document::PublicKey;
use carnet_seal::keys::Algorithm;
use carnet_seal::{KeyId, Signer, SignerFault, VerifyingKey};

use super::KeyFault;

/// A secret key of the server.
pub struct ServerSigner {
    pair: Ed25519KeyPair,
    public: PublicKey,
    id: KeyId,
}

impl ServerSigner {
    /// The key of this seed.
    ///
    /// # Errors
    /// [`KeyFault::Unusable`] when the library refuses it.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyFault> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyFault::Unusable)?;
        let mut public = PublicKey([0; 32]);
        let bytes = pair.public_key().as_ref();
        if bytes.len() != public.0.len() {
            return Err(KeyFault::Unusable);
        }
        public.0.copy_from_slice(bytes);
        let id = VerifyingKey::ed25519(public).map_err(|_| KeyFault::Unusable)?.id();
        Ok(Self { pair, public, id })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }
}

impl Signer for ServerSigner {
    fn key_id(&self) -> KeyId {
        self.id
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    /// Ed25519 is deterministic: the same bytes give the same signature (I5). A key in memory cannot fail.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFault> {
        let mut bytes = [0; 64];
        let signature = self.pair.sign(message);
        // Ed25519 signatures have 64 bytes; a shorter copy would only ever fail to verify.
        bytes.iter_mut().zip(signature.as_ref()).for_each(|(to, from)| *to = *from);
        Ok(bytes)
    }
}

/// The public name only (I17).
impl fmt::Debug for ServerSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSigner({}, …)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use carnet_seal::SigningKey;

    use super::*;

    #[test]
    fn both_libraries_make_the_same_signatures() {
        for seed in [[0_u8; 32], [0x5a; 32], [0xff; 32]] {
            let (ours, theirs) = (ServerSigner::from_seed(&seed).unwrap(), SigningKey::from_seed(&seed));
            assert_eq!((ours.public(), ours.key_id()), (theirs.public(), theirs.key_id()));
            for length in [0, 1, 31, 32, 400, 70_000] {
                let message = vec![0xa7; length];
                let signature = ours.sign(&message).unwrap();
                assert_eq!(signature, theirs.sign(&message), "{length}");
                assert_eq!(theirs.verifying_key().verify(&message, &signature), Ok(()));
            }
        }
    }
}
