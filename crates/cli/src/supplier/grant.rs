//! `carnet supplier grant` and `carnet supplier codes`: offers that were paid for elsewhere.
//!
//! The codes are drawn here; the server learns their digests only, and nobody can print them a second time.

use std::fmt::Write;

use carnet_api::ProblemCode;
use carnet_api::path;
use carnet_api::redeem::{NewRedeemCodes, RedeemCode, WithdrawRedeemCode};
use carnet_core::app::{AppId, OfferName, SupplierName};
use carnet_core::document::Secret;
use carnet_core::term::moment;
use carnet_core::time::Time;
use carnet_seal::code::{CodeKind, CodeText, digest_of};
use carnet_seam::{SystemRandom, random};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::credentials;
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::output::BOLD;
use crate::table::table;
use crate::text::clean;
use crate::user::code::CodeArgument;

/// Make redeem codes for an offer that was paid for elsewhere.
#[derive(Debug, Args)]
pub struct Grant {
    /// The app
    #[arg(value_name = "APP")]
    app: AppId,
    /// The offer, as it stands in the menu now
    #[arg(value_name = "OFFER")]
    offer: OfferName,
    /// How many codes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// What you call them: an order number, a shop; no personal data
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Not good from this day on, like 2027-12-31
    #[arg(long, value_name = "TIME")]
    expires: Option<Time>,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
}

/// Look after redeem codes.
#[derive(Debug, Subcommand)]
pub enum Codes {
    /// List redeem codes; the codes themselves are known to nobody here
    List {
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Make a code useless that nobody has taken up
    Withdraw {
        /// The code; `-` reads it from standard input
        code: CodeArgument,
    },
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    app: &'a AppId,
    offer: &'a OfferName,
    label: &'a str,
    expires: Option<Time>,
    codes: Vec<String>,
}

impl Grant {
    /// Makes the codes and prints them, once.
    ///
    /// # Errors
    /// Why it could not be done; then none of the codes is good.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let of_app = self.app.supplier();
        let http = credentials::http(context, name.or(Some(&of_app)))?;
        let secrets = (0..self.count).map(|_| random::bytes(&SystemRandom).map(Secret));
        let secrets = secrets.collect::<Result<Vec<_>, _>>();
        let secrets = secrets.map_err(|error| Failure::usage(error.to_string()))?;
        let new = NewRedeemCodes {
            app: self.app.clone(),
            offer: self.offer.clone(),
            label: self.label.clone(),
            expires: self.expires,
            digests: secrets.iter().map(|secret| digest_of(*secret)).collect(),
        };
        let made = http.send::<Vec<RedeemCode>>(Call::post(path::REDEEM_CODES).json(&new)?);
        made.map_err(|failure| self.unknown(failure))?;
        let text = |secret: &Secret| CodeText { kind: CodeKind::Redeem, secret: *secret }.to_string();
        let codes: Vec<String> = secrets.iter().map(text).collect();
        let Self { app, offer, label, expires, .. } = self;
        let shown = Shown { app, offer, label, expires: *expires, codes };
        context.output.result(&shown, || if self.csv { csv(&shown) } else { in_words(&shown) })
    }
}

impl Grant {
    /// What was not found is what was named.
    fn unknown(&self, failure: Failure) -> Failure {
        let Self { app, offer, .. } = self;
        if failure.code != ProblemCode::NotFound.as_str() {
            return failure;
        }
        let what = format!("there is no offer `{offer}` in a menu of {app}");
        Failure { message: what, ..failure }.with_remedy(format!("see `carnet supplier menu show {app}`"))
    }
}

fn in_words(shown: &Shown<'_>) -> String {
    let mut words = String::new();
    for code in &shown.codes {
        // Writing to a String cannot fail.
        let _ = writeln!(words, "{BOLD}{code}{BOLD:#}");
    }
    words += "\nEach is good once: `carnet redeem -` asks for it. They are shown only now.\n";
    words
}

/// RFC 4180. None of the values but the label can hold a comma or a quote.
fn csv(shown: &Shown<'_>) -> String {
    let expires = shown.expires.map(|time| time.to_string()).unwrap_or_default();
    let label = shown.label.replace('"', "\"\"");
    let mut text = String::from("code,app,offer,label,expires\r\n");
    for code in &shown.codes {
        let _ = write!(text, "{code},{},{},\"{label}\",{expires}\r\n", shown.app, shown.offer);
    }
    text
}

impl Codes {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        match self {
            Self::List { limit } => {
                super::list::show(context, &http, Some(*limit), (path::REDEEM_CODES, |call| call), list)
            }
            Self::Withdraw { code } => {
                let digest = digest_of(code.of(context, CodeKind::Redeem)?);
                let call = Call::post(path::WITHDRAW_REDEEM_CODE).json(&WithdrawRedeemCode { digest })?;
                let code: RedeemCode = http.send(call)?;
                context.output.result(&code, || "The code is good for nothing any more.\n".to_owned())
            }
        }
    }
}

fn list(codes: &[RedeemCode]) -> String {
    if codes.is_empty() {
        return "There is no redeem code.\n".into();
    }
    let row = |code: &RedeemCode| {
        let state = match (code.license, code.withdrawn) {
            (Some(license), _) => license.to_string(),
            (None, true) => "withdrawn".to_owned(),
            (None, false) => "unused".to_owned(),
        };
        let digest: String = code.digest.to_string().chars().take(12).collect();
        let expires = code.expires.map_or("–".to_owned(), moment);
        [
            digest,
            code.app.to_string(),
            code.offer.to_string(),
            clean(&code.label),
            moment(code.made),
            expires,
            state,
        ]
    };
    table(["DIGEST", "APP", "OFFER", "LABEL", "MADE", "EXPIRES", "TAKEN UP"], codes.iter().map(row))
}
