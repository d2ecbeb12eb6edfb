//! What can be set: the options of [`Config`] that have an environment variable. They are the one table that parsing,
//! the file, `carnetd config show` and the reference are made from.

use clap::{Arg, Command, CommandFactory};

use super::Config;

/// One thing that can be set by option, environment and file.
#[derive(Debug, Clone)]
pub struct Setting(Arg);

impl Setting {
    /// The key in the file, and the option without its dashes.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.get_long().unwrap_or_default()
    }

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        self.0.get_env().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What it is for.
    #[must_use]
    pub fn meaning(&self) -> String {
        self.0.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// What holds when nobody says anything; none: nothing does.
    #[must_use]
    pub fn default(&self) -> Option<String> {
        let values = self.0.get_default_values();
        let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// Whether its value is never shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.0.is_hide_env_values_set()
    }

    /// How the command line calls it inside.
    pub(super) fn id(&self) -> &str {
        self.0.get_id().as_str()
    }

    /// Whether it takes several values.
    pub(super) fn is_list(&self) -> bool {
        self.0.get_value_delimiter().is_some()
    }

    /// What is wrong with a value; none: nothing. The option itself judges it.
    pub(super) fn refusal(&self, value: &str) -> Option<String> {
        let alone = Command::new("setting").arg(self.0.clone());
        let error = alone.try_get_matches_from(["setting", &format!("--{}={value}", self.name())]).err()?;
        let reason = std::error::Error::source(&error).map(ToString::to_string);
        let possible = || {
            let values = self.0.get_possible_values();
            let names: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
            if names.is_empty() {
                "not possible here".to_owned()
            } else {
                format!("write {}", names.join(" or "))
            }
        };
        Some(reason.unwrap_or_else(possible))
    }
}

/// Everything that can be set, in the order of the reference.
#[must_use]
pub fn settings() -> Vec<Setting> {
    let mut program = Config::command();
    program.build();
    let show = program.find_subcommand("config").and_then(|config| config.find_subcommand("show"));
    let arguments = show.into_iter().flat_map(Command::get_arguments);
    arguments.filter(|argument| is_setting(argument)).cloned().map(Setting).collect()
}

/// Where the file lies cannot stand in it.
pub(super) fn is_setting(argument: &Arg) -> bool {
    argument.get_env().is_some() && argument.get_id() != "config"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_command(command: &Command, visit: &mut impl FnMut(&Command)) {
        visit(command);
        command.get_subcommands().for_each(|below| every_command(below, visit));
    }

    #[test]
    fn whatever_has_a_variable_is_shown_and_is_named_like_its_option() {
        let settings = settings();
        every_command(&Config::command(), &mut |command| {
            for argument in command.get_arguments().filter(|argument| is_setting(argument)) {
                let known = settings.iter().find(|setting| setting.id() == argument.get_id().as_str());
                let known = known.unwrap_or_else(|| panic!("`config show` lacks {}", argument.get_id()));
                let variable = format!("CARNETD_{}", known.name().replace('-', "_").to_uppercase());
                assert_eq!(known.variable(), variable);
            }
        });
        let mut names: Vec<_> = settings.iter().map(Setting::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), settings.len());
    }

    #[test]
    fn every_secret_can_come_from_a_file_of_its_own() {
        let settings = settings();
        for secret in settings.iter().filter(|setting| setting.is_secret()) {
            let file = format!("{}-file", secret.name());
            assert!(settings.iter().any(|setting| setting.name() == file), "{file} is missing");
        }
    }
}
