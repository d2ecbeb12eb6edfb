//! `carnet export`, `carnet import`, `carnet cancel-move`: passes on their way between devices (A14 to A18).

mod arriving;
pub mod cancel;
pub mod export;
pub mod import;
mod medium;
mod report;
