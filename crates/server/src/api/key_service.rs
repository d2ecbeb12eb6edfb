//! What content keys of images are sealed to.

pub mod show;
