//! What can go wrong, in the words of the person who has to do something about it.

use std::path::PathBuf;

use crate::{MAX_PIXELS, MAX_SIDE};

/// Why a picture was not made. Each text says what happened and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is not there.
    #[error("there is no file {}: check the path", path.display())]
    Missing {
        /// The input.
        path: PathBuf,
    },

    /// The input is there and cannot be read, or is damaged.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The input.
        path: PathBuf,
        /// The reason, from the system or the decoder.
        reason: String,
    },

    /// The input is not a picture of a known format.
    #[error("{} is not a picture this tool reads: it reads PNG, JPEG, GIF, BMP and WebP", path.display())]
    UnknownContent {
        /// The input.
        path: PathBuf,
    },

    /// The input says it is bigger than the tool is willing to unpack.
    #[error(
        "{} is too large: at most {MAX_SIDE} pixels on a side and {} million in all are read; scale it down first",
        path.display(),
        MAX_PIXELS / 1_000_000
    )]
    TooLargeToRead {
        /// The input.
        path: PathBuf,
    },

    /// The output has an extension that names no format.
    #[error("{} has no extension this tool writes: use .png, .jpg, .gif, .bmp or .webp", path.display())]
    UnknownExtension {
        /// The output.
        path: PathBuf,
    },

    /// The output is there already.
    #[error("{} exists already: choose another name, or give --force to replace it", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },

    /// The folder of the output is not there.
    #[error("the folder {} does not exist: create it first, or choose another", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },

    /// The output could not be encoded or written; nothing is left of it.
    #[error("{} cannot be written: {reason}", path.display())]
    Unwritable {
        /// The output.
        path: PathBuf,
        /// The reason, from the system or the encoder.
        reason: String,
    },

    /// A number is outside its range.
    #[error("{value} is not good for --{option}: give a number from {min} to {max}")]
    OutOfRange {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: u32,
        /// The smallest good value.
        min: u32,
        /// The largest good value.
        max: u32,
    },

    /// The picture asked for, or a step on the way to it, would be too large.
    #[error("it would take {width} × {height} pixels, which is too many: choose a smaller size")]
    TooLargeToMake {
        /// Its width in pixels.
        width: u64,
        /// Its height in pixels.
        height: u64,
    },

    /// A colour is not written as one.
    #[error("`{text}` is not a colour: write it as #rrggbb, or white, black or grey")]
    NotAColour {
        /// What was given.
        text: String,
    },

    /// A frame's description cannot be understood.
    #[error("line {line} of the frame's description: {reason}")]
    BadFrame {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Whether the command itself is wrong, rather than something that it met.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::UnknownExtension { .. }
                | Self::OutOfRange { .. }
                | Self::TooLargeToMake { .. }
                | Self::NotAColour { .. }
        )
    }
}

/// Checks that a number given for an option is in its range.
pub(crate) fn in_range(option: &'static str, value: u32, min: u32, max: u32) -> Result<(), Error> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(Error::OutOfRange { option, value, min, max }) }
}

/// Checks that a picture of this size may be made, or gone through while making another one.
pub(crate) fn makeable(width: u64, height: u64) -> Result<(), Error> {
    let sides = u64::from(MAX_SIDE);
    let pixels = width.saturating_mul(height);
    if width > sides || height > sides || pixels > MAX_PIXELS {
        return Err(Error::TooLargeToMake { width, height });
    }
    Ok(())
}
