//! The ledger: the one writer of licenses, journals, devices, moves and events.
//!
//! [`Ledger::submit`] queues one piece of [`Work`]. The writer thread takes what has queued up while the last
//! batch was committed, decides it in order on a working copy ([`carnet_core::server::decide`]), writes each
//! changed row once, commits once, and then replies to all. Nothing is signed here: the answer's to-be-signed
//! bytes are made by the server's [`Prepare`] and signed by whoever receives [`Settled`].

mod acts;
mod ahead;
mod apply;
mod engine;
mod load;
mod past;
mod working;

pub(crate) use ahead::{Ahead, Done, Reader};

use std::fmt;
use std::sync::Arc;

use carnet_core::charge::{Charge, ChargeAct, NotChargeable};
use carnet_core::document::{Answer, JournalName, Person, Request};
use carnet_core::id::{ChargeId, DeviceId, Digest, LicenseId, ServerId, SupplierId, UserId};
use carnet_core::license::{Act, NotApplicable, Standing};
use carnet_core::provision::{Handed, KeyTransaction};
use carnet_core::server::{Beside, Code, Proof, Rejection};

use crate::StoreError;
use crate::event::Reported;
use crate::store::Shared;
use crate::turns::Lane;
use crate::tx::Reading;
use crate::writer::{Job, Writer};

/// Makes the to-be-signed bytes of an answer. Pure and quick: it runs on the writer thread.
pub trait Prepare: Send + Sync {
    /// The bytes, key id included, that will be signed with the issuing key for this supplier (none: the
    /// server's own, for registrations and unknown apps). The same answer always gives the same bytes.
    fn prepare(&self, answer: &Answer, supplier: Option<SupplierId>) -> Prepared;

    /// Called at the beginning of each batch on a database that other servers write to as well: what was read
    /// before may be out of date.
    ///
    /// # Errors
    /// When it cannot be read again; the batch is rolled back then.
    fn refresh(&self, tx: &Reading<'_>) -> Result<(), StoreError> {
        let _ = tx;
        Ok(())
    }
}

/// An answer, ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The to-be-signed bytes; kept in the journal's slot until the next answer.
    pub bytes: Vec<u8>,
    /// Digest of the answer's payload, as the device's next request will quote it.
    pub digest: Digest,
}

/// Something the ledger decides.
#[derive(Debug, Clone)]
pub enum Work {
    /// A device's request.
    Request(Box<Submission>),
    /// A supplier's act on a license.
    Act {
        /// Whose license: another supplier's is not found (I15).
        supplier: SupplierId,
        /// Which.
        license: LicenseId,
        /// What.
        act: Act,
        /// Who did it, for the audit record: an account or token label, no personal value.
        by: String,
        /// Why, in the supplier's own words; kept for ever.
        reason: Option<String>,
    },
    /// A gateway, or the supplier, says what has become of a charge.
    Charge {
        /// Whose charge: another supplier's is not found (I15).
        supplier: SupplierId,
        /// Which.
        charge: ChargeId,
        /// What.
        act: ChargeAct,
        /// Who says it, for the audit record.
        by: String,
        /// Their own words or reference, bounded by the caller; no personal value.
        note: String,
    },
    /// The supplier frees what a device holds of its licenses, beyond what the user may do alone (D5).
    FreeDevice {
        /// Whose licenses.
        supplier: SupplierId,
        /// Which device.
        device: DeviceId,
        /// Who did it, for the audit record.
        by: String,
    },
    /// The supplier has looked at a flagged journal: it may go on, and its next divergence is settled.
    Review {
        /// Whose app: another supplier's is not found (I15).
        supplier: SupplierId,
        /// Which.
        journal: JournalName,
        /// Who did it, for the audit record.
        by: String,
    },
    /// Something happened about a report on a license (C4).
    Report {
        /// Whose license: another supplier's is not found (I15).
        supplier: SupplierId,
        /// Which.
        license: LicenseId,
        /// What, and until when the license's first open request is due from now on.
        reported: Reported,
    },
    /// A shop registers a user, and codes by which the devices that it has sold join (B1).
    Sell(Box<Sale>),
}

/// What a shop has sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// Whose shop.
    pub supplier: SupplierId,
    /// The user, who is new.
    pub user: UserId,
    /// The person.
    pub person: Person,
    /// One for each device.
    pub codes: Vec<Code>,
    /// Who did it, for the audit record.
    pub by: String,
}

/// A device's request whose signature has been checked.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What is asked.
    pub request: Request,
    /// Digest of its payload.
    pub body: Digest,
    /// The device's last answer, when it came along.
    pub proof: Beside,
    /// The device's registration receipt, when it came along and its signature is ours.
    pub receipt: Option<Proof>,
    /// Digest of the code that the request shows, where it shows one.
    pub code: Option<Digest>,
    /// The signed agreement to keep with a new license. None: the one inside the request is kept.
    pub agreement_document: Option<Vec<u8>>,
    /// What the key service has said to it.
    pub handed: Handed,
}

