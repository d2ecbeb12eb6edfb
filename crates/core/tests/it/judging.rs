//! C4: every reason for which a contract counts as not kept, and everything that only looks like one.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::app::{Version, VersionRange};
use carnet_core::document::{PublicKey, Totals};
use carnet_core::id::{DeviceId, Digest, LicenseId, RequestId, RunId, ServerId, SupplierId, UserId};
use carnet_core::journal::{PassStatus, Record, State};
use carnet_core::offer::Reporting;
use carnet_core::report::{
    Attachment, Contract, Detail, Detailing, Doubt, Entry, Erased, ErasureCertificate, Fault, Finding,
    Integrity, Known, Mark, Notice, ReportKeys, ReportRequest, Statement, Surroundings, Thing, Trail,
    UsageReport, Verdict, Violation, Wanted, judge_certificate, judge_report,
};
use carnet_core::time::{Length, Seconds, Time};

use crate::desk::{Desk, laptop};
use crate::ten_runs;

const RUN: RunId = RunId([7; 16]);
const USER: UserId = UserId([1; 16]);
/// The records before the first one that is still here.
const GONE: u64 = 10;

/// A contract that was kept: one run with one further use, told in a report.
struct Case {
    report: UsageReport,
    trail: Trail,
    contract: Contract,
    known: Known,
    came: Time,
}

fn keys() -> ReportKeys {
    ReportKeys { seal_to: PublicKey([5; 32]), asks: PublicKey([6; 32]) }
}

/// A state that holds a pass of five uses under a reporting clause.
fn held() -> State {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    let mut state = desk.states[&laptop()].clone();
    state.retention = Some(Length::days(1));
    let pass = &mut state.held.as_mut().unwrap().pass;
    pass.uses.as_mut().unwrap().upto = 5;
    pass.expires = Some(desk.now.plus(Seconds(3_600)));
    pass.versions = VersionRange { from: None, below: Some(Version(3, 0, 0)) };
    pass.reporting = Some(Reporting { keys: Some(keys()), ..Reporting::kept_for(Length::days(1)) });
    state
}

fn started(version: Version) -> Detail {
    Detail::Started(Surroundings { version: Some(version), ..Surroundings::default() })
}

impl Case {
    fn kept() -> Self {
        let state = held();
        let (license, at) = (license(&state), state.clock.reached);
        let gap = Record::RetentionGap { upto: GONE, kept: Length::days(1), at: at.plus(Seconds(86_400)) };
        let used = Detail::Used { feature: None };
        let records = vec![
            (Record::Checkpoint(Box::new(state.clone())), None),
            (gap, None),
            (Record::RunStarted { run: RUN, license, uses: 1, at }, Some(started(Version(2, 1, 0)))),
            (Record::Used { run: RUN, license, uses: 1, at }, Some(used)),
            (
                Record::RunEnded { run: RUN, unused: Seconds(0), at },
                Some(Detail::Ended { lasted: Seconds(9) }),
            ),
        ];
        Self::of(&state, records)
    }

    /// The report of a journal that begins with this state.
    fn of(start: &State, records: Vec<(Record, Option<Detail>)>) -> Self {
        let entries = (GONE + 1..).zip(records).map(|(sequence, (record, detail))| Entry {
            sequence,
            chain: Digest([sequence as u8; 32]),
            record,
            detail: detail.map_or(Detailing::None, |detail| Detailing::Read(Box::new(detail))),
        });
        let before = Mark { sequence: GONE, chain: Digest([GONE as u8; 32]) };
        let trail = Trail { before, entries: entries.collect(), broken: BTreeSet::new() };
        let contract = Contract {
            server: start.server,
            app: start.name.app.clone().unwrap(),
            user: USER,
            license: Some(license(start)),
            devices: BTreeSet::from([start.name.device]),
            uses: Some(10),
            seconds: None,
            ended: None,
        };
        let (known, came) = (Known::default(), start.clock.reached);
        let report = UsageReport {
            says: statement(start, &trail),
            version: None,
            integrity: Integrity::Checked { files: 3, wrong: vec![] },
            records: Attachment { length: 0, digest: Digest([0; 32]) },
        };
        Self { report, trail, contract, known, came }
    }

    /// The report says what its records come to, whatever they are: only they are judged.
    fn told(mut self) -> Self {
        let start = held();
        self.report.says = Statement { ..statement(&start, &self.trail) };
        self
    }

    fn verdict(&self) -> Verdict {
        judge_report(&self.report, &self.trail, &self.contract, &self.known, self.came).verdict
    }

    fn codes(&self) -> Vec<&'static str> {
        match self.verdict() {
            Verdict::Violation(reasons) => reasons.iter().map(Violation::code).collect(),
            other => vec![other.code()],
        }
    }

    fn record(&mut self, at: usize) -> &mut Record {
        &mut self.trail.entries[at].record
    }
}

