//! `carnet transfer`: what one of the user's devices has goes to another one (B9).

use std::collections::{BTreeMap, BTreeSet};

use carnet_api::account::{Account, DeviceView};
use carnet_core::app::AppId;
use carnet_core::id::DeviceId;
use carnet_core::term::moment;
use carnet_core::time::{Seconds, Time, counted, seconds_in_words};
use carnet_core::transfer::{Handover, Transfer as Wanted, Which};
use carnet_manager::Manager;
use carnet_manager::forecast::{Forecast, apps_of, forecast};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::BOLD;
use crate::table::table;
use crate::text::clean;
use crate::user::ask;
use crate::user::devices::{find, maker, shown_name};
use crate::user::which::{self, Licensed};

/// Transfer apps from one of the user's devices to another.
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is charged for it. Afterwards: carnet sync, on both devices.\nWithout --from, --to and --app a terminal asks."
)]
pub struct Transfer {
    /// The device that has them, by its id or name
    #[arg(long, value_name = "DEVICE")]
    from: Option<String>,
    /// The device that is to have them
    #[arg(long, value_name = "DEVICE")]
    to: Option<String>,
    /// An app, by its id or the product string of its program; may be repeated
    #[arg(long = "app", value_name = "APP", conflicts_with = "all")]
    apps: Vec<Licensed>,
    /// Everything that the source has
    #[arg(long)]
    all: bool,
    /// Retire the source with it: it gets nothing more until it is registered again
    #[arg(long)]
    retire: bool,
    /// Wait until the source has given back what its pass still has, so that nothing is lost
    #[arg(long)]
    wait: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown {
    from: DeviceId,
    to: DeviceId,
    /// The source is retired.
    retired: bool,
    apps: Vec<ShownApp>,
}

#[derive(Serialize)]
struct ShownApp {
    app: AppId,
    outcome: &'static str,
    /// What the pass of the source still had, and is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_uses: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_seconds: Option<u64>,
    /// When the pass of the source has run out.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
    /// Why it stays where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl Transfer {
    /// Transfers, and tells what becomes of each app.
    ///
    /// # Errors
    /// Why nothing goes; nothing has changed then.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        let manager = which::manager(context, self.apps.first())?;
        let (wanted, here) = if context.hands().is_some() {
            (self.by_ids()?, None)
        } else {
            let account = manager.account()?;
            let wanted = self.chosen(context, &account)?;
            let words = foretold(&account, &wanted);
            if !self.yes {
                context.output.note(&words);
            }
            context.output.confirm("Transfer them?", self.yes)?;
            (wanted, Some(account.device))
        };
        let told = manager.transfer(&wanted)?;
        let shown = Shown::of(&wanted, &told);
        context.output.result(&shown, || in_words(&shown, &told, here, &manager))?;
        let all = told.values().all(Handover::goes);
        Ok(if all { Exit::Ok } else { Exit::Refused }.into())
    }

    /// Without a network nobody can look a name up.
    fn by_ids(&self) -> Result<Wanted, Failure> {
        let id = |named: &Option<String>| named.as_deref().and_then(|text| text.parse::<DeviceId>().ok());
        let (Some(from), Some(to)) = (id(&self.from), id(&self.to)) else {
            return Err(Failure::usage("without a network both devices are named by their ids")
                .with_remedy("say --from dev_… and --to dev_…, as `carnet devices` shows them"));
        };
        let apps = self.named_apps().ok_or_else(no_apps)?;
        Ok(Wanted { from, to, apps, retire: self.retire, wait: self.wait })
    }

    fn named_apps(&self) -> Option<Which> {
        let named: BTreeSet<AppId> = self.apps.iter().map(|licensed| licensed.app().clone()).collect();
        match (self.all, named.is_empty()) {
            (true, _) => Some(Which::All),
            (false, false) => Some(Which::Named(named)),
            (false, true) => None,
        }
    }

    /// What the command line leaves open, a person at a terminal is asked.
    fn chosen(&self, context: &Context, account: &Account) -> Result<Wanted, Failure> {
        if self.from.is_none() || self.to.is_none() {
            if !context.output.can_ask() {
                return Err(Failure::usage("which devices are meant is not said")
                    .with_remedy("say --from DEVICE and --to DEVICE, as `carnet devices` shows them"));
            }
            context.output.note(&listed(account));
        }
        let from = device(account, self.from.as_deref(), "From which device?", None)?;
        let to = device(account, self.to.as_deref(), "To which device?", Some(from))?;
        let apps = match self.named_apps() {
            Some(apps) => apps,
            None if context.output.can_ask() => asked_apps(account, from)?,
            None => return Err(no_apps()),
        };
        Ok(Wanted { from, to, apps, retire: self.retire, wait: self.wait })
    }
}

fn no_apps() -> Failure {
    Failure::usage("which apps are meant is not said").with_remedy("say --app APP, or --all")
}

/// A device as it is offered to choose.
struct Choice(DeviceId, String);

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

fn device(
    account: &Account,
    named: Option<&str>,
    question: &str,
    but: Option<DeviceId>,
) -> Result<DeviceId, Failure> {
    if let Some(named) = named {
        return find(account, named).map(|device| device.id);
    }
    let fits = |device: &&DeviceView| !device.retired && Some(device.id) != but;
    let choices = account.devices.iter().filter(fits).map(|device| Choice(device.id, shown_name(device)));
    Ok(ask::one_of(question, choices.collect())?.0)
}

