//! What the operator decides: flags, and the environment where no flag is given. Read once, in `main`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command::Exit;
use crate::tls::Files;

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
    pub database_url: Option<String>,

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
    Migrate,
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

        /// Leave out the ledger check, which reads every event
        #[arg(long)]
        quick: bool,

        /// For programs
        #[arg(long)]
        json: bool,
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

/// Where to listen.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "CARNETD_LISTEN", default_value = LISTEN, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// A proxy in front of this server protects the connections: allow to listen beyond this machine
    #[arg(long, env = "CARNETD_BEHIND_PROXY")]
    pub behind_proxy: bool,

    /// The certificate and its key
    #[command(flatten)]
    pub tls: TlsFiles,
}

/// The certificate and its key.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsFiles {
    /// The certificate chain to speak TLS with, in PEM, that of the server first; read again after SIGHUP
    #[arg(long, env = "CARNETD_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, env = "CARNETD_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsFiles {
    /// Both files; none: without TLS.
    #[must_use]
    pub fn files(&self) -> Option<Files> {
        Some(Files { certificate: self.tls_cert.clone()?, key: self.tls_key.clone()? })
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
    /// [`Unprotected`] beyond this machine, unless with TLS or behind a proxy.
    pub fn address(&self) -> Result<SocketAddr, Unprotected> {
        if self.listen.ip().is_loopback() || self.behind_proxy || self.tls.files().is_some() {
            Ok(self.listen)
        } else {
            Err(Unprotected(self.listen))
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
    fn listening_beyond_this_machine_needs_tls_or_a_proxy() {
        let (one, two) = (Some(PathBuf::from("a")), Some(PathBuf::from("b")));
        let tls = TlsFiles { tls_cert: one, tls_key: two };
        let listen = |address: &str, behind_proxy| Listen {
            listen: address.parse().unwrap(),
            behind_proxy,
            tls: TlsFiles::default(),
        };
        for address in ["127.0.0.1:0", "[::1]:8470", "127.9.9.9:1"] {
            assert!(listen(address, false).address().is_ok(), "{address}");
        }
        for address in ["0.0.0.0:8470", "[::]:8470", "192.168.0.2:8470", "[::ffff:127.0.0.1]:1"] {
            assert!(listen(address, false).address().is_err(), "{address}");
            assert!(listen(address, true).address().is_ok(), "{address}");
            let with_tls = Listen { tls: tls.clone(), ..listen(address, false) };
            assert!(with_tls.address().is_ok(), "{address}");
        }
    }
}
