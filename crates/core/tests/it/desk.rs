//! A server over maps and devices over plain states, so that a test reads like the story it tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::charge::{Charge, ChargeAct, Owed};
use carnet_core::device::{Disapproval, Input, next};
use carnet_core::document::{
    Agreed, Agreement, Answer, Body, Brought, Evidence, JournalName, Operation, PortablePass, PublicKey,
    Reason, Refusal, Request, Secret,
};
use carnet_core::id::{
    ChargeId, DeviceId, Digest, LicenseId, MoveId, PassId, RequestId, RunId, ServerId, SupplierId,
    TransactionId, UserId,
};
use carnet_core::journal::{Received, State};
use carnet_core::license::{License, Standing};
use carnet_core::offer::{Listed, Menu, Offer};
use carnet_core::provision::{Handed, KeyTransaction, Provided};
use carnet_core::server::{
    AppView, Beside, Code, Decision, Device, Fresh, Grant, Journal, Move, Outcome, Past, Rejection, Slot,
    View, decide, shown,
};
use carnet_core::time::Time;

pub const SERVER: ServerId = ServerId([1; 16]);
pub const USER: UserId = UserId([2; 16]);
pub const SUPPLIER: SupplierId = SupplierId([3; 16]);

pub fn start() -> Time {
    "2027-01-01".parse().unwrap()
}

pub fn paint() -> AppId {
    "acme/paint".parse().unwrap()
}

/// Everything in one place: the server's books, the devices' states, the time.
pub struct Desk {
    pub now: Time,
    pub menu: Menu,
    pub devices: BTreeMap<DeviceId, Device>,
    pub journals: BTreeMap<JournalName, Journal>,
    pub licenses: BTreeMap<LicenseId, License>,
    pub moves: BTreeMap<MoveId, Move>,
    pub past: BTreeMap<(JournalName, u64), Past>,
    pub states: BTreeMap<DeviceId, State>,
    pub codes: BTreeMap<Digest, Code>,
    pub grants: BTreeMap<Digest, Grant>,
    pub charges: BTreeMap<ChargeId, Charge>,
    pub images: Vec<Provided>,
    pub transactions: BTreeMap<TransactionId, KeyTransaction>,
    /// What the key service says to whoever redeems.
    pub handed: Handed,
    slots: BTreeMap<JournalName, Answer>,
    asides: BTreeMap<RequestId, (Slot, Answer)>,
    drawn: u32,
}

pub fn digest(text: &impl std::fmt::Debug) -> Digest {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    format!("{text:?}").hash(&mut hasher);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&hasher.finish().to_be_bytes());
    Digest(bytes)
}

pub fn code_digest(code: Secret) -> Digest {
    digest(&("code", code.0))
}

pub fn laptop() -> DeviceId {
    DeviceId([10; 16])
}

pub fn tablet() -> DeviceId {
    DeviceId([11; 16])
}

