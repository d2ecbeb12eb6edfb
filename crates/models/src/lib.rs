//! Model check of the protocol: every interleaving of a small world, over the product's own functions.
//!
//! The devices are [`carnet_core::device::next`] and [`carnet_core::journal::State::apply`], the server is
//! [`carnet_core::server::decide`]; only the network, the disks and the user are made up here. A message
//! that was sent stays in the network for ever, so that loss, duplication, reordering and any delay are all
//! included. Nothing of a device is in memory only, so that a crash between any two steps is included too.
//!
//! [`Variant`]s break one ingredient of the protocol each. They must be caught: a model that finds nothing
//! wrong in them proves nothing about the sound one.

mod checks;
mod server;
mod world;

pub use world::{Action, Op, Variant, World, WorldModel};
