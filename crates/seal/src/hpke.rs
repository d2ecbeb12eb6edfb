//! HPKE (RFC 9180) in the one form that is used here: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! ChaCha20Poly1305. Random bytes come in from outside.

use std::convert::Infallible;

use carnet_core::document::PublicKey;
use hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use zeroize::Zeroizing;

use crate::keys::AgreementKey;

type Suite = X25519HkdfSha256;

/// What every sealed piece is longer by.
pub(crate) const TAG: usize = 16;

/// Something does not open: it was changed, or is for somebody else, or at another place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seal does not open")]
pub struct NotOpened;

/// Seals one piece after the other to one receiver. Lives in memory only.
pub(crate) struct Sender(AeadCtxS<ChaCha20Poly1305, HkdfSha256, Suite>);

/// Opens the pieces in the order in which they were sealed.
pub(crate) struct Receiver(AeadCtxR<ChaCha20Poly1305, HkdfSha256, Suite>);

impl Sender {
    /// Begins to seal to `to`. `seed` is 32 random bytes, used for nothing else. Also returns what the receiver
    /// needs to begin.
    pub fn begin(to: PublicKey, info: &[u8], seed: [u8; 32]) -> Result<(Self, PublicKey), NotOpened> {
        let to = <Suite as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| NotOpened)?;
        let mut seed = Given(Zeroizing::new(seed));
        let (begins, context) =
            setup_sender_with_rng(&OpModeS::Base, &to, info, &mut seed).map_err(|_| NotOpened)?;
        Ok((Self(context), PublicKey(begins.to_bytes().into())))
    }

    /// Seals the next piece; `beside` is bound to it and not part of it.
    pub fn seal(&mut self, piece: &[u8], beside: &[u8]) -> Result<Vec<u8>, NotOpened> {
        self.0.seal(piece, beside).map_err(|_| NotOpened)
    }
}

impl Receiver {
    /// Begins to open what was begun for `key`.
    pub fn begin(key: &AgreementKey, begins: PublicKey, info: &[u8]) -> Result<Self, NotOpened> {
        let own = <Suite as Kem>::PrivateKey::from_bytes(key.seed()).map_err(|_| NotOpened)?;
        let begins = <Suite as Kem>::EncappedKey::from_bytes(&begins.0).map_err(|_| NotOpened)?;
        setup_receiver(&OpModeR::Base, &own, &begins, info).map(Self).map_err(|_| NotOpened)
    }

    /// Opens the next piece. After a piece that does not open, the same place is tried again.
    pub fn open(&mut self, piece: &[u8], beside: &[u8]) -> Result<Vec<u8>, NotOpened> {
        self.0.open(piece, beside).map_err(|_| NotOpened)
    }
}

/// Seals a single piece to `to`, with what the receiver needs to begin; `info` must be known to whoever opens it.
/// `seed` is 32 random bytes, used for nothing else.
///
/// # Errors
/// [`NotOpened`] when that is no key that can be sealed to.
pub fn seal_once(
    to: PublicKey,
    info: &[u8],
    piece: &[u8],
    seed: [u8; 32],
) -> Result<(PublicKey, Vec<u8>), NotOpened> {
    let (mut sender, begins) = Sender::begin(to, info, seed)?;
    Ok((begins, sender.seal(piece, &[])?))
}

/// Opens a single piece.
///
/// # Errors
/// [`NotOpened`] when it was changed, or is for somebody else.
pub fn open_once(
    key: &AgreementKey,
    begins: PublicKey,
    info: &[u8],
    piece: &[u8],
) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    Receiver::begin(key, begins, info)?.open(piece, &[]).map(Zeroizing::new)
}

/// 32 random bytes that somebody else has drawn, as the library wants them. The key is derived from what it reads
/// first (RFC 9180 §7.1.3); should it ever read more, it reads on in a stream of them.
struct Given(Zeroizing<[u8; 32]>);

impl TryRng for Given {
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

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        use sha2::{Digest, Sha256};
        for part in out.chunks_mut(32) {
            part.copy_from_slice(&self.0[..part.len()]);
            *self.0 = Sha256::digest(*self.0).into();
        }
        Ok(())
    }
}

impl TryCryptoRng for Given {}
