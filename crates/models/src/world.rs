//! The world: devices, their disks, the network, and what may happen next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use carnet_core::app::AppId;
use carnet_core::device::{Input, next};
use carnet_core::document::{Answer, Body, Brought, JournalName, Operation, PortablePass, Reason, Request};
use carnet_core::id::{DeviceId, Digest, LicenseId, MoveId, RequestId, RunId};
use carnet_core::journal::{PassStatus, Received, State};
use carnet_core::time::Time;
use stateright::{Model, Property};

use crate::server::{SERVER, Server};

/// It is always this time: what depends on time is tested elsewhere.
pub const NOW: Time = Time(1_700_000_000_000_000);

/// Which ingredient of the protocol is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// None: the protocol as it is.
    Sound,
    /// Request ids are counted, not drawn at random.
    CountedRequestIds,
    /// No epoch and no last answer is compared.
    NoEpoch,
    /// One epoch for all journals of a device.
    EpochPerDevice,
    /// The digest of the last answer is not compared.
    AnswerHashNotCompared,
    /// The pass leaves `valid` when the answer comes, not with the intent.
    DisableAfterAnswer,
    /// The intent is closed first, then the answer is stored.
    IntentClosedFirst,
    /// License and journal are written by two transactions.
    SplitCommit,
    /// The server does not remember which request it answered.
    ForgottenIds,
    /// A pass grants a number of uses, not a total.
    Deltas,
    /// One generation for all rights of a license.
    GenerationPerLicense,
    /// Refusals of journals out of step are written into the answer slot.
    RefusalInSlot,
    /// A transferred right goes on when its device is told, not when it has given back.
    ToldIsEnough,
}

/// What a device may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// The next pass.
    Renew,
    /// Take the pass away.
    Export,
    /// Bring a pass in.
    Import,
    /// Take a move back.
    Cancel,
    /// Give the pass back.
    Return,
}

/// The bounds of a world.
#[derive(Debug, Clone)]
pub struct WorldModel {
    /// What is left out.
    pub variant: Variant,
    /// How many devices.
    pub devices: u8,
    /// How many apps.
    pub apps: u8,
    /// Licenses of each app.
    pub licenses: u8,
    /// Devices that one license allows.
    pub rights: u8,
    /// Uses of one license, of which a pass carries one; none: it is perpetual.
    pub uses: u64,
    /// Operations of each journal.
    pub operations: u8,
    /// Which operations.
    pub ops: &'static [Op],
    /// How often a passbook is restored.
    pub passbook_restores: u8,
    /// How often the server is restored.
    pub server_restores: u8,
    /// Whether a rollback has been forgiven before, so that the next one is flagged.
    pub forgiven_before: bool,
    /// How often something is transferred from the first device to the second one, which waits for it.
    pub transfers: u8,
    /// Crashes of whoever is between two steps; only broken variants have such steps.
    pub crashes: u8,
}

impl WorldModel {
    /// The smallest world in which a pass can travel.
    #[must_use]
    pub const fn small(variant: Variant) -> Self {
        Self {
            variant,
            devices: 2,
            apps: 1,
            licenses: 1,
            rights: 1,
            uses: 2,
            operations: 2,
            ops: &[Op::Renew, Op::Export, Op::Import, Op::Cancel],
            passbook_restores: 0,
            server_restores: 0,
            forgiven_before: false,
            transfers: 0,
            crashes: 1,
        }
    }

    pub(crate) const fn is_honest(&self) -> bool {
        self.passbook_restores == 0 && self.server_restores == 0
    }
}

