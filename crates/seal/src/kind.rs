//! The types of documents.

use std::fmt;

/// The type of a signed document. It stands in the protected header (RFC 9596 `typ`) and is bound into the
/// signature once more as external data, so that no document can be taken for one of another type (I14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The keys of a server, signed by its root.
    KeySet = 0,
    /// What a device asks, signed by the device.
    Request = 1,
    /// A user's consent to an offer, signed by the device.
    Agreement = 2,
    /// An offer as it stands in a menu, signed by the server for its supplier.
    Offer = 3,
    /// A slice of a license for one device, signed by the server for its supplier.
    Pass = 4,
    /// A slice on its way between devices, signed by the server for its supplier.
    PortablePass = 5,
    /// A license key on its way to one device, signed by the server for its supplier.
    KeyDelivery = 6,
    /// No, and what to do about it, signed by the server.
    Refusal = 7,
    /// Done, signed by the server.
    Receipt = 8,
    /// What a device has recorded for a supplier, signed by the device and sealed to the supplier.
    UsageReport = 9,
    /// What a device says it has erased, signed by the device and sealed to the supplier.
    ErasureCertificate = 10,
    /// What an installation image holds, signed on the supplier's own machine.
    ImageManifest = 11,
    /// A supplier's request for a report or an erasure, signed on the supplier's own machine.
    ReportRequest = 12,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::KeySet,
        Self::Request,
        Self::Agreement,
        Self::Offer,
        Self::Pass,
        Self::PortablePass,
        Self::KeyDelivery,
        Self::Refusal,
        Self::Receipt,
        Self::UsageReport,
        Self::ErasureCertificate,
        Self::ImageManifest,
        Self::ReportRequest,
    ];

    /// The format that this program writes and reads. A key set can ask for a newer one.
    pub const FORMAT: u64 = 1;

    /// The value of the `typ` header: a media type, as RFC 9596 §2 asks for.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::KeySet => "application/carnet-key-set",
            Self::Request => "application/carnet-request",
            Self::Agreement => "application/carnet-agreement",
            Self::Offer => "application/carnet-offer",
            Self::Pass => "application/carnet-pass",
            Self::PortablePass => "application/carnet-portable-pass",
            Self::KeyDelivery => "application/carnet-key-delivery",
            Self::Refusal => "application/carnet-refusal",
            Self::Receipt => "application/carnet-receipt",
            Self::UsageReport => "application/carnet-usage-report",
            Self::ErasureCertificate => "application/carnet-erasure-certificate",
            Self::ImageManifest => "application/carnet-image-manifest",
            Self::ReportRequest => "application/carnet-report-request",
        }
    }

    /// The number by which key sets name it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The type with this `typ`.
    #[must_use]
    pub fn of_typ(typ: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.typ() == typ)
    }
}

/// As people write it: `portable-pass`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.typ().trim_start_matches("application/carnet-"))
    }
}
