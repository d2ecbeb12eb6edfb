//! Contact sheets: many pictures, small, in rows, each in a frame.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GenericImageView, Rgb, RgbImage};

use crate::error::{in_range, makeable};
use crate::resize::contained;
use crate::{Colour, Error, Frame};

/// How a sheet is laid out. Lengths are pixels.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Pictures in a row.
    pub columns: u32,
    /// The side of the square each framed picture has for itself.
    pub cell: u32,
    /// The space between cells and around them.
    pub gap: u32,
    /// The colour between the cells.
    pub background: Colour,
    /// What is drawn around each picture.
    pub frame: Frame,
}

/// A sheet on which pictures are placed one after the other, so that only one of them is in memory at a time.
///
/// ```
/// use image::DynamicImage;
/// use imagetool::{Colour, Frame, Layout, Sheet};
///
/// let layout = Layout { columns: 2, cell: 100, gap: 10, background: Colour::WHITE, frame: Frame::plain() };
/// let mut sheet = Sheet::new(layout, 3)?;
/// for _ in 0..3 {
///     sheet.place(&DynamicImage::new_rgb8(640, 480));
/// }
/// assert_eq!(sheet.finish().dimensions(), (230, 230));
/// # Ok::<(), imagetool::Error>(())
/// ```
pub struct Sheet {
    layout: Layout,
    placed: u32,
    canvas: RgbImage,
}

impl Sheet {
    /// An empty sheet with room for `count` pictures.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a number of the layout, [`Error::TooLargeToMake`] for the sheet as a whole.
    pub fn new(layout: Layout, count: u32) -> Result<Self, Error> {
        in_range("columns", layout.columns, 1, 1000)?;
        in_range("cell", layout.cell, 16, 4000)?;
        in_range("gap", layout.gap, 0, 1000)?;
        let columns = layout.columns.min(count.max(1));
        let rows = count.max(1).div_ceil(layout.columns);
        let (width, height) = (layout.length(columns), layout.length(rows));
        makeable(width, height)?;
        let too_large = |_| Error::TooLargeToMake { width, height };
        let size = (u32::try_from(width).map_err(too_large)?, u32::try_from(height).map_err(too_large)?);
        let canvas = RgbImage::from_pixel(size.0, size.1, Rgb(layout.background.0));
        Ok(Self { layout, placed: 0, canvas })
    }

    /// Places the next picture in the middle of the next cell, scaled down as far as needed. What does not fit on the
    /// sheet any more is not drawn.
    pub fn place(&mut self, picture: &DynamicImage) {
        let framed = self.framed(picture);
        let (column, row) = (self.placed % self.layout.columns, self.placed / self.layout.columns);
        let left = self.layout.start(column) + u64::from(self.layout.cell.saturating_sub(framed.width()) / 2);
        let top = self.layout.start(row) + u64::from(self.layout.cell.saturating_sub(framed.height()) / 2);
        if let (Ok(left), Ok(top)) = (i64::try_from(left), i64::try_from(top)) {
            imageops::replace(&mut self.canvas, &framed, left, top);
        }
        self.placed += 1;
    }

    /// The sheet as it is.
    pub fn finish(self) -> RgbImage {
        self.canvas
    }

    fn framed(&self, picture: &DynamicImage) -> RgbImage {
        let Layout { cell, frame, .. } = &self.layout;
        let (frame_width, frame_height) = frame.added(*cell);
        let room = (cell.saturating_sub(frame_width).max(1), cell.saturating_sub(frame_height).max(1));
        let small = self.scaled_down(picture, room);
        let mut paper = DynamicImage::from(frame.paper(small.dimensions(), *cell));
        let (left, top) = frame.picture_corner(*cell);
        // `overlay` lets the paper show through where the picture is transparent.
        imageops::overlay(&mut paper, &small, i64::from(left), i64::from(top));
        paper.into_rgb8()
    }

    fn scaled_down(&self, picture: &DynamicImage, room: (u32, u32)) -> DynamicImage {
        if picture.width() <= room.0 && picture.height() <= room.1 {
            return picture.clone();
        }
        let (width, height) = contained(picture.dimensions(), room);
        picture.resize_exact(width, height, FilterType::Lanczos3)
    }
}

impl Layout {
    /// Where a cell starts in its row or column.
    fn start(&self, index: u32) -> u64 {
        u64::from(self.gap) + u64::from(index) * u64::from(self.cell + self.gap)
    }

