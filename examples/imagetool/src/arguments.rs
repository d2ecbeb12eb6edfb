//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use imagetool::{Colour, Encoding, FRAMES, Fit, PLAIN};

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   it could not be done; the message says why and what to do
  2   the command is not one, or has values that make no sense
  10  not licensed";

/// Resizes and converts pictures and makes contact sheets; reads and writes PNG, JPEG, GIF, BMP and WebP.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What this program is licensed as; for demonstrations, where each server has keys of its own
    #[arg(long, global = true, env = "IMAGETOOL_PRODUCT", hide_env_values = true, value_name = "STRING")]
    pub product: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Make a picture larger or smaller
    #[command(after_help = EXIT_CODES)]
    Resize {
        /// The picture
        input: PathBuf,
        /// Where to write it; the extension says in which format
        output: PathBuf,
        /// The new width in pixels
        #[arg(long)]
        width: u32,
        /// The new height in pixels; without it, the picture keeps its shape
        #[arg(long)]
        height: Option<u32>,
        /// What to do when width and height have another shape than the picture
        #[arg(long, value_enum, default_value_t, requires = "height")]
        fit: FitName,
        /// How to write it
        #[command(flatten)]
        writing: Writing,
    },
    /// Write a picture in another format
    #[command(after_help = EXIT_CODES)]
    Convert {
        /// The picture
        input: PathBuf,
        /// Where to write it; the extension says in which format
        output: PathBuf,
        /// How to write it
        #[command(flatten)]
        writing: Writing,
    },
    /// Show many pictures on one sheet
    #[command(after_help = EXIT_CODES)]
    Sheet {
        /// Where to write the sheet; the extension says in which format
        output: PathBuf,
        /// The pictures, in order
        #[arg(required = true)]
        inputs: Vec<PathBuf>,
        /// Pictures in a row
        #[arg(long, default_value_t = 4)]
        columns: u32,
        /// The side of each picture's square in pixels
        #[arg(long, default_value_t = 160)]
        cell: u32,
        /// The space between and around the squares in pixels
        #[arg(long, default_value_t = 8)]
        gap: u32,
        /// What to draw around each picture
        #[arg(long, value_name = "NAME", default_value = PLAIN, value_parser = frame_names())]
        frame: String,
        /// How to write it
        #[command(flatten)]
        writing: Writing,
    },
    /// Show what the license allows and what is left of it
    #[command(after_help = EXIT_CODES)]
    License,
}

/// How to write a picture.
#[derive(Args)]
pub struct Writing {
    /// Replace the output if it exists
    #[arg(long)]
    pub force: bool,
    /// JPEG quality from 1 to 100
    #[arg(long, default_value_t = 85)]
    pub quality: u8,
    /// The colour behind the picture: #rrggbb, white, black or grey
    #[arg(long, value_name = "COLOUR", default_value = "white")]
    pub background: Colour,
}

impl Writing {
    /// The choices that concern the encoder.
    pub fn encoding(&self) -> Encoding {
        Encoding { quality: self.quality, background: self.background }
    }
}

/// The names of the ways to fit.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum FitName {
    /// All of the picture, one side may be shorter
    #[default]
    Contain,
    /// Exactly this size, edges cut off
    Cover,
    /// Exactly this size, distorted
    Stretch,
}

impl From<FitName> for Fit {
    fn from(name: FitName) -> Self {
        match name {
            FitName::Contain => Self::Contain,
            FitName::Cover => Self::Cover,
            FitName::Stretch => Self::Stretch,
        }
    }
}

fn frame_names() -> Vec<&'static str> {
    std::iter::once(PLAIN).chain(FRAMES.iter().map(|(name, _)| *name)).collect()
}
