//! What every command is given: how to speak, where its files are, which server it means.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_device::platform::ThisMachine;
use carnet_seal::ServerUrl;
use carnet_seam::{Crash, Fs, RealFs};

use crate::by_hand::Hands;
use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Http, Token, bad_token};
use crate::output::Output;
use crate::progress::{Progress, waiting_for};
use crate::{secret, server_url};

/// What `main` has read from the environment; nothing else reads it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `CARNET_HOME`.
    pub home: Option<PathBuf>,
    /// `CARNET_SERVER`.
    pub server: Option<String>,
    /// `CARNET_IDENTITY`.
    pub identity: Option<String>,
    /// `CARNET_TPM`.
    pub tpm: Option<String>,
    /// `CARNET_TOKEN`; hidden where this is shown.
    pub token: Option<Token>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// Where a test lets this process die; nowhere in a release.
    pub crash: Crash,
    /// The folder in which programs keep a user's data (`XDG_DATA_HOME`, or the one below `HOME`).
    pub data: Option<PathBuf>,
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// How it speaks.
    pub output: Output,
    /// Files that must last.
    pub files: Box<dyn Fs>,
    global: Global,
    environment: Environment,
    hands: OnceCell<Hands>,
}

/// The most bytes of a file that holds one token or one address.
const LARGEST_SMALL_FILE: u64 = 4_096;

impl Context {
    /// From the command line and the environment.
    #[must_use]
    pub fn new(global: Global, environment: Environment) -> Self {
        let output = Output::new(global.json, !global.no_input);
        let files = Box::new(RealFs::default());
        Self { output, files, global, environment, hands: OnceCell::new() }
    }

    /// The folder that holds everything Carnet keeps for this user: passbook and tokens.
    ///
    /// # Errors
    /// `no-home` when nothing names one.
    pub fn home(&self) -> Result<PathBuf, Failure> {
        let named = self.global.home.clone().or_else(|| self.environment.home.clone());
        let usual = || self.environment.data.as_ref().map(|folder| folder.join("carnet"));
        named.or_else(usual).ok_or_else(|| {
            Failure::new(Exit::Usage, "no-home", "there is no folder to keep anything in")
                .with_remedy("name one with --home or CARNET_HOME")
        })
    }

    /// Whether the command line says that there is no network; from then on [`Context::hands`] has what replaces it.
    ///
    /// # Errors
    /// When the answer that was brought cannot be read.
    pub fn needs_no_network(&self) -> Result<bool, Failure> {
        if let Some(hands) = Hands::of(&self.global.by_hand, &crate::user::which::env(self))? {
            // Asked twice, the first one stays.
            let _ = self.hands.set(hands);
        }
        Ok(self.hands.get().is_some())
    }

    /// What replaces the network.
    #[must_use]
    pub fn hands(&self) -> Option<&Hands> {
        self.hands.get()
    }

    /// What the environment says that a new device is known by.
    #[must_use]
    pub fn identity(&self) -> Option<&str> {
        self.environment.identity.as_deref()
    }

    /// The machine, with the TPM that the environment names.
    #[must_use]
    pub fn machine(&self) -> ThisMachine {
        ThisMachine::with_tpm(self.environment.tpm.clone())
    }

    /// The server that the command line or the environment names.
    ///
    /// # Errors
    /// When it is not the address of one.
    pub fn named_server(&self) -> Result<Option<ServerUrl>, Failure> {
        let Some(text) = self.global.server.as_ref().or(self.environment.server.as_ref()) else {
            return Ok(None);
        };
        let typed = server_url::typed(text);
        typed.map(Some).map_err(|wrong| Failure::usage(wrong.to_string()).with_remedy(wrong.remedy()))
    }

    /// The supplier's token that the command line or the environment gives.
    ///
    /// # Errors
    /// `bad-token` when the file cannot be read or holds no token.
    pub fn given_token(&self) -> Result<Option<Token>, Failure> {
        match &self.global.token_file {
            None => Ok(self.environment.token.clone()),
            Some(path) => self.token_in(path).map(Some),
        }
    }

    /// The token in a file that its owner made.
    fn token_in(&self, path: &Path) -> Result<Token, Failure> {
        let text = secret::in_file(self.output, path, "The supplier's token", |why| {
            bad_token(&format!("no token: {why}"))
        })?;
        let none = || bad_token(&format!("the token file {} holds no token", path.display()));
        Token::in_text(&text).ok_or_else(none)
    }

    /// The file that holds the passbook's PIN.
    #[must_use]
    pub fn pin_file(&self) -> Option<&Path> {
        self.global.pin_file.as_deref()
    }

    /// How long one exchange with a server may take.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        Duration::from_secs(self.global.timeout)
    }

    /// Where programs are looked for.
    #[must_use]
    pub fn program_folders(&self) -> Vec<PathBuf> {
        self.environment.path.iter().flat_map(std::env::split_paths).collect()
    }

    /// Where a test lets this process die.
    #[must_use]
    pub fn crash(&self) -> Crash {
        self.environment.crash.clone()
    }

    /// The way to a server.
    #[must_use]
    pub fn http(&self, server: ServerUrl, token: Option<Token>) -> Http {
        Http::new(server, token, self.time_limit(), self.output)
    }

    /// Shows at a terminal, after a second and as long as the value lives, that a server is waited for: for an
    /// answer, for many, or for another command that asks it.
    #[must_use]
    pub fn waiting_for(&self, server: &ServerUrl) -> Progress {
        self.output.waiting(waiting_for(server.as_str()))
    }

    /// The text of a small file of ours, where there is one.
    ///
    /// # Errors
    /// What the system reports.
    pub fn small_file(&self, path: &Path) -> Result<Option<String>, Failure> {
        let bytes = carnet_seam::fs::read_file(&*self.files, path, LARGEST_SMALL_FILE)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}
