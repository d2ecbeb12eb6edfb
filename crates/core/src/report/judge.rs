//! The judgement: was the contract kept? (C4)

use std::collections::{BTreeMap, BTreeSet};

use super::trail::Found;
use super::{
    Doubt, Erased, ErasureCertificate, Integrity, Mark, Notice, ReportRequest, Statement, Summary, Thing,
    Trail, UsageReport, Verdict, Violation,
};
use crate::app::AppId;
use crate::document::Totals;
use crate::id::{DeviceId, LicenseId, ServerId, UserId};
use crate::time::Time;

/// What was agreed, as the supplier's books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// At which server.
    pub server: ServerId,
    /// Which app.
    pub app: AppId,
    /// With whom.
    pub user: UserId,
    /// The license; none: whichever the device held last.
    pub license: Option<LicenseId>,
    /// The devices that have held it; empty: any device of the user.
    pub devices: BTreeSet<DeviceId>,
    /// Uses licensed, over all devices.
    pub uses: Option<u64>,
    /// Seconds of running licensed, over all devices.
    pub seconds: Option<u64>,
    /// When it ended for good, grace included.
    pub ended: Option<Time>,
}

/// What was known of this journal before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The head of the last report or certificate.
    pub head: Option<Mark>,
    /// Operations that the server has acknowledged.
    pub epoch: u64,
    /// What the server was told.
    pub totals: BTreeMap<LicenseId, Totals>,
    /// The request that waits for this.
    pub request: Option<ReportRequest>,
}

/// A judgement, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The judgement.
    pub verdict: Verdict,
    /// What is worth knowing and nobody's fault.
    pub notices: BTreeSet<Notice>,
    /// The use that the records show.
    pub summary: Summary,
}

/// Judges a usage report. `came` is when it was received, by the supplier's clock.
#[must_use]
pub fn judge_report(
    report: &UsageReport,
    trail: &Trail,
    contract: &Contract,
    known: &Known,
    came: Time,
) -> Heard {
    let mut found = trail.follow();
    if trail.head() != report.says.head {
        found.violations.insert(Violation::RecordChanged { sequence: report.says.head.sequence });
    }
    compare_with_records(&report.says, &mut found);
    match &report.integrity {
        Integrity::NotInstalledHere => {
            found.notices.insert(Notice::NotInstalledHere);
        }
        Integrity::Checked { wrong, .. } => {
            found.violations.extend(wrong.iter().map(|file| Violation::ProgramChanged(file.path.clone())));
        }
    }
    found.violations.extend(history(trail, known));
    found.violations.extend(after_the_end(trail, contract));
    conclude(&report.says, contract, known, came, found, Verdict::WithinContract)
}

/// Judges an erasure certificate with its list. `came` is when it was received, by the supplier's clock.
#[must_use]
pub fn judge_certificate(
    certificate: &ErasureCertificate,
    list: &[Erased],
    contract: &Contract,
    known: &Known,
    came: Time,
) -> Heard {
    let kept = list.iter().filter_map(|item| Some((&item.what, item.kept.clone()?)));
    let violations = kept.map(|(what, why)| Violation::NotErased { what: named(what), why }).collect();
    let mut found = Found { violations, ..Found::default() };
    let head = certificate.says.head;
    if let Some(before) = known.head.filter(|before| head.sequence < before.sequence) {
        found.violations.insert(Violation::Rollback { found: head.sequence, known: before.sequence });
    }
    conclude(&certificate.says, contract, known, came, found, Verdict::ErasureConfirmed)
}

fn named(what: &Thing) -> String {
    match what {
        Thing::File(path) => path.clone(),
        Thing::ContentKeys => "content keys".into(),
        Thing::Pass(pass) => pass.to_string(),
    }
}

fn conclude(
    says: &Statement,
    contract: &Contract,
    known: &Known,
    came: Time,
    mut found: Found,
    good: Verdict,
) -> Heard {
    found.violations.extend(foreign(says, contract));
    found.violations.extend(backwards(says, known));
    found.violations.extend(more_used(says, contract));
    let request = known.request.as_ref();
    if let Some(request) = request.filter(|request| came > request.due) {
        found.violations.insert(Violation::Overdue { due: request.due, came });
    }
    let answers = request.is_none_or(|request| says.nonce == Some(request.nonce));
    let verdict = if !answers {
        Verdict::AskAgain(Doubt::OtherRequest)
    } else if found.violations.is_empty() {
        good
    } else {
        Verdict::Violation(found.violations)
    };
    Heard { verdict, notices: found.notices, summary: found.summary }
}

