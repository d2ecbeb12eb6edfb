//! Files in memory, so that no disk is measured.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_seam::fs::{Access, Facts};
use carnet_seam::{Crash, File, Found, Fs, FsError, FsFault, Tree};

/// Files and folders by path.
#[derive(Debug, Default)]
pub struct Memory {
    files: Mutex<BTreeMap<PathBuf, Content>>,
    /// Memory of files that are gone. Fresh memory costs the kernel more than a disk's cache would.
    spare: Mutex<Vec<Vec<u8>>>,
    crash: Crash,
}

/// What a file holds; `None` for a folder.
type Content = Option<Arc<Mutex<Vec<u8>>>>;

#[derive(Debug)]
struct Open(Arc<Mutex<Vec<u8>>>);

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub fn add(&self, path: &str, bytes: &[u8]) {
        let path = PathBuf::from(path);
        for folder in path.ancestors().skip(1) {
            held(&self.files).insert(folder.to_owned(), None);
        }
        held(&self.files).insert(path, Some(Arc::new(Mutex::new(bytes.to_vec()))));
    }

    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let content = held(&self.files).get(Path::new(path)).cloned().flatten();
        content.map(|bytes| held(&bytes).clone()).unwrap_or_default()
    }

    pub fn forget(&self, below: &str) {
        let files = std::mem::take(&mut *held(&self.files));
        let (gone, kept): (BTreeMap<_, _>, _) =
            files.into_iter().partition(|(path, _)| path.starts_with(below));
        *held(&self.files) = kept;
        gone.into_iter().for_each(|(_, content)| self.keep_memory(content));
    }

    fn keep_memory(&self, content: Content) {
        if let Some(bytes) = content {
            let mut bytes = std::mem::take(&mut *held(&bytes));
            bytes.clear();
            held(&self.spare).push(bytes);
        }
    }

    fn memory(&self) -> Vec<u8> {
        let mut spare = held(&self.spare);
        spare.sort_by_key(Vec::capacity);
        spare.pop().unwrap_or_default()
    }

    fn content(&self, path: &Path) -> Option<Content> {
        held(&self.files).get(path).cloned()
    }
}

impl Fs for Memory {
    fn open(&self, path: &Path, _: Access) -> Result<Box<dyn File>, FsError> {
        match self.content(path).flatten() {
            Some(bytes) => Ok(Box::new(Open(bytes))),
            None => Err(FsError::new("open", path, FsFault::NotFound)),
        }
    }

    fn create_new(&self, path: &Path) -> Result<Box<dyn File>, FsError> {
        let bytes = Arc::new(Mutex::new(self.memory()));
        held(&self.files).insert(path.to_owned(), Some(bytes.clone()));
        Ok(Box::new(Open(bytes)))
    }

    fn create_folder(&self, path: &Path) -> Result<(), FsError> {
        held(&self.files).insert(path.to_owned(), None);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        let content = held(&self.files).remove(from).flatten();
        let replaced = held(&self.files).insert(to.to_owned(), content);
        replaced.into_iter().for_each(|content| self.keep_memory(content));
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), FsError> {
        let removed = held(&self.files).remove(path);
        removed.into_iter().for_each(|content| self.keep_memory(content));
        Ok(())
    }

    fn list(&self, _: &Path) -> Result<Vec<String>, FsError> {
        Ok(Vec::new())
    }

    fn sync_folder(&self, _: &Path) -> Result<(), FsError> {
        Ok(())
    }

    fn facts(&self, _: &Path) -> Result<Option<Facts>, FsError> {
        Ok(None)
    }

    fn network_file_system(&self, _: &Path) -> Result<Option<String>, FsError> {
        Ok(None)
    }

    fn user(&self) -> u32 {
        0
    }

    fn crash(&self) -> &Crash {
        &self.crash
    }
}

impl Tree for Memory {
    fn found(&self, path: &Path) -> Result<Option<Found>, FsError> {
        Ok(self.content(path).map(|content| match content {
            None => Found::Folder,
            Some(bytes) => Found::File { length: held(&bytes).len() as u64, executable: false },
        }))
    }

    fn inside(&self, folder: &Path) -> Result<Vec<(String, Found)>, FsError> {
        let folder = folder.components().collect::<PathBuf>();
        let names: Vec<_> = held(&self.files)
            .keys()
            .filter(|path| path.parent() == Some(&folder))
            .filter_map(|path| Some((path.clone(), path.file_name()?.to_str()?.to_owned())))
            .collect();
        let found = |(path, name): (PathBuf, String)| Ok(self.found(&path)?.map(|found| (name, found)));
        names.into_iter().filter_map(|named| found(named).transpose()).collect()
    }

    fn link_target(&self, path: &Path) -> Result<String, FsError> {
        Err(FsError::new("read", path, FsFault::NotFound))
    }

    fn make_link(&self, _: &Path, _: &str) -> Result<(), FsError> {
        Ok(())
    }

    fn publish(&self, _: &Path, _: bool) -> Result<(), FsError> {
        Ok(())
    }

    fn sync_all(&self, _: &Path) -> Result<(), FsError> {
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> Result<(), FsError> {
        self.remove(path)
    }
}

impl File for Open {
    fn length(&self) -> Result<u64, FsError> {
        Ok(held(&self.0).len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        let bytes = held(&self.0);
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, offset: u64, written: &[u8]) -> Result<(), FsError> {
        let (mut bytes, offset) = (held(&self.0), offset as usize);
        if bytes.len() == offset {
            bytes.extend_from_slice(written);
        } else {
            let end = (offset + written.len()).max(bytes.len());
            bytes.resize(end, 0);
            bytes[offset..offset + written.len()].copy_from_slice(written);
        }
        Ok(())
    }

    fn truncate(&self, length: u64) -> Result<(), FsError> {
        held(&self.0).truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> Result<(), FsError> {
        Ok(())
    }

    fn lock(&self, _: Duration) -> Result<(), FsError> {
        Ok(())
    }

    fn unlock(&self) -> Result<(), FsError> {
        Ok(())
    }
}
