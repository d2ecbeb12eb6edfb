//! What is held on this device, of all servers, in words (A7, A11, A12).
//!
//! Looks only: no journal is locked, and nothing is asked of a server.

use std::collections::BTreeMap;

use carnet_core::app::{AppId, Feature};
use carnet_core::device::Disapproval;
use carnet_core::document::{Ceiling, PassKind, Reason};
use carnet_core::id::{DeviceId, LicenseId, ServerId};
use carnet_core::journal::State;
use carnet_core::offer::Counting;
use carnet_core::term::moment;
use carnet_core::time::{Seconds, Time, counted, seconds_in_words};
use carnet_device::passbook::KnownServer;
use serde::Serialize;

use crate::error::ManagerError;
use crate::manager::Manager;
use crate::status::Waiting;

/// A pass as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassView {
    /// Address of the server that has issued it.
    pub server: String,
    /// Id of that server.
    pub server_id: ServerId,
    /// The device that holds it: this one.
    pub device: DeviceId,
    /// For which app.
    pub app: AppId,
    /// The license that it is a slice of; none without a pass.
    pub license: Option<LicenseId>,
    /// What was agreed to; empty without a pass.
    pub condition: String,
    /// Full or temporary.
    pub kind: Option<PassKind>,
    /// What it grants, each with its limit where it has one.
    pub features: BTreeMap<Feature, Option<u64>>,
    /// Whether a program may run by it now.
    pub runs: bool,
    /// What has become of it.
    pub status: Standing,
    /// That in words.
    pub status_in_words: String,
    /// What helps, where it does not run.
    pub remedy: Option<String>,
    /// Uses, where they are counted.
    pub uses: Option<Counted>,
    /// Seconds of running, where they are counted.
    pub seconds: Option<Counted>,
    /// What remains, in words.
    pub remaining_in_words: String,
    /// Where uses are counted.
    pub counting: Option<Counting>,
    /// Not good before.
    pub valid_from: Option<Time>,
    /// Not good from here on, except in grace.
    pub valid_until: Option<Time>,
    /// Runs, with a warning, until here.
    pub grace_until: Option<Time>,
    /// A request that waits for the server's answer.
    pub waiting: Option<Waiting>,
}

/// What has become of a pass, seen from this device. Stable names; there may be more one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Good.
    Valid,
    /// Over, but it runs for some time yet.
    InGrace,
    /// Begins later.
    NotBegun,
    /// Nothing is left in this pass; the license may have more.
    UsedUp,
    /// Over.
    Expired,
    /// On its way to another device.
    Moving,
    /// No good any more.
    Invalid,
    /// There is none yet; the request for it waits for the server.
    Waiting,
    /// There is none.
    None,
    /// The clock or the journal is not to be relied on; a contact with the server settles it.
    Doubtful,
}

/// What is left on a counted line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// In this pass.
    pub in_pass: u64,
    /// On the license at the server, when this pass was issued.
    pub on_license: u64,
    /// What the whole license was when agreed.
    pub licensed: u64,
}

impl Counted {
    /// Left in all, as far as this device knows: other devices may have used more since.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.in_pass.saturating_add(self.on_license)
    }
}

impl PassView {
    /// The pass in a journal at the device's clock; none when nothing was ever asked for.
    #[must_use]
    pub fn of(app: &AppId, state: &State, server: &KnownServer, clock: Time) -> Option<Self> {
        let waiting = state.intent.as_ref().map(|intent| Waiting::of(Some(app), intent));
        if state.held.is_none() && waiting.is_none() && state.refused.is_none() {
            return None;
        }
        let pass = state.held.as_ref().map(|held| &held.pass);
        let verdict = state.judge(clock, None, state.uses_of_start()).map(|approval| approval.grace_until);
        let (valid_until, grace_until) = state.ends();
        let mut view = Self {
            server: server.url.to_string(),
            server_id: server.pin.server,
            device: state.name.device,
            app: app.clone(),
            license: pass.map(|pass| pass.license),
            condition: pass.map(|pass| pass.condition.clone()).unwrap_or_default(),
            kind: pass.map(|pass| pass.kind),
            features: pass.map(|pass| pass.features.clone()).unwrap_or_default(),
            runs: verdict.is_ok(),
            status: standing(&verdict, waiting.is_some()),
            status_in_words: in_words(&verdict, waiting.as_ref(), state),
            remedy: verdict.as_ref().err().map(|why| remedy(why, state)),
            uses: pass.and_then(|pass| pass.uses).map(|uses| line(uses, state.uses_left().unwrap_or(0))),
            seconds: pass
                .and_then(|pass| pass.seconds)
                .map(|seconds| line(seconds, state.seconds_left().unwrap_or_default().0)),
            remaining_in_words: String::new(),
            counting: pass.map(|pass| pass.counting),
            valid_from: pass.map(|pass| pass.not_before),
            valid_until,
            grace_until,
            waiting,
        };
        view.remaining_in_words = view.remaining();
        Some(view)
    }

