//! `carnet supplier open`: reports and certificates are decrypted, judged, and acted upon (C4, C6).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use carnet_api::license::License;
use carnet_api::path;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::id::LicenseId;
use carnet_core::report::{
    Contract, Erased, Heard, Known, Mark, Statement, Trail, Verdict, judge_certificate, judge_report,
};
use carnet_core::time::Time;
use carnet_device::erase::list_of;
use carnet_device::report as device;
use carnet_seal::report::{ReportSecrets, open_certificate};
use carnet_seal::sealed::{Carried, CodeError, look};
use carnet_seam::fs::{create_folders, replace_file};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::open_words;
use super::{credentials, report_key, request};
use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http};
use crate::user::which;

/// Open usage reports and erasure certificates, and judge them.
#[derive(Debug, Args)]
pub struct Open {
    /// Files, texts, and pictures in any order
    #[arg(value_name = "CODE", required = true)]
    codes: Vec<PathBuf>,
    /// The keys, as `report-key export` has written them [default: those kept here]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The request that they answer
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Ask no server: judge by what the code says of itself
    #[arg(long)]
    without_books: bool,
    /// Write all records as a table
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write a chart of the use of each day
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// What to do about a violation
    #[arg(long, value_name = "ACT")]
    act: Option<Act>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is done about a violation. A confirmed erasure ends the license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Act {
    /// Issue no new pass until it is reinstated
    Suspend,
    /// Issue no pass ever again
    Revoke,
}

/// One code, opened.
pub struct Opened {
    /// Who says it.
    pub says: Statement,
    /// The records of a report.
    pub trail: Option<Trail>,
    /// The list of a certificate.
    pub list: Vec<Erased>,
    /// The judgement.
    pub heard: Heard,
}

/// One code, as it is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    kind: &'static str,
    app: &'a AppId,
    license: Option<LicenseId>,
    user: String,
    device: String,
    device_name: &'a str,
    at: Time,
    verdict: &'static str,
    reasons: Vec<serde_json::Value>,
    notices: Vec<String>,
    runs: u64,
    uses: u64,
    seconds: u64,
    erased: usize,
    done: Option<&'static str>,
}

