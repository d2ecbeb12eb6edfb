//! Colours, and putting a transparent picture on one.

use std::str::FromStr;

use image::{DynamicImage, Rgb, RgbImage};

use crate::Error;

/// An opaque colour: red, green, blue.
///
/// ```
/// use imagetool::Colour;
///
/// assert_eq!("#ff8000".parse::<Colour>()?, Colour([255, 128, 0]));
/// assert_eq!("white".parse::<Colour>()?, Colour::WHITE);
/// # Ok::<(), imagetool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// White.
    pub const WHITE: Self = Self([255, 255, 255]);
}

impl FromStr for Colour {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "white" => return Ok(Self::WHITE),
            "black" => return Ok(Self([0, 0, 0])),
            "grey" | "gray" => return Ok(Self([128, 128, 128])),
            _ => {}
        }
        let not_a_colour = || Error::NotAColour { text: text.to_owned() };
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or_else(not_a_colour)?;
        // `from_str_radix` alone would take a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(not_a_colour());
        }
        let [_, red, green, blue] =
            u32::from_str_radix(digits, 16).map_err(|_| not_a_colour())?.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

/// Puts a picture on a background, for formats without transparency.
pub fn flatten(picture: &DynamicImage, background: Colour) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let pixels = picture.to_rgba8();
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [red, green, blue, alpha] = pixels.get_pixel(x, y).0;
        let [under_red, under_green, under_blue] = background.0;
        Rgb([mix(red, under_red, alpha), mix(green, under_green, alpha), mix(blue, under_blue, alpha)])
    })
}

/// `over` as far as `alpha` covers, `under` for the rest, rounded.
fn mix(over: u8, under: u8, alpha: u8) -> u8 {
    let sum = u32::from(over) * u32::from(alpha) + u32::from(under) * (255 - u32::from(alpha));
    u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn colours_are_read_strictly() {
        assert_eq!("#0aFF10".parse::<Colour>().unwrap(), Colour([10, 255, 16]));
        for text in ["", "#fff", "ff0000", "#gg0000", "#+12345", "#ffffffff", "red", "#äää"] {
            let error = text.parse::<Colour>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not a colour: write it as #rrggbb, or white, black or grey")
            );
        }
    }

    #[test]
    fn transparent_pixels_take_the_background_and_half_transparent_ones_half_of_it() {
        let mut pixels = RgbaImage::from_pixel(3, 1, Rgba([200, 0, 0, 0]));
        pixels.put_pixel(1, 0, Rgba([200, 0, 0, 128]));
        pixels.put_pixel(2, 0, Rgba([200, 0, 0, 255]));
        let flat = flatten(&DynamicImage::from(pixels), Colour([0, 0, 100]));
        assert_eq!(flat.get_pixel(0, 0), &Rgb([0, 0, 100]));
        assert_eq!(flat.get_pixel(1, 0), &Rgb([100, 0, 50]));
        assert_eq!(flat.get_pixel(2, 0), &Rgb([200, 0, 0]));
    }
}
