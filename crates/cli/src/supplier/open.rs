//! `carnet supplier open`: reports and certificates are decrypted, judged, and acted upon (C4, C6).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use carnet_api::report::{ReasonView, ReportView};
use carnet_core::app::{AppId, SupplierName};
use carnet_core::id::{Digest, LicenseId, ReportId};
use carnet_core::report::{
    Contract, Doubt, Erased, Heard, Known, Mark, ReportRequest, Statement, Trail, Verdict, Wanted,
    judge_certificate, judge_report,
};
use carnet_core::time::Time;
use carnet_device::erase::list_of;
use carnet_device::report as device;
use carnet_seal::KeyRing;
use carnet_seal::keys::RootPin;
use carnet_seal::report::{ReportSecrets, attachment, open_certificate};
use carnet_seal::sealed::{Carried, CodeError, look};
use carnet_seam::RealFs;
use carnet_seam::fs::{create_folders, read_file, replace_file};
use clap::Args;
use serde::Serialize;

use super::books::{Answers, Books};
use super::open_act::{Acting, Done};
use super::{credentials, open_words, report_key, request};
use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::clean;
use crate::user::which::{self, Licensed};

/// Open usage reports and erasure certificates, and judge them.
#[derive(Debug, Args)]
pub struct Open {
    /// Files, texts, and pictures in any order
    #[arg(value_name = "CODE", required_unless_present_any = ["received", "journal"])]
    codes: Vec<PathBuf>,
    /// All that have come to the server and wait
    #[arg(long, conflicts_with = "codes")]
    received: bool,
    /// The journal of this app on this device: on the user's device, with the supplier's keys on a medium
    #[arg(long, value_name = "APP", conflicts_with_all = ["codes", "received"], requires = "key")]
    journal: Option<Licensed>,
    /// The keys, as `report-key export` has written them [default: those kept here]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The request that they answer [default: the one that they name, as the server knows it]
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Ask no server: judge by what the code says of itself
    #[arg(long, conflicts_with = "received")]
    without_books: bool,
    /// The server's key set in a file, to check its signatures without asking it (`GET /v1/key-set`)
    #[arg(long, value_name = "FILE", requires = "root_hash")]
    key_set: Option<PathBuf>,
    /// The hash of that server's root key
    #[arg(long, value_name = "HASH")]
    root_hash: Option<Digest>,
    /// Write all records as a table
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write a chart of the use of each day
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    acting: Acting,
}

/// One code, opened.
pub struct Opened {
    /// The short name of the code.
    pub id: ReportId,
    /// Who says it.
    pub says: Statement,
    /// The records of a report.
    pub trail: Option<Trail>,
    /// The list of a certificate.
    pub list: Vec<Erased>,
    /// The judgement.
    pub heard: Heard,
}

impl Opened {
    /// What kind of code it is.
    #[must_use]
    pub const fn wanted(&self) -> Wanted {
        if self.trail.is_some() { Wanted::Usage } else { Wanted::Erasure }
    }
}

/// One code, as it is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    report: ReportId,
    kind: &'static str,
    app: &'a AppId,
    license: Option<LicenseId>,
    user: String,
    device: String,
    device_name: &'a str,
    at: Time,
    verdict: &'static str,
    reasons: Vec<ReasonView>,
    notices: Vec<String>,
    runs: u64,
    uses: u64,
    seconds: u64,
    erased: usize,
    gone: Vec<String>,
    done: Option<&'static str>,
}

/// One code that could not be judged.
#[derive(Serialize)]
struct Unopened<'a> {
    report: ReportId,
    failed: &'a Failure,
}

/// What is opened, and with what.
struct Desk<'a> {
    context: &'a Context,
    name: Option<&'a SupplierName>,
    secrets: Vec<ReportSecrets>,
    books: Option<Books>,
    ring: Option<KeyRing>,
    request: Option<ReportRequest>,
}