/// One state of the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub(crate) server: Server,
    pub(crate) server_backup: Option<Box<Server>>,
    pub(crate) disks: BTreeMap<JournalName, State>,
    pub(crate) disk_backup: BTreeMap<JournalName, State>,
    pub(crate) requests: BTreeSet<Request>,
    pub(crate) answers: BTreeSet<Answer>,
    pub(crate) operations: BTreeMap<JournalName, u8>,
    pub(crate) passbook_restores: u8,
    pub(crate) server_restores: u8,
    pub(crate) crashes: u8,
    pub(crate) transfers: u8,
    /// Ghost: uses really made, by license.
    pub(crate) used: BTreeMap<LicenseId, u64>,
    /// Ghost: generations that a device has let go (I2).
    pub(crate) released: BTreeSet<(DeviceId, LicenseId, u32, u64)>,
    /// Ghost: journals set back behind an acknowledged point that nobody has noticed yet.
    pub(crate) set_back: BTreeSet<JournalName>,
    /// Ghost: a journal that was set back went on as if nothing were.
    pub(crate) unnoticed: bool,
    /// Ghost: which moves were imported, how often.
    pub(crate) imports: BTreeMap<MoveId, u8>,
    /// An answer in the memory of a device that closed its intent first (broken variant only).
    pub(crate) in_memory: BTreeMap<JournalName, (Request, Answer)>,
}

/// What may happen.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// A device writes an intent and sends it.
    Ask(JournalName, Op, Option<MoveId>),
    /// The server receives a request, for the first time or again.
    Serve(Box<Request>),
    /// A device receives an answer, for the first time or again.
    Deliver(Box<Answer>),
    /// A use is counted and made.
    Use(JournalName),
    /// What the first device has is transferred to the second one.
    Transfer,
    /// The user copies a device's passbook.
    CopyPassbook(DeviceId),
    /// The user puts the copy back.
    RestorePassbook,
    /// The operator makes a backup.
    BackUpServer,
    /// The operator puts it back.
    RestoreServer,
    /// The second half of a step that a broken variant has split.
    Finish(Option<JournalName>),
    /// A crash between the halves.
    Crash,
}

/// One line for one step, so that a trace can be read.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |name: &JournalName| format!("device {} {:?}", name.device.0[0], name.app);
        match self {
            Self::Ask(name, op, movement) => write!(f, "{}: ask {op:?} {movement:?}", short(name)),
            Self::Serve(request) => {
                let (name, epoch) = (short(&request.journal), request.epoch);
                write!(
                    f,
                    "{name}: server gets {:?}… epoch {epoch} totals {:?}",
                    request.operation, request.totals
                )
            }
            Self::Deliver(answer) => write!(f, "{}: gets {answer:?}", short(&answer.head.journal)),
            Self::Use(name) => write!(f, "{}: use", short(name)),
            Self::Transfer => write!(f, "transferred from device 1 to device 2"),
            Self::CopyPassbook(device) => write!(f, "device {}: passbook copied", device.0[0]),
            Self::RestorePassbook => write!(f, "passbook restored"),
            Self::BackUpServer => write!(f, "server backed up"),
            Self::RestoreServer => write!(f, "server restored"),
            Self::Finish(name) => write!(f, "second half {:?}", name.as_ref().map(short)),
            Self::Crash => write!(f, "crash"),
        }
    }
}

pub(crate) fn device(index: u8) -> DeviceId {
    DeviceId([index + 1; 16])
}

pub(crate) fn app(index: u8) -> Option<AppId> {
    format!("acme/app-{index}").parse().ok()
}

/// Digest of anything, good enough to tell the few documents of a model apart.
pub(crate) fn digest(value: &impl Hash) -> Digest {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&hasher.finish().to_be_bytes());
    Digest(bytes)
}

/// Sixteen bytes out of anything: random in the product, repeatable here, different for different parts.
pub(crate) fn name16(parts: &impl Hash) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(parts).0[..16]);
    bytes
}

const RUN: RunId = RunId([1; 16]);

