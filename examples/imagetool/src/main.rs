//! `imagetool`: the command line of the image tool, and the program that Carnet's examples license.

mod arguments;
mod license;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use image::DynamicImage;
use imagetool::{Error, FRAMES, Frame, Layout, Output, PLAIN, Sheet, open, resize};

use arguments::{Arguments, Command};
use license::{License, NotLicensed};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_LICENSED: u8 = 10;

/// Why the program leaves with something else than 0.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Picture(#[from] Error),
    #[error(transparent)]
    License(#[from] NotLicensed),
}

impl Refusal {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Picture(error) if error.is_usage() => USAGE,
            Self::Picture(_) => FAILED,
            Self::License(NotLicensed::NoProduct) => USAGE,
            Self::License(_) => NOT_LICENSED,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run_licensed(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            eprintln!("error: {refusal}");
            ExitCode::from(refusal.exit_code())
        }
    }
}

/// Each command is one run: the license counts for as long as it takes.
fn run_licensed(arguments: &Arguments) -> Result<(), Refusal> {
    let controller = license::controller(arguments.product.as_deref())?;
    if let Command::License = arguments.command {
        println!("{}", license::shown(&controller)?);
        return Ok(());
    }
    let license = license::start(&controller, &features_of(&arguments.command))?;
    run(&license, &arguments.command)
}

fn run(license: &dyn License, command: &Command) -> Result<(), Refusal> {
    let features = features_of(command);
    let licensed = || features.iter().try_for_each(|feature| licensed_for(license, feature));
    licensed()?;
    carry_out(command, &licensed)
}

/// Every command comes through here, for each feature it uses, before it does anything and before it writes.
fn licensed_for(license: &dyn License, feature: &str) -> Result<(), Refusal> {
    if license.allows(feature) {
        return Ok(());
    }
    Err(match license.ended() {
        Some(why) => NotLicensed::Disapproved(why).into(),
        None => NotLicensed::NotBought { feature: feature.to_owned() }.into(),
    })
}

/// The features a command uses; see [`License`] for their names.
fn features_of(command: &Command) -> Vec<String> {
    match command {
        Command::Resize { .. } => vec!["resize".to_owned()],
        Command::Convert { .. } => vec!["convert".to_owned()],
        Command::Sheet { frame, .. } if frame == PLAIN => vec!["sheet".to_owned()],
        Command::Sheet { frame, .. } => vec!["sheet".to_owned(), format!("frame.{frame}")],
        Command::License => Vec::new(),
    }
}

/// Does the work; a license that ends meanwhile leaves nothing written.
fn carry_out(command: &Command, licensed: &dyn Fn() -> Result<(), Refusal>) -> Result<(), Refusal> {
    let (output, picture) = match command {
        Command::Resize { input, output, width, height, fit, writing } => {
            let output = Output::new(output, writing.encoding(), writing.force)?;
            (output, resize(&open(input)?, *width, *height, (*fit).into())?)
        }
        Command::Convert { input, output, writing } => {
            (Output::new(output, writing.encoding(), writing.force)?, open(input)?)
        }
        Command::Sheet { output, inputs, columns, cell, gap, frame, writing } => {
            let output = Output::new(output, writing.encoding(), writing.force)?;
            let (columns, cell, gap, frame) = (*columns, *cell, *gap, frame_named(frame)?);
            let layout = Layout { columns, cell, gap, background: writing.background, frame };
            (output, sheet_of(layout, inputs, licensed)?)
        }
        Command::License => return Ok(()),
    };
    licensed()?;
    Ok(output.write(&picture)?)
}

fn sheet_of(
    layout: Layout,
    inputs: &[PathBuf],
    licensed: &dyn Fn() -> Result<(), Refusal>,
) -> Result<DynamicImage, Refusal> {
    let mut sheet = Sheet::new(layout, u32::try_from(inputs.len()).unwrap_or(u32::MAX))?;
    for input in inputs {
        licensed()?;
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
        assert!(
            matches!(refusal, Refusal::License(NotLicensed::NotBought { feature }) if feature == "frame.film")
        );
        let refusal = refused(&Only(&["sheet"]), "imagetool sheet out.png no.png --frame plain");
        assert_eq!(refusal.exit_code(), 1, "allowed, and then the picture is missing");
        let refusal = refused(&Only(&["sheet", "frame.film"]), "imagetool sheet out.png no.png --frame film");
        assert_eq!(refusal.exit_code(), 1);
    }

    /// Allows everything so many times.
    struct Often(std::cell::Cell<u32>);

    impl License for Often {
        fn allows(&self, _feature: &str) -> bool {
            let left = self.0.get();
            self.0.set(left.saturating_sub(1));
            left > 0
        }
    }

    #[test]
    fn a_license_that_ends_meanwhile_leaves_nothing_written() {
        let folder = std::env::temp_dir().join(format!("imagetool-ends-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (input, output) = (folder.join("in.png"), folder.join("out.png"));
        DynamicImage::new_rgb8(4, 4).save(&input).unwrap();
        let line = format!("imagetool sheet {} {} {}", output.display(), input.display(), input.display());
        for often in 0..=3 {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            let ended = run(&Often(std::cell::Cell::new(often)), &arguments.command);
            assert_eq!(ended.unwrap_err().exit_code(), 10, "{often}");
            assert!(!output.exists());
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
