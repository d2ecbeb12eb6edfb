//! `carnet passes`: everything that this device may run (A7, A22, A23).

use std::collections::BTreeMap;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::id::DeviceId;
use carnet_core::time::{Seconds, counted, seconds_in_words};
use carnet_manager::account::{Next, next};
use carnet_manager::passes::{Counted, PassView};
use carnet_manager::server::WhichServer;
use carnet_manager::{Manager, ManagerError, Setup};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::BOLD;
use crate::table::table;
use crate::text::clean;
use crate::user::which;

/// What comes next is nice to know; nobody waits long for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Show all passes on this device.
#[derive(Debug, Args)]
pub struct Passes {
    /// Do not ask servers what comes next
    #[arg(long)]
    offline: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown {
    passes: Vec<Line>,
    /// Servers whose passbook cannot be read, or that did not say what comes next.
    problems: Vec<Trouble>,
}

/// A pass, and what comes after it.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    pass: PassView,
    /// Licenses used after the one that this pass is of, in that order; none: not known.
    next: Option<Vec<Next>>,
}

/// A server that could not be looked at, or asked.
#[derive(Serialize)]
struct Trouble {
    server: String,
    code: String,
    message: String,
}

impl Passes {
    /// Shows the passes of all servers, or of the one that is named.
    ///
    /// # Errors
    /// `no-server` when this device is not registered anywhere.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let setup = which::setup(context, Some(PATIENCE))?;
        let named = which::wanted(context, None, None)?;
        let mut shown = Shown { passes: Vec::new(), problems: Vec::new() };
        for manager in managers(&setup, named.url.as_ref())? {
            self.look(&manager, &mut shown);
        }
        context.output.result(&shown, || in_words(&shown))
    }

    /// One passbook that cannot be read does not hide the others.
    fn look(&self, manager: &Manager, shown: &mut Shown) {
        let passes = match manager.passes() {
            Ok(passes) => passes,
            Err(error) => return shown.problems.push(trouble(manager, &error)),
        };
        let account = match (self.offline || passes.is_empty()).then_some(()) {
            Some(()) => None,
            None => manager.account().map_err(|error| shown.problems.push(trouble(manager, &error))).ok(),
        };
        let line = |pass: PassView| {
            let next = account.as_ref().map(|account| next(account, &pass.app, pass.license));
            Line { pass, next }
        };
        shown.passes.extend(passes.into_iter().map(line));
    }
}

/// At all servers that this device knows, or at the one with this address.
///
/// # Errors
/// `no-server` when there is none.
pub fn managers(setup: &Setup, named: Option<&carnet_seal::ServerUrl>) -> Result<Vec<Manager>, Failure> {
    let mut servers = setup.servers()?;
    servers.retain(|server| named.is_none_or(|url| *url == server.url));
    match (servers.is_empty(), named) {
        (true, Some(url)) => Err(ManagerError::NotRegistered(url.clone()).into()),
        (true, None) => Err(ManagerError::from(WhichServer::None).into()),
        (false, _) => Ok(servers.into_iter().map(|server| Manager::new(setup.clone(), server)).collect()),
    }
}

fn trouble(manager: &Manager, error: &ManagerError) -> Trouble {
    Trouble {
        server: manager.server().url.to_string(),
        code: error.code().to_owned(),
        message: error.to_string(),
    }
}

fn in_words(shown: &Shown) -> String {
    let mut text = if shown.passes.is_empty() {
        "No passes yet. See what an app is offered for with: carnet menu APP\n".to_owned()
    } else {
        table(["app", "condition", "features", "status", "left", "until"], shown.passes.iter().map(row))
    };
    text += &held_by(shown);
    for Line { pass, next } in &shown.passes {
        for (at, next) in next.iter().flatten().enumerate() {
            let lead = if at == 0 { "\n" } else { "" };
            let (app, condition) = (&pass.app, clean(&next.condition));
            text += &format!(
                "{lead}Next for {app}: {BOLD}{condition}{BOLD:#} ({})\n",
                clean(&next.remaining_in_words)
            );
        }
    }
    for Trouble { server, message, .. } in &shown.problems {
        text += &format!("\n{server}: {}\n", clean(message));
    }
    text
}

/// Which device at which server: a passbook may hold passes of several.
fn held_by(shown: &Shown) -> String {
    let mut servers: BTreeMap<(&str, DeviceId), Vec<&AppId>> = BTreeMap::new();
    for Line { pass, .. } in &shown.passes {
        servers.entry((&pass.server, pass.device)).or_default().push(&pass.app);
    }
    let several = servers.len() > 1;
    let line = |((server, device), apps): (&(&str, DeviceId), &Vec<&AppId>)| {
        let apps = apps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let whose = if several { format!("{apps}:\n") } else { String::new() };
        // An id and an address on one line would be wider than a narrow terminal.
        format!("{whose}held by {device}\nat {server}\n")
    };
    let lines: String = servers.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn row(line: &Line) -> [String; 6] {
    let pass = &line.pass;
    let until = pass.valid_until.map_or("–".to_owned(), carnet_core::term::moment);
    let features = pass.features.iter().map(|(name, limit)| match limit {
        Some(limit) => format!("{name}:{limit}"),
        None => name.to_string(),
    });
    let features = or_dash(&features.collect::<Vec<_>>().join(", "));
    let status = pass.status_in_words.clone();
    [pass.app.to_string(), or_dash(&pass.condition), features, status, left(pass), until]
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "–".into() } else { text.to_owned() }
}

/// What is left, as a bar and in words: of the whole license, as far as this device knows.
#[must_use]
pub fn left(pass: &PassView) -> String {
    let uses =
        pass.uses.map(|line| format!("{} {} of {}", bar(line), line.left(), counted(line.licensed, "use")));
    let seconds = pass.seconds.map(|line| {
        format!(
            "{} {} of {}",
            bar(line),
            seconds_in_words(Seconds(line.left())),
            seconds_in_words(Seconds(line.licensed))
        )
    });
    let parts: Vec<_> = [uses, seconds].into_iter().flatten().collect();
    match (parts.is_empty(), pass.license, pass.valid_until) {
        (false, ..) => parts.join(", "),
        (true, Some(_), None) => "without end".into(),
        _ => "–".into(),
    }
}

/// Ten boxes; as long as anything is left, one of them is full.
fn bar(line: Counted) -> String {
    const BOXES: u64 = 10;
    let part = line.left().min(line.licensed);
    let full = usize::try_from((part * BOXES).div_ceil(line.licensed.max(1))).unwrap_or(0);
    let most = usize::try_from(BOXES).unwrap_or(full);
    format!("{}{}", "█".repeat(full.min(most)), "░".repeat(most.saturating_sub(full)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a7_a_bar_is_full_at_first_and_empty_only_when_nothing_is_left() {
        let bar = |in_pass, on_license| bar(Counted { in_pass, on_license, licensed: 10 });
        assert_eq!([bar(1, 9), bar(1, 4), bar(0, 0)], ["██████████", "█████░░░░░", "░░░░░░░░░░"]);
        assert_eq!(
            super::bar(Counted { in_pass: 1, on_license: 0, licensed: 1_000_000_000_000 }),
            "█░░░░░░░░░"
        );
    }
}
