//! `carnet status`: how things stand with each server, and carrying on what waits.

use std::path::PathBuf;
use std::time::Duration;

use carnet_api::report::Notice;
use carnet_api::transfer::{TransferStep, TransferView};
use carnet_core::app::AppId;
use carnet_core::document::Evidence;
use carnet_core::id::DeviceId;
use carnet_core::report::Wanted;
use carnet_core::term::moment;
use carnet_core::time::Time;
use carnet_manager::status::{self as manager, Finished};
use carnet_manager::{Manager, ManagerError};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{BOLD, YELLOW};
use crate::text::{clean, to_the_second};
use crate::user::passes::managers;
use crate::user::which;
use crate::width::{self, labelled};

/// Looking takes no longer than this; carrying on takes as long as it is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Show how things stand with a server, and carry on what waits for it.
#[derive(Debug, Args)]
pub struct Status {
    /// Carry on every request that waits for the server's answer
    #[arg(long)]
    resume: bool,
    /// Do not ask servers
    #[arg(long, conflicts_with = "resume")]
    offline: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown {
    home: PathBuf,
    servers: Vec<Server>,
}

#[derive(Serialize)]
struct Server {
    #[serde(flatten)]
    status: manager::Status,
    /// Whether the device is registered there.
    registered: bool,
    /// Whether the server has answered; none: it was not asked.
    reachable: Option<bool>,
    /// What was carried on by `--resume`.
    resumed: Vec<Finished>,
    /// What suppliers want of this device.
    asked: Vec<Asked>,
    /// Why the server has not answered.
    problem: Option<Problem>,
}

#[derive(Serialize)]
struct Asked {
    app: AppId,
    wanted: Wanted,
    due: Time,
    overdue: bool,
}

#[derive(Serialize)]
struct Problem {
    code: String,
    message: String,
    remedy: String,
}

impl Status {
    /// Shows it.
    ///
    /// # Errors
    /// `no-server` when this device is not registered anywhere; with `--resume`, why it could not be carried on.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let setup = which::setup(context, (!self.resume).then_some(PATIENCE))?;
        let named = which::wanted(context, None, None)?;
        let mut servers = Vec::new();
        for manager in managers(&setup, named.url.as_ref())? {
            let waiting = context.waiting_for(&manager.server().url);
            let resumed = if self.resume { manager.finish_all()? } else { Vec::new() };
            drop(waiting);
            servers.push(self.look(context, &manager, resumed)?);
        }
        let shown = Shown { home: setup.home.clone(), servers };
        context.output.result(&shown, || in_words(&shown))
    }

    fn look(&self, context: &Context, manager: &Manager, resumed: Vec<Finished>) -> Result<Server, Failure> {
        let status = manager.status(!self.offline)?;
        let problem = status.unreachable.as_ref().map(|error| Problem {
            code: error.code().to_owned(),
            message: error.to_string(),
            remedy: error.remedy(),
        });
        let silent = matches!(status.unreachable, Some(ManagerError::Net(_)));
        let reachable = (!self.offline).then_some(!silent);
        let now = which::env(context).now();
        let asked = manager.asked_for(!self.offline && !silent)?.into_iter().map(|request| Asked {
            overdue: request.due < now,
            app: request.app,
            wanted: request.wanted,
            due: request.due,
        });
        let asked = asked.collect();
        Ok(Server { registered: status.user.is_some(), reachable, resumed, asked, problem, status })
    }
}

fn in_words(shown: &Shown) -> String {
    let servers: String = shown.servers.iter().map(server_in_words).collect();
    format!("Home: {}\n{servers}", shown.home.display())
}

