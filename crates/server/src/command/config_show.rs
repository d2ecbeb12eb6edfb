//! `carnetd config show`

use std::path::PathBuf;

use serde::Serialize;

use super::{Exit, Stopped, say};
use crate::config::load::{Effective, Loaded};

#[derive(Serialize)]
struct Told {
    file: Option<PathBuf>,
    settings: Vec<Effective>,
}

/// Prints every setting as it holds, and where it comes from. Secrets stay hidden (I17).
pub fn run(loaded: &Loaded, json: bool) -> Result<Exit, Stopped> {
    let told = Told { file: loaded.file().map(Into::into), settings: loaded.effective() };
    if json {
        let text = serde_json::to_string_pretty(&told).map_err(Stopped::because)?;
        return say(format_args!("{text}\n"));
    }
    let rows: Vec<[String; 3]> = told.settings.iter().map(row).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let line = |[name, value, from]: &[String; 3]| {
        let line = format!("{name:<first$}  {value:<second$}  {from}");
        format!("{}\n", line.trim_end())
    };
    let file = match &told.file {
        Some(file) => format!("file: {}\n\n", file.display()),
        None => "file: none\n\n".to_owned(),
    };
    say(format_args!("{file}{}", rows.iter().map(line).collect::<String>()))
}

fn row(setting: &Effective) -> [String; 3] {
    let value = match (&setting.value, &setting.from) {
        (_, None) => "not set".to_owned(),
        (Some(value), _) => value.clone(),
        (None, _) => "(hidden)".to_owned(),
    };
    [setting.name.clone(), value, setting.from.clone().unwrap_or_default()]
}
