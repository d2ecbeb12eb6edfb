//! What a server's key is for.

use carnet_core::app::SupplierName;
use carnet_core::id::SupplierId;

use crate::choice;

/// What a key may be used for. A supplier's key never speaks for another supplier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The server's own answers: those that concern no supplier, and refusals and receipts.
    Server,
    /// Passes, portable passes, offers and answers of one supplier.
    Issue {
        /// Which supplier.
        supplier: SupplierId,
        /// The first part of its app ids.
        name: SupplierName,
    },
    /// Reserved: what the key service delivers.
    KeyService,
    /// Reserved: usage reports for one supplier are sealed to it.
    Report {
        /// Which supplier.
        supplier: SupplierId,
        /// The first part of its app ids.
        name: SupplierName,
    },
    /// Manifests of installation images of one supplier. The secret half never leaves the supplier's machine.
    Image {
        /// Which supplier.
        supplier: SupplierId,
        /// The first part of its app ids.
        name: SupplierName,
    },
}

// The reserved ones have their numbers already: a program of today must be able to read the key set of a
// server that uses them.
choice! {
    Purpose {
        0 => Server,
        1 => Issue { supplier, name },
        2 => KeyService,
        3 => Report { supplier, name },
        4 => Image { supplier, name },
    }
}
