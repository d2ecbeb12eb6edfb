//! Importing on a device that has no user yet: it joins the user whose portable pass it brings, for the license of
//! that pass only (A16).

use carnet_core::app::AppId;
use carnet_core::document::{Answer, Brought};
use carnet_device::MediumError;
use carnet_device::portable::{PortablePassbook, PortableStatus};
use carnet_seal::document::brought;
use carnet_seal::{KeyRing, Unverified};

use crate::error::ManagerError;
use crate::manager::Manager;

impl Manager {
    /// The portable pass with which a device joins: the first good one that is on its way, of these apps where any are
    /// named. Nothing is written down for that; [`Who::Brings`](crate::register::Who::Brings) registers with it.
    ///
    /// # Errors
    /// [`ManagerError::Medium`] when there is none that this server has signed; why the server could not be asked.
    pub fn ticket(&self, apps: &[AppId], book: &PortablePassbook) -> Result<Box<Brought>, ManagerError> {
        let untrusted = |wrong| ManagerError::Untrusted { url: self.server().url.clone(), wrong };
        let keys = self.way().key_set(&self.server().pin)?;
        let ring = KeyRing::open(&keys, &self.server().pin, 0).map_err(untrusted)?;
        let moving = book.passes.iter().filter(|entry| entry.status == PortableStatus::Moving);
        let good = moving.filter_map(|entry| {
            let answer = Unverified::<Answer>::parse(&entry.document).ok()?.verify_held(&ring).ok()?;
            let theirs = answer.claims().head.user == book.user;
            brought(answer).ok().filter(|_| theirs)
        });
        let wanted = |brought: &Brought| apps.is_empty() || apps.contains(&brought.portable.app);
        let name = PortablePassbook::file_name(book.server(), book.user);
        let nothing = || ManagerError::Medium(MediumError::Nothing(name.into()));
        good.into_iter().find(wanted).map(Box::new).ok_or_else(nothing)
    }
}
