//! What the operator decides: options, and environment and file where no option is given. Read once, in `main`.

pub mod file;
pub mod images;
pub mod load;
pub mod secret;
pub mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;

use carnet_core::app::SupplierName;
use carnet_core::id::{Digest, UserId};
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::admission::{
    LEDGER_BATCH, LEDGER_QUEUE, Network, Policy, REQUESTS_PER_MINUTE, WRONG_CODES_PER_HOUR,
};
use crate::command::Exit;
use crate::key_service::Place;
use crate::tls::Files;

pub use images::{ImageStoreAt, ImagesCommand};
pub use load::{LoadError, Loaded, load};
pub use secret::Secret;
pub use settings::{Setting, settings};

/// Where a server listens when nothing is said: this machine only.
pub const LISTEN: &str = "127.0.0.1:8470";

/// The licensing server
#[derive(Debug, Parser)]
#[command(name = "carnetd", version, after_help = Exit::table())]
pub struct Config {
    /// The folder with everything that the server keeps
    #[arg(long, global = true, env = "CARNETD_DATA", default_value = "carnet-data", value_name = "DIR")]
    pub data: PathBuf,

    /// The PostgreSQL database to keep everything in, instead of a file in the data folder:
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require`. Several servers may share it
    #[arg(long, global = true, env = "CARNETD_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<Secret>,

    /// The file that holds it
    #[arg(long, global = true, env = "CARNETD_DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,

    /// The configuration file; where none is named, `carnetd.toml` in the data folder is read if it is there
    #[arg(long, global = true, env = "CARNETD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What is logged: error, warn, info, debug or trace, also per module as in `info,carnet_store=debug`
    #[arg(long, global = true, env = "CARNETD_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// Whether log lines are JSON; `auto`: unless they go to a terminal
    #[arg(long, global = true, env = "CARNETD_JSON_LOGS", default_value = "auto", value_name = "WHEN")]
    pub json_logs: When,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a server, and make everything that a new one needs
    Up(Listen),
    /// Start a server, for service managers: says nothing but the log
    Serve(Listen),
    /// Bring the database up to date without starting a server
    Migrate {
        /// Copy everything from the file in the data folder into this empty PostgreSQL database, and go on there:
        /// `postgres://USER:PASSWORD@HOST:PORT/NAME`
        #[arg(long, value_name = "URL")]
        to: Option<String>,
    },
    /// Derive every balance and chain again from the database; beside a running server too
    CheckLedger,
    /// Write one file with everything that the server keeps; beside a running server too
    Backup {
        /// The file to write; refused when it is there already
        file: PathBuf,
        /// Put the secret that opens the keys into the file too; without it, `secret.key` must be kept separately
        #[arg(long)]
        with_secret: bool,
    },
    /// Put a backup in the place of the database, which is kept aside
    Restore {
        /// The file that `carnetd backup` has written
        file: PathBuf,
        /// Only check it: whether it is whole, whose it is and when it was made
        #[arg(long)]
        verify: bool,
    },
    /// Look at everything that an operator can do something about; beside a running server too
    Doctor {
        /// The certificate and its key
        #[command(flatten)]
        tls: TlsFiles,

        /// The key service to ask, as for `serve`
        #[command(flatten)]
        key_service: KeyServiceAt,

        /// The image store to look at, as for `serve`
        #[command(flatten)]
        image_store: Box<ImageStoreAt>,

        /// Leave out the ledger check, which reads every event
        #[arg(long)]
        quick: bool,

        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Look after the codes that `carnetd invite` has made
    Invitations {
        /// What to do
        #[command(subcommand)]
        command: InvitationsCommand,
    },
    /// Look after the bytes of installation images
    Images {
        /// What to do
        #[command(subcommand)]
        command: ImagesCommand,
    },
    /// Ask the server on this machine whether it is ready: for containers and monitors
    Health(Listen),
    /// Look after the persons behind the users
    User {
        /// What to do
        #[command(subcommand)]
        command: UserCommand,
    },
    /// What signs: show it, put new keys in the place of old ones, take the root key away
    #[command(subcommand)]
    Keys(Keys),
    /// Look at the configuration
    Config {
        /// What to do
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print what programs pin: the thumbprint of the root key
    RootHash,
    /// Make a code with which one more supplier can register
    Invite {
        /// How long it is good
        #[arg(long, default_value = "7 days", value_name = "LENGTH")]
        lasts: carnet_core::time::Length,
    },
    /// Print the OpenAPI document
    Openapi,
}

/// What to do about invitations.
#[derive(Debug, Subcommand)]
pub enum InvitationsCommand {
    /// Print those that are still good, by name
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Withdraw one, or all, before it is used; beside a running server too
    #[command(group = ArgGroup::new("which").required(true).args(["name", "all"]))]
    Withdraw {
        /// Its name, as `carnetd invitations list` prints it
        name: Option<String>,

        /// All that are still good
        #[arg(long)]
        all: bool,
    },
}

/// What to do about a person.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Print the ids of the users who gave this e-mail address
    Find {
        /// The address, whole; upper and lower case are the same
        email: String,
    },
    /// Erase everything personal of a user: the id and the licenses stay; beside a running server too
    Erase {
        /// Whose
        user: UserId,

        /// Do not ask
        #[arg(long)]
        yes: bool,

        /// Erase although something is still to be paid, or could not be
        #[arg(long)]
        despite_charges: bool,
    },
}

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Show all keys; beside a running server too
    List {
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Let new keys sign from now on; what the old ones have signed stays good
    Rotate {
        /// Only the keys of this supplier
        #[arg(long, value_name = "NAME", conflicts_with = "server")]
        supplier: Option<SupplierName>,

        /// Only the server's own key
        #[arg(long)]
        server: bool,

        /// The root key, where it was moved offline
        #[command(flatten)]
        root: RootFile,
    },
    /// Make a key, and everything that it has signed, good for nothing: for one that somebody else may have
    Revoke {
        /// Which: its id, as `keys list` shows it
        key: String,

        /// The root key, where it was moved offline
        #[command(flatten)]
        root: RootFile,
    },
    /// Sign the key set again: it is then good for another 400 days
    Publish {
        /// The root key, where it was moved offline
        #[command(flatten)]
        root: RootFile,
    },
    /// Take the root key away from the server, or bring it back
    #[command(subcommand)]
    Root(Root),
    /// Make two certificates that accept each other and nobody else, for a key service on another machine
    Pair {
        /// The folder for `key-service.pair`, which goes with `keys serve`, and `server.pair`, which goes with `serve`
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,

        /// How long they are good, in days
        #[arg(long, value_name = "DAYS", default_value_t = 730)]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=3_650))]
        lasts: u64,
    },
    /// Run the key service as a process of its own, with a data folder of its own: the public server then has no license
    /// keys
    Serve {
        /// Where to listen
        #[command(flatten)]
        place: ServeKeys,

        /// The server's root hash, as `carnetd root-hash` prints it; needed once, in a new folder
        #[arg(long, value_name = "HASH", value_parser = root_hash)]
        root: Option<Digest>,
    },
}

