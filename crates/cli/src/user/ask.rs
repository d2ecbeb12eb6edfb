//! Questions to a person at a terminal.

use std::fmt::Display;

use inquire::validator::Validation;
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;

/// A line of text that `wrong` has nothing to say against.
///
/// # Errors
/// `interrupted` when nobody wants to answer.
pub fn text(question: &str, wrong: fn(&str) -> Option<String>) -> Result<String, Failure> {
    let check = move |text: &str| {
        Ok(wrong(text).map_or(Validation::Valid, |wrong| Validation::Invalid(wrong.into())))
    };
    Text::new(question).with_validator(check).prompt().map_err(unanswered)
}

/// A secret: what is typed is shown as marks.
///
/// # Errors
/// `interrupted` when nobody wants to answer.
pub fn secret(question: &str) -> Result<Zeroizing<String>, Failure> {
    let asked = Password::new(question).without_confirmation().with_display_mode(PasswordDisplayMode::Masked);
    asked.prompt().map(Zeroizing::new).map_err(unanswered)
}

/// Yes or no; no when only Enter is pressed.
///
/// # Errors
/// `interrupted` when nobody wants to answer.
pub fn yes(question: &str) -> Result<bool, Failure> {
    Confirm::new(question).with_default(false).prompt().map_err(unanswered)
}

/// One of several.
///
/// # Errors
/// `interrupted` when nobody wants to answer.
pub fn one_of<T: Display>(question: &str, options: Vec<T>) -> Result<T, Failure> {
    let select = Select::new(question, options).without_filtering();
    select.with_help_message("↑↓ to move, enter to select").prompt().map_err(unanswered)
}

fn unanswered(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => Failure::interrupted(),
        error => Failure::new(Exit::Failure, "terminal", error.to_string())
            .with_remedy("answer on the command line instead: see `--help`"),
    }
}
