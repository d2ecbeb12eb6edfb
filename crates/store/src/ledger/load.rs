//! Loading: everything that one decision looks at, from the working copy where the batch has it already.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use carnet_core::app::AppId;
use carnet_core::document::{Body, Joins, JournalName, Operation, Purpose, Replacement};
use carnet_core::id::{DeviceId, Digest, ImageId, LicenseId, MoveId, ServerId, SupplierId, UserId};
use carnet_core::provision::{KeyTransaction, Provided, TransactionStatus};
use carnet_core::server::{AppView, Beside, Code, Device, Grant, Past, Slot, View};

use super::past::past;
use super::working::{Kept, Working};
use super::{LedgerError, Submission};
use crate::StoreError;
use crate::device::{DeviceRow, by_id};
use crate::event::UserChain;
use crate::image::PUBLISHED;
use crate::journal::{Aside, JournalRow, by_name};
use crate::license::{LicenseRow, of_users_and_apps};
use crate::tx::Reading;

/// What [`Working::view`] needs besides rows.
pub(super) struct Surroundings {
    pub(super) server: ServerId,
    pub(super) app: Option<AppView>,
}

/// Rows of journals and licenses.
#[derive(PartialEq, Eq)]
struct Wanted {
    named: Vec<(UserId, JournalName)>,
    whose: Vec<(UserId, AppId)>,
}

impl Working {
    /// Across a connection every question costs a round trip, so what nearly every request of a batch looks at, and is not
    /// here yet, is asked for at once; the rest, one by one as it is needed.
    pub(super) fn preload(&mut self, tx: &Reading<'_>, journals: &[&JournalName]) -> Result<(), StoreError> {
        let ids: BTreeSet<DeviceId> = journals.iter().map(|name| name.device).collect();
        let ids: Vec<DeviceId> = ids.into_iter().filter(|id| !self.devices.contains_key(id)).collect();
        // A device stays its user's: where that is remembered, nothing has to wait for the devices' rows.
        let remembered = |id: DeviceId| tx.shared.devices.find(&id).map(|keys| keys.user);
        let likely = self.wanted(journals, |id| self.user(id).or_else(|| remembered(id)));
        tx.connection.ask_early(&[by_id(&ids), by_name(&likely.named), of_users_and_apps(&likely.whose)])?;
        for (id, row) in ids.iter().zip(tx.device_rows_of(&ids)?) {
            self.devices.insert(*id, row.map(Kept::loaded));
        }
        let wanted = self.wanted(journals, |id| self.user(id));
        if wanted != likely {
            tx.connection.ask_early(&[by_name(&wanted.named), of_users_and_apps(&wanted.whose)])?;
        }
        for ((_, name), row) in wanted.named.iter().zip(tx.journal_rows(&wanted.named)?) {
            self.journals.insert(name.clone(), row.map(Kept::loaded));
        }
        for (key, rows) in wanted.whose.iter().zip(tx.license_rows_of(&wanted.whose)?) {
            self.ids.insert(key.clone(), rows.iter().map(|row| row.license.id).collect());
            self.licenses.extend(rows.into_iter().map(|row| (row.license.id, Kept::loaded(row))));
        }
        Ok(())
    }

    /// The user of a device that was loaded.
    fn user(&self, device: DeviceId) -> Option<UserId> {
        Some(self.devices.get(&device)?.as_ref()?.row.device.user)
    }

    /// What these journals need and is not here yet.
    fn wanted(&self, journals: &[&JournalName], user: impl Fn(DeviceId) -> Option<UserId>) -> Wanted {
        let named = journals.iter().filter_map(|name| Some((user(name.device)?, (*name).clone())));
        let named: BTreeSet<(UserId, JournalName)> = named.collect();
        let whose = named.iter().filter_map(|(user, name)| Some((*user, name.app.clone()?)));
        let whose: BTreeSet<(UserId, AppId)> = whose.filter(|whose| !self.ids.contains_key(whose)).collect();
        let named = named.into_iter().filter(|(_, name)| !self.journals.contains_key(name));
        Wanted { named: named.collect(), whose: whose.into_iter().collect() }
    }