/// Where the key service listens.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub struct ServeKeys {
    /// A socket in a folder that nobody but this service and the server can open
    #[arg(long, value_name = "SOCKET", conflicts_with = "listen")]
    pub socket: Option<PathBuf>,

    /// An address that the public server's machine reaches, and nobody else
    #[arg(long, value_name = "ADDRESS", requires = "pair")]
    pub listen: Option<SocketAddr>,

    /// The key service's half of what `carnetd keys pair` has made
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub pair: Option<PathBuf>,
}

fn root_hash(text: &str) -> Result<Digest, &'static str> {
    text.trim().parse().map_err(|_| "a root hash has 64 hexadecimal digits, as `carnetd root-hash` prints it")
}

/// What to do with the root key.
#[derive(Debug, Subcommand)]
pub enum Root {
    /// Write the root key to a file on a medium, and take it out of the database
    MoveOffline {
        /// The file to write; refused when it is there already
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Put the root key back beside the data, as for a new supplier
    BringBack {
        /// The file that `move-offline` has written
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
}

/// The root key.
#[derive(Debug, Clone, Default, Args)]
pub struct RootFile {
    /// The file with the root key, where it was moved offline
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting as it would hold, and where it comes from; secrets stay hidden
    Show {
        /// What a server would be told
        #[command(flatten)]
        listen: Listen,

        /// For programs
        #[arg(long)]
        json: bool,
    },
}

/// Where to listen.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "CARNETD_LISTEN", default_value = LISTEN, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// A proxy in front of this server protects the connections: allow to listen beyond this machine
    #[arg(long, env = "CARNETD_BEHIND_PROXY", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub behind_proxy: bool,

    /// The certificate and its key
    #[command(flatten)]
    pub tls: TlsFiles,

    /// Where to be measured
    #[command(flatten)]
    pub metrics: MetricsPage,

    /// Who is let in how often
    #[command(flatten)]
    pub allowance: Allowance,

    /// A key service of its own
    #[command(flatten)]
    pub key_service: KeyServiceAt,

    /// Where images are kept
    #[command(flatten)]
    pub image_store: ImageStoreAt,
}

/// Where license keys are kept, when that is not the server itself.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyServiceAt {
    /// Where `carnetd keys serve` listens as a process of its own: a socket, or tls://HOST:PORT on another machine; without
    /// it, the server keeps license keys itself
    #[arg(long, env = "CARNETD_KEY_SERVICE", value_name = "SOCKET|ADDRESS")]
    pub key_service: Option<String>,

