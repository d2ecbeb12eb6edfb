//! `carnet devices`: the user's devices, and the codes by which more of them join (D5).

use carnet_api::account::{Account, DeviceView};
use carnet_core::id::DeviceId;
use carnet_core::term::moment;
use carnet_core::time::{Seconds, Time, seconds_in_words};
use carnet_manager::Manager;
use carnet_manager::devices::Invited;
use carnet_seal::code::CodeKind;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{BOLD, YELLOW};
use crate::table::table;
use crate::text::clean;
use crate::user::code::CodeArgument;
use crate::user::repair::Repair;
use crate::user::which;

/// Show the user's devices, let others join, free lost ones.
#[derive(Debug, Args)]
pub struct Devices {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the user's devices (also without any word)
    List,
    /// Make a code by which one more device joins: good once, for 15 minutes
    Invite,
    /// Make a code by which machines that come and go join by themselves
    Enrol(Enrol),
    /// Show the recovery code that nobody has seen yet, or make a new one
    RecoveryCode {
        /// Make a new one; the one before is no good any more
        #[arg(long)]
        new: bool,
    },
    /// Make a join or enrolment code useless
    Withdraw {
        /// The code; `-` reads it from standard input
        code: CodeArgument,
    },
    /// Declare a device lost: what it held is free at once, and it gets nothing any more
    Lost {
        /// Its id or its name
        device: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Go on with a device whose parts have changed: take note of few, begin anew after many
    Repair(Repair),
    /// Retire a device that is not used any more and holds nothing
    Retire {
        /// Its id or its name
        device: String,
    },
    /// Call a device something else
    Rename {
        /// Its id or its name
        device: String,
        /// How to call it
        name: String,
    },
}

#[derive(Debug, Args)]
struct Enrol {
    /// How many machines at once
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    most: u32,
    /// How long each belongs to you, in hours; it may join again afterwards
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=8_784))]
    hours: u64,
}

/// What is printed with `--json` for a code.
#[derive(Serialize)]
struct ShownCode {
    code: String,
    until: Option<Time>,
}

impl Devices {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let manager = which::manager(context, None)?;
        match self.command.as_ref().unwrap_or(&Command::List) {
            Command::List => list(context, &manager),
            Command::Invite => invited(context, &manager.invite()?, &manager),
            Command::Enrol(enrol) => enrol.run(context, &manager),
            Command::RecoveryCode { new } => recovery(context, &manager, *new),
            Command::Withdraw { code } => {
                let code = code.any(context)?;
                if !matches!(code.kind, CodeKind::Join | CodeKind::Enrolment) {
                    let what = "only join and enrolment codes can be withdrawn";
                    return Err(Failure::usage(what).with_remedy(
                        "a recovery code is replaced with `carnet devices recovery-code --new`",
                    ));
                }
                manager.withdraw(code)?;
                done(context, "withdrawn", "The code opens nothing any more.")
            }
            Command::Lost { device, yes } => {
                let device = named(&manager, device)?;
                let question = format!(
                    "Declare {} lost? What it held and has not reported is gone, and it gets nothing any more.",
                    shown_name(&device)
                );
                context.output.confirm(&question, *yes)?;
                manager.device_lost(device.id)?;
                done(
                    context,
                    "lost",
                    &format!("{} is retired, and what it held is free.", shown_name(&device)),
                )
            }
            Command::Repair(repair) => repair.run(context, &manager),
            Command::Retire { device } => {
                let device = named(&manager, device)?;
                manager.retire_device(device.id)?;
                done(context, "retired", &format!("{} is retired.", shown_name(&device)))
            }
            Command::Rename { device, name } => {
                let device = named(&manager, device)?;
                manager.rename_device(device.id, name)?;
                let words = format!("{} is called {} now.", shown_name(&device), clean(name));
                done(context, "renamed", &words)
            }
        }
    }
}

impl Enrol {
    fn run(&self, context: &Context, manager: &Manager) -> Result<(), Failure> {
        let lifetime = Seconds(self.hours * 3_600);
        let made = manager.enrol(self.most, lifetime)?;
        let shown = ShownCode { code: made.code.to_string(), until: None };
        context.output.result(&shown, || {
            format!(
                "{BOLD}{}{BOLD:#}\n\nWith it up to {} machines at once join by themselves, each for {}:\n\n  \
                 carnet register --server {} --code -\n\nA machine gives everything back and makes room with `carnet leave`. \
                 Keep the code like a password.\n",
                shown.code,
                self.most,
                seconds_in_words(lifetime),
                manager.server().url
            )
        })
    }
}

