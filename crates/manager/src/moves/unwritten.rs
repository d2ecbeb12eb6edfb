//! Writing portable passes to a medium, also those that an earlier attempt could not write.

use carnet_core::app::AppId;
use carnet_core::device::Input;
use carnet_core::document::{Brought, Operation, Reason};
use carnet_device::portable::{PortablePassbook, PortableStatus};
use carnet_device::{Medium, Passbook};

use super::export::{Export, fresh};
use super::{MoveOutcome, Moved, Why, on_their_way};
use crate::error::ManagerError;
use crate::manager::Manager;

/// What is about to be written for one app.
#[derive(Debug)]
pub(super) struct Leaving {
    moved: Vec<Moved>,
    /// For each of `moved` that is to be written, in order: its portable pass.
    passes: Vec<Brought>,
    app: Option<AppId>,
}

impl Leaving {
    /// Nothing is written.
    pub fn nothing(moved: Moved) -> Self {
        Self { moved: vec![moved], passes: Vec::new(), app: None }
    }

    /// These passes are written.
    pub fn with(app: &AppId, outcome: MoveOutcome, passes: Vec<Brought>) -> Self {
        let moved = passes.iter().map(|brought| Moved::done(app, outcome, Some(&brought.portable))).collect();
        Self { moved, passes, app: Some(app.clone()) }
    }
}

impl Manager {
    /// Writes the portable passes once more that are on their way from this device: of these apps, or of all. The
    /// server is not needed, except where an export has not been answered yet.
    ///
    /// # Errors
    /// [`ManagerError::NothingMoving`] when there are none; otherwise as [`Manager::export`].
    pub fn export_again(&self, apps: &[AppId], medium: &dyn Medium) -> Result<Export, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        self.unlock(&passbook)?;
        let _turn = self.turn()?;
        let apps = if apps.is_empty() { passbook.apps()? } else { apps.to_vec() };
        let mut leaving = Vec::new();
        for app in &apps {
            leaving.push(self.left_before(&mut passbook, app)?);
        }
        if leaving.iter().all(|one| one.passes.is_empty() && one.moved.iter().all(is_nothing)) {
            return Err(ManagerError::NothingMoving);
        }
        let lengths = leaving.iter().flat_map(|one| &one.passes).map(|brought| brought.document.len() + 16);
        self.try_medium(&passbook, medium, lengths.sum::<usize>() + 256)?;
        leaving.retain(|one| apps.len() == 1 || !one.moved.iter().all(is_nothing));
        self.write_to(&passbook, medium, leaving)
    }

    fn left_before(&self, passbook: &mut Passbook, app: &AppId) -> Result<Leaving, ManagerError> {
        let mut state = passbook.look(app)?;
        if state.intent.as_ref().is_some_and(|intent| intent.operation == Operation::Export) {
            if let Err(error) = self.resume(passbook, Some(app)) {
                return Ok(Leaving::nothing(Moved::unanswered(app, None, &error)));
            }
            state = passbook.look(app)?;
        }
        let passes: Vec<Brought> = on_their_way(&state).cloned().collect();
        if passes.is_empty() {
            let why = Why { message: "no pass of it is on its way".into(), ..Reason::NothingToMove.into() };
            return Ok(Leaving::nothing(Moved::refused(Some(app), None, why)));
        }
        Ok(Leaving::with(app, MoveOutcome::WrittenAgain, passes))
    }

    /// Writes what is leaving, whole, and notes in the journals that it is written. When that fails, the portable passes
    /// stay due there.
    pub(super) fn write_to(
        &self,
        passbook: &Passbook,
        medium: &dyn Medium,
        mut leaving: Vec<Leaving>,
    ) -> Result<Export, ManagerError> {
        let written = self.put(passbook, medium, &mut leaving);
        let apps = leaving.into_iter().flat_map(|one| one.moved).collect();
        Ok(Export { medium: medium.name(), apps, unwritten: written.err() })
    }

    fn put(
        &self,
        passbook: &Passbook,
        medium: &dyn Medium,
        leaving: &mut [Leaving],
    ) -> Result<(), ManagerError> {
        if leaving.iter().all(|one| one.passes.is_empty()) {
            return Ok(());
        }
        self.crash_point("medium-before-write")?;
        let mut book = match medium.existing(self.whose(passbook)?)? {
            Some(book) => book,
            None => fresh(self, passbook)?,
        };
        leaving.iter_mut().for_each(|one| one.add_to(&mut book));
        // What is over has been told, and need not be carried around.
        let leaves = |document: &[u8]| {
            leaving.iter().flat_map(|one| &one.passes).any(|brought| brought.document == document)
        };
        book.passes.retain(|entry| entry.status == PortableStatus::Moving || leaves(&entry.document));
        medium.write(&book)?;
        self.crash_point("medium-after-write")?;
        let now = self.now();
        for app in leaving.iter().filter_map(|one| one.app.as_ref()) {
            passbook.book(Some(app))?.act(Input::EffectsDone, now).map_err(ManagerError::from)?;
        }
        Ok(())
    }
}

impl Leaving {
    /// A pass that the medium knows to be over stays over, and is told of.
    fn add_to(&mut self, book: &mut PortablePassbook) {
        for (moved, brought) in self.moved.iter_mut().zip(&self.passes) {
            if book.add(&brought.document) == PortableStatus::Invalid {
                let app = moved.app.clone();
                *moved = Moved::refused(app.as_ref(), Some(&brought.portable), Reason::MoveOver);
            }
        }
    }
}

fn is_nothing(moved: &Moved) -> bool {
    let code = moved.why.as_ref().map(|why| why.code.as_str());
    code == Some(Reason::NothingToMove.code())
}
