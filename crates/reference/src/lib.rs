//! The reference documents that are made from the code: every command with its options and exit codes, and
//! every problem that a server answers with. `cargo xtask generate` writes them to `docs`, a test compares.
//!
//! A crate of its own because it needs both programs, which must not need each other.

mod commands;

use carnet_api::ProblemCode;
use carnet_cli::exit::Exit;
use carnet_server::command;
use clap::CommandFactory;

/// The pages that there are.
pub const PAGES: [&str; 3] = ["carnet", "carnetd", "problems"];

/// The text of a page; none: there is no such page.
#[must_use]
pub fn page(name: &str) -> Option<String> {
    Some(match name {
        "carnet" => carnet(),
        "carnetd" => carnetd(),
        "problems" => problems(),
        _ => return None,
    })
}

const MADE: &str = "<!-- Made from the code: change that, then run `cargo xtask generate`. -->";

fn carnet() -> String {
    let intro = "What each command is good for, and its JSON, is in [user-commands.md](user-commands.md) and \
        [supplier-commands.md](supplier-commands.md). `carnet completions SHELL` prints completions for bash, zsh and fish; \
        `carnet man DIR` writes manual pages.";
    let exits = Exit::ALL.map(|exit| (u32::from(exit.number()), exit.meaning()));
    let commands = commands::reference(&carnet_cli::cli::command());
    format!("# Commands of `carnet`\n\n{MADE}\n\n{intro}\n\n{commands}{}", exit_codes(&exits))
}

fn carnetd() -> String {
    let intro = "The server. What can be set by more than an option is listed under [Settings](#settings).";
    let exits = command::Exit::ALL.map(|exit| (exit as u32, exit.meaning()));
    let commands = commands::reference(&carnet_server::config::Config::command());
    format!(
        "# Commands of `carnetd`\n\n{MADE}\n\n{intro}\n\n{commands}{}\n{}",
        settings(),
        exit_codes(&exits)
    )
}

fn settings() -> String {
    let intro = "An option wins over its environment variable, that over the file, that over the default. The file is TOML, named \
        by `--config` or `CARNETD_CONFIG`; otherwise `carnetd.toml` in the data folder, if it is there. Its keys are those of this \
        table, its values texts in quotes, numbers, `true` and `false`, or lists of them where several are possible. \
        A key that does not exist is an error. `carnetd config show` prints what holds, and where each value comes from.";
    let row = |setting: &carnet_server::config::Setting| {
        let mut text = setting.meaning();
        if let Some(default) = setting.default() {
            text += &format!(" [default: {default}]");
        }
        format!("| `{}` | `{}` | {} |\n", setting.name(), setting.variable(), commands::cell(&text))
    };
    let rows: String = carnet_server::config::settings().iter().map(row).collect();
    format!("## Settings\n\n{intro}\n\n| key | variable | |\n|---|---|---|\n{rows}")
}

fn exit_codes(exits: &[(u32, &str)]) -> String {
    let row = |(number, meaning): &(u32, &str)| format!("| {number} | {meaning} |\n");
    let rows: String = exits.iter().map(row).collect();
    format!("## Exit codes\n\nA number never changes its meaning.\n\n| code | meaning |\n|---|---|\n{rows}")
}

fn problems() -> String {
    let intro = "What a server answers when it does not do what was asked: `application/problem+json` (RFC 9457). `code` never \
        changes; `detail` says what happened and what to do; `errors` points at single fields; `request_id` is for the \
        operator. `GET /problems/CODE` says the same as this page.";
    let row = |code: ProblemCode| {
        let cells = [code.title(), code.remedy()].map(commands::cell);
        format!("| `{}` | {} | {} | {} |\n", code.as_str(), code.status(), cells[0], cells[1])
    };
    let rows: String = ProblemCode::ALL.into_iter().map(row).collect();
    format!(
        "# Problems\n\n{MADE}\n\n{intro}\n\n| code | HTTP | says | what to do |\n|---|---|---|---|\n{rows}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_pages_are_what_the_code_makes() {
        let committed = [
            ("carnet", include_str!("../../../docs/cli.md")),
            ("carnetd", include_str!("../../../docs/carnetd.md")),
            ("problems", include_str!("../../../docs/problems.md")),
        ];
        assert_eq!(committed.map(|(name, _)| name), PAGES);
        for (name, text) in committed {
            assert!(page(name).as_deref() == Some(text), "{name} has changed: cargo xtask generate");
        }
    }

    #[test]
    fn every_command_and_option_stands_in_the_reference_and_nothing_is_without_words() {
        for (page, command) in
            [(carnet(), carnet_cli::cli::command()), (carnetd(), carnet_server::config::Config::command())]
        {
            for (name, command) in carnet_cli::cli::every_command(&command) {
                assert!(command.get_about().is_some(), "{name} says nothing");
                assert!(command.has_subcommands() || page.contains(&format!("## `{name}`\n")), "{name}");
                for argument in command.get_arguments() {
                    let id = argument.get_id();
                    assert!(argument.get_help().is_some(), "{name}: {id} says nothing");
                    let long = argument.get_long().map(|long| format!("`--{long}"));
                    assert!(long.is_none_or(|long| page.contains(&long)), "{name}: {id}");
                }
            }
        }
    }

    /// What is copied from a page must not be silently without effect.
    #[test]
    fn packaging_and_pages_name_only_variables_that_exist() {
        let known: Vec<String> =
            carnet_server::config::settings().iter().map(carnet_server::config::Setting::variable).collect();
        let mut named = 0;
        for (page, text) in [
            ("carnetd.service", include_str!("../../../packaging/carnetd.service")),
            ("Containerfile", include_str!("../../../packaging/Containerfile")),
            ("container.md", include_str!("../../../docs/container.md")),
            ("systemd.md", include_str!("../../../docs/systemd.md")),
            ("operating.md", include_str!("../../../docs/operating.md")),
        ] {
            let part_of_a_name = |letter: char| letter.is_ascii_uppercase() || letter == '_';
            for word in text.split(|letter| !part_of_a_name(letter)) {
                let is_variable = word.starts_with("CARNETD_") && word.len() > "CARNETD_".len();
                assert!(
                    !is_variable || word == "CARNETD_CONFIG" || known.iter().any(|known| known == word),
                    "{page}: {word}"
                );
                named += usize::from(is_variable);
            }
        }
        assert!(named > 10, "{named}");
    }
}
