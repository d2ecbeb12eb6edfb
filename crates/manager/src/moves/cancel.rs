//! Taking back a move whose medium is lost: the server is told, and a late import is refused.

use carnet_core::app::AppId;
use carnet_core::device::Input;
use carnet_core::document::Operation;
use carnet_core::id::MoveId;
use carnet_core::journal::State;
use carnet_device::Passbook;
use serde::Serialize;

use super::on_their_way;
use crate::error::ManagerError;
use crate::manager::Manager;

/// Which move is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelling {
    /// The only one of this app from this device.
    Of(AppId),
    /// This one, from this device.
    This(MoveId),
    /// This one, of this app, from any device of the user.
    Elsewhere(AppId, MoveId),
}

/// A move that is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// Of which app.
    pub app: AppId,
    /// Which.
    #[serde(rename = "move")]
    pub movement: MoveId,
}

impl Manager {
    /// Cancels a move: what it carried is back in the license, and the portable pass is good for nothing any more.
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with `move-over` when it was imported or cancelled before;
    /// [`ManagerError::NothingMoving`], [`ManagerError::SeveralMoves`], [`ManagerError::UnknownMove`].
    pub fn cancel_move(&self, which: &Cancelling) -> Result<Cancelled, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let app = match which {
            Cancelling::Of(app) | Cancelling::Elsewhere(app, _) => app.clone(),
            Cancelling::This(movement) => app_of(&passbook, *movement)?,
        };
        // An export without an answer may be a move or not, and an earlier cancelling may have been cut off.
        let finished = self.resume(&mut passbook, Some(&app))?;
        let state = passbook.look(&app)?;
        if let Some(Operation::CancelMove(movement)) = finished
            && state.refused.is_none()
            && which.means(movement)
        {
            return self.cancelled(&passbook, app, movement, &state);
        }
        let movement = which.movement().map_or_else(|| only_move(&app, &state), Ok)?;
        let state = self.ask(&mut passbook, Some(&app), &Operation::CancelMove(movement))?;
        match state.refused {
            Some(reason) => Err(ManagerError::Refused { app, reason }),
            None => self.cancelled(&passbook, app, movement, &state),
        }
    }

    /// Nothing is left to be written to a medium then.
    fn cancelled(
        &self,
        passbook: &Passbook,
        app: AppId,
        movement: MoveId,
        state: &State,
    ) -> Result<Cancelled, ManagerError> {
        if state.effects_due && state.portables.is_empty() {
            passbook.book(Some(&app))?.act(Input::EffectsDone, self.now())?;
        }
        Ok(Cancelled { app, movement })
    }
}

impl Cancelling {
    const fn movement(&self) -> Option<MoveId> {
        match self {
            Self::Of(_) => None,
            Self::This(movement) | Self::Elsewhere(_, movement) => Some(*movement),
        }
    }

    fn means(&self, movement: MoveId) -> bool {
        self.movement().is_none_or(|wanted| wanted == movement)
    }
}

fn only_move(app: &AppId, state: &State) -> Result<MoveId, ManagerError> {
    let moves: Vec<MoveId> = on_their_way(state).map(|brought| brought.portable.movement).collect();
    match moves.as_slice() {
        [] => Err(ManagerError::NothingMoving),
        [only] => Ok(*only),
        _ => Err(ManagerError::SeveralMoves { app: app.clone(), moves }),
    }
}

/// The app whose journal here keeps this move.
fn app_of(passbook: &Passbook, movement: MoveId) -> Result<AppId, ManagerError> {
    for app in passbook.apps()? {
        if passbook.look(&app)?.portables.contains_key(&movement) {
            return Ok(app);
        }
    }
    Err(ManagerError::UnknownMove(movement))
}
