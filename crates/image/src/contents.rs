//! What an app has put on the disk, for its erasure (C3), apart from what somebody has put beside it.
//!
//! Only what Carnet has made is named: the files on the list that the supplier has signed, and what an installation
//! keeps beside them. Nothing is looked for behind a link. Where a version's list cannot be read, nobody can say which
//! of its files are the program's; then the version is named as a whole, as something that stays.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use carnet_seam::fs::{Access, discard};
use carnet_seam::{File, Found, FsError, Tree};

use crate::error::ImageError;
use crate::front::{Front, Trust};
use crate::install::{
    CURRENT, FEATURES, FILES, FRONT, LOCK, PART, Place, SWITCHING, UNFINISHED, VERSIONS, by_kept,
};
use crate::list::What;

/// What lies in an app's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// What Carnet has made, in the order in which it can go: the list of a version comes after all that is on it.
    pub pieces: Vec<Piece>,
    /// What somebody has put beside it.
    pub own: Vec<PathBuf>,
}

/// Something that Carnet has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its place in the app's folder.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What a piece of an installation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A link, or whatever else stands in its place: it has no bytes of its own.
    Name,
    /// What says which files are the program's: without it, nobody could tell what is left.
    List,
    /// Nobody can tell what in it is the program's, for this reason.
    Unknown(String),
}

impl Place<'_> {
    /// The folder of the app.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Nobody else installs or removes the app while this is held; none: nothing of it is here.
    ///
    /// # Errors
    /// [`FsFault::Locked`](carnet_seam::FsFault::Locked) while somebody else does.
    pub fn hold(&self) -> Result<Option<Box<dyn File>>, FsError> {
        match self.tree.found(&self.folder)? {
            None => Ok(None),
            Some(_) => self.alone().map(Some),
        }
    }

    /// Everything that is here, also of versions that are not used any more and of those that never were.
    ///
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn contents(&self, trust: Option<Trust<'_>>) -> Result<Contents, FsError> {
        let mut contents = Contents::default();
        if self.tree.found(&self.folder)?.is_none() {
            return Ok(contents);
        }
        let mut walk = Walk { tree: self.tree, top: &self.folder, contents: &mut contents };
        for (name, found) in self.tree.inside(&self.folder)? {
            match (name.as_str(), found) {
                (CURRENT | LOCK, _) | (VERSIONS, Found::Folder) => {}
                (PART | SWITCHING, Found::File { .. } | Found::Link) => walk.made(&name, found),
                _ => walk.own(&name, found),
            }
        }
        for name in self.versions()? {
            let at = format!("{VERSIONS}/{name}");
            if name == UNFINISHED { walk.everything(&at) } else { walk.version(&at, trust) }
        }
        Ok(contents)
    }

    /// The one that is used comes last.
    fn versions(&self) -> Result<Vec<String>, FsError> {
        let folder = self.folder.join(VERSIONS);
        if self.tree.found(&folder)? != Some(Found::Folder) {
            return Ok(Vec::new());
        }
        let current = self.current_folder().ok().flatten();
        let inside = self.tree.inside(&folder)?.into_iter();
        let mut names: Vec<_> =
            inside.filter(|(_, found)| *found == Found::Folder).map(|(name, _)| name).collect();
        names.sort_by_cached_key(|name| (current == Some(folder.join(name)), name.clone()));
        Ok(names)
    }

    /// After everything in it was removed: takes it out of use, and removes the folders in which nothing is left. What
    /// cannot be removed does no harm.
    pub fn sweep(&self) {
        for link in [self.folder.join(SWITCHING), self.link()] {
            if matches!(self.tree.found(&link), Ok(Some(Found::Link))) {
                let _ = discard(self.tree, &link);
            }
        }
        // Whoever waits for it finds the folder empty, and makes a new one.
        let _ = discard(self.tree, &self.folder.join(LOCK));
        let _ = self.tree.sync_folder(&self.folder);
        remove_empty(self.tree, &self.folder);
    }
}

/// Whether it is gone.
fn remove_empty(tree: &dyn Tree, folder: &Path) -> bool {
    let Ok(inside) = tree.inside(folder) else { return false };
    let mut empty = true;
    for (name, found) in inside {
        empty &= found == Found::Folder && remove_empty(tree, &folder.join(name));
    }
    empty && tree.remove_folder(folder).is_ok()
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    top: &'a Path,
    contents: &'a mut Contents,
}

