//! Verdicts without a person (C4): what comes for a supplier that has deposited its report key is opened and judged, by
//! what `carnet supplier open` judges by, and what the agreement names is done.
//!
//! Only under an agreement that says so: a user who has agreed to be read by the supplier alone is not read here.
//! One code at a time, beside the requests. What waits is in the database, so whatever ends the process, the next one
//! begins with it again; and a code counts as judged only when everything else was done.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use carnet_api::report::ReasonView;
use carnet_core::id::{Digest, LicenseId, UserId};
use carnet_core::license::{Act, License, Standing};
use carnet_core::offer::{OpenedBy, Sanction};
use carnet_core::report::{
    Contract, Doubt, Heard, Known, Mark, ReportRequest, Statement, Verdict, Wanted, judge_certificate,
    judge_report,
};
use carnet_core::time::Time;
use carnet_device::erase::list_of;
use carnet_device::report as device;
use carnet_seal::Unverified;
use carnet_seal::keys::AgreementKey;
use carnet_seal::report::{open_certificate, open_report};
use carnet_seal::sealed::CodeError;
use carnet_store::report::{Judged, KeptReport, ReportState, RequestState};
use carnet_store::{LedgerError, Reading, StoreError, Work, Writing};
use tokio::sync::Notify;

use crate::api::license::view;
use crate::api::report::{note_verdict, settle_request};
use crate::deposit;
use crate::problem::Failure;
use crate::server::Server;

/// As events name it.
const BY: &str = "the server, with the deposited key";
/// What came while more than this waited is found by the next look at everything.
const MOST_QUEUED: usize = 10_000;
/// Another server on the same database may have taken something in and then died.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);
const PAGE: u32 = 500;
const MOST_REQUESTS: u32 = 200;

/// What has come and may have to be judged.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<(UserId, Digest)>>,
    /// Everything that waits is to be looked at.
    all: AtomicBool,
    told: Notify,
}

impl Queue {
    /// This has come.
    pub fn add(&self, user: UserId, digest: Digest) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_QUEUED {
            waiting.push_back((user, digest));
        }
        drop(waiting);
        self.told.notify_one();
    }

    /// Whatever waits may be opened now.
    pub fn look(&self) {
        self.all.store(true, Ordering::Release);
        self.told.notify_one();
    }

    fn next(&self) -> Option<(UserId, Digest)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Judges what comes until the process ends.
pub async fn go(server: Server) {
    loop {
        server.judging().look();
        // Whatever was announced is done, however often it was announced.
        while tokio::time::timeout(LOOK_AGAIN, server.judging().told.notified()).await.is_ok() {
            queued(&server).await;
        }
    }
}

/// Judges what was announced.
pub async fn queued(server: &Server) {
    if server.judging().all.swap(false, Ordering::AcqRel) {
        look(server).await;
    }
    while let Some((user, digest)) = server.judging().next() {
        one(server, user, digest).await;
    }
}

async fn look(server: &Server) {
    let mut after = None;
    loop {
        let page = server.read(move |tx| tx.reports_that_wait(after, PAGE)).await;
        let Ok(page) = page.inspect_err(|failure| tracing::warn!(?failure, "reports that wait")) else {
            return;
        };
        let Some(last) = page.last() else { return };
        after = Some((last.received, last.digest));
        for report in &page {
            one(server, report.user, report.digest).await;
        }
    }
}

async fn one(server: &Server, user: UserId, digest: Digest) {
    if let Err(failure) = judge(server, user, digest).await {
        tracing::warn!(?failure, report = %carnet_store::report::id_of(digest), "not judged; it still waits");
    }
}

/// What was found out about a code.
struct Found {
    report: KeptReport,
    license: License,
    heard: Heard,
    /// The supplier has asked for it.
    asked: bool,
}

