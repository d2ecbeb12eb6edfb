//! Report keys that suppliers have deposited, so that the server can judge what comes without a person (C4).
//!
//! They are encrypted like the server's own secret keys, and leave no other trace: the half that opens is never shown
//! again, and withdrawing it erases it. The half that signs requests is never here.

use carnet_core::document::PublicKey;
use carnet_core::id::{Digest, SupplierId};
use carnet_seal::KeyId;
use carnet_seal::keys::{AgreementKey, CoseKey};
use carnet_store::{Reading, StoreError, Writing};

use crate::keys::KeyFault;
use crate::server::Server;

/// More generations than anybody needs.
pub const MOST: usize = 16;
/// The public half, then nonce, seed and tag.
const ROW: usize = 32 + 12 + 32 + 16;

fn name(supplier: SupplierId) -> String {
    format!("report-key/{supplier}")
}

fn id_of(public: PublicKey) -> KeyId {
    CoseKey::X25519(public).id()
}

/// The public halves of what a supplier has deposited.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub fn public_halves(tx: &Reading<'_>, supplier: SupplierId) -> Result<Vec<Digest>, StoreError> {
    let rows = tx.setting(&name(supplier))?.unwrap_or_default();
    Ok(rows.chunks_exact(ROW).filter_map(|row| row.first_chunk().copied().map(Digest)).collect())
}

/// Keeps a key; one that is there already stays as it is. False: there are too many.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub fn keep(tx: &Writing<'_>, supplier: SupplierId, row: &[u8]) -> Result<bool, StoreError> {
    let mut rows = tx.setting(&name(supplier))?.unwrap_or_default();
    if rows.chunks_exact(ROW).any(|known| known.get(..32) == row.get(..32)) {
        return Ok(true);
    }
    if rows.len() / ROW >= MOST {
        return Ok(false);
    }
    rows.extend_from_slice(row);
    tx.put_setting(&name(supplier), &rows)?;
    Ok(true)
}

/// Erases all keys of a supplier.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub fn erase(tx: &Writing<'_>, supplier: SupplierId) -> Result<(), StoreError> {
    tx.drop_setting(&name(supplier))
}

/// The key as it is kept.
///
/// # Errors
/// [`KeyFault`] when it cannot be encrypted.
pub fn sealed(server: &Server, seed: &[u8; 32]) -> Result<Vec<u8>, KeyFault> {
    let public = AgreementKey::from_seed(seed).public();
    let mut row = public.0.to_vec();
    row.extend(server.keys().at_rest().seal(id_of(public), seed, server.random())?);
    Ok(row)
}

/// The keys of a supplier, opened.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub fn opened(
    server: &Server,
    tx: &Reading<'_>,
    supplier: SupplierId,
) -> Result<Vec<AgreementKey>, StoreError> {
    let rows = tx.setting(&name(supplier))?.unwrap_or_default();
    let open = |row: &[u8]| {
        let (public, sealed) = row.split_first_chunk::<32>()?;
        let seed = server.keys().at_rest().unseal(id_of(PublicKey(*public)), sealed).ok()?;
        Some(AgreementKey::from_seed(&seed))
    };
    Ok(rows.chunks_exact(ROW).filter_map(open).collect())
}
