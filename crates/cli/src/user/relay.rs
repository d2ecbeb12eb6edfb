//! `carnet relay`: handing in for a device without a network (D4).

use std::path::{Path, PathBuf};

use carnet_manager::Setup;
use carnet_seal::ServerUrl;
use carnet_seal::armor::Carried;
use clap::Args;

use crate::by_hand::{request_in, write};
use crate::context::Context;
use crate::failure::Failure;
use crate::pictures::is_picture;
use crate::text::clean;
use crate::user::which;

/// Hand in a request that a device without a network has written, and write the answer.
#[derive(Debug, Args)]
#[command(after_help = "Needs no registration: a request is signed by its device, an answer by the server.")]
pub struct Relay {
    /// The file that --request-to has written, or its PNG pictures
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where to write the answer [default: FILE with `.answer` before its ending]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Relay {
    /// Hands it in. May be repeated: the server answers the same request with the same answer.
    ///
    /// # Errors
    /// When the request cannot be read, the server cannot be asked, or the answer cannot be written.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let env = which::env(context);
        let packet = request_in(&env.fs, &self.files)?;
        let no_server = |_| {
            Failure::usage(format!("the request names no server: `{}`", packet.url))
                .with_remedy("have it written once more")
        };
        let url = which::protected(packet.url.parse::<ServerUrl>().map_err(no_server)?)?;
        let setup = Setup::real(env.clone(), PathBuf::new(), context.time_limit());
        let answer = setup.relay(&url, &packet)?;
        let to = self
            .to
            .clone()
            .unwrap_or_else(|| answer_of(self.files.first().map_or(Path::new(""), PathBuf::as_path)));
        let files = write(&env.fs, &to, Carried::Answer, &answer.encode())?;
        let shown = serde_json::json!({
            "outcome": "answered", "server": url.as_str(), "answers": answer.answers.len(), "files": files,
        });
        context.output.result(&shown, || {
            let files: Vec<_> = files.iter().map(|file| clean(&file.display().to_string())).collect();
            let files = files.join(", ");
            format!(
                "{url} has answered.\nCarry {files} back, and give it to the same command with --answer.\n"
            )
        })
    }
}

/// `ask.txt` becomes `ask.answer.txt`, and `ask-1-of-3.png` becomes `ask.answer.png`.
fn answer_of(request: &Path) -> PathBuf {
    let stem = request.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let stem = if is_picture(request) { without_part(&stem) } else { &stem };
    let ending = request.extension().map_or("txt".into(), |ending| ending.to_string_lossy().into_owned());
    request.with_file_name(format!("{stem}.answer.{ending}"))
}

fn without_part(stem: &str) -> &str {
    let mut parts = stem.rsplitn(4, '-');
    let (of, word, number, whole) = (parts.next(), parts.next(), parts.next(), parts.next());
    let is_number = |text: Option<&str>| text.is_some_and(|text| text.parse::<u8>().is_ok());
    match whole {
        Some(whole) if word == Some("of") && is_number(of) && is_number(number) => whole,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_lies_beside_its_request() {
        for (request, answer) in [
            ("a/ask.txt", "a/ask.answer.txt"),
            ("ask", "ask.answer.txt"),
            ("ask.png", "ask.answer.png"),
            ("ask-1-of-3.png", "ask.answer.png"),
            ("one-of-us.png", "one-of-us.answer.png"),
        ] {
            assert_eq!(answer_of(Path::new(request)), Path::new(answer), "{request}");
        }
    }
}
