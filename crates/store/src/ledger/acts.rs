//! What suppliers and gateways decide.

use carnet_core::charge::{Charge, ChargeAct};
use carnet_core::document::JournalName;
use carnet_core::id::{ChargeId, DeviceId, LicenseId, SupplierId, UserId};
use carnet_core::license::{Act, Posting};
use carnet_core::server::{Code, free_device, review};

use super::apply::Happened;
use super::engine::Batch;
use super::working::Kept;
use super::{LedgerError, Sale, Settled};
use crate::StoreError;
use crate::charge::ChargeRow;
use crate::event::{Acted, Charged, DeviceFreed, Reported, Reviewed, Sold, What};
use crate::user::Account;

impl Batch<'_> {
    pub(super) fn act(
        &mut self,
        supplier: SupplierId,
        license: LicenseId,
        act: Act,
        (by, reason): (&str, Option<&str>),
    ) -> Result<Settled, LedgerError> {
        let kept = self.working.license_of(self.tx, supplier, license)?;
        let (user, before) = (kept.row.license.user, kept.row.license.standing);
        let after = before.after(act)?;
        kept.row.license.standing = after;
        kept.changed = true;
        let what =
            What::Acted(Acted { act, before, after, by: by.to_owned(), reason: reason.map(str::to_owned) });
        self.working.record(self.tx, self.happened(user, supplier, Some(license), what), None)?;
        Ok(Settled::Acted(after))
    }

    /// What the agreement says about an overdue answer follows from the license's row alone.
    pub(super) fn report(
        &mut self,
        supplier: SupplierId,
        license: LicenseId,
        reported: Reported,
    ) -> Result<Settled, LedgerError> {
        let kept = self.working.license_of(self.tx, supplier, license)?;
        let user = kept.row.license.user;
        kept.row.license.report_due = reported.due;
        kept.changed = true;
        let what = What::Reported(reported);
        self.working.record(self.tx, self.happened(user, supplier, Some(license), what), None)?;
        Ok(Settled::Reported)
    }

    /// The license's status follows what is owed.
    pub(super) fn charge(
        &mut self,
        supplier: SupplierId,
        id: ChargeId,
        act: ChargeAct,
        (by, note): (&str, &str),
    ) -> Result<Settled, LedgerError> {
        let not_found = || LedgerError::Store(StoreError::NotFound { what: "charge" });
        let row = match self.working.charges.get(&id) {
            Some(kept) if kept.row.charge.supplier == supplier => kept.row.clone(),
            Some(_) => return Err(not_found()),
            None => self.tx.charge_row(supplier, id)?.ok_or_else(not_found)?,
        };
        let (before, license) = (row.charge.status, row.charge.license);
        let after = before.after(act)?;
        let kept = self.working.license_of(self.tx, supplier, license)?;
        kept.row.license.owed = kept.row.license.owed.left(before).entered(after);
        kept.changed = true;
        let charge = Charge { status: after, changed: self.now, ..row.charge };
        self.working.charges.insert(id, Kept::changed(ChargeRow { charge: charge.clone(), ..row }));
        let (by, note) = (by.to_owned(), note.to_owned());
        let what = What::Charged(Charged { charge: id, act, before, after, by, note });
        self.working.record(self.tx, self.happened(charge.user, supplier, Some(license), what), None)?;
        Ok(Settled::Charged(charge))
    }

    pub(super) fn review(
        &mut self,
        supplier: SupplierId,
        name: &JournalName,
        by: &str,
    ) -> Result<Settled, LedgerError> {
        let not_found = || LedgerError::Store(StoreError::NotFound { what: "journal to review" });
        let app = name.app.as_ref().map(|app| self.app(app)).transpose()?.flatten();
        app.filter(|app| app.supplier == supplier).ok_or_else(not_found)?;
        let mut device = self.working.device(self.tx, name.device)?.ok_or_else(not_found)?.device.clone();
        let user = device.user;
        let row = self.working.journal(self.tx, user, name)?;
        let mut journal = row.map(|row| row.journal.clone()).ok_or_else(not_found)?;
        if !review(&mut journal, &mut device) {
            return Err(not_found());
        }
        if let Some(Some(kept)) = self.working.journals.get_mut(name) {
            (kept.row.journal, kept.changed) = (journal, true);
        }
        if let Some(Some(kept)) = self.working.devices.get_mut(&name.device) {
            (kept.row.device, kept.changed) = (device, true);
        }
        let what = What::Reviewed(Reviewed { by: by.to_owned() });
        self.working.record(self.tx, self.happened(user, supplier, None, what), Some((name, None)))?;
        Ok(Settled::Reviewed)
    }

    /// One event for each license: each is in its own chain.
    pub(super) fn free_device(
        &mut self,
        supplier: SupplierId,
        id: DeviceId,
        by: &str,
    ) -> Result<Settled, LedgerError> {
        let not_found = || LedgerError::Store(StoreError::NotFound { what: "device that holds something" });
        let device = self.working.device(self.tx, id)?.ok_or_else(not_found)?.device.clone();
        let view = self.working.view_of_device(self.tx, supplier, &device)?;
        let freed = free_device(&view, &device, self.now).map_err(|_| StoreError::Defect)?;
        if freed.licenses.is_empty() {
            return Err(not_found());
        }
        for journal in freed.journals {
            if let Some(Some(kept)) = self.working.journals.get_mut(&journal.name) {
                (kept.row.journal, kept.changed) = (journal, true);
            }
        }
        for license in freed.licenses {
            let license_id = license.id;
            if let Some(kept) = self.working.licenses.get_mut(&license_id) {
                (kept.row.license, kept.changed) = (license, true);
            }
            let what = What::Freed(DeviceFreed { device: id, by: by.to_owned() });
            let of_license = |posting: &&Posting| posting.license == license_id;
            let postings = freed.postings.iter().filter(of_license).copied().collect();
            let happened = self.happened(device.user, supplier, Some(license_id), what);
            self.working.record(self.tx, Happened { postings, ..happened }, None)?;
        }
        Ok(Settled::Freed)
    }

    /// The same sale once more changes nothing: its user follows from its codes.
    pub(super) fn sell(&mut self, sale: &Sale) -> Result<Settled, LedgerError> {
        let known = |code: &Code| -> Result<Option<UserId>, StoreError> {
            let here = self.working.codes.get(&code.digest).and_then(Option::as_ref);
            match here {
                Some(kept) => Ok(Some(kept.row.code.user)),
                None => Ok(self.tx.code_row(code.digest)?.map(|row| row.code.user)),
            }
        };
        let taken = sale.codes.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        if taken.iter().all(|user| *user == Some(sale.user)) {
            return Ok(Settled::Sold);
        }
        if taken.iter().any(Option::is_some) {
            return Err(LedgerError::Store(StoreError::Exists { what: "join code" }));
        }
        let Sale { supplier, user, person, codes, by } = sale.clone();
        let devices = u32::try_from(codes.len()).unwrap_or(u32::MAX);
        let until = codes.iter().filter_map(|code| code.expires).max();
        self.working.sold.push(Account { user, created: self.now, person: Some(person) });
        codes.into_iter().for_each(|code| self.working.take_code(code));
        let what = What::Sold(Sold { devices, until, by });
        self.working.record(self.tx, self.happened(user, supplier, None, what), None)?;
        Ok(Settled::Sold)
    }

    fn happened(
        &self,
        user: UserId,
        supplier: SupplierId,
        license: Option<LicenseId>,
        what: What,
    ) -> Happened {
        Happened { user, supplier: Some(supplier), license, what, postings: Vec::new(), at: self.now }
    }
}
