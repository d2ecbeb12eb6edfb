//! Whether images can be put into the image store, and had from it.

use carnet_core::time::counted;

use super::{Finding, Level};
use crate::image_store::ImageStore;

const WHAT: &str = "image store";

/// Writes, reads and removes something small there.
pub fn look(images: &ImageStore) -> Vec<Finding> {
    let finding = |level, said: String| Finding { what: WHAT, level, said };
    let Some(bucket) = images.bucket() else { return Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let wrong = match runtime {
        Ok(runtime) => runtime.block_on(bucket.exercise()),
        Err(error) => return vec![finding(Level::Wrong, error.to_string())],
    };
    let mut found: Vec<_> = wrong
        .iter()
        .map(|(what, fault)| finding(Level::Wrong, format!("nothing can be {what} in {bucket}: {fault}")))
        .collect();
    if found.is_empty() {
        found.push(finding(Level::Good, format!("written, read and removed in {bucket}")));
    }
    let here = images.folder().images().map_or(0, |images| images.len() as u64);
    if here > 0 {
        let here = counted(here, "image");
        found.push(finding(Level::Note, format!("{here} in the data folder: see `carnetd images copy`")));
    }
    found
}
