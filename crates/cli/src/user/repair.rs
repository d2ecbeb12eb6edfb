//! `carnet devices repair`: the way on for a device whose parts have changed (D5).

use carnet_core::document::Reason;
use carnet_core::id::DeviceId;
use carnet_manager::Manager;
use carnet_manager::register::{Newcomer, Who};
use carnet_manager::repair::Repaired;
use carnet_seal::code::CodeKind;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::user::code::CodeArgument;
use crate::user::register::{host_name, usual_identity};

/// What the command line says about the device.
#[derive(Debug, Args)]
pub struct Repair {
    /// Needed after many changes: your recovery code, or a join code made on another device of yours; `-` reads it
    /// from standard input
    #[arg(long, value_name = "CODE")]
    code: Option<CodeArgument>,
    /// What you call this device [default: its host name]
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown {
    outcome: &'static str,
    /// What of the machine was not found again.
    changed: Option<String>,
    /// The device that it is now.
    device: Option<DeviceId>,
    /// The device that it was before.
    before: Option<DeviceId>,
    /// Why what that one held is not free.
    refused: Option<Reason>,
}

impl Repair {
    /// Takes note of what has changed, or begins anew.
    ///
    /// # Errors
    /// `code-needed` when so much has changed that a code must be shown; otherwise, why it could not be done.
    pub fn run(&self, context: &Context, manager: &Manager) -> Result<(), Failure> {
        let newcomer = self.code.as_ref().map(|code| self.newcomer(context, code)).transpose()?;
        if newcomer.is_some() {
            let question =
                "If this is another machine by now, what it held before and has not reported is gone. Go on?";
            context.output.confirm(question, self.yes)?;
        }
        let waiting = context.waiting_for(&manager.server().url);
        let repaired = manager.repair(newcomer.as_ref())?;
        drop(waiting);
        context.output.result(&shown(&repaired), || in_words(&repaired))
    }

    fn newcomer(&self, context: &Context, code: &CodeArgument) -> Result<Newcomer, Failure> {
        let code = code.any(context)?;
        if !matches!(code.kind, CodeKind::Join | CodeKind::Recovery) {
            return Err(Failure::usage("this code does not show whose device it is").with_remedy(
                "take your recovery code, or a join code: `carnet devices invite` on another device",
            ));
        }
        let device_name = self.device_name.clone().unwrap_or_else(host_name);
        let identity = usual_identity(context)?;
        Ok(Newcomer { who: Who::Code(code.secret), device_name, device_maker: None, identity })
    }
}

fn shown(repaired: &Repaired) -> Shown {
    let plain = |outcome| Shown { outcome, changed: None, device: None, before: None, refused: None };
    match repaired {
        Repaired::Unchanged => plain("unchanged"),
        Repaired::Noted(drift) => Shown { changed: Some(drift.to_string()), ..plain("noted") },
        Repaired::Replaced { registered, before, refused } => Shown {
            changed: Some(before.changed.to_string()),
            device: Some(registered.device),
            before: Some(before.device),
            refused: *refused,
            ..plain("replaced")
        },
    }
}

fn in_words(repaired: &Repaired) -> String {
    match repaired {
        Repaired::Unchanged => "Nothing of this machine has changed.\n".into(),
        Repaired::Noted(drift) => {
            format!("Noted ({drift}): this is what the device is known by from now on.\n")
        }
        Repaired::Replaced { registered, before, refused: None } => format!(
            "This machine is {} now ({}). What it held as {} is free; the next start of a program gets a pass.\n",
            registered.device, before.changed, before.device
        ),
        Repaired::Replaced { registered, before, refused: Some(reason) } => format!(
            "This machine is {} now ({}). What it held as {} is not free: {}. {} (`carnet supplier device free {}`), or \
             run `carnet devices repair` again later.\n",
            registered.device,
            before.changed,
            before.device,
            reason.in_words(),
            sentence(reason.remedy()),
            before.device
        ),
    }
}

fn sentence(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map(|first| first.to_uppercase().chain(signs).collect()).unwrap_or_default()
}