    /// The view of one request, and the bytes kept beside the slot if it was answered there before.
    pub(super) fn view(
        &mut self,
        tx: &Reading<'_>,
        submission: &Submission,
        around: Surroundings,
    ) -> Result<(View, Option<Aside>), StoreError> {
        let Submission { request, body, proof, receipt, .. } = submission;
        let name = &request.journal;
        let device = self.device(tx, name.device)?.map(|row| row.device.clone());
        // An unknown device may show a receipt of ours: the server was restored, and the user's licenses may
        // be older than the device.
        let told = receipt.as_ref().map(|receipt| receipt.answer.head.user);
        let user = device.as_ref().map(|device| device.user).or(told);
        let codes = self.codes(tx, submission, user)?;
        let grant = self.grant(tx, submission)?;
        // Who joins by a code joins the others of its user.
        let joined = user.or_else(|| codes.first().map(|code| code.user));
        let siblings = match joined {
            Some(joined) if request.operation.is_of_device() => self.siblings(tx, joined, name.device)?,
            _ => Vec::new(),
        };
        let mut view = View {
            device,
            app: around.app,
            proof: proof.clone(),
            receipt: receipt.clone(),
            codes,
            grant,
            siblings,
            ..View::empty(around.server, *body)
        };
        let Some(user) = user else {
            self.load_moves(tx, UserId([0; 16]), submission, &mut view)?;
            return Ok((view, None));
        };
        let row = self.journal(tx, user, name)?.cloned();
        let aside = match &row {
            Some(row) if row.asides > 0 => self.aside(tx, user, name, submission)?,
            _ => None,
        };
        view.aside = aside.as_ref().map(|aside| Slot { request: request.id, body: aside.body });
        view.past = row.as_ref().map(|row| self.past(tx, row, submission)).transpose()?.flatten();
        view.journal = row.map(|row| row.journal);
        self.load_moves(tx, user, submission, &mut view)?;
        self.load_licenses(tx, user, name, &mut view)?;
        self.load_for_device(tx, user, &request.operation, &mut view)?;
        self.load_for_keys(tx, user, submission, &mut view)?;
        Ok((view, aside))
    }

    /// What orders and redemptions of license keys look at.
    fn load_for_keys(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        submission: &Submission,
        view: &mut View,
    ) -> Result<(), StoreError> {
        let name = &submission.request.journal;
        let Some(app) = &name.app else { return Ok(()) };
        match &submission.request.operation {
            Operation::OrderKey(image) => {
                view.image = provided(tx, *image)?;
                self.orders(tx, user, name.device, app)?;
                let known = self.transactions.values().map(|kept| &kept.row.transaction);
                let open = |known: &&KeyTransaction| {
                    known.device == name.device
                        && known.app == *app
                        && known.status != TransactionStatus::Closed
                };
                view.transactions = known.filter(open).cloned().collect();
            }
            Operation::RedeemKey(redemption) => {
                let id = redemption.transaction;
                if !self.transactions.contains_key(&id)
                    && let Some(row) = tx.transaction_row(user, id)?
                {
                    self.transactions.insert(id, Kept::loaded(row));
                }
                let known = self.transactions.get(&id).map(|kept| kept.row.transaction.clone());
                view.transactions = known.into_iter().collect();
                view.handed = submission.handed.clone();
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn device(
        &mut self,
        tx: &Reading<'_>,
        id: DeviceId,
    ) -> Result<Option<&mut DeviceRow>, StoreError> {
        let kept = match self.devices.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(tx.device_row(id)?.map(Kept::loaded)),
        };
        Ok(kept.as_mut().map(|kept| &mut kept.row))
    }

    pub(super) fn journal(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        name: &JournalName,
    ) -> Result<Option<&JournalRow>, StoreError> {
        if !self.journals.contains_key(name) {
            self.journals.insert(name.clone(), tx.journal_row(user, name)?.map(Kept::loaded));
        }
        Ok(self.journals.get(name).and_then(Option::as_ref).map(|kept| &kept.row))
    }

    pub(super) fn chain(&mut self, tx: &Reading<'_>, user: UserId) -> Result<Option<&UserChain>, StoreError> {
        let kept = match self.chains.entry(user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(tx.user_chain(user)?.map(Kept::loaded)),
        };
        Ok(kept.as_ref().map(|kept| &kept.row))
    }

    /// A license by its supplier, for acts.
    pub(super) fn license_of(
        &mut self,
        tx: &Reading<'_>,
        supplier: SupplierId,
        id: LicenseId,
    ) -> Result<&mut Kept<LicenseRow>, LedgerError> {
        let not_found = StoreError::NotFound { what: "license" };
        let kept = match self.licenses.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let row = tx.license_row(supplier, id)?.ok_or_else(|| not_found.clone())?;
                place.insert(Kept::loaded(row))
            }
        };
        let ours = kept.row.license.supplier == supplier;
        if ours { Ok(kept) } else { Err(LedgerError::Store(not_found)) }
    }

    fn aside(
        &self,
        tx: &Reading<'_>,
        user: UserId,
        name: &JournalName,
        submission: &Submission,
    ) -> Result<Option<Aside>, StoreError> {
        let id = submission.request.id;
        match self.asides.get(&(user, name.clone(), id)) {
            Some((aside, _)) => Ok(Some(aside.clone())),
            None => tx.aside(user, name, id),
        }
    }

