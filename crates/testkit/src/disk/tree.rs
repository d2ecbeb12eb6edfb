//! Folders of programs on a disk in memory. It has no links, and everything is a program that its owner may run.

use std::path::Path;

use carnet_seam::fs::Facts;
use carnet_seam::{Found, Fs, FsError, FsFault, Tree};

use super::MemFs;

impl Tree for MemFs {
    fn found(&self, path: &Path) -> Result<Option<Found>, FsError> {
        let found = |facts: Facts| match facts {
            Facts { folder: true, .. } => Found::Folder,
            Facts { length, .. } => Found::File { length, executable: true },
        };
        Ok(self.facts(path)?.map(found))
    }

    fn inside(&self, folder: &Path) -> Result<Vec<(String, Found)>, FsError> {
        let mut inside = Vec::new();
        for name in self.list(folder)? {
            if let Some(found) = self.found(&folder.join(&name))? {
                inside.push((name, found));
            }
        }
        Ok(inside)
    }

    fn link_target(&self, path: &Path) -> Result<String, FsError> {
        Err(FsError::new("read", path, FsFault::Other("there are no links here".to_owned())))
    }

    fn make_link(&self, path: &Path, _target: &str) -> Result<(), FsError> {
        Err(FsError::new("create", path, FsFault::Other("there are no links here".to_owned())))
    }

    fn publish(&self, _path: &Path, _executable: bool) -> Result<(), FsError> {
        Ok(())
    }

    fn sync_all(&self, folder: &Path) -> Result<(), FsError> {
        for (name, found) in self.inside(folder)? {
            if found == Found::Folder {
                self.sync_all(&folder.join(name))?;
            }
        }
        self.sync_folder(folder)
    }

    fn remove_folder(&self, path: &Path) -> Result<(), FsError> {
        self.remove_empty(path)
    }
}
