//! `carnet supplier requests`, `reports` and `verdicts`: what was asked, what has come, and what it was judged to be (C4).

use carnet_api::path;
use carnet_api::report::{ReportRequestView, ReportView};
use carnet_core::app::SupplierName;
use carnet_core::report::Wanted;
use carnet_core::term::moment;
use carnet_core::time::counted;
use clap::Args;

use super::credentials;
use super::list;
use crate::context::Context;
use crate::failure::Failure;
use crate::http::{Call, Http};
use crate::table::table;
use crate::text::clean;

/// What was asked for.
#[derive(Debug, Args)]
pub struct Requests {
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// What has come.
#[derive(Debug, Args)]
pub struct Reports {
    /// Only those that nobody has opened
    #[arg(long)]
    waiting: bool,
}

/// What it was judged to be.
#[derive(Debug, Args)]
pub struct Verdicts {}

impl Requests {
    /// Lists them, newest first.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        list::show(context, &http, Some(self.limit), (path::REPORT_REQUESTS, |call| call), requests)
    }
}

impl Reports {
    /// Lists them, newest first.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let mut found = received(&http)?;
        found.retain(|report| !self.waiting || report.state == "waiting");
        context.output.result(&found, || reports(&found))
    }
}

impl Verdicts {
    /// Lists them with their reasons, newest report first.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let mut found = received(&http)?;
        found.retain(|report| report.verdict.is_some());
        context.output.result(&found, || verdicts(&found))
    }
}

/// All codes that the server knows of.
///
/// # Errors
/// Why they could not be had.
pub fn received(http: &Http) -> Result<Vec<ReportView>, Failure> {
    list::all(http, path::REPORTS, |call: Call<'static>| call)
}

fn kind(wanted: Wanted) -> String {
    match wanted {
        Wanted::Usage => "usage report".into(),
        Wanted::Erasure => "erasure certificate".into(),
    }
}

fn requests(found: &[ReportRequestView]) -> String {
    if found.is_empty() {
        return "Nothing was asked for.\n".into();
    }
    let row = |one: &ReportRequestView| {
        [
            moment(one.made),
            one.license.to_string(),
            one.app.to_string(),
            kind(one.wanted),
            moment(one.due),
            match one.missing.as_slice() {
                [] => clean(&one.state),
                missing if one.state == "open" => {
                    format!("open ({})", counted(missing.len() as u64, "device"))
                }
                missing => {
                    format!("{}, but for {}", clean(&one.state), counted(missing.len() as u64, "device"))
                }
            },
        ]
    };
    table(["MADE", "LICENSE", "APP", "WANTED", "DUE", "STATE"], found.iter().map(row))
}

fn reports(found: &[ReportView]) -> String {
    if found.is_empty() {
        return "Nothing has come.\n".into();
    }
    let row = |one: &ReportView| {
        [
            one.id.to_string(),
            moment(one.received),
            one.license.to_string(),
            one.app.to_string(),
            kind(one.wanted),
            clean(&one.state),
        ]
    };
    table(["REPORT", "RECEIVED", "LICENSE", "APP", "KIND", "STATE"], found.iter().map(row))
}

fn verdicts(found: &[ReportView]) -> String {
    if found.is_empty() {
        return "Nothing was judged.\n".into();
    }
    let mut words = String::new();
    for (one, verdict) in found.iter().filter_map(|one| Some((one, one.verdict.as_ref()?))) {
        words += &format!(
            "{}  {}  {} of {} ({}), device {}\n",
            moment(verdict.at),
            clean(&verdict.verdict),
            kind(one.wanted),
            one.app,
            one.license,
            one.device
        );
        for reason in &verdict.reasons {
            words += &format!("  - {}: {}\n", clean(&reason.code), clean(&reason.message));
        }
    }
    words
}
