//! What no tracked text file may contain: paths of somebody's machine, notes instead of work, package registries.

use std::path::Path;

use crate::workspace::{self, Failure, Workspace};

/// Something not to be found in a tracked file. Texts are written in two parts, so as not to find themselves.
struct Unwanted {
    text: &'static str,
    place: Place,
    because: &'static str,
}

/// Where in a line a text counts.
enum Place {
    /// At the start of a path: not in `network/work/` or `example.org/home/`.
    PathStart,
    /// As a word of its own.
    Word,
    /// Anywhere.
    Anywhere,
}

use Place::{Anywhere, PathStart, Word};

const MACHINE: &str =
    "a path of one machine means nothing on another: take it from an argument or the environment";
const NOTE: &str = "do it, or write down in the documentation that it is not done";
const REGISTRY: &str = "where packages come from is each user's setting";

const UNWANTED: &[Unwanted] = &[
    Unwanted { text: concat!("/ho", "me/"), place: PathStart, because: MACHINE },
    Unwanted { text: concat!("/ro", "ot/"), place: PathStart, because: MACHINE },
    Unwanted { text: concat!("/wo", "rk/"), place: PathStart, because: MACHINE },
    Unwanted { text: concat!("/Us", "ers/"), place: PathStart, because: MACHINE },
    Unwanted { text: concat!("TO", "DO"), place: Word, because: NOTE },
    Unwanted { text: concat!("FIX", "ME"), place: Word, because: NOTE },
    Unwanted { text: concat!("index.cra", "tes.io"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("static.cra", "tes.io"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("cra", "tes.io-index"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("py", "pi.org"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("files.python", "hosted.org"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("registry.np", "mjs.org"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("registry.yarn", "pkg.com"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("proxy.go", "lang.org"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("deb.deb", "ian.org"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("security.deb", "ian.org"), place: Anywhere, because: REGISTRY },
    Unwanted { text: concat!("archive.ubu", "ntu.com"), place: Anywhere, because: REGISTRY },
];

/// Cargo writes the registry's address into every entry of its lock file.
const LOCK_FILE: &str = "Cargo.lock";

/// Checks every file that git tracks or is about to.
pub fn check(workspace: &Workspace) -> Result<(), Failure> {
    if !workspace.root().join(".git").exists() {
        println!("      not a git checkout: nothing is tracked, nothing is checked");
        return Ok(());
    }
    let mut found = Vec::new();
    for file in tracked_files(workspace)? {
        if Path::new(&file).file_name().is_some_and(|name| name == LOCK_FILE) {
            continue;
        }
        // A file deleted but not yet committed is listed too.
        if let Ok(content) = std::fs::read(workspace.root().join(&file)) {
            found.extend(findings(&file, &content));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} unwanted line(s):\n  {}", found.len(), found.join("\n  "))))
}

fn tracked_files(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let mut git = workspace.program("git");
    // A checkout of another user, as in many containers, is only read here.
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let printed = workspace::output(&mut git)?;
    let names = printed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// One line for each unwanted text in a file; files that are not text have none.
fn findings(file: &str, content: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(content) else { return Vec::new() };
    if text.contains('\0') {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for unwanted in UNWANTED.iter().filter(|unwanted| unwanted.is_in(line)) {
            found.push(format!("{file}:{number}: `{}`: {}", unwanted.text, unwanted.because));
        }
    }
    found
}

impl Unwanted {
    fn is_in(&self, line: &str) -> bool {
        line.match_indices(self.text).any(|(at, text)| {
            let before = line.get(..at).and_then(|part| part.chars().next_back());
            let after = line.get(at + text.len()..).and_then(|part| part.chars().next());
            match self.place {
                Anywhere => true,
                Word => !before.is_some_and(is_of_a_word) && !after.is_some_and(is_of_a_word),
                PathStart => !before.is_some_and(is_of_a_path),
            }
        })
    }
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_of_a_path(character: char) -> bool {
    is_of_a_word(character) || ".-~}*".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(line: &str) -> bool {
        !findings("a.txt", line.as_bytes()).is_empty()
    }

    #[test]
    fn paths_of_a_machine_are_found_where_they_start() {
        for path in [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")] {
            for line in [format!("{path}x"), format!("see \"{path}main\""), format!("file://{path}x")] {
                assert!(finds(&line), "{line}");
            }
            for line in
                [format!("net{path}x"), format!("https://example.org{path}x"), format!("${{DIR}}{path}")]
            {
                assert!(!finds(&line), "{line}");
            }
        }
    }

    #[test]
    fn notes_are_found_as_words() {
        assert!(finds(concat!("// TO", "DO: later")) && finds(concat!("(FIX", "ME)")));
        assert!(!finds(concat!("MASTO", "DON")) && !finds("todo = \"deny\""));
    }

    #[test]
    fn registries_are_found_and_the_word_for_them_is_not() {
        assert!(finds(concat!("https://static.cra", "tes.io/x")) && finds(concat!("py", "pi.org/simple")));
        assert!(!finds("published on crates.io"));
    }

    #[test]
    fn a_finding_names_file_line_and_reason() {
        let found = findings("docs/a.md", concat!("fine\nsee /ho", "me/me\n").as_bytes());
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("docs/a.md:2: ") && found[0].ends_with(MACHINE), "{found:?}");
    }

    #[test]
    fn pictures_are_not_read_as_text() {
        assert!(findings("a.png", concat!("\0TO", "DO").as_bytes()).is_empty());
        assert!(findings("a.jpg", b"\xff\xd8 /home").is_empty());
    }

    #[test]
    fn the_rule_does_not_find_itself() {
        assert_eq!(findings("hygiene.rs", include_bytes!("hygiene.rs")), Vec::<String>::new());
    }
}
