//! `imagetool`: the command line of the image tool, and the program that Carnet's examples license.

mod arguments;
mod license;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use image::DynamicImage;
use imagetool::{Error, FRAMES, Frame, Layout, Output, PLAIN, Sheet, open, resize};

use arguments::{Arguments, Command};
use license::{License, OpenForAll};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_LICENSED: u8 = 10;

/// Why the program leaves with something else than 0.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Picture(#[from] Error),
    #[error("not licensed: this device has no license for `{feature}`")]
    NotLicensed { feature: String },
}

impl Refusal {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Picture(error) if error.is_usage() => USAGE,
            Self::Picture(_) => FAILED,
            Self::NotLicensed { .. } => NOT_LICENSED,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&OpenForAll, &arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            eprintln!("error: {refusal}");
            ExitCode::from(refusal.exit_code())
        }
    }
}

fn run(license: &dyn License, command: &Command) -> Result<(), Refusal> {
    for feature in features_of(command) {
        licensed_for(license, &feature)?;
    }
    carry_out(command).map_err(Refusal::from)
}

/// Every command comes through here, for each feature it uses, before it does anything.
fn licensed_for(license: &dyn License, feature: &str) -> Result<(), Refusal> {
    if license.allows(feature) { Ok(()) } else { Err(Refusal::NotLicensed { feature: feature.to_owned() }) }
}

/// The features a command uses; see [`License`] for their names.
fn features_of(command: &Command) -> Vec<String> {
    match command {
        Command::Resize { .. } => vec!["resize".to_owned()],
        Command::Convert { .. } => vec!["convert".to_owned()],
        Command::Sheet { frame, .. } if frame == PLAIN => vec!["sheet".to_owned()],
        Command::Sheet { frame, .. } => vec!["sheet".to_owned(), format!("frame.{frame}")],
    }
}

fn carry_out(command: &Command) -> Result<(), Error> {
    match command {
        Command::Resize { input, output, width, height, fit, writing } => {
            let output = Output::new(output, writing.encoding(), writing.force)?;
            output.write(&resize(&open(input)?, *width, *height, (*fit).into())?)
        }
        Command::Convert { input, output, writing } => {
            let output = Output::new(output, writing.encoding(), writing.force)?;
            output.write(&open(input)?)
        }
        Command::Sheet { output, inputs, columns, cell, gap, frame, writing } => {
            let output = Output::new(output, writing.encoding(), writing.force)?;
            let (columns, cell, gap, frame) = (*columns, *cell, *gap, frame_named(frame)?);
            let layout = Layout { columns, cell, gap, background: writing.background, frame };
            output.write(&sheet_of(layout, inputs)?)
        }
    }
}

fn sheet_of(layout: Layout, inputs: &[PathBuf]) -> Result<DynamicImage, Error> {
    let mut sheet = Sheet::new(layout, u32::try_from(inputs.len()).unwrap_or(u32::MAX))?;
    for input in inputs {
        sheet.place(&open(Path::new(input))?);
    }
    Ok(sheet.finish().into())
}

/// A frame by its name; the command line knows only names that exist.
fn frame_named(name: &str) -> Result<Frame, Error> {
    match FRAMES.iter().find(|(known, _)| *known == name) {
        Some((_, description)) => description.parse(),
        None => Ok(Frame::plain()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allows only what it lists.
    struct Only(&'static [&'static str]);

    impl License for Only {
        fn allows(&self, feature: &str) -> bool {
            self.0.contains(&feature)
        }
    }

    fn refused(license: &dyn License, line: &str) -> Refusal {
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        run(license, &arguments.command).unwrap_err()
    }

    #[test]
    fn each_command_asks_for_its_feature_before_it_looks_at_a_file() {
        let cases = [
            ("imagetool resize no.png out.png --width 5", "resize"),
            ("imagetool convert no.png out.jpg", "convert"),
            ("imagetool sheet out.png no.png", "sheet"),
        ];
        for (line, feature) in cases {
            let refusal = refused(&Only(&[]), line);
            assert_eq!(refusal.exit_code(), 10, "{line}");
            assert_eq!(
                refusal.to_string(),
                format!("not licensed: this device has no license for `{feature}`")
            );
        }
    }

    #[test]
    fn a_frame_that_is_content_is_licensed_apart_from_the_sheet() {
        let refusal = refused(&Only(&["sheet"]), "imagetool sheet out.png no.png --frame film");
        assert!(matches!(refusal, Refusal::NotLicensed { feature } if feature == "frame.film"));
        let refusal = refused(&Only(&["sheet"]), "imagetool sheet out.png no.png --frame plain");
        assert_eq!(refusal.exit_code(), 1, "allowed, and then the picture is missing");
        let refusal = refused(&Only(&["sheet", "frame.film"]), "imagetool sheet out.png no.png --frame film");
        assert_eq!(refusal.exit_code(), 1);
    }
}
