//! Comparing the rows with each other and with what the events say.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::charge::Owed;
use carnet_core::document::JournalName;
use carnet_core::id::{DeviceId, Digest, LicenseId, MoveId, UserId};
use carnet_core::license::{Balance, Holder, License, Right, Standing};
use carnet_core::server::{Held, Journal, MoveStatus};
use sha2::{Digest as _, Sha256};

use super::replay::{JournalSoFar, Replay};
use super::{Problem, Report};
use crate::StoreError;
use crate::charge::ChargeRow;
use crate::journal::JournalRow;
use crate::license::LicenseRow;
use crate::movement::MoveRow;
use crate::row::Columns;
use crate::sql::statements;
use crate::tx::Reading;

statements! {
    ASIDES = "SELECT a.user_id, a.device_id, a.app_id, a.event, CAST(CASE WHEN e.seq IS NOT NULL AND e.user_id = a.user_id AND e.device_id = a.device_id AND e.app_id = a.app_id AND e.request_id = a.request_id AND e.body = a.body AND e.kind IN ('settled', 'flagged', 'reconciled') THEN 1 ELSE 0 END AS BIGINT) AS fits FROM aside AS a LEFT JOIN event AS e ON e.seq = a.event";
    BASES = "SELECT digest, listed FROM base";
    AGREEMENTS = "SELECT user_id, license_id FROM agreement";
    LOST_LICENSES = "SELECT user_id, app_id, license_id FROM license WHERE NOT EXISTS (SELECT 1 FROM app WHERE app.app_id = license.app_id AND app.supplier_id = license.supplier_id)";
    LOST_APPS = "SELECT app_id FROM app WHERE NOT EXISTS (SELECT 1 FROM supplier WHERE supplier.supplier_id = app.supplier_id)";
    LOST_DEVICES = "SELECT device_id FROM device WHERE NOT EXISTS (SELECT 1 FROM account WHERE account.user_id = device.user_id)";
    LOST_NAMES = "SELECT device_id FROM device_name WHERE NOT EXISTS (SELECT 1 FROM device WHERE device.device_id = device_name.device_id AND device.user_id = device_name.user_id)";
    LOST_TOKENS = "SELECT hash FROM supplier_token WHERE NOT EXISTS (SELECT 1 FROM supplier WHERE supplier.supplier_id = supplier_token.supplier_id)";
}

/// What one license says, as far as others are held against it.
#[derive(Debug)]
struct Seen {
    user: UserId,
    declined: bool,
    rights: Vec<Right>,
    owed: Owed,
    /// Uses and seconds: held, moving. What is found elsewhere is taken off until nothing is left.
    held: [i128; 2],
    moving: [i128; 2],
}

pub(super) fn check(tx: &Reading<'_>, report: &mut Report, replay: Replay) -> Result<(), StoreError> {
    let mut rows = Rows {
        report,
        replay,
        licenses: BTreeMap::new(),
        asides: BTreeMap::new(),
        passes: BTreeSet::new(),
        moving: BTreeSet::new(),
        charges: BTreeMap::new(),
        devices: BTreeMap::new(),
    };
    rows.check_bases(tx)?;
    rows.check_asides(tx)?;
    let devices = rows.check_devices(tx)?;
    rows.devices.clone_from(&devices);
    tx.each_license(|row| rows.check_license(row))?;
    tx.each_journal(|row| rows.check_journal(row, &devices))?;
    tx.each_move(|row| rows.check_move(row))?;
    tx.each_charge(|row| rows.check_charge(row))?;
    rows.check_user_chains(tx)?;
    rows.check_agreements(tx)?;
    rows.check_sums();
    rows.check_left_over();
    rows.check_lost(tx)
}

