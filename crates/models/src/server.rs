//! The server of the model: `decide` over maps instead of tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use carnet_core::document::{Answer, Evidence, JournalName, Operation, PublicKey, Reason, Request};
use carnet_core::id::{
    ChargeId, DeviceId, Digest, LicenseId, MoveId, PassId, RequestId, ServerId, SupplierId, TransactionId,
    UserId,
};
use carnet_core::license::{Balance, Holder, License, Line, Right};
use carnet_core::money::Money;
use carnet_core::offer::{Charging, Counting, Issuance, Listed, Menu, Offer};
use carnet_core::server::{
    AppView, Beside, Decision, Device, EventKind, Fresh, Journal, Move, Outcome, Past, Proof, Slot, View,
    decide,
};
use carnet_core::term::{Slice, Term};
use carnet_core::transfer::{Transfer, Which};

use crate::world::{NOW, Variant, World, WorldModel, app, device, digest, name16};

pub(crate) const SERVER: ServerId = ServerId([9; 16]);
const SUPPLIER: SupplierId = SupplierId([8; 16]);
const USER: UserId = UserId([7; 16]);

/// Everything durable at the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    pub(crate) journals: BTreeMap<JournalName, Journal>,
    pub(crate) slots: BTreeMap<JournalName, Answer>,
    pub(crate) asides: BTreeMap<(JournalName, RequestId), (Slot, Answer)>,
    pub(crate) past: BTreeMap<(JournalName, u64), Past>,
    pub(crate) licenses: BTreeMap<LicenseId, License>,
    pub(crate) moves: BTreeMap<MoveId, Move>,
    /// What the postings of all events add up to.
    pub(crate) posted: BTreeMap<(LicenseId, Line), Balance>,
    /// A posting that did not fit the ones before it.
    pub(crate) misposted: bool,
    /// Broken variants only: the journal half of a split commit, and the device-wide epochs.
    pub(crate) half_done: Option<Box<Outcome>>,
    pub(crate) device_epochs: BTreeMap<DeviceId, (u64, Digest)>,
}

impl Server {
    pub(crate) fn new(model: &WorldModel) -> Self {
        let settled = model.forgiven_before.then_some(NOW);
        let known = |index| {
            let id = device(index);
            let device = Device {
                id,
                user: USER,
                signing_key: PublicKey([index; 32]).into(),
                agreement_key: PublicKey([index; 32]),
                evidence: Evidence::Hardware,
                receipt: digest(&("receipt", id)),
                registered: NOW,
                settled,
                retired: false,
                lost: None,
                until: None,
                enrolled: None,
                only: None,
            };
            (id, device)
        };
        let mut server = Self {
            devices: (0..model.devices).map(known).collect(),
            journals: BTreeMap::new(),
            slots: BTreeMap::new(),
            asides: BTreeMap::new(),
            past: BTreeMap::new(),
            licenses: BTreeMap::new(),
            moves: BTreeMap::new(),
            posted: BTreeMap::new(),
            misposted: false,
            half_done: None,
            device_epochs: BTreeMap::new(),
        };
        for which in 0..model.apps {
            for nth in 0..model.licenses {
                server.sell(which, nth, model);
            }
        }
        server
    }

    fn sell(&mut self, which: u8, nth: u8, model: &WorldModel) {
        let (Some(app), Ok(name)) = (app(which), "few-uses".parse()) else { return };
        let counted = (model.uses > 0).then_some(model.uses);
        let offer = Offer {
            name,
            condition: "Few uses".into(),
            features: BTreeMap::new(),
            term: Term { uses: counted, ..Term::PERPETUAL },
            devices: u32::from(model.rights),
            fee: Money::NOTHING,
            charging: Charging::Free,
            issuance: Issuance::default(),
            pass_term: Slice { uses: counted.map(|_| 1), ..Slice::WHOLE },
            temporary_pass_term: None,
            counting: Counting::Offline,
            grace: None,
            lost_devices_per_year: 2,
            floating: None,
            reporting: None,
            once_per: None,
            hardware_only: false,
            versions: carnet_core::app::VersionRange::default(),
        };
        let id = LicenseId([16 * which + nth; 16]);
        let mut license =
            License::new(id, USER, SUPPLIER, Listed { app, serial: 1, offer }, DeviceId([0; 16]), NOW);
        let line = Balance { total: model.uses, remaining: model.uses, ..Balance::EMPTY };
        license.uses = counted.map(|_| line);
        license.rights = vec![Right::new(0, Holder::Free); usize::from(model.rights)];
        self.posted.insert((id, Line::Uses), license.uses.unwrap_or_default());
        self.posted.insert((id, Line::Rights), license.rights_balance());
        self.licenses.insert(id, license);
    }

