//! Installed programs: which image, its keys in two steps, and onto the disk (B5 to B8).

use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_api::image::ImageView;
use carnet_api::path;
use carnet_carrier::Ranged;
use carnet_core::app::{AppId, Feature, Platform, Version, VersionRange};
use carnet_core::document::Reason;
use carnet_core::id::ImageId;
use carnet_core::report::Integrity;
use carnet_image::front::Wanted;
use carnet_image::install::{Current, From, Order, Place, Step};
use carnet_image::{Front, Ranges, Trust, integrity};
use carnet_seam::fs::Access;
use carnet_seam::{File, NetError, Tree};
use serde::Serialize;

use crate::error::ManagerError;
use crate::manager::Manager;

/// Programs are installed below this folder of the home, unless another one is named.
pub const PROGRAMS: &str = "programs";
/// A part of an image may take longer than an answer.
const PART_LIMIT: Duration = Duration::from_secs(60);

/// What is to be installed, and where.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// Which app.
    pub app: &'a AppId,
    /// Which version; none: the newest that the license covers.
    pub version: Option<Version>,
    /// The kind of this machine.
    pub platform: &'a Platform,
    /// The disk.
    pub tree: &'a dyn Tree,
    /// Below which folder; none: where it is, else the usual one.
    pub below: Option<&'a Path>,
    /// From this file on a medium, and not from the server.
    pub file: Option<&'a Path>,
}

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledApp {
    /// Which app.
    pub app: AppId,
    /// Which version.
    pub version: Version,
    /// Which build.
    pub image: ImageId,
    /// What of it: what the license grants, and no more (A20).
    pub features: Vec<Feature>,
    /// Where it is used from.
    pub folder: PathBuf,
    /// It was there already, and nothing was done.
    pub already: bool,
}

/// An image that was found.
enum Found<'a> {
    Announced(&'a ImageView, Remote),
    OnMedium(ImageId, Box<dyn File>),
}

impl Found<'_> {
    const fn image(&self) -> ImageId {
        match self {
            Self::Announced(view, _) => view.id,
            Self::OnMedium(id, _) => *id,
        }
    }

    fn from(&self) -> From<'_> {
        match self {
            Self::Announced(_, remote) => From::Fetched(remote),
            Self::OnMedium(_, file) => From::Here(file),
        }
    }
}

impl Manager {
    /// The images of an app that anybody may fetch, newest first.
    ///
    /// # Errors
    /// [`ManagerError`] when the server cannot be asked.
    pub fn images(&self, app: &AppId) -> Result<Vec<ImageView>, ManagerError> {
        self.way().get(&format!("{}?app={app}", path::IMAGES))
    }

    /// Installs a program: gets its keys, fetches what is not there yet, and switches to it at once. Whatever ends it
    /// before, what was used still is, and the next time goes on where this one ended.
    ///
    /// # Errors
    /// [`ManagerError`], with the remedy.
    pub fn install(&self, wish: &Wish<'_>, tell: &mut dyn FnMut(Step)) -> Result<InstalledApp, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let turn = self.turn()?;
        self.newest_keys(&mut passbook, wish.file.is_some())?;
        let versions = self.covered(&mut passbook, wish.app)?;
        let ring = passbook.ring().cloned().ok_or(ManagerError::OutOfStep)?;
        let below = match wish.below {
            Some(below) => below.to_owned(),
            None => passbook.installed_below(wish.app)?.unwrap_or_else(|| self.home().join(PROGRAMS)),
        };
        let place = Place::of(wish.tree, &below, wish.app);
        let trust = Trust::Server(&ring, self.now());
        let images = if wish.file.is_some() { Vec::new() } else { self.images(wish.app)? };
        let found = self.find(wish, &images, &versions, trust)?;
        let keys = self.keys_of(&mut passbook, wish.app, found.image())?;
        passbook.begin_installed(wish.app, &below)?;
        // Nobody waits for a download who wants something else of this server; the place has a lock of its own.
        drop(turn);
        let known = place.current(trust).ok().flatten();
        let same = |current: &Current| {
            current.front().0.manifest().id == found.image() && current.features().iter().eq(keys.keys())
        };
        let (current, already) = match known.filter(same) {
            Some(current) => (current, true),
            None => {
                let (app, platform) = (Some(wish.app.clone()), Some(wish.platform.clone()));
                let wanted = Wanted { app, version: wish.version, at_least: None, platform };
                let order = Order { from: found.from(), trust, wanted, keys: &keys };
                (place.install(&order, tell)?, false)
            }
        };
        passbook.keep_installed(wish.app, &below)?;
        Ok(shown(wish.app, &current, &place, already))
    }

