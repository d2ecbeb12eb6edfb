//! `carnetd images copy`

use carnet_core::time::counted;

use super::{Exit, Stopped, say};
use crate::data::OpenError;
use crate::image_store::ImageStore;

/// Copies what lies in the data folder into the bucket, image by image. Whatever ends it, the same command goes on.
pub fn copy(images: &ImageStore, remove: bool) -> Result<Exit, Stopped> {
    let Some(bucket) = images.bucket() else {
        let message = "where to? Name a bucket with --image-store s3://BUCKET/PREFIX";
        return Err(Stopped { exit: Exit::Usage, message: message.into() });
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Stopped::because)?;
    let folder = images.folder();
    let found = folder.images().map_err(OpenError::from)?;
    for id in &found {
        let copied = runtime.block_on(bucket.copy(folder, *id));
        let copied = copied.map_err(|fault| {
            Stopped::because(format_args!(
                "{id} could not be copied to {bucket}: {fault}. The same command goes on"
            ))
        })?;
        if remove {
            folder.discard_whole(*id).map_err(OpenError::from)?;
        }
        say(format_args!(
            "{id}: {}\n",
            if copied { "copied and compared" } else { "there already, and the same" }
        ))?;
    }
    let next = match (found.is_empty(), remove) {
        (true, _) => "nothing to copy",
        (false, true) => "in the image store, and no longer in the data folder",
        (false, false) => {
            "in the image store, and still in the data folder: once the server runs with the setting, --remove"
        }
    };
    say(format_args!("{}: {next}\n", counted(found.len() as u64, "image")))
}
