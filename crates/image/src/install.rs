//! Installing: beside what is there, then switched at once.
//!
//! ```text
//! acme.paint/current            a link to the version that is used
//! acme.paint/versions/V/files   what was extracted
//! acme.paint/versions/V/front   the beginning of its image, by which it is checked and upgraded, and at their places
//!                               the frames of features that stay sealed
//! acme.paint/versions/V/features
//! acme.paint/part               what of an image has arrived so far
//! acme.paint/lock
//! ```
//!
//! A version gets its name when everything in it is durable, and `current` changes by one rename. Whenever it ends
//! before, by a crash, a full disk or a cut connection, the version that was used still is, and the next installation
//! removes what was left.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_core::app::{AppId, Feature, Version};
use carnet_seal::image::Kept;
use carnet_seam::fs::{Access, create_folders, discard, read_file};
use carnet_seam::tree::remove_tree;
use carnet_seam::{File, Found, FsError, FsFault, Tree};

use crate::error::ImageError;
use crate::extract::Extraction;
use crate::fetch::{Fetch, FetchError, Ranges};
use crate::front::{Front, Trust, Wanted};
use crate::keys::ContentKeys;
use crate::read::is_frame;
use crate::reuse::{Installed, Reuse};
use crate::source::{Source, read_exactly};

pub(crate) const CURRENT: &str = "current";
pub(crate) const SWITCHING: &str = "current.new";
pub(crate) const VERSIONS: &str = "versions";
/// No version begins with a point.
pub(crate) const UNFINISHED: &str = ".new";
pub(crate) const FILES: &str = "files";
pub(crate) const FRONT: &str = "front";
pub(crate) const FEATURES: &str = "features";
pub(crate) const PART: &str = "part";
pub(crate) const LOCK: &str = "lock";
/// Somebody else may be installing; longer nobody waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of the list of installed features.
const LARGEST_FEATURES: u64 = 64 * 1024;

/// Where one app is installed.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    pub(crate) tree: &'a dyn Tree,
    pub(crate) folder: PathBuf,
}

/// What is installed.
#[derive(Debug)]
pub struct Current {
    /// The folder of the version.
    folder: PathBuf,
    front: Front,
    source: Box<dyn File>,
    features: Vec<Feature>,
}

impl Current {
    /// Which version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.front.manifest().version
    }

    /// Of which features.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The beginning of its image, and where that can be read.
    #[must_use]
    pub fn front(&self) -> (&Front, &dyn Source) {
        (&self.front, &self.source)
    }

    /// The same, to be kept open: with the frames of the features that stay sealed.
    #[must_use]
    pub fn into_content(self) -> (Front, Box<dyn File>) {
        (self.front, self.source)
    }

    /// Where its files are.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.folder.join(FILES)
    }
}

/// Where an image comes from.
#[derive(Clone, Copy)]
pub enum From<'a> {
    /// It is here.
    Here(&'a dyn Source),
    /// It is fetched.
    Fetched(&'a dyn Ranges),
}

/// What is to be installed.
pub struct Order<'a> {
    /// From where.
    pub from: From<'a>,
    /// Who must have signed it.
    pub trust: Trust<'a>,
    /// What it must be. That it is not older than what is installed is checked in any case.
    pub wanted: Wanted,
    /// The keys of the features that the license grants: these are installed, and no others (A20).
    pub keys: &'a ContentKeys,
}

/// What is told while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many bytes of so many have arrived.
    Fetching(u64, u64),
    /// So many bytes of files have been written.
    Extracting(u64),
}

impl<'a> Place<'a> {
    /// Below `root`, where all apps are installed. App ids become one name each: their parts have no points.
    #[must_use]
    pub fn of(tree: &'a dyn Tree, root: &Path, app: &AppId) -> Self {
        Self { tree, folder: root.join(app.as_str().replace('/', ".")) }
    }

    /// The link through which the installed version is used.
    #[must_use]
    pub fn link(&self) -> PathBuf {
        self.folder.join(CURRENT)
    }

    /// What is installed, where its image is still trusted.
    ///
    /// # Errors
    /// When it cannot be read, or nobody trusted has signed it.
    pub fn current(&self, trust: Trust<'_>) -> Result<Option<Current>, ImageError> {
        let Some(folder) = self.current_folder()? else { return Ok(None) };
        let source = self.tree.open(&folder.join(FRONT), Access::Read)?;
        let front = Front::open(&source, trust)?;
        let text = read_file(self.tree, &folder.join(FEATURES), LARGEST_FEATURES)?.unwrap_or_default();
        let features = String::from_utf8_lossy(&text).lines().filter_map(|line| line.parse().ok()).collect();
        Ok(Some(Current { folder, front, source, features }))
    }

