//! Reading a picture, without trusting what its header promises.

use std::io::ErrorKind;
use std::path::Path;

use image::error::{ImageError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::{Error, MAX_PIXELS, MAX_SIDE};

/// Memory the decoder may take: every pixel at its widest, 16 bits in four channels.
const MAX_DECODER_BYTES: u64 = MAX_PIXELS * 8;

/// Reads a picture, of whatever format its content is, and turns it upright as its camera recorded.
///
/// # Errors
/// [`Error::Missing`], [`Error::Unreadable`], [`Error::UnknownContent`], and [`Error::TooLargeToRead`] for a file
/// that would unpack to more than [`MAX_SIDE`] or [`MAX_PIXELS`], found before it is unpacked.
pub fn open(path: &Path) -> Result<DynamicImage, Error> {
    let mut reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| not_opened(path, &error))?;
    let mut limits = limits();
    reader.limits(limits.clone());
    let failed = |error| not_decoded(path, error);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::TooLargeToRead { path: path.to_owned() });
    }
    limits.reserve(decoder.total_bytes()).map_err(failed)?;
    decoder.set_limits(limits).map_err(failed)?;
    // A picture with a broken note about its orientation is still a picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    limits
}

fn not_opened(path: &Path, error: &std::io::Error) -> Error {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::NotFound => Error::Missing { path },
        _ => Error::Unreadable { path, reason: error.to_string() },
    }
}

fn not_decoded(path: &Path, error: ImageError) -> Error {
    let path = path.to_owned();
    match error {
        ImageError::Unsupported(_) => Error::UnknownContent { path },
        ImageError::Limits(limit)
            if matches!(
                limit.kind(),
                LimitErrorKind::DimensionError | LimitErrorKind::InsufficientMemory
            ) =>
        {
            Error::TooLargeToRead { path }
        }
        other => Error::Unreadable { path, reason: other.to_string() },
    }
}
