//! What tells one machine from another.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_seam::fs::{create_folders, read_file, replace_file};
use carnet_seam::{Fs, Random, random};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::IdentityError;
use super::tpm::{Tpm, TpmFault};
use crate::storage::ours;

pub use carnet_core::component::{Component, Drift};

/// One word that a machine has for one of its components, readable without special rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// The word. It is hashed with a salt, and never leaves the device.
    pub value: String,
    /// No two machines have the same, and a copy of the disk does not bring it along.
    pub unique: bool,
}

impl Feature {
    /// A serial number or a hardware address.
    #[must_use]
    pub fn unique(value: impl Into<String>) -> Self {
        Self { value: value.into(), unique: true }
    }

    /// What machines of one make, or copies of one disk, have in common.
    #[must_use]
    pub fn common(value: impl Into<String>) -> Self {
        Self { value: value.into(), unique: false }
    }
}

/// A machine that can be asked what it is.
pub trait Machine: Send + Sync + fmt::Debug {
    /// All words for a component, the surest first; none when this machine does not show it. The identity keeps
    /// the first; later any of them will do, so a kernel that shows more, and an adapter in a dock, change nothing.
    fn features(&self, component: Component) -> Vec<Feature>;

    /// What the machine calls itself; `None` when it does not tell.
    fn host_name(&self) -> Option<String> {
        None
    }

    /// The user of the operating system as whom this program runs; `None` when nobody tells.
    fn user_name(&self) -> Option<String> {
        None
    }

    /// Its TPM.
    ///
    /// # Errors
    /// [`TpmFault`] when it has none that this program can use.
    fn tpm(&self) -> Result<Arc<dyn Tpm>, TpmFault> {
        Err(TpmFault::NotBuiltIn)
    }
}

/// A machine made of given features, for tests and demonstrations of several devices in one process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenMachine(BTreeMap<Component, Vec<Feature>>);

impl GivenMachine {
    /// A machine that shows all five features, all different from those of a machine of another name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let all = |component| (component, Self::given(component, &format!("{component} of {name}")));
        Self(Component::ALL.map(all).into())
    }

    /// The same machine with another value for one feature; `None`: no longer shown.
    #[must_use]
    pub fn with(mut self, component: Component, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.0.insert(component, Self::given(component, value)),
            None => self.0.remove(&component),
        };
        self
    }

    /// Disks and network adapters have numbers of their own.
    fn given(component: Component, value: &str) -> Vec<Feature> {
        let unique = matches!(component, Component::Disk | Component::Network);
        vec![Feature { value: value.to_owned(), unique }]
    }
}

impl Machine for GivenMachine {
    fn features(&self, component: Component) -> Vec<Feature> {
        self.0.get(&component).cloned().unwrap_or_default()
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
    /// The TPM of the machine (`--identity tpm`), which keeps the keys itself.
    Tpm(&'a dyn Machine),
}

impl Binding<'_> {
    pub(super) fn kind(&self) -> EvidenceKind {
        match self {
            Self::Machine(_) => EvidenceKind::Hardware,
            Self::File(_) => EvidenceKind::File,
            Self::Tpm(_) => EvidenceKind::Tpm,
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
    /// A TPM.
    Tpm,
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hardware => "hardware",
            Self::File => "file",
            Self::Tpm => "tpm",
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
            Binding::Machine(machine) => {
                shows_enough(*machine)?;
                hashes_of(&salt, *machine)
            }
            Binding::File(path) => hash_of_file(&salt, &read_or_make(fs, path, random)?),
            // What a TPM has wrapped is evidence enough.
            Binding::Tpm(_) => [None; 5],
        };
        Ok(Self { kind: binding.kind(), salt, hashes })
    }

    /// Compares with what is there now, and says what of it has changed. `path` names the identity in errors.
    pub fn check(&self, fs: &dyn Fs, path: &Path, binding: &Binding<'_>) -> Result<Drift, IdentityError> {
        let path = path.to_owned();
        match binding {
            Binding::Tpm(_) => Err(another_kind(path, self.kind, binding)),
            _ if binding.kind() != self.kind => Err(another_kind(path, self.kind, binding)),
            Binding::File(file) => {
                let found = read(fs, file)?.map(|content| hash_of_file(&self.salt, &content));
                let evidence = (*file).to_owned();
                if found == Some(self.hashes) {
                    Ok(Drift::default())
                } else {
                    Err(IdentityError::AnotherFile { path, evidence })
                }
            }
            Binding::Machine(machine) => {
                let (drift, of_its_own) = self.drift(*machine);
                if tolerates(&drift, of_its_own) {
                    Ok(drift)
                } else {
                    Err(IdentityError::AnotherMachine { path, drift })
                }
            }
        }
    }

    /// What was there and is not found again, and whether something of the machine's own is.
    fn drift(&self, machine: &dyn Machine) -> (Drift, bool) {
        let (mut drift, mut of_its_own) = (Drift::default(), false);
        for (component, known) in Component::ALL.into_iter().zip(self.hashes) {
            let Some(known) = known else { continue };
            drift.of += 1;
            let again = |feature: &Feature| hash_of(&self.salt, component, feature) == Some(known);
            match machine.features(component).into_iter().find(again) {
                Some(feature) => of_its_own |= feature.unique,
                None => drop(drift.changed.insert(component)),
            }
        }
        (drift, of_its_own)
    }
}

pub(super) fn another_kind(path: PathBuf, made: EvidenceKind, binding: &Binding<'_>) -> IdentityError {
    IdentityError::AnotherKind { path, made, asked: binding.kind() }
}

/// Enough is found again, and it is not another machine that runs a copy of the disk: that one cannot bring along
/// serial numbers and hardware addresses. Where there was nothing of that kind, nothing of it can be missed.
fn tolerates(drift: &Drift, of_its_own: bool) -> bool {
    let missed = [Component::Disk, Component::Network].iter().any(|one| drift.changed.contains(one));
    drift.of as usize >= FOUND_AGAIN + drift.changed.len() && (of_its_own || !missed)
}

/// Whether a machine can be told from others, and from one that runs a copy of its disk.
///
/// # Errors
/// [`IdentityError::TooLittleEvidence`], [`IdentityError::NothingOfItsOwn`].
pub fn shows_enough(machine: &dyn Machine) -> Result<(), IdentityError> {
    let shown = Component::ALL.map(|component| machine.features(component));
    let (found, needed) = (shown.iter().filter(|features| !features.is_empty()).count(), FOUND_AGAIN);
    if found < needed {
        return Err(IdentityError::TooLittleEvidence { found, needed });
    }
    let first = shown.iter().filter_map(|features| features.first());
    if first.into_iter().any(|feature| feature.unique) { Ok(()) } else { Err(IdentityError::NothingOfItsOwn) }
}

fn hashes_of(salt: &[u8; 16], machine: &dyn Machine) -> [Option<[u8; 32]>; 5] {
    Component::ALL.map(|component| {
        machine.features(component).iter().find_map(|feature| hash_of(salt, component, feature))
    })
}

fn hash_of(salt: &[u8; 16], component: Component, feature: &Feature) -> Option<[u8; 32]> {
    // Written into identities; what people are told may change.
    let name = match component {
        Component::MachineId => "machine id",
        Component::Board => "board",
        Component::Processor => "processor",
        Component::Disk => "disk",
        Component::Network => "network",
    };
    let value = feature.value.trim();
    (!value.is_empty()).then(|| hash(salt, name, value.as_bytes()))
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