    /// What is installed of an app.
    ///
    /// # Errors
    /// [`ManagerError::NotInstalled`] when nothing is.
    pub fn installed(&self, tree: &dyn Tree, app: &AppId) -> Result<InstalledApp, ManagerError> {
        let passbook = self.valid_passbook()?;
        let below = passbook.installed_below(app)?.ok_or_else(|| ManagerError::NotInstalled(app.clone()))?;
        let ring = passbook.ring().ok_or(ManagerError::OutOfStep)?;
        let place = Place::of(tree, &below, app);
        let current = place.current(Trust::Server(ring, self.now()))?;
        let current = current.ok_or_else(|| ManagerError::NotInstalled(app.clone()))?;
        Ok(shown(app, &current, &place, true))
    }

    /// Whether installing an app was begun on this device, finished or not: there may be something to remove.
    ///
    /// # Errors
    /// [`ManagerError`] when the passbook cannot be read.
    pub fn has_begun(&self, app: &AppId) -> Result<bool, ManagerError> {
        Ok(!self.valid_passbook()?.installed_places(app)?.is_empty())
    }

    /// Whether what is installed of an app is as its supplier has signed it; nothing installed is
    /// [`Integrity::NotInstalledHere`].
    ///
    /// # Errors
    /// [`ManagerError`] when its manifest or its list is not as it was signed.
    pub fn integrity(&self, tree: &dyn Tree, app: &AppId) -> Result<Integrity, ManagerError> {
        let passbook = self.valid_passbook()?;
        let Some(below) = passbook.installed_below(app)? else { return Ok(Integrity::NotInstalledHere) };
        let ring = passbook.ring().ok_or(ManagerError::OutOfStep)?;
        let place = Place::of(tree, &below, app);
        Ok(integrity::of_place(&place, tree, Trust::Server(ring, self.now()))?)
    }

    /// Removes a program that was installed. License and pass stay.
    ///
    /// # Errors
    /// [`ManagerError::NotInstalled`] when nothing is; trying again goes on.
    pub fn uninstall(&self, tree: &dyn Tree, app: &AppId) -> Result<(), ManagerError> {
        let passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let removed = remove_installed(&passbook, tree, app)?;
        if removed { Ok(()) } else { Err(ManagerError::NotInstalled(app.clone())) }
    }

    /// A supplier may have begun to sign with another key since the last contact. From a medium it must go without.
    fn newest_keys(
        &self,
        passbook: &mut carnet_device::Passbook,
        may_fail: bool,
    ) -> Result<(), ManagerError> {
        match self.fetch_keys(passbook) {
            Err(_) if may_fail && passbook.ring().is_some() => Ok(()),
            fetched => fetched,
        }
    }

    fn find<'v>(
        &self,
        wish: &Wish<'_>,
        images: &'v [ImageView],
        versions: &VersionRange,
        trust: Trust<'_>,
    ) -> Result<Found<'v>, ManagerError> {
        if let Some(path) = wish.file {
            let file = wish.tree.open(path, Access::Read)?;
            let front = Front::open(&file, trust)?;
            return Ok(Found::OnMedium(front.manifest().id, file));
        }
        let refused = |reason| ManagerError::Refused { app: wish.app.clone(), reason };
        let here = |image: &&ImageView| {
            image.platform.is_for(wish.platform)
                && wish.version.is_none_or(|version| version == image.version)
        };
        let fitting: Vec<&ImageView> = images.iter().filter(here).filter(|image| image.keyed).collect();
        // A version that was named is for the server to judge; else it is the newest that the license covers.
        let covered = |image: &&&ImageView| wish.version.is_some() || versions.covers(image.version);
        let newest = fitting.iter().filter(covered).max_by_key(|image| (image.version, image.created));
        let reason = if fitting.is_empty() { Reason::NoImage } else { Reason::VersionNotCovered };
        let image = *newest.ok_or_else(|| refused(reason))?;
        let ours = || format!("{}{}", self.server().url, path::image_content(image.id));
        let remote =
            Remote { file: Ranged::new(&image.url.clone().unwrap_or_else(ours)), length: image.length };
        Ok(Found::Announced(image, remote))
    }
}

/// Removes what was installed of an app, wherever it lies. Whether there was anything.
pub(crate) fn remove_installed(
    passbook: &carnet_device::Passbook,
    tree: &dyn Tree,
    app: &AppId,
) -> Result<bool, ManagerError> {
    let places = passbook.installed_places(app)?;
    for below in &places {
        Place::of(tree, below, app).uninstall()?;
    }
    if !places.is_empty() {
        passbook.forget_installed(app)?;
    }
    Ok(!places.is_empty())
}

fn shown(app: &AppId, current: &Current, place: &Place<'_>, already: bool) -> InstalledApp {
    InstalledApp {
        app: app.clone(),
        version: current.version(),
        image: current.front().0.manifest().id,
        features: current.features().to_vec(),
        folder: place.link().join("files"),
        already,
    }
}

/// An image at an address. Its length is what was announced; that it is right shows in the signed manifest.
struct Remote {
    file: Ranged,
    length: u64,
}

impl Ranges for Remote {
    fn length(&self) -> Result<u64, NetError> {
        Ok(self.length)
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, NetError> {
        self.file.read(offset, length, PART_LIMIT)
    }
}
