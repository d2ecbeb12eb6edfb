//! One process that uses a disk in memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_seam::fs::{Access, Facts};
use carnet_seam::{Crash, Crashed, File, Fs, FsError, FsFault};

use super::fault::Effect;
use super::state::{Edit, Inode, Naming, Node, State, USER, parent};
use super::{MemDisk, Shared};

/// One process on a [`MemDisk`]. Clones are the same process.
#[derive(Debug, Clone)]
pub struct MemFs {
    pub(super) disk: MemDisk,
    pub(super) process: u64,
    pub(super) crash: Crash,
}

#[derive(Debug)]
struct MemFile {
    fs: MemFs,
    inode: u64,
    handle: u64,
    path: PathBuf,
    writable: bool,
}

impl MemFs {
    /// The disk this process uses.
    #[must_use]
    pub fn disk(&self) -> &MemDisk {
        &self.disk
    }

    /// Runs one operation, unless a fault or a death comes in between.
    fn run<T>(
        &self,
        action: &'static str,
        path: &Path,
        run: impl FnOnce(&mut State) -> Result<T, FsFault>,
    ) -> Result<T, FsError> {
        let changes = !matches!(action, "open" | "list" | "look at" | "read" | "lock" | "unlock");
        let mut state = self.disk.state();
        let result = match self.enter(&mut state, changes) {
            Ok(None) => run(&mut state),
            Ok(Some(effect)) => Err(fault_of(effect)),
            Err(fault) => Err(fault),
        };
        result.map_err(|fault| FsError::new(action, path, fault))
    }

    fn enter(&self, state: &mut State, changes: bool) -> Result<Option<Effect>, FsFault> {
        if self.crash.is_dead() {
            state.kill(self.process);
        }
        let effect = state.enter(self.process, changes);
        if !matches!(effect, Ok(None)) {
            self.shared().unlocked.notify_all();
        }
        effect
    }

    /// Removes a folder in which nothing is.
    pub(super) fn remove_empty(&self, path: &Path) -> Result<(), FsError> {
        self.run("remove", path, |state| {
            if state.names.get(path) != Some(&Node::Folder) {
                return Err(FsFault::NotFound);
            }
            if state.names.keys().any(|other| other.parent() == Some(path)) {
                return Err(FsFault::Other("it is not empty".into()));
            }
            state.naming(Naming::Remove { path: path.to_owned() });
            Ok(())
        })
    }

    fn shared(&self) -> &Shared {
        &self.disk.0
    }

    fn file(&self, state: &mut State, inode: u64, path: &Path, writable: bool) -> Box<dyn File> {
        let handle = state.number();
        Box::new(MemFile { fs: self.clone(), inode, handle, path: path.to_owned(), writable })
    }
}

fn fault_of(effect: Effect) -> FsFault {
    match effect {
        Effect::Error(fault) | Effect::Refusal(fault) => fault,
        Effect::Death => Crashed.into(),
    }
}

impl Fs for MemFs {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, FsError> {
        self.run("open", path, |state| match state.names.get(path) {
            Some(Node::File(_)) if access == Access::Write && state.read_only => Err(FsFault::ReadOnly),
            Some(Node::File(inode)) => {
                let inode = *inode;
                Ok(self.file(state, inode, path, access == Access::Write))
            }
            Some(Node::Folder) => Err(FsFault::Other("is a folder".into())),
            None => Err(FsFault::NotFound),
        })
    }

    fn create_new(&self, path: &Path) -> Result<Box<dyn File>, FsError> {
        self.run("create", path, |state| {
            if state.names.contains_key(path) {
                return Err(FsFault::AlreadyExists);
            }
            if state.names.get(parent(path)) != Some(&Node::Folder) {
                return Err(FsFault::NotFound);
            }
            let inode = state.number();
            state.inodes.insert(inode, Inode::default());
            state.naming(Naming::Make { path: path.to_owned(), node: Node::File(inode) });
            Ok(self.file(state, inode, path, true))
        })
    }