    /// Installs, or upgrades. What is there already need not be fetched.
    ///
    /// # Errors
    /// What was installed before is then still what is used.
    pub fn install(&self, order: &Order<'_>, tell: &mut dyn FnMut(Step)) -> Result<Current, FetchError> {
        let _alone = self.alone()?;
        self.tidy()?;
        let current = self.current(order.trust)?;
        let mut wanted = order.wanted.clone();
        wanted.at_least = wanted.at_least.max(current.as_ref().map(Current::version));
        let features: Vec<_> = order.keys.keys().cloned().collect();
        match order.from {
            From::Here(source) => {
                let front = Front::open(source, order.trust)?;
                wanted.check(front.manifest())?;
                front.check_length(source)?;
                self.place(source, &front, order, None, &features, tell)?;
            }
            From::Fetched(ranges) => {
                let part = self.folder.join(PART);
                let fetch = Fetch::begin(ranges, self.tree, &part, order.trust, &wanted)?;
                let (front, source) = (fetch.front(), fetch.source());
                let (clear, sealed) = by_kept(front, &features)?;
                let reuse =
                    current.as_ref().map(|current| self.reuse(current, front, source, &clear)).transpose()?;
                let mut arrived = |done, total| tell(Step::Fetching(done, total));
                fetch.frames(&clear, reuse.as_ref(), &mut arrived)?;
                if !sealed.is_empty() {
                    fetch.frames(&sealed, None, &mut arrived)?;
                }
                self.place(source, front, order, reuse.as_ref(), &features, tell)?;
                discard(self.tree, &part)?;
            }
        }
        // What is removed while it is open stays under another name on some file systems, in the way of its folder.
        drop(current);
        self.tidy()?;
        let installed = self.current(order.trust)?;
        Ok(installed.ok_or_else(|| FsError::new("open", &self.link(), FsFault::NotFound))?)
    }

    /// Removes the app: first from use, then from the disk.
    ///
    /// # Errors
    /// What the system reports; trying again goes on.
    pub fn uninstall(&self) -> Result<(), FsError> {
        if self.tree.found(&self.folder)?.is_none() {
            return Ok(());
        }
        let alone = self.alone()?;
        discard(self.tree, &self.link())?;
        self.tree.sync_folder(&self.folder)?;
        self.point("uninstall.unlinked")?;
        self.tidy()?;
        discard(self.tree, &self.folder.join(PART))?;
        drop(alone);
        remove_tree(self.tree, &self.folder)
    }