impl World {
    fn new(model: &WorldModel) -> Self {
        let server = Server::new(model);
        let names = (0..model.devices).flat_map(|at| {
            (0..model.apps).map(move |which| JournalName { device: device(at), app: app(which) })
        });
        let disk = |name: JournalName| {
            let receipt = server.receipt_of(name.device);
            (name.clone(), State::new(SERVER, name, receipt, NOW))
        };
        Self {
            disks: names.map(disk).collect(),
            server,
            server_backup: None,
            disk_backup: BTreeMap::new(),
            requests: BTreeSet::new(),
            answers: BTreeSet::new(),
            operations: BTreeMap::new(),
            passbook_restores: 0,
            server_restores: 0,
            crashes: 0,
            transfers: 0,
            used: BTreeMap::new(),
            released: BTreeSet::new(),
            set_back: BTreeSet::new(),
            unnoticed: false,
            imports: BTreeMap::new(),
            in_memory: BTreeMap::new(),
        }
    }

    /// Portable passes that anybody can have seen.
    pub(crate) fn portables(&self) -> BTreeMap<MoveId, PortablePass> {
        let portable = |answer: &Answer| match &answer.body {
            Body::Portable(portable) => Some((portable.movement, (**portable).clone())),
            _ => None,
        };
        self.answers.iter().filter_map(portable).collect()
    }

    /// Whether a program could run by this journal, the way the variant at hand judges.
    pub(crate) fn runs(&self, name: &JournalName, variant: Variant) -> bool {
        self.as_judged(name, variant).is_some_and(|state| state.judge(NOW, None, 1).is_ok())
    }

    fn as_judged(&self, name: &JournalName, variant: Variant) -> Option<State> {
        let mut state = self.disks.get(name)?.clone();
        let leaving = state.intent.as_ref().is_some_and(|intent| intent.operation.leaves());
        if variant == Variant::DisableAfterAnswer && leaving {
            state.intent = None;
        }
        Some(state)
    }

    /// Writes an intent; what is written has been sent.
    pub(crate) fn ask(&mut self, name: &JournalName, operation: Operation, variant: Variant) -> bool {
        let Some(state) = self.disks.get(name) else { return false };
        let asked = self.operations.get(name).copied().unwrap_or(0);
        let id = match variant {
            Variant::CountedRequestIds => RequestId(name16(&(name, state.epoch))),
            _ => RequestId(name16(&(name, state.epoch, asked, self.passbook_restores, self.server_restores))),
        };
        let mut state = state.clone();
        if variant == Variant::EpochPerDevice {
            let latest =
                self.disks.iter().filter(|(other, _)| other.device == name.device).map(|(_, disk)| disk);
            if let Some(latest) = latest.max_by_key(|disk| disk.epoch) {
                (state.epoch, state.last_answer) = (latest.epoch, latest.last_answer);
            }
        }
        let input = Input::Ask { id, operation: Box::new(operation), head: Digest([0; 32]) };
        let Ok(records) = next(&state, input, NOW) else { return false };
        for record in &records {
            if state.apply(record).is_err() {
                return false;
            }
        }
        self.requests.extend(state.intent.clone());
        self.disks.insert(name.clone(), state);
        self.operations.insert(name.clone(), asked.saturating_add(1));
        true
    }

    fn operation(&self, op: Op, movement: Option<MoveId>) -> Option<Operation> {
        Some(match op {
            Op::Renew => Operation::Renew { uses: 1 },
            Op::Export => Operation::Export,
            Op::Return => Operation::Return,
            Op::Cancel => Operation::CancelMove(movement?),
            Op::Import => {
                let portable = self.portables().get(&movement?)?.clone();
                Operation::Import(Box::new(Brought { portable, document: Vec::new() }))
            }
        })
    }

    /// Takes an answer in, if it is the one to the open intent.
    pub(crate) fn deliver(&mut self, answer: &Answer, variant: Variant) -> bool {
        let name = answer.head.journal.clone();
        let Some(before) = self.disks.get(&name) else { return false };
        let mut answer = answer.clone();
        adapt(&mut answer, before, variant);
        let digest = digest(&answer);
        let received = Received { answer: answer.clone(), digest, document: Vec::new() };
        let input = Input::Receive(Box::new(received));
        let Ok(records) = next(before, input, NOW) else { return false };
        let mut after = before.clone();
        if records.iter().any(|record| after.apply(record).is_err()) {
            return false;
        }
        self.note_outcome(&name, &answer);
        self.disks.insert(name, after);
        true
    }