    fn create_folder(&self, path: &Path) -> Result<(), FsError> {
        self.run("create", path, |state| match (state.names.get(path), state.names.get(parent(path))) {
            (Some(Node::Folder), _) => Ok(()),
            (Some(Node::File(_)), _) => Err(FsFault::AlreadyExists),
            (None, Some(Node::Folder)) => {
                state.naming(Naming::Make { path: path.to_owned(), node: Node::Folder });
                Ok(())
            }
            (None, _) => Err(FsFault::NotFound),
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        self.run("rename", from, |state| {
            if parent(from) != parent(to) {
                return Err(FsFault::Other("not the same folder".into()));
            }
            if !matches!(state.names.get(from), Some(Node::File(_))) {
                return Err(FsFault::NotFound);
            }
            state.naming(Naming::Rename { from: from.to_owned(), to: to.to_owned() });
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> Result<(), FsError> {
        self.run("remove", path, |state| match state.names.get(path) {
            Some(Node::File(_)) => {
                state.naming(Naming::Remove { path: path.to_owned() });
                Ok(())
            }
            _ => Err(FsFault::NotFound),
        })
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, FsError> {
        self.run("list", folder, |state| {
            if state.names.get(folder) != Some(&Node::Folder) {
                return Err(FsFault::NotFound);
            }
            let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
            Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
        })
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), FsError> {
        self.run("sync", folder, |state| {
            state.sync_folder(folder);
            Ok(())
        })
    }

    fn facts(&self, path: &Path) -> Result<Option<Facts>, FsError> {
        self.run("look at", path, |state| {
            let Some(node) = state.names.get(path) else { return Ok(None) };
            let (folder, length) = match node {
                Node::Folder => (true, 0),
                Node::File(inode) => (false, state.inodes.get(inode).map_or(0, |found| found.bytes.len())),
            };
            let mode = state.modes.get(path).copied().unwrap_or(if folder { 0o700 } else { 0o600 });
            let owner = state.owners.get(path).copied().unwrap_or(USER);
            Ok(Some(Facts { length: length as u64, folder, mode, owner }))
        })
    }

    fn network_file_system(&self, path: &Path) -> Result<Option<String>, FsError> {
        self.run("look at", path, |state| Ok(state.network.clone()))
    }

    fn user(&self) -> u32 {
        USER
    }

    fn crash(&self) -> &Crash {
        &self.crash
    }
}

impl MemFile {
    fn on_inode<T>(
        &self,
        action: &'static str,
        run: impl FnOnce(&mut Inode) -> Result<T, FsFault>,
    ) -> Result<T, FsError> {
        self.fs.run(action, &self.path, |state| {
            state.inodes.get_mut(&self.inode).map_or(Err(FsFault::NotFound), run)
        })
    }

    /// Writes what fits, then says that no more did.
    fn write(&self, state: &mut State, offset: u64, bytes: &[u8]) -> Result<(), FsFault> {
        if !self.writable {
            return Err(FsFault::NoPermission);
        }
        let room = usize::try_from(state.room()).unwrap_or(usize::MAX);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let inode = state.inodes.get_mut(&self.inode).ok_or(FsFault::NotFound)?;
        let fits = bytes.len().min(inode.bytes.len().saturating_sub(offset).saturating_add(room));
        inode.edit(Edit::Write { offset, bytes: bytes[..fits].to_owned() });
        if fits < bytes.len() { Err(FsFault::DiskFull) } else { Ok(()) }
    }
}

impl File for MemFile {
    fn length(&self) -> Result<u64, FsError> {
        self.on_inode("look at", |inode| Ok(inode.bytes.len() as u64))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        self.on_inode("read", |inode| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(inode.bytes.len());
            let length = buffer.len().min(inode.bytes.len() - from);
            buffer[..length].copy_from_slice(&inode.bytes[from..from + length]);
            Ok(length)
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), FsError> {
        let mut state = self.fs.disk.state();
        let result = match self.fs.enter(&mut state, true) {
            Ok(None) => self.write(&mut state, offset, bytes),
            Ok(Some(effect)) => {
                if !matches!(effect, Effect::Refusal(_)) {
                    let _ = self.write(&mut state, offset, &bytes[..bytes.len() / 2]);
                }
                Err(fault_of(effect))
            }
            Err(fault) => Err(fault),
        };
        result.map_err(|fault| FsError::new("write", &self.path, fault))
    }

    fn truncate(&self, length: u64) -> Result<(), FsError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.on_inode("truncate", |inode| {
            inode.edit(Edit::Truncate { length });
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), FsError> {
        let mut state = self.fs.disk.state();
        let entered = self.fs.enter(&mut state, true);
        let inode = state.inodes.get_mut(&self.inode);
        let result = match (entered, inode) {
            (Err(fault), _) => Err(fault),
            (Ok(None), inode) => {
                inode.map(Inode::sync);
                Ok(())
            }
            (Ok(Some(effect)), inode) => {
                inode.filter(|_| matches!(effect, Effect::Error(_))).map(Inode::fail_sync);
                Err(fault_of(effect))
            }
        };
        result.map_err(|fault| FsError::new("sync", &self.path, fault))
    }

    fn lock(&self, patience: Duration) -> Result<(), FsError> {
        let wrong = |fault| FsError::new("lock", &self.path, fault);
        let mut state = self.fs.disk.state();
        if let Some(effect) = self.fs.enter(&mut state, false).map_err(wrong)? {
            return Err(wrong(fault_of(effect)));
        }
        let taken = |state: &mut State| {
            state.locks.get(&self.inode).is_some_and(|holder| *holder != (self.fs.process, self.handle))
        };
        let waiting = self.fs.shared().unlocked.wait_timeout_while(state, patience, taken);
        let (mut state, waited) = waiting.unwrap_or_else(std::sync::PoisonError::into_inner);
        if waited.timed_out() {
            return Err(wrong(FsFault::Locked));
        }
        state.locks.insert(self.inode, (self.fs.process, self.handle));
        Ok(())
    }

    fn unlock(&self) -> Result<(), FsError> {
        let unlocked = self.fs.run("unlock", &self.path, |state| {
            state
                .locks
                .retain(|inode, holder| (*inode, *holder) != (self.inode, (self.fs.process, self.handle)));
            Ok(())
        });
        self.fs.shared().unlocked.notify_all();
        unlocked
    }
}

/// Closing a file lets go of its lock, as the operating system does.
impl Drop for MemFile {
    fn drop(&mut self) {
        let mut state = self.fs.disk.state();
        if state.locks.get(&self.inode) == Some(&(self.fs.process, self.handle)) {
            state.locks.remove(&self.inode);
        }
        drop(state);
        self.fs.shared().unlocked.notify_all();
    }
}