fn server_in_words(server: &Server) -> String {
    let status = &server.status;
    let mut lines = vec![
        (
            "Server",
            match (server.reachable, &server.problem) {
                (_, Some(problem)) => {
                    format!("{YELLOW}{}{YELLOW:#}: {}", clean(&problem.message), clean(&problem.remedy))
                }
                (Some(_), None) => "answers".to_owned(),
                (None, None) => "not asked".to_owned(),
            },
        ),
        ("Root hash", status.root.to_string()),
        ("User", status.user.map_or("not registered yet".to_owned(), |user| user.to_string())),
    ];
    lines.extend(status.device.map(|device| ("Device", device.to_string())));
    lines.extend(status.identity.map(|identity| ("Known by", known_by(identity).to_owned())));
    let changed = status.changed.as_ref();
    lines.extend(changed.map(|changed| {
        ("Machine", format!("{changed}: `carnet devices repair` takes note, so that more may change later"))
    }));
    lines.push(("Clock", clock_in_words(status.clock)));
    let waiting = status.waiting.iter().map(|waiting| {
        let of = waiting.app.as_ref().map_or("this device".to_owned(), ToString::to_string);
        (
            "Waiting",
            format!(
                "{} for {of}, since {}: `carnet status --resume` carries it on",
                waiting.operation, waiting.since
            ),
        )
    });
    lines.extend(waiting);
    lines.extend(server.resumed.iter().map(|finished| ("Resumed", resumed_in_words(finished))));
    lines.extend(server.asked.iter().map(|asked| ("Asked", asked_in_words(asked))));
    let transfers = status.account.iter().flat_map(|account| {
        account.transfers.iter().map(|view| ("Transfer", transfer_in_words(view, account.device)))
    });
    lines.extend(transfers);
    let notices = status.account.iter().flat_map(|account| &account.notices);
    lines.extend(notices.map(|notice| ("Notice", notice_in_words(notice))));
    let licenses =
        status.account.iter().flat_map(|account| &account.apps).flat_map(|of_app| &of_app.licenses);
    lines.extend(licenses.map(|license| ("License", license_in_words(license))));
    let lines = labelled(lines, "  ", 10, width::of_stdout());
    format!("\n{BOLD}{}{BOLD:#}\n{lines}", status.server)
}

const fn known_by(identity: Evidence) -> &'static str {
    match identity {
        Evidence::Hardware => "this machine",
        Evidence::File => "a file",
        Evidence::Tpm => "its TPM",
    }
}

fn clock_in_words(clock: manager::ClockStatus) -> String {
    match (clock.behind, clock.reached) {
        (true, Some(reached)) => {
            format!(
                "{YELLOW}{} is behind {reached}, which was reached{YELLOW:#}: set it right, or connect once",
                to_the_second(clock.now)
            )
        }
        _ => format!("{}, as it should be", to_the_second(clock.now)),
    }
}

fn resumed_in_words(finished: &Finished) -> String {
    let of = finished.app.as_ref().map_or("this device".to_owned(), ToString::to_string);
    let done = match finished.operation {
        "export" => "done; write it to a medium: `carnet export --again --to FOLDER`",
        _ => "done",
    };
    let what = finished.refused.map_or(done.to_owned(), |reason| format!("refused: {}", reason.in_words()));
    format!("{} for {of}: {what}", finished.operation)
}

fn asked_in_words(Asked { app, wanted, due, overdue }: &Asked) -> String {
    let command = match wanted {
        Wanted::Usage => "report",
        Wanted::Erasure => "erase",
    };
    let due = if *overdue {
        format!("{YELLOW}was due {}{YELLOW:#}", moment(*due))
    } else {
        format!("due {}", moment(*due))
    };
    format!("{wanted} of {app}, {due}: `carnet {command} {app}`")
}

fn transfer_in_words(view: &TransferView, here: DeviceId) -> String {
    let TransferView { app, device, step, until, .. } = view;
    let what = match step {
        TransferStep::GiveBack if *device == here => {
            "has gone to another device: `carnet sync` gives it back".into()
        }
        TransferStep::GiveBack => format!("has gone from {device}, which has not been heard of since"),
        TransferStep::Fetch if *device == here => "has come here: `carnet sync` fetches it".into(),
        TransferStep::Fetch => format!("waits for {device} to fetch it"),
        TransferStep::Wait => {
            let end = until.map(|until| format!(", or its pass has run out after {}", moment(until)));
            let end = end.unwrap_or_default();
            format!("goes to {device} when the device that has it has given it back{end}")
        }
    };
    format!("{app} {what}")
}

fn notice_in_words(notice: &Notice) -> String {
    let reasons: Vec<_> = notice.reasons.iter().map(|reason| clean(&reason.message)).collect();
    let what = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    format!(
        "{YELLOW}{}{YELLOW:#}: the supplier says since {} that the contract was not kept{what}",
        notice.app,
        moment(notice.at)
    )
}

fn license_in_words(license: &carnet_api::license::License) -> String {
    let validity = &license.validity;
    let counted = [&validity.uses, &validity.seconds].into_iter().flatten();
    let parts: Vec<_> =
        counted.map(|line| format!("{} on the license", clean(&line.remaining_in_words))).collect();
    let remains = if parts.is_empty() { clean(&license.base.term_in_words) } else { parts.join(", ") };
    let condition = clean(&license.base.offer.condition);
    format!("{}: {condition}, {} ({remains})", license.app, clean(&validity.status_in_words))
}