    fn reuse<'c>(
        &self,
        current: &'c Current,
        front: &Front,
        source: &dyn Source,
        features: &[Feature],
    ) -> Result<Reuse<'c>, ImageError>
    where
        'a: 'c,
    {
        let mut wanted = HashSet::new();
        for feature in features {
            wanted.extend(front.table(source, feature)?.frames.iter().map(|frame| frame.plain));
        }
        let installed = Installed {
            front: &current.front,
            source: &current.source,
            files: self.tree,
            folder: current.folder.join(FILES),
        };
        let (clear, _) = by_kept(&current.front, &current.features)?;
        Reuse::find(installed, &clear, &wanted, &mut |_| {})
    }

    /// Extracts beside, makes it durable, switches.
    fn place(
        &self,
        source: &dyn Source,
        front: &Front,
        order: &Order<'_>,
        reuse: Option<&Reuse<'_>>,
        features: &[Feature],
        tell: &mut dyn FnMut(Step),
    ) -> Result<(), ImageError> {
        let versions = self.folder.join(VERSIONS);
        let new = versions.join(UNFINISHED);
        create_folders(self.tree, &new.join(FILES))?;
        let to = new.join(FILES);
        let extraction = Extraction { source, front, keys: order.keys, reuse, files: self.tree, to: &to };
        let mut written = 0;
        let (clear, sealed) = by_kept(front, features)?;
        extraction.run(&clear, &mut |bytes| {
            written += bytes;
            tell(Step::Extracting(written));
        })?;
        self.keep_front(source, front, &sealed, &new.join(FRONT))?;
        let names: String = features.iter().map(|feature| format!("{feature}\n")).collect();
        self.tree.create_new(&new.join(FEATURES))?.write_at(0, names.as_bytes())?;
        self.point("install.extracted")?;
        self.tree.sync_all(&self.folder)?;
        let name = self.free_name(front)?;
        self.tree.rename(&new, &versions.join(&name))?;
        self.tree.sync_folder(&versions)?;
        self.point("install.placed")?;
        self.switch(&name)?;
        Ok(())
    }

    fn keep_front(
        &self,
        source: &dyn Source,
        front: &Front,
        sealed: &[Feature],
        to: &Path,
    ) -> Result<(), ImageError> {
        let file = self.tree.create_new(to)?;
        let (mut at, mut piece) = (0, Vec::new());
        while at < front.length() {
            piece.resize(usize::try_from(front.length() - at).unwrap_or(usize::MAX).min(1 << 20), 0);
            read_exactly(source, at, &mut piece)?;
            file.write_at(at, &piece)?;
            at += piece.len() as u64;
        }
        sealed.iter().try_for_each(|feature| keep_frames(source, front, feature, &*file))
    }

    /// Version and build, and a number where the same build is there with other features.
    fn free_name(&self, front: &Front) -> Result<String, FsError> {
        let manifest = front.manifest();
        let [first, second, third, fourth, ..] = manifest.id.0;
        let build = u32::from_be_bytes([first, second, third, fourth]);
        for number in 1_u32.. {
            let name = format!("{}-{build:08x}-{number}", manifest.version);
            if self.tree.found(&self.folder.join(VERSIONS).join(&name))?.is_none() {
                return Ok(name);
            }
        }
        Ok(manifest.version.to_string())
    }

    /// From here on the new version is the one that is used.
    fn switch(&self, name: &str) -> Result<(), FsError> {
        let beside = self.folder.join(SWITCHING);
        discard(self.tree, &beside)?;
        self.tree.make_link(&beside, &format!("{VERSIONS}/{name}"))?;
        self.point("install.linked")?;
        self.tree.rename(&beside, &self.link())?;
        self.point("install.switched")?;
        self.tree.sync_folder(&self.folder)
    }

    /// Removes every version but the one that is used.
    fn tidy(&self) -> Result<(), FsError> {
        let (versions, current) = (self.folder.join(VERSIONS), self.current_folder()?);
        discard(self.tree, &self.folder.join(SWITCHING))?;
        if self.tree.found(&versions)?.is_none() {
            return Ok(());
        }
        for (name, _) in self.tree.inside(&versions)? {
            let (folder, is_finished) = (versions.join(&name), name != UNFINISHED);
            if current.as_ref() == Some(&folder) {
                continue;
            }
            match remove_tree(self.tree, &folder) {
                // A program that runs may have files of it open, which some file systems keep under other names until it
                // ends. It is in nobody's way, and the next installation removes it.
                Err(FsError { fault: FsFault::Other(_), .. }) if is_finished => {}
                removed => removed?,
            }
        }
        self.point("install.tidied")
    }

    pub(crate) fn current_folder(&self) -> Result<Option<PathBuf>, FsError> {
        let link = self.link();
        match self.tree.found(&link)? {
            Some(Found::Link) => Ok(Some(self.folder.join(self.tree.link_target(&link)?))),
            Some(_) => Err(FsError::new("use", &link, FsFault::Other("it is no link of ours".to_owned()))),
            None => Ok(None),
        }
    }

    pub(crate) fn alone(&self) -> Result<Box<dyn File>, FsError> {
        create_folders(self.tree, &self.folder)?;
        let path = self.folder.join(LOCK);
        let file = match self.tree.open(&path, Access::Write) {
            Err(FsError { fault: FsFault::NotFound, .. }) => self.tree.create_new(&path),
            opened => opened,
        }?;
        file.lock(PATIENCE)?;
        Ok(file)
    }

    fn point(&self, name: &str) -> Result<(), FsError> {
        let crashed = |crashed: carnet_seam::Crashed| FsError::new("go on", &self.folder, crashed.into());
        self.tree.crash().point(name).map_err(crashed)
    }
}

/// Which features are extracted, and which stay sealed.
pub(crate) fn by_kept(
    front: &Front,
    features: &[Feature],
) -> Result<(Vec<Feature>, Vec<Feature>), ImageError> {
    let (mut clear, mut sealed) = (Vec::new(), Vec::new());
    for feature in features {
        let kept = front.stream(feature)?.kept;
        if kept == Some(Kept::Sealed) { &mut sealed } else { &mut clear }.push(feature.clone());
    }
    Ok((clear, sealed))
}

/// Copies the frames of a feature to the place that they have in the image; each is checked on its way.
fn keep_frames(
    source: &dyn Source,
    front: &Front,
    feature: &Feature,
    to: &dyn File,
) -> Result<(), ImageError> {
    let table = front.table(source, feature)?;
    for placed in front.frames(feature, &table) {
        let mut sealed = vec![0; placed.row.sealed_length as usize];
        read_exactly(source, placed.at, &mut sealed)?;
        if !is_frame(&placed, &sealed) {
            return Err(ImageError::Frame { feature: feature.clone(), index: placed.index });
        }
        to.write_at(placed.at, &sealed)?;
    }
    Ok(())
}
