//! `carnet supplier menu`: read and change what an app is offered for (A2, A5).

use std::path::{Path, PathBuf};

use carnet_api::header::etag_of_serial;
use carnet_api::menu::{Diff, MenuUpdate, MenuUpdated, MenuView, OfferWarning};
use carnet_api::path;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::offer::{self as domain, Listed, Offer};
use clap::Subcommand;

use super::app::unknown;
use super::{credentials, report_key};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http};
use crate::menu_file::{self, diff_in_words};
use crate::offer_words::{aligned, offer_in_words};
use crate::output::BOLD;
use crate::text::clean;
use crate::width;

/// Read and change what an app is offered for.
#[derive(Debug, Subcommand)]
pub enum Menu {
    /// Show the menu of an app in plain words, or as a menu file
    Show {
        /// Of which app
        app: AppId,
        /// As a menu file, to be changed and given to `menu set`
        #[arg(long)]
        toml: bool,
    },
    /// Put the menu in a file in the place of the one that is there
    Set {
        /// Of which app
        app: AppId,
        /// The menu file (docs/menu-file.md), `-` for standard input
        #[arg(short, long, value_name = "MENU.TOML")]
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
}

impl Menu {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done; the menu is then as it was.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        match self {
            Self::Show { app, toml } => show(context, name, app, *toml),
            Self::Set { app, file, yes, dry_run } => set(context, app, file, *yes, *dry_run),
        }
    }
}

fn show(context: &Context, name: Option<&SupplierName>, app: &AppId, toml: bool) -> Result<(), Failure> {
    if toml && context.output.is_json() {
        return Err(
            Failure::usage("`--toml` and `--json` exclude each other").with_remedy("choose one of them")
        );
    }
    let of_app = app.supplier();
    let http = credentials::http_of_anybody(context, name.or(Some(&of_app)))?;
    let menu = current(&http, app)?;
    context.output.result(&menu, || if toml { as_file(&menu) } else { in_words(&menu) })
}

fn as_file(menu: &MenuView) -> String {
    let offers: Vec<Offer> = menu.offers.iter().map(|listed| listed.offer.clone()).collect();
    format!("# The menu of {} at serial {}.\n{}", menu.app, menu.serial, menu_file::print(&menu.app, &offers))
}

fn in_words(menu: &MenuView) -> String {
    if menu.offers.is_empty() {
        return format!("{} has nothing on its menu.\n", menu.app);
    }
    let width = width::of_stdout();
    let offer = |offer: &Offer| {
        let words = aligned(&offer_in_words(offer), "  ", width);
        format!("\n{BOLD}{}{BOLD:#}\n{words}", offer.name)
    };
    let offers: String = menu.offers.iter().map(|listed| offer(&listed.offer)).collect();
    format!("Menu of {} (serial {})\n{offers}", menu.app, menu.serial)
}

fn set(context: &Context, app: &AppId, file: &Path, yes: bool, dry_run: bool) -> Result<(), Failure> {
    let source = menu_file::read(file)?;
    let mut wanted = source.parse()?;
    if wanted.app != *app {
        let what = format!("{} is the menu of {}, not of {app}", source.name, wanted.app);
        return Err(
            Failure::new(Exit::Usage, "menu-file", what).with_remedy("name the app that the file is for")
        );
    }
    let http = credentials::http(context, Some(&app.supplier()))?;
    let before = current(&http, app)?;
    with_keys(context, &mut wanted.offers, &before)?;
    let diff = Diff::between(&stored(&before), &wanted.offers);
    if diff.is_empty() {
        return unchanged(context, &before, dry_run);
    }
    if !dry_run {
        context.output.note(&diff_in_words(&diff, width::of_stderr()));
        warn(context, &wanted.offers);
        context.output.confirm(&format!("Change the menu of {app} like this?"), yes)?;
    }
    let path = path::menu(app);
    let call = Call::put(&path)
        .query("dry_run", dry_run.then_some(true))
        .header("if-match", etag_of_serial(before.serial))
        .json(&MenuUpdate { offers: wanted.offers })?;
    let updated: MenuUpdated = http.send(call)?;
    context.output.result(&updated, || outcome(&updated))
}

/// Offers under a reporting clause name the keys of this machine; where it has none, those that are there already.
fn with_keys(context: &Context, offers: &mut [Offer], before: &MenuView) -> Result<(), Failure> {
    let supplier = before.app.supplier();
    for offer in offers {
        let there = before.offers.iter().find(|listed| listed.offer.name == offer.name);
        let there = there.and_then(|listed| listed.offer.reporting);
        if let Some(clause) = &mut offer.reporting {
            let there =
                there.filter(|there| there.opened_by == clause.opened_by).and_then(|there| there.keys);
            let own = report_key::current(context, &supplier, clause.opened_by)?;
            if own.is_none() && there.is_none() && clause.opened_by.is_some() {
                let what = format!(
                    "no report key of {supplier} is deposited, and `{}` says that the server opens reports",
                    offer.name
                );
                return Err(Failure::new(Exit::Failure, "no-deposit", what)
                    .with_remedy("run `carnet supplier report-key deposit`, or leave `opened_by` out"));
            }
            clause.keys = own.or(there);
        }
    }
    Ok(())
}

fn current(http: &Http, app: &AppId) -> Result<MenuView, Failure> {
    http.send(Call::get(&path::menu(app))).map_err(|failure| unknown(failure, app))
}

fn stored(view: &MenuView) -> domain::Menu {
    let listed = view.offers.iter().map(|listed| Listed {
        app: view.app.clone(),
        serial: listed.serial,
        offer: listed.offer.clone(),
    });
    domain::Menu { serial: view.serial, offers: listed.collect() }
}

/// The same menu again changes nothing, not even the serial.
fn unchanged(context: &Context, menu: &MenuView, dry_run: bool) -> Result<(), Failure> {
    let warnings = menu.offers.iter().flat_map(|listed| warnings(&listed.offer)).collect();
    let (app, serial) = (menu.app.clone(), menu.serial);
    let same = MenuUpdated { app, serial, dry_run, diff: Diff::default(), warnings };
    context.output.result(&same, || format!("No change: {} is like that already.\n", menu.app))
}

fn warnings(offer: &Offer) -> impl Iterator<Item = OfferWarning> {
    let of = |warning: &str| OfferWarning { offer: offer.name.clone(), warning: warning.to_owned() };
    offer.warnings().into_iter().map(of)
}

fn warn(context: &Context, offers: &[Offer]) {
    for OfferWarning { offer, warning } in offers.iter().flat_map(warnings) {
        context.output.warning(&format!("{offer}: {}", clean(&warning)));
    }
}

fn outcome(updated: &MenuUpdated) -> String {
    let MenuUpdated { app, serial, dry_run, diff, warnings } = updated;
    if !dry_run {
        return format!("The menu of {app} is changed (serial {serial}).\n");
    }
    let warnings: String =
        warnings.iter().map(|one| format!("warning: {}: {}\n", one.offer, clean(&one.warning))).collect();
    let diff = diff_in_words(diff, width::of_stdout());
    format!("{diff}{warnings}Nothing was written: this was a dry run.\n")
}
