//! Export: passes leave this device (A14, A15).

use std::collections::BTreeSet;

use carnet_core::app::AppId;
use carnet_core::device::Disapproval;
use carnet_core::document::{Brought, Operation, Reason};
use carnet_core::journal::{PassStatus, State};
use carnet_device::portable::PortablePassbook;
use carnet_device::{Medium, Passbook};
use serde::Serialize;

use super::unwritten::Leaving;
use super::{MoveOutcome, Moved, Why, locally, on_their_way};
use crate::error::ManagerError;
use crate::manager::Manager;

/// What has come of an export.
#[derive(Debug, Serialize)]
pub struct Export {
    /// Where to.
    pub medium: String,
    /// Each app.
    pub apps: Vec<Moved>,
    /// Why the medium could not be written. What was exported is kept here until it is written.
    #[serde(skip)]
    pub unwritten: Option<ManagerError>,
}

/// Room for what the server adds to a pass that becomes portable.
const ROOM: usize = 1_024;

impl Manager {
    /// Exports the passes of these apps to a medium. Each app is judged apart.
    ///
    /// Nothing changes when the server cannot be reached or the medium cannot be written. Once an app has been asked
    /// for, its pass is not valid any more, whatever happens then (I7).
    ///
    /// # Errors
    /// [`ManagerError`] when nothing was done; what concerns one app stands in [`Export::apps`].
    pub fn export(&self, apps: &[AppId], medium: &dyn Medium) -> Result<Export, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        self.reach(&mut passbook)?;
        let apps: BTreeSet<&AppId> = apps.iter().collect();
        let room = apps.iter().map(|app| room_for(&passbook, app)).sum::<Result<usize, _>>()?;
        self.try_medium(&passbook, medium, room)?;
        let mut leaving = Vec::new();
        for app in apps {
            leaving.push(self.let_go(&mut passbook, app)?);
        }
        self.write_to(&passbook, medium, leaving)
    }

    /// The medium can be written, and what is there already is a passbook of this user.
    pub(super) fn try_medium(
        &self,
        passbook: &Passbook,
        medium: &dyn Medium,
        room: usize,
    ) -> Result<(), ManagerError> {
        let whose = self.whose(passbook)?;
        let there = medium.existing(whose)?.map_or(0, |book| book.encode().len());
        Ok(medium.probe(whose, there + room)?)
    }

    /// Lets one pass leave. An error is one of this app alone, except when the passbook cannot be read.
    fn let_go(&self, passbook: &mut Passbook, app: &AppId) -> Result<Leaving, ManagerError> {
        let before = passbook.look(app)?;
        if let Some(why) = cannot_leave(&before) {
            return Ok(Leaving::nothing(Moved::refused(Some(app), None, why)));
        }
        let open = before.intent.as_ref().is_some_and(|intent| intent.operation == Operation::Export);
        let carried_on = open || is_due(&before);
        let asked = if is_due(&before) && !open {
            Ok(before.clone())
        } else {
            self.ask(passbook, Some(app), &Operation::Export)
        };
        let outcome = if carried_on { MoveOutcome::CarriedOn } else { MoveOutcome::Exported };
        Ok(match asked {
            Err(error) => Leaving::nothing(Moved::unanswered(app, None, &error)),
            Ok(State { refused: Some(reason), .. }) if !is_due(&before) => {
                Leaving::nothing(Moved::refused(Some(app), None, reason))
            }
            Ok(after) => Leaving::with(app, outcome, newly_left(&before, &after)),
        })
    }
}

/// What a pass of this app will take on a medium, at most.
fn room_for(passbook: &Passbook, app: &AppId) -> Result<usize, ManagerError> {
    let state = passbook.look(app)?;
    let kept: usize = state.portables.values().map(|brought| brought.document.len()).sum();
    Ok(ROOM + kept + state.held.map_or(0, |held| held.document.len()))
}

/// An export that was answered and not written yet, of the pass that is still the last one here.
fn is_due(state: &State) -> bool {
    let moving = state.pass_status() == Some(PassStatus::Moving);
    state.effects_due && moving && on_their_way(state).next().is_some()
}

/// Why there is no use in asking the server. Asking would take the pass out of use.
fn cannot_leave(state: &State) -> Option<Why> {
    if state.intent.is_some() || is_due(state) {
        return None;
    }
    let status = state.pass_status();
    let already = || Why {
        remedy: "import it here again, cancel the move, or write it again with --again".into(),
        ..Reason::Moving.into()
    };
    match status {
        Some(PassStatus::Valid) => None,
        Some(PassStatus::Moving) if on_their_way(state).next().is_some() => Some(already()),
        Some(PassStatus::Invalid) if state.refused.is_some() => {
            Some((&locally(Disapproval::Invalid(state.refused))).into())
        }
        Some(PassStatus::Moving | PassStatus::Invalid) | None => Some(Reason::NothingToMove.into()),
    }
}

/// What is to be written: what has just left, and everything, where an earlier writing failed.
fn newly_left(before: &State, after: &State) -> Vec<Brought> {
    let all = before.effects_due;
    let new = |brought: &&Brought| all || !before.portables.contains_key(&brought.portable.movement);
    on_their_way(after).filter(new).cloned().collect()
}

/// A new passbook for a medium that has none.
pub(super) fn fresh(manager: &Manager, passbook: &Passbook) -> Result<PortablePassbook, ManagerError> {
    let user = manager.whose(passbook)?.user;
    Ok(PortablePassbook::new(manager.server().pin.root, manager.server().url.clone(), user))
}