impl Open {
    /// Opens, judges, and acts where that was said.
    ///
    /// # Errors
    /// `violation` when the contract was not kept; `ask-again` when a code cannot be judged; why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let desk = self.desk(context, name)?;
        let (mut worst, mut shown, mut words) = (None, Vec::new(), String::new());
        for (code, came) in self.all(&desk)? {
            let id = id_of(&code);
            match self.judged(&desk, &code, came) {
                Ok((opened, done)) => {
                    words += &open_words::in_words(&opened, done.map(Done::in_words));
                    shown.push(serde_json::to_value(json(&opened, done)).unwrap_or_default());
                    worst = worst.max(grade(&opened.heard.verdict));
                }
                // One of many must not keep the others waiting.
                Err(failed) if self.received => {
                    words += &format!("{id}: {}: {}\n\n", clean(&failed.message), clean(&failed.remedy));
                    shown.push(
                        serde_json::to_value(Unopened { report: id, failed: &failed }).unwrap_or_default(),
                    );
                    worst = worst.max(Some(UNOPENED));
                }
                Err(failed) => return Err(failed),
            }
        }
        if shown.is_empty() {
            words += "Nothing waits.\n";
        }
        context.output.result(&shown, || words)?;
        match worst {
            Some((exit, code, what, remedy)) => Err(Failure::new(exit, code, what).with_remedy(remedy)),
            None => Ok(()),
        }
    }

    fn desk<'a>(&self, context: &'a Context, name: Option<&'a SupplierName>) -> Result<Desk<'a>, Failure> {
        let secrets = match &self.key {
            Some(path) => report_key::in_file(context, path)?,
            None => report_key::kept(context, &credentials::who(context, name)?)?,
        };
        let without = self.without_books || self.journal.is_some();
        let books = (!without).then(|| Books::open(credentials::http(context, name)?)).transpose()?;
        let ring = self.key_ring(context)?;
        let request = self.request.as_ref().map(|path| request::read(context, path, &secrets)).transpose()?;
        Ok(Desk { context, name, secrets, books, ring, request })
    }

    fn key_ring(&self, context: &Context) -> Result<Option<KeyRing>, Failure> {
        let (Some(path), Some(root)) = (&self.key_set, self.root_hash) else { return Ok(None) };
        let bytes = read_file(&*context.files, path, 64 << 10)?.unwrap_or_default();
        let ring = KeyRing::reopen(&bytes, &RootPin::of_first_root(root));
        ring.map(Some).map_err(|wrong| {
            let what = format!("{} is not the key set of that server ({wrong})", path.display());
            Failure::new(Exit::Failure, "bad-key-set", what)
                .with_remedy("fetch it again, and compare the root hash")
        })
    }

    /// All codes, each with the time at which it came.
    fn all(&self, desk: &Desk<'_>) -> Result<Vec<(Vec<u8>, Time)>, Failure> {
        let now = which::env(desk.context).now();
        if let Some(licensed) = &self.journal {
            let manager = which::manager(desk.context, Some(licensed))?;
            let keys = desk.secrets.last().map(ReportSecrets::public);
            let keys = keys.ok_or_else(|| Failure::usage("the file holds no keys"))?;
            return Ok(vec![(manager.report_to(&RealFs::default(), licensed.app(), keys)?, now)]);
        }
        if let (true, Some(books)) = (self.received, &desk.books) {
            let fetched = |report: &ReportView| Ok((books.fetch(report)?, report.received));
            return books.waiting().iter().map(fetched).collect();
        }
        let codes = codes::read(&which::env(desk.context).fs, &self.codes)?;
        Ok(codes.into_iter().map(|code| (code, now)).collect())
    }

    fn judged(&self, desk: &Desk<'_>, code: &[u8], came: Time) -> Result<(Opened, Option<Done>), Failure> {
        let opened = desk.opened(code, came)?;
        let done = self.acting.follow(desk.context, &opened, code, desk.books.as_ref())?;
        self.write_tables(desk.context, &opened)?;
        keep(desk.context, desk.name, &opened, code)?;
        Ok((opened, done))
    }

    fn write_tables(&self, context: &Context, opened: &Opened) -> Result<(), Failure> {
        let Some(trail) = &opened.trail else { return Ok(()) };
        if let Some(path) = &self.csv {
            replace_file(&*context.files, path, open_words::csv(trail).as_bytes())?;
        }
        if let Some(path) = &self.svg {
            replace_file(&*context.files, path, open_words::svg(&opened.heard.summary).as_bytes())?;
        }
        Ok(())
    }
}