/// What became of a piece of work. Whatever it says is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// There is an answer: sign these bytes and send them.
    Answered {
        /// The to-be-signed bytes.
        payload: Vec<u8>,
        /// Where they come from.
        how: How,
    },
    /// It depends on the answer beside the request, which is [`Beside::Unchecked`]: check it, and submit the
    /// request again. Nothing has changed.
    CheckProof,
    /// The key service is to be asked for the keys of this order; then submit the request again with what it says.
    /// Nothing has changed.
    WantsKeys(Box<KeyTransaction>),
    /// There is no answer document; nothing has changed.
    Rejected(Rejection),
    /// The act was done.
    Acted(Standing),
    /// The charge has another status.
    Charged(Charge),
    /// The device holds nothing of the supplier's any more.
    Freed,
    /// The journal's flag was cleared.
    Reviewed,
    /// It is in the books.
    Reported,
    /// The user is registered, now or when the same was sold before.
    Sold,
}

impl Settled {
    /// Whether this was decided just now, rather than repeated.
    #[must_use]
    pub const fn is_fresh(&self) -> bool {
        matches!(
            self,
            Self::Answered { how: How::Decided | How::Aside, .. }
                | Self::Acted(_)
                | Self::Charged(_)
                | Self::Freed
                | Self::Reviewed
                | Self::Reported
                | Self::Sold
        )
    }
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Decided now, kept in the slot.
    Decided,
    /// Out of step: decided now, kept beside the slot.
    Aside,
    /// The slot's bytes again (I5).
    Repeat,
    /// The bytes kept beside the slot again (I5).
    RepeatAside,
    /// Answered long ago; these bytes are kept nowhere.
    Superseded,
    /// A device that could not join; these bytes are kept nowhere either.
    Unrecorded,
}

/// Why the ledger did not settle a piece of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Whether it is stored is not known: close the connection without an answer; the device repeats.
    #[error("it is not known whether this was stored")]
    Unknown,
    /// The license is in a state that the act does not apply to.
    #[error(transparent)]
    NotApplicable(#[from] NotApplicable),
    /// The charge is in a state that the act does not apply to.
    #[error(transparent)]
    NotChargeable(#[from] NotChargeable),
    /// It is not stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gets the outcome, on a thread that others wait for: hand it over and return.
pub type Reply = Box<dyn FnOnce(Result<Settled, LedgerError>) + Send>;

/// A handle to the writer. Clones are the same ledger.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) terms: Arc<Terms>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) shared: Arc<Shared>,
}

/// What stays the same for all of a server's work.
pub(crate) struct Terms {
    pub(crate) server: ServerId,
    pub(crate) prepare: Arc<dyn Prepare>,
}

/// One piece of work on its way to the writer.
pub(crate) struct Op {
    pub(crate) terms: Arc<Terms>,
    pub(crate) work: Work,
    pub(crate) reply: Reply,
}

impl Op {
    /// The journal of a device's request.
    pub(crate) fn journal(&self) -> Option<&JournalName> {
        match &self.work {
            Work::Request(submission) => Some(&submission.request.journal),
            _ => None,
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("server", &self.terms.server).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Queues the work. `reply` is called once, whatever happens: on the writer thread, or at once when the
    /// store is closed or too much is waiting.
    pub fn submit(&self, work: Work, reply: Reply) {
        let (terms, lane) = (Arc::clone(&self.terms), self.lane(&work));
        self.writer.push(lane, Job::Ledger(Box::new(Op { terms, work, reply })));
    }

    /// Whose turn it waits for.
    fn lane(&self, work: &Work) -> Lane {
        match work {
            Work::Request(submission) => {
                let device = submission.request.journal.device;
                // Whoever has checked the request's signature has asked for the device's keys just now.
                self.shared.devices.find(&device).map_or(Lane::Device(device), |keys| Lane::User(keys.user))
            }
            Work::Act { supplier, .. }
            | Work::Charge { supplier, .. }
            | Work::Review { supplier, .. }
            | Work::Report { supplier, .. }
            | Work::FreeDevice { supplier, .. } => Lane::Supplier(*supplier),
            Work::Sell(sale) => Lane::Supplier(sale.supplier),
        }
    }

    /// Queues the work and waits for what becomes of it.
    ///
    /// # Errors
    /// [`LedgerError`], see there.
    pub fn settle(&self, work: Work) -> Result<Settled, LedgerError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.submit(
            work,
            Box::new(move |outcome| {
                // Whoever waited has gone away; the outcome is durable all the same.
                let _ = sender.send(outcome);
            }),
        );
        // A reply that never comes means that the writer is gone, and with it the knowledge of what it did.
        receiver.recv().unwrap_or(Err(LedgerError::Unknown))
    }
}
