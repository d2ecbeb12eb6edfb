//! A disk in memory that fails on purpose.
//!
//! A [`MemDisk`] is what survives, a [`MemFs`] is one process that uses it. The disk knows which bytes
//! and names have been synced, so that [`MemDisk::after_power_loss`] can show what may be left.

mod fault;
mod files;
mod loss;
mod state;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use carnet_seam::Crash;

pub use fault::{Effect, Fault};
pub use files::MemFs;
pub use loss::Loss;

use state::{Node, State};

/// What survives: files, folders, what of them is durable, and who holds a lock. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct MemDisk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    unlocked: Condvar,
}

impl Default for MemDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemDisk {
    /// An empty disk with a root folder.
    #[must_use]
    pub fn new() -> Self {
        Self::holding(State::new())
    }

    fn holding(state: State) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(state), unlocked: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        crate::held(&self.0.state)
    }

    /// A new process on this disk.
    #[must_use]
    pub fn fs(&self) -> MemFs {
        self.fs_with_crash(Crash::never())
    }

    /// A new process on this disk that dies at a crash point.
    #[must_use]
    pub fn fs_with_crash(&self, crash: Crash) -> MemFs {
        let process = self.state().new_process();
        MemFs { disk: self.clone(), process, crash }
    }

    /// All processes die, as by `kill -9`: locks are let go, what was written stays.
    pub fn kill_all(&self) {
        self.state().kill_all();
        self.0.unlocked.notify_all();
    }

    /// From now on the next operations meet this fault; counting starts over. `None`: all is well again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().set_fault(fault);
    }

    /// Whether the fault has struck. A sweep ends when it has not: the run had fewer operations.
    #[must_use]
    pub fn fault_struck(&self) -> bool {
        self.state().fault_struck()
    }

    /// How many bytes all files together may have; `None`: any number.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Whether everything that changes the disk is refused.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    /// What [`network_file_system`](carnet_seam::Fs::network_file_system) says.
    pub fn set_network(&self, name: Option<&str>) {
        self.state().network = name.map(ToOwned::to_owned);
    }

    /// Changes the permission bits of a file or folder.
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32) {
        self.state().modes.insert(path.as_ref().to_owned(), mode);
    }

    /// Changes the owner of a file or folder; the processes are user 1000.
    pub fn set_owner(&self, path: impl AsRef<Path>, owner: u32) {
        self.state().owners.insert(path.as_ref().to_owned(), owner);
    }

    /// What is in a file now.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let Some(Node::File(inode)) = state.names.get(path.as_ref()) else { return None };
        state.inodes.get(inode).map(|found| found.bytes.clone())
    }

    /// Puts a file there, durably, as somebody else would: no fault strikes, folders come by themselves.
    pub fn put(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        self.state().put(path.as_ref(), Some(bytes));
    }

    /// Takes a file away, durably, as somebody else would.
    pub fn take(&self, path: impl AsRef<Path>) {
        self.state().put(path.as_ref(), None);
    }

    /// All files, sorted by path.
    #[must_use]
    pub fn files(&self) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
        let state = self.state();
        let content = |node: &Node| match node {
            Node::File(inode) => state.inodes.get(inode).map(|found| found.bytes.clone()),
            Node::Folder => None,
        };
        state.names.iter().filter_map(|(path, node)| Some((path.clone(), content(node)?))).collect()
    }

    /// Another disk with the same content, all of it durable: what a backup would restore.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.after_power_loss(&Loss::Nothing)
    }

    /// What may be left after the power went now. This disk stays as it is.
    #[must_use]
    pub fn after_power_loss(&self, loss: &Loss) -> Self {
        Self::holding(loss::image(&self.state(), loss))
    }

    /// What may be left, in all the systematic ways and `seeds` mixed ones.
    #[must_use]
    pub fn power_loss_images(&self, seeds: u64) -> Vec<(Loss, Self)> {
        let all = Loss::SYSTEMATIC.into_iter().chain((0..seeds).map(Loss::Mixed));
        all.map(|loss| (loss, self.after_power_loss(&loss))).collect()
    }
}