    /// The length of so many cells in a row, with the gaps around them.
    fn length(&self, cells: u32) -> u64 {
        self.start(cells)
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    const BACKGROUND: Rgb<u8> = Rgb([10, 20, 30]);

    fn layout(columns: u32, frame: Frame) -> Layout {
        Layout { columns, cell: 100, gap: 10, background: Colour(BACKGROUND.0), frame }
    }

    fn bare() -> Frame {
        "paper white".parse().unwrap()
    }

    fn filled(width: u32, height: u32, colour: [u8; 3]) -> DynamicImage {
        RgbImage::from_pixel(width, height, Rgb(colour)).into()
    }

    fn sheet(layout: Layout, pictures: &[DynamicImage]) -> RgbImage {
        let mut sheet = Sheet::new(layout, u32::try_from(pictures.len()).unwrap()).unwrap();
        pictures.iter().for_each(|picture| sheet.place(picture));
        sheet.finish()
    }

    #[test]
    fn pictures_fill_the_rows_in_order() {
        let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255]];
        let pictures = colours.map(|colour| filled(200, 200, colour));
        let made = sheet(layout(3, bare()), &pictures);
        assert_eq!(made.dimensions(), (3 * 110 + 10, 2 * 110 + 10));
        for (index, colour) in (0..).zip(colours) {
            let (left, top) = (10 + index % 3 * 110, 10 + index / 3 * 110);
            assert_eq!(made.get_pixel(left, top).0, colour, "left top of picture {index}");
            assert_eq!(made.get_pixel(left + 99, top + 99).0, colour, "right bottom of picture {index}");
            assert_eq!(*made.get_pixel(left - 1, top), BACKGROUND, "left of picture {index}");
            assert_eq!(*made.get_pixel(left + 100, top), BACKGROUND, "right of picture {index}");
        }
        assert_eq!(*made.get_pixel(10 + 2 * 110 + 50, 10 + 110 + 50), BACKGROUND, "the sixth cell is empty");
    }

    #[test]
    fn a_wide_picture_is_scaled_down_and_lies_in_the_middle_of_its_cell() {
        let made = sheet(layout(1, bare()), &[filled(400, 200, [255, 0, 0])]);
        assert_eq!(*made.get_pixel(60, 10 + 24), BACKGROUND);
        assert_eq!(made.get_pixel(60, 10 + 25).0, [255, 0, 0]);
        assert_eq!(made.get_pixel(60, 10 + 74).0, [255, 0, 0]);
        assert_eq!(*made.get_pixel(60, 10 + 75), BACKGROUND);
    }

    #[test]
    fn a_small_picture_is_not_blown_up() {
        let made = sheet(layout(1, bare()), &[filled(20, 20, [255, 0, 0])]);
        let red = made.pixels().filter(|pixel| pixel.0 == [255, 0, 0]).count();
        assert_eq!(red, 400);
        assert_eq!(made.get_pixel(10 + 40, 10 + 40).0, [255, 0, 0]);
    }

    #[test]
    fn the_frame_surrounds_the_picture_and_shows_through_it() {
        let frame: Frame = "paper #00ff00\nmargin 100 100 200 100".parse().unwrap();
        let mut picture = RgbaImage::from_pixel(80, 70, Rgba([255, 0, 0, 255]));
        picture.put_pixel(0, 0, Rgba([255, 0, 0, 0]));
        let made = sheet(layout(1, frame), &[picture.into()]);
        assert_eq!(made.get_pixel(10, 10).0, [0, 255, 0]);
        assert_eq!(made.get_pixel(109, 109).0, [0, 255, 0]);
        assert_eq!(made.get_pixel(20, 20).0, [0, 255, 0], "transparent: the paper");
        assert_eq!(made.get_pixel(21, 20).0, [255, 0, 0]);
        assert_eq!(made.get_pixel(99, 89).0, [255, 0, 0]);
        assert_eq!(made.get_pixel(99, 90).0, [0, 255, 0]);
    }

    #[test]
    fn one_row_is_only_as_wide_as_it_has_pictures() {
        assert_eq!(
            sheet(layout(8, bare()), &[filled(9, 9, [0; 3]), filled(9, 9, [0; 3])]).dimensions(),
            (230, 120)
        );
    }

    #[test]
    fn a_layout_that_makes_no_sense_is_refused() {
        let text = |layout, count| Sheet::new(layout, count).err().map(|error| error.to_string()).unwrap();
        let wrong = |columns, cell, gap| Layout { columns, cell, gap, ..layout(1, bare()) };
        assert!(text(wrong(0, 100, 0), 1).contains("0 is not good for --columns"));
        assert!(text(wrong(1, 0, 0), 1).contains("0 is not good for --cell"));
        assert!(text(wrong(1, 100, 1001), 1).contains("1001 is not good for --gap"));
        assert!(text(wrong(10, 4000, 0), 100).contains("40000 × 40000 pixels"));
    }
}
