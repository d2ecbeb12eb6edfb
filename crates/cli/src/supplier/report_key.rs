//! `carnet supplier report-key`: the keys that usage reports are sealed to, and that requests are signed with (C2, C6).
//!
//! Both private halves are in one file on this machine, one generation in each line, the newest last. Older ones stay:
//! what was agreed under them is still sealed to them. The public halves go into the reporting clauses of offers with
//! `carnet supplier menu set`.

use std::path::{Path, PathBuf};

use carnet_api::path::{REPORT_KEY, REPORT_KEY_WITHDRAW};
use carnet_api::report::{DepositView, NewDeposit};
use carnet_core::app::SupplierName;
use carnet_core::id::Digest;
use carnet_core::offer::OpenedBy;
use carnet_core::report::ReportKeys;
use carnet_seal::report::ReportSecrets;
use carnet_seam::fs::{create_folders, replace_file};
use carnet_seam::{Fs, SystemRandom, random};
use clap::Subcommand;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use super::credentials;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Call;

/// In front of each line, so that scanners know what leaked.
const PREFIX: &str = "carnet_report_";
/// Behind a line whose opening half a server has, or has had.
const DEPOSITED: &str = " deposited";
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
    /// Make a key of its own for the server, and deposit the half that opens there: it then judges what comes by
    /// itself, under offers that say `opened_by = "server"`
    Deposit {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Let the server erase what was deposited: from then on it opens nothing
    Withdraw,
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
            Self::New | Self::Rotate => {
                let (secrets, generations) = add(context, &path, there, "")?;
                made(context, &name, &path, &secrets, generations)
            }
            Self::Export { .. } | Self::Deposit { .. } if there.is_empty() => Err(none(&name)),
            Self::Deposit { yes } => deposit(context, &name, &path, there, *yes),
            Self::Withdraw => withdraw(context, &name),
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

/// Makes a further generation; returns it, and how many there are.
fn add(
    context: &Context,
    path: &Path,
    mut there: Vec<Zeroizing<String>>,
    mark: &str,
) -> Result<(ReportSecrets, usize), Failure> {
    let seeds: Zeroizing<[u8; 64]> = Zeroizing::new(random::bytes(&SystemRandom).map_err(|error| {
        Failure::new(Exit::Failure, "no-random", error.to_string()).with_remedy("try again in a moment")
    })?);
    let encoded = Zeroizing::new(BASE64URL_NOPAD.encode(&*seeds));
    there.push(Zeroizing::new(format!("{PREFIX}{}{mark}", *encoded)));
    if let Some(folder) = path.parent() {
        create_folders(&*context.files, folder)?;
    }
    write(&*context.files, path, &there)?;
    Ok((ReportSecrets::from_seeds(&seeds), there.len()))
}

fn made(
    context: &Context,
    name: &SupplierName,
    path: &Path,
    secrets: &ReportSecrets,
    generations: usize,
) -> Result<(), Failure> {
    let shown = serde_json::json!({
        "supplier": name, "key": secrets.id().to_string(), "public": secrets.public(), "file": path,
        "generations": generations,
    });
    context.output.result(&shown, || {
        format!(
            "Report keys of {name} are made, and kept in {}.\nOffers with a reporting clause name it from the next `carnet supplier menu set` on.\n\
             Without this file nobody can open a report: keep a copy (`carnet supplier report-key export`).\n",
            path.display()
        )
    })
}

/// A key of its own: whoever has agreed to be read by the supplier alone is never asked to seal to it.
fn deposit(
    context: &Context,
    name: &SupplierName,
    path: &Path,
    there: Vec<Zeroizing<String>>,
    yes: bool,
) -> Result<(), Failure> {
    let http = credentials::http(context, Some(name))?;
    let question = format!(
        "Deposit a report key of {name} at {}? Whoever runs that server can then read everything that is sealed to it. \
         Users are told before they agree.",
        http.server()
    );
    context.output.confirm(&question, yes)?;
    // One that was made before, and may have been deposited: its answer was lost, or it was withdrawn.
    let known = there.iter().rev().find(|line| is_deposited(line)).cloned();
    let (secrets, seeds) = match known {
        Some(line) => (secrets(&line), seeds_in(&line)),
        None => {
            let (made, _) = add(context, path, there, DEPOSITED)?;
            let newest = lines(&*context.files, path)?.pop();
            (Some(made), newest.and_then(|line| seeds_in(&line)))
        }
    };
    let (Some(secrets), Some(seeds)) = (secrets, seeds) else { return Err(none(name)) };
    let opens = HEXLOWER.encode(&seeds[..32]);
    let deposited: DepositView = http.send(Call::put(REPORT_KEY).json(&NewDeposit { opens })?)?;
    let public = Digest(secrets.opens.public().0);
    let shown =
        serde_json::json!({ "supplier": name, "key": secrets.id().to_string(), "deposited": deposited.keys });
    if !deposited.keys.contains(&public) {
        return Err(Failure::new(Exit::Failure, "server-answer", "the server did not take the key"));
    }
    context.output.result(&shown, || {
        format!(
            "The server of {name} can judge reports now.\nIt does so under offers that say so: write `opened_by = \"server\"` into their \
             `reporting`, and run `carnet supplier menu set`.\nLicenses that were agreed to before stay as they are: only you open their reports.\n"
        )
    })
}

fn withdraw(context: &Context, name: &SupplierName) -> Result<(), Failure> {
    let http = credentials::http(context, Some(name))?;
    let left: DepositView = http.send(Call::post(REPORT_KEY_WITHDRAW))?;
    let shown = serde_json::json!({ "supplier": name, "deposited": left.keys });
    context.output.result(&shown, || {
        "The server has erased the key: it opens nothing any more. Open what comes with `carnet supplier open --received`.\n\
         Backups of the server from before may still hold the key, encrypted.\n"
            .into()
    })
}

fn is_deposited(line: &str) -> bool {
    line.ends_with(DEPOSITED)
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
    seeds_in(line).map(|seeds| ReportSecrets::from_seeds(&seeds))
}

fn seeds_in(line: &str) -> Option<Zeroizing<[u8; 64]>> {
    let text = line.strip_prefix(PREFIX)?;
    let text = text.strip_suffix(DEPOSITED).unwrap_or(text);
    let seeds = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
    Some(Zeroizing::new(seeds.as_slice().try_into().ok()?))
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

/// The public halves that offers name today: of the supplier's own keys, or of those that the server has too. None where
/// there are none of that kind.
///
/// # Errors
/// What the system reports.
pub fn current(
    context: &Context,
    name: &SupplierName,
    opened_by: Option<OpenedBy>,
) -> Result<Option<ReportKeys>, Failure> {
    let Some(path) = place(context, name)? else { return Ok(None) };
    Ok(newest(&lines(&*context.files, &path)?, opened_by).map(|secrets| secrets.public()))
}

/// The newest keys for a request under such an agreement.
///
/// # Errors
/// What the system reports.
pub fn for_request(
    context: &Context,
    name: &SupplierName,
    opened_by: Option<OpenedBy>,
) -> Result<Option<ReportSecrets>, Failure> {
    let Some(path) = place(context, name)? else { return Ok(None) };
    Ok(newest(&lines(&*context.files, &path)?, opened_by))
}

fn newest(lines: &[Zeroizing<String>], opened_by: Option<OpenedBy>) -> Option<ReportSecrets> {
    let wanted = opened_by == Some(OpenedBy::Server);
    lines.iter().rev().find(|line| is_deposited(line) == wanted).and_then(|line| secrets(line))
}
