//! Import: passes arrive on this device (A16, A17).

use carnet_core::app::AppId;
use carnet_core::document::{Answer, Brought, Operation, Reason};
use carnet_core::id::MoveId;
use carnet_core::journal::{PassStatus, State};
use carnet_device::portable::{PortableEntry, PortablePassbook, PortableStatus};
use carnet_device::{Medium, Passbook};
use carnet_seal::document::brought;
use carnet_seal::{SealError, Unverified};
use serde::Serialize;

use super::{MoveOutcome, Moved, Why};
use crate::error::ManagerError;
use crate::manager::Manager;

/// What has come of an import.
#[derive(Debug, Serialize)]
pub struct Import {
    /// Where from.
    pub medium: String,
    /// Each app on the medium that was asked for.
    pub apps: Vec<Moved>,
    /// Why what is over could not be marked on the medium. That changes nothing: the server accepts each move once.
    #[serde(skip)]
    pub unmarked: Option<ManagerError>,
}

/// A portable pass on the medium, checked.
struct Arrival {
    brought: Brought,
    marked: bool,
}

impl Manager {
    /// Imports the passes of these apps from a medium, or all that are on it. Each is judged apart.
    ///
    /// May be repeated: what has been imported here before is not asked for again. Importing on the device that it came
    /// from takes a move back.
    ///
    /// # Errors
    /// [`ManagerError`] when nothing was done; what concerns one app stands in [`Import::apps`].
    pub fn import(&self, apps: &[AppId], medium: &dyn Medium) -> Result<Import, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let book = medium.read(self.whose(&passbook)?)?;
        self.reach(&mut passbook)?;
        let (mut moved, mut over) = (Vec::new(), Vec::new());
        for entry in self.wanted(&passbook, &book, apps) {
            match entry {
                Err(wrong) => moved.push(Moved::refused(None, None, &wrong)),
                Ok(arrival) => {
                    let one = self.arrive(&mut passbook, &arrival)?;
                    if is_over(&one) {
                        over.push(arrival.brought.document);
                    }
                    moved.push(one);
                }
            }
        }
        moved.extend(missing(apps, &moved));
        let unmarked = self.mark(&passbook, medium, &over).err();
        Ok(Import { medium: medium.name(), apps: moved, unmarked })
    }

    /// What is to be imported. What is marked as over is passed over beside anything that is not: it has been told before.
    fn wanted(
        &self,
        passbook: &Passbook,
        book: &PortablePassbook,
        apps: &[AppId],
    ) -> Vec<Result<Arrival, SealError>> {
        let mut wanted: Vec<_> = book.passes.iter().map(|entry| self.checked(passbook, entry)).collect();
        wanted.retain(|one| match one {
            Ok(arrival) => apps.is_empty() || apps.contains(&arrival.brought.portable.app),
            Err(_) => apps.is_empty(),
        });
        let is_new = |one: &Result<Arrival, SealError>| one.as_ref().is_ok_and(|arrival| !arrival.marked);
        if wanted.iter().any(is_new) {
            wanted.retain(|one| one.is_err() || is_new(one));
        }
        wanted
    }

    /// The portable pass, when this server has signed it for this user.
    fn checked(&self, passbook: &Passbook, entry: &PortableEntry) -> Result<Arrival, SealError> {
        let ring = passbook.ring().ok_or(SealError::OtherRoot)?;
        let answer = Unverified::<Answer>::parse(&entry.document)?.verify_held(ring)?;
        if Some(answer.claims().head.user) != passbook.user() {
            return Err(SealError::OtherDevice(answer.claims().head.journal.device));
        }
        Ok(Arrival { brought: brought(answer)?, marked: entry.status == PortableStatus::Invalid })
    }

    fn arrive(&self, passbook: &mut Passbook, arrival: &Arrival) -> Result<Moved, ManagerError> {
        let portable = &arrival.brought.portable;
        let app = portable.app.clone();
        if is_here(&passbook.look(&app)?, portable.movement) {
            return Ok(Moved::done(&app, MoveOutcome::AlreadyHere, Some(portable)));
        }
        if arrival.marked {
            return Ok(Moved::refused(Some(&app), Some(portable), Reason::MoveOver));
        }
        let operation = Operation::Import(Box::new(arrival.brought.clone()));
        Ok(match self.ask(passbook, Some(&app), &operation) {
            Err(error) => Moved::unanswered(&app, Some(portable), &error),
            Ok(state) => match state.refused {
                Some(reason) => Moved::refused(Some(&app), Some(portable), reason),
                None => Moved::done(&app, MoveOutcome::Imported, Some(portable)),
            },
        })
    }

    /// Marks what is over (A17). Others may have written to the medium meanwhile, so it is read again.
    fn mark(&self, passbook: &Passbook, medium: &dyn Medium, over: &[Vec<u8>]) -> Result<(), ManagerError> {
        if over.is_empty() {
            return Ok(());
        }
        self.crash_point("medium-before-mark")?;
        let mut book = medium.read(self.whose(passbook)?)?;
        let ended = over.iter().filter(|document| book.end(document)).count();
        if ended > 0 {
            medium.write(&book)?;
        }
        Ok(())
    }
}

/// The pass that this move brought is the last one here, and has not gone on.
fn is_here(state: &State, movement: MoveId) -> bool {
    let valid = state.pass_status() == Some(PassStatus::Valid);
    valid && state.held.as_ref().is_some_and(|held| held.pass.from_move == Some(movement))
}

/// The move is over, as the server has said.
fn is_over(moved: &Moved) -> bool {
    let over = |why: &Why| why.code == Reason::MoveOver.code();
    matches!(moved.outcome, MoveOutcome::Imported | MoveOutcome::AlreadyHere)
        || moved.why.as_ref().is_some_and(over)
}

/// What was asked for and is not on the medium.
fn missing(apps: &[AppId], moved: &[Moved]) -> Vec<Moved> {
    let is_there = |app: &&AppId| moved.iter().any(|one| one.app.as_ref() == Some(*app));
    let why = || Why {
        code: "not-on-medium".into(),
        message: "no pass of it is on this medium".into(),
        remedy: "export it to this medium first, or use another one".into(),
    };
    apps.iter().filter(|app| !is_there(app)).map(|app| Moved::refused(Some(app), None, why())).collect()
}