impl Open {
    /// Opens, judges, and acts where that was said.
    ///
    /// # Errors
    /// `violation` when the contract was not kept; `ask-again` when a code cannot be judged; why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let secrets = match &self.key {
            Some(path) => report_key::in_file(context, path)?,
            None => report_key::kept(context, &credentials::who(context, name)?)?,
        };
        let http = if self.without_books { None } else { Some(credentials::http(context, name)?) };
        let mut worst = None;
        let mut shown = Vec::new();
        let mut words = String::new();
        for code in codes::read(&which::env(context).fs, &self.codes)? {
            let opened = self.opened(context, name, &code, &secrets, http.as_ref())?;
            let done = self.act_upon(context, &opened, http.as_ref())?;
            self.write_tables(context, &opened)?;
            keep(context, name, &opened, &code)?;
            words += &open_words::in_words(&opened, done);
            shown.push(serde_json::to_value(json(&opened, done)).unwrap_or_default());
            worst = worst.max(grade(&opened.heard.verdict));
        }
        context.output.result(&shown, || words)?;
        match worst {
            Some((exit, code, what, remedy)) => Err(Failure::new(exit, code, what).with_remedy(remedy)),
            None => Ok(()),
        }
    }

    fn opened(
        &self,
        context: &Context,
        name: Option<&SupplierName>,
        code: &[u8],
        secrets: &[ReportSecrets],
        http: Option<&Http>,
    ) -> Result<Opened, Failure> {
        let now = which::env(context).now();
        let request = self.request.as_ref().map(|path| request::read(context, path, secrets)).transpose()?;
        let facts = |says: &Statement| -> Result<(Contract, Known), Failure> {
            let known = Known {
                head: known_head(context, name, says)?,
                request: request.clone(),
                ..Known::default()
            };
            Ok((contract(says, http)?, known))
        };
        match look(code).map_err(of_code)?.0 {
            Carried::Report => {
                let device::Opened { report, trail } = device::open(code, secrets, None).map_err(of_code)?;
                let (contract, known) = facts(&report.says)?;
                let heard = judge_report(&report, &trail, &contract, &known, now);
                Ok(Opened { says: report.says, trail: Some(trail), list: Vec::new(), heard })
            }
            Carried::Certificate => {
                let (signed, list) = open_certificate(code, secrets).map_err(of_code)?;
                let list = list_of(&list).ok_or_else(|| of_code(CodeError::OtherAttachment))?;
                let says = signed.into_parts().0;
                let (contract, known) = facts(&says.says)?;
                let heard = judge_certificate(&says, &list, &contract, &known, now);
                Ok(Opened { says: says.says, trail: None, list, heard })
            }
        }
    }

    fn act_upon(
        &self,
        context: &Context,
        opened: &Opened,
        http: Option<&Http>,
    ) -> Result<Option<&'static str>, Failure> {
        let (Some(http), Some(license)) = (http, opened.says.license) else { return Ok(None) };
        let (act, path, done) = match (&opened.heard.verdict, self.act) {
            (Verdict::Violation(_), Some(Act::Suspend)) => ("Suspend", path::suspend(license), "suspended"),
            (Verdict::Violation(_), Some(Act::Revoke)) => ("Revoke", path::revoke(license), "revoked"),
            (Verdict::ErasureConfirmed, Some(_)) => ("End", path::end(license), "ended"),
            _ => return Ok(None),
        };
        context.output.confirm(&format!("{act} {license}?"), self.yes)?;
        let _: License = http.send(Call::post(&path))?;
        Ok(Some(done))
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

/// What the supplier's books say of the license; without them, what the code says of itself.
fn contract(says: &Statement, http: Option<&Http>) -> Result<Contract, Failure> {
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
    let (Some(http), Some(license)) = (http, says.license) else { return Ok(own) };
    let license: License = http.send(Call::get(&path::license(license)))?;
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

fn json<'a>(opened: &'a Opened, done: Option<&'static str>) -> Shown<'a> {
    let Opened { says, heard, .. } = opened;
    let reasons = match &heard.verdict {
        Verdict::Violation(reasons) => reasons
            .iter()
            .map(|reason| serde_json::json!({ "code": reason.code(), "message": reason.to_string() }))
            .collect(),
        Verdict::AskAgain(doubt) => {
            vec![serde_json::json!({ "code": "ask-again", "message": doubt.to_string() })]
        }
        _ => Vec::new(),
    };
    Shown {
        kind: if opened.trail.is_some() { "usage-report" } else { "erasure-certificate" },
        app: &says.app,
        license: says.license,
        user: says.user.to_string(),
        device: says.device.to_string(),
        device_name: &says.device_name,
        at: says.at,
        verdict: heard.verdict.code(),
        reasons,
        notices: heard.notices.iter().map(ToString::to_string).collect(),
        runs: heard.summary.runs,
        uses: heard.summary.uses,
        seconds: heard.summary.seconds,
        erased: opened.list.iter().filter(|item| item.kept.is_none()).count(),
        done,
    }
}

/// How the command ends: violations are worse than what must be asked for again.
fn grade(verdict: &Verdict) -> Option<(Exit, &'static str, &'static str, &'static str)> {
    match verdict {
        Verdict::WithinContract | Verdict::ErasureConfirmed => None,
        Verdict::AskAgain(_) => {
            Some((Exit::Failure, "ask-again", "a code says nothing about what was asked", "ask for it again"))
        }
        Verdict::Violation(_) => Some((
            Exit::Refused,
            "violation",
            "a contract was not kept, or what proves it was tampered with",
            "read the reasons; --act suspend or --act revoke does something about it",
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
