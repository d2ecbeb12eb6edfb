//! What a user does with devices: declare one lost, retire one, rename one (D5).

use crate::document::{Effect, Reason, Replacement, Request};
use crate::id::{DeviceId, LicenseId};
use crate::license::{Bucket, License, Line, Overdrawn};
use crate::server::draft::Draft;
use crate::server::{Decision, Device, EventKind, Journal, receipt};
use crate::time::Seconds;

/// Devices declared lost are counted over this time.
const YEAR: Seconds = Seconds(365 * 86_400);

impl License {
    /// How many more devices that hold it its user may do without, this year, without asking anybody (D5).
    #[must_use]
    pub fn self_service_left(&self, now: crate::time::Time) -> u32 {
        let lately = self.lost.iter().filter(|at| now < at.plus(YEAR)).count();
        self.offer().lost_devices_per_year.saturating_sub(u32::try_from(lately).unwrap_or(u32::MAX))
    }
}

impl Device {
    /// Whether it is of no use to its user any more.
    #[must_use]
    pub fn is_over(&self, now: crate::time::Time) -> bool {
        self.retired || self.until.is_some_and(|until| until <= now)
    }
}

impl Draft {
    /// What a lost device held is free at once. What was counted out to it is gone: nobody knows what it used
    /// and may use yet.
    pub(super) fn lose(self, request: &Request, id: DeviceId) -> Result<Decision, Overdrawn> {
        self.gone(request, id, EventKind::DeviceLost { device: id })
    }

    /// A device with other parts is another one. The one before is lost to its user, and counts as such.
    pub(super) fn replace(self, request: &Request, one: &Replacement) -> Result<Decision, Overdrawn> {
        let kind = EventKind::DeviceReplaced { device: one.device, changed: one.changed.clone() };
        self.gone(request, one.device, kind)
    }

    fn gone(mut self, request: &Request, id: DeviceId, kind: EventKind) -> Result<Decision, Overdrawn> {
        let Some(lost) = self.sibling(id).filter(|device| device.id != self.device.id) else {
            return Ok(self.refused(request, Reason::NoSuchDevice, None));
        };
        let held = self.held_by(id);
        let too_often =
            |license: &LicenseId| self.licenses.get(license).is_some_and(|one| self.lost_too_often(one));
        if let Some(license) = held.iter().copied().find(too_often) {
            return Ok(self.refused(request, Reason::TooManyLost, Some(license)));
        }
        self.forfeit_journals(id)?;
        for license in held {
            self.free_rights_of(id, license);
        }
        self.forget_gone(id);
        let now = self.now;
        self.put_device(Device { retired: true, lost: Some(now), ..lost });
        Ok(self.decided(request, receipt(Effect::DeviceGone(id)), kind))
    }

    /// Retires a device that holds nothing.
    pub(super) fn retire(mut self, request: &Request, id: DeviceId) -> Result<Decision, Overdrawn> {
        let Some(device) = self.sibling(id) else {
            return Ok(self.refused(request, Reason::NoSuchDevice, None));
        };
        if let Some(license) = self.held_by(id).first() {
            return Ok(self.clone().refused(request, Reason::StillHolds, Some(*license)));
        }
        self.put_device(Device { retired: true, ..device });
        let kind = EventKind::DeviceRetired { device: id };
        Ok(self.decided(request, receipt(Effect::DeviceGone(id)), kind))
    }

    /// The name itself is a personal value: it is in no event (I19).
    pub(super) fn rename(self, request: &Request, id: DeviceId, name: &str) -> Result<Decision, Overdrawn> {
        if self.sibling(id).is_none() || name.trim().is_empty() {
            return Ok(self.refused(request, Reason::NoSuchDevice, None));
        }
        let kind = EventKind::DeviceRenamed { device: id };
        Ok(self.decided(request, receipt(Effect::Renamed(id)), kind))
    }

    /// The user's device of that name, this one too, unless it is gone.
    fn sibling(&self, id: DeviceId) -> Option<Device> {
        let known = if id == self.device.id { Some(&self.device) } else { self.siblings.get(&id) };
        known.filter(|device| device.user == self.device.user && !device.retired).cloned()
    }

    /// Licenses of which the device holds a right that has not run out, or is to have one.
    pub(super) fn held_by(&self, id: DeviceId) -> Vec<LicenseId> {
        let now = self.now;
        let holds = |license: &&License| {
            license
                .rights
                .iter()
                .any(|right| right.is_promised_to(id) || (right.is_held_by(id) && !right.has_run_out(now)))
        };
        self.licenses.values().filter(holds).map(|license| license.id).collect()
    }

    pub(super) fn lost_too_often(&self, license: &License) -> bool {
        license.self_service_left(self.now) == 0
    }

    pub(super) fn forfeit_journals(&mut self, id: DeviceId) -> Result<(), Overdrawn> {
        let names: Vec<_> = self.others.keys().filter(|name| name.device == id).cloned().collect();
        for name in names {
            let Some(journal) = self.others.get(&name).cloned() else { continue };
            let journal = self.forfeited(journal)?;
            self.put_journal(journal);
        }
        Ok(())
    }

    /// A pass that is on its way is not lost with the device: its move can be cancelled.
    pub(super) fn forfeited(&mut self, mut journal: Journal) -> Result<Journal, Overdrawn> {
        let accounts: Vec<_> = journal.accounts.iter().map(|(id, account)| (*id, *account)).collect();
        for (license, mut account) in accounts {
            for (line, held) in [(Line::Uses, &mut account.uses), (Line::Seconds, &mut account.seconds)] {
                let Some(held) = held else { continue };
                self.post(license, line, Bucket::Held, Bucket::Forfeited, held.outstanding())?;
                held.acknowledged = held.upto;
            }
            journal.accounts.insert(license, account);
        }
        journal.active = journal.active.filter(|active| active.moved.is_some());
        journal.former.clear();
        Ok(journal)
    }

    pub(super) fn free_rights_of(&mut self, device: DeviceId, id: LicenseId) {
        let held = self.let_go_of(id, device);
        let rights = self.licenses.get(&id).map(|license| license.rights.clone()).unwrap_or_default();
        for (at, right) in (0..).zip(rights) {
            if let Some(holder) = right.without(device) {
                self.hand(id, at, holder, true);
            }
        }
        if held > 0 {
            self.note_lost(id, held);
        }
    }

    /// So many rights of the license were taken from a device that may run on: counted, within a year.
    pub(super) fn note_lost(&mut self, id: LicenseId, rights: u32) {
        let now = self.now;
        if let Some(license) = self.license(id) {
            license.at_risk = license.at_risk.saturating_add(rights);
            license.lost.retain(|at| now < at.plus(YEAR));
            license.lost.push(now);
        }
    }

    /// A lost device is told that it is retired, and nothing else.
    fn forget_gone(&mut self, id: DeviceId) {
        let told = |other: &&Journal| other.name.device == id && other.gone.is_some();
        let told: Vec<Journal> = self.others.values().filter(told).cloned().collect();
        for journal in told {
            self.put_journal(Journal { gone: None, ..journal });
        }
    }
}