impl Desk {
    /// A server that sells this, and two registered devices.
    pub fn selling(offers: Vec<Offer>) -> Self {
        let mut desk = Self {
            now: start(),
            menu: Menu::default().replaced(&paint(), offers),
            devices: BTreeMap::new(),
            journals: BTreeMap::new(),
            licenses: BTreeMap::new(),
            moves: BTreeMap::new(),
            past: BTreeMap::new(),
            states: BTreeMap::new(),
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            charges: BTreeMap::new(),
            images: Vec::new(),
            transactions: BTreeMap::new(),
            handed: Handed::Sealed(b"sealed".to_vec()),
            slots: BTreeMap::new(),
            asides: BTreeMap::new(),
            drawn: 0,
        };
        for id in [laptop(), tablet()] {
            let receipt = digest(&id);
            let key = PublicKey([id.0[0]; 32]);
            let device = Device {
                id,
                user: USER,
                signing_key: key.into(),
                agreement_key: key,
                evidence: Evidence::Hardware,
                receipt,
                registered: start(),
                settled: None,
                retired: false,
                lost: None,
                until: None,
                enrolled: None,
                only: None,
            };
            desk.devices.insert(id, device);
            let name = JournalName { device: id, app: Some(paint()) };
            desk.states.insert(id, State::new(SERVER, name, receipt, Time::EPOCH));
        }
        desk
    }

    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let mut id = [0; 16];
        id[12..].copy_from_slice(&self.drawn.to_be_bytes());
        id
    }

    pub fn view(&self, request: &Request, proof: Beside) -> View {
        let name = &request.journal;
        let device = self.devices.get(&name.device).cloned();
        let siblings = self.devices.values().filter(|other| other.id != name.device);
        View {
            device,
            journal: self.journals.get(name).cloned(),
            licenses: self.licenses.values().cloned().collect(),
            moves: self.moves.values().cloned().collect(),
            past: self.past.get(&(name.clone(), request.epoch)).copied(),
            aside: self.asides.get(&request.id).map(|(slot, _)| *slot),
            app: name.app.as_ref().map(|_| AppView { supplier: SUPPLIER, menu: Arc::new(self.menu.clone()) }),
            proof,
            codes: self.codes(&request.operation),
            grant: shown(&request.operation).and_then(|code| self.grants.get(&code_digest(code))).cloned(),
            siblings: siblings.cloned().collect(),
            others: self.journals.values().filter(|other| other.name != *name).cloned().collect(),
            image: self
                .images
                .iter()
                .find(|image| Operation::OrderKey(image.id) == request.operation)
                .cloned(),
            transactions: self.transactions_for(request),
            handed: self.handed.clone(),
            ..View::empty(SERVER, digest(request))
        }
    }

    fn transactions_for(&self, request: &Request) -> Vec<KeyTransaction> {
        let ours = |known: &&KeyTransaction| match &request.operation {
            Operation::RedeemKey(redemption) => known.id == redemption.transaction,
            Operation::Transfer(transfer) => known.device == transfer.from,
            _ => known.device == request.journal.device,
        };
        self.transactions.values().filter(ours).cloned().collect()
    }

    fn codes(&self, operation: &Operation) -> Vec<Code> {
        let named = match operation {
            Operation::Invite(invitation) => Some(invitation.digest),
            Operation::Withdraw(digest) => Some(*digest),
            operation => shown(operation).map(code_digest),
        };
        let first = named.and_then(|digest| self.codes.get(&digest));
        let others = self.codes.values().filter(|code| Some(code.digest) != named && code.user == USER);
        first.into_iter().chain(others.filter(|_| shown(operation).is_none())).cloned().collect()
    }

    /// One request at the server.
    pub fn serve(&mut self, request: &Request) -> Result<Answer, Rejection> {
        let view = self.view(request, Beside::Nothing);
        let fresh = Fresh {
            license: LicenseId(self.draw()),
            pass: PassId(self.draw()),
            movement: MoveId(self.draw()),
            charge: ChargeId(self.draw()),
            transaction: TransactionId(self.draw()),
        };
        match decide(&view, request, self.now, &fresh) {
            Decision::Decided(outcome) => Ok(self.write(*outcome, true)),
            Decision::Aside(outcome) => Ok(self.write(*outcome, false)),
            Decision::Repeat => Ok(self.slots[&request.journal].clone()),
            Decision::RepeatAside => Ok(self.asides[&request.id].1.clone()),
            Decision::Superseded(answer) | Decision::Unrecorded(answer) => Ok(*answer),
            Decision::CheckProof => panic!("nothing is unchecked here"),
            Decision::WantsKeys(_) => panic!("the key service has sealed what is redeemed here"),
            Decision::Rejected(rejection) => Err(rejection),
        }
    }

    fn write(&mut self, mut outcome: Outcome, into_slot: bool) -> Answer {
        let answer = outcome.answer.clone();
        outcome.sealed(digest(&answer));
        let (name, past) = (outcome.journal.name.clone(), outcome.event.past);
        if into_slot {
            self.slots.insert(name.clone(), answer.clone());
        } else {
            let slot = Slot { request: past.request, body: past.body };
            self.asides.insert(past.request, (slot, answer.clone()));
        }
        self.past.entry((name.clone(), outcome.event.quoted)).or_insert(past);
        self.journals.insert(name, outcome.journal);
        self.licenses.extend(outcome.licenses.into_iter().map(|license| (license.id, license)));
        self.moves.extend(outcome.moves.into_iter().map(|movement| (movement.id, movement)));
        self.devices.extend(outcome.devices.into_iter().map(|device| (device.id, device)));
        self.journals.extend(outcome.others.into_iter().map(|other| (other.name.clone(), other)));
        self.codes.extend(outcome.codes.into_iter().map(|code| (code.digest, code)));
        self.grants.extend(outcome.grant.map(|grant| (grant.digest, grant)));
        let transactions = outcome.transactions.into_iter();
        self.transactions.extend(transactions.map(|transaction| (transaction.id, transaction)));
        self.charges.extend(outcome.charges.into_iter().map(|charge| (charge.id, charge)));
        for license in self.licenses.values() {
            for line in [license.uses, license.seconds].into_iter().flatten() {
                assert!(line.is_balanced(), "I3: {line:?}");
            }
        }
        answer
    }

    /// The device writes the intent down.
    pub fn intend(&mut self, device: DeviceId, operation: Operation) -> Request {
        let id = RequestId(self.draw());
        let input = Input::Ask { id, operation: Box::new(operation), head: Digest([0; 32]) };
        self.act(device, input).unwrap();
        self.states[&device].intent.clone().unwrap()
    }

    /// The device takes the answer in.
    pub fn deliver(&mut self, device: DeviceId, answer: Answer) -> Result<(), Disapproval> {
        let received = Received { digest: digest(&answer), answer, document: Vec::new() };
        self.act(device, Input::Receive(Box::new(received)))
    }

    pub fn act(&mut self, device: DeviceId, input: Input) -> Result<(), Disapproval> {
        let state = self.states.get_mut(&device).unwrap();
        for record in next(state, input, self.now)? {
            state.apply(&record).unwrap();
        }
        Ok(())
    }

    /// There and back.
    pub fn ask(&mut self, device: DeviceId, operation: Operation) -> Body {
        let request = self.intend(device, operation);
        let answer = self.serve(&request).unwrap();
        let body = answer.body.clone();
        self.deliver(device, answer).unwrap();
        body
    }

    pub fn renew(&mut self, device: DeviceId) -> Body {
        self.ask(device, Operation::Renew { uses: 1 })
    }

    pub fn agreement(&self, device: DeviceId, listed: Listed) -> Operation {
        let agreement = Agreement { server: SERVER, user: USER, device, at: self.now, listed };
        Operation::Agree(Box::new(Agreed { agreement, document: Vec::new() }))
    }

    pub fn agree(&mut self, device: DeviceId, offer: &str) -> Body {
        let listed = self.menu.find(&offer.parse().unwrap()).unwrap().clone();
        let operation = self.agreement(device, listed);
        self.ask(device, operation)
    }

    pub fn export(&mut self, device: DeviceId) -> PortablePass {
        match self.ask(device, Operation::Export) {
            Body::Portable(portable) => *portable,
            other => panic!("no portable pass: {other:?}"),
        }
    }

    pub fn import(&mut self, device: DeviceId, portable: &PortablePass) -> Body {
        let brought = Brought { portable: portable.clone(), document: Vec::new() };
        self.ask(device, Operation::Import(Box::new(brought)))
    }

    /// One run: counted when it starts.
    pub fn run(&mut self, device: DeviceId) -> Result<RunId, Disapproval> {
        let run = RunId(self.draw());
        self.act(device, Input::Start { run, version: None })?;
        Ok(run)
    }

    pub fn stand(&mut self, standing: Standing) {
        self.licenses.values_mut().for_each(|license| license.standing = standing);
    }

    /// Charges are open for every license.
    pub fn owe(&mut self, pending: u32, failed: u32) {
        self.licenses.values_mut().for_each(|license| license.owed = Owed { pending, failed });
    }

    /// The gateway, or the supplier, says what has become of all open charges.
    pub fn settle_charges(&mut self, act: ChargeAct) {
        for charge in self.charges.values_mut() {
            let Ok(after) = charge.status.after(act) else { continue };
            let license = self.licenses.get_mut(&charge.license).unwrap();
            license.owed = license.owed.left(charge.status).entered(after);
            charge.status = after;
        }
    }

    /// As [`Desk::intend`], if the device may ask for it.
    pub fn try_intend(&mut self, device: DeviceId, operation: Operation) -> Option<Request> {
        let id = RequestId(self.draw());
        let input = Input::Ask { id, operation: Box::new(operation), head: Digest([0; 32]) };
        self.act(device, input).ok()?;
        self.states[&device].intent.clone()
    }

    /// There and back in the device's own journal, which a test begins anew each time.
    pub fn manage(&mut self, device: DeviceId, operation: Operation) -> Body {
        let request = self.device_request(device, operation);
        self.serve(&request).unwrap().body
    }

    /// A request in the device's own journal.
    pub fn device_request(&mut self, device: DeviceId, operation: Operation) -> Request {
        let name = JournalName { device, app: None };
        let known = self.journals.get(&name).map(|journal| (journal.epoch, journal.answer));
        let (epoch, last_answer) = known.unwrap_or((0, digest(&device)));
        Request {
            server: SERVER,
            journal: name,
            id: RequestId(self.draw()),
            epoch,
            last_answer,
            head: Digest([0; 32]),
            at: self.now,
            totals: BTreeMap::new(),
            portables: std::collections::BTreeSet::new(),
            operation,
        }
    }

    pub fn only_license(&self) -> &License {
        assert_eq!(self.licenses.len(), 1);
        self.licenses.values().next().unwrap()
    }
}

/// Why the server refused.
pub fn refused(body: &Body) -> Refusal {
    match body {
        Body::Refusal(refusal) => (**refusal).clone(),
        other => panic!("not refused: {other:?}"),
    }
}

pub fn reason(body: &Body) -> Option<Reason> {
    match body {
        Body::Refusal(refusal) => Some(refusal.reason),
        _ => None,
    }
}