impl Walk<'_> {
    fn made(&mut self, name: &str, found: Found) {
        let kind = if matches!(found, Found::File { .. }) { Kind::File } else { Kind::Name };
        self.piece(name, kind);
    }

    fn piece(&mut self, name: &str, kind: Kind) {
        self.contents.pieces.push(Piece { name: name.to_owned(), kind });
    }

    fn own(&mut self, name: &str, found: Found) {
        if found != Found::Folder {
            return self.contents.own.push(self.top.join(name));
        }
        match self.tree.inside(&self.top.join(name)) {
            Err(_) => self.contents.own.push(self.top.join(name)),
            Ok(inside) => {
                inside.into_iter().for_each(|(below, found)| self.own(&format!("{name}/{below}"), found));
            }
        }
    }

    /// An installation that was never finished: nobody has used it, so nobody has put anything there.
    fn everything(&mut self, name: &str) {
        match self.tree.inside(&self.top.join(name)) {
            Err(wrong) => self.piece(name, Kind::Unknown(wrong.to_string())),
            Ok(inside) => {
                for (below, found) in inside {
                    let name = format!("{name}/{below}");
                    if found == Found::Folder { self.everything(&name) } else { self.made(&name, found) }
                }
            }
        }
    }

    fn version(&mut self, name: &str, trust: Option<Trust<'_>>) {
        let listed = match trust {
            None => Err("the server's keys are not here".to_owned()),
            Some(trust) => listed(self.tree, &self.top.join(name), trust).map_err(|wrong| wrong.to_string()),
        };
        let inside = self.tree.inside(&self.top.join(name)).map_err(|wrong| wrong.to_string());
        let (listed, inside) = match (listed, inside) {
            (Ok(listed), Ok(inside)) => (listed, inside),
            (Err(why), _) | (_, Err(why)) => {
                let why = format!("which files of it are the program's cannot be read: {why}");
                return self.piece(name, Kind::Unknown(why));
            }
        };
        let mut lists = Vec::new();
        for (below, found) in inside {
            match (below.as_str(), found) {
                (FILES, Found::Folder) => self.files(&format!("{name}/{FILES}"), "", &listed),
                (FRONT | FEATURES, Found::File { .. }) => lists.push(format!("{name}/{below}")),
                _ => self.own(&format!("{name}/{below}"), found),
            }
        }
        lists.iter().for_each(|list| self.piece(list, Kind::List));
    }

    fn files(&mut self, files: &str, within: &str, listed: &HashSet<String>) {
        let folder = if within.is_empty() { files.to_owned() } else { format!("{files}/{within}") };
        let inside = match self.tree.inside(&self.top.join(&folder)) {
            Ok(inside) => inside,
            Err(wrong) => return self.piece(&folder, Kind::Unknown(wrong.to_string())),
        };
        for (below, found) in inside {
            let path = if within.is_empty() { below } else { format!("{within}/{below}") };
            match found {
                Found::Folder => self.files(files, &path, listed),
                _ if listed.contains(&path) => self.made(&format!("{files}/{path}"), found),
                _ => self.own(&format!("{files}/{path}"), found),
            }
        }
    }
}

/// The files that the supplier has signed, of every feature that lies in the clear where it is installed.
fn listed(tree: &dyn Tree, version: &Path, trust: Trust<'_>) -> Result<HashSet<String>, ImageError> {
    let source = tree.open(&version.join(FRONT), Access::Read)?;
    let front = Front::open(&source, trust)?;
    let features: Vec<_> = front.manifest().features.iter().map(|stream| stream.feature.clone()).collect();
    let (clear, _) = by_kept(&front, &features)?;
    let mut listed = HashSet::new();
    for feature in &clear {
        let table = front.table(&source, feature)?;
        for number in 0..table.pages.len() {
            let page = front.page(&source, feature, &table, number)?.into_iter();
            listed.extend(
                page.filter(|entry| entry.what != What::Folder).map(|entry| entry.path.as_str().to_owned()),
            );
        }
    }
    Ok(listed)
}
