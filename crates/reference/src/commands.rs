//! A command line as Markdown.

use std::fmt::Write;

use clap::{Arg, ArgAction, Command};

/// Every command: what it does, how it is written, and what it can be told. What holds for all of them comes
/// first.
pub fn reference(program: &Command) -> String {
    let mut program = program.clone();
    // Fills in usage lines and what is global.
    program.build();
    let name = program.get_name().to_owned();
    let global: Vec<&Arg> = program.get_arguments().filter(|argument| argument.is_global_set()).collect();
    let mut text = format!("## Options for every command\n\n{}\n", table(&global));
    for command in program.get_subcommands() {
        describe(&mut text, &name, command);
    }
    text
}

fn describe(text: &mut String, above: &str, command: &Command) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = format!("{above} {}", command.get_name());
    let below: Vec<&Command> = command.get_subcommands().collect();
    if below.is_empty() {
        one(text, &name, command);
    }
    for command in below {
        describe(text, &name, command);
    }
}

fn one(text: &mut String, name: &str, command: &Command) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let own = |argument: &&Arg| !is_everywhere(argument);
    let arguments: Vec<&Arg> = command.get_arguments().filter(own).collect();
    // Writing to a String cannot fail.
    let _ = write!(text, "## `{name}`\n\n{}.\n\n```\n{usage}\n```\n\n", cell(&about));
    if !arguments.is_empty() {
        let _ = writeln!(text, "{}", table(&arguments));
    }
    if let Some(after) = command.get_after_help() {
        let _ = write!(text, "```\n{}\n```\n\n", after.to_string().trim_end());
    }
}

/// Help, and what stands in the first table.
fn is_everywhere(argument: &Arg) -> bool {
    let shows = matches!(
        argument.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    );
    shows || (argument.is_global_set() && argument.get_id() != "name")
}

fn table(arguments: &[&Arg]) -> String {
    let row = |argument: &&Arg| format!("| {} | {} |\n", spelled(argument), meaning(argument));
    format!("| | |\n|---|---|\n{}", arguments.iter().map(row).collect::<String>())
}

/// As it is typed: `-f`, `--file FILE`, or `APP`.
fn spelled(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = if argument.get_action().takes_values() { names.join(" ") } else { String::new() };
    let long = argument.get_long().map(|long| format!("--{long}"));
    if argument.is_require_equals_set() {
        return format!("`{}[={value}]`", long.unwrap_or_default());
    }
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let typed = [long.unwrap_or_default(), value].join(" ");
    format!("{short}`{}`", typed.trim())
}

fn meaning(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| argument.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() {
        text += &format!(": {}", values.join(", "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        text += &format!(" [default: {}]", defaults.join(" "));
    }
    if let Some(variable) = argument.get_env() {
        text += &format!(" [env: {}]", variable.to_string_lossy());
    }
    cell(&text)
}

/// A text in one cell of a table.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}
