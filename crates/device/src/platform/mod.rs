//! What only the operating system knows. Linux is tested; elsewhere little is known about a machine, and
//! `--identity file:PATH` is the way.

#[cfg(target_os = "linux")]
mod linux;

use crate::identity::{Component, Machine};

/// The machine this program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn component(&self, component: Component) -> Option<String> {
        match component {
            Component::MachineId => machine_uid::get().ok(),
            #[cfg(target_os = "linux")]
            Component::Board => linux::board(),
            #[cfg(target_os = "linux")]
            Component::Processor => linux::processor(),
            #[cfg(target_os = "linux")]
            Component::Disk => linux::disk(),
            #[cfg(target_os = "linux")]
            Component::Network => linux::network(),
            #[cfg(not(target_os = "linux"))]
            _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_this_machine_says_the_same_twice() {
        for component in Component::ALL {
            let said = ThisMachine.component(component);
            println!("{component}: {said:?}");
            assert_eq!(said, ThisMachine.component(component));
        }
    }
}