/// What the report says of itself must be what its records come to.
fn compare_with_records(says: &Statement, found: &mut Found) {
    let agrees = found.state.as_ref().is_some_and(|state| {
        let pass = state.held.as_ref().map(|held| &held.pass);
        state.server == says.server
            && state.name.device == says.device
            && state.name.app.as_ref() == Some(&says.app)
            && state.epoch == says.epoch
            && state.totals == says.totals
            && pass.map(|pass| pass.license) == says.license
            && pass.map(|pass| pass.id) == says.pass
    });
    // The server has bound the pass to the key of one device.
    let bound = found.state.as_ref().and_then(|state| state.held.as_ref()).map(|held| held.pass.device_key);
    if bound.is_some_and(|key| key != says.device_key) {
        found.violations.insert(Violation::OtherDevice(says.device));
    }
    if !agrees {
        found.violations.insert(Violation::RecordChanged { sequence: says.head.sequence });
    }
}

fn foreign(says: &Statement, contract: &Contract) -> Vec<Violation> {
    let device = !contract.devices.is_empty() && !contract.devices.contains(&says.device);
    let license = contract.license.is_some() && says.license != contract.license;
    [
        (says.server != contract.server).then_some(Violation::OtherServer(says.server)),
        (says.app != contract.app).then(|| Violation::OtherApp(says.app.clone())),
        (says.user != contract.user).then_some(Violation::OtherUser(says.user)),
        says.license.filter(|_| license).map(Violation::OtherLicense),
        device.then_some(Violation::OtherDevice(says.device)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn backwards(says: &Statement, known: &Known) -> Vec<Violation> {
    let mut found = Vec::new();
    if says.epoch < known.epoch {
        found.push(Violation::Rollback { found: says.epoch, known: known.epoch });
    }
    for (license, before) in &known.totals {
        let now = says.totals.get(license).copied().unwrap_or_default();
        if now.uses < before.uses {
            found.push(Violation::Rollback { found: now.uses, known: before.uses });
        }
        if now.seconds < before.seconds {
            found.push(Violation::Rollback { found: now.seconds, known: before.seconds });
        }
    }
    found
}

/// The records go on from where they were known to be.
fn history(trail: &Trail, known: &Known) -> Option<Violation> {
    let before = known.head?;
    let head = trail.head().sequence;
    if head < before.sequence {
        return Some(Violation::Rollback { found: head, known: before.sequence });
    }
    // What was dropped since cannot be compared any more; that it could be dropped is judged elsewhere.
    let chain = trail.chain_at(before.sequence)?;
    (chain != before.chain).then_some(Violation::Fork { sequence: before.sequence })
}

fn after_the_end(trail: &Trail, contract: &Contract) -> Vec<Violation> {
    use crate::journal::Record::{Metered, RunStarted, Used};
    let Some(end) = contract.ended else { return Vec::new() };
    let ran = trail.entries.iter().filter_map(|entry| match &entry.record {
        RunStarted { at, .. } | Used { at, .. } | Metered { at, .. } => Some(*at),
        _ => None,
    });
    ran.filter(|at| *at >= end).map(|at| Violation::RunAfterEnd { end, at }).collect()
}

fn more_used(says: &Statement, contract: &Contract) -> Vec<Violation> {
    let Some(license) = contract.license.or(says.license) else { return Vec::new() };
    let used = says.totals.get(&license).copied().unwrap_or_default();
    let lines = [("uses", used.uses, contract.uses), ("seconds", used.seconds, contract.seconds)];
    let over = |(line, used, licensed): (_, u64, Option<u64>)| {
        let licensed = licensed.filter(|licensed| used > *licensed)?;
        Some(Violation::MoreUsed { license, line, used, licensed })
    };
    lines.into_iter().filter_map(over).collect()
}
