//! `--request-to` and `--answer`: commands of a device without a network (D4).
//!
//! Where one of the two is given, nothing is sent: what would be sent is written to a file or a picture, what was brought
//! back is taken in. The commands themselves know nothing of that; they ask over another carrier.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_device::by_hand::{AnswerPacket, ByHand, RequestPacket};
use carnet_device::{Env, MediumError};
use carnet_manager::Carrier;
use carnet_seal::armor::{self, Carried};
use carnet_seal::cbor::CborError;
use carnet_seam::Fs;
use carnet_seam::fs::{read_file, replace_file};
use clap::Args;

use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures::{Drawn, Shown, is_picture};
use crate::text::clean;

/// The largest text that is read.
const LARGEST: u64 = 2 << 20;
/// The code of what could not be asked yet.
const WAITS: &str = "to-be-carried";

/// How the server is asked where there is no network.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Send nothing: write the request to FILE (text, or pictures in a .png), for `carnet relay` on a connected machine
    #[arg(long, global = true, value_name = "FILE")]
    pub request_to: Option<PathBuf>,
    /// Take in the answer that `carnet relay` has written, of the same command
    #[arg(long, global = true, value_name = "FILE")]
    pub answer: Option<PathBuf>,
}

/// A command without a network.
#[derive(Debug)]
pub struct Hands {
    by: ByHand,
    fs: Arc<dyn Fs>,
    options: Options,
}

impl Hands {
    /// None: there is a network.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn of(options: &Options, env: &Env) -> Result<Option<Self>, Failure> {
        if options.request_to.is_none() && options.answer.is_none() {
            return Ok(None);
        }
        let answer = options.answer.as_ref().map(|path| answer_in(&env.fs, path)).transpose()?;
        Ok(Some(Self { by: ByHand::new(answer), fs: env.fs.clone(), options: options.clone() }))
    }

    /// The way to every server.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        let by = self.by.clone();
        Arc::new(move |url| by.to(url))
    }

    /// Writes down what the command would have sent, and says what to do with it.
    ///
    /// # Errors
    /// What the command says, where that is not the request's fault; when the file cannot be written.
    pub fn finish(&self, output: Output, done: Result<Ended, Failure>) -> Result<Ended, Failure> {
        if !self.by.was_of_use() {
            output.warning("the answer belongs to no request that is open here: was it taken in before?");
        }
        let out = self.by.out();
        match (out.as_slice(), &self.options.request_to) {
            ([], _) | (_, None) => done,
            ([packet], Some(_)) if packet.is_empty() && done.is_ok() => done,
            ([packet], Some(path)) => {
                let files = write(&self.fs, path, Carried::Request, &packet.encode())?;
                told(output, packet, &files, done)
            }
            _ => Err(Failure::usage("requests for several servers do not go into one file")
                .with_remedy("name the server with --server, one after the other")),
        }
    }
}

fn told(
    output: Output,
    packet: &RequestPacket,
    files: &[PathBuf],
    done: Result<Ended, Failure>,
) -> Result<Ended, Failure> {
    let words = in_words(packet, files);
    match done {
        Err(failure) if failure.code == WAITS => {
            let shown =
                serde_json::json!({ "outcome": "request-written", "server": packet.url, "files": files });
            output.result(&shown, || words)?;
            Ok(Exit::Ok.into())
        }
        Ok(Ended::Here(Exit::Unreachable)) => {
            output.note(&words);
            Ok(Exit::Ok.into())
        }
        done => {
            output.note(&words);
            done
        }
    }
}

fn in_words(packet: &RequestPacket, files: &[PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|file| clean(&file.display().to_string())).collect();
    let first = files.first().cloned().unwrap_or_default();
    format!(
        "Nothing was sent. The request is written to {}.\nOn a machine that reaches {}:\n  carnet relay {first}\nThen, here, the \
         same command again with --answer and the file that this writes.\n",
        files.join(", "),
        clean(&packet.url)
    )
}

fn answer_in(fs: &Arc<dyn Fs>, path: &Path) -> Result<AnswerPacket, Failure> {
    let bytes = read(fs, &[path.to_owned()], Carried::Answer)?;
    AnswerPacket::decode(&bytes).map_err(|wrong| damaged(path, &wrong))
}

/// The request in a file or in pictures.
///
/// # Errors
/// When it cannot be read, or is something else.
pub fn request_in(fs: &Arc<dyn Fs>, paths: &[PathBuf]) -> Result<RequestPacket, Failure> {
    let bytes = read(fs, paths, Carried::Request)?;
    let first = paths.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
    RequestPacket::decode(&bytes).map_err(|wrong| damaged(first, &wrong))
}

fn damaged(path: &Path, wrong: &CborError) -> Failure {
    let what = format!("{} is damaged: {wrong}", path.display());
    Failure::new(Exit::Medium, "medium-unreadable", what).with_remedy("have it written once more")
}

/// What is carried in these files, when it is of that kind.
fn read(fs: &Arc<dyn Fs>, paths: &[PathBuf], wanted: Carried) -> Result<Vec<u8>, Failure> {
    let (found, bytes) = match paths {
        [path] if !is_picture(path) => text_in(fs, path)?,
        _ => Shown::new(fs.clone(), paths).content()?,
    };
    if found == wanted {
        return Ok(bytes);
    }
    let name = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    Err(Failure::new(Exit::Medium, "medium-unreadable", format!("{name} carries {found}, not {wanted}"))
        .with_remedy(match wanted {
            Carried::Answer => "give the file that `carnet relay` has written",
            Carried::Request => "give the file that --request-to has written",
            Carried::Passbook => "give the file that the export has written",
            _ => "give the file that the supplier, or the user, has written",
        }))
}

fn text_in(fs: &Arc<dyn Fs>, path: &Path) -> Result<(Carried, Vec<u8>), Failure> {
    let bytes = read_file(&**fs, path, LARGEST).map_err(MediumError::from)?;
    let bytes = bytes.ok_or_else(|| MediumError::NotThere(path.to_owned()))?;
    let text = String::from_utf8_lossy(&bytes);
    let name = path.display().to_string();
    Ok(armor::read(&text).map_err(|wrong| MediumError::Armor { name, wrong })?)
}

/// Writes what is carried, as text, or as pictures where the name ends in `.png`. Returns the files.
///
/// # Errors
/// When they cannot be written.
pub fn write(fs: &Arc<dyn Fs>, path: &Path, carried: Carried, bytes: &[u8]) -> Result<Vec<PathBuf>, Failure> {
    if is_picture(path) {
        let drawn = Drawn::new(fs.clone(), path);
        drawn.draw(carried, bytes)?;
        return Ok(drawn.files());
    }
    replace_file(&**fs, path, armor::write(carried, bytes).as_bytes()).map_err(MediumError::from)?;
    Ok(vec![path.to_owned()])
}
