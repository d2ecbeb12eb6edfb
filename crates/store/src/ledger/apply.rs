//! Applying: a decision's outcome becomes changed rows and one event of the working copy.

use carnet_core::document::Replacement;
use carnet_core::document::{Joins, JournalName, Operation, Request};
use carnet_core::id::{LicenseId, SupplierId, UserId};
use carnet_core::license::{License, Posting};
use carnet_core::server::{Code, EventKind, Move, Outcome};
use carnet_core::time::Time;

use super::past::ANCHOR_EVERY;
use super::working::{Joined, Kept, Working};
use super::{How, Prepared, Submission};
use crate::StoreError;
use crate::charge::ChargeRow;
use crate::device::DeviceRow;
use crate::event::{Along, Entry, Event, GENESIS, UserChain, What, Witness};
use crate::journal::{Aside, JournalRow};
use crate::key_transaction::TransactionRow;
use crate::license::LicenseRow;
use crate::movement::MoveRow;
use crate::row::stored;
use crate::tx::Reading;
use crate::user_code::CodeRow;

/// An event before it has its place.
pub(super) struct Happened {
    pub(super) user: UserId,
    pub(super) supplier: Option<SupplierId>,
    pub(super) license: Option<LicenseId>,
    pub(super) what: What,
    pub(super) postings: Vec<Posting>,
    pub(super) at: Time,
}

impl Working {
    /// Takes an outcome over. `how` is [`How::Decided`] or [`How::Aside`].
    pub(super) fn apply(
        &mut self,
        tx: &Reading<'_>,
        submission: &Submission,
        mut outcome: Outcome,
        prepared: &Prepared,
        how: How,
        supplier: Option<SupplierId>,
    ) -> Result<(), StoreError> {
        outcome.sealed(prepared.digest);
        let Outcome {
            journal,
            licenses,
            moves,
            devices,
            others: journals,
            codes,
            grant,
            charges,
            transactions,
            event,
            ..
        } = outcome;
        let request = &submission.request;
        let user = journal.user;
        let mut others = Vec::new();
        for license in licenses {
            let id = license.id;
            if self.take_license(license, submission) && Some(id) != event.license {
                others.push(id);
            }
        }
        for movement in moves {
            self.take_move(movement, request)?;
        }
        for device in devices {
            self.take_device(device, request, &event.kind);
        }
        for other in journals {
            if let Some(Some(kept)) = self.journals.get_mut(&other.name) {
                (kept.row.journal, kept.changed) = (other, true);
            }
        }
        codes.into_iter().for_each(|code| self.take_code(code));
        if let Some(grant) = grant
            && let Some(Some(kept)) = self.grants.get_mut(&grant.digest)
        {
            (kept.row.grant, kept.changed) = (grant, true);
        }
        for charge in charges {
            self.charges.insert(charge.id, Kept::changed(ChargeRow { charge, version: 0 }));
        }
        for transaction in transactions {
            let version = self.transactions.get(&transaction.id).map_or(0, |kept| kept.row.version);
            let row = TransactionRow { transaction, version };
            self.transactions.insert(row.transaction.id, Kept::changed(row));
        }
        if let (Operation::Rename { device, name }, EventKind::DeviceRenamed { .. }) =
            (&request.operation, &event.kind)
        {
            self.renamed.push((user, *device, name.clone()));
        }
        let witness =
            Witness { quoted: stored(event.quoted, "epoch")?, past: event.past, answer: prepared.digest };
        let name = journal.name.clone();
        self.take_journal(journal, prepared, how);
        let supplier_of = |working: &Self, license: Option<LicenseId>| {
            supplier.or_else(|| Some(working.licenses.get(&license?)?.row.license.supplier))
        };
        let replaced = match &event.kind {
            EventKind::DeviceReplaced { device, changed } => {
                Some(Replacement { device: *device, changed: changed.clone() })
            }
            _ => None,
        };
        let happened = Happened {
            user,
            supplier: supplier_of(self, event.license),
            license: event.license,
            what: What::Decided(event.kind),
            postings: event.postings.iter().filter(|post| !others.contains(&post.license)).copied().collect(),
            at: event.at,
        };
        let seq = self.record(tx, happened, Some((&name, Some(witness))))?;
        // A license's chain tells everything about that license, so it also has its share of what happened to
        // several at once: an agreement while an older license still gives the pass, a change of license.
        for license in others {
            let what = What::Along(Along { of: seq, replaced: replaced.clone() });
            let postings = event.postings.iter().filter(|post| post.license == license).copied().collect();
            let supplier = supplier_of(self, Some(license));
            let share = Happened { user, supplier, license: Some(license), what, postings, at: event.at };
            self.record(tx, share, None)?;
        }
        if how == How::Aside {
            let aside = Aside { body: submission.body, answer: prepared.bytes.clone() };
            self.asides.insert((user, name, request.id), (aside, seq));
        }
        Ok(())
    }

    /// Returns whether it is new or differs.
    fn take_license(&mut self, license: License, submission: &Submission) -> bool {
        let (id, user) = (license.id, license.user);
        if let Some(kept) = self.licenses.get_mut(&id) {
            let differs = kept.row.license != license;
            if differs {
                (kept.row.license, kept.changed) = (license, true);
            }
            return differs;
        }
        let agreed = match &submission.request.operation {
            Operation::Agree(agreed) => Some(agreed.as_ref()),
            Operation::Redeem(redemption) => Some(&redemption.agreed),
            _ => None,
        };
        if let Some(agreed) = agreed {
            let document = submission.agreement_document.as_ref().unwrap_or(&agreed.document);
            self.agreements.push((user, id, document.clone()));
        }
        self.ids.entry((user, license.app.clone())).or_default().insert(id);
        // The wording's name is known once it is written.
        let row = LicenseRow { license, base: GENESIS, head: GENESIS, last_event: 0, version: 0 };
        self.licenses.insert(id, Kept::changed(row));
        true
    }

