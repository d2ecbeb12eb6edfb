//! `carnet redeem`: taking up an offer that was paid for elsewhere.

use carnet_seal::code::CodeKind;
use clap::Args;
use serde::Serialize;

use carnet_core::app::AppId;
use carnet_manager::agree::Outcome;
use carnet_manager::passes::PassView;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::user::agree;
use crate::user::code::CodeArgument;
use crate::user::consent;
use crate::user::which;

/// Take up an offer that was paid for elsewhere.
#[derive(Debug, Args)]
pub struct Redeem {
    /// The code, like redeem1-…; `-` reads it from standard input
    #[arg(value_name = "CODE")]
    code: CodeArgument,
    /// Agree to all conditions, without being shown them
    #[arg(long)]
    yes: bool,
    /// Only show what the code is good for
    #[arg(long, conflicts_with = "yes")]
    show: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    app: &'a AppId,
    /// `redeemed` or `carried-on`.
    outcome: &'static str,
    pass: &'a PassView,
}

impl Redeem {
    /// Shows the terms, asks for consent, and gets the first pass.
    ///
    /// # Errors
    /// `bad-code`, `code-used`, or why it could not be done. The code stays good then.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let code = self.code.of(context, CodeKind::Redeem)?;
        let manager = which::manager(context, None)?;
        let terms = manager.redeem_terms(code)?;
        if self.show {
            return context.output.result(&terms, || consent::conditions(&terms.app, &terms.listed));
        }
        if !self.yes && !context.output.can_ask() {
            let what = "the conditions must be agreed to, and nobody can be asked here";
            return Err(Failure::new(Exit::Usage, "needs-answer", what)
                .with_remedy("read them with --show, then agree with --yes"));
        }
        if !self.yes && !consent::agreed(context, &terms.app, &terms.listed)? {
            return Err(Failure::new(Exit::Failure, "declined", "nothing was agreed to")
                .with_remedy("the code stays good"));
        }
        let outcome = manager.redeem(code, &terms)?;
        let name = if matches!(outcome, Outcome::CarriedOn(_)) { "carried-on" } else { "redeemed" };
        let shown = Shown { app: &terms.app, outcome: name, pass: outcome.pass() };
        context.output.result(&shown, || agree::in_words(&terms.app, &outcome, &terms.listed.offer.condition))
    }
}
