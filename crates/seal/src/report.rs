//! Contract management: who must have signed what, and the keys on the supplier's own machine (C1 to C5).
//!
//! | document | claims | checked with |
//! |---|---|---|
//! | report request | [`ReportRequest`] | the keys in the agreement's reporting clause: `Unverified::<ReportRequest>::verify` |
//! | usage report | [`UsageReport`] | the key that it brings, from which the device's name follows: [`open_report`] |
//! | erasure certificate | [`ErasureCertificate`] | the same: [`open_certificate`] |
//!
//! Reports and certificates are then sealed to the supplier ([`sealed`](crate::sealed)); details in records are
//! sealed one by one ([`detail`](crate::detail)).

use carnet_core::id::Digest;
use carnet_core::report::{
    Attachment, ErasureCertificate, ReportKeys, ReportRequest, Statement, UsageReport,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::envelope::{Document, Signed, Unverified, document};
use crate::error::SealError;
use crate::keys::{AgreementKey, CoseKey, KeyId, OpensCodes, SigningKey, VerifyingKey, device_of};
use crate::sealed::{self, Carried, CodeError};

document! {
    ReportRequest: ReportRequest,
    UsageReport: UsageReport,
    ErasureCertificate: ErasureCertificate,
}

/// One generation of a supplier's report keys, both halves: never leaves the supplier's own machine.
#[derive(Debug, Clone)]
pub struct ReportSecrets {
    /// Opens what is sealed to the supplier.
    pub opens: AgreementKey,
    /// Signs the supplier's requests.
    pub asks: SigningKey,
}

impl ReportSecrets {
    /// The keys of these seeds: two times 32 bytes that were chosen at random and are kept secret.
    #[must_use]
    pub fn from_seeds(seeds: &[u8; 64]) -> Self {
        let (mut opens, mut asks) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        opens.copy_from_slice(&seeds[..32]);
        asks.copy_from_slice(&seeds[32..]);
        Self { opens: AgreementKey::from_seed(&opens), asks: SigningKey::from_seed(&asks) }
    }

    /// The public halves, for the reporting clause of offers.
    #[must_use]
    pub fn public(&self) -> ReportKeys {
        ReportKeys { seal_to: self.opens.public(), asks: self.asks.public() }
    }

    /// The short name of the key that things are sealed to.
    #[must_use]
    pub fn id(&self) -> KeyId {
        CoseKey::X25519(self.opens.public()).id()
    }
}

impl OpensCodes for ReportSecrets {
    fn opening_key(&self) -> &AgreementKey {
        &self.opens
    }
}

impl Unverified<ReportRequest> {
    /// Checks a request with the keys that the user has agreed to.
    ///
    /// # Errors
    /// When they have not signed it.
    pub fn verify(&self, keys: &ReportKeys) -> Result<Signed<ReportRequest>, SealError> {
        self.check(&VerifyingKey::ed25519(keys.asks)?)
    }

    /// What the request says. Nobody has checked it yet.
    ///
    /// # Errors
    /// When the claims are malformed.
    pub fn claims_unchecked(&self) -> Result<ReportRequest, SealError> {
        self.unverified_claims()
    }
}

/// Names bytes that lie beside a document.
#[must_use]
pub fn attachment(bytes: &[u8]) -> Attachment {
    Attachment { length: bytes.len() as u64, digest: Digest(Sha256::digest(bytes).into()) }
}

/// A report and its records, as they were sealed.
pub type OpenedReport = (Signed<UsageReport>, Vec<u8>);
/// A certificate and its list, as they were sealed.
pub type OpenedCertificate = (Signed<ErasureCertificate>, Vec<u8>);

/// Opens a usage report with the key that it is sealed to, and checks that the device that it names has signed it.
///
/// # Errors
/// [`CodeError`]: it is damaged, for somebody else, or not what its device has signed.
pub fn open_report<K: OpensCodes>(code: &[u8], keys: &[K]) -> Result<OpenedReport, CodeError> {
    let opened = sealed::open(Carried::Report, code, keys)?;
    let signed = Unverified::<UsageReport>::parse(&opened.document)?.verify()?;
    beside(signed.claims().records, &opened.attachment)?;
    Ok((signed, opened.attachment))
}

/// Opens an erasure certificate, as [`open_report`] does a report.
///
/// # Errors
/// As there.
pub fn open_certificate<K: OpensCodes>(code: &[u8], keys: &[K]) -> Result<OpenedCertificate, CodeError> {
    let opened = sealed::open(Carried::Certificate, code, keys)?;
    let signed = Unverified::<ErasureCertificate>::parse(&opened.document)?.verify()?;
    beside(signed.claims().list, &opened.attachment)?;
    Ok((signed, opened.attachment))
}

impl Unverified<UsageReport> {
    /// Checks that the device that the report names has signed it.
    ///
    /// # Errors
    /// When it has not.
    pub fn verify(&self) -> Result<Signed<UsageReport>, SealError> {
        by_device(self, |report| &report.says)
    }
}

impl Unverified<ErasureCertificate> {
    /// Checks that the device that the certificate names has signed it.
    ///
    /// # Errors
    /// When it has not.
    pub fn verify(&self) -> Result<Signed<ErasureCertificate>, SealError> {
        by_device(self, |certificate| &certificate.says)
    }
}

/// A device has the name of its key, so the key that it brings is the right one.
fn by_device<T: Document>(
    document: &Unverified<T>,
    says: impl FnOnce(&T) -> &Statement,
) -> Result<Signed<T>, SealError> {
    let claims = document.unverified_claims()?;
    let says = says(&claims);
    if device_of(says.device_key) != says.device {
        return Err(SealError::OtherDevice(says.device));
    }
    let key = VerifyingKey::of_device(says.device_key)?;
    document.check(&key)
}

fn beside(named: Attachment, bytes: &[u8]) -> Result<(), CodeError> {
    if named == attachment(bytes) { Ok(()) } else { Err(CodeError::OtherAttachment) }
}
