//! Commands as data: each `tests/cases/*.case` is a story of command lines, and what `carnet` answers.
//!
//! A line of a case is one of
//!
//! * `# …` or nothing: for the reader;
//! * `@ shop`: a real server on which `acme` sells `tests/cases/files/menu.toml`;
//! * `@ as NAME`: whose home the following commands use;
//! * `$ carnet …`, `$ carnetd …`: a command line, with words as in a shell, in the folder `tests/cases/files`. `{URL}`, `{ROOT}`, `{HOME}`
//!   and `{LICENSE}` stand for the server's address and root hash, the home, and the newest license;
//! * `< …`: a line of its standard input;
//! * `1> …`, `2> …`, `? N`: what it writes to stdout and stderr, and its exit code where that is not 0.
//!
//! A command of `carnet` that fails is run once more with `--json`, and must fail alike. To write what is answered into all cases:
//! `CARNET_CASES=write cargo test -p carnet-cli cases`, then look at the difference before it is committed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carnet_cli::cli::{command, every_command};

use crate::carnet::{Carnet, Ran};
use crate::user::shop::{Shop, carnetd};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "case")).collect();
    cases.sort();
    assert!(cases.len() >= 4, "the cases are gone: {cases:?}");
    cases
}

/// Made again only on demand, under version control.
#[expect(clippy::disallowed_methods, reason = "a wish of the person who runs the tests")]
fn are_written() -> bool {
    std::env::var("CARNET_CASES").is_ok_and(|wish| wish == "write")
}