    fn take_move(&mut self, movement: Move, request: &Request) -> Result<(), StoreError> {
        if let Some(Some(kept)) = self.moves.get_mut(&movement.id) {
            (kept.row.movement, kept.changed) = (movement, true);
            return Ok(());
        }
        let of_license = self.licenses.get(&movement.license).map(|kept| kept.row.license.app.clone());
        let app = of_license.or_else(|| request.journal.app.clone());
        let app = app.ok_or(StoreError::OutOfRange { what: "the app of a move" })?;
        let id = movement.id;
        self.moves.insert(id, Some(Kept::changed(MoveRow { movement, app, version: 0 })));
        Ok(())
    }

    fn take_device(&mut self, device: carnet_core::server::Device, request: &Request, kind: &EventKind) {
        let id = device.id;
        if let Some(Some(kept)) = self.devices.get_mut(&id) {
            (kept.row.device, kept.changed) = (device, true);
            return;
        }
        let registration = match &request.operation {
            Operation::Register(registration) if matches!(kind, EventKind::Registered) => Some(registration),
            _ => None,
        };
        let person = registration.and_then(|registration| match &registration.joins {
            Joins::NewUser { person, .. } => Some(person.clone()),
            Joins::By(_) | Joins::With(_) => None,
        });
        let name = registration.map(|registration| registration.device_name.clone());
        let maker = registration.and_then(|registration| registration.device_maker.clone());
        self.joined.push(Joined {
            user: device.user,
            device: id,
            at: device.registered,
            person,
            name,
            maker,
        });
        self.devices.insert(id, Some(Kept::changed(DeviceRow { device, version: 0 })));
    }

    pub(super) fn take_code(&mut self, code: Code) {
        match self.codes.get_mut(&code.digest) {
            Some(Some(kept)) => (kept.row.code, kept.changed) = (code, true),
            _ => {
                let row = CodeRow { code: code.clone(), version: 0 };
                self.codes.insert(code.digest, Some(Kept::changed(row)));
            }
        }
    }

    fn take_journal(&mut self, journal: carnet_core::server::Journal, prepared: &Prepared, how: How) {
        let kept = self.journals.entry(journal.name.clone()).or_default().get_or_insert_with(|| {
            let journal = journal.clone();
            let (slot_answer, version) = (None, 0);
            Kept::changed(JournalRow {
                journal,
                slot_answer,
                events: 0,
                last_event: 0,
                anchor: 0,
                asides: 0,
                version,
            })
        });
        (kept.row.journal, kept.changed) = (journal, true);
        match how {
            How::Aside => kept.row.asides += 1,
            _ => kept.row.slot_answer = Some(prepared.bytes.clone()),
        }
    }

    /// Appends an event to its journal, if it has one, and to its chain: that of its license where the
    /// license is this user's, else that of the user. Returns its number.
    pub(super) fn record(
        &mut self,
        tx: &Reading<'_>,
        happened: Happened,
        place: Option<(&JournalName, Option<Witness>)>,
    ) -> Result<i64, StoreError> {
        let seq = self.next_event();
        let Happened { user, supplier, license, what, postings, at } = happened;
        let entry = match place {
            Some((name, request)) => Some(self.enter(name, request, seq)?),
            None => None,
        };
        let own =
            license.filter(|id| self.licenses.get(id).is_some_and(|kept| kept.row.license.user == user));
        let (previous, chained) = match own.and_then(|id| self.licenses.get(&id)) {
            Some(kept) => (kept.row.head, kept.row.last_event),
            None => self.chain(tx, user)?.map_or((GENESIS, 0), |chain| (chain.head, chain.last_event)),
        };
        let (of_license, chained) = (own.is_some(), (chained > 0).then_some(chained));
        let mut event = Event {
            seq,
            user,
            supplier,
            license,
            of_license,
            entry,
            what,
            postings,
            at,
            chained,
            hash: GENESIS,
        };
        event.hash = event.hash_after(previous)?;
        match own.and_then(|id| self.licenses.get_mut(&id)) {
            Some(kept) => {
                (kept.row.head, kept.row.last_event, kept.changed) = (event.hash, seq, true);
            }
            None => self.move_chain(user, &event),
        }
        self.events.push(event);
        Ok(seq)
    }

    fn move_chain(&mut self, user: UserId, event: &Event) {
        let (head, last_event) = (event.hash, event.seq);
        let chain = self.chains.entry(user).or_default();
        let version = chain.as_ref().map_or(0, |kept| kept.row.version);
        *chain = Some(Kept::changed(UserChain { user, head, last_event, version }));
    }

    /// The place of the next event in a journal, whose row is moved on to it.
    fn enter(&mut self, name: &JournalName, request: Option<Witness>, seq: i64) -> Result<Entry, StoreError> {
        let Some(Some(kept)) = self.journals.get_mut(name) else {
            return Err(StoreError::NotFound { what: "journal" });
        };
        let row = &mut kept.row;
        kept.changed = true;
        let nth = row.events + 1;
        let some = |seq: i64| (seq > 0).then_some(seq);
        let entry = Entry {
            journal: name.clone(),
            nth,
            epoch: stored(row.journal.epoch, "epoch")?,
            request,
            previous: some(row.last_event),
            anchor: some(row.anchor),
        };
        (row.events, row.last_event) = (nth, seq);
        if nth % ANCHOR_EVERY == 0 {
            row.anchor = seq;
        }
        Ok(entry)
    }
}