    pub(crate) fn receipt_of(&self, device: DeviceId) -> Digest {
        self.devices.get(&device).map_or(Digest([0; 32]), |device| device.receipt)
    }

    fn view(&self, request: &Request, body: Digest, proof: Beside) -> View {
        let name = &request.journal;
        let licenses = self.licenses.values().filter(|license| Some(&license.app) == name.app.as_ref());
        let menu = Arc::new(Menu::default());
        View {
            device: self.devices.get(&name.device).cloned(),
            journal: self.journals.get(name).cloned(),
            licenses: licenses.cloned().collect(),
            moves: self.moves.values().cloned().collect(),
            past: self.past.get(&(name.clone(), request.epoch)).copied(),
            aside: self.asides.get(&(name.clone(), request.id)).map(|(slot, _)| *slot),
            app: Some(AppView { supplier: SUPPLIER, menu }),
            proof,
            ..View::empty(SERVER, body)
        }
    }

    /// Writes an outcome, as one transaction.
    fn write(&mut self, mut outcome: Outcome, into_slot: bool) -> Answer {
        let answer = outcome.answer.clone();
        let name = outcome.journal.name.clone();
        outcome.sealed(digest(&answer));
        self.write_licenses(&outcome);
        let past = outcome.event.past;
        if into_slot {
            self.slots.insert(name.clone(), answer.clone());
        } else {
            let slot = Slot { request: past.request, body: past.body };
            self.asides.insert((name.clone(), past.request), (slot, answer.clone()));
        }
        self.past.entry((name.clone(), outcome.event.quoted)).or_insert(past);
        self.devices.extend(outcome.devices.into_iter().map(|device| (device.id, device)));
        self.journals.insert(name, outcome.journal);
        answer
    }

    fn write_licenses(&mut self, outcome: &Outcome) {
        for license in &outcome.licenses {
            self.licenses.insert(license.id, license.clone());
        }
        for movement in &outcome.moves {
            self.moves.insert(movement.id, movement.clone());
        }
        for posting in &outcome.event.postings {
            let line = self.posted.entry((posting.license, posting.line)).or_default();
            self.misposted |= line.post(posting.from, posting.to, posting.amount).is_err();
        }
    }
}

impl World {
    /// One request at the server: decide, write, answer.
    pub(crate) fn serve(&mut self, request: &Request, model: &WorldModel) -> bool {
        let variant = model.variant;
        let body = digest(request);
        let proof = self.answers.iter().find(|answer| digest(*answer) == request.last_answer);
        let proof = proof.map_or(Beside::Nothing, |answer| {
            Beside::Checked(Box::new(Proof { digest: request.last_answer, answer: answer.clone() }))
        });
        let unchecked = if proof == Beside::Nothing { Beside::Nothing } else { Beside::Unchecked };
        let mut view = self.server.view(request, body, unchecked);
        let mut request = request.clone();
        self.server.spoil_view(&mut view, &mut request, variant);
        let fresh = fresh(&request, self.server_restores);
        let before = self.answers.len();
        let mut decision = decide(&view, &request, NOW, &fresh);
        if decision == Decision::CheckProof {
            view.proof = proof;
            decision = decide(&view, &request, NOW, &fresh);
        }
        match decision {
            Decision::Decided(outcome) if variant == Variant::SplitCommit => {
                self.server.write_licenses(&outcome);
                self.server.half_done = Some(outcome);
            }
            Decision::Decided(outcome) => self.commit(*outcome, true, variant),
            Decision::Aside(outcome) => self.commit(*outcome, variant == Variant::RefusalInSlot, variant),
            Decision::Repeat => self.answers.extend(self.server.slots.get(&request.journal).cloned()),
            Decision::RepeatAside => {
                let kept = self.server.asides.get(&(request.journal.clone(), request.id));
                self.answers.extend(kept.map(|(_, answer)| answer.clone()));
            }
            Decision::Superseded(answer) | Decision::Unrecorded(answer) => {
                self.answers.insert(*answer);
            }
            Decision::CheckProof | Decision::WantsKeys(_) | Decision::Rejected(_) => {}
        }
        before != self.answers.len() || self.server.half_done.is_some()
    }

