//! Moves: passes that go from one device of the user to another (A14 to A17).
//!
//! *Export* and *import* judge each app apart: the good ones go, the others come back with the reason. The server's
//! single acceptance is what counts. The portable pass stays in the source's journal until its move is over, so
//! that the medium can be written again.
//!
//! Each step may be the last one before the power goes. What is asked of the server is durable in the journal before it
//! is sent, and an export that was answered but not written is due there; the same command carries both on.

mod cancel;
mod export;
mod import;
mod joining;
mod unwritten;

use carnet_core::app::AppId;
use carnet_core::device::Disapproval;
use carnet_core::document::{Brought, PortablePass, Reason};
use carnet_core::id::{LicenseId, MoveId};
use carnet_core::journal::State;
use carnet_core::time::{Seconds, counted, seconds_in_words};
use carnet_device::Passbook;
use carnet_device::medium::Whose;
use carnet_seal::SealError;
use serde::Serialize;

pub use cancel::{Cancelled, Cancelling};
pub use export::Export;
pub use import::Import;

use crate::error::ManagerError;
use crate::manager::Manager;

/// What has come of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Which; none: what is on the medium cannot be read.
    pub app: Option<AppId>,
    /// What has come of it.
    pub outcome: MoveOutcome,
    /// What is on its way, or has arrived.
    #[serde(flatten)]
    pub carried: Option<CarriedPass>,
    /// Why it did not go, or did not arrive.
    pub why: Option<Why>,
}

/// What has come of an app in an export or import. Stable names; there may be more one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveOutcome {
    /// Its pass has left this device.
    Exported,
    /// An export that was begun before is finished now.
    CarriedOn,
    /// Its pass had left before, and is on the medium again.
    WrittenAgain,
    /// It may be used here now.
    Imported,
    /// It had been imported here before.
    AlreadyHere,
    /// No, with the reason.
    Refused,
    /// The server has been asked and has not answered; the same command asks again.
    Waiting,
}

/// What a portable pass carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CarriedPass {
    /// The move.
    #[serde(rename = "move")]
    pub movement: MoveId,
    /// A slice of which license.
    pub license: LicenseId,
    /// What was agreed to.
    pub condition: String,
    /// What it carries, in words.
    pub carries_in_words: String,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// Stable code.
    pub code: String,
    /// In plain words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        let (code, message, remedy) = (reason.code(), reason.in_words(), reason.remedy());
        Self { code: code.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl From<&ManagerError> for Why {
    fn from(error: &ManagerError) -> Self {
        Self { code: error.code().into(), message: error.to_string(), remedy: error.remedy() }
    }
}

impl From<&SealError> for Why {
    fn from(wrong: &SealError) -> Self {
        Self {
            code: "untrusted".into(),
            message: format!("the portable pass is not to be trusted: {wrong}"),
            remedy: "write it again with `carnet export --again` on the device it came from".into(),
        }
    }
}

impl From<&PortablePass> for CarriedPass {
    fn from(portable: &PortablePass) -> Self {
        let uses = portable.uses.map(|uses| counted(uses, "use"));
        let seconds = portable.seconds.map(|seconds| seconds_in_words(Seconds(seconds)));
        let parts: Vec<_> = [uses, seconds].into_iter().flatten().collect();
        let all = || if portable.expires.is_some() { "not counted" } else { "without end" }.to_owned();
        Self {
            movement: portable.movement,
            license: portable.license,
            condition: portable.condition.clone(),
            carries_in_words: if parts.is_empty() { all() } else { parts.join(", ") },
        }
    }
}

impl Moved {
    fn done(app: &AppId, outcome: MoveOutcome, portable: Option<&PortablePass>) -> Self {
        Self { app: Some(app.clone()), outcome, carried: portable.map(Into::into), why: None }
    }

    fn refused(app: Option<&AppId>, portable: Option<&PortablePass>, why: impl Into<Why>) -> Self {
        let (app, carried) = (app.cloned(), portable.map(Into::into));
        Self { app, outcome: MoveOutcome::Refused, carried, why: Some(why.into()) }
    }

    /// Nobody knows yet: what was asked stays open, whatever stood in the way.
    fn unanswered(app: &AppId, portable: Option<&PortablePass>, error: &ManagerError) -> Self {
        let outcome = match error {
            ManagerError::Refused { .. } | ManagerError::Disapproved(_) => MoveOutcome::Refused,
            _ => MoveOutcome::Waiting,
        };
        let (app, carried) = (Some(app.clone()), portable.map(Into::into));
        Self { app, outcome, carried, why: Some(error.into()) }
    }
}

/// A pass that nothing can be done with, as a reason of its own.
fn locally(why: Disapproval) -> ManagerError {
    ManagerError::Disapproved(why)
}

/// The portable passes in a journal that may still be on their way.
fn on_their_way(state: &State) -> impl Iterator<Item = &Brought> {
    // What was imported here again has come back.
    let back = state.held.as_ref().and_then(|held| held.pass.from_move);
    state.portables.values().filter(move |brought| Some(brought.portable.movement) != back)
}

impl Manager {
    fn whose(&self, passbook: &Passbook) -> Result<Whose, ManagerError> {
        let user = passbook.user().ok_or_else(|| ManagerError::NotRegistered(self.server().url.clone()))?;
        Ok(Whose { server: self.server().pin.server, user })
    }

    /// Shows that the server can be reached, without asking anything of it that could change something. By hand
    /// nobody can know that before.
    fn reach(&self, passbook: &mut Passbook) -> Result<(), ManagerError> {
        self.unlock(passbook)?;
        self.fetch_keys(passbook)
    }

    fn crash_point(&self, name: &str) -> Result<(), ManagerError> {
        let crashed = |point: carnet_seam::Crashed| {
            carnet_seam::FsError::new("use", std::path::Path::new("medium"), point.into())
        };
        Ok(self.setup().env.fs.crash().point(name).map_err(crashed)?)
    }
}
