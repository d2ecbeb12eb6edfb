//! What only the operating system knows. Linux is tested; elsewhere little is known about a machine, and
//! `--identity file:PATH` is the way.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
use std::path::Path;

use crate::identity::{Component, Feature, Machine};

/// The machine this program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisMachine;

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
            let said = ThisMachine.features(component);
            println!("{component}: {said:?}");
            assert_eq!(said, ThisMachine.features(component));
        }
    }
}
