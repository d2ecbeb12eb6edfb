//! `carnet supplier report-key`: the keys that usage reports are sealed to, and that requests are signed with (C2, C6).
//!
//! Both private halves are in one file on this machine, one generation in each line, the newest last. Older ones stay:
//! what was agreed under them is still sealed to them. The public halves go into the reporting clauses of offers with
//! `carnet supplier menu set`.

use std::path::{Path, PathBuf};

use carnet_core::app::SupplierName;
use carnet_core::report::ReportKeys;
use carnet_seal::report::ReportSecrets;
use carnet_seam::fs::{create_folders, replace_file};
use carnet_seam::{Fs, SystemRandom, random};
use clap::Subcommand;
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::credentials;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// In front of each line, so that scanners know what leaked.
const PREFIX: &str = "carnet_report_";
/// Some hundred generations.
const LARGEST: u64 = 64 << 10;

/// Make, change and carry the keys that usage reports are sealed to.
#[derive(Debug, Subcommand)]
pub enum ReportKey {
    /// Make the first keys
    New,
    /// Make new keys for what is agreed from now on; the old ones still open what is sealed to them
    Rotate,
    /// Write the keys to a medium, to open reports elsewhere
    Export {
        /// The file
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl ReportKey {
    /// Runs the command.
    ///
    /// # Errors
    /// `key-exists`, `no-report-key`; why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let name = credentials::who(context, name)?;
        let path = place(context, &name)?.ok_or_else(|| none(&name))?;
        let there = lines(&*context.files, &path)?;
        match self {
            Self::New if !there.is_empty() => {
                let what = format!("there are report keys of {name} in {} already", path.display());
                Err(Failure::new(Exit::Failure, "key-exists", what)
                    .with_remedy("make new ones with `carnet supplier report-key rotate`"))
            }
            Self::Rotate if there.is_empty() => Err(none(&name)),
            Self::New | Self::Rotate => add(context, &name, &path, there),
            Self::Export { .. } if there.is_empty() => Err(none(&name)),
            Self::Export { to, yes } => {
                let question = format!(
                    "Write the private keys of {name} to {}? Whoever has them reads all reports.",
                    to.display()
                );
                context.output.confirm(&question, *yes)?;
                write(&*context.files, to, &there)?;
                let shown = serde_json::json!({ "file": to, "generations": there.len() });
                context.output.result(&shown, || {
                    format!("The keys are in {}. Keep it where nobody else comes.\n", to.display())
                })
            }
        }
    }
}

fn add(
    context: &Context,
    name: &SupplierName,
    path: &Path,
    mut there: Vec<Zeroizing<String>>,
) -> Result<(), Failure> {
    let seeds: [u8; 64] = random::bytes(&SystemRandom).map_err(|error| {
        Failure::new(Exit::Failure, "no-random", error.to_string()).with_remedy("try again in a moment")
    })?;
    let secrets = ReportSecrets::from_seeds(&seeds);
    there.push(Zeroizing::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&seeds))));
    if let Some(folder) = path.parent() {
        create_folders(&*context.files, folder)?;
    }
    write(&*context.files, path, &there)?;
    let shown = serde_json::json!({
        "supplier": name, "key": secrets.id().to_string(), "public": secrets.public(), "file": path,
        "generations": there.len(),
    });
    context.output.result(&shown, || {
        format!(
            "Report keys of {name} are made, and kept in {}.\nOffers with a reporting clause name it from the next `carnet supplier menu set` on.\n\
             Without this file nobody can open a report: keep a copy (`carnet supplier report-key export`).\n",
            path.display()
        )
    })
}

fn write(files: &dyn Fs, path: &Path, lines: &[Zeroizing<String>]) -> Result<(), Failure> {
    let mut text = Zeroizing::new(String::new());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    Ok(replace_file(files, path, text.as_bytes())?)
}

fn place(context: &Context, name: &SupplierName) -> Result<Option<PathBuf>, Failure> {
    let folder = credentials::folder(context, name)?;
    Ok(folder.map(|folder| folder.join(format!("{name}.report-keys"))))
}

fn lines(files: &dyn Fs, path: &Path) -> Result<Vec<Zeroizing<String>>, Failure> {
    let bytes = carnet_seam::fs::read_file(files, path, LARGEST)?.map(Zeroizing::new).unwrap_or_default();
    let text = Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with(PREFIX));
    Ok(lines.map(|line| Zeroizing::new(line.to_owned())).collect())
}

fn none(name: &SupplierName) -> Failure {
    Failure::new(Exit::Failure, "no-report-key", format!("no report keys of {name} are here"))
        .with_remedy("make them with `carnet supplier report-key new`, or name their file with --key")
}

/// All generations in a file, the newest last.
///
/// # Errors
/// `no-report-key` when there are none in it.
pub fn in_file(context: &Context, path: &Path) -> Result<Vec<ReportSecrets>, Failure> {
    let found: Vec<_> = lines(&*context.files, path)?.iter().filter_map(|line| secrets(line)).collect();
    if found.is_empty() {
        let what = format!("{} holds no report keys", path.display());
        return Err(Failure::new(Exit::Failure, "no-report-key", what)
            .with_remedy("name the file that `carnet supplier report-key export` has written"));
    }
    Ok(found)
}

fn secrets(line: &str) -> Option<ReportSecrets> {
    let seeds = Zeroizing::new(BASE64URL_NOPAD.decode(line.strip_prefix(PREFIX)?.as_bytes()).ok()?);
    let seeds: Zeroizing<[u8; 64]> = Zeroizing::new(seeds.as_slice().try_into().ok()?);
    Some(ReportSecrets::from_seeds(&seeds))
}

/// All generations of a supplier that are kept here, the newest last.
///
/// # Errors
/// `no-report-key` when there are none.
pub fn kept(context: &Context, name: &SupplierName) -> Result<Vec<ReportSecrets>, Failure> {
    let path = place(context, name)?.ok_or_else(|| none(name))?;
    let found: Vec<_> = lines(&*context.files, &path)?.iter().filter_map(|line| secrets(line)).collect();
    if found.is_empty() { Err(none(name)) } else { Ok(found) }
}

/// The public halves that offers name today; none where no keys are kept here.
///
/// # Errors
/// What the system reports.
pub fn current(context: &Context, name: &SupplierName) -> Result<Option<ReportKeys>, Failure> {
    let Some(path) = place(context, name)? else { return Ok(None) };
    let newest = lines(&*context.files, &path)?.pop();
    Ok(newest.and_then(|line| secrets(&line)).map(|secrets| secrets.public()))
}
