//! Reading.

use std::collections::BTreeMap;
use std::io::Cursor;

use carnet_seal::armor::Carried;
use image::{GrayImage, ImageFormat, ImageReader, Limits};
use rqrr::PreparedImage;

use crate::error::PictureError;
use crate::part::{Part, name_of};

/// Pixels on a side. A photograph has fewer, and reading more would take memory that nobody meant to give.
const LARGEST_SIDE: u32 = 8_192;
/// Bytes for reading one picture.
const MEMORY: u64 = 256 << 20;

/// Whether a file begins like a PNG picture.
#[must_use]
pub fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// What the pictures show together: each with its name and the bytes of its PNG file, in any order. One
/// picture may show several parts, and a part may be shown several times.
///
/// # Errors
/// [`PictureError`]; with [`PictureError::Missing`], which parts to get.
pub fn read(pictures: &[(String, Vec<u8>)]) -> Result<(Carried, Vec<u8>), PictureError> {
    let mut found: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let mut first: Option<(Part, &str)> = None;
    for (name, bytes) in pictures {
        for (part, content) in codes(name, bytes)? {
            let (known, first) = first.get_or_insert((part, name));
            if !same_whole(known, &part) {
                return Err(PictureError::Mixed { first: (*first).to_owned(), name: name.clone() });
            }
            // Shown twice and differently: one of them is wrong, and the digest would not say which.
            let kept = found.entry(part.number).or_insert_with(|| content.clone());
            if *kept != content {
                return Err(PictureError::Damaged { name: name.clone() });
            }
        }
    }
    let (part, name) = first.ok_or(PictureError::Nothing)?;
    let missing: Vec<u8> = (1..=part.of).filter(|number| !found.contains_key(number)).collect();
    if !missing.is_empty() {
        return Err(PictureError::Missing { carried: part.carried, missing, of: part.of });
    }
    let bytes = found.into_values().collect::<Vec<_>>().concat();
    if name_of(&bytes) != part.whole {
        return Err(PictureError::Damaged { name: name.to_owned() });
    }
    Ok((part.carried, bytes))
}

/// The parts that one picture shows.
///
/// # Errors
/// As [`read`].
pub fn parts_in(name: &str, bytes: &[u8]) -> Result<Vec<Part>, PictureError> {
    Ok(codes(name, bytes)?.into_iter().map(|(part, _)| part).collect())
}

fn same_whole(one: &Part, other: &Part) -> bool {
    (one.carried, one.of, one.whole) == (other.carried, other.of, other.whole)
}

/// The QR codes in one picture. One that cannot be read does not hide the others; what shows nothing is an error.
fn codes(name: &str, bytes: &[u8]) -> Result<Vec<(Part, Vec<u8>)>, PictureError> {
    let texts = texts(&pixels(name, bytes)?);
    if texts.is_empty() {
        return Err(PictureError::NoCode { name: name.to_owned() });
    }
    texts.iter().map(|text| Part::of_text(text, name)).collect()
}

fn texts(picture: &GrayImage) -> Vec<String> {
    let side = |pixels: u32| usize::try_from(pixels).unwrap_or_default();
    let (width, height) = (side(picture.width()), side(picture.height()));
    let light = picture.as_raw();
    let mut prepared = PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        light.get(y * width + x).copied().unwrap_or(u8::MAX)
    });
    let grids = prepared.detect_grids();
    grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

fn pixels(name: &str, bytes: &[u8]) -> Result<GrayImage, PictureError> {
    let not = |why: String| PictureError::NotAPicture { name: name.to_owned(), why };
    if !is_png(bytes) {
        return Err(not("it does not begin like one".into()));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    Ok(reader.decode().map_err(|error| not(error.to_string()))?.to_luma8())
}