/// The short name of a code.
fn id_of(code: &[u8]) -> ReportId {
    let mut id = [0; 16];
    id.copy_from_slice(&attachment(code).digest.0[..16]);
    ReportId(id)
}

impl Desk<'_> {
    fn opened(&self, code: &[u8], came: Time) -> Result<Opened, Failure> {
        let id = id_of(code);
        match look(code).map_err(of_code)?.0 {
            Carried::Report => {
                let ring = self.ring.as_ref().or_else(|| self.books.as_ref().and_then(Books::ring));
                let device::Opened { report, trail } =
                    device::open(code, &self.secrets, ring).map_err(of_code)?;
                let (contract, known, settled) = self.facts(id, &report.says, Wanted::Usage)?;
                let heard = judge_report(&report, &trail, &contract, &known, came);
                let heard = if settled { old_request(heard) } else { heard };
                Ok(Opened { id, says: report.says, trail: Some(trail), list: Vec::new(), heard })
            }
            Carried::Certificate => {
                let (signed, list) = open_certificate(code, &self.secrets).map_err(of_code)?;
                let list = list_of(&list).ok_or_else(|| of_code(CodeError::OtherAttachment))?;
                let says = signed.into_parts().0;
                let (contract, known, settled) = self.facts(id, &says.says, Wanted::Erasure)?;
                let heard = judge_certificate(&says, &list, &contract, &known, came);
                let heard = if settled { old_request(heard) } else { heard };
                Ok(Opened { id, says: says.says, trail: None, list, heard })
            }
        }
    }

    /// What was agreed and known, and whether the code answers a request that another one has settled.
    fn facts(
        &self,
        id: ReportId,
        says: &Statement,
        wanted: Wanted,
    ) -> Result<(Contract, Known, bool), Failure> {
        let (mut request, mut settled) = (self.request.clone(), false);
        if let (None, Some(books), Some(license)) = (&request, &self.books, says.license) {
            match books.request(says.nonce, (license, wanted), &self.secrets) {
                Answers::Open(open) => request = Some(*open),
                Answers::Settled => {
                    settled = books.report(id).is_none_or(|report| report.verdict.is_none());
                }
                Answers::Nothing => {}
            }
        }
        let head = known_head(self.context, self.name, says)?;
        let known = Known { head, request, ..Known::default() };
        Ok((contract(says, self.books.as_ref())?, known, settled))
    }
}

/// Whoever sends an old answer once more, under another seal, proves nothing new.
fn old_request(heard: Heard) -> Heard {
    Heard { verdict: Verdict::AskAgain(Doubt::OtherRequest), ..heard }
}

/// What the supplier's books say of the license; without them, what the code says of itself.
fn contract(says: &Statement, books: Option<&Books>) -> Result<Contract, Failure> {
    let own = Contract {
        server: says.server,
        app: says.app.clone(),
        user: says.user,
        license: says.license,
        devices: BTreeSet::new(),
        uses: None,
        seconds: None,
        ended: None,
    };
    let (Some(books), Some(license)) = (books, says.license) else { return Ok(own) };
    let license = books.license(license)?;
    let (validity, base) = (license.validity, license.base);
    Ok(Contract {
        app: license.app,
        user: license.user,
        license: Some(license.id),
        uses: base.offer.term.uses,
        seconds: base.offer.term.duration.map(|duration| duration.0),
        ended: validity.ends.map(|end| validity.grace_until.unwrap_or(end)),
        ..own
    })
}