    /// Only an older request, and not the one in the slot, has to be looked up.
    fn past(
        &self,
        tx: &Reading<'_>,
        row: &JournalRow,
        submission: &Submission,
    ) -> Result<Option<Past>, StoreError> {
        let request = &submission.request;
        let in_slot = row.journal.slot.is_some_and(|slot| slot.request == request.id)
            && request.epoch.checked_add(1) == Some(row.journal.epoch);
        if request.epoch >= row.journal.epoch || in_slot {
            return Ok(None);
        }
        past(row, request.epoch, |seq| match self.own_event(seq) {
            Some(event) => Ok(Some(event.clone())),
            None => tx.event(seq),
        })
    }

    fn load_moves(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        submission: &Submission,
        view: &mut View,
    ) -> Result<(), StoreError> {
        for id in named_moves(submission) {
            let kept = match self.moves.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(tx.move_row(id)?.map(Kept::loaded)),
            };
            let Some(kept) = kept else { continue };
            let (movement, app) = (kept.row.movement.clone(), kept.row.app.clone());
            // A move of somebody else is shown, so that it can be refused as such; never the license behind it.
            if movement.user == user {
                self.complete(tx, user, &app)?;
                view.licenses
                    .extend(self.licenses.get(&movement.license).map(|kept| kept.row.license.clone()));
            }
            view.moves.push(movement);
        }
        Ok(())
    }

    /// All licenses of the user for the app, beside those of moves that are there already.
    fn load_licenses(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        name: &JournalName,
        view: &mut View,
    ) -> Result<(), StoreError> {
        let Some(app) = &name.app else { return Ok(()) };
        self.complete(tx, user, app)?;
        let there: BTreeSet<LicenseId> = view.licenses.iter().map(|license| license.id).collect();
        let ids = self.ids.get(&(user, app.clone())).into_iter().flatten();
        let rows = ids.filter_map(|id| self.licenses.get(id)).map(|kept| &kept.row.license);
        view.licenses.extend(rows.filter(|license| !there.contains(&license.id)).cloned());
        Ok(())
    }

    /// What declaring a device lost or retiring it changes: all that the user has.
    fn load_for_device(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        operation: &Operation,
        view: &mut View,
    ) -> Result<(), StoreError> {
        match operation {
            Operation::Lost(device)
            | Operation::Retire(device)
            | Operation::Replaced(Replacement { device, .. }) => self.load_device(tx, user, *device, view),
            Operation::Transfer(transfer) => {
                self.load_device(tx, user, transfer.from, view)?;
                self.load_journals(tx, user, transfer.to, view)?;
                self.load_orders(tx, user, transfer.from, view)
            }
            _ => Ok(()),
        }
    }

    /// The orders of license keys of a device for an app that are not closed.
    fn orders(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        device: DeviceId,
        app: &AppId,
    ) -> Result<(), StoreError> {
        for row in tx.transaction_rows(user, device, app)? {
            self.transactions.entry(row.transaction.id).or_insert_with(|| Kept::loaded(row));
        }
        Ok(())
    }

    /// The orders of license keys that a transfer closes: those of its source that are not closed.
    fn load_orders(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        source: DeviceId,
        view: &mut View,
    ) -> Result<(), StoreError> {
        let apps: BTreeSet<AppId> = view.licenses.iter().map(|license| license.app.clone()).collect();
        for app in apps {
            self.orders(tx, user, source, &app)?;
        }
        let known = self.transactions.values().map(|kept| &kept.row.transaction);
        view.transactions =
            known.filter(|order| order.user == user && order.device == source).cloned().collect();
        Ok(())
    }

    /// All licenses of a device's user with this supplier, and the device's journals for them.
    pub(super) fn view_of_device(
        &mut self,
        tx: &Reading<'_>,
        supplier: SupplierId,
        device: &Device,
    ) -> Result<View, StoreError> {
        let mut view = View::empty(ServerId([0; 16]), Digest([0; 32]));
        self.load_device(tx, device.user, device.id, &mut view)?;
        view.licenses.retain(|license| license.supplier == supplier);
        let apps: BTreeSet<AppId> = view.licenses.iter().map(|license| license.app.clone()).collect();
        view.others.retain(|journal| journal.name.app.as_ref().is_some_and(|app| apps.contains(app)));
        Ok(view)
    }

    fn load_device(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        device: DeviceId,
        view: &mut View,
    ) -> Result<(), StoreError> {
        for app in tx.license_apps(user)? {
            self.complete(tx, user, &app)?;
        }
        let ours = |row: &&LicenseRow| row.license.user == user;
        view.licenses = self
            .licenses
            .values()
            .map(|kept| &kept.row)
            .filter(ours)
            .map(|row| row.license.clone())
            .collect();
        self.load_journals(tx, user, device, view)
    }

    /// The journals of a device for apps.
    fn load_journals(
        &mut self,
        tx: &Reading<'_>,
        user: UserId,
        device: DeviceId,
        view: &mut View,
    ) -> Result<(), StoreError> {
        let here = self.journals.keys().filter(|name| name.device == device && name.app.is_some()).cloned();
        let names: BTreeSet<JournalName> = tx.journal_names(user, device)?.into_iter().chain(here).collect();
        for name in names {
            let row = self.journal(tx, user, &name)?.filter(|row| row.journal.user == user);
            view.others.extend(row.map(|row| row.journal.clone()));
        }
        Ok(())
    }

    /// The user's other devices.
    fn siblings(&mut self, tx: &Reading<'_>, user: UserId, but: DeviceId) -> Result<Vec<Device>, StoreError> {
        for row in tx.device_rows(user)? {
            self.devices.entry(row.device.id).or_insert_with(|| Some(Kept::loaded(row)));
        }
        let known = self.devices.values().flatten().map(|kept| &kept.row.device);
        Ok(known.filter(|device| device.user == user && device.id != but).cloned().collect())
    }

    /// The code that the request shows, makes or withdraws; with a new recovery code, the user's others.
    fn codes(
        &mut self,
        tx: &Reading<'_>,
        submission: &Submission,
        user: Option<UserId>,
    ) -> Result<Vec<Code>, StoreError> {
        let named = match &submission.request.operation {
            Operation::Register(_) => submission.code,
            Operation::Invite(invitation) => Some(invitation.digest),
            Operation::Withdraw(digest) => Some(*digest),
            _ => None,
        };
        let Some(named) = named else { return Ok(Vec::new()) };
        if let Entry::Vacant(place) = self.codes.entry(named) {
            place.insert(tx.code_row(named)?.map(Kept::loaded));
        }
        let replaces = match &submission.request.operation {
            Operation::Invite(invitation) => user.filter(|_| invitation.purpose == Purpose::Recovery),
            _ => None,
        };
        if let Some(user) = replaces {
            for row in tx.code_rows(user)? {
                self.codes.entry(row.code.digest).or_insert_with(|| Some(Kept::loaded(row)));
            }
        }
        let known = self.codes.values().flatten().map(|kept| &kept.row.code);
        let first = known.clone().filter(|code| code.digest == named);
        let others = known.filter(|code| code.digest != named && replaces == Some(code.user));
        Ok(first.chain(others).cloned().collect())
    }

    fn grant(&mut self, tx: &Reading<'_>, submission: &Submission) -> Result<Option<Grant>, StoreError> {
        let redeems = matches!(submission.request.operation, Operation::Redeem(_));
        let Some(digest) = submission.code.filter(|_| redeems) else { return Ok(None) };
        let kept = match self.grants.entry(digest) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(tx.grant_row(digest)?.map(Kept::loaded)),
        };
        Ok(kept.as_ref().map(|kept| kept.row.grant.clone()))
    }

    fn complete(&mut self, tx: &Reading<'_>, user: UserId, app: &AppId) -> Result<(), StoreError> {
        let key = (user, app.clone());
        if self.ids.contains_key(&key) {
            return Ok(());
        }
        let rows = tx.license_rows(user, app)?;
        let ids = rows.iter().map(|row| row.license.id).collect();
        for row in rows {
            // One that an act has loaded, and maybe changed, stays.
            self.licenses.entry(row.license.id).or_insert_with(|| Kept::loaded(row));
        }
        self.ids.insert(key, ids);
        Ok(())
    }
}