    /// The server's half of what `carnetd keys pair` has made, for a key service on another machine
    #[arg(long, env = "CARNETD_KEY_SERVICE_PAIR", value_name = "FILE")]
    pub key_service_pair: Option<PathBuf>,
}

impl KeyServiceAt {
    /// Where it is.
    ///
    /// # Errors
    /// When address and pair do not come together.
    pub fn place(&self) -> Result<Option<Place>, &'static str> {
        let address = self.key_service.as_deref().and_then(|place| place.strip_prefix("tls://"));
        match (&self.key_service, address, &self.key_service_pair) {
            (Some(_), Some(address), Some(pair)) if address.contains(':') => {
                Ok(Some(Place::Machine { address: address.to_owned(), pair: pair.clone() }))
            }
            (_, Some(_), Some(_)) => Err("the address of a key service has a port: tls://HOST:PORT"),
            (_, Some(_), None) => Err(
                "a key service on another machine needs --key-service-pair: make it with `carnetd keys pair`",
            ),
            (_, None, Some(_)) => Err("--key-service-pair goes with --key-service tls://HOST:PORT"),
            (Some(path), None, None) => Ok(Some(Place::Socket(path.into()))),
            (None, ..) => Ok(None),
        }
    }
}

impl Command {
    /// The key service, where a server is started, or looked at, that has one beside it.
    ///
    /// # Errors
    /// When the settings do not fit together.
    pub fn key_service(&self) -> Result<Option<Place>, &'static str> {
        match self {
            Self::Up(listen) | Self::Serve(listen) => listen.key_service.place(),
            Self::Doctor { key_service, .. } => key_service.place(),
            _ => Ok(None),
        }
    }

    /// Where a server keeps images, where one is started or looked at.
    #[must_use]
    pub const fn image_store(&self) -> Option<&ImageStoreAt> {
        match self {
            Self::Up(listen) | Self::Serve(listen) => Some(&listen.image_store),
            Self::Doctor { image_store, .. } => Some(image_store),
            Self::Images { command: ImagesCommand::Copy { image_store, .. } } => Some(image_store),
            _ => None,
        }
    }
}

/// Where to be measured.
#[derive(Debug, Clone, Default, Args)]
pub struct MetricsPage {
    /// Where to answer `/metrics`, as in 127.0.0.1:8471; nowhere unless it is set
    #[arg(long, env = "CARNETD_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// What must come with `Authorization: Bearer` there; better in a file, since others can read command lines
    #[arg(long, env = "CARNETD_METRICS_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub metrics_token: Option<Secret>,

    /// The file that holds it
    #[arg(long, env = "CARNETD_METRICS_TOKEN_FILE", value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,
}

/// Who is let in how often.
#[derive(Debug, Clone, Args)]
pub struct Allowance {
    /// Requests in a minute from one address without a proof of who asks; known devices and suppliers are not counted; 0: any number
    #[arg(long, env = "CARNETD_REQUEST_LIMIT", default_value_t = REQUESTS_PER_MINUTE, value_name = "NUMBER")]
    pub request_limit: u32,

    /// Wrong codes in an hour from one address, or from the devices of one user; 0: any number
    #[arg(long, env = "CARNETD_CODE_LIMIT", default_value_t = WRONG_CODES_PER_HOUR, value_name = "NUMBER")]
    pub code_limit: u32,

    /// Proxies whose `X-Forwarded-For` is believed: addresses, or networks as 10.0.0.0/8, with commas between them
    #[arg(long, env = "CARNETD_TRUSTED_PROXY", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxy: Vec<Network>,

    /// Work that may wait for the database; a quarter of it may be one user's; what is more gets 503 and comes again
    #[arg(long, env = "CARNETD_LEDGER_QUEUE", default_value_t = LEDGER_QUEUE, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub ledger_queue: u32,

    /// Requests that may share a transaction; 1: each has its own, for databases spread over machines by user
    #[arg(long, env = "CARNETD_LEDGER_BATCH", default_value_t = LEDGER_BATCH, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub ledger_batch: u32,
}

impl Allowance {
    /// What a server needs to know of it.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            requests_per_minute: self.request_limit,
            wrong_codes_per_hour: self.code_limit,
            trusted_proxies: self.trusted_proxy.clone(),
            ledger_queue: self.ledger_queue,
            ledger_batch: self.ledger_batch,
        }
    }
}