    fn note_outcome(&mut self, name: &JournalName, answer: &Answer) {
        let noticed = match &answer.body {
            Body::Refusal(refusal) => {
                matches!(refusal.reason, Reason::ForkOrRollback | Reason::UnderReview | Reason::Superseded)
            }
            _ => false,
        };
        if self.set_back.remove(name) && !noticed {
            self.unnoticed = true;
        }
        let held = self.disks.get(name).and_then(|state| state.held.as_ref()).map(|held| &held.pass);
        if let (Body::Portable(_), Some(pass)) = (&answer.body, held) {
            self.released.insert((name.device, pass.license, pass.right, pass.generation));
        }
    }

    fn make_use(&mut self, name: &JournalName, variant: Variant) -> bool {
        let Some(mut state) = self.as_judged(name, variant) else { return false };
        let intent = self.disks.get(name).and_then(|disk| disk.intent.clone());
        let Ok(records) = next(&state, Input::Start { run: RUN, version: None }, NOW) else { return false };
        if records.iter().any(|record| state.apply(record).is_err()) {
            return false;
        }
        if let Some(held) = &state.held {
            *self.used.entry(held.pass.license).or_default() += 1;
        }
        state.intent = intent;
        self.disks.insert(name.clone(), state);
        true
    }

    fn restore_passbook(&mut self) {
        let copy = std::mem::take(&mut self.disk_backup);
        for (name, state) in copy {
            let acknowledged = self.server.journals.get(&name).map_or(0, |journal| journal.epoch);
            // A copy made with a request open is resumed as an honest retry: nobody can tell the two apart.
            if state.epoch < acknowledged && state.intent.is_none() {
                self.set_back.insert(name.clone());
            }
            self.disks.insert(name, state);
        }
        self.passbook_restores += 1;
    }
}

/// How a broken variant reads an answer.
fn adapt(answer: &mut Answer, state: &State, variant: Variant) {
    let Some(intent) = state.intent.as_ref().filter(|intent| intent.id == answer.head.request) else {
        return;
    };
    if variant == Variant::NoEpoch {
        answer.head.quoted = intent.epoch;
        answer.head.epoch = intent.epoch + 1;
    }
    if variant == Variant::Deltas
        && let Body::Pass(pass) = &mut answer.body
        && let Some(uses) = &mut pass.uses
    {
        let then = intent.totals.get(&pass.license).map_or(0, |totals| totals.uses);
        let now = state.totals.get(&pass.license).map_or(0, |totals| totals.uses);
        uses.upto = uses.upto - then + now;
    }
}

impl Model for WorldModel {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.server.half_done.is_some() || !world.in_memory.is_empty() {
            self.halfway(world, actions);
            return;
        }
        for (name, state) in &world.disks {
            self.device_actions(world, name, state, actions);
        }
        actions.extend(world.requests.iter().map(|request| Action::Serve(Box::new(request.clone()))));
        let awaited = |answer: &&Answer| {
            let disk = world.disks.get(&answer.head.journal);
            disk.and_then(|disk| disk.intent.as_ref()).is_some_and(|intent| intent.id == answer.head.request)
        };
        actions.extend(
            world.answers.iter().filter(awaited).map(|answer| Action::Deliver(Box::new(answer.clone()))),
        );
        self.disasters(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut after = world.clone();
        let happened = match action {
            Action::Ask(name, op, movement) => {
                let operation = world.operation(op, movement)?;
                after.ask(&name, operation, self.variant)
            }
            Action::Serve(request) => after.serve(&request, self),
            Action::Deliver(answer) if self.variant == Variant::IntentClosedFirst => {
                after.close_first(*answer)
            }
            Action::Deliver(answer) => after.deliver(&answer, self.variant),
            Action::Use(name) => after.make_use(&name, self.variant),
            Action::Transfer => after.transfer(device(0), device(1)),
            Action::CopyPassbook(device) => {
                let ours = world.disks.iter().filter(|(name, _)| name.device == device);
                after.disk_backup = ours.map(|(name, state)| (name.clone(), state.clone())).collect();
                true
            }
            Action::RestorePassbook => {
                after.restore_passbook();
                true
            }
            Action::BackUpServer => {
                after.server_backup = Some(Box::new(world.server.clone()));
                true
            }
            Action::RestoreServer => {
                after.server = *after.server_backup.take()?;
                after.server_restores += 1;
                true
            }
            Action::Finish(name) => after.finish(name, self),
            Action::Crash => {
                after.server.half_done = None;
                after.in_memory.clear();
                after.crashes += 1;
                true
            }
        };
        (happened && after != *world).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::checks::properties(self)
    }
}

