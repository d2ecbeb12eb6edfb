//! What a device and a server say to each other about reports, beside requests and answers (C4, C5).
//!
//! A device asks what suppliers want of it, and hands in codes, which are too long for a request. Neither changes a
//! balance or an epoch, so neither is a request: each is signed over a text of its own, which begins with letters where
//! a signed document begins with `0xd2`, so that none can be taken for the other. Both may be sent any number of times.

use carnet_core::id::{DeviceId, Digest, LicenseId, RequestId, ServerId};
use carnet_core::report::Wanted;
use carnet_core::time::Time;
use sha2::{Digest as _, Sha256};

use crate::cbor::{self, CborError, Limits};
use crate::record;

/// What these are sent as.
pub const CBOR: &str = "application/cbor";
/// The most bytes of a code in one part. All parts but the last have so many.
pub const PART: usize = 128 << 10;

/// A device asks what suppliers want of it. The answer is an array of their signed requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// The server that is asked; another one refuses (I14).
    pub server: ServerId,
    /// Who asks.
    pub device: DeviceId,
    /// When, by the device's clock; more than ten minutes off is refused.
    pub at: Time,
    /// The device's, over [`Inquiry::statement`].
    pub signature: [u8; 64],
}

/// A part of a code. The answer is the number of bytes of the code that have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePart {
    /// The server that it is handed to; another one refuses (I14).
    pub server: ServerId,
    /// Who hands it in.
    pub device: DeviceId,
    /// When, by the device's clock; more than ten minutes off is refused.
    pub at: Time,
    /// The license that it is about: its supplier gets it.
    pub license: LicenseId,
    /// What kind of code.
    pub wanted: Wanted,
    /// The request that it answers.
    pub nonce: Option<RequestId>,
    /// The bytes of the whole code.
    pub length: u64,
    /// Their digest.
    pub digest: Digest,
    /// Where this part begins.
    pub offset: u64,
    /// The part; empty: only to be told how much has arrived.
    pub bytes: Vec<u8>,
    /// The device's, over [`CodePart::statement`].
    pub signature: [u8; 64],
}

record! {
    Inquiry { 1 => server, 2 => device, 3 => at, 4 => signature }
    CodePart {
        1 => server,
        2 => device,
        3 => at,
        4 => license,
        5 => wanted,
        6 => nonce,
        7 => length,
        8 => digest,
        9 => offset,
        10 => bytes,
        11 => signature,
    }
}

impl Inquiry {
    /// What is signed.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        let Self { server, device, at, .. } = self;
        format!("carnet-report-inquiry-1\n{server}\n{device}\n{at}\n").into_bytes()
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode(bytes)
    }
}

impl CodePart {
    /// What is signed.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        let Self { server, device, at, license, wanted, nonce, length, digest, offset, bytes, .. } = self;
        let wanted = match wanted {
            Wanted::Usage => "usage",
            Wanted::Erasure => "erasure",
        };
        let nonce = nonce.map_or("-".into(), |nonce| nonce.to_string());
        let part = Digest(Sha256::digest(bytes).into());
        let place = format!("{license}\n{wanted}\n{nonce}\n{length}\n{digest}\n{offset}\n{part}");
        format!("carnet-report-part-1\n{server}\n{device}\n{at}\n{place}\n").into_bytes()
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_within(bytes, Limits::MESSAGE)
    }
}
