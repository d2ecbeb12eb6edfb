//! The layers: an option wins over its environment variable, that over the file, that over the default.
//!
//! What the file says becomes the default of the option, so that one parser judges all of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use carnet_seam::Fs;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use serde::Serialize;

use super::Config;
use super::file::{File, FileError};
use super::settings::{Setting, is_setting, settings};
use crate::image_store::credentials::AwsVariables;

/// The name of the file that is read where none is named, in the data folder.
pub const CONFIG_FILE: &str = "carnetd.toml";

/// Why the configuration is not understood.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line, or a variable.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// A variable.
    #[error("{variable}={value:?} in the environment is wrong: {what}")]
    Variable {
        /// Which.
        variable: String,
        /// What it says; hidden when it is a secret.
        value: String,
        /// What is wrong with it.
        what: String,
    },
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A secret given twice.
    #[error(
        "`{secret}` ({from}) and `{secret}-file` ({from_file}) are both set: take one of them away, so that it is clear which holds"
    )]
    BothSecrets {
        /// The setting.
        secret: String,
        /// Where the secret itself stands.
        from: String,
        /// Where its file is named.
        from_file: String,
    },
}

/// What holds, and where it comes from.
#[derive(Debug)]
pub struct Loaded {
    /// What holds.
    pub config: Config,
    /// What the variables say that AWS's own tools know.
    pub aws: AwsVariables,
    matches: ArgMatches,
    file: Option<File>,
}

/// One setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Which.
    pub name: String,
    /// Its value as text; none: not set, or a secret.
    pub value: Option<String>,
    /// Whether its value is not shown.
    pub secret: bool,
    /// Where it comes from: an option, a variable, a line of the file, or `default`; none: not set.
    pub from: Option<String>,
}

/// Reads all layers. `environment` gives the value of a variable; the parser reads the same one by itself, but does
/// not name it when something is wrong.
///
/// # Errors
/// [`LoadError`], which names the source and the remedy.
pub fn load<I>(
    arguments: I,
    environment: impl Fn(&str) -> Option<OsString>,
    fs: &dyn Fs,
) -> Result<Loaded, LoadError>
where
    I: IntoIterator<Item = OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    settings().iter().try_for_each(|setting| check_variable(setting, &environment))?;
    let first = Config::command().try_get_matches_from(&arguments)?;
    let file = file(&first, fs)?;
    let matches = match &file {
        Some(file) => with_defaults(Config::command(), file).try_get_matches_from(&arguments)?,
        None => first,
    };
    let config = Config::from_arg_matches(&matches)?;
    let loaded = Loaded { config, aws: AwsVariables::read(&environment), matches, file };
    loaded.refuse_both_secrets()?;
    Ok(loaded)
}

fn check_variable(
    setting: &Setting,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<(), LoadError> {
    let variable = setting.variable();
    let Some(value) = environment(&variable) else { return Ok(()) };
    let value = value.to_string_lossy();
    let Some(what) = setting.refusal(&value) else { return Ok(()) };
    let value = if setting.is_secret() { "(hidden)".to_owned() } else { value.into_owned() };
    Err(LoadError::Variable { variable, value, what })
}

/// The file that is named, or the one in the data folder where there is one.
fn file(matches: &ArgMatches, fs: &dyn Fs) -> Result<Option<File>, FileError> {
    if let Some(path) = matches.get_one::<PathBuf>("config") {
        return File::read(path, fs)?.map(Some).ok_or_else(|| FileError::Missing(path.clone()));
    }
    let data = matches.get_one::<PathBuf>("data").map_or(Path::new("."), PathBuf::as_path);
    let path = data.join(CONFIG_FILE);
    // A folder that cannot be looked into is told of by whoever needs it.
    if !matches!(fs.facts(&path), Ok(Some(_))) {
        return Ok(None);
    }
    let file = File::read(&path, fs)?;
    let elsewhere =
        "`data` cannot be set by a file that was found in the data folder: name the file with --config";
    match file.as_ref().and_then(|file| file.refuse("data", elsewhere)) {
        Some(error) => Err(error),
        None => Ok(file),
    }
}

fn with_defaults(command: Command, file: &File) -> Command {
    let command = command.mut_args(|argument| {
        let values = argument.get_long().filter(|_| is_setting(&argument)).and_then(|name| file.values(name));
        match values.map(<[String]>::to_vec) {
            Some(values) => argument.default_values(values),
            None => argument,
        }
    });
    command.mut_subcommands(|below| with_defaults(below, file))
}

impl Loaded {
    /// Every setting that the command knows, as it holds.
    #[must_use]
    pub fn effective(&self) -> Vec<Effective> {
        let matches = self.innermost();
        let known = |setting: &Setting| matches.try_contains_id(setting.id()).is_ok();
        settings().into_iter().filter(known).map(|setting| self.one(matches, &setting)).collect()
    }

    /// The file that was read.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    fn one(&self, matches: &ArgMatches, setting: &Setting) -> Effective {
        let raw = matches.get_raw(setting.id()).map(|values| {
            values.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
        });
        let from = raw.as_ref().and_then(|_| self.source(matches, setting));
        Effective {
            name: setting.name().to_owned(),
            value: raw.filter(|_| !setting.is_secret()),
            secret: setting.is_secret(),
            from,
        }
    }

    fn source(&self, matches: &ArgMatches, setting: &Setting) -> Option<String> {
        Some(match matches.value_source(setting.id())? {
            ValueSource::CommandLine => format!("--{}", setting.name()),
            ValueSource::EnvVariable => setting.variable(),
            _ => {
                let place = self.file.as_ref().and_then(|file| file.place(setting.name()));
                place.unwrap_or_else(|| "default".to_owned())
            }
        })
    }

    fn refuse_both_secrets(&self) -> Result<(), LoadError> {
        let effective = self.effective();
        for secret in effective.iter().filter(|setting| setting.secret) {
            let twin = format!("{}-file", secret.name);
            let twin = effective.iter().find(|setting| setting.name == twin);
            if let Some((from, from_file)) = secret.from.clone().zip(twin.and_then(|twin| twin.from.clone()))
            {
                let secret = secret.name.clone();
                return Err(LoadError::BothSecrets { secret, from, from_file });
            }
        }
        Ok(())
    }

    /// What was asked for, below all command words.
    fn innermost(&self) -> &ArgMatches {
        let mut matches = &self.matches;
        while let Some((_, below)) = matches.subcommand() {
            matches = below;
        }
        matches
    }
}
