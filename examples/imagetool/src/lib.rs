//! A small image tool: resize, convert, contact sheets with frames.
//!
//! It is the licensed program of Carnet's examples, and useful without: the functions here work on pictures in
//! memory, [`open`] and [`Output`] are the only ones that touch files, and what a license allows is the program's
//! business, not theirs.
//!
//! ```
//! use image::DynamicImage;
//! use imagetool::{Fit, resize};
//!
//! let picture = DynamicImage::new_rgb8(400, 200);
//! let small = resize(&picture, 100, None, Fit::Contain)?;
//! assert_eq!((small.width(), small.height()), (100, 50));
//! # Ok::<(), imagetool::Error>(())
//! ```

mod colour;
mod error;
mod frame;
mod open;
mod output;
mod resize;
mod sheet;

pub use colour::{Colour, flatten};
pub use error::Error;
pub use frame::{FRAMES, Frame, PLAIN};
pub use open::open;
pub use output::{Encoding, Output};
pub use resize::{Fit, resize};
pub use sheet::{Layout, Sheet};

/// The longest side of a picture that is read or made, in pixels.
pub const MAX_SIDE: u32 = 20_000;

/// The most pixels a picture may have that is read or made: 64 million take about a gigabyte while being resized.
pub const MAX_PIXELS: u64 = 64_000_000;
