//! `carnet-reference PAGE`: prints one of the reference documents, for `cargo xtask generate`.

use std::io::Write;
use std::process::ExitCode;

use carnet_reference::{PAGES, page};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(text) = page(&name) else {
        eprintln!("error: there is no page `{name}`; there are {}", PAGES.join(", "));
        return ExitCode::from(2);
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
