//! What `carnetd` can be told to do.

mod backup;
mod check_ledger;
mod config_show;
mod doctor;
mod health;
mod images;
mod invitations;
mod invite;
mod keys;
mod keys_pair;
mod keys_serve;
mod relocate;
mod restore;
mod run;
mod user;
mod waiting;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use carnet_core::time::Time;
use carnet_seam::{Fs, RealFs, SystemClock, SystemRandom};
use carnet_store::{PostgresUrl, StoreError};

use crate::config::{
    Command, Config, ConfigCommand, ImagesCommand, InvitationsCommand, Loaded, UserCommand, secret,
};
use crate::data::{self, OpenError};
use crate::image_store::ImageStore;
use crate::server::Surroundings;

/// How `carnetd` ends. Service managers rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something failed.
    Failure = 1,
    /// The command line or the configuration is not understood.
    Usage = 2,
    /// Another server has the data folder open.
    InUse = 3,
    /// The ledger check found something.
    Findings = 4,
    /// The doctor found something that will become a problem.
    Soon = 5,
    /// The doctor found something wrong.
    Wrong = 6,
}

impl Exit {
    /// Every exit code, in order.
    pub const ALL: [Self; 7] =
        [Self::Ok, Self::Failure, Self::Usage, Self::InUse, Self::Findings, Self::Soon, Self::Wrong];

    /// What it says, in one line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failure => "something failed",
            Self::Usage => "the command line or the configuration is not understood",
            Self::InUse => "another server has the data folder open",
            Self::Findings => "the ledger check found something",
            Self::Soon => "the doctor found something that will become a problem",
            Self::Wrong => "the doctor found something wrong",
        }
    }

    /// The table at the end of `carnetd --help`.
    #[must_use]
    pub fn table() -> String {
        let line = |exit: Self| format!("  {}  {}\n", exit as u8, exit.meaning());
        format!("Exit codes:\n{}", Self::ALL.map(line).concat())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// How the process ends.
    pub exit: Exit,
    /// What happened and what to do.
    pub message: String,
}

impl Stopped {
    fn because(what: impl fmt::Display) -> Self {
        Self { exit: Exit::Failure, message: what.to_string() }
    }
}

impl From<OpenError> for Stopped {
    fn from(error: OpenError) -> Self {
        let exit = if error.is_in_use() { Exit::InUse } else { Exit::Failure };
        Self { exit, message: error.to_string() }
    }
}

/// Does what was asked.
///
/// # Errors
/// [`Stopped`], to be shown to the operator.
pub fn run(loaded: &Loaded) -> Result<Exit, Stopped> {
    let config = &loaded.config;
    let fs = Arc::new(RealFs::default());
    let key_service = config.command.key_service();
    let around = Surroundings {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        database: database(config, fs.as_ref())?,
        fs,
        data: config.data.clone(),
        key_service: key_service.map_err(|what| Stopped { exit: Exit::Usage, message: what.to_owned() })?,
    };
    let images = images(loaded, &around)?;
    match &config.command {
        Command::Up(listen) => run::up(around, listen, images),
        Command::Serve(listen) => run::serve(around, listen, images),
        Command::Migrate { to: None } => migrate(&around),
        Command::Migrate { to: Some(url) } => relocate::run(&around, &address(url)?),
        Command::CheckLedger => check_ledger::run(&around),
        Command::Backup { file, with_secret } => backup::run(&around, file, *with_secret),
        Command::Restore { file, verify } => restore::run(&around, file, *verify),
        Command::Doctor { tls, quick, json, key_service: _, image_store: _ } => {
            doctor::run(&around, &images, tls, *quick, *json)
        }
        Command::Images { command: ImagesCommand::Copy { image_store: _, remove } } => {
            images::copy(&images, *remove)
        }
        Command::Keys(keys) => keys::run(&around, keys),
        Command::Config { command: ConfigCommand::Show { listen: _, json } } => {
            config_show::run(loaded, *json)
        }
        Command::User { command: UserCommand::Find { email } } => user::find(&around, email),
        Command::User { command: UserCommand::Erase { user, yes, despite_charges } } => {
            user::erase(&around, *user, *yes, *despite_charges)
        }
        Command::RootHash => {
            let root = data::read_root_hash(around.fs.as_ref(), &around.data)?;
            say(format_args!("{root}\n"))
        }
        Command::Invite { lasts } => invite::run(&around, *lasts),
        Command::Invitations { command: InvitationsCommand::List { json } } => {
            invitations::list(&around, *json)
        }
        Command::Invitations { command: InvitationsCommand::Withdraw { name, all: _ } } => {
            invitations::withdraw(&around, name.as_deref())
        }
        Command::Health(listen) => health::run(listen),
        Command::Openapi => say(format_args!("{}", crate::api::document_text().map_err(Stopped::because)?)),
    }
}

/// Where everything is kept, when that is not a file in the data folder.
fn database(config: &Config, fs: &dyn Fs) -> Result<Option<PostgresUrl>, Stopped> {
    let url = config.database_url.as_ref().filter(|url| !url.text().is_empty());
    let url = secret::read("database-url", url, config.database_url_file.as_deref(), fs);
    url.map_err(Stopped::because)?.map(|url| address(url.text())).transpose()
}

/// Where images are kept. Nobody is asked: a store that is away keeps no server from starting.
fn images(loaded: &Loaded, around: &Surroundings) -> Result<ImageStore, Stopped> {
    let at = loaded.config.command.image_store();
    let place = at.map_or(Ok(None), |at| at.place(&loaded.aws, around.fs.as_ref()));
    let store = place.and_then(|place| ImageStore::open(around.fs.clone(), &around.data, place.as_ref()));
    store.map_err(|error| Stopped { exit: Exit::Usage, message: error.to_string() })
}

fn address(url: &str) -> Result<PostgresUrl, Stopped> {
    url.parse().map_err(|error: StoreError| Stopped { exit: Exit::Usage, message: error.to_string() })
}

/// Opening brings the schema up to date; that is all.
fn migrate(around: &Surroundings) -> Result<Exit, Stopped> {
    data::prepare(around.fs.as_ref(), &around.data)?;
    let migrated = waiting::during("bringing the database up to date", || data::open_store(around));
    migrated.map_err(OpenError::from)?.close();
    match &around.database {
        Some(url) => say(format_args!("the database {url} is up to date\n")),
        None => say(format_args!("the database in {} is up to date\n", around.data.display())),
    }
}

/// Prints to standard output. A reader that has gone away is no failure.
fn say(text: fmt::Arguments<'_>) -> Result<Exit, Stopped> {
    let mut out = std::io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Stopped::because(error)),
        _ => Ok(Exit::Ok),
    }
}

fn now(around: &Surroundings) -> Time {
    Time(around.clock.wall_micros())
}
