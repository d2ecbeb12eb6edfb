//! `carnet agree`: consent to an offer, and the first pass (A10).

use carnet_api::menu::{ListedOffer, MenuView};
use carnet_core::app::{AppId, OfferName};
use carnet_core::document::Reason;
use carnet_core::term::moment;
use carnet_manager::agree::{Outcome, find};
use carnet_manager::passes::PassView;
use carnet_manager::{Manager, ManagerError};
use carnet_seam::NetError;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::BOLD;
use crate::text::clean;
use crate::user::consent::{self, Choice};
use crate::user::failure::unknown_app;
use crate::user::passes::left;
use crate::user::which::{self, Licensed};

/// Agree to an offer and get the first pass.
#[derive(Debug, Args)]
pub struct Agree {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    /// The name of the offer; asked for when it is left out
    #[arg(value_name = "OFFER")]
    offer: Option<OfferName>,
    /// Agree to all conditions of OFFER, without being shown them
    #[arg(long, requires = "offer")]
    yes: bool,
    /// Agree once more, though the same license is there and not used up
    #[arg(long)]
    again: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    app: &'a AppId,
    /// `agreed`, `carried-on`, `already` or `declined`.
    outcome: &'static str,
    pass: Option<&'a PassView>,
}

impl Agree {
    /// Agrees. May be repeated: what is there already is not bought a second time.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        let manager = which::manager(context, Some(&self.licensed))?;
        let wish = Wish { offer: self.offer.as_ref(), yes: self.yes, again: self.again };
        match carry_out(context, &manager, app, &wish)? {
            Some((outcome, condition)) => {
                let shown = Shown { app, outcome: name_of(&outcome), pass: Some(outcome.pass()) };
                context.output.result(&shown, || in_words(app, &outcome, &condition))
            }
            None => {
                let shown = Shown { app, outcome: "declined", pass: None };
                context.output.result(&shown, || format!("The menu of {app} is declined.\n"))
            }
        }
    }
}

/// What is agreed to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Which offer; asked for where none is named.
    pub offer: Option<&'a OfferName>,
    /// Without being shown the conditions.
    pub yes: bool,
    /// Once more.
    pub again: bool,
}

/// Shows the menu where that is needed, and agrees; with the condition that was agreed to. None: the menu was declined.
///
/// # Errors
/// Why it could not be done.
pub(super) fn carry_out(
    context: &Context,
    manager: &Manager,
    app: &AppId,
    wish: &Wish<'_>,
) -> Result<Option<(Outcome, String)>, Failure> {
    loop {
        let menu = manager.menu(app).map_err(|error| no_menu(manager, app, error))?;
        let offer = match wish.offer {
            Some(name) => consented(context, &menu, name, wish.yes)?,
            None => match chosen(context, &menu)? {
                Choice::Agreed(offer) => *offer,
                Choice::None => return declined(manager, app).map(|()| None),
            },
        };
        let waiting = context.waiting_for(&manager.server().url);
        let agreed = manager.agree(app, &offer, wish.again);
        drop(waiting);
        match agreed {
            Err(error) if is_changed(&error) && !wish.yes && context.output.can_ask() => {
                context.output.warning("the menu has changed meanwhile; look at it again");
            }
            done => return Ok(Some((done?, offer.offer.condition))),
        }
    }
}

/// Where requests are carried by hand, what an agreement asks before it is made goes along at once.
fn no_menu(manager: &Manager, app: &AppId, error: ManagerError) -> Failure {
    if error == ManagerError::Net(NetError::Carried) {
        // Its answer is taken in by the agreement.
        let _ = manager.renew(app);
    }
    unknown_app(error.into(), app)
}

fn consented(
    context: &Context,
    menu: &MenuView,
    name: &OfferName,
    yes: bool,
) -> Result<ListedOffer, Failure> {
    let offer = find(menu, name)?;
    if !yes && !context.output.can_ask() {
        let remedy = format!("read them with `carnet menu {}`, then agree with --yes", menu.app);
        return Err(needs_answer(
            "the conditions of the offer must be agreed to, and nobody can be asked here",
            &remedy,
        ));
    }
    if yes || consent::agreed(context, &menu.app, offer)? {
        Ok(offer.clone())
    } else {
        Err(Failure::new(Exit::Failure, "declined", "nothing was agreed to")
            .with_remedy("choose another offer from the menu"))
    }
}

fn chosen(context: &Context, menu: &MenuView) -> Result<Choice, Failure> {
    if menu.offers.is_empty() {
        let what = format!("{} has nothing on its menu", menu.app);
        return Err(Failure::new(Exit::Refused, "no-offers", what).with_remedy("ask the supplier"));
    }
    if context.output.can_ask() {
        return consent::choose(context, menu);
    }
    let names: Vec<_> = menu.offers.iter().map(|listed| listed.offer.name.as_str()).collect();
    let remedy = format!(
        "name one of {} and agree with --yes; `carnet menu {}` shows them",
        names.join(", "),
        menu.app
    );
    Err(needs_answer("no offer is named, and nobody can be asked here", &remedy))
}

fn needs_answer(what: &str, remedy: &str) -> Failure {
    Failure::new(Exit::Usage, "needs-answer", what).with_remedy(remedy)
}

/// The menu that was shown is not the server's any more (A10).
fn is_changed(error: &ManagerError) -> bool {
    matches!(error, ManagerError::Refused { reason: Reason::OfferChanged, .. })
}

/// Records that nothing was wanted; with a good pass there is nothing to record.
///
/// # Errors
/// Why it could not be recorded.
fn declined(manager: &Manager, app: &AppId) -> Result<(), Failure> {
    match manager.decline(app) {
        Err(ManagerError::StillGood(_)) => Ok(()),
        done => Ok(done?),
    }
}

const fn name_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Agreed(_) => "agreed",
        Outcome::CarriedOn(_) => "carried-on",
        Outcome::Already(_) => "already",
    }
}

/// `agreed` is the condition that was agreed to; the pass may still be one of an earlier license (A23).
pub(super) fn in_words(app: &AppId, outcome: &Outcome, agreed: &str) -> String {
    let pass = outcome.pass();
    let (condition, agreed) = (clean(&pass.condition), clean(agreed));
    let what = match outcome {
        Outcome::Agreed(_) if agreed != condition => format!(
            "Agreed to {BOLD}{agreed}{BOLD:#} for {app}. {BOLD}{condition}{BOLD:#}, which is there, is used first."
        ),
        Outcome::Agreed(_) => format!("Agreed to {BOLD}{condition}{BOLD:#} for {app}."),
        Outcome::CarriedOn(_) => format!(
            "The agreement to {BOLD}{condition}{BOLD:#} for {app} that was waiting for its answer is done.\nNothing else was agreed to."
        ),
        Outcome::Already(_) => format!(
            "Nothing was agreed to: {BOLD}{condition}{BOLD:#} for {app} is there and not used up.\nTo have it once more: --again"
        ),
    };
    format!("{what}\n\n{}", pass_in_words(pass))
}

/// What a pass is good for, as a few lines.
pub(super) fn pass_in_words(pass: &PassView) -> String {
    let temporary = pass.kind == Some(carnet_core::document::PassKind::Temporary);
    let kind = if temporary { " (a temporary pass, until the payment is settled)" } else { "" };
    let mut text =
        format!("  Pass       {}{kind}\n  Remaining  {}\n", clean(&pass.status_in_words), left(pass));
    if let Some(until) = pass.valid_until {
        text += &format!("  Until      {}\n", moment(until));
    }
    text
}
