//! A device's key as a TPM has it: ECDSA over P-256, and for the same bytes another signature each time.

#![expect(clippy::expect_used, reason = "a key of a test is one")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use carnet_core::device_key::DeviceSigningKey;
use carnet_seal::keys::{Algorithm, VerifyingKey};
use carnet_seal::{KeyId, Signer, SignerFault};
use p256::ecdsa::signature::RandomizedSigner;
use p256::ecdsa::signature::rand_core::{TryCryptoRng, TryRng};
use p256::ecdsa::{Signature, SigningKey};

/// The key, and how often it has signed.
#[derive(Debug)]
pub struct TpmKey {
    key: SigningKey,
    signed: AtomicU64,
}

impl TpmKey {
    /// The key whose secret number is this byte, over and over.
    ///
    /// # Panics
    /// For 0 and 255, which make no key.
    #[must_use]
    pub fn from_seed(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).expect("a number between 0 and the order of the curve");
        Self { key, signed: AtomicU64::new(0) }
    }

    /// What checks its signatures, as it is written.
    ///
    /// # Panics
    /// Never: the point is not that at infinity.
    #[must_use]
    pub fn public(&self) -> DeviceSigningKey {
        let point = self.key.verifying_key().to_sec1_point(false);
        let [x, y] = [point.x(), point.y()].map(|part| (*part.expect("not compressed")).into());
        DeviceSigningKey::P256 { x, y }
    }

    /// What checks its signatures.
    ///
    /// # Panics
    /// Never: it is a key.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::of_device(self.public()).expect("a point of the curve")
    }
}

impl Signer for TpmKey {
    fn key_id(&self) -> KeyId {
        self.verifying_key().id()
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Esp256
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFault> {
        let mut round = Round(self.signed.fetch_add(1, Ordering::Relaxed));
        let signature: Signature = self.key.sign_with_rng(&mut round, message);
        Ok(signature.normalize_s().to_bytes().into())
    }
}

/// Nothing random: runs can be repeated.
struct Round(u64);

impl TryRng for Round {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0 as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().zip(self.0.to_le_bytes().into_iter().cycle()).for_each(|(to, from)| *to = from);
        Ok(())
    }
}

impl TryCryptoRng for Round {}
