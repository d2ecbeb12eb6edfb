//! What holds when option, variable, file and default say different things, and how mistakes are told.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use carnet_seam::RealFs;
use carnet_seam::fs::replace_file;
use serde_json::Value;

use crate::process::{carnetd, complaint, printed};
use crate::world::Folder;

fn show(data: &Path) -> Command {
    let mut command = carnetd(data);
    command.args(["config", "show", "--json"]);
    command
}

/// Value and source of one setting.
fn told(output: &Output, name: &str) -> (String, String) {
    assert!(output.status.success(), "{}", complaint(output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let settings = told["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == name).expect(name);
    let text = |key: &str| setting[key].as_str().unwrap_or("-").to_owned();
    (text("value"), text("from"))
}

fn write(folder: &Path, text: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join("carnetd.toml");
    replace_file(&RealFs::default(), &path, text.as_bytes()).unwrap();
    path
}

#[test]
fn an_option_wins_over_its_variable_that_over_the_file_and_that_over_the_default() {
    let folder = Folder::new();
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(told(&show(&folder.data()).output().unwrap(), "listen"), pair("127.0.0.1:8470", "default"));
    assert_eq!(told(&show(&folder.data()).output().unwrap(), "tls-cert"), pair("-", "-"));

    let path = write(&folder.data(), "# ours\nlisten = \"127.0.0.1:1\"\nbehind-proxy = true\n");
    let place = |line: u32| format!("{}:{line}", path.display());
    let by_file = show(&folder.data()).output().unwrap();
    assert_eq!(told(&by_file, "listen"), pair("127.0.0.1:1", &place(2)));
    assert_eq!(told(&by_file, "behind-proxy"), pair("true", &place(3)));

    let mut variable = show(&folder.data());
    variable.env("CARNETD_LISTEN", "127.0.0.1:2").env("CARNETD_BEHIND_PROXY", "false");
    let by_variable = variable.output().unwrap();
    assert_eq!(told(&by_variable, "listen"), pair("127.0.0.1:2", "CARNETD_LISTEN"));
    assert_eq!(told(&by_variable, "behind-proxy"), pair("false", "CARNETD_BEHIND_PROXY"));

    let by_option = variable.args(["--listen", "127.0.0.1:3", "--behind-proxy"]).output().unwrap();
    assert_eq!(told(&by_option, "listen"), pair("127.0.0.1:3", "--listen"));
    assert_eq!(told(&by_option, "behind-proxy"), pair("true", "--behind-proxy"));
}

#[test]
fn a_server_does_what_the_file_says() {
    let folder = Folder::new();
    write(&folder.data(), "listen = \"0.0.0.0:0\"\n");
    let refused = carnetd(&folder.data()).arg("serve").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("0.0.0.0:0 can be reached"), "{}", complaint(&refused));
}

#[test]
fn a_file_can_be_named_and_then_says_where_the_data_is_too() {
    let (folder, other) = (Folder::new(), Folder::new());
    let path = write(&other.data(), &format!("data = {:?}\n", folder.data()));
    for named in [["--config", path.to_str().unwrap()].as_slice(), &[]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnetd"));
        command.env_clear().args(named).args(["config", "show", "--json"]);
        if named.is_empty() {
            command.env("CARNETD_CONFIG", &path);
        }
        let (value, from) = told(&command.output().unwrap(), "data");
        assert_eq!((value, from), (folder.data().display().to_string(), format!("{}:1", path.display())));
    }
    let missing = carnetd(&folder.data()).args(["migrate", "--config", "none.toml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        complaint(&missing).contains("there is no configuration file none.toml"),
        "{}",
        complaint(&missing)
    );
    // Found by the folder, it cannot say that the folder is another one.
    let found = carnetd(&other.data()).arg("migrate").output().unwrap();
    assert!(complaint(&found).contains("carnetd.toml:1: `data` cannot be set"), "{}", complaint(&found));
}

#[test]
fn a_mistake_is_told_with_its_source_and_the_remedy_before_anything_is_done() {
    let folder = Folder::new();
    let path = write(&folder.data(), "log = \"info\"\nlistne = \"127.0.0.1:1\"\n");
    for verb in ["serve", "migrate", "backup"] {
        let mut command = carnetd(&folder.data());
        command.arg(verb);
        if verb == "backup" {
            command.arg("file");
        }
        let output = command.output().unwrap();
        let told = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(&format!("{}:2: there is no setting `listne`", path.display())), "{told}");
        assert!(told.contains("write `listen`"), "{told}");
    }
    std::fs::remove_file(path).unwrap();
    let output = carnetd(&folder.data()).env("CARNETD_LISTEN", "nowhere").arg("serve").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("CARNETD_LISTEN=\"nowhere\""), "{}", complaint(&output));
    let output = carnetd(&folder.data()).args(["serve", "--tls-cert", "chain.pem"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("`tls-key` is not: set both"), "{}", complaint(&output));
    assert_eq!(std::fs::read_dir(folder.data()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn the_table_is_for_people() {
    let folder = Folder::new();
    let path = write(&folder.data(), "log = \"debug\"\n");
    let output = carnetd(&folder.data()).args(["config", "show"]).output().unwrap();
    let text = printed(&output);
    assert!(text.starts_with(&format!("file: {}\n\n", path.display())), "{text}");
    let line = text.lines().find(|line| line.starts_with("log ")).unwrap();
    assert!(line.contains("debug") && line.ends_with(&format!("{}:1", path.display())), "{text}");
    let line = text.lines().find(|line| line.starts_with("tls-key")).unwrap();
    assert!(line.ends_with("not set"), "{text}");
}