    fn remaining(&self) -> String {
        let uses = self.uses.map(|uses| counted(uses.left(), "use"));
        let seconds = self.seconds.map(|seconds| seconds_in_words(Seconds(seconds.left())));
        match (self.license, [uses, seconds].into_iter().flatten().collect::<Vec<_>>()) {
            (None, _) => "–".into(),
            (Some(_), parts) if !parts.is_empty() => parts.join(", "),
            (Some(_), _) if self.valid_until.is_some() => "not counted".into(),
            (Some(_), _) => "without end".into(),
        }
    }
}

fn line(ceiling: Ceiling, in_pass: u64) -> Counted {
    Counted { in_pass, on_license: ceiling.remaining, licensed: ceiling.licensed }
}

fn standing(verdict: &Result<Option<Time>, Disapproval>, waiting: bool) -> Standing {
    match verdict {
        Ok(None) => Standing::Valid,
        Ok(Some(_)) => Standing::InGrace,
        Err(Disapproval::NoPass) if waiting => Standing::Waiting,
        Err(Disapproval::NoPass) => Standing::None,
        Err(Disapproval::Moving) => Standing::Moving,
        Err(Disapproval::NotBegun(_)) => Standing::NotBegun,
        Err(Disapproval::Expired(_) | Disapproval::Invalid(Some(Reason::Expired))) => Standing::Expired,
        Err(
            Disapproval::NoUsesLeft | Disapproval::NoTimeLeft | Disapproval::Invalid(Some(Reason::Exhausted)),
        ) => Standing::UsedUp,
        Err(Disapproval::ClockBehind(_) | Disapproval::TailsLost) => Standing::Doubtful,
        Err(_) => Standing::Invalid,
    }
}

fn in_words(verdict: &Result<Option<Time>, Disapproval>, waiting: Option<&Waiting>, state: &State) -> String {
    let words = match verdict {
        Ok(None) => "valid".into(),
        Ok(Some(until)) => format!("over, runs in grace until {}", moment(*until)),
        Err(Disapproval::NoPass) if waiting.is_some() => return "waits for the server".into(),
        Err(Disapproval::NoPass) => {
            state.refused.map_or("none".into(), |reason| format!("none: {}", reason.in_words()))
        }
        Err(Disapproval::Moving) => "moving".into(),
        Err(Disapproval::NotBegun(from)) => format!("begins at {}", moment(*from)),
        Err(Disapproval::Expired(_) | Disapproval::Invalid(Some(Reason::Expired))) => "expired".into(),
        Err(Disapproval::NoUsesLeft | Disapproval::NoTimeLeft) if more_at_server(state) => {
            "used up, more at the server".into()
        }
        Err(
            Disapproval::NoUsesLeft | Disapproval::NoTimeLeft | Disapproval::Invalid(Some(Reason::Exhausted)),
        ) => "used up".into(),
        Err(Disapproval::Invalid(Some(reason))) => format!("invalid: {}", reason.in_words()),
        Err(Disapproval::Invalid(None)) => "invalid".into(),
        Err(why) => why.to_string(),
    };
    if waiting.is_some() { format!("{words}; a request waits for the server") } else { words }
}

/// What this pass is a slice of had more when it was issued: the next start fetches it (A12).
fn more_at_server(state: &State) -> bool {
    let pass = state.held.as_ref().map(|held| &held.pass);
    let more = |line: Option<Ceiling>| line.is_none_or(|line| line.remaining > 0);
    pass.is_some_and(|pass| more(pass.uses) && more(pass.seconds))
}

/// What the server has said last helps more than what can be seen from the pass alone.
fn remedy(why: &Disapproval, state: &State) -> String {
    match (why, state.refused) {
        (Disapproval::NoPass, Some(reason)) => reason.remedy().into(),
        (Disapproval::Moving, _) if state.effects_due => {
            "write it to a medium with `carnet export --again`, or cancel the move".into()
        }
        _ => why.remedy().into(),
    }
}

impl Manager {
    /// All passes of this device at this server, by app. None of them are asked of the server.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read.
    pub fn passes(&self) -> Result<Vec<PassView>, ManagerError> {
        let Some(passbook) = self.passbook()? else { return Ok(Vec::new()) };
        let mut views = Vec::new();
        for app in passbook.apps()? {
            views.extend(PassView::of(&app, &passbook.look(&app)?, self.server(), self.now()));
        }
        Ok(views)
    }
}

#[cfg(test)]
mod tests;