    fn commit(&mut self, mut outcome: Outcome, into_slot: bool, variant: Variant) {
        if let EventKind::Imported { movement } = outcome.event.kind {
            *self.imports.entry(movement).or_default() += 1;
        }
        if into_slot && variant == Variant::RefusalInSlot {
            let Past { request, body } = outcome.event.past;
            outcome.journal.slot = Some(Slot { request, body });
        }
        if variant == Variant::GenerationPerLicense {
            for license in &mut outcome.licenses {
                let newest = license.rights.iter().map(|right| right.generation).max().unwrap_or(0);
                license.rights.iter_mut().for_each(|right| right.generation = newest);
            }
        }
        let told = outcome.event.kind == (EventKind::Refused { reason: Reason::Transferred });
        if variant == Variant::ToldIsEnough && told {
            let device = outcome.journal.name.device;
            let rights = self.server.licenses.values_mut().flat_map(|license| &mut license.rights);
            for right in rights.filter(|right| right.is_held_by(device)) {
                (right.holder, right.generation) = (right.holder.let_go(), right.generation + 1);
            }
        }
        let (device, epoch) = (outcome.journal.name.device, outcome.journal.epoch);
        let answer = self.server.write(outcome, into_slot);
        self.server.device_epochs.insert(device, (epoch, digest(&answer)));
        self.answers.insert(answer);
    }

    /// Asked for by the destination, in its own journal, which is no part of this world.
    pub(crate) fn transfer(&mut self, from: DeviceId, to: DeviceId) -> bool {
        let transfer = Transfer { from, to, apps: Which::All, retire: false, wait: true };
        let request = Request {
            server: SERVER,
            journal: JournalName { device: to, app: None },
            id: RequestId(name16(&("transfer", self.transfers))),
            epoch: 0,
            last_answer: self.server.receipt_of(to),
            head: Digest([0; 32]),
            at: NOW,
            totals: BTreeMap::new(),
            portables: BTreeSet::new(),
            operation: Operation::Transfer(Box::new(transfer)),
        };
        let view = View {
            device: self.server.devices.get(&to).cloned(),
            licenses: self.server.licenses.values().cloned().collect(),
            siblings: self.server.devices.values().filter(|device| device.id != to).cloned().collect(),
            others: self.server.journals.values().cloned().collect(),
            ..View::empty(SERVER, digest(&request))
        };
        self.transfers += 1;
        let decision = decide(&view, &request, NOW, &fresh(&request, self.server_restores));
        let Decision::Decided(outcome) = decision else { return false };
        self.server.write_licenses(&outcome);
        self.server.journals.extend(outcome.others.into_iter().map(|other| (other.name.clone(), other)));
        true
    }

    pub(crate) fn finish_commit(&mut self, model: &WorldModel) -> bool {
        let Some(mut outcome) = self.server.half_done.take() else { return false };
        outcome.licenses.clear();
        outcome.event.postings.clear();
        self.commit(*outcome, true, model.variant);
        true
    }
}

impl Server {
    /// What a broken variant does not look at.
    fn spoil_view(&self, view: &mut View, request: &mut Request, variant: Variant) {
        let Some(journal) = &mut view.journal else {
            self.spoil_new(view, request, variant);
            return;
        };
        match variant {
            Variant::ForgottenIds => {
                (journal.slot, view.past, view.aside) = (None, None, None);
            }
            Variant::AnswerHashNotCompared => journal.answer = request.last_answer,
            Variant::NoEpoch if journal.slot.is_none_or(|slot| slot.request != request.id) => {
                (request.epoch, request.last_answer) = (journal.epoch, journal.answer);
                view.past = None;
            }
            Variant::NoEpoch => request.epoch = journal.epoch.saturating_sub(1),
            Variant::EpochPerDevice => {
                if let Some((epoch, answer)) = self.device_epochs.get(&request.journal.device) {
                    (journal.epoch, journal.answer) = (*epoch, *answer);
                }
            }
            _ => {}
        }
    }

    fn spoil_new(&self, view: &mut View, request: &mut Request, variant: Variant) {
        let Some(device) = &view.device else { return };
        match variant {
            Variant::NoEpoch => (request.epoch, request.last_answer) = (0, device.receipt),
            Variant::EpochPerDevice => {
                let Some((epoch, answer)) = self.device_epochs.get(&device.id).copied() else { return };
                view.journal = Some(Journal {
                    name: request.journal.clone(),
                    user: USER,
                    epoch,
                    answer,
                    slot: None,
                    accounts: BTreeMap::new(),
                    active: None,
                    former: Vec::new(),
                    flagged: None,
                    settled: None,
                    reconciled: 0,
                    gone: None,
                });
            }
            _ => {}
        }
    }
}

/// Fresh ids: never the same again for another decision, also after the server was restored.
fn fresh(request: &Request, restores: u8) -> Fresh {
    let of = |what: &str| name16(&(what, &request.journal, request.epoch, request.id, restores));
    Fresh {
        license: LicenseId(of("license")),
        pass: PassId(of("pass")),
        movement: MoveId(of("move")),
        charge: ChargeId(of("charge")),
        transaction: TransactionId(of("transaction")),
    }
}
