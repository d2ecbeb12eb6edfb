//! Reading a frame from its description: one drawing per line.

use std::str::FromStr;

use super::{Edge, Frame, Margin, Ornament};
use crate::{Colour, Error};

impl FromStr for Frame {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut frame = Self { paper: Colour::WHITE, margin: Margin::default(), ornaments: Vec::new() };
        for (line, words) in (1..).zip(text.lines()) {
            frame.read_line(words).map_err(|reason| Error::BadFrame { line, reason })?;
        }
        Ok(frame)
    }
}

impl Frame {
    fn read_line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [word, ..] if *word == "#" => {}
            ["paper", paper] => self.paper = colour(paper)?,
            ["paper", ..] => return Err("write it as: paper COLOUR".to_owned()),
            ["margin", rest @ ..] => {
                let [top, right, bottom, left] = lengths(rest, "margin TOP RIGHT BOTTOM LEFT")?;
                self.margin = Margin { top, right, bottom, left };
            }
            ["line", rest @ .., last] => {
                let [inset, width] = lengths(rest, "line INSET WIDTH COLOUR")?;
                self.ornaments.push(Ornament::Line { inset, width, colour: colour(last)? });
            }
            ["holes", edge @ ("top" | "bottom"), rest @ .., last] => {
                let [inset, width, height, step] =
                    lengths(rest, "holes EDGE INSET WIDTH HEIGHT STEP COLOUR")?;
                let edge = if *edge == "top" { Edge::Top } else { Edge::Bottom };
                self.ornaments.push(Ornament::Holes {
                    edge,
                    inset,
                    width,
                    height,
                    step,
                    colour: colour(last)?,
                });
            }
            ["corners", rest @ .., last] => {
                let [side] = lengths(rest, "corners SIDE COLOUR")?;
                self.ornaments.push(Ornament::Corners { side, colour: colour(last)? });
            }
            [word, ..] => {
                return Err(format!("`{word}` is not paper, margin, line, holes top/bottom or corners"));
            }
        }
        Ok(())
    }
}

fn colour(word: &str) -> Result<Colour, String> {
    word.parse().map_err(|error: Error| error.to_string())
}

/// Exactly `N` lengths of at most a third of the cell, so that room for the picture is left.
fn lengths<const N: usize>(words: &[&str], form: &str) -> Result<[u32; N], String> {
    let as_form = || format!("write it as: {form}");
    let numbers: Vec<u32> =
        words.iter().map(|word| word.parse().map_err(|_| as_form())).collect::<Result<_, _>>()?;
    if let Some(number) = numbers.iter().find(|number| **number > 333) {
        return Err(format!("{number} is more than a third of the cell (333)"));
    }
    numbers.try_into().map_err(|_| as_form())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_that_is_wrong_is_refused_with_its_line() {
        let cases = [
            ("paper #ffffff\nmargin 1 2 3", "line 2 of the frame's description: write it as: margin"),
            ("margin 1 2 3 400", "400 is more than a third of the cell"),
            ("line 1 2 nocolour", "`nocolour` is not a colour"),
            ("holes left 1 2 3 4 black", "`holes` is not paper"),
            ("corners black", "write it as: corners SIDE COLOUR"),
            ("line", "`line` is not paper"),
            ("paper", "write it as: paper COLOUR"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Frame>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
