//! Whatever devices do, in whatever order and however often, the books add up.

use carnet_core::document::{Body, Operation, PortablePass, Request};
use carnet_core::license::Act;
use carnet_core::transfer::{Transfer, Which};
use carnet_store::{Settled, Work};
use proptest::prelude::*;

use super::world::*;

#[derive(Debug, Clone)]
enum Step {
    Agree(usize, &'static str),
    Renew(usize, u64),
    Use(usize, u64),
    Decline(usize),
    Export(usize),
    Import(usize),
    Cancel(usize),
    Return(usize),
    /// Some earlier request of anybody again.
    Duplicate(usize),
    /// The answer is lost; the device forgets that it asked.
    Lose(usize),
    /// The device goes back to where it was after its first answer.
    Restore(usize),
    Act(Act),
    Review(usize),
    /// From one phone to another; the first one asks.
    Transfer(usize, usize, bool),
    /// Days go by.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let phone = 0..4_usize;
    prop_oneof![
        2 => (phone.clone(), prop_oneof![Just("ten-runs"), Just("pool"), Just("forever")]).prop_map(|(p, o)| Step::Agree(p, o)),
        6 => (phone.clone(), 0..6_u64).prop_map(|(p, uses)| Step::Renew(p, uses)),
        5 => (phone.clone(), 1..4_u64).prop_map(|(p, uses)| Step::Use(p, uses)),
        1 => phone.clone().prop_map(Step::Decline),
        3 => phone.clone().prop_map(Step::Export),
        3 => phone.clone().prop_map(Step::Import),
        1 => phone.clone().prop_map(Step::Cancel),
        2 => phone.clone().prop_map(Step::Return),
        4 => (0..1_000_usize).prop_map(Step::Duplicate),
        2 => phone.clone().prop_map(Step::Lose),
        1 => phone.clone().prop_map(Step::Restore),
        1 => prop_oneof![Just(Act::Suspend), Just(Act::Reinstate), Just(Act::End)].prop_map(Step::Act),
        1 => phone.clone().prop_map(Step::Review),
        3 => (phone.clone(), phone, any::<bool>()).prop_map(|(from, to, wait)| Step::Transfer(from, to, wait)),
        1 => (1..200_u64).prop_map(Step::Wait),
    ]
}

struct Play {
    world: World,
    phones: Vec<Phone>,
    backups: Vec<Option<Phone>>,
    sent: Vec<(usize, Request)>,
    portables: Vec<PortablePass>,
    licenses: Vec<carnet_core::id::LicenseId>,
    /// Where the first phone's own journal stands.
    own: (u64, carnet_core::id::Digest),
}

impl Play {
    fn new() -> Self {
        let world = World::new();
        let owner = Phone::register(&world, 0);
        let other = Phone::register(&world, 9);
        let phones = vec![owner.clone(), owner.sibling(1), owner.sibling(2), other];
        let own = (1, phones[0].receipt.digest);
        let (backups, sent) = (vec![None; phones.len()], Vec::new());
        Self { world, phones, backups, sent, portables: Vec::new(), licenses: Vec::new(), own }
    }

    fn ask(&mut self, phone: usize, operation: Operation, heard: bool) {
        let request = self.phones[phone].request(operation);
        self.sent.push((phone, request.clone()));
        let settled = self.world.ledger.settle(self.phones[phone].work(&request)).unwrap();
        let (Settled::Answered { payload, .. }, true) = (settled, heard) else { return };
        match self.phones[phone].receive(&payload) {
            Body::Portable(portable) => self.portables.push(*portable),
            Body::Pass(pass) if !self.licenses.contains(&pass.license) => self.licenses.push(pass.license),
            _ => {}
        }
        self.backups[phone].get_or_insert_with(|| self.phones[phone].clone());
    }

    fn transfer(&mut self, from: usize, to: usize, wait: bool) {
        let (from, to) = (self.phones[from].id, self.phones[to].id);
        let transfer = Transfer { from, to, apps: Which::All, retire: false, wait };
        let mut request = self.phones[0].request(Operation::Transfer(Box::new(transfer)));
        request.journal.app = None;
        (request.epoch, request.last_answer) = self.own;
        request.totals.clear();
        let settled = self.world.ledger.settle(self.phones[0].work(&request)).unwrap();
        if let Settled::Answered { payload, .. } = settled {
            self.own = (read_answer(&payload).head.epoch, digest(&payload));
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Agree(phone, offer) => {
                let operation = self.phones[phone].agreement(&self.world, offer);
                self.ask(phone, operation, true);
            }
            Step::Renew(phone, uses) => self.ask(phone, Operation::Renew { uses }, true),
            Step::Lose(phone) => self.ask(phone, Operation::Renew { uses: 1 }, false),
            Step::Use(phone, uses) => {
                if let Some(license) = self.licenses.last() {
                    self.phones[phone].use_up(*license, uses);
                }
            }
            Step::Decline(phone) => self.ask(phone, Operation::Decline, true),
            Step::Export(phone) => self.ask(phone, Operation::Export, true),
            Step::Return(phone) => self.ask(phone, Operation::Return, true),
            Step::Import(phone) => {
                let Some(portable) = self.portables.last().cloned() else { return };
                let brought = carnet_core::document::Brought { portable, document: Vec::new() };
                self.ask(phone, Operation::Import(Box::new(brought)), true);
            }
            Step::Cancel(phone) => {
                let Some(portable) = self.portables.last() else { return };
                self.ask(phone, Operation::CancelMove(portable.movement), true);
            }
            Step::Duplicate(which) => {
                if !self.sent.is_empty() {
                    let (phone, request) = &self.sent[which % self.sent.len()];
                    let work = self.phones[*phone].work(request);
                    self.world.ledger.settle(work).unwrap();
                }
            }
            Step::Restore(phone) => {
                if let Some(mut backup) = self.backups[phone].clone() {
                    // Ids are random: a restored copy does not choose the same again.
                    for _ in 0..1_000 {
                        backup.request(Operation::Decline);
                    }
                    self.backups[phone] = Some(backup.clone());
                    self.phones[phone] = backup;
                }
            }
            Step::Act(act) => {
                if let Some(license) = self.licenses.last() {
                    let (supplier, license) = (SUPPLIER, *license);
                    let _ = self.world.ledger.settle(Work::Act {
                        supplier,
                        license,
                        act,
                        by: "t".into(),
                        reason: None,
                    });
                }
            }
            Step::Review(phone) => {
                let (supplier, journal) = (SUPPLIER, self.phones[phone].journal());
                let _ = self.world.ledger.settle(Work::Review { supplier, journal, by: "t".into() });
            }
            Step::Transfer(from, to, wait) => self.transfer(from, to, wait),
            Step::Wait(days) => self.world.clock.pass(std::time::Duration::from_secs(days * 86_400)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn i3_the_books_add_up_whatever_devices_do(steps in prop::collection::vec(step(), 1..60)) {
        let mut play = Play::new();
        for step in steps {
            play.take(step);
        }
        let report = play.world.check();
        prop_assert!(report.is_clean(), "{:#?}", report.findings);
    }
}