impl MetricsPage {
    /// Where to answer, if that is safe.
    ///
    /// # Errors
    /// [`Unfit::OpenMetrics`] beyond this machine without a token.
    pub fn address(&self) -> Result<Option<SocketAddr>, Unfit> {
        let Some(address) = self.metrics_listen else { return Ok(None) };
        let token = self.metrics_token.is_some() || self.metrics_token_file.is_some();
        if address.ip().is_loopback() || token { Ok(Some(address)) } else { Err(Unfit::OpenMetrics(address)) }
    }
}

/// The certificate and its key.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsFiles {
    /// The certificate chain to speak TLS with, in PEM, that of the server first; read again after SIGHUP
    #[arg(long, env = "CARNETD_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, env = "CARNETD_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsFiles {
    /// Both files; none: without TLS.
    ///
    /// # Errors
    /// [`HalfTls`] when one of them is missing.
    pub fn files(&self) -> Result<Option<Files>, HalfTls> {
        match (self.tls_cert.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(Files { certificate, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(HalfTls { there: "tls-cert", missing: "tls-key" }),
            (None, Some(_)) => Err(HalfTls { there: "tls-key", missing: "tls-cert" }),
        }
    }
}

/// Whether.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// As it fits.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

/// A certificate is of no use without its key, and the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{there}` is set and `{missing}` is not: set both, or none")]
pub struct HalfTls {
    there: &'static str,
    missing: &'static str,
}

/// What holds does not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nobody is protected.
    #[error(transparent)]
    Unprotected(#[from] Unprotected),
    /// Half of what TLS needs.
    #[error(transparent)]
    HalfTls(#[from] HalfTls),
    /// Whoever finds it could read how busy the server is.
    #[error(
        "the metrics on {0} can be reached from other machines: set `metrics-token-file`, or let `metrics-listen` be an address of this machine"
    )]
    OpenMetrics(SocketAddr),
}

/// Passwords and tokens would travel in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines: name a certificate with --tls-cert and --tls-key, or put a proxy with TLS in front and say --behind-proxy, or listen on 127.0.0.1"
)]
pub struct Unprotected(pub SocketAddr);

impl Listen {
    /// Where to listen, if that is safe.
    ///
    /// # Errors
    /// [`Unprotected`] beyond this machine, unless with TLS or behind a proxy; [`HalfTls`].
    pub fn address(&self) -> Result<SocketAddr, Unfit> {
        let tls = self.tls.files()?.is_some();
        if self.listen.ip().is_loopback() || self.behind_proxy || tls {
            Ok(self.listen)
        } else {
            Err(Unprotected(self.listen).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn metrics_beyond_this_machine_need_a_token() {
        let page = |address: &str, token: Option<&str>| MetricsPage {
            metrics_listen: Some(address.parse().unwrap()),
            metrics_token: token.map(|token| token.parse().unwrap()),
            metrics_token_file: None,
        };
        assert_eq!(MetricsPage::default().address(), Ok(None));
        assert!(page("127.0.0.1:0", None).address().is_ok());
        assert!(matches!(page("0.0.0.0:0", None).address(), Err(Unfit::OpenMetrics(_))));
        assert!(page("0.0.0.0:0", Some("x")).address().is_ok());
    }

    #[test]
    fn listening_beyond_this_machine_needs_tls_or_a_proxy() {
        let (one, two) = (Some(PathBuf::from("a")), Some(PathBuf::from("b")));
        let tls = TlsFiles { tls_cert: one, tls_key: two };
        let listen = |address: &str, behind_proxy: bool| {
            let proxy = format!("--behind-proxy={behind_proxy}");
            let config = Config::try_parse_from(["carnetd", "serve", "--listen", address, &proxy]).unwrap();
            let Command::Serve(listen) = config.command else { panic!() };
            listen
        };
        for address in ["127.0.0.1:0", "[::1]:8470", "127.9.9.9:1"] {
            assert!(listen(address, false).address().is_ok(), "{address}");
        }
        for address in ["0.0.0.0:8470", "[::]:8470", "192.168.0.2:8470", "[::ffff:127.0.0.1]:1"] {
            assert!(listen(address, false).address().is_err(), "{address}");
            assert!(listen(address, true).address().is_ok(), "{address}");
            let with_tls = Listen { tls: tls.clone(), ..listen(address, false) };
            assert!(with_tls.address().is_ok(), "{address}");
            let half = TlsFiles { tls_key: None, ..tls.clone() };
            let half = Listen { tls: half, ..listen(address, true) };
            assert!(half.address().unwrap_err().to_string().contains("`tls-key` is not"), "{address}");
        }
    }
}
