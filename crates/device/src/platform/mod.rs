//! What only the operating system knows. Linux is tested; elsewhere little is known about a machine, and
//! `--identity file:PATH` is the way.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(feature = "tpm")]
mod tpm;

#[cfg(target_os = "linux")]
use std::path::Path;

#[cfg(feature = "tpm")]
use std::sync::Arc;

use crate::identity::{Component, Feature, Machine};
#[cfg(feature = "tpm")]
use crate::identity::{Tpm, TpmFault};

/// The machine this program runs on.
#[derive(Debug, Clone, Default)]
pub struct ThisMachine {
    #[cfg(feature = "tpm")]
    tpm: Option<String>,
}

impl ThisMachine {
    /// The same with another way to its TPM than the usual one, as the TSS library names ways (`CARNET_TPM`).
    #[must_use]
    #[cfg_attr(
        not(feature = "tpm"),
        expect(unused_variables, reason = "there is nothing that would go that way")
    )]
    pub fn with_tpm(way: Option<String>) -> Self {
        Self {
            #[cfg(feature = "tpm")]
            tpm: way,
        }
    }
}

impl Machine for ThisMachine {
    fn features(&self, component: Component) -> Vec<Feature> {
        match component {
            Component::MachineId => machine_uid::get().ok().map(Feature::common).into_iter().collect(),
            #[cfg(target_os = "linux")]
            component => shown(Path::new("/"), component),
            #[cfg(not(target_os = "linux"))]
            _ => Vec::new(),
        }
    }

    #[cfg(target_os = "linux")]
    fn host_name(&self) -> Option<String> {
        linux::host_name()
    }

    #[cfg(target_os = "linux")]
    fn user_name(&self) -> Option<String> {
        linux::user_name()
    }

    #[cfg(feature = "tpm")]
    fn tpm(&self) -> Result<Arc<dyn Tpm>, TpmFault> {
        Ok(Arc::new(tpm::SystemTpm::named(self.tpm.as_deref())))
    }
}

/// All but the machine id, which a library finds.
#[cfg(target_os = "linux")]
fn shown(root: &Path, component: Component) -> Vec<Feature> {
    match component {
        Component::MachineId => Vec::new(),
        Component::Board => linux::board(root),
        Component::Processor => linux::processor(root),
        Component::Disk => linux::disk(root),
        Component::Network => linux::network(root),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_this_machine_says_the_same_twice() {
        for component in Component::ALL {
            let machine = ThisMachine::default();
            let said = machine.features(component);
            println!("{component}: {said:?}");
            assert_eq!(said, machine.features(component));
        }
    }
}