fn license(state: &State) -> LicenseId {
    state.held.as_ref().unwrap().pass.license
}

fn statement(start: &State, trail: &Trail) -> Statement {
    let mut state = start.clone();
    for entry in &trail.entries {
        // What cannot follow changes nothing.
        let _ = state.apply(&entry.record);
    }
    let pass = state.held.as_ref().map(|held| &held.pass);
    Statement {
        server: state.server,
        device: state.name.device,
        device_key: pass.map_or(PublicKey([3; 32]).into(), |pass| pass.device_key),
        device_name: "atelier".into(),
        user: USER,
        app: state.name.app.clone().unwrap(),
        license: pass.map(|pass| pass.license),
        pass: pass.map(|pass| pass.id),
        at: state.clock.reached,
        nonce: None,
        epoch: state.epoch,
        head: trail.head(),
        totals: state.totals.clone(),
        changed: None,
    }
}

fn request(due: Time) -> ReportRequest {
    let case = Case::kept();
    ReportRequest {
        server: case.contract.server,
        supplier: SupplierId([8; 16]),
        app: case.contract.app,
        user: USER,
        license: case.contract.license.unwrap(),
        device: None,
        nonce: RequestId([4; 16]),
        at: Time::EPOCH,
        due,
        wanted: Wanted::Usage,
        keys: keys(),
    }
}

#[test]
fn c4_use_within_the_contract_is_confirmed_and_added_up() {
    let case = Case::kept();
    let heard = judge_report(&case.report, &case.trail, &case.contract, &case.known, case.came);
    assert_eq!(heard.verdict, Verdict::WithinContract);
    assert_eq!((heard.summary.runs, heard.summary.uses, heard.summary.days.len()), (1, 2, 1));
    assert_eq!(heard.notices, BTreeSet::from([Notice::RetentionGap { upto: GONE }]));
}

#[test]
#[expect(clippy::type_complexity, reason = "a table in a test")]
fn c4_every_violation_has_its_reason() {
    let rows: Vec<(&str, fn(&mut Case))> = vec![
        ("other-server", |case| case.report.says.server = ServerId([9; 16])),
        ("other-app", |case| case.report.says.app = "acme/draw".parse().unwrap()),
        ("other-user", |case| case.report.says.user = UserId([9; 16])),
        ("other-license", |case| case.report.says.license = Some(LicenseId([9; 16]))),
        ("other-device", |case| case.contract.devices = BTreeSet::from([DeviceId([9; 16])])),
        ("other-device", |case| case.report.says.device_key = PublicKey([9; 32]).into()),
        ("more-used", |case| case.contract.uses = Some(1)),
        ("run-after-end", |case| case.contract.ended = Some(case.came)),
        ("program-changed", |case| {
            let wrong = vec![Finding { path: "bin/paint".into(), fault: Fault::Changed }];
            case.report.integrity = Integrity::Checked { files: 3, wrong };
        }),
        ("record-changed", |case| case.trail.broken = BTreeSet::from([13])),
        ("record-changed", |case| case.trail.entries[3].detail = Detailing::Unreadable),
        ("record-changed", |case| case.report.says.head.sequence += 1),
        ("record-changed", |case| case.report.says.totals = BTreeMap::new()),
        ("record-changed", |case| drop(case.trail.entries.remove(2))),
        ("record-changed", |case| case.trail.entries.swap(2, 3)),
        ("record-changed", |case| case.trail.entries.insert(3, case.trail.entries[3].clone())),
        ("detail-missing", |case| case.trail.entries[2].detail = Detailing::None),
        ("gap", |case| drop(case.trail.entries.remove(1))),
        ("gap", |case| {
            if let Record::RetentionGap { at, .. } = case.record(1) {
                *at = at.minus(Seconds(1));
            }
        }),
        ("fork", |case| {
            case.known.head = Some(Mark { sequence: 13, chain: Digest([0; 32]) });
        }),
        ("rollback", |case| {
            case.known.head = Some(Mark { sequence: 99, chain: Digest([0; 32]) });
        }),
        ("rollback", |case| case.known.epoch = 99),
        ("rollback", |case| {
            let license = case.contract.license.unwrap();
            case.known.totals = BTreeMap::from([(license, Totals { uses: 3, ..Totals::default() })]);
        }),
        ("version-not-covered", |case| {
            case.trail.entries[2].detail = Detailing::Read(Box::new(started(Version(3, 0, 0))));
        }),
    ];
    for (number, (reason, spoil)) in rows.into_iter().enumerate() {
        let mut case = Case::kept();
        spoil(&mut case);
        assert!(case.codes().contains(&reason), "row {number}, {reason}: {:?}", case.verdict());
    }
}