async fn judge(server: &Server, user: UserId, digest: Digest) -> Result<(), Failure> {
    let (reading, opening, now) = (server.clone(), server.clone(), server.now());
    let material = server.read(move |tx| Ok(material(&reading, tx, user, digest))).await??;
    let Some(material) = material else { return Ok(()) };
    let found = tokio::task::spawn_blocking(move || open(&opening, material, now)).await;
    let Some(found) = found.map_err(Failure::internal)? else { return Ok(()) };
    act(server, &found).await?;
    let Found { report, heard, .. } = &found;
    let reasons = ReasonView::of(&heard.verdict);
    let judged = Judged {
        verdict: heard.verdict.code().to_owned(),
        reasons: serde_json::to_string(&reasons).map_err(Failure::internal)?,
        notice: matches!(heard.verdict, Verdict::Violation(_)),
        at: now,
        by: BY.to_owned(),
    };
    let (closes, of) = (!matches!(heard.verdict, Verdict::AskAgain(_)), report.clone());
    if !server.write("report.judge", move |tx| keep(tx, &of, &judged, closes, now)).await? {
        return Ok(());
    }
    note_verdict(server, report, heard.verdict.code(), &reasons, BY.to_owned()).await
}

/// Unless its supplier was faster.
fn keep(
    tx: &Writing<'_>,
    report: &KeptReport,
    judged: &Judged,
    closes: bool,
    now: Time,
) -> Result<bool, Failure> {
    let waits =
        tx.report(report.user, report.digest)?.is_some_and(|known| known.state == ReportState::Waiting);
    if !waits {
        return Ok(false);
    }
    tx.judge_report(report.user, report.digest, judged)?;
    settle_request(tx, report, closes, now)?;
    Ok(true)
}