impl WorldModel {
    fn device_actions(&self, world: &World, name: &JournalName, state: &State, actions: &mut Vec<Action>) {
        // Where nothing is counted, one use is like another.
        let like_before = self.uses == 0 && !world.used.is_empty();
        if !like_before && world.runs(name, self.variant) {
            actions.push(Action::Use(name.clone()));
        }
        let left = world.operations.get(name).copied().unwrap_or(0) < self.operations;
        if state.intent.is_some() || !left {
            return;
        }
        for op in self.ops {
            match op {
                Op::Renew => actions.push(Action::Ask(name.clone(), *op, None)),
                Op::Export | Op::Return if state.pass_status() == Some(PassStatus::Valid) => {
                    actions.push(Action::Ask(name.clone(), *op, None));
                }
                Op::Return if state.refused == Some(Reason::Transferred) => {
                    actions.push(Action::Ask(name.clone(), *op, None));
                }
                Op::Export | Op::Return => {}
                Op::Import | Op::Cancel => {
                    let portables = world.portables();
                    let ours = portables.values().filter(|portable| Some(&portable.app) == name.app.as_ref());
                    actions
                        .extend(ours.map(|portable| Action::Ask(name.clone(), *op, Some(portable.movement))));
                }
            }
        }
    }

    fn disasters(&self, world: &World, actions: &mut Vec<Action>) {
        if world.transfers < self.transfers {
            actions.push(Action::Transfer);
        }
        if world.passbook_restores < self.passbook_restores {
            if world.disk_backup.is_empty() {
                actions.push(Action::CopyPassbook(device(0)));
            } else {
                actions.push(Action::RestorePassbook);
            }
        }
        if world.server_restores < self.server_restores {
            if world.server_backup.is_none() {
                actions.push(Action::BackUpServer);
            } else {
                actions.push(Action::RestoreServer);
            }
        }
    }

    fn halfway(&self, world: &World, actions: &mut Vec<Action>) {
        if world.server.half_done.is_some() {
            actions.push(Action::Finish(None));
        }
        actions.extend(world.in_memory.keys().map(|name| Action::Finish(Some(name.clone()))));
        if world.crashes < self.crashes {
            actions.push(Action::Crash);
        }
    }
}

impl World {
    /// Broken: the intent is closed by one record, the answer stored by another.
    fn close_first(&mut self, answer: Answer) -> bool {
        let name = answer.head.journal.clone();
        let Some(state) = self.disks.get_mut(&name) else { return false };
        let Some(intent) = state.intent.take() else { return false };
        self.in_memory.insert(name, (intent, answer));
        true
    }

    fn finish(&mut self, name: Option<JournalName>, model: &WorldModel) -> bool {
        let Some(name) = name else { return self.finish_commit(model) };
        let Some((intent, answer)) = self.in_memory.remove(&name) else { return false };
        if let Some(state) = self.disks.get_mut(&name) {
            state.intent = Some(intent);
        }
        self.deliver(&answer, model.variant)
    }
}
