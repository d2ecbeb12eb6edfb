//! The menu file (A5): a supplier's menu as TOML that is pleasant to write. Described in `docs/menu-file.md`.
//!
//! * [`read`] and [`parse()`] – from a file or a text to offers, or to everything that is wrong with it;
//! * [`print()`] – from offers to a text that reads back as the same offers;
//! * [`diff_in_words`] – what another menu would change.

use carnet_core::app::AppId;
use carnet_core::offer::Offer;

pub use self::diff::diff_in_words;
pub use self::parse::parse;
pub use self::print::print;
pub use self::problem::{Problem, Problems};
pub use self::read::{Source, read};

mod diff;
mod features;
mod fields;
mod offer;
mod parse;
mod print;
mod problem;
mod read;
mod syntax;
mod terms;
mod values;

/// The most bytes that a menu file may have: what the server takes of a menu.
pub const LARGEST_FILE: usize = carnet_api::LARGEST_BODY;

/// What a menu file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuFile {
    /// Whose menu.
    pub app: AppId,
    /// In the supplier's order.
    pub offers: Vec<Offer>,
}

#[cfg(test)]
mod tests;
