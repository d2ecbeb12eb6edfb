//! Secret keys at rest: AES-256-GCM under a key that lies beside the database, never in it.
//!
//! A stolen database, or a backup of it, signs nothing without `secret.key`.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use carnet_seal::KeyId;
use carnet_seam::fs::{read_file, replace_file};
use carnet_seam::{Fs, Random, random};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::KeyFault;

/// The name of the file in the data folder.
pub const SECRET_FILE: &str = "secret.key";

/// What encrypts the server's secret keys.
pub struct AtRest(LessSafeKey);

impl AtRest {
    /// With this secret.
    ///
    /// # Errors
    /// [`KeyFault::Unusable`] when the library refuses it.
    pub fn new(secret: &[u8; 32]) -> Result<Self, KeyFault> {
        let key = UnboundKey::new(&AES_256_GCM, secret).map_err(|_| KeyFault::Unusable)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Reads the secret from its file.
    ///
    /// # Errors
    /// [`KeyFault::NoSecret`] when there is none, [`KeyFault::Exposed`] when others can read it.
    pub fn open(fs: &dyn Fs, folder: &Path) -> Result<Self, KeyFault> {
        let path = folder.join(SECRET_FILE);
        let Some(facts) = fs.facts(&path)? else { return Err(KeyFault::NoSecret(path)) };
        if facts.mode & 0o077 != 0 {
            return Err(KeyFault::Exposed(path));
        }
        Self::parse(&Zeroizing::new(read_file(fs, &path, 256)?.unwrap_or_default()), &path)
    }

    /// Reads the secret from the text of its file, which is named in errors.
    ///
    /// # Errors
    /// [`KeyFault::Malformed`] when it is none.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, KeyFault> {
        let mut secret = Zeroizing::new([0; 32]);
        let digits = text.trim_ascii();
        // The decoder demands that the output fits exactly.
        if digits.len() != 64 || HEXLOWER.decode_mut(digits, &mut *secret).is_err() {
            return Err(KeyFault::Malformed(path.to_owned()));
        }
        Self::new(&secret)
    }

    /// Makes a secret and its file, for a data folder that has no keys yet.
    ///
    /// # Errors
    /// When the file cannot be written, or no random bytes are to be had.
    pub fn create(fs: &dyn Fs, folder: &Path, random: &dyn Random) -> Result<Self, KeyFault> {
        let secret = Zeroizing::new(random::bytes::<32>(random)?);
        let mut text = Zeroizing::new(HEXLOWER.encode(&*secret));
        text.push('\n');
        replace_file(fs, &folder.join(SECRET_FILE), text.as_bytes())?;
        Self::new(&secret)
    }

    /// Encrypts a seed. The key id is bound to it, so that no key can be put in the place of another.
    ///
    /// # Errors
    /// When no random bytes are to be had.
    pub fn seal(&self, id: KeyId, seed: &[u8; 32], random: &dyn Random) -> Result<Vec<u8>, KeyFault> {
        let nonce: [u8; NONCE_LEN] = random::bytes(random)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + seed.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(seed);
        let (_, secret) = sealed.split_at_mut(NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(id.0), secret);
        sealed.extend_from_slice(tag.map_err(|_| KeyFault::Unusable)?.as_ref());
        Ok(sealed)
    }

    /// Decrypts a seed.
    ///
    /// # Errors
    /// [`KeyFault::WrongSecret`] when it was sealed under another secret, for another key, or changed.
    pub fn unseal(&self, id: KeyId, sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(KeyFault::WrongSecret)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyFault::WrongSecret)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let seed = self.0.open_in_place(nonce, Aad::from(id.0), &mut bytes);
        let seed = seed.map_err(|_| KeyFault::WrongSecret)?;
        <[u8; 32]>::try_from(&*seed).map(Zeroizing::new).map_err(|_| KeyFault::WrongSecret)
    }
}

/// Nothing of it (I17).
impl fmt::Debug for AtRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtRest(…)")
    }
}

/// Where the secret lies, for messages.
#[must_use]
pub fn secret_path(folder: &Path) -> PathBuf {
    folder.join(SECRET_FILE)
}

#[cfg(test)]
mod tests {
    use carnet_seam::SystemRandom;

    use super::*;

    #[test]
    fn a_seed_comes_back_only_for_its_key_under_its_secret_unchanged() {
        let (at_rest, other) = (AtRest::new(&[1; 32]).unwrap(), AtRest::new(&[2; 32]).unwrap());
        let (id, seed) = (KeyId([7; 8]), [0x5a; 32]);
        let sealed = at_rest.seal(id, &seed, &SystemRandom).unwrap();
        assert_eq!(*at_rest.unseal(id, &sealed).unwrap(), seed);
        assert!(at_rest.unseal(KeyId([8; 8]), &sealed).is_err());
        assert!(other.unseal(id, &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(at_rest.unseal(id, &changed).is_err(), "{at}");
            assert!(at_rest.unseal(id, &sealed[..at]).is_err(), "{at}");
        }
        assert_ne!(sealed, at_rest.seal(id, &seed, &SystemRandom).unwrap());
        assert!(!sealed.windows(8).any(|window| window == &seed[..8]));
    }
}