fn asked_apps(account: &Account, from: DeviceId) -> Result<Which, Failure> {
    let apps = apps_of(account, from);
    let everything = "everything".to_owned();
    let choices = std::iter::once(everything.clone()).chain(apps.iter().map(ToString::to_string)).collect();
    let chosen = ask::one_of("Which app?", choices)?;
    let named = apps.into_iter().find(|app| app.to_string() == chosen);
    Ok(named.map_or(Which::All, |app| Which::Named(BTreeSet::from([app]))))
}

fn listed(account: &Account) -> String {
    let row = |device: &DeviceView| {
        let this = if device.id == account.device { " (this one)" } else { "" };
        let apps: Vec<_> = apps_of(account, device.id).iter().map(ToString::to_string).collect();
        [
            format!("{}{}{this}", shown_name(device), maker(device)),
            device.last_contact.map_or("–".to_owned(), moment),
            if apps.is_empty() { "–".to_owned() } else { apps.join(", ") },
        ]
    };
    let devices = account.devices.iter().filter(|device| !device.retired);
    table(["DEVICE", "LAST SEEN", "HAS"], devices.map(row))
}

/// What will happen, before anybody says yes.
fn foretold(account: &Account, wanted: &Wanted) -> String {
    let name = |id: DeviceId| {
        let known = account.devices.iter().find(|device| device.id == id);
        known.map_or_else(|| id.to_string(), shown_name)
    };
    let (from, to) = (name(wanted.from), name(wanted.to));
    let form = if wanted.retire {
        format!("{from} is retired with it: it gets nothing more until it is registered again.")
    } else {
        format!("{from} stays one of your devices.")
    };
    let row = |(app, forecast): (AppId, Forecast)| [app.to_string(), forecast_in_words(forecast, &from)];
    let rows = table(["APP", "WHAT HAPPENS"], forecast(account, wanted).into_iter().map(row));
    format!("{BOLD}From {from} to {to}.{BOLD:#} {form} Nothing is charged for it.\n\n{rows}")
}

fn forecast_in_words(forecast: Forecast, from: &str) -> String {
    match forecast {
        Forecast::FromHere => "at once: this device gives it back, and nothing is lost".to_owned(),
        Forecast::AtOnce { counts: false, .. } => "at once; nothing is lost".to_owned(),
        Forecast::AtOnce { uses, seconds, .. } => {
            let lost = lost_in_words(uses, seconds).map_or(String::new(), |lost| {
                format!("; {lost} in its pass are lost (--wait waits for {from}, and loses nothing)")
            });
            format!("at once{lost}. {from} stops at its next contact, or when its pass ends")
        }
        Forecast::Waits { until } => format!("when {from} has given it back{}", at_the_latest(until)),
        Forecast::NotThere => format!("nothing: {from} does not have it"),
    }
}

fn at_the_latest(until: Option<Time>) -> String {
    match until {
        Some(until) => format!(", or when its pass has run out after {}", moment(until)),
        None => "; its pass has no end, so it must be heard of once".to_owned(),
    }
}

fn lost_in_words(uses: u64, seconds: u64) -> Option<String> {
    let uses = (uses > 0).then(|| counted(uses, "use"));
    let seconds = (seconds > 0).then(|| seconds_in_words(Seconds(seconds)));
    let parts: Vec<String> = [uses, seconds].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl Shown {
    fn of(wanted: &Wanted, told: &BTreeMap<AppId, Handover>) -> Self {
        let app = |(app, handover): (&AppId, &Handover)| {
            let plain = |outcome| ShownApp {
                app: app.clone(),
                outcome,
                lost_uses: None,
                lost_seconds: None,
                until: None,
                reason: None,
            };
            match handover {
                Handover::AtOnce { uses, seconds } => {
                    ShownApp { lost_uses: Some(*uses), lost_seconds: Some(*seconds), ..plain("at-once") }
                }
                Handover::Waits { until } => ShownApp { until: *until, ..plain("waits") },
                Handover::Refused(reason) => ShownApp { reason: Some(reason.code()), ..plain("refused") },
            }
        };
        let retired = wanted.retire && told.values().any(Handover::goes);
        Self { from: wanted.from, to: wanted.to, retired, apps: told.iter().map(app).collect() }
    }
}

fn in_words(
    shown: &Shown,
    told: &BTreeMap<AppId, Handover>,
    here: Option<DeviceId>,
    manager: &Manager,
) -> String {
    let from_here = here == Some(shown.from);
    let row = |(app, handover): (&AppId, &Handover)| {
        let words = match handover {
            Handover::AtOnce { uses, seconds } => match lost_in_words(*uses, *seconds) {
                Some(lost) => format!("waits for the destination; {lost} are lost"),
                None => "waits for the destination".to_owned(),
            },
            Handover::Waits { .. } if from_here => "given back here; waits for the destination".to_owned(),
            Handover::Waits { until } => {
                format!("waits until the source has given it back{}", at_the_latest(*until))
            }
            Handover::Refused(reason) => format!("stays: {}; {}", reason.in_words(), reason.remedy()),
        };
        [app.to_string(), words]
    };
    let retired = if shown.retired { "The source is retired.\n" } else { "" };
    let source = if from_here {
        ""
    } else {
        "On the source:       carnet sync  (it stops and erases what has gone)\n"
    };
    format!(
        "{}\n{retired}On the destination:  carnet sync --server {}\n{source}",
        table(["APP", "WHAT HAPPENS"], told.iter().map(row)),
        clean(manager.server().url.as_str())
    )
}
