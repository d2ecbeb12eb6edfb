//! Whether the files of an installed program are still those that its supplier has signed, for usage reports (C2).
//!
//! What the manifest names is looked for; what somebody has put beside it is nobody's business.

use std::path::Path;

use carnet_core::app::Feature;
use carnet_core::report::{Fault, Finding, Integrity};
use carnet_seam::Tree;

use crate::error::ImageError;
use crate::extract::{Difference, compare};
use crate::front::{Front, Trust};
use crate::install::{Place, by_kept};
use crate::source::Source;

/// The most files that are named. A program of which more are wrong is not that program.
const MOST_NAMED: usize = 200;

/// Holds the installed files of these features against the list that the manifest names. Features that stay sealed have
/// no files, and whoever changes their frames reads nothing any more.
///
/// # Errors
/// [`ImageError`] when the list itself is not as it was signed. What is wrong with the files is no error.
pub fn check(
    front: &Front,
    source: &dyn Source,
    features: &[Feature],
    files: &dyn Tree,
    folder: &Path,
) -> Result<Integrity, ImageError> {
    let (mut named, mut wrong) = (0, Vec::new());
    let (clear, _) = by_kept(front, features)?;
    for feature in &clear {
        named += front.stream(feature)?.entries;
        compare(front, source, feature, files, folder, &mut |path, difference| {
            let fault = match difference {
                Difference::Missing => Fault::Missing,
                Difference::Changed => Fault::Changed,
                Difference::Unreadable => Fault::Unreadable,
            };
            if wrong.len() < MOST_NAMED {
                wrong.push(Finding { path: path.to_string(), fault });
            }
        })?;
    }
    Ok(Integrity::Checked { files: named, wrong })
}

/// The same for what is installed at a place; nothing there is [`Integrity::NotInstalledHere`].
///
/// # Errors
/// [`ImageError`] when its manifest or its list is not as it was signed.
pub fn of_place(place: &Place<'_>, files: &dyn Tree, trust: Trust<'_>) -> Result<Integrity, ImageError> {
    let Some(current) = place.current(trust)? else { return Ok(Integrity::NotInstalledHere) };
    let (front, source) = current.front();
    check(front, source, current.features(), files, &current.files())
}