/// What the agreement names, and the end of a contract after an erasure that the supplier has asked for.
async fn act(server: &Server, found: &Found) -> Result<(), Failure> {
    let violation = found.license.offer().reporting.and_then(|clause| clause.violation);
    let (act, wanted) = match (&found.heard.verdict, violation) {
        (Verdict::Violation(_), Some(Sanction::Suspend)) => (Act::Suspend, Standing::Suspended),
        (Verdict::Violation(_), Some(Sanction::Revoke)) => (Act::Revoke, Standing::Revoked),
        (Verdict::ErasureConfirmed, _) if found.asked => (Act::End, Standing::Ended),
        _ => return Ok(()),
    };
    let reasons = ReasonView::of(&found.heard.verdict);
    let mut codes: Vec<&str> = reasons.iter().map(|reason| reason.code.as_str()).collect();
    codes.dedup();
    let reason = format!("{}: {}", found.heard.verdict.code(), codes.join(" "));
    let (supplier, license) = (found.report.supplier, found.license.id);
    let reason = Some(reason.chars().take(200).collect());
    match server.settle(Work::Act { supplier, license, act, by: BY.to_owned(), reason }).await {
        Ok(_) => Ok(()),
        // It is so already, or over for ever: nothing else can be done.
        Err(LedgerError::NotApplicable(why)) => {
            if why.standing != wanted {
                tracing::info!(%license, "a verdict found the license over");
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A code that waits, and all that is known about it.
struct Material {
    report: KeptReport,
    license: License,
    keys: Vec<AgreementKey>,
    code: Vec<u8>,
    request: Option<ReportRequest>,
    /// The request that it answers was settled by another code.
    settled: bool,
    /// The last one of the same device that was found good.
    previous: Option<(Wanted, Vec<u8>)>,
}

/// None: it does not wait any more, or is not for the server to open.
fn material(
    server: &Server,
    tx: &Reading<'_>,
    user: UserId,
    digest: Digest,
) -> Result<Option<Material>, Failure> {
    let Some(report) = tx.report(user, digest)?.filter(|report| report.state == ReportState::Waiting) else {
        return Ok(None);
    };
    let Some(license) = tx.license(report.supplier, report.license)?.filter(may_be_opened) else {
        return Ok(None);
    };
    let keys = deposit::opened(server, tx, report.supplier)?;
    if keys.is_empty() {
        return Ok(None);
    }
    let code = whole(tx, &report)?;
    let (request, settled) = request(tx, &report)?;
    let before = tx.report_before(&report)?;
    let previous = before.and_then(|before| Some((before.wanted, whole(tx, &before).ok()?)));
    Ok(Some(Material { report, license, keys, code, request, settled, previous }))
}

fn open(server: &Server, material: Material, now: Time) -> Option<Found> {
    let Material { report, license, keys, code, request, settled, previous } = material;
    let asked = request.is_some() && !settled;
    let known =
        Known { head: previous.and_then(|previous| head(previous, &keys)), request, ..Known::default() };
    let opening = Opening { server, license: &license, known: &known, came: report.received, now };
    let opened = match report.wanted {
        Wanted::Usage => opening.report(&code, &keys),
        Wanted::Erasure => opening.certificate(&code, &keys),
    };
    // Sealed to another key, damaged, or about another license: its supplier sees it among those that wait.
    let (heard, says) =
        opened.inspect_err(|why| tracing::info!(report = %report.id(), %why, "not opened")).ok()?;
    if says.is_some_and(|says| says != license.id) {
        tracing::info!(report = %report.id(), "speaks of another license than it was handed in for");
        return None;
    }
    let verdict = if settled { Verdict::AskAgain(Doubt::OtherRequest) } else { heard.verdict };
    Some(Found { report, license, heard: Heard { verdict, ..heard }, asked })
}

/// Only where the user has agreed to that.
fn may_be_opened(license: &License) -> bool {
    license.offer().reporting.is_some_and(|clause| clause.opened_by == Some(OpenedBy::Server))
}

/// With the license that the code says it is about.
type Judgement = (Heard, Option<LicenseId>);

struct Opening<'a> {
    server: &'a Server,
    license: &'a License,
    known: &'a Known,
    came: Time,
    now: Time,
}

impl Opening<'_> {
    fn report(&self, code: &[u8], keys: &[AgreementKey]) -> Result<Judgement, CodeError> {
        let current = self.server.keys().current();
        let device::Opened { report, trail } = device::open(code, keys, Some(current.ring()))?;
        let contract = self.contract(&report.says);
        let heard = judge_report(&report, &trail, &contract, self.known, self.came);
        Ok((heard, report.says.license))
    }

    fn certificate(&self, code: &[u8], keys: &[AgreementKey]) -> Result<Judgement, CodeError> {
        let (signed, list) = open_certificate(code, keys)?;
        let list = list_of(&list).ok_or(CodeError::OtherAttachment)?;
        let certificate = signed.into_parts().0;
        let contract = self.contract(&certificate.says);
        let heard = judge_certificate(&certificate, &list, &contract, self.known, self.came);
        Ok((heard, certificate.says.license))
    }

    /// As the books have it.
    fn contract(&self, says: &Statement) -> Contract {
        let shown = view(self.license, &[], self.now);
        let (validity, term) = (shown.validity, shown.base.offer.term);
        Contract {
            server: self.server.keys().server(),
            app: shown.app,
            user: shown.user,
            // A device that has gone on to another license of the app still says so.
            license: says.license.map(|_| shown.id),
            devices: std::collections::BTreeSet::new(),
            uses: term.uses,
            seconds: term.duration.map(|duration| duration.0),
            ended: validity.ends.map(|end| validity.grace_until.unwrap_or(end)),
        }
    }
}

fn whole(tx: &Reading<'_>, report: &KeptReport) -> Result<Vec<u8>, Failure> {
    let mut code = Vec::with_capacity(usize::try_from(report.length).unwrap_or_default());
    while (code.len() as u64) < report.length {
        let part = tx.report_part(report.user, report.digest, code.len() as u64)?;
        let part = part.filter(|part| !part.is_empty());
        code.extend(part.ok_or_else(|| Failure::internal("a part of a report is missing"))?);
    }
    Ok(code)
}

/// The request that a code answers, and whether that was settled by another code.
fn request(tx: &Reading<'_>, report: &KeptReport) -> Result<(Option<ReportRequest>, bool), StoreError> {
    let Some(nonce) = report.nonce else { return Ok((None, false)) };
    let claims = |document: &[u8]| Unverified::<ReportRequest>::parse(document).ok()?.claims_unchecked().ok();
    match tx.report_request(report.user, nonce)? {
        Some(named) if named.state == RequestState::Closed => Ok((None, true)),
        Some(named) => Ok((claims(&named.document), false)),
        // A code that names another one is held against the first that is open.
        None => {
            let open = tx.report_requests_for(report.user, report.device, MOST_REQUESTS)?.into_iter();
            let mut open = open.filter(|open| open.license == report.license && open.wanted == report.wanted);
            Ok((open.next().and_then(|open| claims(&open.document)), false))
        }
    }
}

/// Where the journal stood when its last report was found good, as far as that can still be opened.
fn head((wanted, code): (Wanted, Vec<u8>), keys: &[AgreementKey]) -> Option<Mark> {
    match wanted {
        Wanted::Usage => open_report(&code, keys).ok().map(|(signed, _)| signed.claims().says.head),
        Wanted::Erasure => open_certificate(&code, keys).ok().map(|(signed, _)| signed.claims().says.head),
    }
}
