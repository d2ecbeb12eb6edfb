//! Making a picture larger or smaller.

use image::imageops::FilterType;
use image::{DynamicImage, GenericImageView};

use crate::MAX_SIDE;
use crate::error::{Error, in_range, makeable};

/// What happens when a picture and the size asked for have different shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// The whole picture, as large as fits: one side may come out shorter.
    #[default]
    Contain,
    /// Exactly the size asked for, filled from the middle of the picture: what stands over is cut off.
    Cover,
    /// Exactly the size asked for, the picture distorted.
    Stretch,
}

/// Resizes a picture to `width` and `height` pixels as `fit` says; without a height, it follows the picture's shape.
///
/// # Errors
/// [`Error::OutOfRange`] for a side of 0 or more than [`MAX_SIDE`], [`Error::TooLargeToMake`].
pub fn resize(
    picture: &DynamicImage,
    width: u32,
    height: Option<u32>,
    fit: Fit,
) -> Result<DynamicImage, Error> {
    in_range("width", width, 1, MAX_SIDE)?;
    let Some(height) = height else {
        let height = proportional(width, picture.height(), picture.width());
        return scaled(picture, width, height.max(1));
    };
    in_range("height", height, 1, MAX_SIDE)?;
    match fit {
        Fit::Stretch => scaled(picture, width, u64::from(height)),
        Fit::Contain => {
            let (width, height) = contained(picture.dimensions(), (width, height));
            scaled(picture, width, u64::from(height))
        }
        Fit::Cover => scaled(&middle(picture, (width, height)), width, u64::from(height)),
    }
}

/// The largest size of the shape of `size` that fits into `space`, at least one pixel each way.
pub(crate) fn contained(size: (u32, u32), space: (u32, u32)) -> (u32, u32) {
    let (width, height) = size;
    let height_at_full_width = proportional(space.0, height, width);
    if height_at_full_width <= u64::from(space.1) {
        (space.0, side(height_at_full_width))
    } else {
        (side(proportional(space.1, width, height)), space.1)
    }
}

fn scaled(picture: &DynamicImage, width: u32, height: u64) -> Result<DynamicImage, Error> {
    makeable(u64::from(width), height)?;
    // Scaling goes through a picture of the old width and the new height.
    makeable(u64::from(picture.width()), height)?;
    Ok(picture.resize_exact(width, side(height), FilterType::Lanczos3))
}

/// The middle of a picture in the shape of `size`. Cut before scaling, so that no scaled picture is larger than asked.
fn middle(picture: &DynamicImage, size: (u32, u32)) -> DynamicImage {
    let (width, height) = contained(size, picture.dimensions());
    let (left, top) = ((picture.width() - width) / 2, (picture.height() - height) / 2);
    picture.crop_imm(left, top, width, height)
}

/// `length × part / whole`, rounded; 0 of an empty picture.
fn proportional(length: u32, part: u32, whole: u32) -> u64 {
    let (length, part, whole) = (u64::from(length), u64::from(part), u64::from(whole));
    (length * part + whole / 2).checked_div(whole).unwrap_or(0)
}

fn side(length: u64) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    /// Red, green and blue thirds from left to right, 90 × 30.
    fn thirds() -> DynamicImage {
        let colours = [Rgb([255, 0, 0]), Rgb([0, 255, 0]), Rgb([0, 0, 255])];
        DynamicImage::from(RgbImage::from_fn(90, 30, |x, _| colours[x as usize / 30]))
    }

    fn pixel(picture: &DynamicImage, x: u32, y: u32) -> [u8; 3] {
        picture.to_rgb8().get_pixel(x, y).0
    }

    #[test]
    fn the_height_follows_the_shape_when_it_is_not_given() {
        let cases = [(90, 30, 45, 15), (90, 30, 180, 60), (1000, 1, 10, 1), (3, 5, 2, 3)];
        for (width, height, asked, expected) in cases {
            let made = resize(&DynamicImage::new_luma8(width, height), asked, None, Fit::Stretch).unwrap();
            assert_eq!((made.width(), made.height()), (asked, expected), "{width} × {height} to {asked}");
        }
    }

    #[test]
    fn contain_shows_all_of_the_picture_and_stays_inside() {
        let made = resize(&thirds(), 60, Some(60), Fit::Contain).unwrap();
        assert_eq!((made.width(), made.height()), (60, 20));
        assert_eq!(pixel(&made, 5, 10), [255, 0, 0]);
        assert_eq!(pixel(&made, 55, 10), [0, 0, 255]);
        let made = resize(&thirds(), 900, Some(10), Fit::Contain).unwrap();
        assert_eq!((made.width(), made.height()), (30, 10));
    }

    #[test]
    fn cover_fills_the_size_from_the_middle() {
        let made = resize(&thirds(), 20, Some(20), Fit::Cover).unwrap();
        assert_eq!((made.width(), made.height()), (20, 20));
        for (x, y) in [(0, 0), (19, 0), (0, 19), (19, 19), (10, 10)] {
            assert_eq!(pixel(&made, x, y), [0, 255, 0], "only the green third is left at {x},{y}");
        }
    }

    #[test]
    fn stretch_fills_the_size_with_all_of_the_picture() {
        let made = resize(&thirds(), 30, Some(60), Fit::Stretch).unwrap();
        assert_eq!((made.width(), made.height()), (30, 60));
        assert_eq!(pixel(&made, 2, 58), [255, 0, 0]);
        assert_eq!(pixel(&made, 28, 2), [0, 0, 255]);
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused_with_the_range() {
        let text = |width, height| resize(&thirds(), width, height, Fit::Cover).unwrap_err().to_string();
        assert_eq!(text(0, None), "0 is not good for --width: give a number from 1 to 20000");
        assert_eq!(text(20_001, None), "20001 is not good for --width: give a number from 1 to 20000");
        assert_eq!(text(5, Some(0)), "0 is not good for --height: give a number from 1 to 20000");
        assert!(text(20_000, Some(20_000)).contains("20000 × 20000 pixels, which is too many"));
    }

    #[test]
    fn a_shape_that_would_explode_on_the_way_is_refused() {
        let tall = DynamicImage::new_luma8(1, 20_000);
        assert!(matches!(
            resize(&tall, 2, None, Fit::Contain),
            Err(Error::TooLargeToMake { height: 40_000, .. })
        ));
        let wide = DynamicImage::new_luma8(20_000, 1);
        let result = resize(&wide, 1, Some(20_000), Fit::Stretch);
        assert!(matches!(result, Err(Error::TooLargeToMake { width: 20_000, height: 20_000 })));
        let made = resize(&tall, 100, Some(100), Fit::Cover).unwrap();
        assert_eq!((made.width(), made.height()), (100, 100));
    }
}
