//! What is on sale, and ordering it (B3, B4).

use carnet_api::catalog::OnSale;
use carnet_api::path::CATALOG;
use carnet_core::app::{AppId, Platform, SupplierName, VersionRange};
use carnet_core::document::Reason;

use crate::error::ManagerError;
use crate::manager::{Manager, Setup};
use crate::server::Wanted;

impl Setup {
    /// What is on sale at a server, as anybody may read it: no passbook is needed, and no trust.
    ///
    /// # Errors
    /// [`ManagerError`] when it is not clear which server is meant, or it cannot be asked.
    pub fn catalog(
        &self,
        wanted: &Wanted,
        supplier: Option<&SupplierName>,
    ) -> Result<Vec<OnSale>, ManagerError> {
        let query = supplier.map(|name| format!("?supplier={name}")).unwrap_or_default();
        self.way(&self.address(wanted)?).get(&format!("{CATALOG}{query}"))
    }
}

impl Manager {
    /// Makes sure that something is there to be installed, before anything is agreed to: nobody pays for software that
    /// cannot be had.
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with `no-image`, or with `version-not-covered` when the offer covers none of them.
    pub fn can_be_installed(
        &self,
        app: &AppId,
        versions: &VersionRange,
        platform: &Platform,
    ) -> Result<(), ManagerError> {
        let images = self.images(app)?;
        let mut fitting =
            images.iter().filter(|image| image.keyed && image.platform.is_for(platform)).peekable();
        let refused = |reason| Err(ManagerError::Refused { app: app.clone(), reason });
        if fitting.peek().is_none() {
            return refused(Reason::NoImage);
        }
        if fitting.any(|image| versions.covers(image.version)) {
            Ok(())
        } else {
            refused(Reason::VersionNotCovered)
        }
    }
}
