//! Pictures for the image tool.

use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};

use crate::files;
use crate::stage::Stage;
use crate::surprise::Surprise;

/// Makes a picture: a sunset, more or less.
pub(super) fn make_picture(path: &Path, width: u32, height: u32) -> Result<(), Surprise> {
    let part = |at: u32, whole: u32| u8::try_from(at * 255 / whole.max(1)).unwrap_or(u8::MAX);
    let colour = |x, y| Rgb([255 - part(y, height) / 3, 160 - part(y, height) / 2, part(x, width)]);
    let picture = RgbImage::from_fn(width, height, colour);
    let mut bytes = std::io::Cursor::new(Vec::new());
    let encoded = picture.write_to(&mut bytes, ImageFormat::Png);
    encoded.map_err(|error| Surprise::system("make a picture", error))?;
    files::write(path, bytes.get_ref())
}

/// Checks that there is a whole picture of this size.
pub(super) fn is_picture_of(stage: &Stage, path: &Path, width: u32, height: u32) -> Result<(), Surprise> {
    let opened = image::open(path);
    let picture = opened
        .map_err(|error| Surprise::new(format!("a picture in {}", path.display()), error.to_string()))?;
    let size = (picture.width(), picture.height());
    let expected = format!("a picture of {width} × {height} in {}", path.display());
    stage.check(size == (width, height), expected, format!("{} × {}", size.0, size.1))
}
