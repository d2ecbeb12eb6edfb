//! What tells one machine from another, by name (B2). What a device found stays on it; the server learns names.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A component of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// The installation's own random name. Goes along when a disk is cloned.
    MachineId,
    /// The machine's own number where everybody may read it; else maker and model of machine and board.
    Board,
    /// Maker and model of the processor.
    Processor,
    /// The disks that the system starts from.
    Disk,
    /// The built-in network adapters.
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
            Self::Network => "network adapter",
        })
    }
}

/// How far a machine has drifted from what a device's identity was bound to.
///
/// ```
/// use carnet_core::component::{Component, Drift};
/// let drift = Drift { changed: [Component::Network, Component::Disk].into(), of: 5 };
/// assert_eq!(drift.to_string(), "2 of 5 changed: disk, network adapter");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Drift {
    /// What was not found again.
    pub changed: BTreeSet<Component>,
    /// Of how many that were known.
    pub of: u32,
}

impl Drift {
    /// Everything was found again.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.changed.is_empty()
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return write!(f, "none of {} changed", self.of);
        }
        let names: Vec<_> = self.changed.iter().map(ToString::to_string).collect();
        write!(f, "{} of {} changed: {}", names.len(), self.of, names.join(", "))
    }
}
