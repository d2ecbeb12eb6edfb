//! Menus as data: each `tests/menus/*.toml` and what `carnet` says about it, in the `.expected` beside it.
//!
//! A good menu's `.expected` is the menu as `print` writes it; a bad one's is everything that is wrong. To
//! make them all again after a change of words: `CARNET_MENUS=write cargo test -p carnet-cli menus`, then
//! look at the difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use carnet_cli::failure::Failure;
use carnet_cli::menu_file;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/menus")
}

fn menus() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut menus: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    menus.sort();
    assert!(menus.len() >= 20, "the menus are gone: {menus:?}");
    menus
}

/// What is said about a menu, without styles and without the folder of this machine.
fn said(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let answer = menu_file::read(path)
        .map(|source| menu_file::Source { name: name.to_owned(), ..source })
        .and_then(|source| source.parse());
    let text = match answer {
        Ok(file) => menu_file::print(&file.app, &file.offers),
        Err(failure) => in_words(&failure),
    };
    text.replace(&path.display().to_string(), name)
}

fn in_words(failure: &Failure) -> String {
    let rendered =
        failure.details.iter().map(|detail| detail.rendered.clone().unwrap_or(detail.message.clone()));
    let mut text: String = rendered.map(|text| format!("{text}\n\n")).collect();
    text += &format!("{failure}\n");
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "made again only on demand, under version control")]
fn a5_every_menu_file_is_answered_as_its_expected_file_says() {
    let write = std::env::var("CARNET_MENUS").is_ok_and(|wish| wish == "write");
    let mut wrong = Vec::new();
    for path in menus() {
        let (expected, said) = (path.with_extension("expected"), said(&path));
        if write {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).ok().as_ref() != Some(&said) {
            wrong.push(format!("{} – it says now:\n{said}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_expected_file_has_its_menu() {
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let expected = path.extension().is_some_and(|end| end == "expected");
        assert!(!expected || path.with_extension("toml").exists(), "{} belongs to nothing", path.display());
    }
}

#[test]
fn the_example_in_the_documentation_is_a_good_menu() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/menu-file.md");
    let page = fs::read_to_string(page).unwrap();
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let complete: Vec<_> = examples.iter().filter(|text| text.starts_with("app =")).collect();
    assert!(!complete.is_empty());
    for text in complete {
        let source = menu_file::Source { name: "docs/menu-file.md".into(), text: (*text).to_owned() };
        source.parse().unwrap_or_else(|failure| panic!("{}", in_words(&failure)));
    }
}
