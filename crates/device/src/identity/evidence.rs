//! What tells one machine from another.

use std::fmt;
use std::path::Path;

use carnet_seam::fs::{create_folders, read_file, replace_file};
use carnet_seam::{Fs, Random, random};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::IdentityError;
use crate::storage::ours;

/// A feature of a machine, readable without special rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The installation's own random name. Goes along when a disk is cloned.
    MachineId,
    /// Maker and model of machine and board.
    Board,
    /// Maker and model of the processor.
    Processor,
    /// The serial number of the disk that the system starts from.
    Disk,
    /// The hardware address of the first built-in network interface.
    Network,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::MachineId, Self::Board, Self::Processor, Self::Disk, Self::Network];
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MachineId => "machine id",
            Self::Board => "board",
            Self::Processor => "processor",
            Self::Disk => "disk",
            Self::Network => "network",
        })
    }
}

/// A machine that can be asked what it is.
pub trait Machine: Send + Sync + fmt::Debug {
    /// One feature, in whatever words; `None` when this machine does not show it.
    fn component(&self, component: Component) -> Option<String>;

    /// What the machine calls itself; `None` when it does not tell.
    fn host_name(&self) -> Option<String> {
        None
    }

    /// The user of the operating system as whom this program runs; `None` when nobody tells.
    fn user_name(&self) -> Option<String> {
        None
    }
}

/// A machine made of given features, for tests and demonstrations of several devices in one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenMachine(pub std::collections::BTreeMap<Component, String>);

impl GivenMachine {
    /// A machine that shows all five features, all different from those of a machine of another name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Component::ALL.map(|component| (component, format!("{component} of {name}"))).into())
    }

    /// The same machine with another value for one feature; `None`: no longer shown.
    #[must_use]
    pub fn with(mut self, component: Component, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.0.insert(component, value.to_owned()),
            None => self.0.remove(&component),
        };
        self
    }
}

impl Machine for GivenMachine {
    fn component(&self, component: Component) -> Option<String> {
        self.0.get(&component).cloned()
    }
}

/// What an identity is bound to when it is made, and compared with when it is opened.
#[derive(Debug, Clone, Copy)]
pub enum Binding<'a> {
    /// The machine.
    Machine(&'a dyn Machine),
    /// A file with random bytes (`--identity file:PATH`), for containers and for several devices on one
    /// machine.
    File(&'a Path),
}

impl Binding<'_> {
    fn kind(&self) -> EvidenceKind {
        match self {
            Self::Machine(_) => EvidenceKind::Hardware,
            Self::File(_) => EvidenceKind::File,
        }
    }
}

/// What an identity is bound to, as the server records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// The machine.
    Hardware,
    /// A file.
    File,
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hardware => "hardware",
            Self::File => "file",
        })
    }
}

/// How many features must be found again. So of five two may change: a disk and the installation on it,
/// or a board with its network interface.
const FOUND_AGAIN: usize = 3;

/// Salted hashes of what was found when the identity was made. The salt keeps identities of one machine
/// at two servers from being told to be of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence {
    pub kind: EvidenceKind,
    pub salt: [u8; 16],
    /// In the order of [`Component::ALL`]; a file is in the first place.
    pub hashes: [Option<[u8; 32]>; 5],
}

impl Evidence {
    /// Looks at the machine, or at the file, which is made when it is missing.
    pub fn gather(fs: &dyn Fs, binding: &Binding<'_>, random: &dyn Random) -> Result<Self, IdentityError> {
        let salt = random::bytes(random)?;
        let hashes = match binding {
            Binding::Machine(machine) => hashes_of(&salt, *machine),
            Binding::File(path) => hash_of_file(&salt, &read_or_make(fs, path, random)?),
        };
        let (found, needed) = (hashes.iter().flatten().count(), FOUND_AGAIN);
        if binding.kind() == EvidenceKind::Hardware && found < needed {
            return Err(IdentityError::TooLittleEvidence { found, needed });
        }
        Ok(Self { kind: binding.kind(), salt, hashes })
    }

    /// Compares with what is there now. `path` names the identity in errors.
    pub fn check(&self, fs: &dyn Fs, path: &Path, binding: &Binding<'_>) -> Result<(), IdentityError> {
        let path = path.to_owned();
        match binding {
            _ if binding.kind() != self.kind => {
                Err(IdentityError::AnotherKind { path, made: self.kind, asked: binding.kind() })
            }
            Binding::File(file) => {
                let found = read(fs, file)?.map(|content| hash_of_file(&self.salt, &content));
                let evidence = (*file).to_owned();
                if found == Some(self.hashes) {
                    Ok(())
                } else {
                    Err(IdentityError::AnotherFile { path, evidence })
                }
            }
            Binding::Machine(machine) => {
                let differing = self.differing(*machine);
                if self.tolerates(&differing) {
                    Ok(())
                } else {
                    Err(IdentityError::AnotherMachine { path, differing })
                }
            }
        }
    }

    /// The features that were there and are not found again.
    fn differing(&self, machine: &dyn Machine) -> Vec<Component> {
        let now = hashes_of(&self.salt, machine);
        let pairs = Component::ALL.into_iter().zip(self.hashes.iter().zip(now));
        pairs.filter(|(_, (then, now))| then.is_some() && **then != *now).map(|(one, _)| one).collect()
    }

    /// Enough is found again, and it is not another machine of the same make that runs a clone of the
    /// disk: that one differs in just the two serial numbers that a clone cannot bring along.
    fn tolerates(&self, differing: &[Component]) -> bool {
        let found = self.hashes.iter().flatten().count() - differing.len();
        let clone = [Component::Disk, Component::Network].iter().all(|one| differing.contains(one));
        found >= FOUND_AGAIN && !clone
    }
}

fn hashes_of(salt: &[u8; 16], machine: &dyn Machine) -> [Option<[u8; 32]>; 5] {
    Component::ALL.map(|component| {
        let value = machine.component(component)?;
        let value = value.trim();
        (!value.is_empty()).then(|| hash(salt, &component.to_string(), value.as_bytes()))
    })
}

fn hash_of_file(salt: &[u8; 16], content: &[u8]) -> [Option<[u8; 32]>; 5] {
    [Some(hash(salt, "file", content)), None, None, None, None]
}

fn hash(salt: &[u8; 16], what: &str, value: &[u8]) -> [u8; 32] {
    let text = Sha256::new().chain_update(b"carnet machine evidence\0").chain_update(salt);
    text.chain_update(what).chain_update([0]).chain_update(value).finalize().into()
}

/// Longer files are no evidence file of ours, but a key that is kept anyway may serve as one.
const LARGEST_FILE: u64 = 64 << 10;

fn read(fs: &dyn Fs, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, IdentityError> {
    ours(fs, path, 0o077)?;
    Ok(read_file(fs, path, LARGEST_FILE)?.filter(|content| !content.is_empty()).map(Zeroizing::new))
}

fn read_or_make(fs: &dyn Fs, path: &Path, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    if let Some(content) = read(fs, path)? {
        return Ok(content);
    }
    if let Some(folder) = path.parent() {
        create_folders(fs, folder)?;
    }
    let content = Zeroizing::new(random::bytes::<32>(random)?.to_vec());
    replace_file(fs, path, &content)?;
    Ok(content)
}