struct Rows<'a> {
    report: &'a mut Report,
    replay: Replay,
    licenses: BTreeMap<LicenseId, Seen>,
    /// How many answers are kept beside the slot of a journal.
    asides: BTreeMap<JournalName, i64>,
    /// Which device has a pass, active or just replaced, by which right.
    passes: BTreeSet<(LicenseId, u32, DeviceId)>,
    moving: BTreeSet<(LicenseId, u32, MoveId)>,
    /// What charges make of what is owed.
    charges: BTreeMap<LicenseId, Owed>,
    /// Whose each device is.
    devices: BTreeMap<DeviceId, UserId>,
}

impl Rows<'_> {
    fn check_bases(&mut self, tx: &Reading<'_>) -> Result<(), StoreError> {
        tx.each(BASES, |row| {
            let Some((digest, text)) = self.report.readable(base(row))? else { return Ok(()) };
            let same = Digest(Sha256::digest(text.as_bytes()).into()) == digest;
            let what = format!("base {digest}");
            self.report.expect(same, Problem::WrongWording, what, "its text has changed");
            Ok(())
        })
    }

    fn check_devices(&mut self, tx: &Reading<'_>) -> Result<BTreeMap<DeviceId, UserId>, StoreError> {
        let mut devices = BTreeMap::new();
        tx.each_device(|row| {
            self.report.counts.devices += 1;
            if let Some(row) = self.report.readable(row)? {
                devices.insert(row.device.id, row.device.user);
            }
            Ok(())
        })?;
        Ok(devices)
    }

    fn check_license(&mut self, row: Result<LicenseRow, StoreError>) -> Result<(), StoreError> {
        self.report.counts.licenses += 1;
        let Some(row) = self.report.readable(row)? else { return Ok(()) };
        let license = &row.license;
        self.check_lines(license);
        self.check_chain(&row);
        let term = license.offer().term;
        let as_agreed = license.uses.is_some() == term.uses.is_some()
            && license.seconds.is_some() == term.duration.is_some()
            && license.rights.len() == license.offer().devices as usize
            && license.base.app == license.app;
        self.report.expect(as_agreed, Problem::WrongWording, license.id, "its lines are not those agreed to");
        let part = |part: fn(Balance) -> u64| {
            [license.uses, license.seconds].map(|line| line.map_or(0, |line| i128::from(part(line))))
        };
        let seen = Seen {
            user: license.user,
            declined: license.standing == Standing::Declined,
            rights: license.rights.clone(),
            owed: license.owed,
            held: part(|line| line.held),
            moving: part(|line| line.moving),
        };
        self.licenses.insert(license.id, seen);
        Ok(())
    }

    fn check_lines(&mut self, license: &License) {
        let replayed = self.replay.lines.remove(&license.id).unwrap_or_default();
        let lines = [Some(license.rights_balance()), license.uses, license.seconds];
        for ((line, replayed), name) in lines.into_iter().zip(replayed.0).zip(["rights", "uses", "seconds"]) {
            let what = format!("{} {name}", license.id);
            let line = line.unwrap_or(Balance::EMPTY);
            self.report.expect(line.is_balanced(), Problem::Unbalanced, &what, format_args!("{line:?}"));
            let same = line == replayed;
            self.report.expect(
                same,
                Problem::NotReplayed,
                &what,
                format_args!("{line:?}, postings make {replayed:?}"),
            );
        }
    }

    fn check_chain(&mut self, row: &LicenseRow) {
        let license = &row.license;
        let Some(chain) = self.replay.license_chains.remove(&license.id) else {
            return self.report.find(Problem::WrongHead, license.id, "it has no event at all");
        };
        let ends = (chain.head, chain.last, chain.user) == (row.head, row.last_event, license.user);
        self.report.expect(
            ends,
            Problem::WrongHead,
            license.id,
            format_args!("its chain ends at event {}", chain.last),
        );
        let standing = chain.standing == license.standing;
        let detail = format!("{:?}, its events make {:?}", license.standing, chain.standing);
        self.report.expect(standing, Problem::WrongStanding, license.id, detail);
    }

    fn check_journal(
        &mut self,
        row: Result<JournalRow, StoreError>,
        devices: &BTreeMap<DeviceId, UserId>,
    ) -> Result<(), StoreError> {
        self.report.counts.journals += 1;
        let Some(row) = self.report.readable(row)? else { return Ok(()) };
        let journal = &row.journal;
        let name = named(&journal.name);
        let owned = devices.get(&journal.name.device) == Some(&journal.user);
        self.report.expect(owned, Problem::Orphan, &name, "its device is not there, or another user's");
        match self.replay.journals.remove(&journal.name) {
            None => self.report.find(Problem::WrongPlace, &name, "it has no event at all"),
            Some(so_far) => self.check_place(&name, &row, &so_far),
        }
        self.check_accounts(&name, journal);
        self.check_active(&name, journal);
        Ok(())
    }

    fn check_charge(&mut self, row: Result<ChargeRow, StoreError>) -> Result<(), StoreError> {
        let Some(ChargeRow { charge, .. }) = self.report.readable(row)? else { return Ok(()) };
        match self.licenses.get(&charge.license).filter(|seen| seen.user == charge.user) {
            Some(_) => {}
            None => {
                self.report.find(Problem::Orphan, charge.id, "its license is not there, or another user's")
            }
        }
        let known = self.charges.entry(charge.license).or_default();
        *known = known.entered(charge.status);
        Ok(())
    }

    fn check_place(&mut self, name: &str, row: &JournalRow, so_far: &JournalSoFar) {
        let there = (row.events, row.last_event, row.anchor, row.asides, row.journal.user);
        let here = (so_far.events, so_far.last, so_far.anchor, so_far.asides, so_far.user);
        self.report.expect(
            there == here,
            Problem::WrongPlace,
            name,
            format_args!("{there:?}, expected {here:?}"),
        );
        let epoch = i64::try_from(row.journal.epoch) == Ok(so_far.epoch);
        let detail = format!("{}, its events make {}", row.journal.epoch, so_far.epoch);
        self.report.expect(epoch, Problem::WrongEpoch, name, detail);
        let slot = row.journal.slot.map(|slot| (slot.request, slot.body));
        let decided = so_far.decided.map(|decided| (decided.past.request, decided.past.body));
        let kept = row.slot_answer.is_some() == slot.is_some();
        self.report.expect(slot == decided && kept, Problem::WrongSlot, name, "not the last decided request");
        let asides = self.asides.remove(&row.journal.name).unwrap_or(0);
        let detail = format!("{asides} answers are kept beside its slot, its events make {}", so_far.asides);
        self.report.expect(asides == so_far.asides, Problem::WrongAside, name, detail);
        let answer = so_far.answer.is_none_or(|answer| answer == row.journal.answer);
        self.report.expect(answer, Problem::WrongSlot, name, "its last answer is not that of its last event");
    }

    fn check_accounts(&mut self, name: &str, journal: &Journal) {
        for (id, account) in &journal.accounts {
            let lines = [account.uses, account.seconds].map(Option::unwrap_or_default);
            let outstanding = lines.map(|held| i128::from(held.outstanding()));
            let fits = |held: Held| held.acknowledged <= held.upto;
            self.report.expect(
                lines.into_iter().all(fits),
                Problem::WrongHeld,
                name,
                format_args!("account of {id}"),
            );
            match self.licenses.get_mut(id) {
                Some(seen) => (0..2).for_each(|line| seen.held[line] -= outstanding[line]),
                // A restored server hears of licenses that it has lost; it cannot hold anything of them.
                None if outstanding == [0; 2] => {}
                None => self.report.find(Problem::Orphan, name, format_args!("it holds something of {id}")),
            }
        }
    }

    fn check_active(&mut self, name: &str, journal: &Journal) {
        let device = journal.name.device;
        self.passes.extend(journal.former.iter().map(|(license, right)| (*license, *right, device)));
        let Some(active) = &journal.active else { return };
        let right =
            self.licenses.get(&active.license).and_then(|seen| seen.rights.get(active.right as usize));
        let Some(right) = right else {
            return self.report.find(
                Problem::Orphan,
                name,
                format_args!("its pass is of {}", active.license),
            );
        };
        // A right that ran out may have gone on to somebody else, in a later generation.
        let fits = if right.is_held_by(device) && active.moved.is_none() {
            active.generation == right.generation
        } else {
            active.generation <= right.generation
        };
        let detail = format!("pass in generation {}, right in {}", active.generation, right.generation);
        self.report.expect(fits, Problem::WrongHolder, name, detail);
        if active.moved.is_none() {
            self.passes.insert((active.license, active.right, device));
        }
    }

    fn check_move(&mut self, row: Result<MoveRow, StoreError>) -> Result<(), StoreError> {
        self.report.counts.moves += 1;
        let Some(MoveRow { movement, .. }) = self.report.readable(row)? else { return Ok(()) };
        let seen = self.licenses.get_mut(&movement.license).filter(|seen| seen.user == movement.user);
        let Some(seen) = seen else {
            let detail = format!("{} is not there, or another user's", movement.license);
            self.report.find(Problem::Orphan, movement.id, detail);
            return Ok(());
        };
        if movement.status != MoveStatus::Moving {
            return Ok(());
        }
        seen.moving[0] -= i128::from(movement.uses);
        seen.moving[1] -= i128::from(movement.seconds);
        let right = seen.rights.get(movement.right as usize);
        let travels = (movement.generation, Holder::Move(movement.id));
        let fits = right.is_some_and(|right| (right.generation, right.holder) == travels)
            || self.replay.taken_over.contains(&movement.user);
        self.report.expect(fits, Problem::WrongHolder, movement.id, "its right is not on its way with it");
        self.moving.insert((movement.license, movement.right, movement.id));
        Ok(())
    }

    fn check_asides(&mut self, tx: &Reading<'_>) -> Result<(), StoreError> {
        let mut count = 0;
        tx.each(ASIDES, |row| {
            count += 1;
            let Some((journal, event, fits)) = self.report.readable(aside(row))? else { return Ok(()) };
            let detail = format!("an answer kept beside its slot does not fit event {event}");
            self.report.expect(fits, Problem::WrongAside, named(&journal), detail);
            *self.asides.entry(journal).or_default() += 1;
            Ok(())
        })?;
        self.report.counts.asides = count;
        Ok(())
    }

    fn check_user_chains(&mut self, tx: &Reading<'_>) -> Result<(), StoreError> {
        tx.each_user_chain(|row| {
            let Some(row) = self.report.readable(row)? else { return Ok(()) };
            let chain = self.replay.user_chains.remove(&row.user).map(|chain| (chain.head, chain.last));
            let ends = chain == Some((row.head, row.last_event));
            self.report.expect(ends, Problem::WrongHead, row.user, "the user's chain ends elsewhere");
            Ok(())
        })
    }

    fn check_agreements(&mut self, tx: &Reading<'_>) -> Result<(), StoreError> {
        let mut agreed = BTreeSet::new();
        tx.each(AGREEMENTS, |row| {
            agreed.extend(self.report.readable(agreement(row))?);
            Ok(())
        })?;
        for (id, seen) in &self.licenses {
            let there = agreed.remove(&(seen.user, *id)) || seen.declined;
            self.report.expect(there, Problem::WrongWording, id, "its agreement is not there");
        }
        for (_, id) in agreed {
            self.report.find(Problem::Orphan, format_args!("agreement of {id}"), "there is no such license");
        }
        Ok(())
    }

    /// What was taken off must have been all, and every right must be with somebody who has it.
    fn check_sums(&mut self) {
        for (id, seen) in &self.licenses {
            let due = self.charges.get(id).copied().unwrap_or_default();
            let detail = format!("{:?}, its charges make {due:?}", seen.owed);
            self.report.expect(seen.owed == due, Problem::WrongOwed, id, detail);
            for (line, name) in ["uses", "seconds"].into_iter().enumerate() {
                let (held, moving) = (seen.held[line], seen.moving[line]);
                let what = format!("{id} {name}");
                self.report.expect(
                    held == 0,
                    Problem::WrongHeld,
                    &what,
                    format_args!("{held} more than in journals"),
                );
                self.report.expect(
                    moving == 0,
                    Problem::WrongMoving,
                    &what,
                    format_args!("{moving} more than in moves"),
                );
            }
            for (index, right) in (0..).zip(&seen.rights) {
                let known = match right.holder {
                    Holder::Free => true,
                    Holder::Device { device, .. } | Holder::Leaving { device, .. } => {
                        self.passes.contains(&(*id, index, device))
                    }
                    Holder::Promised(device) => self.devices.get(&device) == Some(&seen.user),
                    Holder::Move(movement) => self.moving.contains(&(*id, index, movement)),
                };
                let known = known || self.replay.taken_over.contains(&seen.user);
                let what = format!("{id} right {index}");
                self.report.expect(
                    known,
                    Problem::WrongHolder,
                    what,
                    format_args!("{:?} has no pass by it", right.holder),
                );
            }
        }
    }

    /// Events of things that are not there any more: somebody removed the row.
    fn check_left_over(&mut self) {
        let Replay { license_chains, user_chains, journals, lines, .. } = std::mem::take(&mut self.replay);
        for (id, chain) in license_chains {
            self.report.find(
                Problem::Orphan,
                id,
                format_args!("event {} is of a license that is gone", chain.last),
            );
        }
        for (user, chain) in user_chains {
            self.report.find(Problem::Orphan, user, format_args!("event {} is in no chain", chain.last));
        }
        for (name, so_far) in journals {
            self.report.find(
                Problem::Orphan,
                named(&name),
                format_args!("event {} is of a journal that is gone", so_far.last),
            );
        }
        for name in std::mem::take(&mut self.asides).into_keys() {
            self.report.find(Problem::Orphan, named(&name), "answers are kept for a journal that is gone");
        }
        for id in lines.into_keys() {
            self.report.find(Problem::Orphan, id, "postings are of a license that is gone");
        }
    }

    fn check_lost(&mut self, tx: &Reading<'_>) -> Result<(), StoreError> {
        let lost = [LOST_LICENSES, LOST_APPS, LOST_DEVICES, LOST_NAMES, LOST_TOKENS];
        let whats = [
            "a license of no app",
            "an app of no supplier",
            "a device of no user",
            "a name of no device",
            "a token of no supplier",
        ];
        for (sql, what) in lost.into_iter().zip(whats) {
            tx.each(sql, |row| {
                let StoreError::CorruptRow { row, .. } = row.corrupt("") else { return Ok(()) };
                self.report.find(Problem::Orphan, row, what);
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn base(mut row: Columns<'_>) -> Result<(Digest, String), StoreError> {
    Ok((row.digest("digest")?, row.text("listed")?.to_owned()))
}

fn agreement(mut row: Columns<'_>) -> Result<(UserId, LicenseId), StoreError> {
    Ok((UserId(row.bytes("user_id")?), LicenseId(row.bytes("license_id")?)))
}

fn aside(mut row: Columns<'_>) -> Result<(JournalName, i64, bool), StoreError> {
    row.bytes::<16>("user_id")?;
    let device = DeviceId(row.bytes("device_id")?);
    let app = row.text("app_id")?;
    let app = if app.is_empty() { None } else { Some(app.parse().map_err(|_| row.corrupt("app_id"))?) };
    let (event, fits) = (row.number("event")?, row.some_number("fits")?);
    Ok((JournalName { device, app }, event, fits == Some(1)))
}

fn named(journal: &JournalName) -> String {
    let app = journal.app.as_ref().map_or("", |app| app.as_str());
    format!("journal {}/{app}", journal.device)
}