/// What an unchanged program would not have recorded, told as if it were in order.
#[test]
#[expect(clippy::type_complexity, reason = "a table in a test")]
fn c4_records_that_no_unchanged_program_writes_are_found_by_folding_them() {
    let rows: Vec<(&str, fn(&mut Case))> = vec![
        ("more-used", |case| {
            if let Record::Used { uses, .. } = case.record(3) {
                *uses = 5;
            }
        }),
        ("run-after-end", |case| {
            if let Record::Used { at, .. } = case.record(3) {
                *at = at.plus(Seconds(3_600));
            }
        }),
        ("clock-turned-back", |case| {
            if let Record::Used { at, .. } = case.record(3) {
                *at = at.minus(Seconds(601));
            }
        }),
        ("clock-turned-back", |case| {
            let at = case.came.minus(Seconds(27 * 3_600));
            *case.record(4) = Record::ClockCorrected { at };
            case.trail.entries[4].detail = Detailing::None;
        }),
        ("copy-tried", |case| {
            *case.record(4) = Record::Disapproved { code: "copied-passbook".into(), at: case.came };
            case.trail.entries[4].detail = Detailing::None;
        }),
    ];
    for (number, (reason, spoil)) in rows.into_iter().enumerate() {
        let mut case = Case::kept();
        spoil(&mut case);
        let case = case.told();
        assert_eq!(case.codes(), [reason], "row {number}: {:?}", case.verdict());
    }
    let mut start = held();
    start.held.as_mut().unwrap().status = PassStatus::Moving;
    let mut case = Case::kept();
    *case.record(0) = Record::Checkpoint(Box::new(start));
    assert_eq!(case.told().codes(), ["run-without-pass"], "it ran although its pass was on its way");
}

/// D3: what happens to honest people.
#[test]
fn d3_accidents_are_noted_and_nobody_is_accused() {
    let mut case = Case::kept();
    let came = case.came;
    *case.record(4) = Record::TailDropped { length: 20, digest: Digest([0; 32]) };
    case.trail.entries[4].detail = Detailing::None;
    for (number, record) in [
        Record::ClockCorrected { at: came.minus(Seconds(25 * 3_600)) },
        Record::Disapproved { code: "no-uses-left".into(), at: came },
        Record::Disapproved { code: "no-uses-left".into(), at: came },
    ]
    .into_iter()
    .enumerate()
    {
        let sequence = GONE + 6 + number as u64;
        let chain = Digest([sequence as u8; 32]);
        case.trail.entries.push(Entry { sequence, chain, record, detail: Detailing::None });
    }
    case.report.integrity = Integrity::NotInstalledHere;
    let case = case.told();
    let heard = judge_report(&case.report, &case.trail, &case.contract, &case.known, case.came);
    assert_eq!(heard.verdict, Verdict::WithinContract);
    let expected = [
        Notice::RetentionGap { upto: GONE },
        Notice::ClockCorrected { at: came.minus(Seconds(25 * 3_600)) },
        Notice::TailDropped { length: 20 },
        Notice::NotInstalledHere,
        Notice::Refused { code: "no-uses-left".into(), times: 2 },
    ];
    assert_eq!(heard.notices, BTreeSet::from(expected));
}

#[test]
fn c4_only_the_answer_to_the_open_request_counts_and_only_in_time() {
    let mut case = Case::kept();
    case.known.request = Some(request(case.came));
    assert_eq!(case.verdict(), Verdict::AskAgain(Doubt::OtherRequest));
    case.report.says.nonce = Some(RequestId([4; 16]));
    assert_eq!(case.verdict(), Verdict::WithinContract);
    case.came = case.came.plus(Seconds(1));
    assert_eq!(case.codes(), ["overdue"]);
}

#[test]
fn c3_c4_an_erasure_is_confirmed_only_when_everything_is_gone() {
    let case = Case::kept();
    let attachment = Attachment { length: 0, digest: Digest([0; 32]) };
    let certificate = ErasureCertificate { says: case.report.says.clone(), list: attachment };
    let item = |kept: Option<&str>| Erased {
        what: Thing::File("bin/paint".into()),
        size: 7,
        digest: Digest([1; 32]),
        kept: kept.map(Into::into),
    };
    let judged = |list: &[Erased], known: &Known| {
        judge_certificate(&certificate, list, &case.contract, known, case.came).verdict
    };
    assert_eq!(judged(&[item(None)], &case.known), Verdict::ErasureConfirmed);
    let not_erased = Violation::NotErased { what: "bin/paint".into(), why: "in use".into() };
    let stuck = [item(None), item(Some("in use"))];
    assert_eq!(judged(&stuck, &case.known), Verdict::Violation(BTreeSet::from([not_erased])));
    let known = Known { head: Some(Mark { sequence: 99, chain: Digest([0; 32]) }), ..Known::default() };
    assert!(
        matches!(judged(&[item(None)], &known), Verdict::Violation(_)),
        "an older passbook erases nothing"
    );
}