fn invited(context: &Context, made: &Invited, manager: &Manager) -> Result<(), Failure> {
    let shown = ShownCode { code: made.code.to_string(), until: made.until };
    context.output.result(&shown, || {
        format!(
            "{BOLD}{}{BOLD:#}\n\nOn the other device, within 15 minutes; it asks for the code:\n\n  carnet register --server {} --root {} --code -\n",
            shown.code,
            manager.server().url,
            manager.server().pin.root
        )
    })
}

/// Shows the code, and forgets it once it was shown.
fn recovery(context: &Context, manager: &Manager, new: bool) -> Result<(), Failure> {
    let code = if new { Some(manager.new_recovery_code()?) } else { manager.unseen_recovery_code()? };
    let Some(code) = code else {
        let what = "the recovery code was shown before, and is known to nobody here";
        return Err(Failure::new(Exit::Refused, "code-shown", what)
            .with_remedy("make another one with `carnet devices recovery-code --new`"));
    };
    let shown = ShownCode { code: code.to_string(), until: None };
    context.output.result(&shown, || recovery_in_words(&shown.code))?;
    Ok(manager.recovery_code_shown()?)
}

/// What is said about a recovery code wherever it is shown.
#[must_use]
pub fn recovery_in_words(code: &str) -> String {
    format!(
        "Recovery code: {BOLD}{code}{BOLD:#}\n\nWrite it down and keep it apart from this device. With it you join again when all your devices are \
         lost:\n`carnet register --code -` asks for it. It is shown only once.\n"
    )
}

fn done(context: &Context, outcome: &str, words: &str) -> Result<(), Failure> {
    let shown = serde_json::json!({ "outcome": outcome });
    context.output.result(&shown, || format!("{words}\n"))
}

fn list(context: &Context, manager: &Manager) -> Result<(), Failure> {
    let account = manager.account()?;
    let shown = serde_json::json!({ "user": account.user, "devices": account.devices });
    let here = account.device;
    context.output.result(&shown, || {
        let row = |device: &DeviceView| {
            let this = if device.id == here { " (this one)" } else { "" };
            [
                device.id.to_string(),
                format!("{}{}{this}", device.name.as_deref().map_or("–".to_owned(), clean), maker(device)),
                state(device),
                moment(device.registered),
                holds(device),
            ]
        };
        table(["DEVICE", "NAME", "STATE", "SINCE", "HOLDS"], account.devices.iter().map(row))
    })
}

/// Who has made it, where that is known, to be put behind its name.
pub(super) fn maker(device: &DeviceView) -> String {
    device.maker.as_deref().map(|maker| format!(", {}", clean(maker))).unwrap_or_default()
}

fn state(device: &DeviceView) -> String {
    match (device.lost, device.retired, device.until) {
        (Some(lost), ..) => format!("{YELLOW}lost{YELLOW:#} {}", moment(lost)),
        (None, true, _) => "retired".to_owned(),
        (None, false, Some(until)) => format!("until {}", moment(until)),
        (None, false, None) => "in use".to_owned(),
    }
}

fn holds(device: &DeviceView) -> String {
    if device.holds.is_empty() {
        return "–".to_owned();
    }
    device.holds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a device is called, else its id.
#[must_use]
pub fn shown_name(device: &DeviceView) -> String {
    device.name.as_deref().map_or_else(|| device.id.to_string(), clean)
}

fn named(manager: &Manager, text: &str) -> Result<DeviceView, Failure> {
    find(&manager.account()?, text)
}

/// The device of that id, or the only one of that name.
///
/// # Errors
/// `no-such-device`, `which-device`.
pub fn find(account: &Account, text: &str) -> Result<DeviceView, Failure> {
    let id = text.parse::<DeviceId>().ok();
    let is_meant = |device: &&DeviceView| Some(device.id) == id || device.name.as_deref() == Some(text);
    let meant: Vec<&DeviceView> = account.devices.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [device] => Ok((*device).clone()),
        [] => Err(Failure::new(
            Exit::Refused,
            "no-such-device",
            format!("you have no device `{}`", clean(text)),
        )
        .with_remedy("see `carnet devices`")),
        _ => Err(Failure::new(
            Exit::Usage,
            "which-device",
            format!("several devices are called `{}`", clean(text)),
        )
        .with_remedy("name it by its id, as `carnet devices` shows it")),
    }
}
