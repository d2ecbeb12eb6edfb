//! Frames: borders drawn around the pictures of a contact sheet. A frame is content, described in a few lines of text
//! (`frames/*.frame`); only [`PLAIN`] is part of the program.

mod description;

use image::{Rgb, RgbImage};

use crate::Colour;

/// The name of the frame that is part of the program.
pub const PLAIN: &str = "plain";

/// The frames that come with the program as content: name and description.
pub const FRAMES: &[(&str, &str)] = &[
    ("film", include_str!("../frames/film.frame")),
    ("polaroid", include_str!("../frames/polaroid.frame")),
    ("deco", include_str!("../frames/deco.frame")),
];

/// A border: the paper around the picture and what is drawn on it. Lengths are thousandths of the cell's side.
///
/// ```
/// use imagetool::Frame;
///
/// let frame: Frame = "paper #ffffff\nmargin 50 50 150 50\nline 0 10 black".parse()?;
/// let error = "margin wide".parse::<Frame>().unwrap_err();
/// assert_eq!(error.to_string(), "line 1 of the frame's description: write it as: margin TOP RIGHT BOTTOM LEFT");
/// # Ok::<(), imagetool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    paper: Colour,
    margin: Margin,
    ornaments: Vec<Ornament>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Margin {
    top: u32,
    right: u32,
    bottom: u32,
    left: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ornament {
    /// A rectangle drawn `inset` from the outer edge.
    Line { inset: u32, width: u32, colour: Colour },
    /// A row of holes, `inset` from the top or bottom edge, one every `step`.
    Holes { edge: Edge, inset: u32, width: u32, height: u32, step: u32, colour: Colour },
    /// A square in each corner.
    Corners { side: u32, colour: Colour },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Top,
    Bottom,
}

impl Frame {
    /// White paper with a thin grey line.
    pub fn plain() -> Self {
        let line = Ornament::Line { inset: 0, width: 7, colour: Colour([200, 200, 200]) };
        let margin = Margin { top: 13, right: 13, bottom: 13, left: 13 };
        Self { paper: Colour::WHITE, margin, ornaments: vec![line] }
    }

    /// The width and height in pixels that the frame adds to a picture in a cell of this side.
    pub(crate) fn added(&self, cell: u32) -> (u32, u32) {
        let Margin { top, right, bottom, left } = self.margin;
        (pixels(left, cell) + pixels(right, cell), pixels(top, cell) + pixels(bottom, cell))
    }

    /// Where the picture goes on the frame's paper, in pixels from its left and top.
    pub(crate) fn picture_corner(&self, cell: u32) -> (u32, u32) {
        (pixels(self.margin.left, cell), pixels(self.margin.top, cell))
    }

    /// The frame's paper, with all ornaments, for a picture of this size in a cell of this side.
    pub(crate) fn paper(&self, picture: (u32, u32), cell: u32) -> RgbImage {
        let (more_width, more_height) = self.added(cell);
        let size = (picture.0 + more_width, picture.1 + more_height);
        let mut paper = RgbImage::from_pixel(size.0, size.1, Rgb(self.paper.0));
        for ornament in &self.ornaments {
            ornament.draw(&mut paper, cell);
        }
        paper
    }
}

impl Ornament {
    fn draw(&self, paper: &mut RgbImage, cell: u32) {
        let (width, height) = paper.dimensions();
        match *self {
            Self::Line { inset, width: thick, colour } => {
                let (inset, thick) = (pixels(inset, cell), pixels(thick, cell));
                let (right, bottom) = (width.saturating_sub(inset), height.saturating_sub(inset));
                fill(paper, (inset, inset), (right, inset + thick), colour);
                fill(paper, (inset, bottom.saturating_sub(thick)), (right, bottom), colour);
                fill(paper, (inset, inset), (inset + thick, bottom), colour);
                fill(paper, (right.saturating_sub(thick), inset), (right, bottom), colour);
            }
            Self::Holes { edge, inset, width: wide, height: high, step, colour } => {
                let [inset, wide, high, step] = [inset, wide, high, step].map(|length| pixels(length, cell));
                let top = match edge {
                    Edge::Top => inset,
                    Edge::Bottom => height.saturating_sub(inset + high),
                };
                let first = step.saturating_sub(wide) / 2;
                for left in (first..width).step_by(step.max(1) as usize).filter(|left| left + wide <= width) {
                    fill(paper, (left, top), (left + wide, top + high), colour);
                }
            }
            Self::Corners { side, colour } => {
                let side = pixels(side, cell);
                let (right, bottom) = (width.saturating_sub(side), height.saturating_sub(side));
                for corner in [(0, 0), (right, 0), (0, bottom), (right, bottom)] {
                    fill(paper, corner, (corner.0 + side, corner.1 + side), colour);
                }
            }
        }
    }
}

/// Fills from one corner to the other (not included), as far as it is on the paper.
fn fill(paper: &mut RgbImage, from: (u32, u32), to: (u32, u32), colour: Colour) {
    for y in from.1..to.1.min(paper.height()) {
        for x in from.0..to.0.min(paper.width()) {
            paper.put_pixel(x, y, Rgb(colour.0));
        }
    }
}

/// Thousandths of a cell's side in pixels; what is there at all is at least one pixel.
fn pixels(thousandths: u32, cell: u32) -> u32 {
    if thousandths == 0 { 0 } else { ((thousandths * cell + 500) / 1000).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        FRAMES.iter().find(|(known, _)| *known == name).unwrap().1.parse().unwrap()
    }

    #[test]
    fn all_frames_that_come_along_can_be_read_and_differ() {
        let mut frames: Vec<Frame> = FRAMES.iter().map(|(_, text)| text.parse().unwrap()).collect();
        frames.push(Frame::plain());
        for (index, one) in frames.iter().enumerate() {
            assert!(frames[index + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn a_polaroid_has_more_paper_below_than_above() {
        let frame = frame("polaroid");
        assert_eq!(frame.added(200), (20, 46));
        assert_eq!(frame.picture_corner(200), (10, 10));
        assert_eq!(frame.paper((100, 80), 200).dimensions(), (120, 126));
    }

    #[test]
    fn film_has_holes_above_and_below_and_none_in_the_middle() {
        let paper = frame("film").paper((160, 100), 200);
        let (light, dark) = (Rgb([0xf4, 0xf1, 0xe8]), Rgb([0x16, 0x16, 0x16]));
        // Cell 200: holes of 12 × 12 every 22, the first at 5, 9 from the edge.
        assert_eq!(paper.dimensions(), (176, 160));
        assert_eq!((*paper.get_pixel(5, 9), *paper.get_pixel(16, 20)), (light, light));
        assert_eq!((*paper.get_pixel(4, 9), *paper.get_pixel(17, 20)), (dark, dark));
        assert_eq!(*paper.get_pixel(27, 15), light);
        assert_eq!(*paper.get_pixel(27, 160 - 10), light);
        assert_eq!(*paper.get_pixel(27, 80), dark);
    }

    #[test]
    fn deco_has_gilded_corners_and_a_line_inside() {
        let paper = frame("deco").paper((100, 100), 100);
        let gold = Rgb([0xb0, 0x8d, 0x3c]);
        for corner in [(0, 0), (119, 0), (0, 119), (119, 119), (6, 6)] {
            assert_eq!(*paper.get_pixel(corner.0, corner.1), gold, "{corner:?}");
        }
        assert_eq!(*paper.get_pixel(60, 2), gold);
        assert_eq!(*paper.get_pixel(60, 0), Rgb([0xf6, 0xef, 0xdc]));
    }
}
