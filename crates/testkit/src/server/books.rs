//! What the server knows, in maps instead of tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::charge::Charge;
use carnet_core::document::{JournalName, Operation, Request};
use carnet_core::id::{
    ChargeId, DeviceId, Digest, LicenseId, MoveId, PassId, RequestId, ServerId, TransactionId, UserId,
};
use carnet_core::license::License;
use carnet_core::offer::{Listed, Menu, Offer};
use carnet_core::server::{
    AppView, Beside, Code, Device, Fresh, Grant, Journal, Move, Outcome, Past, Proof, Slot, View, shown,
};
use carnet_seal::code::digest_of;

use super::keys::{ACME, Keys};

#[derive(Debug)]
pub(super) struct Books {
    server: ServerId,
    pub devices: BTreeMap<DeviceId, Device>,
    journals: BTreeMap<JournalName, Journal>,
    pub slots: BTreeMap<JournalName, Vec<u8>>,
    pub asides: BTreeMap<(JournalName, RequestId), (Slot, Vec<u8>)>,
    past: BTreeMap<(JournalName, u64), Past>,
    pub licenses: BTreeMap<LicenseId, License>,
    moves: BTreeMap<MoveId, Move>,
    menus: BTreeMap<AppId, Menu>,
    codes: BTreeMap<Digest, Code>,
    pub grants: BTreeMap<Digest, Grant>,
    pub charges: BTreeMap<ChargeId, Charge>,
    ids: u64,
}

impl Books {
    pub fn new(server: ServerId) -> Self {
        Self {
            server,
            devices: BTreeMap::new(),
            journals: BTreeMap::new(),
            slots: BTreeMap::new(),
            asides: BTreeMap::new(),
            past: BTreeMap::new(),
            licenses: BTreeMap::new(),
            moves: BTreeMap::new(),
            menus: BTreeMap::new(),
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            charges: BTreeMap::new(),
            ids: 0,
        }
    }

    pub fn put_menu(&mut self, app: &AppId, offers: Vec<Offer>) {
        let menu = self.menus.entry(app.clone()).or_default();
        *menu = menu.replaced(app, offers);
    }

    pub fn menu(&self, app: &AppId) -> Vec<Listed> {
        self.menus.get(app).map(|menu| menu.offers.clone()).unwrap_or_default()
    }

    /// Everything that a decision about this request looks at.
    pub fn view(&self, request: &Request, body: Digest, proof: Beside, receipt: Option<Proof>) -> View {
        let name = &request.journal;
        let device = self.devices.get(&name.device).cloned();
        let user = device.as_ref().map(|device| device.user);
        let menu = name.app.as_ref().and_then(|app| self.menus.get(app)).cloned();
        let codes = self.codes(request, user);
        let joined = user.or_else(|| codes.first().map(|code| code.user));
        let siblings =
            self.devices.values().filter(|other| Some(other.user) == joined && other.id != name.device);
        let lost = match request.operation {
            Operation::Lost(lost) => Some(lost),
            Operation::Replaced(ref replacement) => Some(replacement.device),
            _ => None,
        };
        View {
            device,
            journal: self.journals.get(name).cloned(),
            licenses: self.licenses_for(request, user),
            moves: self.moves.values().cloned().collect(),
            past: self.past.get(&(name.clone(), request.epoch)).copied(),
            aside: self.asides.get(&(name.clone(), request.id)).map(|(slot, _)| *slot),
            app: menu.map(|menu| AppView { supplier: ACME, menu: Arc::new(menu) }),
            proof,
            receipt,
            codes,
            grant: shown(&request.operation).and_then(|code| self.grants.get(&digest_of(code))).cloned(),
            siblings: siblings.cloned().collect(),
            others: self.journals.values().filter(|other| Some(other.name.device) == lost).cloned().collect(),
            ..View::empty(self.server, body)
        }
    }

    fn codes(&self, request: &Request, user: Option<UserId>) -> Vec<Code> {
        let named = match &request.operation {
            Operation::Invite(invitation) => Some(invitation.digest),
            Operation::Withdraw(digest) => Some(*digest),
            operation => shown(operation).map(digest_of),
        };
        let first = named.and_then(|digest| self.codes.get(&digest));
        let ours = |code: &&Code| Some(code.user) == user && Some(code.digest) != named;
        first.into_iter().chain(self.codes.values().filter(ours)).cloned().collect()
    }

    fn licenses_for(&self, request: &Request, user: Option<UserId>) -> Vec<License> {
        let of_device = request.operation.is_of_device();
        let theirs = |license: &&License| {
            Some(license.user) == user && (of_device || Some(&license.app) == request.journal.app.as_ref())
        };
        self.licenses.values().filter(theirs).cloned().collect()
    }

    /// Ids that were never given away before.
    pub fn fresh(&mut self) -> Fresh {
        self.ids += 1;
        let mut id = [0x1d; 16];
        id[8..].copy_from_slice(&self.ids.to_be_bytes());
        Fresh {
            license: LicenseId(id),
            pass: PassId(id),
            movement: MoveId(id),
            charge: ChargeId(id),
            transaction: TransactionId(id),
        }
    }

    /// Writes an outcome and signs its answer.
    pub fn write(&mut self, mut outcome: Outcome, keys: &Keys, into_slot: bool) -> Vec<u8> {
        let signed = keys.sign(outcome.answer.clone());
        outcome.sealed(signed.body_hash());
        let (document, name, past) =
            (signed.bytes().to_vec(), outcome.journal.name.clone(), outcome.event.past);
        if into_slot {
            self.slots.insert(name.clone(), document.clone());
        } else {
            let slot = Slot { request: past.request, body: past.body };
            self.asides.insert((name.clone(), past.request), (slot, document.clone()));
        }
        self.past.entry((name.clone(), outcome.event.quoted)).or_insert(past);
        self.devices.extend(outcome.devices.into_iter().map(|device| (device.id, device)));
        self.journals.extend(outcome.others.into_iter().map(|other| (other.name.clone(), other)));
        self.codes.extend(outcome.codes.into_iter().map(|code| (code.digest, code)));
        self.grants.extend(outcome.grant.map(|grant| (grant.digest, grant)));
        self.charges.extend(outcome.charges.into_iter().map(|charge| (charge.id, charge)));
        self.licenses.extend(outcome.licenses.into_iter().map(|license| (license.id, license)));
        self.moves.extend(outcome.moves.into_iter().map(|movement| (movement.id, movement)));
        self.journals.insert(name, outcome.journal);
        document
    }
}
