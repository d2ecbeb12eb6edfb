//! The pass on this device, for showing it.

use std::collections::BTreeMap;

use carnet_core::app::Feature;
use carnet_core::time::Seconds;

use crate::desk::Desk;
use crate::disapproved::{Disapproved, Why};
use crate::genuine::Genuine;
use crate::remaining::Remaining;

/// What the pass on this device allows, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// What the user agreed to, by its name.
    pub condition: String,
    /// What is granted, each with its limit where it has one.
    pub features: BTreeMap<Feature, Option<u64>>,
    /// What is left.
    pub remaining: Remaining,
    /// Why the next start would not be approved by this pass alone; the server may still help then.
    pub disapproved: Option<Disapproved>,
}

impl Holding {
    pub(crate) fn look(desk: &Desk) -> Result<Option<Self>, Disapproved> {
        let state = desk.passbook.look(&desk.site.product.app)?;
        let Some(held) = &state.held else { return Ok(None) };
        let judged = match Genuine::check(&desk.passbook, &state, held) {
            Some(_) => {
                state.judge(desk.now(), desk.site.version, state.uses_of_start()).map_err(Why::Pass).err()
            }
            None if desk.passbook.ring().is_none() => Some(Why::NoKeys),
            None => Some(Why::NotGenuine),
        };
        Ok(Some(Self {
            condition: held.pass.condition.clone(),
            features: held.pass.features.clone(),
            remaining: Remaining::of(&state, Seconds(0)),
            disapproved: judged.map(Disapproved::from),
        }))
    }
}
