//! What installing needs of files beyond [`Fs`]: whole folders, links, and the right to be run.

use std::path::Path;

use crate::fs::{Fs, FsError};

/// Folders of programs that somebody hands over. Unlike the methods of [`Fs`], none of these follows a link.
pub trait Tree: Fs {
    /// What has this name; `None` when nothing has.
    ///
    /// # Errors
    /// What the system reports.
    fn found(&self, path: &Path) -> Result<Option<Found>, FsError>;

    /// What is in a folder, in no order.
    ///
    /// # Errors
    /// What the system reports, and [`FsFault::Other`](crate::FsFault::Other) for a name that is not text.
    fn inside(&self, folder: &Path) -> Result<Vec<(String, Found)>, FsError>;

    /// Where a link points to.
    ///
    /// # Errors
    /// What the system reports, and [`FsFault::Other`](crate::FsFault::Other) for a target that is not text.
    fn link_target(&self, path: &Path) -> Result<String, FsError>;

    /// Makes a link.
    ///
    /// # Errors
    /// [`FsFault::AlreadyExists`](crate::FsFault::AlreadyExists) and what the system reports.
    fn make_link(&self, path: &Path, target: &str) -> Result<(), FsError>;

    /// Lets everybody who may enter the folder read a file, and run it too where it is a program.
    ///
    /// # Errors
    /// What the system reports.
    fn publish(&self, path: &Path, executable: bool) -> Result<(), FsError>;

    /// Makes everything durable that was written to the file system that holds this folder, names included: one
    /// call after a thousand files, in place of a thousand calls.
    ///
    /// # Errors
    /// What the system reports.
    fn sync_all(&self, folder: &Path) -> Result<(), FsError>;

    /// Removes a folder that is empty.
    ///
    /// # Errors
    /// What the system reports.
    fn remove_folder(&self, path: &Path) -> Result<(), FsError>;
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A file.
    File {
        /// Bytes in it.
        length: u64,
        /// Whether its owner may run it.
        executable: bool,
    },
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

/// Removes a folder with all that is in it, links themselves and not what they point to. Nothing there is fine.
///
/// # Errors
/// What the system reports; some of it may then be gone.
pub fn remove_tree(tree: &dyn Tree, path: &Path) -> Result<(), FsError> {
    match tree.found(path)? {
        None => Ok(()),
        Some(Found::Folder) => {
            for (name, _) in tree.inside(path)? {
                remove_tree(tree, &path.join(name))?;
            }
            tree.remove_folder(path)
        }
        Some(_) => tree.remove(path),
    }
}