#[test]
#[expect(clippy::disallowed_methods, reason = "made again only on demand, under version control")]
fn every_command_answers_as_its_case_says() {
    let write = are_written();
    let mut wrong = Vec::new();
    for path in cases() {
        let expected = fs::read_to_string(&path).unwrap();
        let told = Stage::default().play(&expected);
        if write {
            fs::write(&path, &told).unwrap();
        } else if told != expected {
            let diff = similar::TextDiff::from_lines(&expected, &told);
            wrong.push(format!("{}\n{}", path.display(), diff.unified_diff()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_command_has_a_case_with_wrong_input() {
    if are_written() {
        // The other test is at it.
        return;
    }
    let text: String = cases().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let failing: Vec<&str> = text
        .split("\n$ ")
        .skip(1)
        .filter(|part| part.lines().any(|line| line.starts_with("? ")))
        .filter_map(|part| part.lines().next())
        .collect();
    for (name, command) in every_command(&command()) {
        let is_met = |line: &&str| **line == name || line.starts_with(&format!("{name} "));
        assert!(command.has_subcommands() || failing.iter().any(is_met), "{name} has none");
    }
}

/// Where a case is played.
#[derive(Default)]
struct Stage {
    shop: Option<Shop>,
    homes: BTreeMap<String, Carnet>,
    who: String,
}

/// A command line of a case, with its standard input.
struct Line<'a> {
    text: &'a str,
    input: Vec<&'a str>,
}

impl Stage {
    /// The same case, with what is answered now.
    fn play(mut self, case: &str) -> String {
        let mut told = String::new();
        let mut lines = case.lines().peekable();
        while let Some(line) = lines.next() {
            let is_answer = ["1>", "2>", "? "].iter().any(|mark| line.starts_with(mark));
            if is_answer {
                continue;
            }
            told += &format!("{line}\n");
            if let Some(wish) = line.strip_prefix("@ ") {
                self.prepare(wish);
            } else if let Some(text) = line.strip_prefix("$ ") {
                let mut input = Vec::new();
                while let Some(more) = lines.next_if(|line| line.starts_with("< ")) {
                    told += &format!("{more}\n");
                    input.push(&more[2..]);
                }
                told += &self.answer(&Line { text, input });
            }
        }
        told
    }

    fn prepare(&mut self, wish: &str) {
        match wish.split_once(' ') {
            None if wish == "shop" => {
                let shop = Shop::open();
                let menu = fs::read_to_string(folder().join("files/menu.toml")).unwrap();
                shop.sell(&[menu.split_once('\n').unwrap().1]);
                self.shop = Some(shop);
            }
            Some(("as", who)) => who.clone_into(&mut self.who),
            _ => panic!("a case says `@ {wish}`"),
        }
    }

    fn answer(&mut self, line: &Line<'_>) -> String {
        let ran = self.run(line, false);
        let mut told = marked("1>", &self.fixed(&ran.out)) + &marked("2>", &self.fixed(&ran.err));
        if ran.code != 0 {
            told += &format!("? {}\n", ran.code);
            // Not when a program has ended with that code, or it was JSON at once.
            if ran.err.contains("error") && line.text.starts_with("carnet ") {
                let again = self.run(line, true);
                assert_eq!(again.failed().0, ran.code, "{}: {again:?}", line.text);
            }
        }
        told
    }

    fn run(&mut self, line: &Line<'_>, json: bool) -> Ran {
        let home = self.home().home.display().to_string();
        let mut words: Vec<String> = words(line.text).iter().map(|word| self.filled(word, &home)).collect();
        let program = words.remove(0);
        if json {
            let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
            words.insert(end, "--json".into());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = match program.as_str() {
            "carnet" => self.home().command(&words),
            "carnetd" => of_server(&words, &home),
            other => panic!("a case says `$ {other}`"),
        };
        command.current_dir(folder().join("files")).env("CARNET_IDENTITY", format!("file:{home}/id"));
        command.env("PATH", "/usr/bin:/bin").stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let input: String = line.input.iter().map(|line| format!("{line}\n")).collect();
        // A command that does not read its input may have ended.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn home(&mut self) -> &Carnet {
        match &self.shop {
            Some(shop) if self.who == "acme" => shop.supplier_home(),
            _ => self.homes.entry(self.who.clone()).or_insert_with(Carnet::new),
        }
    }

    /// A word of a command line, with what stands for something filled in.
    fn filled(&self, word: &str, home: &str) -> String {
        let word = word.replace("{HOME}", home);
        let Some(shop) = &self.shop else { return word };
        let word = word.replace("{URL}", &shop.url).replace("{ROOT}", &shop.root);
        if !word.contains("{LICENSE}") {
            return word;
        }
        word.replace("{LICENSE}", shop.licenses()[0]["id"].as_str().unwrap())
    }

    /// A text in which nothing differs from one run to the next.
    fn fixed(&mut self, text: &str) -> String {
        let home = self.home().home.display().to_string();
        let mut text = text.replace(&home, "{HOME}");
        if let Some(shop) = &self.shop {
            let address = shop.url.trim_start_matches("http://").to_owned();
            text = text.replace(&shop.url, "{URL}").replace(&shop.root, "{ROOT}");
            text = text.replace(&address.replace(':', "_"), "{SERVER}");
        }
        without_names(&text)
    }
}

/// `carnetd`, with its data below the home.
fn of_server(words: &[&str], home: &str) -> Command {
    let mut command = Command::new(carnetd());
    command.env_clear().env("CARNETD_DATA", format!("{home}/data")).args(words);
    command
}

/// Ids, tokens, times and days are others each time.
fn without_names(text: &str) -> String {
    let hex = |text: &str| text.chars().take_while(char::is_ascii_hexdigit).count();
    let mut fixed = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let id = ["usr_", "dev_", "lic_", "mov_", "srv_", "sup_"]
            .into_iter()
            .find(|prefix| rest.strip_prefix(prefix).is_some_and(|digits| hex(digits) == 32));
        let of_time = |letter: &char| letter.is_ascii_digit() || "-:.TZ".contains(*letter);
        let time: String = rest.chars().take_while(of_time).collect();
        let (shown, length) = match id {
            Some(prefix) => (format!("{{{}}}", prefix.trim_end_matches('_').to_uppercase()), 36),
            None if code_length(rest) >= 38 => ("{CODE}".into(), code_length(rest)),
            None if rest.starts_with("carnet_sup_") && rest.len() > 54 => ("{TOKEN}".into(), 54),
            None if time.len() >= 20 && time.starts_with("20") => ("{TIME}".into(), time.len()),
            None if time.len() == 10 && time.starts_with("20") => {
                let minute = rest.get(16..20) == Some(" UTC");
                ("{DAY}".into(), if minute { 20 } else { 10 })
            }
            None => (letter.into(), letter.len_utf8()),
        };
        fixed += &shown;
        rest = &rest[length..];
    }
    fixed
}

/// How long the code is that a text begins with; a mistyped one is shorter.
fn code_length(text: &str) -> usize {
    let is_code =
        ["join1-", "enrol1-", "recover1-", "redeem1-"].iter().any(|prefix| text.starts_with(prefix));
    let of_code = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    if is_code { text.bytes().take_while(of_code).count() } else { 0 }
}

fn marked(mark: &str, text: &str) -> String {
    text.lines().map(|line| format!("{mark} {line}").trim_end().to_owned() + "\n").collect()
}

/// Words as in a shell: between spaces, with '…' around what is one word.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in line.chars() {
        match letter {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => word.push(letter),
        }
    }
    words.push(word);
    words
}
