//! The report keys that a supplier has deposited, for verdicts without a person (C4).

pub mod deposit;
pub mod show;
pub mod withdraw;
