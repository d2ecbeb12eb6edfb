//! `carnet cancel-move`: a medium is lost, and what it carried comes back (A17).

use std::str::FromStr;

use carnet_core::app::AppId;
use carnet_core::id::MoveId;
use carnet_manager::moves::Cancelling;
use clap::Args;

use crate::context::Context;
use crate::failure::Failure;
use crate::user::which::{self, Licensed};

/// Take a move back whose medium is lost; a late import is refused.
#[derive(Debug, Args)]
pub struct CancelMove {
    /// The app whose pass is on its way from this device, or the move
    #[arg(value_name = "APP|MOVE")]
    which: Which,
    /// The app of a move that began on another device
    #[arg(long, value_name = "APP")]
    app: Option<AppId>,
}

#[derive(Debug, Clone)]
enum Which {
    App(Licensed),
    Move(MoveId),
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with(MoveId::PREFIX) && !text.contains('/') {
            let movement: Result<MoveId, _> = text.parse();
            return movement.map(Self::Move).map_err(|wrong| wrong.to_string());
        }
        text.parse().map(Self::App)
    }
}

impl CancelMove {
    /// Cancels it.
    ///
    /// # Errors
    /// `move-over` when it was imported or cancelled before, `nothing-moving` when there is none.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let (licensed, cancelling) = match (&self.which, &self.app) {
            (Which::App(_), Some(_)) => {
                return Err(Failure::usage("--app goes with a move, and an app is named already")
                    .with_remedy("name the move instead of the app"));
            }
            (Which::App(licensed), None) => (Some(licensed), Cancelling::Of(licensed.app().clone())),
            (Which::Move(movement), None) => (None, Cancelling::This(*movement)),
            (Which::Move(movement), Some(app)) => (None, Cancelling::Elsewhere(app.clone(), *movement)),
        };
        let cancelled = which::manager(context, licensed)?.cancel_move(&cancelling)?;
        let shown = serde_json::json!({
            "app": cancelled.app, "move": cancelled.movement, "outcome": "cancelled",
        });
        context.output.result(&shown, || {
            let (app, movement) = (&cancelled.app, cancelled.movement);
            format!(
                "The move of {app} is cancelled ({movement}). What it carried is back in the license:\n  carnet renew {app}\n"
            )
        })
    }
}
