//! What a disk in memory consists of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use carnet_seam::{Crashed, FsFault};

use super::fault::{Effect, Fault, Strike};

pub(super) const USER: u32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(u64),
}

/// A file's bytes now, its durable bytes, and what lies between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    pub bytes: Vec<u8>,
    pub durable: Vec<u8>,
    pub pending: Vec<Edit>,
}

/// A change of bytes that is not synced.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

/// A change of names that is not synced; always within one folder.
#[derive(Debug, Clone)]
pub(super) enum Naming {
    Make { path: PathBuf, node: Node },
    Remove { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf },
}

#[derive(Debug)]
pub(super) struct State {
    pub inodes: BTreeMap<u64, Inode>,
    pub names: BTreeMap<PathBuf, Node>,
    pub durable_names: BTreeMap<PathBuf, Node>,
    pub pending_names: Vec<Naming>,
    /// Inode → (process, open file) that holds its lock.
    pub locks: BTreeMap<u64, (u64, u64)>,
    pub modes: BTreeMap<PathBuf, u32>,
    pub owners: BTreeMap<PathBuf, u32>,
    pub capacity: Option<u64>,
    pub read_only: bool,
    pub network: Option<String>,
    alive: BTreeSet<u64>,
    next: u64,
    strike: Strike,
}

impl Inode {
    pub fn edit(&mut self, edit: Edit) {
        edit.apply(&mut self.bytes);
        self.pending.push(edit);
    }

    pub fn sync(&mut self) {
        self.pending.drain(..).for_each(|edit| edit.apply(&mut self.durable));
    }

    /// A sync that failed: the system takes the pages for written, keeps showing them, and never tries
    /// again. Only writing the same bytes once more can make them durable.
    pub fn fail_sync(&mut self) {
        self.pending.clear();
    }
}

impl Edit {
    pub fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Truncate { length } => to.resize(*length, 0),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Naming {
    /// The folder whose sync makes this durable.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Make { path, .. } | Self::Remove { path } | Self::Rename { to: path, .. } => parent(path),
        }
    }

    pub fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Make { path, node } => {
                names.insert(path.clone(), *node);
            }
            Self::Remove { path } => {
                names.remove(path);
            }
            Self::Rename { from, to } => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

impl State {
    pub fn new() -> Self {
        let root = BTreeMap::from([(PathBuf::from("/"), Node::Folder)]);
        Self::holding(root, BTreeMap::new())
    }

    /// A disk whose whole content is durable.
    pub fn holding(names: BTreeMap<PathBuf, Node>, inodes: BTreeMap<u64, Inode>) -> Self {
        let next = inodes.keys().next_back().map_or(1, |last| last + 1);
        Self {
            inodes,
            durable_names: names.clone(),
            names,
            pending_names: Vec::new(),
            locks: BTreeMap::new(),
            modes: BTreeMap::new(),
            owners: BTreeMap::new(),
            capacity: None,
            read_only: false,
            network: None,
            alive: BTreeSet::new(),
            next,
            strike: Strike::default(),
        }
    }

    /// A number never used before on this disk.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn new_process(&mut self) -> u64 {
        let process = self.number();
        self.alive.insert(process);
        process
    }

    pub fn kill_all(&mut self) {
        self.alive.clear();
        self.locks.clear();
    }

    pub fn kill(&mut self, process: u64) {
        self.alive.remove(&process);
        self.locks.retain(|_, (holder, _)| *holder != process);
    }

    pub fn set_fault(&mut self, fault: Option<Fault>) {
        self.strike = Strike::new(fault);
    }

    pub fn fault_struck(&self) -> bool {
        self.strike.struck
    }

    /// One more operation of this process: what happens to it instead of succeeding.
    pub fn enter(&mut self, process: u64, changes: bool) -> Result<Option<Effect>, FsFault> {
        if !self.alive.contains(&process) {
            return Err(Crashed.into());
        }
        let effect = self.strike.next(changes);
        match effect {
            Some(Effect::Death) => self.kill_all(),
            None if changes && self.read_only => return Err(FsFault::ReadOnly),
            _ => {}
        }
        Ok(effect)
    }

    pub fn naming(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending_names.push(naming);
    }

    pub fn sync_folder(&mut self, folder: &Path) {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending_names).into_iter().partition(|naming| naming.folder() == folder);
        now.iter().for_each(|naming| naming.apply(&mut self.durable_names));
        self.pending_names = later;
    }

    /// How many more bytes fit.
    pub fn room(&self) -> u64 {
        let used: usize = self.names.values().filter_map(|node| self.length(node)).sum();
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used as u64))
    }

    fn length(&self, node: &Node) -> Option<usize> {
        let Node::File(inode) = node else { return None };
        self.inodes.get(inode).map(|found| found.bytes.len())
    }

    /// Puts or takes a file durably.
    pub fn put(&mut self, path: &Path, bytes: Option<&[u8]>) {
        let inode = self.number();
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            self.names.insert(folder.to_owned(), Node::Folder);
            self.durable_names.insert(folder.to_owned(), Node::Folder);
        }
        self.names.remove(path);
        self.durable_names.remove(path);
        if let Some(bytes) = bytes {
            let (bytes, durable) = (bytes.to_owned(), bytes.to_owned());
            self.inodes.insert(inode, Inode { bytes, durable, pending: Vec::new() });
            self.names.insert(path.to_owned(), Node::File(inode));
            self.durable_names.insert(path.to_owned(), Node::File(inode));
        }
    }
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
