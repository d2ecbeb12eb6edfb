//! Drawing.

use std::io::Cursor;

use carnet_seal::armor::Carried;
use image::{GrayImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode};

use crate::error::PictureError;
use crate::part::{Part, split};

/// The blank frame that ISO/IEC 18004 asks for, in modules.
const FRAME: usize = 4;
/// Pixels of one module.
const SCALE: usize = 6;

/// One QR code.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Which part of the document it shows.
    pub part: Part,
    dark: Vec<bool>,
    width: usize,
}

/// The pictures of a document, in order.
///
/// # Errors
/// [`PictureError::TooLarge`].
pub fn draw(carried: Carried, bytes: &[u8]) -> Result<Vec<Picture>, PictureError> {
    let too_large = |_| PictureError::TooLarge { bytes: bytes.len() };
    let picture = |(part, text): (Part, String)| {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(too_large)?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Picture { part, dark, width: code.width() })
    };
    split(carried, bytes)?.into_iter().map(picture).collect()
}

impl Picture {
    /// Whether the module is dark; counted from the corner of the blank frame.
    fn is_dark(&self, column: usize, row: usize) -> bool {
        let inside = |at: usize| at.checked_sub(FRAME).filter(|at| *at < self.width);
        match (inside(column), inside(row)) {
            (Some(column), Some(row)) => {
                self.dark.get(row * self.width + column).copied().unwrap_or_default()
            }
            _ => false,
        }
    }

    /// Modules on each side, with the frame.
    const fn side(&self) -> usize {
        self.width + 2 * FRAME
    }

    /// As a PNG file.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        // A side has at most 185 modules.
        let pixels = u32::try_from(self.side() * SCALE).unwrap_or(u32::MAX);
        let picture = GrayImage::from_fn(pixels, pixels, |x, y| {
            let at = |pixel: u32| usize::try_from(pixel).unwrap_or(usize::MAX) / SCALE;
            Luma([if self.is_dark(at(x), at(y)) { 0 } else { u8::MAX }])
        });
        let mut file = Cursor::new(Vec::new());
        // Writing into memory does not fail; an empty file would be refused by whoever reads it.
        let _ = picture.write_to(&mut file, ImageFormat::Png);
        file.into_inner()
    }

    /// As text for a terminal, two modules in each character. Light modules are drawn and dark ones left out, so
    /// that it is right on the usual dark background; `inverted` is for a light one.
    #[must_use]
    pub fn text(&self, inverted: bool) -> String {
        let drawn = |column, row| (row >= self.side() || !self.is_dark(column, row)) != inverted;
        let letter = |column, row| match (drawn(column, row), drawn(column, row + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        let line = |row| (0..self.side()).map(|column| letter(column, row)).chain(['\n']).collect::<String>();
        (0..self.side()).step_by(2).map(line).collect()
    }

    /// How many columns of a terminal [`Picture::text`] takes.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.side()
    }
}
