//! Shops (B1).

pub mod sell;
