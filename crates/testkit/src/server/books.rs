//! What the server knows, in maps instead of tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::document::{JournalName, Request};
use carnet_core::id::{DeviceId, Digest, LicenseId, MoveId, PassId, RequestId, ServerId};
use carnet_core::license::License;
use carnet_core::offer::{Listed, Menu, Offer};
use carnet_core::server::{AppView, Beside, Device, Fresh, Journal, Move, Outcome, Past, Proof, Slot, View};

use super::keys::{ACME, Keys};

#[derive(Debug)]
pub(super) struct Books {
    server: ServerId,
    pub joiner: Option<carnet_core::id::UserId>,
    pub devices: BTreeMap<DeviceId, Device>,
    journals: BTreeMap<JournalName, Journal>,
    pub slots: BTreeMap<JournalName, Vec<u8>>,
    pub asides: BTreeMap<(JournalName, RequestId), (Slot, Vec<u8>)>,
    past: BTreeMap<(JournalName, u64), Past>,
    pub licenses: BTreeMap<LicenseId, License>,
    moves: BTreeMap<MoveId, Move>,
    menus: BTreeMap<AppId, Menu>,
    ids: u64,
}

impl Books {
    pub fn new(server: ServerId) -> Self {
        Self {
            server,
            joiner: None,
            devices: BTreeMap::new(),
            journals: BTreeMap::new(),
            slots: BTreeMap::new(),
            asides: BTreeMap::new(),
            past: BTreeMap::new(),
            licenses: BTreeMap::new(),
            moves: BTreeMap::new(),
            menus: BTreeMap::new(),
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
        let theirs =
            |license: &&License| Some(license.user) == user && Some(&license.app) == name.app.as_ref();
        let menu = name.app.as_ref().and_then(|app| self.menus.get(app)).cloned();
        View {
            server: self.server,
            body,
            device,
            journal: self.journals.get(name).cloned(),
            licenses: self.licenses.values().filter(theirs).cloned().collect(),
            moves: self.moves.values().filter(|movement| Some(movement.user) == user).cloned().collect(),
            past: self.past.get(&(name.clone(), request.epoch)).copied(),
            aside: self.asides.get(&(name.clone(), request.id)).map(|(slot, _)| *slot),
            app: menu.map(|menu| AppView { supplier: ACME, menu: Arc::new(menu) }),
            proof,
            receipt,
        }
    }

    /// Ids that were never given away before.
    pub fn fresh(&mut self) -> Fresh {
        self.ids += 1;
        let mut id = [0x1d; 16];
        id[8..].copy_from_slice(&self.ids.to_be_bytes());
        Fresh { license: LicenseId(id), pass: PassId(id), movement: MoveId(id) }
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
        self.devices.extend(outcome.device.map(|device| (device.id, device)));
        self.licenses.extend(outcome.licenses.into_iter().map(|license| (license.id, license)));
        self.moves.extend(outcome.moves.into_iter().map(|movement| (movement.id, movement)));
        self.journals.insert(name, outcome.journal);
        document
    }
}
