//! Fresh names.

use carnet_core::id::{Digest, SupplierId};
use carnet_core::time::Time;
use carnet_seam::{NoRandom, Random, random};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use zeroize::Zeroizing;

/// A supplier id that sorts by time (UUIDv7).
///
/// # Errors
/// When no random bytes are to be had.
pub fn supplier_id(now: Time, random: &dyn Random) -> Result<SupplierId, NoRandom> {
    let entropy = random::bytes::<10>(random)?;
    let millis = u64::try_from(now.0 / 1_000).unwrap_or(0);
    Ok(SupplierId(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid().into_bytes()))
}

/// A supplier's token: 256 random bits behind a prefix that scanners know.
///
/// # Errors
/// When no random bytes are to be had.
pub fn token(random: &dyn Random) -> Result<Zeroizing<String>, NoRandom> {
    let secret = Zeroizing::new(random::bytes::<32>(random)?);
    let text = Zeroizing::new(BASE64URL_NOPAD.encode(&*secret));
    Ok(Zeroizing::new(carnet_api::supplier::token_of(&text)))
}

/// A set-up code: 128 random bits in letters and digits that can be read aloud.
///
/// # Errors
/// When no random bytes are to be had.
pub fn setup_code(random: &dyn Random) -> Result<Zeroizing<String>, NoRandom> {
    let secret = Zeroizing::new(random::bytes::<16>(random)?);
    let text = Zeroizing::new(BASE32_NOPAD.encode(&*secret).to_ascii_lowercase());
    Ok(Zeroizing::new(format!("{}{}", carnet_api::SETUP_PREFIX, *text)))
}

/// SHA-256. Tokens and codes are random enough that nothing slower is needed to keep them.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Digest(digest)
}
