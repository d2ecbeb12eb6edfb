//! Details of use, sealed to the supplier one by one (C1).
//!
//! A run has one HPKE context, which is kept in memory only: when the run is over, nobody on the device can open or
//! continue what it has sealed. Its first record says how it begins. Each piece is bound to the record beside which it
//! stands, and to its place among the pieces of the run: a record that is changed, left out, put in or moved leaves a
//! piece that does not open.

use carnet_core::document::PublicKey;
use carnet_core::id::RunId;
use carnet_core::journal::Record;
use carnet_core::report::Detail;

use crate::cbor::{self, Limits};
use crate::error::SealError;
use crate::hpke::{NotOpened, Receiver, Sender};
use crate::keys::AgreementKey;

const INFO: &[u8] = b"carnet run details";

/// Seals the details of one run.
pub struct DetailSealer {
    run: RunId,
    to: PublicKey,
    sender: Sender,
    begins: Option<PublicKey>,
}

/// The public facts only (I17).
impl std::fmt::Debug for DetailSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DetailSealer({}, …)", self.run)
    }
}

/// Opens the details of one run, in their order.
pub struct DetailOpener(Receiver);

impl std::fmt::Debug for DetailOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DetailOpener(…)")
    }
}

fn info(run: RunId) -> Vec<u8> {
    [INFO, &run.0].concat()
}

impl DetailSealer {
    /// Begins to seal. `seed` is 32 random bytes, used for nothing else.
    ///
    /// # Errors
    /// [`SealError::BadKey`] when nothing can be sealed to `to`.
    pub fn begin(run: RunId, to: PublicKey, seed: [u8; 32]) -> Result<Self, SealError> {
        let (sender, begins) = Sender::begin(to, &info(run), seed).map_err(|_| SealError::BadKey)?;
        Ok(Self { run, to, sender, begins: Some(begins) })
    }

    /// The run that it seals for, and the key to which it seals.
    #[must_use]
    pub const fn whose(&self) -> (RunId, PublicKey) {
        (self.run, self.to)
    }

    /// The record together with its sealed detail. What is returned must be recorded, or this sealer be given up: a
    /// piece that is missing looks like a record that was removed.
    ///
    /// # Errors
    /// [`SealError::BadKey`] when a context has sealed more than it may.
    pub fn seal(&mut self, of: Record, detail: &Detail) -> Result<Record, SealError> {
        let beside = cbor::encode(&of);
        let sealed = self.sender.seal(&cbor::encode(detail), &beside).map_err(|_| SealError::BadKey)?;
        Ok(Record::WithDetail { of: Box::new(of), run: self.run, begins: self.begins.take(), sealed })
    }
}

impl DetailOpener {
    /// Begins to open what a run has begun to seal.
    ///
    /// # Errors
    /// [`NotOpened`] when it was begun for somebody else.
    pub fn begin(key: &AgreementKey, run: RunId, begins: PublicKey) -> Result<Self, NotOpened> {
        Receiver::begin(key, begins, &info(run)).map(Self)
    }

    /// The next detail of the run.
    ///
    /// # Errors
    /// [`NotOpened`] when it does not belong here.
    pub fn open(&mut self, of: &Record, sealed: &[u8]) -> Result<Detail, NotOpened> {
        let opened = self.0.open(sealed, &cbor::encode(of))?;
        cbor::decode_within(&opened, Limits::DOCUMENT).map_err(|_| NotOpened)
    }
}