/// The moves that a request names or proves.
fn named_moves(submission: &Submission) -> BTreeSet<MoveId> {
    let named = match &submission.request.operation {
        Operation::Import(brought) => Some(brought.portable.movement),
        Operation::CancelMove(movement) => Some(*movement),
        Operation::Register(registration) => match &registration.joins {
            Joins::With(brought) => Some(brought.portable.movement),
            Joins::NewUser { .. } | Joins::By(_) => None,
        },
        _ => None,
    };
    let proved = match &submission.proof {
        Beside::Checked(proof) => match &proof.answer.body {
            Body::Portable(portable) => Some(portable.movement),
            Body::Pass(pass) => pass.from_move,
            Body::Refusal(_) | Body::Receipt(_) | Body::Keys(_) => None,
        },
        Beside::Nothing | Beside::Unchecked => None,
    };
    let kept = submission.request.portables.iter().copied();
    named.into_iter().chain(proved).chain(kept).collect()
}

/// The image as a decision looks at it; one that is not published is none.
fn provided(tx: &Reading<'_>, id: ImageId) -> Result<Option<Provided>, StoreError> {
    let image = tx.image(id)?.filter(|image| image.state == PUBLISHED);
    Ok(image.map(|image| Provided {
        id,
        app: image.app,
        version: image.version,
        keyed: image.keyed.is_some(),
    }))
}
