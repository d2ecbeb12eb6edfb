//! Secrets from outside: a file, standard input, or a person at a terminal, whose keys are not shown. On the
//! command line everybody on the machine could read them.

use std::io::{IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::Output;
use crate::user::ask;

/// The most bytes of a file that holds one secret.
const LARGEST: u64 = 4_096;

/// The text of a file that holds one secret; `-` is standard input, which a person at a terminal is asked for.
///
/// # Errors
/// What `wrong` makes of the reason why it cannot be read; `interrupted` when nobody wants to answer.
pub fn in_file(
    output: Output,
    path: &Path,
    question: &str,
    wrong: impl Fn(&str) -> Failure,
) -> Result<Zeroizing<String>, Failure> {
    let stdin = path.as_os_str() == "-";
    if stdin && output.can_ask() {
        return ask::secret(question);
    }
    if stdin && std::io::stdin().is_terminal() {
        return Err(wrong("it is to be read from standard input, and nobody may be asked there"));
    }
    let mut text = Zeroizing::new(String::new());
    let read = if stdin {
        std::io::stdin().lock().take(LARGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(wrong(&format!("{} cannot be read: {error}", path.display()))),
    }
}
