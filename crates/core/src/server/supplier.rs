//! What a supplier decides about devices: pure, like everything that changes a balance.

use crate::license::{License, Overdrawn, Posting};
use crate::server::draft::Draft;
use crate::server::{Device, Journal, View};
use crate::time::Time;

/// What freeing a device has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freed {
    /// Licenses of which it held a right.
    pub licenses: Vec<License>,
    /// Its journals.
    pub journals: Vec<Journal>,
    /// Amounts moved.
    pub postings: Vec<Posting>,
}

/// Frees what a device holds of the licenses in the view, however often its user has lost one (D5). The device
/// itself stays the user's; what was counted out to it is gone.
///
/// # Errors
/// [`Overdrawn`] when the books do not add up; nothing is to be written then.
pub fn free_device(view: &View, device: &Device, now: Time) -> Result<Freed, Overdrawn> {
    let journal = super::new_journal(device, &crate::document::JournalName { device: device.id, app: None });
    let mut draft = Draft::new(view, device.clone(), journal, now);
    draft.forfeit_journals(device.id)?;
    for license in draft.held_by(device.id) {
        draft.free_rights_of(device.id, license);
    }
    let (licenses, journals, postings) = draft.into_changes();
    Ok(Freed { licenses, journals, postings })
}

/// The supplier has looked at a flagged journal: it may go on. The device's year starts over too: otherwise the
/// divergence that is still there would flag the journal again at once, and review would never end (I8). False
/// when the journal is not flagged.
pub fn review(journal: &mut Journal, device: &mut Device) -> bool {
    if journal.flagged.is_none() {
        return false;
    }
    (journal.flagged, device.settled) = (None, None);
    true
}