fn json(opened: &Opened, done: Option<Done>) -> Shown<'_> {
    let Opened { says, heard, .. } = opened;
    Shown {
        report: opened.id,
        kind: if opened.trail.is_some() { "usage-report" } else { "erasure-certificate" },
        app: &says.app,
        license: says.license,
        user: says.user.to_string(),
        device: says.device.to_string(),
        device_name: &says.device_name,
        at: says.at,
        verdict: heard.verdict.code(),
        reasons: ReasonView::of(&heard.verdict),
        notices: heard.notices.iter().map(ToString::to_string).collect(),
        runs: heard.summary.runs,
        uses: heard.summary.uses,
        seconds: heard.summary.seconds,
        erased: gone(&opened.list).count(),
        gone: gone(&opened.list).map(|item| item.what.to_string()).collect(),
        done: done.map(Done::as_str),
    }
}

/// What a certificate says is not there any more.
pub fn gone(list: &[Erased]) -> impl Iterator<Item = &Erased> {
    list.iter().filter(|item| item.kept.is_none())
}

type Grade = (Exit, &'static str, &'static str, &'static str);

const UNOPENED: Grade =
    (Exit::Failure, "not-opened", "a code could not be opened", "see why, and ask for it again");

/// How the command ends: violations are worse than what must be asked for again.
fn grade(verdict: &Verdict) -> Option<Grade> {
    match verdict {
        Verdict::WithinContract | Verdict::ErasureConfirmed => None,
        Verdict::AskAgain(_) => {
            Some((Exit::Failure, "ask-again", "a code says nothing about what was asked", "ask for it again"))
        }
        Verdict::Violation(_) => Some((
            Exit::Refused,
            "violation",
            "a contract was not kept, or what proves it was tampered with",
            "read the reasons; --act does about it what the offer names",
        )),
    }
}

fn of_code(error: CodeError) -> Failure {
    let code = match error {
        CodeError::NotACode | CodeError::OtherKind(_) => "not-a-code",
        CodeError::Newer(_) => "newer-code",
        CodeError::OtherKey(_) => "other-key",
        CodeError::Damaged(_) => "damaged-code",
        CodeError::TooLarge => "too-large",
        CodeError::Document(_) | CodeError::OtherAttachment => "bad-code-content",
    };
    let text = error.to_string();
    let (what, remedy) = text.rsplit_once(": ").unwrap_or((&text, "ask for it again"));
    Failure::new(Exit::Failure, code, what).with_remedy(remedy)
}

/// Where what was judged is kept, for the next report of the same device.
fn evidence(
    context: &Context,
    name: Option<&SupplierName>,
    says: &Statement,
) -> Result<Option<PathBuf>, Failure> {
    let Ok(name) = credentials::who(context, name) else { return Ok(None) };
    let Some(folder) = credentials::folder(context, &name)? else { return Ok(None) };
    let app = says.app.as_str().replace('/', "+");
    Ok(Some(folder.join(format!("{name}.reports")).join(format!("{}-{app}", says.device))))
}

fn known_head(
    context: &Context,
    name: Option<&SupplierName>,
    says: &Statement,
) -> Result<Option<Mark>, Failure> {
    let Some(folder) = evidence(context, name, says)? else { return Ok(None) };
    let text = context.small_file(&folder.join("head"))?.unwrap_or_default();
    Ok(serde_json::from_str(&text).ok())
}

/// The code is kept as evidence; where the contract was kept, the next report must go on from here.
fn keep(context: &Context, name: Option<&SupplierName>, opened: &Opened, code: &[u8]) -> Result<(), Failure> {
    let Some(folder) = evidence(context, name, &opened.says)? else { return Ok(()) };
    create_folders(&*context.files, &folder)?;
    let kept = folder.join(format!("{}.code", opened.says.head.sequence));
    replace_file(&*context.files, Path::new(&kept), code)?;
    let good = matches!(opened.heard.verdict, Verdict::WithinContract | Verdict::ErasureConfirmed);
    let before = known_head(context, name, &opened.says)?;
    if good && before.is_none_or(|before| before.sequence < opened.says.head.sequence) {
        let head = serde_json::to_string(&opened.says.head).unwrap_or_default();
        replace_file(&*context.files, &folder.join("head"), head.as_bytes())?;
    }
    Ok(())
}
